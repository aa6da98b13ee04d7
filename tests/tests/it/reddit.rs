//! Posts on Reddit, which takes the same one any number of times, and of images and videos doesn't say what they are called.

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::connecting::Connecting;
use crier_tests::crierd::Crierd;
use crier_tests::images::{data_url, png};
use crier_tests::orders::{Course, behind, film, picture};
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::Stage;
use crier_tests::wait::{SOON, wait_for, wait_until};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fault_orders::{hold, hold_at_the_database, singles_and_some_pairs};
use crate::usual;

const NAME: &str = "reddit";
const SUBMIT: &str = "submit";
const LOOK: &str = "user.submitted";
const REFRESH: &str = "oauth.token";
const TOKENS: &str = "first-access-canary:first-refresh-canary";

/// A text.
pub(crate) const COURSE: Course = Course {
    platform: NAME,
    secret: TOKENS,
    commit: SUBMIT,
    variables: &[
        ("CRIER_REDDIT_CLIENT_ID", "the-app"),
        ("CRIER_REDDIT_TOKEN_URL", "SERVER/api/v1/access_token"),
    ],
    post_settings: || json!({"subreddit": "rust", "title": "An order", "nsfw": true}),
    ..Course::PLAIN
};
/// An image, of which the answer names no post.
pub(crate) const IMAGE: Course = Course { media: picture, settles: 11, ..COURSE };
/// A video, and the image in front of it.
pub(crate) const VIDEO: Course = Course {
    media: film,
    settles: 31,
    post_settings: || json!({"subreddit": "rust", "title": "An order", "poster": poster()}),
    ..COURSE
};

fn poster() -> String {
    data_url("image/png", &png(4, 3, [1, 2, 3]))
}

async fn simulated() -> (Sim, Stage) {
    COURSE.simulated().await
}

async fn start(sim: &Sim, stage: &Stage) -> Crierd {
    COURSE.start(sim, stage).await
}

fn set(sim: &Sim, settings: &Value) {
    sim.platform(NAME).set(settings).expect("settings");
}

async fn post(stage: &Stage, text: &str, media: &Value, more: Value) -> Uuid {
    let mut settings = json!({"subreddit": "rust", "title": "The same title"});
    for (name, value) in more.as_object().into_iter().flatten() {
        settings[name] = value.clone();
    }
    stage.post_as(text, media, &json!({ NAME: settings })).await
}

async fn told(stage: &Stage, text: &str) -> Uuid {
    post(stage, text, &json!([]), json!({})).await
}

fn no_token_is_told(sim: &Sim, stage: &Stage) {
    let logs = stage.deployment.logs();
    for token in sim.issued_tokens() {
        assert!(!logs.contains(&token), "a token stands in the log");
    }
}

#[tokio::test]
async fn every_kind_of_post_is_published_on_reddit() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    let image = |alt: &str| json!({"url": data_url("image/png", &png(4, 3, [9, 0, 0])), "alt": alt});
    let flair =
        json!({"subreddit": "flaired", "flair_id": "17bf09c4-520c", "flair_text": "News", "spoiler": true});
    for (text, media, more, images, looks) in [
        ("a **text**", json!([]), json!({"subreddit": "u_alice"}), 0, 0),
        ("with a flair", json!([]), flair, 0, 0),
        ("a link", json!([]), json!({"link": "https://a.example/?x=1&y=2", "subreddit": "linksonly"}), 0, 0),
        ("an image", json!([image("unseen")]), json!({"nsfw": true}), 1, 1),
        ("a gallery", json!([image("the first"), image("the second")]), json!({}), 2, 0),
        ("a video", film(), json!({"poster": poster()}), 1, 1),
        // the title is enough
        ("", json!([]), json!({"title": "A title alone"}), 0, 0),
    ] {
        let before = sim.calls(LOOK);
        let post = post(&stage, text, &media, more).await;
        let target = stage.published_once(&sim, post, text).await;
        let entry = &sim.visible(text)[0];
        assert_eq!((&target["external_id"], entry.images.len()), (&json!(entry.key), images), "{text}");
        assert_eq!((&target["attempts"], sim.calls(LOOK) - before), (&json!(1), looks), "{text}: {target}");
    }
    let captions: Vec<_> = sim.visible("a gallery")[0].images.iter().map(|one| one.alt.clone()).collect();
    assert_eq!(captions, ["the first", "the second"]);
    let stored = "SELECT string_agg(concat(prepared, request), ' ') FROM crier.post_target";
    let stored = stage.sql.text(stored).await;
    assert!(!stored.contains("canary") && !stored.contains("signature"), "a secret is stored in clear");
    no_token_is_told(&sim, &stage);
}

#[tokio::test]
async fn an_image_that_is_processed_for_long_is_sent_once() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    set(&sim, &json!({"processing_seconds": 3_600}));
    let post = post(&stage, "in the works", &picture(), json!({})).await;
    wait_until("the state of the target", json!("unknown"), async || {
        stage.target(post).await["state"].clone()
    })
    .await;
    let looks = sim.calls(LOOK);
    // five minutes, in which a text would be proven absent
    backdoor::age_intents(&stage.sql).await;
    backdoor::make_retries_due(&stage.sql).await;
    wait_until("another look", true, async || sim.calls(LOOK) > looks).await;
    assert_eq!(sim.calls(SUBMIT), 1, "expected nothing to be sent again");
    set(&sim, &json!({"processing_seconds": 0}));
    backdoor::make_retries_due(&stage.sql).await;
    stage.published_once(&sim, post, "in the works").await;
    assert_eq!((sim.calls(SUBMIT), sim.calls("media.lease")), (1, 1));
}

#[tokio::test]
async fn what_is_listed_late_on_reddit_is_not_sent_again() {
    let sim = usual::what_is_shown_late_is_waited_for(COURSE, LOOK).await;
    assert_eq!(sim.calls(SUBMIT), 1);
}

#[tokio::test]
async fn a_post_whose_answer_is_lost_is_on_reddit_once() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    for fault in [Fault::DropAfterCommit, Fault::Garbage, Fault::OddError] {
        sim.plan(Rule::once(NAME, SUBMIT, fault).seconds(1.0));
        let text = format!("{fault:?} & <co>\n\nGru\u{308}n  ");
        let post = told(&stage, &text).await;
        stage.published_once(&sim, post, &text).await;
        assert_eq!(sim.faults_left(), 0, "{fault:?}");
    }
    assert_eq!(sim.calls(LOOK), 2, "a refused token is no reason to look");
    no_token_is_told(&sim, &stage);
}

#[tokio::test]
async fn a_link_is_refused_where_it_has_been_posted_before() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    let link = |more: Value| {
        let mut settings = json!({"link": "https://a.example/"});
        settings["resubmit"] = more;
        settings
    };
    // its own first try is no such post
    sim.plan(Rule::once(NAME, SUBMIT, Fault::DropAfterCommit));
    let first = post(&stage, "first", &json!([]), link(json!(false))).await;
    stage.published_once(&sim, first, "first").await;
    let second = post(&stage, "second", &json!([]), link(json!(false))).await;
    let target = stage.reached(second, "failed").await;
    let error = &target["error"];
    assert_eq!((&error["class"], &error["code"]), (&json!("duplicate"), &json!("ALREADY_SUB")), "{target}");
    let third = post(&stage, "third", &json!([]), link(json!(true))).await;
    stage.published_once(&sim, third, "third").await;
}

#[tokio::test]
async fn a_subreddit_says_what_it_takes() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    for (subreddit, class, code) in [
        ("nowhere", "target_missing", "SUBREDDIT_NOEXIST"),
        ("secret", "permission", "SUBREDDIT_NOTALLOWED"),
        ("linksonly", "content_invalid", "NO_SELFS"),
        ("flaired", "content_invalid", "SUBMIT_VALIDATION_FLAIR_REQUIRED"),
    ] {
        let post = post(&stage, subreddit, &json!([]), json!({ "subreddit": subreddit })).await;
        let target = stage.reached(post, "failed").await;
        let error = &target["error"];
        assert_eq!((&error["class"], &error["code"]), (&json!(class), &json!(code)), "{target}");
    }
    assert!(sim.ledger().is_empty());
}

#[tokio::test]
async fn comments_on_reddit_are_made_once_and_taken_back() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    let sql = "SELECT crier.create_post($1, 'a post', ARRAY[$2::uuid], settings => $3, first_comment => 'the first')";
    let settings = json!({ NAME: {"subreddit": "rust", "title": "A title"} });
    let whole: Uuid = stage.sql.value(sql, &[&stage.workspace, &stage.account, &settings]).await;
    stage.whole(whole).await;
    let on = sim.visible("a post")[0].key.clone();
    assert_eq!(sim.visible("the first")[0].reply_to.as_deref(), Some(on.as_str()));
    let address = sim.visible("the first")[0].uri.clone();
    for (text, on, planned, calls) in [
        ("plain", "t3_1kh1", None, 1),
        ("lost", address.as_str(), Some(Fault::DropAfterCommit), 1),
        ("unsent", "https://www.reddit.com/r/rust/comments/1kh1/a_title/", Some(Fault::DropBeforeCommit), 2),
    ] {
        let before = sim.calls("comment");
        planned.into_iter().for_each(|fault| sim.plan(Rule::once(NAME, "comment", fault)));
        let comment = stage.post_as(text, &json!([]), &json!({ NAME: {"reply_to": on} })).await;
        let target = stage.published_once(&sim, comment, text).await;
        assert_eq!(sim.calls("comment") - before, calls, "{text}");
        let id: Uuid = target["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        // the answer is lost, and a second time it is the same
        sim.plan(Rule::once(NAME, "del", Fault::DropAfterCommit));
        stage.sql.value::<Uuid>("SELECT crier.delete_published($1)", &[&id]).await;
        wait_until("that it is taken back", true, async || {
            backdoor::make_retries_due(&stage.sql).await;
            stage.target(comment).await["deleted_at"].is_string()
        })
        .await;
    }
    assert_eq!(sim.platform(NAME).timeline().len(), 2);
}

#[tokio::test]
async fn figures_are_read_and_votes_are_never_cast() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    let post = told(&stage, "counted").await;
    let target = stage.published_once(&sim, post, "counted").await;
    let id: Uuid = target["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    stage.sql.value::<Uuid>("SELECT crier.read_metrics($1)", &[&id]).await;
    let figures = wait_for("the figures", SOON, async || {
        let metrics = stage.target(post).await["metrics"].clone();
        if metrics.is_null() { Err(metrics) } else { Ok(metrics) }
    })
    .await;
    let told = ["likes", "replies", "shares"].map(|name| figures[name].clone());
    assert_eq!(told, [12, 3, 1].map(Value::from), "{figures}");
    for what in ["like", "follow", "send_dm"] {
        let sql = format!("SELECT crier.act('{}', '{what}', 't3_1kh1', 'hi')", stage.account);
        let refusal = stage.sql.refusal(&sql).await;
        assert_eq!(refusal.detail, "unsupported", "{what}: {refusal}");
    }
}

#[tokio::test]
async fn a_limit_is_the_accounts_or_the_apps() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    // what Reddit says in words is about posts of the account
    set(&sim, &json!({"take_a_break": 1_200}));
    let post = told(&stage, "later").await;
    let target = stage.waits(post, "rate_limited").await;
    assert_eq!(target["error"]["code"], "RATELIMIT", "{target}");
    let blocks =
        "SELECT coalesce(action, '*'), round(extract(epoch FROM until - now()) / 60) FROM crier.blocks";
    wait_until("the block", "publish|20".to_owned(), async || stage.sql.text(blocks).await).await;
    set(&sim, &json!({"take_a_break": null}));
    stage.unblock().await;
    stage.published_once(&sim, post, "later").await;

    // and what it counts in headers are all calls of the app
    sim.plan(Rule::once(NAME, SUBMIT, Fault::RateLimited).seconds(600.0));
    let post = told(&stage, "slower").await;
    let target = stage.waits(post, "rate_limited").await;
    assert_eq!(target["error"]["scope"], "server", "{target}");
}

#[tokio::test]
async fn an_expired_token_is_renewed_and_the_refresh_token_stays_good() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&sim, &stage).await;
    for (text, refreshes) in [("after a refresh", 1), ("after another", 2)] {
        sim.platform(NAME).expire("alice");
        let post = told(&stage, text).await;
        let target = stage.published_once(&sim, post, text).await;
        assert_eq!((&target["attempts"], sim.calls(REFRESH)), (&json!(1), refreshes), "{target}");
    }
    let ends =
        "SELECT expires_at - now() BETWEEN interval '23 hours' AND interval '24 hours' FROM crier.credential";
    assert_eq!(stage.sql.text(ends).await, "t", "expected the database to know when the token ends");
    no_token_is_told(&sim, &stage);
}

#[tokio::test]
async fn posts_wait_while_the_grant_on_reddit_is_taken_away() {
    let (sim, stage) = simulated().await;
    sim.platform(NAME).revoke("alice");
    let _crierd = start(&sim, &stage).await;
    let post = told(&stage, "kept").await;
    let target = stage.waits(post, "auth_revoked").await;
    assert_eq!(stage.sql.text("SELECT status FROM crier.accounts").await, "reauth_required", "{target}");
    let server = sim.url_of(NAME);
    sim.add_account(NAME, "bob", "bobs-access:bobs-refresh");
    let add = |secret| stage.deployment.try_add_account_on(NAME, stage.workspace, "alice", &server, secret);
    let other = add("bobs-access:bobs-refresh");
    assert!(!other.status.success() && other.stderr.contains("u/bob"), "{other:?}");
    assert!(!other.stderr.contains("bobs-"), "{other:?}");
    sim.add_account(NAME, "alice", "second-access:second-refresh");
    assert!(add("second-access:second-refresh").status.success());
    stage.published_once(&sim, post, "kept").await;
}

#[tokio::test]
async fn what_reddit_would_refuse_is_refused_before() {
    let posts = [
        ("'x'", json!({})),
        ("'x'", json!({"subreddit": "rust"})),
        ("'x'", json!({"subreddit": "r/rust", "title": "Hello"})),
        ("'x'", json!({"subreddit": "rust", "title": "t".repeat(301)})),
        ("'x'", json!({"subreddit": "rust", "title": "Hello", "link": "javascript:x"})),
        ("'x'", json!({"subreddit": "rust", "title": "Hello", "flair_text": "News"})),
        ("'x'", json!({"subreddit": "rust", "title": "Hello", "poster": "https://a.example/a.png"})),
        ("repeat('x', 40001)", json!({"subreddit": "rust", "title": "Hello"})),
        ("repeat('x', 10001)", json!({"reply_to": "t3_1abcde"})),
        ("''", json!({"reply_to": "t3_1abcde"})),
    ];
    usual::refused_before(COURSE, &posts).await;
}

#[tokio::test]
async fn an_account_on_reddit_is_connected_and_publishes() {
    let test = Connecting::on(Database::shared().await).await;
    let id = test.person(NAME, "alice");
    let _crierd = test.start().await;
    let page = test.log_in(NAME, None, None).await;
    let account = test.connected(&page)[0];
    assert_eq!(test.account(account).await, "reddit alice active 1 t");
    assert_eq!(test.sql.text("SELECT external_id FROM crier.social_account").await, id);
    let sql = "SELECT crier.create_post($1, 'connected', ARRAY[$2::uuid], settings => $3)";
    let settings = json!({ NAME: {"subreddit": "rust", "title": "A title"} });
    // the first token has ended, and what renews it came with the login
    test.sim.platform(NAME).expire("alice");
    let post: Uuid = test.owner.value(sql, &[&test.workspace, &account, &settings]).await;
    wait_for("the post to be published", SOON, async || {
        let shown: Value = test.owner.value("SELECT crier.get_post($1)", &[&post]).await;
        if shown["targets"][0]["state"] == "published" { Ok(()) } else { Err(shown) }
    })
    .await;
    assert_eq!((test.sim.visible("connected").len(), test.sim.calls(REFRESH)), (1, 2));

    // what nothing works without; what is not used is taken back
    test.consent(NAME, &json!({"approve_as": "alice", "withhold": ["history"]}));
    let page = test.log_in(NAME, None, Some(account)).await;
    assert!(page.url.as_str().contains("crier_error"), "{page:?}");
    assert_eq!(test.sim.calls("oauth.revoke"), 1);
    assert_eq!(test.account(account).await, "reddit alice active 2 t");
}

#[tokio::test]
async fn one_fault_of_any_kind_on_reddit() {
    usual::one_fault_of_any_kind(COURSE).await;
}

#[tokio::test]
async fn killed_between_the_commit_and_the_answer_of_reddit() {
    usual::killed_between_the_commit_and_the_answer(IMAGE).await;
}

#[tokio::test]
async fn nothing_is_sent_to_reddit_again_too_early() {
    usual::nothing_is_sent_again_too_early(COURSE, LOOK).await;
}

#[tokio::test]
async fn no_order_of_faults_loses_a_text_on_reddit_or_doubles_it() {
    let orders = |flow: &[String]| {
        let looks = behind(SUBMIT, &[Fault::DropBeforeCommit, Fault::DropAfterCommit], LOOK);
        [singles_and_some_pairs(flow), looks, behind(SUBMIT, &[Fault::ExpiredToken], REFRESH)].concat()
    };
    hold(COURSE, orders).await;
}

#[tokio::test]
async fn no_order_of_faults_loses_an_image_on_reddit_or_doubles_it() {
    hold(IMAGE, singles_and_some_pairs).await;
}

#[tokio::test]
async fn no_order_of_faults_loses_a_video_on_reddit_or_doubles_it() {
    hold(VIDEO, singles_and_some_pairs).await;
}

#[tokio::test]
async fn killed_between_two_calls_of_the_database_for_reddit() {
    hold_at_the_database(IMAGE).await;
}
