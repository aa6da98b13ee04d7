//! Likes and follows: done twice, they are done once.

use std::time::Duration;

use crier_tests::http;
use crier_tests::sim::fault::Fault;
use crier_tests::stage::PASSWORD;
use crier_tests::wait::wait_until;
use serde_json::{Value, json};

use super::{On, text_of};

const PUT: &str = "com.atproto.repo.putRecord";

/// The records of a collection that became visible, by their addresses.
fn records(on: &On, collection: &str) -> Vec<String> {
    let entries = on.sim.ledger().into_iter().map(|entry| entry.uri);
    entries.filter(|uri| uri.contains(collection)).collect()
}

async fn mastodon_says(on: &On, path: &str) -> Value {
    let url = format!("{}/api/v1/{path}", on.sim.url_of("mastodon"));
    let answer = http::client().get(url).bearer_auth(PASSWORD).send().await.expect("an answer");
    answer.json().await.expect("JSON")
}

#[tokio::test]
async fn on_bluesky_an_account_likes_and_follows_by_records_of_its_own() {
    let on = On::bluesky().await;
    let _crierd = on.start().await;
    let (_, target) = on.published("likeable").await;
    let like = on.act("like", text_of(&target, "external_id"), None).await;
    let follow = on.act("follow", "bob.test", None).await;
    let (like, follow) = (on.done(like).await, on.done(follow).await);
    assert_eq!(records(&on, "app.bsky.feed.like"), [text_of(&like, "external_id")]);
    assert_eq!(records(&on, "app.bsky.graph.follow"), [text_of(&follow, "external_id")]);
    assert_eq!((&like["attempts"], &like["url"], &like["error"]), (&json!(1), &Value::Null, &Value::Null));

    // once more is the same
    let again = on.act("like", text_of(&target, "external_id"), None).await;
    assert_eq!(on.done(again).await["external_id"], like["external_id"]);
    let again = on.act("follow", "bob.test", None).await;
    assert_eq!(on.done(again).await["external_id"], follow["external_id"]);
    assert_eq!((records(&on, "app.bsky.feed.like").len(), on.sim.calls(PUT)), (1, 3));

    let events =
        "SELECT kind, payload ->> 'kind' FROM crier.events WHERE kind LIKE 'action%' ORDER BY id LIMIT 2";
    assert_eq!(on.stage.sql.text(events).await, "action_done|like\naction_done|follow");
}

#[tokio::test]
async fn whatever_is_lost_there_is_one_like() {
    let on = On::bluesky().await;
    let _crierd = on.start().await;
    let (_, target) = on.published("likeable").await;
    let subject = text_of(&target, "external_id");
    let faults = [
        Fault::DropBeforeCommit,
        Fault::DropAfterCommit,
        Fault::ServerError,
        Fault::ServerErrorAfterCommit,
        Fault::Garbage,
        Fault::RateLimited,
        Fault::Unauthorized,
        Fault::ExpiredToken,
        Fault::OddError,
    ];
    for (at, fault) in faults.into_iter().enumerate() {
        on.fault(PUT, fault);
        let handle = format!("friend{at}.test");
        on.sim.add_bluesky_account(&handle, PASSWORD);
        let follow = on.done(on.act("follow", &handle, None).await).await;
        assert_eq!(on.sim.faults_left(), 0, "{fault:?}");
        assert_eq!(records(&on, "app.bsky.graph.follow").len(), at + 1, "{fault:?}: {follow}");
        assert!(records(&on, text_of(&follow, "external_id")).len() == 1, "{fault:?}: {follow}");
    }
    for fault in [Fault::DropAfterCommit, Fault::Unauthorized, Fault::Garbage] {
        on.fault("app.bsky.feed.getPosts", fault);
        on.done(on.act("like", subject, None).await).await;
    }
    assert_eq!(records(&on, "app.bsky.feed.like").len(), 1);
}

#[tokio::test]
async fn a_like_that_the_platform_does_not_show_yet_is_not_made_twice() {
    let on = On::bluesky().await;
    let _crierd = on.start().await;
    let (_, target) = on.published("likeable").await;
    on.sim.platform("bluesky").publish_later(Duration::from_secs(600));
    for (action, subject) in [("like", text_of(&target, "external_id")), ("follow", "bob.test")] {
        on.fault(PUT, Fault::DropAfterCommit);
        let done = on.done(on.act(action, subject, None).await).await;
        assert_eq!(records(&on, text_of(&done, "external_id")).len(), 1, "{done}");
    }
    // the post, and one record of each, written twice
    assert_eq!((on.sim.ledger().len(), on.sim.calls(PUT)), (3, 5));
}

#[tokio::test]
async fn what_is_not_there_fails() {
    let on = On::bluesky().await;
    let _crierd = on.start().await;
    let nobody = on.ended(on.act("follow", "nobody.test", None).await).await;
    assert_eq!((&nobody["state"], &nobody["error"]["class"]), (&json!("failed"), &json!("content_invalid")));
    let gone = "at://did:plc:gone/app.bsky.feed.post/3jzfcijpj2z2a";
    let gone = on.ended(on.act("like", gone, None).await).await;
    assert_eq!((&gone["state"], &gone["error"]["class"]), (&json!("failed"), &json!("target_missing")));
    let oneself = on.ended(on.act("follow", "alice.test", None).await).await;
    assert_eq!(oneself["state"], "failed", "{oneself}");
    assert!(on.sim.ledger().is_empty());
    let told = "SELECT count(*) FROM crier.events WHERE kind = 'action_failed'";
    assert_eq!(on.stage.sql.text(told).await, "3");
}

#[tokio::test]
async fn on_mastodon_an_account_likes_and_follows_once() {
    let on = On::mastodon().await;
    let _crierd = on.start().await;
    let (_, target) = on.published("likeable").await;
    let id = text_of(&target, "external_id");
    for fault in [None, Some(Fault::DropAfterCommit), Some(Fault::ServerError), Some(Fault::RateLimited)] {
        for (action, subject, call) in
            [("like", id, "statuses.favourite"), ("follow", "@bob", "accounts.follow")]
        {
            fault.into_iter().for_each(|fault| on.fault(call, fault));
            on.done(on.act(action, subject, None).await).await;
            assert_eq!(on.sim.faults_left(), 0, "{action}, {fault:?}");
        }
    }
    assert_eq!(mastodon_says(&on, &format!("statuses/{id}")).await["favourites_count"], 1);
    assert_eq!(mastodon_says(&on, "accounts/verify_credentials").await["following_count"], 1);
}

#[tokio::test]
async fn a_grant_that_is_gone_has_the_action_wait_for_a_new_one() {
    let on = On::mastodon().await;
    let _crierd = on.start().await;
    on.sim.platform("mastodon").revoke("alice");
    let follow = on.act("follow", "@bob", None).await;
    wait_until("the state of the account", "reauth_required".to_owned(), async || {
        on.stage.sql.text("SELECT status FROM crier.accounts").await
    })
    .await;
    wait_until("the error of the action", json!("auth_revoked"), async || {
        on.action(follow).await["error"]["class"].clone()
    })
    .await;
    assert_eq!(on.action(follow).await["state"], "waiting");
    let server = on.sim.url_of("mastodon");
    on.sim.add_account("mastodon", "alice", "another-token");
    let workspace = on.stage.workspace;
    on.stage.deployment.add_account_on("mastodon", workspace, "alice", &server, "another-token");
    on.done(follow).await;
}
