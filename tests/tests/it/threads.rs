//! Threads, first comments and replies: every part is there once, in its order, and answers what it should.

mod crashes;
mod platforms;
mod races;
mod stuck;

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::images::{data_url, png};
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::sim::ledger::Entry;
use crier_tests::stage::Stage;
use crier_tests::wait::{SOON, wait_for};
use serde_json::{Value, json};
use uuid::Uuid;

const PUT: &str = "com.atproto.repo.putRecord";
const LOOK: &str = "com.atproto.repo.getRecord";

/// A simulated Bluesky and an account on it whose posts may follow each other at once.
async fn simulated() -> (Sim, Stage) {
    let sim = Sim::start();
    let stage = Stage::on_simulator(&sim, Database::shared().await).await;
    stage.without_pace().await;
    (sim, stage)
}

/// A thread that is due now.
async fn thread(stage: &Stage, content: &str, thread: &Value) -> Uuid {
    let sql = "SELECT crier.create_post($1, $2, ARRAY[$3::uuid], thread => $4)";
    stage.sql.value(sql, &[&stage.workspace, &content, &stage.account, thread]).await
}

/// A thread of three with an image in the second.
async fn three_parts(stage: &Stage) -> Uuid {
    let image = json!({"url": data_url("image/png", &png(4, 3, [1, 2, 3])), "alt": "a colour"});
    thread(stage, "one", &json!([{"content": "two", "media": [image]}, "three"])).await
}

/// The targets of a post in the order of their parts.
async fn parts(stage: &Stage, post: Uuid) -> Vec<Value> {
    let post: Value = stage.sql.value("SELECT crier.get_post($1)", &[&post]).await;
    post["targets"].as_array().cloned().unwrap_or_default()
}

async fn states(stage: &Stage, post: Uuid) -> Vec<String> {
    let parts = parts(stage, post).await;
    parts.iter().map(|part| part["state"].as_str().unwrap_or_default().to_owned()).collect()
}

async fn state(stage: &Stage, post: Uuid) -> String {
    stage.sql.text(&format!("SELECT state FROM crier.posts WHERE id = '{post}'")).await
}

/// Waits until the parts are in these states. Retries that wait are made due, and what was sent is as good as settled.
async fn reached(stage: &Stage, post: Uuid, wanted: &[&str]) -> Vec<Value> {
    wait_for(&format!("the parts to be {wanted:?}"), SOON, async || {
        backdoor::age_intents(&stage.sql).await;
        backdoor::make_retries_due(&stage.sql).await;
        let parts = parts(stage, post).await;
        let all = parts.len() == wanted.len()
            && parts.iter().zip(wanted).all(|(part, state)| part["state"] == *state);
        if all { Ok(parts) } else { Err(parts) }
    })
    .await
}

async fn published(stage: &Stage, post: Uuid, count: usize) -> Vec<Value> {
    reached(stage, post, &vec!["published"; count]).await
}

/// Checks that the platform has these texts, once each and in this order, and that each answers the one before.
fn in_a_row(sim: &Sim, texts: &[&str]) -> Vec<Entry> {
    let ledger = sim.ledger();
    let found: Vec<_> = ledger.iter().map(|entry| entry.text.as_str()).collect();
    assert_eq!(found, texts);
    assert_eq!(ledger[0].reply_to, None);
    for pair in ledger.windows(2) {
        assert_eq!(
            pair[1].reply_to.as_ref(),
            Some(&pair[0].uri),
            "{:?} after {:?}",
            pair[1].text,
            pair[0].text
        );
    }
    ledger
}

/// A fault of a call on Bluesky after some that go well.
fn fault_after(sim: &Sim, good: u32, call: &str, fault: Fault) {
    if good > 0 {
        sim.plan(Rule::once("bluesky", call, Fault::Delay).times(good).seconds(0.0));
    }
    sim.fault(call, fault);
}
