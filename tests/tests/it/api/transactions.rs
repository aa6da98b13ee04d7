//! How calls are made in the database: as an application user whatever the login may do, for one transaction, and READ ONLY where
//! they read.

use crier_tests::cluster::SIDECAR_ROLE;
use crier_tests::crierd::Deployment;
use crier_tests::pgbouncer::PgBouncer;
use crier_tests::session::Session;
use crier_tests::wait::{SOON, wait_for};
use serde_json::json;
use uuid::Uuid;

use super::{Installed, Served, answer, start, token};

/// Says how it is called.
const SPY: &str = "
    ALTER FUNCTION crier.my_workspaces() RENAME TO my_workspaces_of_old;
    CREATE FUNCTION crier.my_workspaces() RETURNS TABLE (role text, read_only text, zone text, at_most text) LANGUAGE sql AS $$
        SELECT current_user::text, current_setting('transaction_read_only'), current_setting('TimeZone'), current_setting('statement_timeout')
    $$;
    GRANT EXECUTE ON FUNCTION crier.my_workspaces() TO PUBLIC";

#[tokio::test]
async fn who_calls_is_an_application_user_who_reads() {
    let served = Served::start_with(&[("CRIER_API_STATEMENT_TIMEOUT", "7s")]).await;
    let user = Uuid::new_v4();
    let workspace = served.workspace(user).await;
    // a login that may do more than it should
    let login = format!("mighty_{}", served.database.name());
    let zone = format!("CREATE ROLE {login} LOGIN SUPERUSER; ALTER ROLE {login} SET timezone = 'Asia/Tokyo'");
    served.sql.run(&zone).await;
    let mighty =
        start(&served.deployment, &served.database.url(&login), &[("CRIER_API_STATEMENT_TIMEOUT", "7s")])
            .await;
    let ask = async |path: &str, user: Uuid| {
        let request = served.client.get(format!("{}{path}", mighty.api_url()));
        answer(request.bearer_auth(token(user))).await
    };
    let of_it = format!("/v1/workspaces/{workspace}/members");
    assert_eq!(ask(&of_it, user).await.status, 200);
    let stranger = ask(&of_it, Uuid::new_v4()).await;
    assert_eq!(stranger.status, 404, "{stranger:?}");
    served.sql.run(SPY).await;
    let told = ask("/v1/workspaces", user).await;
    let expected = json!([{"role": "crier_app", "read_only": "on", "zone": "UTC", "at_most": "7s"}]);
    assert_eq!(told.json()["data"], expected, "{told:?}");
    served.sql.run(&format!("DROP ROLE {login}")).await;
}

#[tokio::test]
async fn nothing_of_a_caller_stays_in_the_connection() {
    let Installed { database, sql: _sql } = Installed::new().await;
    let bouncer = PgBouncer::start(database.server());
    let url = bouncer.url("postgres", database.name());
    let deployment = Deployment::init(&database.url(SIDECAR_ROLE));
    let crierd = start(&deployment, &url, &[]).await;
    let client = crier_tests::http::client();
    for (path, status) in [("/v1/workspaces".to_owned(), 200), (format!("/v1/posts/{}", Uuid::new_v4()), 404)]
    {
        let request = client.get(format!("{}{path}", crierd.api_url()));
        let given = answer(request.bearer_auth(token(Uuid::new_v4()))).await;
        assert_eq!(given.status, status, "{given:?}");
        // others of the pooler have the same connections
        let mut others = Vec::new();
        for _ in 0..2 {
            let other =
                wait_for("pgbouncer to listen", SOON, async || Session::try_connect(&url).await).await;
            other.run("BEGIN").await;
            let left = "SELECT current_user::text, coalesce(current_setting('request.jwt.claims', true), '')";
            let rows = other.query_typed(left, &[]).await.unwrap_or_else(|error| panic!("{error:?}"));
            let (role, claims): (String, String) = (rows[0].get(0), rows[0].get(1));
            assert_eq!((role.as_str(), claims.as_str()), ("postgres", ""), "after {path}");
            others.push(other);
        }
    }
}
