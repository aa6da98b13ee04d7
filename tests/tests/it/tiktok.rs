//! Posts on TikTok: a video is made by the last chunk of its upload, and its task tells what became of it; of photos only the list
//! can show that they are there.

mod creators;
mod login;
mod photos;

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::crierd::Crierd;
use crier_tests::images::data_url;
use crier_tests::orders::{Course, behind, film};
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::Stage;
use crier_tests::wait::wait_until;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fault_orders::{hold, hold_at_the_database, singles_and_some_pairs};

const PUT: &str = "upload.put";
const INIT: &str = "content.init";
const STATUS: &str = "status";
const LIST: &str = "video.list";
const TOKENS: &str = "first-access-canary:first-refresh-canary";
const APP: [(&str, &str); 1] = [("CRIER_TIKTOK_CLIENT_ID", "the-app")];

/// A video that goes whole, with its only chunk.
pub(crate) const COURSE: Course = Course {
    platform: "tiktok",
    secret: TOKENS,
    commit: PUT,
    media: film,
    variables: &APP,
    post_settings: to_all,
    ..Course::PLAIN
};
/// Photos, which nobody can ask for where the answer to them is lost.
pub(crate) const PHOTOS: Course = Course { commit: INIT, media: photos, asks: true, ..COURSE };

fn to_all() -> Value {
    json!({"privacy_level": "PUBLIC_TO_EVERYONE"})
}

fn photos() -> Value {
    json!([{"url": "https://media.example/a.jpg", "alt": "a desk"}, {"url": "https://media.example/b.webp"}])
}

async fn simulated() -> (Sim, Stage) {
    COURSE.simulated().await
}

async fn start(stage: &Stage) -> Crierd {
    stage.deployment.start_with(&APP).await
}

fn set(sim: &Sim, settings: &Value) {
    sim.platform("tiktok").set(settings).expect("settings");
}

async fn post(stage: &Stage, text: &str, media: &Value, settings: Value) -> Uuid {
    stage.post_as(text, media, &json!({"tiktok": settings})).await
}

/// What a target failed for, for good: class and code.
async fn failed(stage: &Stage, post: Uuid) -> (Value, Value) {
    let error = stage.reached(post, "failed").await["error"].clone();
    (error["class"].clone(), error["code"].clone())
}

fn no_token_is_told(sim: &Sim, stage: &Stage) {
    let logs = stage.deployment.logs();
    for token in sim.issued_tokens() {
        assert!(!logs.contains(&token), "a token stands in the log");
    }
}

#[tokio::test]
async fn videos_and_photos_are_published_on_tiktok() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&stage).await;
    let film = film();
    let all = json!({"privacy_level": "MUTUAL_FOLLOW_FRIENDS", "disable_comment": true, "disable_duet": true,
                     "disable_stitch": false, "video_cover_timestamp_ms": 1_000, "brand_content_toggle": true,
                     "brand_organic_toggle": true, "is_aigc": true});
    let album = json!({"privacy_level": "PUBLIC_TO_EVERYONE", "title": "A title", "auto_add_music": true, "photo_cover_index": 1});
    for (text, media, settings, files) in [
        ("a video", &film, to_all(), 1),
        ("a video that friends see", &film, all, 1),
        ("a video for its owner", &film, json!({"privacy_level": "SELF_ONLY"}), 1),
        ("photos", &photos(), album, 2),
        ("a draft of photos", &photos(), json!({"draft": true, "title": "A title"}), 2),
        // TikTok takes no caption with it
        ("", &film, json!({"draft": true}), 1),
    ] {
        let post = post(&stage, text, media, settings).await;
        let target = stage.published_once(&sim, post, text).await;
        let entry = &sim.visible(text)[0];
        assert_eq!((entry.images.len(), &target["attempts"]), (files, &json!(1)), "{text}");
        assert_eq!(target["external_id"], entry.key, "{text}");
    }
    assert_eq!(sim.calls(LIST), 0, "nothing was unclear");
    assert_eq!(
        (sim.calls("creator_info"), sim.calls("inbox.init")),
        (1 + 4, 1),
        "expected a look at the creator before each"
    );
    let stored =
        stage.sql.text("SELECT string_agg(prepared::text || request, ' ') FROM crier.post_target").await;
    assert!(!stored.contains("canary"), "a token is stored in clear");
    no_token_is_told(&sim, &stage);
}

#[tokio::test]
async fn a_large_video_goes_in_chunks_and_is_there_once_whatever_is_lost() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&stage).await;
    let mut bytes = b"\0\0\0\x20ftypisom".to_vec();
    bytes.resize((10 << 20) + 5, 7);
    let video = json!([{"url": data_url("video/mp4", &bytes)}]);
    for faults in [
        vec![],
        // of the first chunk, which is not the post
        vec![Fault::DropAfterCommit],
        vec![Fault::DropBeforeCommit],
        // of the last one
        vec![Fault::Delay, Fault::DropAfterCommit],
        vec![Fault::Delay, Fault::ServerErrorAfterCommit],
        vec![Fault::Delay, Fault::DropBeforeCommit],
    ] {
        let text = format!("{faults:?}");
        for fault in &faults {
            sim.plan(Rule::once("tiktok", PUT, *fault).seconds(0.01));
        }
        let post = post(&stage, &text, &video, to_all()).await;
        stage.published_once(&sim, post, &text).await;
        assert_eq!(sim.visible(&text)[0].images[0].size, bytes.len() as u64, "{text}");
        assert_eq!(sim.faults_left(), 0, "{text}");
    }
    assert_eq!(sim.calls("video.init"), 6, "expected each upload to be used to the end");
}

#[tokio::test]
async fn killed_between_the_last_chunk_and_its_answer() {
    let (sim, stage) = simulated().await;
    sim.plan(Rule::once("tiktok", PUT, Fault::HoldAfterCommit));
    let crierd = start(&stage).await;
    let post = post(&stage, "held", &film(), to_all()).await;
    wait_until("the number of held answers", 1, async || sim.held()).await;
    crierd.kill();
    sim.release();
    backdoor::lapse_leases(&stage.sql).await;
    let _crierd = start(&stage).await;
    stage.published_once(&sim, post, "held").await;
    assert_eq!((sim.calls(PUT), sim.calls(LIST)), (1, 0));
}

#[tokio::test]
async fn a_video_that_is_processed_for_long_is_waited_for() {
    let (sim, stage) = simulated().await;
    set(&sim, &json!({"processing_seconds": 2.5}));
    let crierd = start(&stage).await;
    let first = post(&stage, "slow", &film(), to_all()).await;
    let target = stage.published_once(&sim, first, "slow").await;
    assert_eq!(target["attempts"], 1, "{target}");
    assert!(sim.calls(STATUS) >= 2);
    // killed while it waits, the next one goes on waiting
    set(&sim, &json!({"processing_seconds": 600}));
    let before = sim.calls(STATUS);
    let second = post(&stage, "slower", &film(), to_all()).await;
    wait_until("a look at the task", true, async || sim.calls(STATUS) > before).await;
    crierd.kill();
    set(&sim, &json!({"processing_seconds": 0}));
    backdoor::lapse_leases(&stage.sql).await;
    assert_eq!(sim.visible("slower").len(), 1);
    let _crierd = start(&stage).await;
    wait_until("another look", true, async || sim.calls(STATUS) > before + 1).await;
    assert_ne!(stage.target(second).await["state"], "published", "expected TikTok to be believed");
    assert_eq!(sim.calls(PUT), 2);
}

#[tokio::test]
async fn a_post_that_is_not_approved_yet_is_published_without_an_id() {
    let (sim, stage) = simulated().await;
    set(&sim, &json!({"moderates": true}));
    let _crierd = start(&stage).await;
    let post = post(&stage, "looked at", &film(), to_all()).await;
    let target = stage.published(post).await;
    assert_eq!((sim.visible("looked at").len(), &target["attempts"]), (1, &json!(1)), "{target}");
    let external = target["external_id"].as_str().expect("an id");
    assert!(external.starts_with("v_pub_file~"), "{target}");
    assert_eq!(target["url"], "https://www.tiktok.com/@alice");
    // once it is approved, its figures are found by the id that it got
    set(&sim, &json!({"moderates": false}));
    let id: Uuid = target["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let _: Uuid = stage.sql.value("SELECT crier.read_metrics($1)", &[&id]).await;
    let figures = async || {
        backdoor::make_retries_due(&stage.sql).await;
        let metrics = stage.target(post).await["metrics"].clone();
        json!(["views", "likes", "replies", "shares"].map(|name| metrics[name].clone()))
    };
    wait_until("the figures", json!([9, 4, 1, 2]), figures).await;
}

#[tokio::test]
async fn what_tiktok_finds_out_later_ends_the_post() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&stage).await;
    for (reason, class) in [
        ("frame_rate_check_failed", "content_invalid"),
        ("spam_risk_text", "content_invalid"),
        ("spam_risk", "policy_blocked"),
        ("publish_cancelled", "permission"),
    ] {
        set(&sim, &json!({"fails": reason}));
        for media in [film(), photos()] {
            let post = post(&stage, reason, &media, to_all()).await;
            assert_eq!(failed(&stage, post).await, (json!(class), json!(reason)), "{reason}");
            stage.unblock().await;
        }
    }
    assert!(sim.ledger().is_empty());
    // also where the answer to the last chunk was lost
    set(&sim, &json!({"fails": "duration_check_failed"}));
    sim.plan(Rule::once("tiktok", PUT, Fault::DropAfterCommit));
    let lost = post(&stage, "lost", &film(), to_all()).await;
    let target = stage.ended(lost).await;
    assert_eq!(
        (&target["state"], &target["error"]["code"]),
        (&json!("failed"), &json!("duration_check_failed")),
        "{target}"
    );
    // what is nobody's fault is begun anew
    set(&sim, &json!({"fails": "internal"}));
    let again = post(&stage, "again", &film(), to_all()).await;
    stage.failed_as(again, "transient").await;
    set(&sim, &json!({"fails": null}));
    let before = sim.calls("video.init");
    stage.published_once(&sim, again, "again").await;
    assert!(sim.calls("video.init") > before);
}

#[tokio::test]
async fn an_upload_that_ended_is_made_again() {
    let (sim, stage) = simulated().await;
    sim.plan(Rule::once("tiktok", PUT, Fault::RateLimited).seconds(3_600.0));
    let _crierd = start(&stage).await;
    let post = post(&stage, "late", &film(), to_all()).await;
    stage.waits(post, "rate_limited").await;
    set(&sim, &json!({"forget_uploads": true}));
    stage.unblock().await;
    backdoor::make_retries_due(&stage.sql).await;
    wait_until("another upload", true, async || {
        backdoor::make_retries_due(&stage.sql).await;
        sim.calls("video.init") > 1
    })
    .await;
    set(&sim, &json!({"forget_uploads": false}));
    stage.published_once(&sim, post, "late").await;
}

#[tokio::test]
async fn limits_park_the_account_or_all_of_them() {
    for (status, code, class, media, hours) in [
        (403, "spam_risk_too_many_posts", "quota_exhausted", film(), 23..=24),
        (403, "reached_active_user_cap", "quota_exhausted", photos(), 23..=24),
        (429, "rate_limit_exceeded", "rate_limited", photos(), 0..=0),
    ] {
        let (sim, stage) = simulated().await;
        set(&sim, &json!({"refuses": [status, code]}));
        let _crierd = start(&stage).await;
        let post = post(&stage, "too much", &media, to_all()).await;
        let target = stage.waits(post, class).await;
        assert_eq!(target["error"]["code"], code, "{target}");
        let until =
            "SELECT extract(epoch FROM max(run_at) - now())::int FROM crier.jobs WHERE finished_at IS NULL";
        let seconds: i32 = stage.sql.value(until, &[]).await;
        assert!(seconds > 0 && hours.contains(&(seconds / 3_600)), "{code}: {seconds}");
        assert!(sim.ledger().is_empty());
    }
}

#[tokio::test]
async fn no_order_of_faults_loses_a_video_on_tiktok_or_doubles_it() {
    let orders = |flow: &[String]| {
        let looks = behind(PUT, &[Fault::DropBeforeCommit, Fault::DropAfterCommit], STATUS);
        [singles_and_some_pairs(flow), looks].concat()
    };
    hold(COURSE, orders).await;
}

#[tokio::test]
async fn no_order_of_faults_loses_photos_on_tiktok_or_doubles_them() {
    let orders = |flow: &[String]| {
        let looks = behind(INIT, &[Fault::DropBeforeCommit, Fault::DropAfterCommit], LIST);
        [singles_and_some_pairs(flow), looks, behind(INIT, &[Fault::ExpiredToken], "token")].concat()
    };
    hold(PHOTOS, orders).await;
}

#[tokio::test]
async fn killed_between_two_calls_of_the_database_on_tiktok() {
    hold_at_the_database(COURSE).await;
}
