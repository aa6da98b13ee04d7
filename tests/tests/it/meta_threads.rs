//! Posts and threads on Threads, the platform: each is there once, whatever happens on the way.

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::connecting::Connecting;
use crier_tests::orders::Course;
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::Stage;
use crier_tests::wait::{SOON, wait_for, wait_until};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fault_orders::{hold, hold_at_the_database, singles_and_some_pairs};
use crate::usual;

const HANDLE: &str = "alice.test";
const TOKEN: &str = "THAA-pasted-canary";
const PUBLISH: &str = "publish";
const IMAGE: &str = "https://media.example/a.jpg";
const VIDEO: &str = "https://media.example/a.mp4";

pub(crate) const COURSE: Course = Course {
    platform: "threads",
    handle: HANDLE,
    secret: TOKEN,
    commit: PUBLISH,
    media: || json!([{"url": IMAGE, "alt": "a desk"}]),
    settings: Some(|| json!({"daily_quota": 1_000_000, "refresh_after_seconds": 0})),
    ..Course::PLAIN
};

async fn simulated_with(settings: Value) -> (Sim, Stage) {
    let sim = Sim::start();
    sim.add_account("threads", HANDLE, TOKEN);
    set(&sim, settings);
    let database = Database::shared().await;
    let stage = Stage::connected_on("threads", database, HANDLE, &sim.url_of("threads"), TOKEN).await;
    stage.without_pace().await;
    (sim, stage)
}

fn set(sim: &Sim, settings: Value) {
    sim.platform("threads").set(&settings).expect("settings");
}

fn plan(sim: &Sim, call: &str, fault: Fault) {
    sim.plan(Rule::once("threads", call, fault));
}

async fn post(stage: &Stage, content: &str, media: Value, settings: Value) -> Uuid {
    stage.post_as(content, &media, &json!({ "threads": settings })).await
}

#[tokio::test]
async fn every_kind_of_post_is_published() {
    let (sim, stage) = simulated_with(json!({})).await;
    let _crierd = stage.deployment.start().await;
    let (image, video) = (json!({"url": IMAGE, "alt": "a desk"}), json!({"url": VIDEO}));
    let first = stage.post("a text 😀").await;
    let first = stage.published_once(&sim, first, "a text 😀").await;
    let id = first["external_id"].clone();
    for (text, media, settings, files) in [
        ("an image", json!([image]), json!({}), 1),
        ("a video", json!([video]), json!({"reply_control": "followers_only"}), 1),
        ("a carousel", json!([image, video, image]), json!({"topic_tag": "desks"}), 3),
        ("a quote", json!([]), json!({"quote": id}), 0),
        ("a card", json!([]), json!({"link_attachment": "https://crier.example/"}), 0),
        ("an answer", json!([image]), json!({"reply_to": id}), 1),
    ] {
        let post = post(&stage, text, media, settings).await;
        let target = stage.published_once(&sim, post, text).await;
        let entry = &sim.visible(text)[0];
        assert_eq!((entry.images.len(), &target["attempts"]), (files, &json!(1)), "{text}: {target}");
        assert_eq!(entry.reply_to.is_some(), text == "an answer", "{text}");
    }
    assert_eq!(sim.visible("an image")[0].images[0].alt, "a desk");
    let log = stage.deployment.logs();
    assert!(sim.issued_tokens().iter().all(|token| !log.contains(token)), "a token stands in the log");
}

#[tokio::test]
async fn what_threads_would_refuse_is_refused_before() {
    let (_sim, stage) = simulated_with(json!({})).await;
    for (content, settings) in [
        ("repeat('x', 501)", "{}"),
        ("repeat('😀', 126)", "{}"),
        ("'x'", "{\"threads\": {\"topic_tag\": \"a.b\"}}"),
        ("'x'", "{\"threads\": {\"auto_publish_text\": true}}"),
    ] {
        let sql = format!(
            "SELECT crier.create_post('{}', {content}, ARRAY['{}'::uuid], settings => '{settings}')",
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
    let (sim, stage) = simulated_with(json!({"refresh_after_seconds": 0})).await;
    let _crierd = stage.deployment.start().await;
    for (fault, sends) in [
        (Fault::DropBeforeCommit, 2),
        (Fault::DropAfterCommit, 1),
        (Fault::ServerError, 2),
        (Fault::ServerErrorAfterCommit, 1),
        (Fault::Garbage, 1),
        (Fault::Unauthorized, 2),
        (Fault::ExpiredToken, 2),
        (Fault::OddError, 2),
    ] {
        plan(&sim, PUBLISH, fault);
        let (text, before) = (format!("{fault:?}"), sim.calls(PUBLISH));
        let post = stage.post(&text).await;
        stage.published_once(&sim, post, &text).await;
        assert_eq!((sim.calls(PUBLISH) - before, sim.faults_left()), (sends, 0), "{fault:?}");
    }
    for call in ["publishing_limit", "container.create", "node.get"] {
        for fault in [Fault::DropAfterCommit, Fault::Garbage, Fault::ExpiredToken] {
            plan(&sim, call, fault);
            let text = format!("{call} {fault:?}");
            let post = stage.post(&text).await;
            stage.published_once(&sim, post, &text).await;
        }
    }
}

#[tokio::test]
async fn a_container_that_was_published_behind_our_back() {
    let (sim, stage) = simulated_with(json!({})).await;
    let post = stage.killed_while_held(&sim, "threads", PUBLISH, "once").await;
    backdoor::forget_intent(&stage.sql, post).await;
    let _crierd = stage.deployment.start().await;
    stage.published_once(&sim, post, "once").await;
    assert_eq!((sim.calls("container.create"), sim.ledger().len()), (1, 1));
}

#[tokio::test]
async fn killed_before_the_answer_came() {
    let (sim, stage) = simulated_with(json!({})).await;
    let post = stage.killed_while_held(&sim, "threads", PUBLISH, "once").await;
    let _crierd = stage.deployment.start().await;
    stage.published_once(&sim, post, "once").await;
    assert_eq!(sim.calls(PUBLISH), 1, "expected nothing to be sent again");
}

#[tokio::test]
async fn a_container_that_says_late_that_it_is_published_is_not_sent_again() {
    let late = Course { settings: Some(|| json!({"says_late": true})), ..COURSE };
    let sim = usual::what_is_shown_late_is_waited_for(late, "node.get").await;
    assert_eq!(sim.calls(PUBLISH), 1);
}

#[tokio::test]
async fn containers_take_their_time_fail_and_expire() {
    let (sim, stage) = simulated_with(json!({"processing_seconds": 2})).await;
    let _crierd = stage.deployment.start().await;
    let video = json!([{"url": VIDEO}]);
    let slow = post(&stage, "slow", video.clone(), json!({})).await;
    assert_eq!(stage.published_once(&sim, slow, "slow").await["attempts"], 1);
    set(&sim, json!({"processing_seconds": 0, "fetch_errors": {VIDEO: "INVALID_DURATION"}}));
    let bad = post(&stage, "bad", video.clone(), json!({})).await;
    assert_eq!(stage.ended(bad).await["error"]["class"], "content_invalid");
    set(&sim, json!({"fetch_errors": {VIDEO: "FAILED_DOWNLOADING_VIDEO"}}));
    let again = post(&stage, "again", video, json!({})).await;
    stage.waits(again, "transient").await;
    set(&sim, json!({"fetch_errors": {}}));
    stage.published_once(&sim, again, "again").await;
    // one that nobody published in time is made again
    sim.plan(Rule::once("threads", PUBLISH, Fault::RateLimited));
    let late = stage.post("late").await;
    stage.waits(late, "rate_limited").await;
    set(&sim, json!({"container_seconds": 0}));
    stage.unblock().await;
    backdoor::make_retries_due(&stage.sql).await;
    stage.waits(late, "transient").await;
    set(&sim, json!({"container_seconds": 86_400}));
    stage.published_once(&sim, late, "late").await;
}

#[tokio::test]
async fn a_limit_and_a_quota_hold_the_account_up() {
    let (sim, stage) = simulated_with(json!({})).await;
    let _crierd = stage.deployment.start().await;
    sim.plan(Rule::once("threads", PUBLISH, Fault::RateLimited).seconds(180.0));
    let limited = stage.post("limited").await;
    stage.waits(limited, "rate_limited").await;
    let left =
        "SELECT round(extract(epoch FROM max(run_at) - now()) / 60) FROM crier.jobs WHERE state = 'retrying'";
    assert_eq!(stage.sql.text(left).await, "3", "expected the minutes of the usage header");
    stage.unblock().await;
    assert_eq!(stage.published_once(&sim, limited, "limited").await["attempts"], 1);
    set(&sim, json!({"daily_quota": 1}));
    let before = sim.calls("container.create");
    let tomorrow = stage.post("tomorrow").await;
    stage.waits(tomorrow, "quota_exhausted").await;
    assert_eq!(sim.calls("container.create"), before, "expected nothing to be made");
    set(&sim, json!({"daily_quota": 2}));
    stage.unblock().await;
    assert_eq!(stage.published_once(&sim, tomorrow, "tomorrow").await["attempts"], 1);
}

#[tokio::test]
async fn a_thread_hangs_together_whatever_is_lost() {
    let (sim, stage) = simulated_with(json!({})).await;
    let _crierd = stage.deployment.start().await;
    let sql = "SELECT crier.create_post($1, $3, ARRAY[$2::uuid], split => true, settings => $4)";
    for fault in [None, Some(Fault::DropAfterCommit), Some(Fault::ServerErrorAfterCommit)] {
        let (before, text) = (sim.ledger().len(), format!("{fault:?} {}", "a word ".repeat(150)));
        if let Some(fault) = fault {
            sim.plan(Rule::once("threads", PUBLISH, fault).times(3));
        }
        let settings = json!({"threads": {"topic_tag": "words"}});
        let post: Uuid = stage.sql.value(sql, &[&stage.workspace, &stage.account, &text, &settings]).await;
        stage.whole(post).await;
        let parts = sim.ledger().split_off(before);
        assert_eq!(parts.len(), 3, "{parts:?}");
        assert_eq!(parts[0].reply_to, None);
        assert_eq!(parts[1].reply_to.as_ref(), Some(&parts[0].uri));
        assert_eq!(parts[2].reply_to.as_ref(), Some(&parts[1].uri));
    }
}

#[tokio::test]
async fn a_post_is_counted_and_taken_back() {
    let insights = json!({"views": 70, "likes": 5, "replies": 2, "reposts": 3, "quotes": 1});
    let (sim, stage) = simulated_with(json!({ "insights": insights })).await;
    let _crierd = stage.deployment.start().await;
    let post = stage.post("regretted").await;
    let target = stage.published(post).await;
    let id: Uuid = target["id"].as_str().expect("an id").parse().expect("an id");
    stage.sql.rows("SELECT crier.read_metrics($1)", &[&id]).await;
    wait_until("the figures", json!([70, 5, 2, 4]), async || {
        let metrics = stage.target(post).await["metrics"].clone();
        json!(["views", "likes", "replies", "shares"].map(|name| metrics[name].clone()))
    })
    .await;
    stage.sql.rows("SELECT crier.delete_published($1)", &[&id]).await;
    wait_until("the posts that are there", 0, async || sim.platform("threads").timeline().len()).await;
    let follow = format!("SELECT crier.act('{}', 'follow', '1')", stage.account);
    let refusal = stage.sql.refusal(&follow).await;
    assert!(refusal.message.contains("threads"), "{refusal}");
}

#[tokio::test]
async fn tokens_are_renewed_with_themselves_and_end_when_they_are_taken_away() {
    let (sim, stage) = simulated_with(json!({})).await;
    assert_eq!(sim.calls("refresh"), 1, "expected the token to be renewed when the account was connected");
    set(&sim, json!({"refresh_after_seconds": 0}));
    sim.platform("threads").expire(HANDLE);
    let _crierd = stage.deployment.start().await;
    let first = stage.post("renewed").await;
    let target = stage.published_once(&sim, first, "renewed").await;
    assert_eq!((&target["attempts"], sim.calls("refresh")), (&json!(1), 2), "{target}");
    sim.platform("threads").revoke(HANDLE);
    let kept = stage.post("kept").await;
    stage.waits(kept, "auth_revoked").await;
    assert_eq!(stage.sql.text("SELECT status FROM crier.accounts").await, "reauth_required");
    assert!(sim.visible("kept").is_empty());
    let workspace = stage.workspace.to_string();
    for (handle, token, why) in
        [("bob", "new-canary", "belongs to alice.test"), (HANDLE, "odd-canary", "access token")]
    {
        if token == "new-canary" {
            sim.add_account("threads", HANDLE, token);
        }
        let server = sim.url_of("threads");
        let arguments =
            ["account", "add", "threads", "--workspace", &workspace, "--handle", handle, "--server", &server];
        let printed = stage.deployment.run(&arguments, &format!("{token}\n"));
        assert!(!printed.status.success() && printed.stderr.contains(why), "{printed:?}");
        assert!(!printed.stderr.contains("canary"), "{printed:?}");
    }
    let server = sim.url_of("threads");
    stage.deployment.add_account_on("threads", stage.workspace, HANDLE, &server, "new-canary");
    stage.published_once(&sim, kept, "kept").await;
}

#[tokio::test]
async fn an_account_is_connected_by_its_login_and_publishes() {
    let test = Connecting::on(Database::shared().await).await;
    test.person("threads", HANDLE);
    let _crierd = test.start().await;
    let page = test.log_in("threads", None, None).await;
    let account = test.connected(&page)[0];
    assert_eq!(test.account(account).await, "threads alice.test active 1 t");
    let days = "SELECT extract(day FROM expires_at - now())::int FROM crier.credential WHERE account_id = $1";
    assert_eq!(test.sql.value::<i32>(days, &[&account]).await, 59);
    let sql = "SELECT crier.create_post($1, 'from Threads', ARRAY[$2::uuid])";
    let _: Uuid = test.owner.value(sql, &[&test.workspace, &account]).await;
    wait_until("the posts that are there", 1, async || test.sim.visible("from Threads").len()).await;
    for (call, fault, code) in [
        ("oauth.token", Fault::ServerError, "platform_unavailable"),
        ("oauth.exchange", Fault::Garbage, "platform_unavailable"),
        ("me", Fault::Unauthorized, "code_refused"),
    ] {
        test.sim.plan(Rule::once("threads", call, fault));
        let page = test.log_in("threads", None, None).await;
        assert_eq!(page.param("crier_error").as_deref(), Some(code), "{fault:?} {page:?}");
    }
    test.sim.platform("threads").set(&json!({"client_secret": "another"})).expect("settings");
    let page = test.log_in("threads", None, None).await;
    assert_eq!(page.param("crier_error").as_deref(), Some("app_refused"), "{page:?}");
}

#[tokio::test]
async fn no_order_of_faults_loses_a_post_on_threads_or_doubles_it() {
    hold(COURSE, singles_and_some_pairs).await;
}

#[tokio::test]
async fn killed_between_two_calls_of_the_database_on_threads() {
    hold_at_the_database(COURSE).await;
}

/// What of a post's parts Crier says once all are published.
async fn parts(test: &Connecting, post: Uuid) -> Vec<Value> {
    wait_for("every part to be published", SOON, async || {
        backdoor::age_intents(&test.sql).await;
        backdoor::make_retries_due(&test.sql).await;
        let shown: Value = test.owner.value("SELECT crier.get_post($1)", &[&post]).await;
        if shown["state"] == "published" {
            Ok(shown["targets"].as_array().cloned().unwrap_or_default())
        } else {
            Err(shown)
        }
    })
    .await
}

#[tokio::test]
async fn a_lost_answer_has_its_own_id_where_answers_may_be_read() {
    let test = Connecting::on(Database::shared().await).await;
    test.person("threads", HANDLE);
    let _crierd = test.start().await;
    let account = test.connected(&test.log_in("threads", None, None).await)[0];
    let sql = "SELECT crier.create_post($1, $2, ARRAY[$3::uuid], thread => '[\"and on\"]')";
    for (withheld, is_told) in [(json!([]), true), (json!(["threads_read_replies"]), false)] {
        test.consent("threads", &json!({"approve_as": HANDLE, "withhold": withheld}));
        test.log_in("threads", None, Some(account)).await;
        let before = test.sim.ledger().len();
        test.sim.plan(Rule::once("threads", PUBLISH, Fault::DropAfterCommit).times(2));
        let text = format!("where {withheld} is withheld");
        let post: Uuid = test.owner.value(sql, &[&test.workspace, &text, &account]).await;
        let targets = parts(&test, post).await;
        let there = test.sim.ledger().split_off(before);
        assert_eq!(there.len(), 2, "{there:?}");
        // otherwise the container stands in for it, and the page of the account
        let is_answer = targets[1]["url"] == json!(there[1].uri);
        assert_eq!((&targets[0]["url"], is_answer), (&json!(there[0].uri), is_told), "{targets:?} {there:?}");
        assert!(test.account(account).await.contains(" active "), "{}", test.account(account).await);
    }
}

#[tokio::test]
async fn a_list_that_fails_for_a_while_does_not_cost_the_posts_id() {
    let (sim, stage) = simulated_with(json!({})).await;
    let _crierd = stage.deployment.start().await;
    plan(&sim, PUBLISH, Fault::DropAfterCommit);
    sim.plan(Rule::once("threads", "post.list", Fault::ServerError).times(3));
    let post = stage.post("out, but under which id?").await;
    stage.published_once(&sim, post, "out, but under which id?").await;
    assert_eq!((sim.calls(PUBLISH), sim.faults_left()), (1, 0));
}
