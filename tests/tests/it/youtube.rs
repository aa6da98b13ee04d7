//! Videos on YouTube: the last byte of an upload makes one, whatever is lost around it.

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::connecting::Connecting;
use crier_tests::crierd::Crierd;
use crier_tests::images::{data_url, png};
use crier_tests::orders::{Course, Trouble, film, singles};
use crier_tests::session::Refusal;
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::Stage;
use crier_tests::wait::{SOON, wait_for, wait_until};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fault_orders::{hold, hold_at_the_database, singles_and_some_pairs};
use crate::usual;

const PUT: &str = "upload.put";
const TOKENS: &str = "first-access:first-refresh";

/// A video that goes whole, with its last byte.
pub(crate) const COURSE: Course = Course {
    platform: "youtube",
    secret: TOKENS,
    commit: PUT,
    media: film,
    post_settings: || {
        let image = data_url("image/png", &png(4, 3, [1, 2, 3]));
        json!({"title": "An order", "thumbnail": image})
    },
    variables: &[("CRIER_YOUTUBE_CLIENT_ID", "the-app"), ("CRIER_YOUTUBE_TOKEN_URL", "SERVER/token")],
    ..Course::PLAIN
};
/// One of which a part is sent before.
const IN_PARTS: Course = Course { media: || video(300_000), ..COURSE };
/// Uploads are gone once they are videos, so that only the list tells.
const FORGETFUL: Course = Course { settings: Some(|| json!({"forgets": true})), ..COURSE };

fn video(bytes: usize) -> Value {
    let mut film = b"\0\0\0\x20ftypisom".to_vec();
    film.resize(bytes, 7);
    json!([{"url": data_url("video/mp4", &film)}])
}

async fn simulated() -> (Sim, Stage) {
    COURSE.simulated().await
}

async fn start(sim: &Sim, stage: &Stage) -> Crierd {
    COURSE.start(sim, stage).await
}

async fn post(stage: &Stage, text: &str, media: &Value, settings: Value) -> Uuid {
    stage.post_as(text, media, &json!({"youtube": settings})).await
}

/// Waits until a video is published, and checks that it is there once.
async fn published_once(sim: &Sim, stage: &Stage, post: Uuid, text: &str) -> Value {
    let target = stage.ended(post).await;
    assert_eq!(target["state"], "published", "{text}: {target}");
    let [entry] = &sim.visible(text)[..] else { panic!("{text}: {:?}", sim.ledger()) };
    assert_eq!((&target["url"], &target["external_id"]), (&json!(entry.uri), &json!(entry.key)), "{target}");
    target
}

/// What is said against a post when it is made.
async fn refusal(stage: &Stage, media: &Value, settings: &Value, more: &str) -> Refusal {
    let (workspace, account) = (stage.workspace, stage.account);
    let sql = format!(
        "SELECT crier.create_post('{workspace}', 'text', ARRAY['{account}'::uuid], media => '{media}', \
         settings => '{{\"youtube\": {settings}}}'{more})"
    );
    stage.sql.refusal(&sql).await
}

fn no_token_is_told(sim: &Sim, stage: &Stage) {
    let logs = stage.deployment.logs();
    for token in sim.issued_tokens() {
        assert!(!logs.contains(&token), "a token stands in the log");
    }
}

#[tokio::test]
async fn videos_of_all_sizes_are_published_on_youtube() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    for (bytes, puts) in [(12, 1), (262_144, 1), (262_145, 2), (9_000_000, 3)] {
        let (text, before) = (format!("{bytes} bytes"), sim.calls(PUT));
        let settings =
            json!({"title": "A film", "tags": ["a", "b c"], "privacy": "unlisted", "made_for_kids": true});
        let post = post(&stage, &text, &video(bytes), settings).await;
        let target = published_once(&sim, &stage, post, &text).await;
        assert_eq!((sim.calls(PUT) - before, &target["attempts"]), (puts, &json!(1)), "{text}");
        let file = &sim.visible(&text)[0].images[0];
        assert_eq!((file.size, file.mime_type.as_str()), (bytes as u64, "video/mp4"), "{text}");
    }
    let stored =
        stage.sql.text("SELECT string_agg(prepared::text || request, ' ') FROM crier.post_target").await;
    assert!(!stored.contains("first-access"), "a token is stored in clear");
    no_token_is_told(&sim, &stage);
}

#[tokio::test]
async fn one_fault_of_any_kind_at_the_last_bytes() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    for fault in [
        Fault::DropBeforeCommit,
        Fault::DropAfterCommit,
        Fault::ServerError,
        Fault::ServerErrorAfterCommit,
        Fault::Garbage,
        Fault::RateLimited,
        Fault::OddError,
        Fault::ExpiredToken,
    ] {
        sim.plan(Rule::once("youtube", PUT, fault).seconds(1.0));
        let text = format!("{fault:?}");
        let post = post(&stage, &text, &film(), json!({"title": "A film"})).await;
        published_once(&sim, &stage, post, &text).await;
        assert_eq!(sim.faults_left(), 0, "{fault:?}");
    }
    assert_eq!(sim.calls("videos.insert"), 8, "expected each upload to be used to the end");
    no_token_is_told(&sim, &stage);
}

#[tokio::test]
async fn killed_between_the_last_bytes_and_their_answer() {
    for forgets in [false, true] {
        let (sim, stage) = simulated().await;
        sim.platform("youtube").set(&json!({"forgets": forgets})).expect("settings");
        sim.plan(Rule::once("youtube", PUT, Fault::HoldAfterCommit));
        let crierd = start(&sim, &stage).await;
        let post = post(&stage, "held", &film(), json!({"title": "A film"})).await;
        wait_until("the number of held answers", 1, async || sim.held()).await;
        crierd.kill();
        sim.release();
        backdoor::lapse_leases(&stage.sql).await;
        let _crierd = start(&sim, &stage).await;
        published_once(&sim, &stage, post, "held").await;
        assert_eq!(sim.calls("playlistItems.list"), usize::from(forgets));
    }
}

#[tokio::test]
async fn a_video_that_is_listed_late_is_not_sent_again() {
    let list = "playlistItems.list";
    let sim = usual::what_is_shown_late_is_waited_for(FORGETFUL, list).await;
    // each look asks the upload first, which is gone
    assert_eq!(sim.calls(PUT) - sim.calls(list), 1);
}

#[tokio::test]
async fn an_upload_that_ended_is_made_again() {
    let (sim, stage) = simulated().await;
    sim.plan(Rule::once("youtube", PUT, Fault::RateLimited).seconds(3_600.0));
    let _crierd = start(&sim, &stage).await;
    let post = post(&stage, "late", &film(), json!({"title": "A film"})).await;
    let class = async || stage.target(post).await["error"]["class"].clone();
    wait_until("the error of the target", json!("rate_limited"), class).await;
    sim.platform("youtube").set(&json!({"forget_uploads": true})).expect("settings");
    stage.sql.text(&format!("SELECT crier.unblock_account('{}', 'publish')", stage.account)).await;
    published_once(&sim, &stage, post, "late").await;
    assert_eq!(sim.calls("videos.insert"), 2);
}

#[tokio::test]
async fn limits_park_the_channel_or_all_of_them() {
    for (status, reason, hours, block) in [
        (403, "quotaExceeded", 0..=25, "server"),
        (400, "uploadLimitExceeded", 23..=24, "account"),
        (403, "rateLimitExceeded", 0..=0, "account"),
    ] {
        let (sim, stage) = simulated().await;
        sim.platform("youtube").set(&json!({"refuses": [status, reason]})).expect("settings");
        let _crierd = start(&sim, &stage).await;
        let post = post(&stage, "too much", &film(), json!({"title": "A film"})).await;
        let waits = async || stage.target(post).await["error"]["code"].clone();
        wait_until("the error of the target", json!(reason), waits).await;
        let until =
            "SELECT extract(epoch FROM max(run_at) - now())::int FROM crier.jobs WHERE finished_at IS NULL";
        // a limit that ends this very moment begins anew
        wait_for(&format!("{reason} ({block})"), SOON, async || {
            let seconds: i32 = stage.sql.value(until, &[]).await;
            if seconds > 0 && hours.contains(&(seconds / 3_600)) { Ok(()) } else { Err(seconds) }
        })
        .await;
        assert!(sim.ledger().is_empty());
        sim.platform("youtube").set(&json!({"refuses": null})).expect("settings");
    }
}

#[tokio::test]
async fn what_youtube_refuses_for_good_is_not_tried_again() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    for (reason, class) in [("invalidTitle", "content_invalid"), ("forbidden", "permission")] {
        let status = if reason == "forbidden" { 403 } else { 400 };
        sim.platform("youtube").set(&json!({"refuses": [status, reason]})).expect("settings");
        let post = post(&stage, reason, &film(), json!({"title": "A film"})).await;
        let target = stage.reached(post, "failed").await;
        assert_eq!(
            (&target["error"]["class"], &target["error"]["code"]),
            (&json!(class), &json!(reason)),
            "{target}"
        );
    }
    assert!(sim.ledger().is_empty());
}

#[tokio::test]
async fn what_youtube_would_refuse_is_refused_before() {
    let (_sim, stage) = simulated().await;
    let film = film();
    for (settings, media, says) in [
        (json!({}), &film, "need a title"),
        (json!({"title": "x".repeat(101)}), &film, "101 characters; at most 100"),
        (json!({"title": "A film"}), &json!([]), "no image or video"),
        (json!({"title": "A film", "publish_at": "tomorrow"}), &film, "publish_at"),
    ] {
        let refusal = refusal(&stage, media, &settings, "").await;
        assert_eq!(
            (refusal.code.as_str(), refusal.detail.as_str()),
            ("22023", "content_invalid"),
            "{refusal}"
        );
        assert!(refusal.message.contains(says), "{refusal}");
    }
}

#[tokio::test]
async fn a_thumbnail_that_fails_costs_no_video() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    let image = data_url("image/png", &png(4, 3, [1, 2, 3]));
    let settings = json!({"title": "A film", "thumbnail": image});
    let first = post(&stage, "with an image", &film(), settings.clone()).await;
    published_once(&sim, &stage, first, "with an image").await;
    assert_eq!(sim.calls("thumbnails.set"), 1);
    sim.platform("youtube").set(&json!({"refuses_thumbnails": true})).expect("settings");
    for (text, thumbnail) in [
        ("refused", settings),
        ("no image", json!({"title": "A film", "thumbnail": "data:image/png;base64,AAAA"})),
    ] {
        let post = post(&stage, text, &film(), thumbnail).await;
        let target = published_once(&sim, &stage, post, text).await;
        assert_eq!(target["attempts"], 1, "{target}");
    }
    assert!(stage.deployment.logs().contains("something that belongs to it failed"));
}

#[tokio::test]
async fn killed_while_the_thumbnail_is_set() {
    let (sim, stage) = simulated().await;
    sim.plan(Rule::once("youtube", "thumbnails.set", Fault::HoldAfterCommit));
    let crierd = start(&sim, &stage).await;
    let post = post(&stage, "framed", &film(), (COURSE.post_settings)()).await;
    wait_until("the number of held answers", 1, async || sim.held()).await;
    crierd.kill();
    sim.release();
    backdoor::lapse_leases(&stage.sql).await;
    let _crierd = start(&sim, &stage).await;
    published_once(&sim, &stage, post, "framed").await;
    assert_eq!(sim.calls("thumbnails.set"), 2);
}

#[tokio::test]
async fn tokens_are_renewed_and_a_grant_that_is_gone_waits_for_its_owner() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    for text in ["after a refresh", "and after another with the same token"] {
        sim.platform("youtube").expire("alice");
        let post = post(&stage, text, &film(), json!({"title": "A film"})).await;
        let target = published_once(&sim, &stage, post, text).await;
        assert_eq!(target["attempts"], 1, "{target}");
    }
    assert_eq!(sim.calls("token"), 2);
    sim.platform("youtube").revoke("alice");
    let post = post(&stage, "revoked", &film(), json!({"title": "A film"})).await;
    let status = async || stage.sql.text("SELECT status FROM crier.social_account").await;
    wait_until("the status of the account", "reauth_required".to_owned(), status).await;
    assert_eq!(sim.visible("revoked").len(), 0);
    sim.add_account("youtube", "alice", TOKENS);
    let server = sim.url_of("youtube");
    stage.deployment.add_account_on("youtube", stage.workspace, "alice", &server, TOKENS);
    published_once(&sim, &stage, post, "revoked").await;
    no_token_is_told(&sim, &stage);
}

#[tokio::test]
async fn a_first_comment_and_one_by_itself() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    let sql = "SELECT crier.create_post($1, $2, ARRAY[$3::uuid], first_comment => $4, media => $5, \
               settings => '{\"youtube\": {\"title\": \"A film\"}}')";
    for fault in [None, Some(Fault::DropBeforeCommit), Some(Fault::DropAfterCommit), Some(Fault::ServerError)]
    {
        if let Some(fault) = fault {
            sim.plan(Rule::once("youtube", "commentThreads.insert", fault));
        }
        let (text, comment) = (format!("film {fault:?}"), format!("first {fault:?}"));
        let post: Uuid =
            stage.sql.value(sql, &[&stage.workspace, &text, &stage.account, &comment, &film()]).await;
        let states = format!("SELECT string_agg(state, ' ') FROM crier.post_target WHERE post_id = '{post}'");
        wait_until("the states of the parts", "published published".to_owned(), async || {
            backdoor::age_intents(&stage.sql).await;
            backdoor::make_retries_due(&stage.sql).await;
            stage.sql.text(&states).await
        })
        .await;
        let [there] = &sim.visible(&comment)[..] else { panic!("{fault:?}: {:?}", sim.ledger()) };
        assert_eq!(there.reply_to.as_ref(), Some(&sim.visible(&text)[0].uri), "{fault:?}");
        assert_eq!(sim.faults_left(), 0, "{fault:?}");
    }
    let address = sim.ledger()[0].uri.clone();
    let alone = post(&stage, "by itself", &json!([]), json!({"reply_to": address})).await;
    published_once(&sim, &stage, alone, "by itself").await;
    for barred in [json!({"title": "t", "made_for_kids": true}), json!({"title": "t", "privacy": "private"})]
    {
        let refusal = refusal(&stage, &film(), &barred, ", first_comment => 'y'").await;
        assert!(refusal.message.contains("no comments under"), "{refusal}");
    }
}

#[tokio::test]
async fn a_video_is_counted_and_taken_back() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    let post = post(&stage, "regretted", &film(), json!({"title": "A film"})).await;
    let target = published_once(&sim, &stage, post, "regretted").await;
    let id: Uuid = target["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let _: Uuid = stage.sql.value("SELECT crier.read_metrics($1)", &[&id]).await;
    let figures = async || {
        backdoor::make_retries_due(&stage.sql).await;
        let metrics = stage.target(post).await["metrics"].clone();
        json!(["views", "likes", "replies", "shares"].map(|name| metrics[name].clone()))
    };
    wait_until("the figures", json!([7, 2, 1, null]), figures).await;
    sim.plan(Rule::once("youtube", "videos.delete", Fault::DropAfterCommit));
    let _: Uuid = stage.sql.value("SELECT crier.delete_published($1)", &[&id]).await;
    wait_until("the deletion", true, async || {
        backdoor::make_retries_due(&stage.sql).await;
        stage.target(post).await["deleted_at"].is_string()
    })
    .await;
    assert!(sim.platform("youtube").timeline().is_empty());
    let like = format!("SELECT crier.act('{}', 'like', 'dQw4w9WgXcQ')", stage.account);
    assert_eq!(stage.sql.refusal(&like).await.detail, "unsupported");
}

#[tokio::test]
async fn a_channel_is_connected_and_publishes() {
    let test = Connecting::on(Database::shared().await).await;
    test.person("youtube", "alice");
    let _crierd = test.start().await;
    let page = test.log_in("youtube", None, None).await;
    let account = test.connected(&page)[0];
    assert_eq!(test.account(account).await, "youtube alice active 1 t");
    assert_eq!(page.param("crier_missing"), None);
    let sql = "SELECT crier.create_post($1, 'from a login', ARRAY[$2::uuid], media => $3, settings => '{\"youtube\": {\"title\": \"A film\"}}')";
    let _: Uuid = test.owner.value(sql, &[&test.workspace, &account, &film()]).await;
    wait_until("the number of videos", 1, async || test.sim.visible("from a login").len()).await;
    let force = "https://www.googleapis.com/auth/youtube.force-ssl";
    test.consent("youtube", &json!({"approve_as": "alice", "withhold": [force]}));
    let page = test.log_in("youtube", None, Some(account)).await;
    assert_eq!(page.param("crier_missing").as_deref(), Some(force));
    let upload = "https://www.googleapis.com/auth/youtube.upload";
    test.consent("youtube", &json!({"approve_as": "alice", "withhold": [upload]}));
    let page = test.log_in("youtube", None, Some(account)).await;
    assert_eq!(page.param("crier_error").as_deref(), Some("missing_scopes"), "{page:?}");
}

#[tokio::test]
async fn no_order_of_faults_loses_a_video_on_youtube_or_doubles_it() {
    hold(COURSE, singles_and_some_pairs).await;
}

#[tokio::test]
async fn no_order_of_faults_loses_a_video_in_parts() {
    // what is delayed is the first part, and what goes wrong then is at the last one
    let first = Trouble::Call(PUT.to_owned(), Fault::Delay);
    let at_the_last =
        || singles(&[PUT.to_owned()]).into_iter().map(|order| [vec![first.clone()], order].concat());
    hold(IN_PARTS, |flow| singles_and_some_pairs(flow).into_iter().chain(at_the_last()).collect()).await;
}

#[tokio::test]
async fn no_order_of_faults_loses_a_video_whose_upload_is_forgotten() {
    hold(FORGETFUL, singles_and_some_pairs).await;
}

#[tokio::test]
async fn killed_between_two_calls_of_the_database_on_youtube() {
    hold_at_the_database(COURSE).await;
}
