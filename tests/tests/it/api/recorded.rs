//! What was answered is recorded in the database, by the patterns of routes, and nobody waits for that.

use crier_tests::cluster::Database;
use crier_tests::wait::wait_until;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::{Installed, Served, answer};

impl Served {
    async fn recorded(&self, of: &str) -> String {
        let recorded = format!(
            "SELECT endpoint, method, status, count(*) FROM crier.api_metric WHERE {of} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
        );
        self.sql.text(&recorded).await
    }
}

#[tokio::test]
async fn the_pattern_is_recorded_and_who_asked() {
    let served = Served::start_with(&[("CRIER_API_DASHBOARD", "true")]).await;
    let (user, id) = (Uuid::new_v4(), Uuid::new_v4());
    served.workspace(user).await;
    for _ in 0..2 {
        assert_eq!(served.get(&format!("/v1/posts/{id}"), user).await.status, 404);
    }
    let canary = Method::from_bytes(b"CANARY").expect("a method");
    for (method, path) in [
        (Method::GET, "/v1/posts"),
        (Method::GET, "/canary"),
        (Method::GET, "/v1/canary"),
        (Method::GET, "/dashboard/w/canary"),
        (Method::GET, "/dashboard/canary"),
        (canary, "/v1/posts"),
    ] {
        answer(served.client.request(method, format!("{}{path}", served.url))).await;
    }
    let of_user = format!("user_id = '{user}'");
    let expected = "/v1/posts/{post_id}|GET|404|2\n/v1/workspaces|POST|201|1";
    wait_until("what the user asked", expected.to_owned(), async || served.recorded(&of_user).await).await;
    let expected = "(none)|GET|404|2\n/dashboard/w/{workspace}|GET|401|1\n/dashboard/{*rest}|GET|404|1\n\
                    /v1/posts|(other)|405|1\n/v1/posts|GET|401|1";
    wait_until("what strangers asked", expected.to_owned(), async || {
        served.recorded("user_id IS NULL").await
    })
    .await;
    let odd = "SELECT count(*) FROM crier.api_metric m WHERE m::text LIKE '%anary%' OR m::text LIKE '%CANARY%' OR took_ms <= 0 \
               OR at NOT BETWEEN now() - interval '5 minutes' AND now()";
    assert_eq!(served.sql.text(odd).await, "0");
    let users = "SELECT users, requests FROM crier.api_active_users()";
    assert_eq!(served.sql.text(users).await, "1|9");
}

#[tokio::test]
async fn a_person_at_the_dashboard_is_known() {
    let served = Served::start_with(&[("CRIER_API_DASHBOARD", "true")]).await;
    let user = Uuid::new_v4();
    let workspace = served.workspace(user).await;
    let page = served.client.get(format!("{}/dashboard/w/{workspace}/posts", served.url));
    let page = page.header("cookie", format!("__Host-crier={}", super::token(user)));
    assert_eq!(answer(page).await.status, 200);
    let of_user = format!("user_id = '{user}' AND endpoint LIKE '/dashboard%'");
    let expected = "/dashboard/w/{workspace}/posts|GET|200|1".to_owned();
    wait_until("the page", expected, async || served.recorded(&of_user).await).await;
}

#[tokio::test]
async fn the_end_records_the_rest() {
    let served = Served::start().await;
    let user = Uuid::new_v4();
    served.get("/v1/workspaces", user).await;
    served.crierd.terminate();
    let sql = served.sql;
    assert!(served.crierd.ended().await.success());
    assert_eq!(
        sql.text("SELECT endpoint, user_id FROM crier.api_metric").await,
        format!("/v1/workspaces|{user}")
    );
}

#[tokio::test]
async fn nobody_waits_for_it() {
    let served = Served::start().await;
    let user = Uuid::new_v4();
    served.sql.run("BEGIN; LOCK TABLE crier.api_metric IN ACCESS EXCLUSIVE MODE").await;
    assert_eq!(served.get("/v1/workspaces", user).await.status, 200);
    let other = served.database.connect().await;
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database() \
                 AND query LIKE '%record_api_metrics%'";
    wait_until("what waits for the table", "1".to_owned(), async || other.text(waits).await).await;
    for _ in 0..5 {
        assert_eq!(served.get("/v1/workspaces", user).await.status, 200);
    }
    served.sql.run("COMMIT").await;
    let expected = "/v1/workspaces|GET|200|6".to_owned();
    wait_until("all of them", expected, async || served.recorded("true").await).await;
}

#[tokio::test]
async fn what_is_answered_without_the_database_is_recorded_when_it_is_back() {
    let database = Database::private().await;
    let sql = database.connect().await;
    let mut served = Installed { database, sql }.serve(&[]).await;
    let user = Uuid::new_v4();
    served.workspace(user).await;
    served.database.server().stop("fast");
    assert_eq!(served.get("/v1/workspaces", user).await.status, 503);
    served.database.server().start();
    served.sql = served.database.connect().await;
    let expected = "/v1/workspaces|GET|503|1".to_owned();
    wait_until("the one that failed", expected, async || served.recorded("status = 503").await).await;
    let earlier = "SELECT bool_and(at < pg_postmaster_start_time()) FROM crier.api_metric";
    assert_eq!(served.sql.text(earlier).await, "t", "expected the time at which it was answered");
}

#[tokio::test]
async fn it_can_be_switched_off() {
    let served = Served::start_with(&[("CRIER_API_METRICS", "false")]).await;
    let made = served.post("/v1/workspaces", Uuid::new_v4(), &json!({"name": "Acme"})).await;
    assert_eq!(made.status, 201);
    served.crierd.terminate();
    let sql = served.sql;
    assert!(served.crierd.ended().await.success());
    assert_eq!(sql.text("SELECT count(*) FROM crier.api_metric").await, "0");
}
