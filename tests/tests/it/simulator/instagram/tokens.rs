//! Tokens, and what each login says about the account.

use crier_tests::sim::Sim;
use serde_json::{Value, json};

use super::{Graph, HANDLE, TOKEN, refused, send, text};

const REFRESH: &str = "refresh_access_token";
const GRANT: (&str, &str) = ("grant_type", "ig_refresh_token");

#[tokio::test]
async fn an_account_knows_itself_by_either_login() {
    let sim = Sim::start();
    let mut graph = Graph::on(&sim);
    let me = graph.get("v26.0/me", &[("fields", "user_id,username")]).await.ok();
    assert_eq!((&me["user_id"], &me["username"]), (&json!(graph.id), &json!(HANDLE)));
    assert_ne!(me["id"], me["user_id"], "the id for an app is another one");
    assert_eq!(graph.get("me/media", &[]).await.ok()["data"], json!([]));
    assert_eq!(refused(&graph.get("me/accounts", &[]).await), (400, 100, 0));

    graph.set(json!({"login": "facebook"}));
    let fields = ("fields", "id,name,access_token,instagram_business_account{id,username}");
    let pages = graph.get("v26.0/me/accounts", &[fields]).await.ok();
    let page = &pages["data"][0];
    assert_eq!(page["instagram_business_account"], json!({"id": graph.id, "username": HANDLE}));
    assert_eq!(page["access_token"], TOKEN);
    assert_eq!(refused(&graph.get("me", &[("fields", "username")]).await), (400, 100, 0), "this is the page");
    let own = graph.get(&graph.id, &[("fields", "username")]).await.ok();
    assert_eq!(own, json!({"id": graph.id, "username": HANDLE}));
    assert_eq!((sim.calls("me"), sim.calls("me.accounts")), (3, 2));

    graph.token = "IGAAnobodys".into();
    assert_eq!(refused(&graph.get("me", &[]).await), (401, 190, 0));
    let none = send(graph.client.get(format!("{}/me", sim.url_of("instagram")))).await;
    assert_eq!(refused(&none), (400, 104, 0));
}

#[tokio::test]
async fn a_token_is_renewed_once_it_is_a_day_old() {
    let sim = Sim::start();
    let mut graph = Graph::on(&sim);
    assert_eq!(refused(&graph.get(REFRESH, &[("grant_type", "other")]).await), (400, 100, 0));
    let renewed = graph.get(REFRESH, &[GRANT]).await.ok();
    assert_eq!((&renewed["token_type"], &renewed["expires_in"]), (&json!("bearer"), &json!(60 * 24 * 3_600)));
    let new = text(&renewed["access_token"]);
    assert!(sim.issued_tokens().contains(&new));
    graph.published("the old one is still good").await;
    graph.token = new;
    graph.published("and so is the new one").await;
    assert_eq!(refused(&graph.get(REFRESH, &[GRANT]).await), (400, 100, 0), "too young");
    graph.set(json!({"refresh_after_seconds": 0}));
    graph.get(REFRESH, &[GRANT]).await.ok();
    graph.set(json!({"login": "facebook"}));
    assert_eq!(refused(&graph.get(REFRESH, &[GRANT]).await), (400, 100, 0), "a page's token isn't renewed");
}

#[tokio::test]
async fn tokens_expire_and_are_revoked() {
    for strict in [false, true] {
        let sim = Sim::start();
        let mut graph = Graph::on(&sim);
        if strict {
            sim.be_strict();
        }
        let renewed = graph.get(REFRESH, &[GRANT]).await.ok();
        sim.platform("instagram").expire(HANDLE);
        let expired = graph.get("me", &[]).await;
        assert_eq!(refused(&expired), (400, 190, 463));
        let refresh = graph.get(REFRESH, &[GRANT]).await;
        if strict {
            assert_eq!(refused(&refresh), (400, 190, 463), "what has expired can't be renewed");
        } else {
            graph.token = text(&refresh.ok()["access_token"]);
            graph.get("me", &[]).await.ok();
        }
        sim.platform("instagram").revoke(HANDLE);
        for token in [&graph.token.clone(), TOKEN, &text(&renewed["access_token"])] {
            graph.token = token.to_owned();
            for path in ["me", REFRESH] {
                assert_eq!(
                    refused(&graph.get(path, &[GRANT]).await),
                    (400, 190, 460),
                    "{path}, strict: {strict}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_strict_server_ends_the_sessions_of_a_token_that_is_renewed_twice() {
    let sim = Sim::start();
    let mut graph = Graph::on(&sim);
    sim.be_strict();
    let new = text(&graph.get(REFRESH, &[GRANT]).await.ok()["access_token"]);
    assert_eq!(refused(&graph.get(REFRESH, &[GRANT]).await), (400, 190, 460));
    graph.token = new;
    assert_eq!(refused(&graph.get("me", &[]).await), (400, 190, 460));
}

#[tokio::test]
async fn settings_are_checked_and_also_set_over_http() {
    let sim = Sim::start();
    let graph = Graph::on(&sim);
    let post = async |path: &str, body: Value| {
        let answer = graph.client.post(format!("{}/control/{path}", sim.url())).json(&body).send().await;
        answer.expect("an answer").status().as_u16()
    };
    let settings = |settings: Value| json!({"platform": "instagram", "settings": {HANDLE: settings}});
    for (given, expected) in [
        (settings(json!({"daily_quota": 1, "processing_seconds": 0.5})), 200),
        (settings(json!({"nonsense": 1})), 400),
        (settings(json!({"errors": {"media.create": 1234}})), 400),
        (settings(json!([])), 400),
        (json!({"platform": "instagram", "settings": {"nobody": {}}}), 400),
        (json!({"platform": "instagram", "settings": [HANDLE]}), 400),
        (json!({"platform": "nowhere", "settings": {}}), 400),
    ] {
        assert_eq!(post("settings", given.clone()).await, expected, "{given}");
    }
    let account =
        |handle: &str, token: &str| json!({"platform": "instagram", "handle": handle, "password": token});
    for (given, expected) in [
        (account("carol", "IGAAcarols"), 200),
        (account("carol", "IGAAothers"), 400),
        (account("dave", "IGAAcarols"), 400),
        (account("not a name", "IGAAdaves"), 400),
    ] {
        assert_eq!(post("accounts", given.clone()).await, expected, "{given}");
    }
}
