//! `Idempotency-Key`: what is asked for again is answered again, and not done again, whatever happens meanwhile.

use crier_tests::call_proxy::{COMMIT, CallProxy, Side};
use crier_tests::cluster::SIDECAR_ROLE;
use crier_tests::crierd::Deployment;
use crier_tests::wait::wait_until;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Installed, Served, answer, start, token};

/// In which an answer says that it was given before.
const REPLAYED: &str = "idempotent-replayed";

impl Served {
    fn posting(&self, path: &str, user: Uuid, key: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, path, user).header("idempotency-key", key).json(body)
    }

    async fn once(&self, path: &str, user: Uuid, key: &str, body: &Value) -> Answer {
        answer(self.posting(path, user, key, body)).await
    }

    /// How many workspaces there are with a name.
    async fn named(&self, name: &str) -> String {
        self.sql.text(&format!("SELECT count(*) FROM crier.workspace WHERE name = '{name}'")).await
    }
}

fn reason(answer: &Answer) -> String {
    let kind = answer.json()["type"].as_str().unwrap_or_default().to_owned();
    kind.strip_prefix("urn:crier:problem:").unwrap_or_default().to_owned()
}

#[tokio::test]
async fn what_is_asked_for_again_is_answered_again() {
    let served = Served::start().await;
    let (user, other) = (Uuid::new_v4(), Uuid::new_v4());
    let body = json!({"name": "once"});
    let first = served.once("/v1/workspaces", user, "\"a key\"", &body).await;
    assert_eq!((first.status, first.header(REPLAYED)), (201, ""), "{first:?}");
    let blanks = served.request(Method::POST, "/v1/workspaces", user).header("idempotency-key", "\"a key\"");
    let blanks = blanks.header("content-type", "application/json").body("{ \"name\":\n\"once\" }");
    for again in [served.once("/v1/workspaces", user, "\"a key\"", &body).await, answer(blanks).await] {
        assert_eq!((again.status, again.header(REPLAYED)), (201, "true"), "{again:?}");
        assert_eq!((&again.text, again.header("location")), (&first.text, first.header("location")));
    }
    assert_eq!(served.named("once").await, "1");
    // the control: without a key it is done again
    served.post("/v1/workspaces", user, &body).await;
    assert_eq!(served.named("once").await, "2");

    // the key stands for that request, of that user
    for (path, body) in [("/v1/workspaces", json!({"name": "twice"})), ("/v1/jobs", json!({"kind": "k"}))] {
        let refused = served.once(path, user, "\"a key\"", &body).await;
        assert_eq!(
            (refused.status, reason(&refused).as_str()),
            (422, "idempotency_key_reused"),
            "{refused:?}"
        );
    }
    let theirs = served.once("/v1/workspaces", other, "\"a key\"", &body).await;
    assert_eq!((theirs.status, theirs.header(REPLAYED)), (201, ""), "{theirs:?}");
    assert_ne!(theirs.text, first.text);
    assert_eq!(served.named("once").await, "3");
    assert_eq!(served.named("twice").await, "0");

    // what only reads has no use for one
    let read = served.request(Method::GET, "/v1/workspaces", user).header("idempotency-key", "\"a key\"");
    let read = answer(read).await;
    assert_eq!((read.status, read.header(REPLAYED)), (200, ""), "{read:?}");
}

#[tokio::test]
async fn what_is_refused_may_be_tried_again() {
    let served = Served::start().await;
    let user = Uuid::new_v4();
    let refused = served.once("/v1/workspaces", user, "k", &json!({"name": " "})).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    let good = served.once("/v1/workspaces", user, "k", &json!({"name": "good"})).await;
    assert_eq!((good.status, good.header(REPLAYED)), (201, ""), "{good:?}");
    for bad in [String::new(), "k".repeat(256)] {
        let refused = served.once("/v1/workspaces", user, &bad, &json!({"name": "good"})).await;
        assert_eq!((refused.status, reason(&refused).as_str()), (422, "invalid_argument"), "{refused:?}");
    }
    assert_eq!(served.named("good").await, "1");
}

#[tokio::test]
async fn of_two_at_once_one_is_carried_out() {
    let served = Served::start().await;
    let user = Uuid::new_v4();
    let body = json!({"name": "at once"});
    let other = served.database.connect().await;
    other.run("BEGIN; LOCK TABLE crier.workspace IN ACCESS EXCLUSIVE MODE").await;
    let first = tokio::spawn(answer(served.posting("/v1/workspaces", user, "k", &body)));
    wait_until("calls that wait", "1".to_owned(), async || {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database() \
                       AND query LIKE '%crier.create_workspace(%'";
        served.sql.text(waiting).await
    })
    .await;
    let second = served.once("/v1/workspaces", user, "k", &body).await;
    assert_eq!((second.status, reason(&second).as_str()), (409, "idempotency_key_in_use"), "{second:?}");
    assert_eq!(second.header("retry-after"), "5", "{second:?}");
    other.run("ROLLBACK").await;
    let first = first.await.expect("an answer");
    assert_eq!((first.status, first.header(REPLAYED)), (201, ""), "{first:?}");
    let again = served.once("/v1/workspaces", user, "k", &body).await;
    assert_eq!((again.status, again.header(REPLAYED), &again.text), (201, "true", &first.text), "{again:?}");

    // as many as there are, none of them held back by the test
    let crowd = (0..16).map(|_| answer(served.posting("/v1/workspaces", user, "crowd", &body)));
    let crowd = futures_util::future::join_all(crowd).await;
    let made = crowd.iter().filter(|given| given.status == 201 && given.header(REPLAYED).is_empty());
    assert_eq!(made.count(), 1, "{crowd:?}");
    assert!(crowd.iter().all(|given| [201, 409].contains(&given.status)), "{crowd:?}");
    assert_eq!(served.named("at once").await, "2");
}

#[tokio::test]
async fn who_hears_nothing_sends_it_again() {
    let Installed { database, sql } = Installed::new().await;
    let (user, role) = (Uuid::new_v4(), crate::tenancy::app_role(&sql).await);
    let deployment = Deployment::init(&database.url(SIDECAR_ROLE));
    let proxy = CallProxy::start(database.server().port());
    let api_url = database.url_through(&role, proxy.port());
    let body = json!({"name": "after all"});
    let count = async || sql.text("SELECT count(*) FROM crier.workspace WHERE name = 'after all'").await;
    let post = |url: String, key: String| {
        let request =
            crier_tests::http::client().post(format!("{url}/v1/workspaces")).bearer_auth(token(user));
        request.header("idempotency-key", key).json(&body)
    };
    let mut made = 0;
    for (place, side, is_done) in [
        ("begin_idempotent", Side::After, false),
        ("create_workspace", Side::After, false),
        ("end_idempotent", Side::After, false),
        (COMMIT, Side::Before, false),
        (COMMIT, Side::After, true),
    ] {
        for killed in [false, true] {
            let key = format!("{place} {side:?} {killed}");
            let crierd = start(&deployment, &api_url, &[]).await;
            proxy.plan(place, 1, side);
            let asked = tokio::spawn(post(crierd.api_url(), key.clone()).send());
            wait_until("a call that is stopped", 1, async || proxy.held()).await;
            let crierd = if killed {
                crierd.kill();
                proxy.cut();
                assert!(asked.await.expect("an end").is_err(), "{key}: expected no answer");
                start(&deployment, &api_url, &[]).await
            } else {
                proxy.cut();
                let given = asked.await.expect("an end").expect("an answer");
                assert_eq!(given.status(), 503, "{key}");
                let text = given.text().await.expect("a text");
                assert!(text.contains("send it again with the same Idempotency-Key"), "{key}: {text}");
                crierd
            };
            made += 1;
            if is_done {
                assert_eq!(count().await, made.to_string(), "{key}: expected it to be done");
            }
            // where nobody was told, the server may still be rolling back
            let mut again = answer(post(crierd.api_url(), key.clone())).await;
            while again.status == 409 {
                again = answer(post(crierd.api_url(), key.clone())).await;
            }
            let replayed = if is_done { "true" } else { "" };
            assert_eq!((again.status, again.header(REPLAYED)), (201, replayed), "{key}: {again:?}");
            assert_eq!(count().await, made.to_string(), "{key}: expected it once");
        }
    }
}

#[tokio::test]
async fn keys_are_kept_for_a_day_and_not_without_bounds() {
    let served = Served::start().await;
    let (user, other) = (Uuid::new_v4(), Uuid::new_v4());
    let body = json!({"name": "kept"});
    served.once("/v1/workspaces", user, "k", &body).await;
    let clean = "SELECT crier.cleanup_idempotency_keys()";
    for (hours, deleted, replayed, workspaces) in [(23, 0, "true", "1"), (2, 1, "", "2")] {
        let older =
            format!("UPDATE crier.idempotency_key SET created_at = created_at - interval '{hours} hours'");
        served.sql.run(&older).await;
        assert_eq!(served.sql.text(clean).await, format!("{{\"deleted\": {deleted}}}"));
        let again = served.once("/v1/workspaces", user, "k", &body).await;
        assert_eq!((again.status, again.header(REPLAYED)), (201, replayed), "{again:?}");
        assert_eq!(served.named("kept").await, workspaces);
    }

    served.sql.run("UPDATE crier.tenant_limit SET max = 2 WHERE name = 'idempotency_keys_per_user'").await;
    let second = served.once("/v1/workspaces", user, "k2", &body).await;
    assert_eq!(second.status, 201, "{second:?}");
    let third = served.once("/v1/workspaces", user, "k3", &body).await;
    assert_eq!((third.status, reason(&third).as_str()), (429, "tenant_limit"), "{third:?}");
    let again = served.once("/v1/workspaces", user, "k2", &body).await;
    assert_eq!((again.status, again.header(REPLAYED)), (201, "true"), "{again:?}");
    let theirs = served.once("/v1/workspaces", other, "k3", &body).await;
    assert_eq!(theirs.status, 201, "expected nobody else to be bound: {theirs:?}");
    assert_eq!(served.named("kept").await, "4");
}

#[tokio::test]
async fn what_is_long_or_a_secret_is_not_kept_and_not_done_again() {
    let served = Served::start().await;
    let user = Uuid::new_v4();
    let workspace = served.workspace(user).await;
    let jobs: Vec<_> = (0..2_000).map(|_| json!({"kind": "k", "workspace_id": workspace})).collect();
    for (path, body, table) in [
        ("/v1/jobs/batch", json!({"jobs": jobs}), "job"),
        ("/v1/api-keys", json!({"workspace_id": workspace, "name": "n"}), "api_key"),
        (
            "/v1/accounts/connect",
            json!({"workspace_id": workspace, "platform": "x", "return_url": "https://x.test/"}),
            "oauth_state",
        ),
    ] {
        let count = format!("SELECT count(*) FROM crier.{table}");
        let first = served.once(path, user, table, &body).await;
        assert_eq!(first.status, 200, "{first:?}");
        let before = served.sql.text(&count).await;
        let again = served.once(path, user, table, &body).await;
        assert_eq!(
            (again.status, reason(&again).as_str()),
            (409, "idempotency_answer_not_kept"),
            "{again:?}"
        );
        assert_eq!(again.header("retry-after"), "", "{again:?}");
        assert_eq!(served.sql.text(&count).await, before, "{table}");
    }
    assert_eq!(served.sql.text("SELECT count(*), count(rows) FROM crier.idempotency_key").await, "3|0");
}
