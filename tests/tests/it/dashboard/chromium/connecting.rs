//! A button, a login at a platform, and the way back.

use crier_tests::api;
use crier_tests::cluster::{Database, reserve_port};
use crier_tests::connecting::Connecting;

use super::{Person, button, link};
use crate::tenancy::app_role;

/// A workspace whose owner connects accounts from the dashboard, which is on another address than the logins.
async fn begun() -> (Connecting, crier_tests::crierd::Crierd, Person) {
    let mut test = Connecting::on(Database::shared().await).await;
    test.person("x", "alice");
    let dashboard = format!("http://localhost:{}", reserve_port());
    let role = app_role(&test.sql).await;
    let (secret, database) = (api::secret(&test.deployment), test.database.url(&role));
    for (name, value) in [
        ("CRIER_API_LISTEN", dashboard.replace("http://localhost", "127.0.0.1")),
        ("CRIER_API_JWT_SECRET_FILE", secret),
        ("CRIER_API_DATABASE_URL", database),
        ("CRIER_API_DASHBOARD", "true".into()),
        ("CRIER_OAUTH_RETURN_ORIGINS", dashboard.clone()),
    ] {
        test.set(name, &value);
    }
    let crierd = test.start().await;
    let person = Person::of(&dashboard, test.workspace, test.user).await;
    (test, crierd, person)
}

#[tokio::test]
async fn an_account_is_connected_by_a_button() {
    let (test, _crierd, person) = begun().await;
    person.click(&link("Accounts")).await;
    person.reads("No account is connected yet").await;
    person.click(&button("Connect an account on X")).await;
    // over the platform, which says yes, and back to a page that asks whether it was them
    person.reads("Connect the account with which you have just logged in to Logins?").await;
    assert_eq!(test.sql.text("SELECT count(*) FROM crier.social_account").await, "0");
    person.click(&button("Connect it")).await;
    person.reads("The account is connected.").await;
    person.reads("alice").await;
    let found = test.sql.text("SELECT platform, handle, status FROM crier.social_account").await;
    assert_eq!(found, "x|alice|active");
    // of an answer that asks to sign in, a browser tells that it was none; and of nothing else
    let complaints = person.complaints().await;
    assert!(complaints.iter().all(|one| one.contains("status of 401")), "{complaints:#?}");
}

#[tokio::test]
async fn who_says_no_is_told_so() {
    let (test, _crierd, person) = begun().await;
    test.consent("x", &serde_json::json!({ "approve_as": "alice", "deny": true }));
    person.goes("/accounts").await;
    person.click(&button("Connect an account on X")).await;
    person.reads("You did not give access.").await;
    assert_eq!(test.sql.text("SELECT count(*) FROM crier.social_account").await, "0");
}
