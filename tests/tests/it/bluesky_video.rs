//! Videos on Bluesky: processed by a service before the post is there, whatever goes wrong in between.

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::crierd::Crierd;
use crier_tests::images::{data_url, film};
use crier_tests::sim::Sim;
use crier_tests::sim::bluesky::NAME;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::Stage;
use crier_tests::wait::{SOON, wait_for, wait_until};
use crier_tests::xrpc::Xrpc;
use serde_json::{Value, json};
use uuid::Uuid;

const SERVICE_AUTH: &str = "com.atproto.server.getServiceAuth";
const UPLOAD: &str = "app.bsky.video.uploadVideo";
const STATUS: &str = "app.bsky.video.getJobStatus";
const UPLOAD_BLOB: &str = "com.atproto.repo.uploadBlob";
const PUT: &str = "com.atproto.repo.putRecord";
const LOOK: &str = "com.atproto.repo.getRecord";

async fn simulated() -> (Sim, Stage) {
    let sim = Sim::start();
    let stage = Stage::on_simulator(&sim, Database::shared().await).await;
    stage.without_pace().await;
    (sim, stage)
}

/// A sidecar for which the simulator is the service too.
async fn start(sim: &Sim, stage: &Stage) -> Crierd {
    stage.deployment.start_with(&[("CRIER_BLUESKY_VIDEO_SERVICE", &sim.bluesky_url())]).await
}

fn set(sim: &Sim, settings: Value) {
    sim.platform(NAME).set(&settings).unwrap_or_else(|error| panic!("{settings}: {error}"));
}

fn media(film: &[u8]) -> Value {
    json!([{"url": data_url("video/mp4", film), "alt": "moves"}])
}

/// Waits until a post is out; retries come at once.
async fn published(stage: &Stage, post: Uuid) -> Value {
    wait_for("the post to be published", SOON, async || {
        let target = stage.target(post).await;
        if target["state"] == "published" {
            return Ok(target);
        }
        backdoor::make_retries_due(&stage.sql).await;
        Err(target)
    })
    .await
}

/// The record as the server has it.
async fn record(sim: &Sim, target: &Value) -> Value {
    let uri = target["external_id"].as_str().unwrap_or_default().trim_start_matches("at://").to_owned();
    let names: Vec<_> = uri.split('/').collect();
    let query = [("repo", names[0]), ("collection", names[1]), ("rkey", names[2])];
    Xrpc::new(&sim.bluesky_url()).get(LOOK, &query, None).await.ok()["value"].take()
}

#[tokio::test]
async fn it_is_processed_before_the_post_is_there() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    set(&sim, json!({"processing_seconds": 1.5}));
    let film = film();
    let target = stage.published(stage.post_with("moving", &media(&film)).await).await;
    assert_eq!(target["attempts"], 1, "{target}");
    let embed = record(&sim, &target).await["embed"].take();
    let said = (&embed["$type"], &embed["alt"], &embed["aspectRatio"], &embed["video"]["mimeType"]);
    let shape = json!({"width": 16, "height": 9});
    assert_eq!(
        said,
        (&json!("app.bsky.embed.video"), &json!("moves"), &shape, &json!("video/mp4")),
        "{embed}"
    );
    let shown = &sim.ledger()[0].images[0];
    assert_eq!((shown.mime_type.as_str(), shown.size), ("video/mp4", film.len() as u64));
    assert_eq!((sim.calls(SERVICE_AUTH), sim.calls(UPLOAD), sim.calls(UPLOAD_BLOB)), (1, 1, 0));
    assert!(sim.calls(STATUS) > 1);

    // the same bytes once more are not processed once more
    set(&sim, json!({"processing_seconds": 3_600}));
    stage.published(stage.post_with("moving again", &media(&film)).await).await;
    assert_eq!(sim.ledger().len(), 2);
    let tokens = sim.issued_tokens();
    let log = stage.deployment.logs();
    assert!(tokens.len() >= 4 && tokens.iter().all(|token| !log.contains(token)), "a token is in the log");
}

#[tokio::test]
async fn one_that_can_not_be_processed_fails_with_the_reason() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    set(&sim, json!({"processing_seconds": 0.5, "processing_fails": "encoding_failure"}));
    let target = stage.reached(stage.post_with("broken", &media(&film())).await, "failed").await;
    assert_eq!(target["error"]["class"], "content_invalid", "{target}");
    assert_eq!(target["error"]["code"], "encoding_failure", "{target}");
    assert!(target["error"]["message"].as_str().is_some_and(|why| why.contains("told to fail")), "{target}");
    assert!(sim.ledger().is_empty());
}

#[tokio::test]
async fn one_fault_of_any_kind_at_each_call() {
    let (sim, stage) = simulated().await;
    // one that is refused once must not stop the others
    stage.sql.run("UPDATE crier.platform_policy SET breaker_failures = NULL").await;
    let _crierd = start(&sim, &stage).await;
    for call in [SERVICE_AUTH, UPLOAD, STATUS, PUT] {
        for fault in [
            Fault::DropBeforeCommit,
            Fault::DropAfterCommit,
            Fault::ServerError,
            Fault::ServerErrorAfterCommit,
            Fault::Garbage,
            Fault::RateLimited,
            Fault::Unauthorized,
            Fault::ExpiredToken,
        ] {
            sim.plan(Rule::once(NAME, call, fault).seconds(1.0));
            let text = format!("{fault:?} at {call}");
            let target = published(&stage, stage.post_with(&text, &media(&film())).await).await;
            assert_eq!((sim.visible(&text).len(), sim.faults_left()), (1, 0), "{text}: {target}");
        }
    }
    // whatever the service refuses, the session is as good as before
    let state = stage.sql.text("SELECT status FROM crier.accounts").await;
    assert_eq!(state, "active");
}

/// How many uploads a post takes whose sidecar is killed while a call is carried out.
async fn uploads_when_killed_at(call: &str) -> usize {
    let (sim, stage) = simulated().await;
    let crierd = start(&sim, &stage).await;
    sim.plan(Rule::once(NAME, call, Fault::HoldAfterCommit));
    let post = stage.post_with("killed", &media(&film())).await;
    wait_until("the number of held answers", 1, async || sim.held()).await;
    crierd.kill();
    sim.release();
    backdoor::lapse_leases(&stage.sql).await;
    let _crierd = start(&sim, &stage).await;
    published(&stage, post).await;
    assert_eq!(sim.visible("killed").len(), 1);
    sim.calls(UPLOAD)
}

#[tokio::test]
async fn killed_while_it_is_processed() {
    assert_eq!(uploads_when_killed_at(STATUS).await, 1, "expected no second upload");
}

#[tokio::test]
async fn killed_before_the_job_is_known() {
    // the second upload is told that the service has it
    assert_eq!(uploads_when_killed_at(UPLOAD).await, 2);
}

#[tokio::test]
async fn a_job_that_the_service_forgot_is_made_again() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    set(&sim, json!({"processing_seconds": 3_600}));
    let post = stage.post_with("forgotten", &media(&film())).await;
    wait_until("the service to be asked", true, async || sim.calls(STATUS) > 0).await;
    set(&sim, json!({"processing_seconds": 0, "forgets_jobs": true}));
    published(&stage, post).await;
    assert_eq!((sim.calls(UPLOAD), sim.visible("forgotten").len()), (2, 1));
}

#[tokio::test]
async fn without_a_service_it_goes_to_the_accounts_server() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    sim.plan(Rule::once(NAME, UPLOAD_BLOB, Fault::DropAfterCommit));
    let target = published(&stage, stage.post_with("plain", &media(&film())).await).await;
    assert_eq!(record(&sim, &target).await["embed"]["video"]["mimeType"], "video/mp4");
    assert_eq!((sim.calls(UPLOAD), sim.calls(UPLOAD_BLOB), sim.ledger().len()), (0, 2, 1));
}

#[tokio::test]
async fn a_part_of_a_thread_can_have_one() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    let sql = "SELECT crier.create_post($1, 'one', ARRAY[$2::uuid], thread => $3)";
    let thread = json!([{"content": "two", "media": media(&film())}]);
    let post: Uuid = stage.sql.value(sql, &[&stage.workspace, &stage.account, &thread]).await;
    wait_until("the number of posts", 2, async || sim.ledger().len()).await;
    let ledger = sim.ledger();
    let second = (ledger[1].text.as_str(), ledger[1].images[0].mime_type.as_str(), &ledger[1].reply_to);
    assert_eq!(second, ("two", "video/mp4", &Some(ledger[0].uri.clone())), "{post}");
}
