//! Posts on pages of Facebook: one of each, whatever is lost on the way, and a person is asked about stories alone.

mod logins;
mod videos;

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::orders::{Course, singles};
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::Stage;
use crier_tests::wait::{SOON, wait_for, wait_until};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fault_orders::{hold, hold_at_the_database, singles_and_some_pairs};
use crate::usual;

const FEED: &str = "feed.create";
const HANDLE: &str = "acme";
const TOKEN: &str = "EAAP-pasted-canary";
const IMAGE: &str = "https://media.example/a.jpg";
const VIDEO_FILE: &str = "https://media.example/a.mp4";

fn images(count: usize) -> Value {
    json!(vec![json!({"url": IMAGE, "alt": "a desk"}); count])
}

fn film() -> Value {
    json!([{"url": VIDEO_FILE}])
}

/// A photo: a second send would be a second post, because no duplicate is refused that has one.
pub(crate) const COURSE: Course = Course {
    platform: "facebook",
    handle: HANDLE,
    secret: TOKEN,
    commit: FEED,
    media: || images(1),
    ..Course::PLAIN
};
/// A video, which says by itself whether it is out.
pub(crate) const VIDEO: Course = Course { commit: "video.publish", media: film, ..COURSE };
/// A story, of which nobody can find out that it is not there.
pub(crate) const STORY: Course = Course {
    commit: "story.create",
    post_settings: || json!({"placement": "story"}),
    asks: true,
    says_nothing: true,
    ..COURSE
};

async fn simulated() -> (Sim, Stage) {
    COURSE.simulated().await
}

fn set(sim: &Sim, settings: Value) {
    sim.platform("facebook").set(&settings).expect("settings");
}

async fn post(stage: &Stage, content: &str, media: Value, settings: Value) -> Uuid {
    stage.post_as(content, &media, &json!({ "facebook": settings })).await
}

#[tokio::test]
async fn every_kind_of_post_is_published() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    for (text, media, settings, files) in [
        ("a text", json!([]), json!({}), 0),
        ("a link", json!([]), json!({"link": "https://crier.example/?a=1&b=2"}), 0),
        ("a photo", images(1), json!({}), 1),
        ("several photos", images(3), json!({}), 3),
        ("a video", film(), json!({}), 1),
        ("a reel", film(), json!({"placement": "reel"}), 1),
    ] {
        let post = post(&stage, text, media, settings).await;
        let target = stage.published_once(&sim, post, text).await;
        let entry = &sim.visible(text)[0];
        assert_eq!((entry.images.len(), entry.account.as_str()), (files, HANDLE), "{text}");
        assert_eq!((&target["attempts"], &target["external_id"]), (&json!(1), &json!(entry.key)), "{target}");
    }
    assert_eq!(sim.visible("a photo")[0].images[0].alt, "a desk");
    for media in [images(1), film()] {
        let (before, post) =
            (sim.ledger().len(), post(&stage, "unseen", media, json!({"placement": "story"})).await);
        let target = stage.ended(post).await;
        assert_eq!((&target["state"], sim.ledger().len() - before), (&json!("published"), 1), "{target}");
    }
    let log = stage.deployment.logs();
    assert!(sim.issued_tokens().iter().all(|token| !log.contains(token)), "a token stands in the log");
}

#[tokio::test]
async fn what_facebook_would_refuse_is_refused_before() {
    let (_sim, stage) = simulated().await;
    for (content, media, settings) in [
        ("repeat('x', 63207)", "[]", "{}"),
        ("'x'", "[{\"url\": \"data:image/png;base64,AAAA\"}]", "{}"),
        ("'x'", "[{\"url\": \"https://media.example/a.pdf\"}]", "{}"),
        ("'x'", "[]", "{\"facebook\": {\"placement\": \"story\"}}"),
        ("'x'", "[]", "{\"facebook\": {\"link\": \"javascript:x\"}}"),
        ("'x'", "[]", "{\"facebook\": {\"published\": false}}"),
    ] {
        let sql = format!(
            "SELECT crier.create_post('{}', {content}, ARRAY['{}'::uuid], media => '{media}', settings => '{settings}')",
            stage.workspace, stage.account
        );
        let refusal = stage.sql.refusal(&sql).await;
        assert_eq!(
            (refusal.code.as_str(), refusal.detail.as_str()),
            ("22023", "content_invalid"),
            "{refusal}"
        );
    }
}

#[tokio::test]
async fn one_fault_of_any_kind() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    for (fault, sends) in [
        (Fault::DropBeforeCommit, 2),
        (Fault::DropAfterCommit, 1),
        (Fault::ServerError, 2),
        (Fault::ServerErrorAfterCommit, 1),
        (Fault::Garbage, 1),
        (Fault::NulError, 1),
    ] {
        sim.plan(Rule::once("facebook", FEED, fault));
        let (text, before) = (format!("{fault:?} & <co>"), sim.calls(FEED));
        let post = post(&stage, &text, images(2), json!({})).await;
        if fault == Fault::NulError {
            let target = stage.ended(post).await;
            assert_eq!(target["error"]["class"], "content_invalid", "{target}");
        } else {
            stage.published_once(&sim, post, &text).await;
        }
        assert_eq!((sim.calls(FEED) - before, sim.faults_left()), (sends, 0), "{fault:?}");
    }
}

#[tokio::test]
async fn killed_between_the_commit_and_the_answer() {
    let (sim, stage) = simulated().await;
    let post = stage.killed_while_held(&sim, "facebook", FEED, "once").await;
    let _crierd = stage.deployment.start().await;
    stage.published_once(&sim, post, "once").await;
    assert_eq!(sim.calls(FEED), 1, "expected nothing to be sent again");
}

#[tokio::test]
async fn what_is_not_shown_yet_is_not_sent_again() {
    let sim = usual::what_is_shown_late_is_waited_for(COURSE, "post.list").await;
    assert_eq!(sim.calls(FEED), 1);
}

#[tokio::test]
async fn what_was_changed_since_or_can_not_be_told_is_left_to_a_person() {
    let (sim, stage) = simulated().await;
    let post = stage.killed_while_held(&sim, "facebook", FEED, "once").await;
    set(&sim, json!({"edits": {sim.ledger()[0].key.clone(): "said otherwise"}}));
    let _crierd = stage.deployment.start().await;
    let target = stage.ended(post).await;
    assert_eq!((&target["state"], sim.calls(FEED)), (&json!("unconfirmed"), 1), "{target}");
}

#[tokio::test]
async fn of_two_links_under_one_text_each_is_posted_once() {
    let (sim, stage) = simulated().await;
    // otherwise the account's other post waits for the one that is held
    stage.sql.run("UPDATE crier.platform_policy SET account_concurrency = NULL").await;
    let _crierd = stage.deployment.start().await;
    let links = ["https://crier.example/one", "https://crier.example/two"];
    // one never arrives, and while it is looked for the other is there and nobody has said so yet
    sim.plan(Rule::once("facebook", FEED, Fault::DropBeforeCommit));
    let lost = post(&stage, "look at this", json!([]), json!({"link": links[0]})).await;
    stage.waits(lost, "outcome_unknown").await;
    sim.plan(Rule::once("facebook", FEED, Fault::HoldAfterCommit));
    let held = post(&stage, "look at this", json!([]), json!({"link": links[1]})).await;
    wait_until("the number of held answers", 1, async || sim.held()).await;
    backdoor::age_intents(&stage.sql).await;
    backdoor::make_retries_due(&stage.sql).await;
    // the look has its say while nobody has the other: then only the link tells them apart
    let looked = wait_for("what comes of the look", SOON, async || {
        let target = stage.target(lost).await;
        let says = target["error"]["message"].as_str().unwrap_or_default();
        if target["state"] == "published" || says.contains("another content") {
            Ok(target)
        } else {
            Err(target)
        }
    })
    .await;
    assert_eq!((&looked["state"], sim.held()), (&json!("unknown"), 1), "{looked}");
    sim.release();
    for post in [held, lost] {
        let target = stage.ended(post).await;
        assert_eq!(target["state"], "published", "{target} {:?}", sim.ledger());
    }
    let shown = sim.platform("facebook").figures()["links"].clone();
    let mut shown: Vec<_> = shown.as_object().expect("links").values().cloned().collect();
    shown.sort_by_key(Value::to_string);
    assert_eq!(shown, links);
}

#[tokio::test]
async fn the_same_text_again_is_a_duplicate() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let first = stage.post("gm").await;
    stage.published_once(&sim, first, "gm").await;
    let second = stage.post("gm").await;
    let target = stage.reached(second, "failed").await;
    assert_eq!((&target["error"]["class"], sim.visible("gm").len()), (&json!("duplicate"), 1), "{target}");
}

#[tokio::test]
async fn a_limit_holds_the_page_up_for_as_long_as_the_platform_says() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    sim.plan(Rule::once("facebook", FEED, Fault::RateLimited).seconds(180.0));
    let post = post(&stage, "limited", images(1), json!({})).await;
    stage.waits(post, "rate_limited").await;
    let left =
        "SELECT round(extract(epoch FROM max(run_at) - now()) / 60) FROM crier.jobs WHERE state = 'retrying'";
    assert_eq!(stage.sql.text(left).await, "3", "expected the minutes of the usage header");
    assert!(sim.visible("limited").is_empty());
    stage.unblock().await;
    let target = stage.published_once(&sim, post, "limited").await;
    assert_eq!((&target["attempts"], sim.calls("photo.create")), (&json!(1), 1), "{target}");
}

#[tokio::test]
async fn a_comment_comes_after_its_post_and_once() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let sql = "SELECT crier.create_post($1, $3, ARRAY[$2::uuid], first_comment => 'and this', media => $4)";
    for (fault, media) in [
        (None, json!([])),
        (Some(Fault::DropBeforeCommit), images(1)),
        (Some(Fault::DropAfterCommit), film()),
        (Some(Fault::ServerErrorAfterCommit), images(1)),
    ] {
        if let Some(fault) = fault {
            sim.plan(Rule::once("facebook", "comment.create", fault));
        }
        let (before, text) = (sim.ledger().len(), format!("with a comment, {fault:?}"));
        let post: Uuid = stage.sql.value(sql, &[&stage.workspace, &stage.account, &text, &media]).await;
        stage.whole(post).await;
        let ledger = sim.ledger().split_off(before);
        let texts: Vec<_> = ledger.iter().map(|entry| entry.text.as_str()).collect();
        assert_eq!(texts, [text.as_str(), "and this"], "{fault:?}");
        assert_eq!(ledger[1].reply_to.as_ref(), Some(&ledger[0].uri));
        assert_eq!(sim.faults_left(), 0, "{fault:?}");
    }
    // and one by itself
    let on = sim.ledger()[0].key.clone();
    let alone = post(&stage, "by itself", json!([]), json!({"reply_to": on})).await;
    stage.published(alone).await;
    assert_eq!(sim.visible("by itself")[0].reply_to.as_ref(), Some(&sim.ledger()[0].uri));
}

#[tokio::test]
async fn a_post_is_counted_and_taken_back() {
    let (sim, stage) = simulated().await;
    set(
        &sim,
        json!({"insights": {"post_total_media_view_unique": 70, "post_reactions_by_type_total": 5, "shares": 3,
                                  "views": 9, "likes": 2}}),
    );
    let _crierd = stage.deployment.start().await;
    for (media, figures) in [(images(1), json!([70, 5, 0, 3])), (film(), json!([9, 2, 0, null]))] {
        let post = post(&stage, "regretted", media, json!({})).await;
        let target = stage.published(post).await;
        let id: Uuid = target["id"].as_str().expect("an id").parse().expect("an id");
        stage.sql.rows("SELECT crier.read_metrics($1)", &[&id]).await;
        wait_until("the figures", figures, async || {
            let metrics = stage.target(post).await["metrics"].clone();
            json!(["views", "likes", "replies", "shares"].map(|name| metrics[name].clone()))
        })
        .await;
        stage.sql.rows("SELECT crier.delete_published($1)", &[&id]).await;
        wait_until("the posts that are there", 0, async || sim.platform("facebook").timeline().len()).await;
        wait_for("the target to be taken back", SOON, async || {
            let target = stage.target(post).await;
            if target["deleted_at"].is_string() { Ok(()) } else { Err(target) }
        })
        .await;
    }
    let like = format!("SELECT crier.act('{}', 'like', '1_2')", stage.account);
    let refusal = stage.sql.refusal(&like).await;
    assert!(refusal.message.contains("facebook"), "{refusal}");
}

#[tokio::test]
async fn no_order_of_faults_loses_a_post_on_facebook_or_doubles_it() {
    hold(COURSE, singles_and_some_pairs).await;
}

#[tokio::test]
async fn nor_a_video() {
    hold(VIDEO, singles).await;
}

#[tokio::test]
async fn nor_a_story_of_which_a_person_may_be_asked() {
    hold(STORY, singles).await;
}

#[tokio::test]
async fn killed_between_two_calls_of_the_database_on_facebook() {
    hold_at_the_database(COURSE).await;
}
