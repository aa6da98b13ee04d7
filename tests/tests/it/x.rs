//! Posts on X: one of each, whatever is lost between the sidecar and X, which has no key that could tell.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::crierd::Crierd;
use crier_tests::images::{data_url, png};
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::Stage;
use crier_tests::wait::{SOON, wait_for, wait_until};
use serde_json::{Value, json};
use uuid::Uuid;

const CREATE: &str = "tweets.create";
const LOOK: &str = "users.tweets";
const REFRESH: &str = "oauth2.token";
const HANDLE: &str = "alice";
const ACCESS: &str = "first-access";
const APP: (&str, &str) = ("the-app", "canary-app-secret");

/// An account on a simulated X that admits one app.
pub(crate) async fn simulated() -> (Sim, Stage) {
    let sim = Sim::start();
    let tokens = format!("{ACCESS}:first-refresh");
    sim.add_account("x", HANDLE, &tokens);
    sim.platform("x").set(&json!({"client_id": APP.0, "client_secret": APP.1})).expect("settings");
    let stage = Stage::connected_on("x", Database::shared().await, HANDLE, &sim.url_of("x"), &tokens).await;
    let secret = stage.deployment.dir().join("x.secret");
    std::fs::write(&secret, APP.1).expect("the secret");
    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o400)).expect("its mode");
    (sim, stage)
}

pub(crate) async fn start(stage: &Stage) -> Crierd {
    let app = [("CRIER_X_CLIENT_ID", APP.0), ("CRIER_X_CLIENT_SECRET_FILE", "x.secret")];
    stage.deployment.start_with(&app).await
}

/// Waits until a post is published. Where nobody knows, time passes until a list that doesn't show it proves something.
async fn published(stage: &Stage, post: Uuid) -> Value {
    wait_for("the target to be published", SOON, async || {
        let target = stage.target(post).await;
        match target["state"].as_str() {
            Some("published") => return Ok(target),
            Some("unknown") => backdoor::age_intents(&stage.sql).await,
            _ => {}
        }
        backdoor::make_retries_due(&stage.sql).await;
        Err(target)
    })
    .await
}

/// Waits until a try has ended and nobody knows what came of it.
async fn unknown(stage: &Stage, post: Uuid) {
    wait_until("the state of the target", json!("unknown"), async || {
        stage.target(post).await["state"].clone()
    })
    .await;
}

fn video(bytes: usize) -> Value {
    let mut film = b"\0\0\0\x20ftypisom".to_vec();
    film.resize(bytes, 7);
    json!([{"url": data_url("video/mp4", &film)}])
}

#[tokio::test]
async fn one_fault_of_any_kind() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&stage).await;
    for fault in [
        Fault::DropBeforeCommit,
        Fault::DropAfterCommit,
        Fault::ServerError,
        Fault::ServerErrorAfterCommit,
        Fault::Garbage,
        Fault::ErrorInSuccess,
        Fault::RateLimited,
        Fault::Unauthorized,
        Fault::OddError,
    ] {
        sim.plan(Rule::once("x", CREATE, fault).seconds(1.0));
        // what X gives back of it is another text
        let text = format!("{fault:?} & <co> https://example.com/a/long/path?x=1&y={fault:?} example.org");
        let post = stage.post(&text).await;
        let target = published(&stage, post).await;
        assert_eq!(sim.visible(&text).len(), 1, "{fault:?}: {target}");
        let entry = sim.ledger().into_iter().find(|entry| entry.text == text).expect("the entry");
        assert_eq!(
            (&target["external_id"], &target["url"]),
            (&json!(entry.key), &json!(entry.uri)),
            "{fault:?}"
        );
        assert_eq!(sim.faults_left(), 0, "{fault:?}");
    }
    let log = stage.deployment.logs();
    for secret in sim.issued_tokens().iter().map(String::as_str).chain([APP.1]) {
        assert!(!log.contains(secret), "a secret is in the log");
    }
}

#[tokio::test]
async fn images_and_a_video_in_parts() {
    const SIZE: usize = 2 * 1024 * 1024 + 9;
    let (sim, stage) = simulated().await;
    let _crierd = start(&stage).await;
    let image = |alt: &str, colour| json!({"url": data_url("image/png", &png(4, 3, colour)), "alt": alt});
    let post = stage.post_with("two", &json!([image("red", [9, 0, 0]), image("", [0, 9, 0])])).await;
    published(&stage, post).await;
    let images = sim.ledger()[0].images.clone();
    let alts: Vec<_> = images.iter().map(|image| (image.alt.as_str(), image.mime_type.as_str())).collect();
    assert_eq!(alts, [("red", "image/png"), ("", "image/png")]);

    let (opened, appended) = (sim.calls("media.initialize"), sim.calls("media.append"));
    sim.platform("x").set(&json!({"processing_seconds": 1.5})).expect("settings");
    // the second part is refused at first, and the post itself gets no answer
    sim.plan(Rule::once("x", "media.append", Fault::ServerError));
    sim.plan(Rule::once("x", CREATE, Fault::DropAfterCommit));
    let post = stage.post_with("", &video(SIZE)).await;
    published(&stage, post).await;
    let ledger = sim.ledger();
    assert_eq!(ledger.len(), 2, "{ledger:?}");
    assert_eq!(
        (ledger[1].images[0].mime_type.as_str(), ledger[1].images[0].size),
        ("video/mp4", SIZE as u64)
    );
    assert_eq!(sim.calls("media.initialize") - opened, 1, "expected the upload to go on where it was");
    assert_eq!(sim.calls("media.append") - appended, 4);
}

#[tokio::test]
async fn a_video_that_x_can_not_process_is_the_posts_fault() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&stage).await;
    sim.platform("x").set(&json!({"processing_fails": true})).expect("settings");
    let post = stage.post_with("", &video(99)).await;
    let target = stage.reached(post, "failed").await;
    assert_eq!(target["error"]["class"], "content_invalid", "{target}");
    assert!(sim.ledger().is_empty());
}

#[tokio::test]
async fn what_is_not_shown_yet_is_not_sent_again() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&stage).await;
    sim.platform("x").publish_later(Duration::from_secs(3_600));
    sim.plan(Rule::once("x", CREATE, Fault::DropAfterCommit));
    let post = stage.post("shown later").await;
    unknown(&stage, post).await;
    let looks = sim.calls(LOOK);
    backdoor::make_retries_due(&stage.sql).await;
    wait_until("another look", true, async || sim.calls(LOOK) > looks).await;
    unknown(&stage, post).await;
    assert_eq!(sim.calls(CREATE), 1, "expected nothing to be sent before absence is proven");
    sim.platform("x").show_all();
    let client = crier_tests::http::client();
    let list = format!("{}/2/users/{}/tweets", sim.url_of("x"), external_id(&stage).await);
    wait_until("the number of tweets that X shows", json!(1), async || {
        let answer = client.get(&list).bearer_auth(ACCESS).send().await.expect("an answer");
        let body: Value = serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
        body["meta"]["result_count"].clone()
    })
    .await;
    published(&stage, post).await;
    assert_eq!((sim.calls(CREATE), sim.visible("shown later").len()), (1, 1));
}

async fn external_id(stage: &Stage) -> String {
    stage.sql.text("SELECT external_id FROM crier.social_account").await
}

#[tokio::test]
async fn killed_between_the_commit_and_the_answer() {
    let (sim, stage) = simulated().await;
    sim.plan(Rule::once("x", CREATE, Fault::HoldAfterCommit));
    let crierd = start(&stage).await;
    let media = json!([{"url": data_url("image/png", &png(4, 3, [1, 2, 3])), "alt": ""}]);
    let post = stage.post_with("", &media).await;
    wait_until("the number of held answers", 1, async || sim.held()).await;
    crierd.kill();
    sim.release();
    backdoor::lapse_leases(&stage.sql).await;
    let _crierd = start(&stage).await;
    let target = published(&stage, post).await;
    assert_eq!((sim.calls(CREATE), sim.ledger().len()), (1, 1), "{target}");
    assert_eq!(target["external_id"], json!(sim.ledger()[0].key));
}

#[tokio::test]
async fn media_that_x_has_forgotten_are_uploaded_again() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&stage).await;
    sim.plan(Rule::once("x", CREATE, Fault::RateLimited).seconds(3_600.0));
    let media = json!([{"url": data_url("image/png", &png(4, 3, [1, 2, 3])), "alt": ""}]);
    let post = stage.post_with("late", &media).await;
    // what was written down names an upload; it becomes one that X does not know
    let forget = "UPDATE crier.post_target SET request = replace(request, '\"media_ids\":[\"', '\"media_ids\":[\"9') \
                  WHERE request IS NOT NULL AND state <> 'committing' RETURNING id";
    wait_until("the number of requests written down", 1, async || stage.sql.rows(forget, &[]).await.len())
        .await;
    stage.failed_as(post, "rate_limited").await;
    stage.unblock().await;
    published(&stage, post).await;
    assert_eq!((sim.calls("media.initialize"), sim.ledger().len()), (2, 1));
}

#[tokio::test]
async fn the_same_text_again_is_a_duplicate() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&stage).await;
    let first = stage.post("gm").await;
    published(&stage, first).await;
    let second = stage.post("gm").await;
    let target = stage.reached(second, "failed").await;
    assert_eq!((&target["error"]["class"], sim.visible("gm").len()), (&json!("duplicate"), 1), "{target}");
}

#[tokio::test]
async fn an_expired_token_is_renewed_once_and_the_new_one_is_kept() {
    let (sim, stage) = simulated().await;
    sim.be_strict();
    let crierd = start(&stage).await;
    sim.platform("x").expire(HANDLE);
    let post = stage.post("after a refresh").await;
    let target = published(&stage, post).await;
    assert_eq!((&target["attempts"], sim.calls(REFRESH)), (&json!(1), 1), "{target}");
    let ends = "SELECT expires_at - now() BETWEEN interval '110 minutes' AND interval '2 hours' FROM crier.credential";
    assert_eq!(stage.sql.text(ends).await, "t", "expected the database to know when the token ends");
    crierd.terminate();
    assert!(crierd.ended().await.success());

    let crierd = start(&stage).await;
    let post = stage.post("with what was stored").await;
    published(&stage, post).await;
    assert_eq!(sim.calls(REFRESH), 1);
    drop(crierd);

    // without an app nothing is renewed, and that is said
    sim.platform("x").expire(HANDLE);
    let _crierd = stage.deployment.start().await;
    let post = stage.post("without an app").await;
    let target = stage.reached(post, "failed").await;
    assert_eq!(target["error"]["class"], "config", "{target}");
    let message = target["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("platforms.x.client_id"), "{target}");
    assert_eq!((sim.calls(REFRESH), sim.ledger().len()), (1, 2));
}

#[tokio::test]
async fn a_day_can_cost_no_more_than_its_budget() {
    let (sim, stage) = simulated().await;
    stage.without_pace().await;
    // a post with a link costs 200 and one without 15 thousandths of a dollar, which is known once it is sent
    let budget = "INSERT INTO crier.platform_limit (platform, action, scope, per, max) VALUES ('x', 'spend', 'platform', '1 day', 445)";
    stage.sql.run(budget).await;
    let _crierd = start(&stage).await;
    for text in ["see https://a.example", "one", "two", "three"] {
        let post = stage.post(text).await;
        stage.reached(post, "published").await;
    }
    let waits = stage.post("245 were spent, and another one could cost 200").await;
    stage.reached(waits, "published").await;
    let late = stage.post("260 were spent").await;
    let states = "SELECT state, count(*) FROM crier.jobs GROUP BY 1 ORDER BY 1";
    wait_until("the states of the jobs", "completed|5\npending|1".to_owned(), async || {
        stage.sql.text(states).await
    })
    .await;
    let spent = sim.platform("x").figures();
    assert_eq!((sim.calls(CREATE), sim.calls(LOOK)), (5, 0), "{spent}");
    let creates = spent["spent"].as_array().into_iter().flatten().filter(|of| of["call"] == "tweets.create");
    assert_eq!(creates.filter_map(|of| of["microdollars"].as_u64()).sum::<u64>(), 260_000, "{spent}");
    let used =
        format!("SELECT used FROM crier.rate_limit_status('{}') WHERE action = 'spend'", stage.account);
    assert_eq!(stage.sql.text(&used).await, "260");
    // more money lets it go on
    stage.sql.run("UPDATE crier.platform_limit SET max = 460 WHERE action = 'spend'").await;
    stage.reached(late, "published").await;
}

#[tokio::test]
async fn an_unclear_post_is_paid_for_once_and_so_is_looking_for_it() {
    let (sim, stage) = simulated().await;
    stage.without_pace().await;
    stage.sql.run("INSERT INTO crier.platform_limit (platform, action, scope, per, max) VALUES ('x', 'spend', 'account', '1 day', 1000)").await;
    sim.plan(Rule::once("x", CREATE, Fault::DropAfterCommit));
    let _crierd = start(&stage).await;
    let post = stage.post("sent, and the answer is lost").await;
    published(&stage, post).await;
    let used =
        format!("SELECT used FROM crier.rate_limit_status('{}') WHERE action = 'spend'", stage.account);
    assert_eq!(stage.sql.text(&used).await, "16", "expected a post and the one that was read");
    let spent = sim.platform("x").figures();
    let (posts, reads) = (sim.calls(CREATE), sim.calls(LOOK));
    assert_eq!((posts, reads, sim.ledger().len()), (1, 1, 1), "{spent}");
}

#[tokio::test]
async fn a_day_can_cost_no_more_than_its_limit() {
    let (sim, stage) = simulated().await;
    stage.without_pace().await;
    let limit = "INSERT INTO crier.platform_limit (platform, action, scope, per, max) VALUES ('x', 'publish', 'platform', '1 day', 2)";
    stage.sql.run(limit).await;
    let _crierd = start(&stage).await;
    for number in 0..4 {
        stage.post(&format!("number {number}")).await;
    }
    wait_until("the number of tweets", 2, async || sim.ledger().len()).await;
    let states = "SELECT state, count(*) FROM crier.jobs GROUP BY 1 ORDER BY 1";
    wait_until("the states of the jobs", "completed|2\npending|2".to_owned(), async || {
        stage.sql.text(states).await
    })
    .await;
    let spent = sim.platform("x").figures();
    assert_eq!((sim.calls(CREATE), sim.calls(LOOK)), (2, 0), "{spent}");
}
