//! Posts on LinkedIn, of pages and of members: one of each, whatever is lost between the sidecar and LinkedIn. Only of a page can it
//! always be found out what became of a send.

mod accounts;
mod besides;

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::crierd::Crierd;
use crier_tests::images::{data_url, film, png};
use crier_tests::orders::{Course, behind, picture};
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::Stage;
use crier_tests::wait::wait_until;
use serde_json::{Value, json};

use crate::fault_orders::{hold, hold_at_the_database, singles_and_some_pairs};

const NAME: &str = "linkedin";
const CREATE: &str = "posts.create";
const LOOK: &str = "posts.list";
const HANDLE: &str = "organization:7";
const TOKENS: &str = "first-access:first-refresh";

/// A page, by an app that gets refresh tokens.
pub(crate) const PAGE: Course = Course {
    platform: NAME,
    handle: HANDLE,
    secret: TOKENS,
    commit: CREATE,
    media: picture,
    variables: &[
        ("CRIER_LINKEDIN_CLIENT_ID", "the-app"),
        ("CRIER_LINKEDIN_TOKEN_URL", "SERVER/oauth/v2/accessToken"),
    ],
    ..Course::PLAIN
};
/// A member, whose posts the app may not read and whose token nothing renews.
pub(crate) const MEMBER: Course =
    Course { platform: NAME, secret: "member-access", commit: CREATE, asks: true, ..Course::PLAIN };
/// The same by an application that would rather have it sent again.
pub(crate) const RESENDING: Course = Course {
    post_settings: || json!({"resend_unclear": true}),
    // it is sent again minutes later, which a test does not wait for
    settings: Some(|| json!({"numbered_seconds_ago": 40})),
    asks: false,
    ..MEMBER
};

/// An account on a simulated LinkedIn.
async fn simulated_as(handle: &'static str, secret: &'static str) -> (Sim, Stage) {
    Course { handle, secret, ..PAGE }.simulated().await
}

/// A page.
async fn simulated() -> (Sim, Stage) {
    PAGE.simulated().await
}

async fn start(sim: &Sim, stage: &Stage) -> Crierd {
    PAGE.start(sim, stage).await
}

fn set(sim: &Sim, settings: Value) {
    sim.platform(NAME).set(&settings).unwrap_or_else(|error| panic!("{settings}: {error}"));
}

#[tokio::test]
async fn every_kind_of_post_is_there_as_it_was_asked_for() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    set(&sim, json!({"part_bytes": 40_000, "processing_seconds": 0.5}));
    let image = |colour, alt: &str| json!({"url": data_url("image/png", &png(4, 3, colour)), "alt": alt});
    let video = film();
    let pdf = [b"%PDF-1.7\n".as_slice(), &[7; 5_000]].concat();
    let article = json!({"article": {"url": "https://a.example/x", "title": "X", "description": "about X"}});
    for (text, media, settings, types) in [
        (
            "Hi (you) @all #rust #snake_case C# \\o/ {x|y} <b> *1* ~ Grüße 🎉",
            json!([]),
            json!({"no_resharing": true}),
            vec![],
        ),
        ("a card", json!([]), article, vec![]),
        ("one", json!([image([9, 0, 0], "red")]), json!({}), vec![("image/png", "red")]),
        (
            "two",
            json!([image([9, 0, 0], "red"), image([0, 9, 0], "")]),
            json!({}),
            vec![("image/png", "red"), ("image/png", "")],
        ),
        (
            "moving",
            json!([{"url": data_url("video/mp4", &video)}]),
            json!({"title": "It moves"}),
            vec![("video/mp4", "")],
        ),
        (
            "slides",
            json!([{"url": data_url("application/pdf", &pdf)}]),
            json!({}),
            vec![("application/pdf", "")],
        ),
    ] {
        let post = stage.post_as(text, &media, &json!({ NAME: settings })).await;
        let target = stage.published(post).await;
        let there = sim.visible(text);
        assert_eq!(there.len(), 1, "{text}: {target} {:?}", sim.ledger());
        assert_eq!((&target["external_id"], &target["url"]), (&json!(there[0].key), &json!(there[0].uri)));
        assert_eq!(target["attempts"], 1, "{target}");
        let shown: Vec<_> =
            there[0].images.iter().map(|image| (image.mime_type.as_str(), image.alt.as_str())).collect();
        assert_eq!(shown, types, "{text}");
    }
    let sizes: Vec<_> =
        sim.ledger().iter().flat_map(|entry| entry.images.iter().map(|image| image.size)).collect();
    assert_eq!(sizes[3..], [video.len() as u64, pdf.len() as u64]);
    // an upload for each image, the document, and each of the parts of the video
    assert_eq!(sim.calls("upload"), 3 + 1 + video.len().div_ceil(40_000));
}

#[tokio::test]
async fn a_video_that_can_not_be_processed_is_the_posts_fault() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    set(&sim, json!({"processing_fails": true}));
    let post = stage.post_with("broken", &json!([{"url": data_url("video/mp4", &film())}])).await;
    let target = stage.reached(post, "failed").await;
    assert_eq!(target["error"]["class"], "content_invalid", "{target}");
    assert!(sim.ledger().is_empty());
}

#[tokio::test]
async fn a_post_whose_answer_is_lost_is_there_once() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    // what it gives back is another text
    for (fault, text) in [
        (Fault::DropAfterCommit, "said once (really) #rust"),
        (Fault::ServerErrorAfterCommit, "again * and _again_"),
    ] {
        let (sent, looks) = (sim.calls(CREATE), sim.calls(LOOK));
        sim.plan(Rule::once(NAME, CREATE, fault));
        let post = stage.post(text).await;
        stage.published(post).await;
        assert_eq!(sim.visible(text).len(), 1, "{fault:?}");
        assert_eq!(
            (sim.calls(CREATE) - sent, sim.calls(LOOK) > looks),
            (1, true),
            "expected a look and no second send"
        );
    }
}

#[tokio::test]
async fn killed_between_the_commit_and_the_answer() {
    let (sim, stage) = simulated().await;
    let post = stage.killed_while_held(&sim, NAME, CREATE, "once").await;
    let _crierd = start(&sim, &stage).await;
    let target = stage.published(post).await;
    assert_eq!((sim.calls(CREATE), sim.visible("once").len()), (1, 1), "{target}");
    assert_eq!(target["external_id"], json!(sim.ledger()[0].key));
}

#[tokio::test]
async fn what_is_not_shown_yet_is_told_by_the_refusal_of_a_duplicate() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    // the list lags for longer than anybody would wait, and the answer is lost
    sim.platform(NAME).publish_later(std::time::Duration::from_secs(3_600));
    sim.plan(Rule::once(NAME, CREATE, Fault::DropAfterCommit));
    let post = stage.post("shown later").await;
    let target = stage.ended(post).await;
    assert_eq!(sim.visible("shown later").len(), 1, "{target}");
    // the post that is named can't be read either: a page's must be, so a person is asked
    assert_eq!(
        (&target["state"], sim.calls(CREATE)),
        (&json!("unconfirmed"), sim.calls("posts.get") + 1),
        "{target}"
    );
}

#[tokio::test]
async fn the_same_text_again_is_a_duplicate_and_a_ghost_is_no_post() {
    let (sim, stage) = simulated_as("alice", "member-access").await;
    let _crierd = start(&sim, &stage).await;
    let first = stage.post("gm").await;
    let first = stage.published(first).await;
    let second = stage.post("gm").await;
    let target = stage.reached(second, "failed").await;
    assert_eq!((&target["error"]["class"], sim.visible("gm").len()), (&json!("duplicate"), 1), "{target}");
    let message = target["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains(first["external_id"].as_str().expect("an id")), "{target}");
}

#[tokio::test]
async fn of_a_member_a_lost_answer_is_a_persons_to_settle() {
    let (sim, stage) = simulated_as("alice", "member-access").await;
    let _crierd = start(&sim, &stage).await;
    sim.plan(Rule::once(NAME, CREATE, Fault::DropAfterCommit));
    let post = stage.post("nobody knows").await;
    let target = stage.ended(post).await;
    assert_eq!((&target["state"], sim.calls(CREATE)), (&json!("unconfirmed"), 1), "{target}");
    assert_eq!(stage.sql.text("SELECT status FROM crier.accounts").await, "active");
    // who takes it for absent is told better by LinkedIn: it refuses a second one, and names what it has
    let id = target["id"].as_str().expect("an id");
    stage.sql.text(&format!("SELECT crier.resolve_target('{id}', 'absent')")).await;
    let target = stage.reached(post, "failed").await;
    assert_eq!((&target["error"]["class"], sim.calls(CREATE)), (&json!("duplicate"), 2), "{target}");
    let message = target["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains(&sim.ledger()[0].key), "{target}");
    assert_eq!(sim.visible("nobody knows").len(), 1);

    // an app that may read what members post finds out
    set(&sim, json!({"member_reads": true}));
    for (fault, sends) in [(Fault::DropAfterCommit, 1), (Fault::DropBeforeCommit, 2)] {
        let (text, sent) = (format!("{fault:?}"), sim.calls(CREATE));
        sim.plan(Rule::once(NAME, CREATE, fault));
        let post = stage.post(&text).await;
        let target = stage.ended(post).await;
        assert_eq!((&target["state"], sim.visible(&text).len()), (&json!("published"), 1), "{target}");
        assert_eq!(sim.calls(CREATE) - sent, sends);
    }
}

#[tokio::test]
async fn what_is_sent_again_is_refused_and_named() {
    let (sim, stage) = simulated_as("alice", "member-access").await;
    let _crierd = start(&sim, &stage).await;
    let again = json!({ NAME: {"resend_unclear": true} });
    // what is sent again minutes later
    set(&sim, json!({"numbered_seconds_ago": 40}));
    sim.plan(Rule::once(NAME, CREATE, Fault::DropAfterCommit));
    let post = stage.post_as("once", &json!([]), &again).await;
    wait_until("the state of the target", json!("unknown"), async || {
        stage.target(post).await["state"].clone()
    })
    .await;
    // a send may still be under way
    backdoor::make_retries_due(&stage.sql).await;
    let target = stage.ended(post).await;
    assert_eq!(
        (&target["state"], &target["external_id"]),
        (&json!("published"), &json!(sim.ledger()[0].key)),
        "{target}"
    );
    assert_eq!((sim.calls(CREATE), sim.visible("once").len()), (2, 1));

    // one that is older than what was written down is another post: nothing of it is taken for this one
    sim.plan(Rule::once(NAME, CREATE, Fault::DropAfterCommit));
    let post = stage.post_as("once", &json!([]), &again).await;
    let target = stage.ended(post).await;
    assert_eq!((&target["state"], sim.visible("once").len()), (&json!("unconfirmed"), 1), "{target}");
}

#[tokio::test]
async fn what_a_refusal_names_that_was_never_there_is_no_post() {
    let (sim, stage) = simulated_as("alice", "member-access").await;
    let _crierd = start(&sim, &stage).await;
    set(&sim, json!({"names_ghosts": true}));
    // the same text was there before, and was taken back
    for text in ["gm", "gn"] {
        let post = stage.post(text).await;
        let target = stage.published(post).await;
        let id = target["id"].as_str().expect("an id");
        stage.sql.text(&format!("SELECT crier.delete_published('{id}')")).await;
    }
    wait_until("the posts that are there", 0, async || sim.platform(NAME).timeline().len()).await;

    // nothing was sent before that could be out: the first call was refused
    sim.plan(Rule::once(NAME, CREATE, Fault::RateLimited).seconds(60.0));
    let post = stage.post("gm").await;
    stage.failed_as(post, "rate_limited").await;
    stage.unblock().await;
    let target = stage.ended(post).await;
    assert_eq!(
        (&target["state"], &target["error"]["class"]),
        (&json!("failed"), &json!("duplicate")),
        "{target}"
    );

    // and what was unclear is not what the refusal of the second call makes up
    sim.plan(Rule::once(NAME, CREATE, Fault::DropBeforeCommit));
    let post = stage.post_as("gn", &json!([]), &json!({ NAME: {"resend_unclear": true} })).await;
    let target = stage.ended(post).await;
    assert_eq!(target["state"], "unconfirmed", "{target}");
    assert_eq!(sim.ledger().len(), 2, "{:?}", sim.ledger());
}

#[tokio::test]
async fn a_text_with_links_that_linkedin_shortened_is_not_sent_again() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    set(&sim, json!({"short_links": true}));
    sim.plan(Rule::once(NAME, CREATE, Fault::DropAfterCommit));
    let post = stage.post("read https://crier.example/a/long/address and more").await;
    let target = stage.ended(post).await;
    assert_eq!((&target["state"], sim.calls(CREATE)), (&json!("unconfirmed"), 1), "{target}");
}

#[tokio::test]
async fn an_upload_goes_to_no_private_address() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    let image = json!([{"url": data_url("image/png", &png(4, 3, [9, 0, 0]))}]);
    set(&sim, json!({"upload_url": "https://10.0.0.1/dms-uploads"}));
    let post = stage.post_with("with a picture", &image).await;
    stage.waits(post, "transient").await;
    assert_eq!((sim.calls("upload"), sim.calls(CREATE)), (0, 0));
    set(&sim, json!({"upload_url": null}));
    stage.published_once(&sim, post, "with a picture").await;
}

#[tokio::test]
async fn what_linkedin_would_refuse_is_refused_before() {
    let (_sim, stage) = simulated().await;
    let files = |urls: &[&str]| urls.iter().map(|url| json!({"url": url})).collect::<Value>();
    let (pdf, png) = ("https://a.example/a.pdf", "https://a.example/a.png");
    for (content, media, settings, why) in [
        ("(".repeat(1_501), json!([]), json!({}), "3002"),
        ("hi".into(), files(&[pdf, png]), json!({}), "only one of them"),
        ("hi".into(), files(&["data:image/webp;base64,AAAA"]), json!({}), "image/webp"),
        ("hi".into(), json!([]), json!({"title": "of nothing"}), "title"),
        ("hi".into(), json!([]), json!({"poll": {}}), "poll"),
    ] {
        let refusal = stage.refused(&content, &media, &json!({ NAME: settings })).await;
        assert!(refusal.message.contains(why), "{refusal}");
    }
    let thread = format!(
        "SELECT crier.create_post('{}', 'one', ARRAY['{}'::uuid], thread => '[\"two\"]')",
        stage.workspace, stage.account
    );
    assert!(stage.sql.refusal(&thread).await.message.contains("has no threads"));
}

#[tokio::test]
async fn no_order_of_faults_loses_a_post_of_a_page_or_doubles_it() {
    hold(PAGE, singles_and_some_pairs).await;
}

#[tokio::test]
async fn no_order_of_faults_at_a_look_or_a_refresh_loses_a_post_of_a_page_or_doubles_it() {
    let looks = behind(CREATE, &[Fault::DropAfterCommit, Fault::DropBeforeCommit], LOOK);
    let refreshes = behind(CREATE, &[Fault::ExpiredToken], "oauth2.token");
    hold(PAGE, |_| [looks, refreshes].concat()).await;
}

#[tokio::test]
async fn no_order_of_faults_loses_a_post_of_a_member_or_doubles_it() {
    hold(MEMBER, singles_and_some_pairs).await;
}

#[tokio::test]
async fn no_order_of_faults_asks_about_a_member_whose_posts_are_sent_again() {
    hold(RESENDING, singles_and_some_pairs).await;
}

#[tokio::test]
async fn killed_between_two_calls_of_the_database_on_linkedin() {
    hold_at_the_database(PAGE).await;
}
