//! A server that others wrote: `mastodon-mock`.

use crier_tests::browser::Browser;
use crier_tests::cluster::Database;
use crier_tests::connecting::{APPLICATION, Connecting};
use crier_tests::mastodon_mock::{MastodonMock, NAME};
use crier_tests::wait::{SOON, wait_for};
use serde_json::Value;
use uuid::Uuid;

#[tokio::test]
async fn a_server_that_others_wrote_registers_the_app_and_gives_its_account() {
    let (test, server) = (Connecting::on(Database::shared().await).await, MastodonMock::start().await);
    let _crierd = test.start().await;
    let browser = Browser::new();
    let page = test.log_in_with(&browser, "mastodon", Some(server.url()), None).await;
    let hidden =
        |name: &str| page.after(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("{page:?}"));
    let (redirect_uri, client_id, scope, state) =
        (hidden("redirect_uri"), hidden("client_id"), hidden("scope"), hidden("state"));
    let form = [
        ("redirect_uri", redirect_uri.as_str()),
        ("client_id", &client_id),
        ("scope", &scope),
        ("state", &state),
        ("username", NAME),
    ];
    let done = browser.submit(&format!("{}/oauth/authorize", server.url()), &form, APPLICATION).await;
    let account = test.connected(&test.confirmed(&browser, done).await)[0];
    let host = server.url().trim_start_matches("http://");
    assert_eq!(test.account(account).await, format!("mastodon {NAME}@{host} active 1 t"));
    let sql = "SELECT crier.create_post($1, 'by a connected account', ARRAY[$2::uuid])";
    let post: Uuid = test.owner.value(sql, &[&test.workspace, &account]).await;
    wait_for("the post to be published", SOON, async || {
        let shown: Value = test.owner.value("SELECT crier.get_post($1)", &[&post]).await;
        if shown["targets"][0]["state"] == "published" { Ok(()) } else { Err(shown) }
    })
    .await;
}
