//! Publishing to Mastodon: what the server has is what was asked for, and it has it once.

use std::time::Duration;

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::http;
use crier_tests::images::{data_url, png};
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::sim::mastodon::NAME;
use crier_tests::stage::{PASSWORD, Stage};
use crier_tests::wait::{SOON, wait_for, wait_until};
use serde_json::{Value, json};
use uuid::Uuid;

const CREATE: &str = "statuses.create";
const LIST: &str = "accounts.statuses";
const UPLOAD: &str = "media.create";

pub(crate) async fn simulated() -> (Sim, Stage) {
    let sim = Sim::start();
    let stage = Stage::on_mastodon(&sim, Database::shared().await).await;
    stage.without_pace().await;
    (sim, stage)
}

fn fault(sim: &Sim, call: &str, fault: Fault) {
    sim.plan(Rule::once(NAME, call, fault));
}

fn set(sim: &Sim, settings: Value) {
    sim.platform(NAME).set(&settings).unwrap_or_else(|error| panic!("{settings}: {error}"));
}

fn image(colour: u8, alt: &str) -> Value {
    json!({"url": data_url("image/png", &png(4, 3, [colour, 2, 3])), "alt": alt})
}

async fn post(stage: &Stage, text: &str, media: Value, settings: Value) -> Uuid {
    stage.post_as(text, &media, &json!({ "mastodon": settings })).await
}

/// What the server says under a path.
async fn read(sim: &Sim, path: &str) -> Value {
    let url = format!("{}/api/v1/{path}", sim.url_of(NAME));
    let answer = http::client().get(url).bearer_auth(PASSWORD).send().await.expect("an answer");
    answer.json().await.expect("JSON")
}

/// Waits until nobody knows whether the post is out; then a minute passes.
async fn unclear_for_a_minute(stage: &Stage, post: Uuid) {
    wait_until("the state of the target", json!("unknown"), async || {
        stage.target(post).await["state"].clone()
    })
    .await;
    backdoor::age_intents(&stage.sql).await;
}

#[tokio::test]
async fn a_post_is_there_as_it_was_asked_for() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let text = "Grüße 🎉 an @alice: https://crier.example/läufe #Überraschung\n\nEnde";
    let settings = json!({
        "visibility": "unlisted", "spoiler_text": "cw", "sensitive": true, "language": "de",
        "poll": {"options": ["ja", "nein"], "minutes": 60, "multiple": true},
    });
    let target = stage.published(post(&stage, text, json!([]), settings).await).await;
    let id = target["external_id"].as_str().expect("an id");
    assert_eq!(target["url"], json!(format!("{}/@alice/{id}", sim.url_of(NAME))));
    let source = read(&sim, &format!("statuses/{id}/source")).await;
    assert_eq!((&source["text"], &source["spoiler_text"]), (&json!(text), &json!("cw")));
    let shown = read(&sim, &format!("statuses/{id}")).await;
    let poll = &shown["poll"];
    let said = [&shown["visibility"], &shown["sensitive"], &shown["language"], &poll["multiple"]];
    assert_eq!(said, [&json!("unlisted"), &json!(true), &json!("de"), &json!(true)], "{shown}");
    let options: Vec<_> = poll["options"].as_array().into_iter().flatten().map(|one| &one["title"]).collect();
    assert_eq!(options, ["ja", "nein"]);
    assert_eq!(sim.ledger().len(), 1);
    let handle = stage.sql.text("SELECT handle LIKE 'alice@127.0.0.1:%' FROM crier.accounts").await;
    assert_eq!(handle, "t");
}

#[tokio::test]
async fn images_stand_in_their_order() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    // uploaded all, then waited for
    set(&sim, json!({"processing_seconds": 1.5}));
    let media: Vec<_> = (0..4_u8).map(|n| image(n, &format!("image {n}"))).collect();
    let target = stage.published(post(&stage, "four", json!(media), json!({})).await).await;
    assert_eq!(target["attempts"], 1, "{target}");
    let ledger = sim.ledger();
    let alts: Vec<_> = ledger[0].images.iter().map(|image| image.alt.as_str()).collect();
    assert_eq!((ledger.len(), alts), (1, vec!["image 0", "image 1", "image 2", "image 3"]));

    set(&sim, json!({"processing_fails": true, "processing_seconds": 0.5}));
    let broken = post(&stage, "broken", json!([image(9, "")]), json!({})).await;
    let target = stage.reached(broken, "failed").await;
    assert_eq!(target["error"]["class"], "content_invalid", "{target}");
    assert_eq!(sim.visible("broken").len(), 0);
}

#[tokio::test]
async fn a_video_is_streamed() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let video = [b"\0\0\0\x20ftypisom".as_slice(), &[7; 100_000]].concat();
    let media = json!([{"url": data_url("video/mp4", &video), "alt": "moves"}]);
    stage.published(post(&stage, "moving", media, json!({})).await).await;
    let image = &sim.ledger()[0].images[0];
    assert_eq!((image.mime_type.as_str(), image.alt.as_str()), ("video/mp4", "moves"));
    assert_eq!(image.size, video.len() as u64);
}

#[tokio::test]
async fn one_fault_of_any_kind() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    for (planned, is_out) in [
        (Fault::DropAfterCommit, true),
        (Fault::ServerErrorAfterCommit, true),
        (Fault::Garbage, true),
        (Fault::RateLimited, true),
        (Fault::DropBeforeCommit, false),
        (Fault::ServerError, false),
        (Fault::ErrorInSuccess, false),
    ] {
        fault(&sim, CREATE, planned);
        let text = format!("{planned:?}");
        let post = stage.post(&text).await;
        if !is_out {
            unclear_for_a_minute(&stage, post).await;
        }
        let target = stage.published(post).await;
        assert_eq!(sim.visible(&text).len(), 1, "{planned:?}: {target}");
        let entry = sim.ledger().into_iter().find(|entry| entry.text == text).expect("the entry");
        assert_eq!(target["url"], json!(entry.uri), "{planned:?}");
        assert_eq!(sim.faults_left(), 0, "{planned:?}");
    }
}

#[tokio::test]
async fn a_failure_before_the_post_is_only_a_failure() {
    let (sim, stage) = simulated().await;
    stage.sql.run("UPDATE crier.platform_policy SET breaker_failures = NULL").await;
    let _crierd = stage.deployment.start().await;
    for call in ["instance.get", UPLOAD] {
        for planned in [Fault::DropAfterCommit, Fault::ServerError, Fault::RateLimited, Fault::Garbage] {
            sim.plan(Rule::once(NAME, call, planned).seconds(0.5));
            let text = format!("{call} {planned:?}");
            stage.published(post(&stage, &text, json!([image(1, "")]), json!({})).await).await;
            assert_eq!(sim.visible(&text).len(), 1, "{text}");
            assert_eq!(sim.faults_left(), 0, "{text}");
        }
    }
}

#[tokio::test]
async fn a_token_that_was_taken_back_keeps_its_posts() {
    let (sim, stage) = simulated().await;
    fault(&sim, CREATE, Fault::Unauthorized);
    let _crierd = stage.deployment.start().await;
    let post = stage.post("kept").await;
    wait_until("the error of the target", json!("auth_revoked"), async || {
        stage.target(post).await["error"]["class"].clone()
    })
    .await;
    let status = "SELECT status FROM crier.accounts";
    assert_eq!(stage.sql.text(status).await, "reauth_required");
    let token = "another token";
    sim.add_account(NAME, "alice", token);
    let server = sim.url_of(NAME);
    let again = stage.deployment.add_account_on(NAME, stage.workspace, "@alice", &server, token);
    assert_eq!(again, stage.account);
    stage.published(post).await;
    assert_eq!(sim.visible("kept").len(), 1);
}

#[tokio::test]
async fn a_token_of_another_account_is_not_taken() {
    let (sim, stage) = simulated().await;
    sim.add_account(NAME, "bob", "the token of bob");
    let printed = stage.deployment.try_add_account_on(
        NAME,
        stage.workspace,
        "alice",
        &sim.url_of(NAME),
        "the token of bob",
    );
    assert!(!printed.status.success() && printed.stderr.contains("bob"), "{printed:?}");
    assert!(!printed.stderr.contains("the token of bob"), "{printed:?}");
    assert_eq!(stage.sql.text("SELECT count(*) FROM crier.accounts").await, "1");
}

#[tokio::test]
async fn killed_after_the_servers_commit() {
    let (sim, stage) = simulated().await;
    let post = stage.killed_while_held(&sim, NAME, CREATE, "once").await;
    let _crierd = stage.deployment.start().await;
    let target = stage.published(post).await;
    assert_eq!(sim.visible("once").len(), 1, "{target}");
    assert_eq!(sim.calls(CREATE), 1, "expected nothing to be sent again");
}

#[tokio::test]
async fn killed_after_the_commit_of_a_server_without_keys() {
    let (sim, stage) = simulated().await;
    set(&sim, json!({"keys": "ignored"}));
    let post = stage.killed_while_held(&sim, NAME, CREATE, "once").await;
    let _crierd = stage.deployment.start().await;
    stage.published(post).await;
    assert_eq!((sim.visible("once").len(), sim.calls(CREATE)), (1, 1));
}

#[tokio::test]
async fn killed_before_the_servers_commit() {
    let (sim, stage) = simulated().await;
    sim.plan(Rule::once(NAME, CREATE, Fault::Delay).seconds(3_600.0));
    let crierd = stage.deployment.start().await;
    let post = stage.post("once").await;
    wait_until("the number of sent posts", 1, async || sim.calls(CREATE)).await;
    crierd.kill();
    backdoor::lapse_leases(&stage.sql).await;
    backdoor::age_intents(&stage.sql).await;
    let _crierd = stage.deployment.start().await;
    stage.published(post).await;
    assert_eq!((sim.visible("once").len(), sim.calls(CREATE)), (1, 2));
}

#[tokio::test]
async fn what_is_not_shown_yet_is_not_sent_again() {
    let (sim, stage) = simulated().await;
    // the worst server: it forgets keys, loses its answer, and shows the post later
    set(&sim, json!({"keys": "ignored"}));
    sim.platform(NAME).publish_later(Duration::from_secs(3_600));
    fault(&sim, CREATE, Fault::DropAfterCommit);
    let _crierd = stage.deployment.start().await;
    let post = stage.post("once").await;
    // one of them is the login's
    wait_until("two looks that show nothing", true, async || {
        backdoor::make_retries_due(&stage.sql).await;
        sim.calls(LIST) >= 3
    })
    .await;
    assert_eq!(sim.platform(NAME).timeline().len(), 0);
    sim.platform(NAME).show_all();
    stage.published(post).await;
    assert_eq!((sim.visible("once").len(), sim.calls(CREATE)), (1, 1));
}

#[tokio::test]
async fn a_look_that_fails_decides_nothing() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    for (text, look) in [
        ("a", Fault::DropAfterCommit),
        ("b", Fault::ServerError),
        ("c", Fault::RateLimited),
        ("d", Fault::Garbage),
    ] {
        let sent = sim.calls(CREATE);
        fault(&sim, CREATE, Fault::DropAfterCommit);
        sim.plan(Rule::once(NAME, LIST, look).times(2).seconds(3.0));
        let post = stage.post(text).await;
        unclear_for_a_minute(&stage, post).await;
        stage.published(post).await;
        assert_eq!((sim.visible(text).len(), sim.calls(CREATE) - sent), (1, 1), "{look:?}");
        assert_eq!(sim.faults_left(), 0, "{look:?}");
    }
}

#[tokio::test]
async fn a_look_that_is_limited_uses_up_no_attempt() {
    let (sim, stage) = simulated().await;
    stage.sql.run("UPDATE crier.platform_policy SET breaker_failures = NULL").await;
    let _crierd = stage.deployment.start().await;
    fault(&sim, CREATE, Fault::DropAfterCommit);
    // more than there are attempts, and attempts that look
    sim.plan(Rule::once(NAME, LIST, Fault::RateLimited).times(12).seconds(0.1));
    let post = stage.post("once").await;
    let target = wait_for("the target to be published", SOON, async || {
        let target = stage.target(post).await;
        if target["state"] == "published" {
            return Ok(target);
        }
        let state = target["state"].as_str().unwrap_or_default();
        assert!(["scheduled", "preparing", "committing", "unknown"].contains(&state), "{target}");
        stage.sql.text(&format!("SELECT crier.unblock_account('{}')", stage.account)).await;
        backdoor::make_retries_due(&stage.sql).await;
        Err(target)
    })
    .await;
    assert_eq!((sim.visible("once").len(), sim.calls(CREATE), sim.faults_left()), (1, 1, 0));
    assert_eq!(target["attempts"], 1, "{target}");
}

/// The media that the frozen request of a post names.
async fn media_of(stage: &Stage, post: Uuid) -> Value {
    let request: String =
        stage.sql.value("SELECT request FROM crier.post_target WHERE post_id = $1", &[&post]).await;
    serde_json::from_str::<Value>(&request).expect("JSON")["media_ids"].clone()
}

#[tokio::test]
async fn media_that_are_taken_before_anything_was_sent_are_uploaded_again() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    sim.plan(Rule::once(NAME, CREATE, Fault::RateLimited).seconds(3_600.0));
    let post = post(&stage, "mine", json!([image(1, "kept")]), json!({})).await;
    wait_until("the error of the target", json!("rate_limited"), async || {
        stage.target(post).await["error"]["class"].clone()
    })
    .await;
    let media = media_of(&stage, post).await;
    let taken = json!({"status": "theirs", "media_ids": media});
    let url = format!("{}/api/v1/statuses", sim.url_of(NAME));
    let answer = http::client().post(url).bearer_auth(PASSWORD).json(&taken).send().await.expect("an answer");
    assert!(answer.status().is_success());
    let lift = format!("SELECT crier.unblock_account('{}', 'publish')", stage.account);
    assert_eq!(stage.sql.text(&lift).await, "t");
    let target = stage.published(post).await;
    assert_ne!(media_of(&stage, post).await, media, "{target}");
    assert_eq!((sim.visible("mine").len(), sim.calls(UPLOAD)), (1, 2));
    let entry = sim.ledger().into_iter().find(|entry| entry.text == "mine").expect("the entry");
    assert_eq!(entry.images[0].alt, "kept");
}

#[tokio::test]
async fn media_that_an_unclear_try_may_have_taken_are_not() {
    let (sim, stage) = simulated().await;
    stage.sql.run("UPDATE crier.platform_policy SET breaker_failures = NULL").await;
    // published, and never shown: only the media tell
    set(&sim, json!({"keys": "ignored"}));
    sim.platform(NAME).publish_later(Duration::from_secs(3_600));
    fault(&sim, CREATE, Fault::DropAfterCommit);
    let _crierd = stage.deployment.start().await;
    let post = post(&stage, "mine", json!([image(1, "")]), json!({})).await;
    let target = stage.ended(post).await;
    assert_eq!(target["state"], "unconfirmed", "expected a person to be asked: {target}");
    assert_eq!((sim.visible("mine").len(), sim.calls(UPLOAD)), (1, 1));
    assert!(sim.calls(CREATE) > 1, "expected a second send, which was refused");
}
