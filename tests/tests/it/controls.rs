//! What keeps a post from being two, each taken away in turn: if one of these tests saw one post, those that prove the mechanism
//! would prove nothing. The server keeps no keys, so that nothing but Crier keeps it from a second post.
//!
//! | mechanism | proven by | taken away in |
//! |---|---|---|
//! | frozen key | `exactly_once::killed_after_the_platforms_commit` | `exactly_once::without_the_frozen_key_…` |
//! | intent | `mastodon::killed_after_the_commit_of_a_server_without_keys` | here |
//! | look | the same | here |
//! | fence | `exactly_once::frozen_past_its_lease_…`, here | here |
//! | one post, one target | `same_text` | `same_text::who_knows_of_no_other_target_is_not_believed` |

use std::time::Duration;

use crier_tests::backdoor;
use crier_tests::call_proxy::{CallProxy, Side};
use crier_tests::cluster::{Database, SIDECAR_ROLE};
use crier_tests::sim::Sim;
use crier_tests::sim::mastodon::NAME;
use crier_tests::stage::{PASSWORD, Stage};
use crier_tests::wait::wait_until;
use serde_json::json;
use uuid::Uuid;

const CREATE: &str = "statuses.create";

/// An account on a server that keeps no keys, and a sidecar that reaches the database through a proxy.
async fn simulated() -> (Sim, CallProxy, Stage) {
    let sim = Sim::start();
    sim.add_account(NAME, "alice", PASSWORD);
    sim.platform(NAME).set(&json!({"keys": "ignored"})).expect("settings");
    let database = Database::shared().await;
    let proxy = CallProxy::start(database.server().port());
    let url = database.url_through(SIDECAR_ROLE, proxy.port());
    let stage = Stage::connected_by(NAME, database, &url, "alice", &sim.url_of(NAME), PASSWORD).await;
    stage.without_pace().await;
    (sim, proxy, stage)
}

#[tokio::test]
async fn without_the_intent_the_frozen_bytes_are_sent_twice() {
    let (sim, _proxy, stage) = simulated().await;
    let post = stage.killed_while_held(&sim, NAME, CREATE, "once").await;
    backdoor::forget_that_it_was_sent(&stage.sql, post).await;
    let _crierd = stage.deployment.start().await;
    stage.published(post).await;
    assert_eq!(sim.visible("once").len(), 2);
}

#[tokio::test]
async fn with_a_look_that_sees_nothing_the_post_is_sent_twice() {
    let (sim, _proxy, stage) = simulated().await;
    // the server takes longer to show a post than anybody waits
    sim.platform(NAME).publish_later(Duration::from_secs(3_600));
    let post = stage.killed_while_held(&sim, NAME, CREATE, "once").await;
    backdoor::age_intents(&stage.sql).await;
    let _crierd = stage.deployment.start().await;
    stage.published(post).await;
    assert_eq!(sim.visible("once").len(), 2);
}

/// Stops one sidecar when it is about to record its intent, has another publish the post, and lets the first one go on. With the
/// fence, or without.
async fn overtaken(is_fenced: bool) -> (Sim, Stage, Uuid) {
    let (sim, proxy, stage) = simulated().await;
    proxy.plan("record_intent", 1, Side::Before);
    let zombie = stage.deployment.start().await;
    let post = stage.post("once").await;
    wait_until("the number of calls that are held", 1, async || proxy.held()).await;
    zombie.freeze();
    backdoor::lapse_leases(&stage.sql).await;
    let other = stage.deployment.start().await;
    stage.published(post).await;
    assert_eq!(sim.visible("once").len(), 1);
    other.terminate();
    assert!(other.ended().await.success());
    if !is_fenced {
        backdoor::unfence_intents(&stage.sql).await;
    }
    proxy.go_on();
    zombie.thaw();
    // when it has ended, it has done what it was about to do
    zombie.terminate();
    assert!(zombie.ended().await.success());
    (sim, stage, post)
}

#[tokio::test]
async fn who_has_lost_the_lease_may_not_send() {
    let (sim, stage, post) = overtaken(true).await;
    assert_eq!((sim.visible("once").len(), sim.calls(CREATE)), (1, 1));
    let told = "SELECT count(*) FROM crier.events WHERE kind LIKE 'post_%'";
    assert_eq!(
        (stage.target(post).await["state"].clone(), stage.sql.text(told).await),
        (json!("published"), "1".into())
    );
}

#[tokio::test]
async fn without_the_fence_who_has_lost_the_lease_sends_again() {
    let (sim, stage, post) = overtaken(false).await;
    assert_eq!(sim.visible("once").len(), 2);
    // and its report, which has a fence of its own, changes nothing
    let told = "SELECT count(*) FROM crier.events WHERE kind LIKE 'post_%'";
    assert_eq!(
        (stage.target(post).await["state"].clone(), stage.sql.text(told).await),
        (json!("published"), "1".into())
    );
}
