//! Idempotency keys, as the real server and others take them.

use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::wait::wait_until;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Api, NAME, set, text};

#[tokio::test]
async fn a_key_publishes_once_within_its_hour() {
    let sim = Sim::start();
    let (bob, eve) = (Api::on(&sim, "bob"), Api::on(&sim, "eve"));
    let first = bob.publish_under("one", "text").await.ok();
    assert_eq!(bob.publish_under("one", "other text").await.ok(), first, "the status that is there");
    let others = [("two", &bob), ("one", &eve), ("", &bob), ("", &bob)];
    for (key, api) in others {
        assert_ne!(api.publish_under(key, "text").await.ok()["id"], first["id"], "{key:?}");
    }
    let keys: Vec<_> = sim.ledger().into_iter().map(|entry| entry.key).collect();
    assert_eq!(keys, ["one", "two", "one", "", ""]);

    assert_eq!(bob.publish_under("refused", "").await.status, 422);
    bob.publish_under("refused", "a refused try keeps no key").await.ok();
    bob.delete(text(&first["id"])).await.ok();
    assert_eq!(bob.publish_under("one", "text").await.refused(), (404, "Record not found"), "deleted since");
    set(&sim, json!({"key_seconds": 0}));
    assert_eq!(bob.publish_under("one", "text").await.status, 200, "forgotten");
    assert_eq!(sim.ledger().len(), 7);
}

#[tokio::test]
async fn tries_at_the_same_time_publish_as_often_as_the_server_lets_them() {
    for (keys, expected) in [("honoured", 1), ("one_by_one", 6), ("ignored", 6)] {
        let sim = Sim::start();
        let bob = Api::on(&sim, "bob");
        set(&sim, json!({"keys": keys}));
        sim.plan(Rule::once(NAME, "statuses.create", Fault::HoldAfterCommit).times(6));
        let release = async {
            wait_until("the number of held answers", 6, async || sim.held()).await;
            sim.release();
        };
        let tries = join_all((0..6).map(|_| bob.publish_under("one", "text")));
        let (replies, ()) = tokio::join!(tries, release);
        assert!(replies.iter().all(|reply| reply.status == 200), "{replies:?}");
        assert_eq!(sim.ledger().len(), expected, "{keys}");
        bob.publish_under("one", "text").await.ok();
        let after = if keys == "ignored" { expected + 1 } else { expected };
        assert_eq!(sim.ledger().len(), after, "{keys}, one after the other");
    }
}

#[tokio::test]
async fn tries_can_meet_without_being_held() {
    let sim = Sim::start();
    let bob = Api::on(&sim, "bob");
    set(&sim, json!({"keys": "one_by_one"}));
    let mut keys = 0;
    // they may miss each other on a busy machine
    while sim.ledger().len() == keys && keys < 20 {
        keys += 1;
        let key = format!("key {keys}");
        join_all((0..6).map(|_| bob.publish_under(&key, "text"))).await;
    }
    assert!(sim.ledger().len() > keys, "an answer takes a while, so some tries met");
}

#[tokio::test]
async fn a_key_counts_once_its_first_answer_is_lost() {
    for keys in ["honoured", "one_by_one"] {
        let sim = Sim::start();
        let bob = Api::on(&sim, "bob");
        set(&sim, json!({"keys": keys}));
        sim.plan(Rule::once(NAME, "statuses.create", Fault::ServerErrorAfterCommit));
        assert_eq!(bob.publish_under("one", "text").await.status, 500);
        let again = bob.publish_under("one", "text").await.ok();
        assert_eq!(again["content"], json!("<p>text</p>"));
        assert_eq!(sim.ledger().len(), 1, "{keys}");
    }
}

#[tokio::test]
async fn what_can_be_read_later_is_known_by_its_key() {
    let sim = Sim::start();
    let bob = Api::on(&sim, "bob");
    let later = |seconds: f64| Rule::once(NAME, "statuses.create", Fault::VisibleLater).seconds(seconds);
    let path = |status: &Value| format!("api/v1/statuses/{}", text(&status["id"]));
    let list = format!("api/v1/accounts/{}/statuses", bob.id);
    sim.plan(later(3_600.0));
    let status = bob.publish_under("one", "text").await.ok();
    assert_eq!(bob.get(&path(&status)).await.refused(), (404, "Record not found"));
    assert_eq!(bob.get(&list).await.ok(), json!([]));
    assert_eq!(bob.publish_under("one", "text").await.ok()["id"], status["id"]);
    assert_eq!(sim.ledger().len(), 1);
    sim.plan(later(0.05));
    let status = bob.publish_under("two", "text").await.ok();
    wait_until("what the status answers", 200, async || bob.get(&path(&status)).await.status).await;
    assert_eq!(bob.get(&list).await.ok()[0]["id"], status["id"]);
    let next = bob.publish_under("three", "text").await.ok();
    assert_eq!(bob.get(&path(&next)).await.status, 200, "only those that a fault was planned for");
}
