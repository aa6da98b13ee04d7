//! Messages on Discord: one of each by a bot, whatever is lost; by a webhook one at most, and a person is asked where nobody can
//! know.

use std::time::Duration;

use crier_tests::backdoor;
use crier_tests::cluster::Database;
use crier_tests::images::{data_url, png};
use crier_tests::orders::{Course, film, picture};
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::Stage;
use crier_tests::wait::{SOON, wait_for, wait_until};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fault_orders::{hold, hold_at_the_database, singles_and_some_pairs};

const NAME: &str = "discord";
const CREATE: &str = "messages.create";
const EXECUTE: &str = "webhooks.execute";

/// A bot on a server that forgets nonces at once: what it reads in the channel has to be enough.
pub(crate) const BOT: Course = Course {
    platform: NAME,
    handle: "1/22",
    secret: "canary-token-of-a-bot",
    commit: CREATE,
    media: || json!([picture()[0], film()[0]]),
    settings: Some(|| json!({"nonce_seconds": 0})),
    ..Course::PLAIN
};
pub(crate) const WEBHOOK: Course = Course {
    platform: NAME,
    secret: "SERVER/api/webhooks/55000000000000000000/canary-token-of-a-webhook",
    commit: EXECUTE,
    media: picture,
    asks: true,
    ..Course::PLAIN
};

async fn simulated(course: Course) -> (Sim, Stage) {
    let sim = Sim::start();
    let server = sim.url_of(NAME);
    let secret = course.secret.replace("SERVER", &server);
    sim.add_account(NAME, course.handle, &secret);
    let stage = Stage::connected_on(NAME, Database::shared().await, course.handle, &server, &secret).await;
    stage.without_pace().await;
    (sim, stage)
}

fn set(sim: &Sim, settings: Value) {
    sim.platform(NAME).set(&settings).unwrap_or_else(|error| panic!("{settings}: {error}"));
}

fn pdf() -> Value {
    json!({"url": data_url("application/pdf", b"%PDF-1.7\nmore"), "alt": "a page"})
}

async fn account(stage: &Stage) -> String {
    stage.sql.text("SELECT external_id, handle, status FROM crier.social_account").await
}

/// Takes the only target of a post back.
async fn delete(stage: &Stage, post: Uuid) {
    let target = stage.target(post).await;
    let id: Uuid = target["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let action: Uuid = stage.sql.value("SELECT crier.delete_published($1)", &[&id]).await;
    acted(stage, action, "done").await;
}

async fn acted(stage: &Stage, action: Uuid, state: &str) -> Value {
    wait_for(&format!("the action to be {state}"), SOON, async || {
        backdoor::make_retries_due(&stage.sql).await;
        let found: Value = stage.sql.value("SELECT crier.get_action($1)", &[&action]).await;
        if found["state"] == state { Ok(found) } else { Err(found) }
    })
    .await
}

#[tokio::test]
async fn a_message_is_there_as_it_was_asked_for() {
    for course in [BOT, WEBHOOK] {
        let (sim, stage) = simulated(course).await;
        let _crierd = stage.deployment.start().await;
        let text = "Grüße 🎉 an @everyone: <@1> & https://crier.example";
        let media = json!([picture()[0], film()[0], pdf()]);
        let post = stage.post_as(text, &media, &json!({})).await;
        let target = stage.published(post).await;
        let there = sim.visible(text);
        assert_eq!((there.len(), &target["url"]), (1, &json!(there[0].uri)), "{target}");
        let shown: Vec<_> =
            there[0].images.iter().map(|file| (file.alt.as_str(), file.mime_type.as_str())).collect();
        assert_eq!(shown, [("four by three", "png"), ("moves", "mp4"), ("a page", "pdf")]);
        assert_eq!(sim.platform(NAME).figures()["pings"], 0, "expected nobody to be notified");

        let settings = json!({NAME: {"mentions": ["everyone"], "silent": true, "embeds": [{"title": "t"}]}});
        let post = stage.post_as("hear, @everyone", &json!([]), &settings).await;
        stage.published(post).await;
        assert_eq!(sim.platform(NAME).figures()["pings"], 1);

        delete(&stage, post).await;
        assert_eq!(sim.platform(NAME).timeline().len(), 1);
        let log = stage.deployment.logs();
        assert!(!log.contains("canary-token"), "a secret is in the log");
        assert_eq!(
            stage
                .sql
                .text("SELECT count(*) FROM crier.post_target WHERE request LIKE '%canary-token%'")
                .await,
            "0"
        );
    }
}

#[tokio::test]
async fn accounts_are_known_by_their_ids() {
    let (_sim, stage) = simulated(BOT).await;
    assert_eq!(account(&stage).await, "722/22|1/22|active");
    let (sim, stage) = simulated(WEBHOOK).await;
    assert_eq!(account(&stage).await, "55000000000000000000|alice|active");
    let server = sim.url_of(NAME);
    let secret = WEBHOOK.secret.replace("SERVER", &server);
    let add = |handle: &str, secret: &str| {
        stage.deployment.try_add_account_on(NAME, stage.workspace, handle, &server, secret)
    };
    let other = add("bob", &secret);
    assert!(!other.status.success() && other.stderr.contains("alice"), "{other:?}");
    assert!(!other.stderr.contains("canary-token"), "{other:?}");
    let elsewhere =
        add("alice", "https://discord.com.evil.example/api/webhooks/55/canary-token-of-a-webhook");
    assert!(!elsewhere.status.success() && !elsewhere.stderr.contains("canary-token"), "{elsewhere:?}");
    // a bot that could not look for its messages
    sim.add_account(NAME, "1/23", "canary-token-of-another-bot");
    set(&sim, json!({"history": false}));
    let blind = add("1/23", "canary-token-of-another-bot");
    assert!(!blind.status.success() && blind.stderr.contains("message history"), "{blind:?}");
    set(&sim, json!({"history": true}));
    let elsewhere = add("1/22", "canary-token-of-another-bot");
    assert!(!elsewhere.status.success(), "{elsewhere:?}");
    assert!(add("1/23", "canary-token-of-another-bot").status.success());
}

#[tokio::test]
async fn a_bots_message_whose_answer_is_lost_is_there_once() {
    let (sim, stage) = simulated(BOT).await;
    let _crierd = stage.deployment.start().await;
    for fault in
        [Fault::DropAfterCommit, Fault::ServerErrorAfterCommit, Fault::Garbage, Fault::DropBeforeCommit]
    {
        sim.plan(Rule::once(NAME, CREATE, fault));
        let text = format!("{fault:?}");
        let post = stage.post_with(&text, &picture()).await;
        let target = stage.ended(post).await;
        let there = sim.visible(&text);
        assert_eq!((&target["state"], there.len()), (&json!("published"), 1), "{target}");
        assert_eq!(target["url"], json!(there[0].uri), "{target}");
    }
}

#[tokio::test]
async fn a_nonce_makes_one_message_of_two_sends() {
    let (sim, stage) = simulated(BOT).await;
    set(&sim, json!({"nonce_seconds": 180}));
    sim.platform(NAME).publish_later(Duration::from_secs(60 * 60));
    sim.plan(Rule::once(NAME, CREATE, Fault::DropAfterCommit));
    let _crierd = stage.deployment.start().await;
    let post = stage.post("sent twice").await;
    // what can't be read long after it must be is sent again, and Discord says that it has it
    stage.ended(post).await;
    assert_eq!((sim.calls(CREATE), sim.visible("sent twice").len()), (2, 1));
}

#[tokio::test]
async fn what_is_not_shown_yet_is_not_sent_again() {
    let (sim, stage) = simulated(BOT).await;
    sim.platform(NAME).publish_later(Duration::from_secs(1));
    sim.plan(Rule::once(NAME, CREATE, Fault::DropAfterCommit));
    let _crierd = stage.deployment.start().await;
    let post = stage.post("shown later").await;
    stage.reached(post, "unknown").await;
    wait_until("what can't be read yet", 0, async || sim.unread()).await;
    stage.ended(post).await;
    assert_eq!((sim.calls(CREATE), sim.visible("shown later").len()), (1, 1));
}

#[tokio::test]
async fn who_may_no_longer_read_the_channel_sends_nothing_again() {
    let (sim, stage) = simulated(BOT).await;
    let _crierd = stage.deployment.start().await;
    sim.plan(Rule::once(NAME, CREATE, Fault::DropAfterCommit));
    set(&sim, json!({"history": false}));
    let post = stage.post("unseen").await;
    // an empty channel is no proof: each look asks whether it may be read
    wait_until("looks that found nothing out", true, async || {
        backdoor::age_intents(&stage.sql).await;
        backdoor::make_retries_due(&stage.sql).await;
        sim.calls("messages.get") >= 6
    })
    .await;
    let target = stage.target(post).await;
    assert_eq!(
        (&target["state"], &target["error"]["class"]),
        (&json!("unknown"), &json!("auth_revoked")),
        "{target}"
    );
    set(&sim, json!({"history": true}));
    stage.ended(post).await;
    assert_eq!((sim.calls(CREATE), sim.visible("unseen").len()), (1, 1));
}

#[tokio::test]
async fn a_webhooks_message_whose_answer_is_lost_is_left_to_a_person() {
    let (sim, stage) = simulated(WEBHOOK).await;
    let _crierd = stage.deployment.start().await;
    sim.plan(Rule::once(NAME, EXECUTE, Fault::DropAfterCommit));
    let post = stage.post("who knows").await;
    let target = stage.ended(post).await;
    assert_eq!((&target["state"], sim.calls(EXECUTE)), (&json!("unconfirmed"), 1), "{target}");
    assert_eq!(sim.visible("who knows").len(), 1);
}

#[tokio::test]
async fn killed_between_the_commit_and_the_answer() {
    let (sim, stage) = simulated(BOT).await;
    let post = stage.killed_while_held(&sim, NAME, CREATE, "held").await;
    let _crierd = stage.deployment.start().await;
    let target = stage.ended(post).await;
    assert_eq!((&target["state"], sim.calls(CREATE)), (&json!("published"), 1), "{target}");
    assert_eq!(sim.visible("held").len(), 1);
}

#[tokio::test]
async fn a_limit_is_kept_for_as_long_as_it_is_said() {
    let (sim, stage) = simulated(WEBHOOK).await;
    sim.plan(Rule::once(NAME, EXECUTE, Fault::RateLimited).seconds(3_600.0));
    let _crierd = stage.deployment.start().await;
    let post = stage.post("later").await;
    let class = async || stage.target(post).await["error"]["class"].clone();
    wait_until("the error of the target", json!("rate_limited"), class).await;
    let blocked = format!(
        "SELECT blocked_until BETWEEN now() + interval '59 minutes' AND now() + interval '1 hour' \
         FROM crier.check_rate_limit('{}', 'publish')",
        stage.account
    );
    assert_eq!(stage.sql.text(&blocked).await, "t");
    backdoor::make_retries_due(&stage.sql).await;
    stage.sql.text(&format!("SELECT crier.unblock_account('{}', 'publish')", stage.account)).await;
    stage.published(post).await;
    assert_eq!((sim.calls(EXECUTE), sim.visible("later").len()), (2, 1));
}

#[tokio::test]
async fn a_token_that_was_taken_back_lets_posts_wait_for_a_login() {
    for course in [BOT, WEBHOOK] {
        let (sim, stage) = simulated(course).await;
        sim.platform(NAME).revoke(course.handle);
        let crierd = stage.deployment.start().await;
        let post = stage.post("waits").await;
        wait_until("the account's status", "reauth_required".to_owned(), async || {
            backdoor::make_retries_due(&stage.sql).await;
            stage.sql.text("SELECT status FROM crier.social_account").await
        })
        .await;
        let refused = sim.call_names().len();
        drop(crierd);
        // it is not asked again until somebody connects it: refused calls are held against the address
        let _crierd = stage.deployment.start().await;
        backdoor::make_retries_due(&stage.sql).await;
        assert_eq!(sim.call_names().len(), refused);
        let server = sim.url_of(NAME);
        let secret = course.secret.replace("SERVER", &server);
        sim.add_account(NAME, course.handle, &secret);
        stage.deployment.add_account_on(NAME, stage.workspace, course.handle, &server, &secret);
        stage.published(post).await;
        assert_eq!(sim.visible("waits").len(), 1);
    }
}

#[tokio::test]
async fn a_webhook_that_is_gone_is_called_once() {
    let (sim, stage) = simulated(WEBHOOK).await;
    let _crierd = stage.deployment.start().await;
    set(&sim, json!({"gone": true}));
    let before = sim.call_names().len();
    let post = stage.post("into nothing").await;
    let target = stage.reached(post, "failed").await;
    assert_eq!(target["error"]["class"], "target_missing", "{target}");
    backdoor::make_retries_due(&stage.sql).await;
    assert_eq!(sim.call_names().len() - before, 1);
}

#[tokio::test]
async fn a_forum_gets_a_thread_and_what_goes_on_with_it() {
    let (sim, stage) = simulated(WEBHOOK).await;
    let _crierd = stage.deployment.start().await;
    set(&sim, json!({"forum": true}));
    let without = stage.post("lost").await;
    let target = stage.reached(without, "failed").await;
    assert_eq!(target["error"]["class"], "content_invalid", "{target}");
    let sql = "SELECT crier.create_post($1, 'one', ARRAY[$2::uuid], thread => '[\"two\", \"three\"]', \
               settings => '{\"discord\": {\"thread_name\": \"May\"}}')";
    let post: Uuid = stage.sql.value(sql, &[&stage.workspace, &stage.account]).await;
    wait_until("the state of the post", "published".to_owned(), async || {
        backdoor::make_retries_due(&stage.sql).await;
        stage.sql.text(&format!("SELECT state FROM crier.posts WHERE id = '{post}'")).await
    })
    .await;
    let places: Vec<_> = sim
        .ledger()
        .iter()
        .map(|entry| entry.uri.rsplit('/').nth(1).unwrap_or_default().to_owned())
        .collect();
    assert_eq!(places.len(), 3);
    assert!(places.iter().all(|place| place == &places[0] && place != "22"), "{places:?}");
}

#[tokio::test]
async fn a_bots_thread_is_answers_to_each_other() {
    let (sim, stage) = simulated(BOT).await;
    let _crierd = stage.deployment.start().await;
    let sql = "SELECT crier.create_post($1, 'one', ARRAY[$2::uuid], thread => '[\"two\", \"three\"]')";
    let post: Uuid = stage.sql.value(sql, &[&stage.workspace, &stage.account]).await;
    wait_until("the state of the post", "published".to_owned(), async || {
        backdoor::make_retries_due(&stage.sql).await;
        stage.sql.text(&format!("SELECT state FROM crier.posts WHERE id = '{post}'")).await
    })
    .await;
    let ids: Vec<_> =
        sim.ledger().iter().map(|entry| entry.uri.rsplit('/').next().map(str::to_owned)).collect();
    let answered: Vec<_> = sim.ledger().into_iter().map(|entry| entry.reply_to).collect();
    assert_eq!(answered, [None, ids[0].clone(), ids[1].clone()]);
    // and one to a message by its address
    let settings = json!({NAME: {"reply_to": sim.ledger()[0].uri}});
    let answer = stage.post_as("an answer", &json!([]), &settings).await;
    stage.published(answer).await;
    assert_eq!(sim.visible("an answer")[0].reply_to, ids[0]);
    let gone = stage.post_as("to nobody", &json!([]), &json!({NAME: {"reply_to": "7"}})).await;
    let target = stage.reached(gone, "failed").await;
    assert_eq!(target["error"]["class"], "target_missing", "{target}");
}

#[tokio::test]
async fn a_reaction_is_counted_and_what_is_not_offered_is_said() {
    let (sim, stage) = simulated(BOT).await;
    let _crierd = stage.deployment.start().await;
    let post = stage.post("like me").await;
    let target = stage.published(post).await;
    let like = "SELECT crier.act($1, 'like', $2)";
    let url = target["url"].as_str().expect("an address");
    let action: Uuid = stage.sql.value(like, &[&stage.account, &url]).await;
    acted(&stage, action, "done").await;
    let id: Uuid = target["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let job: Uuid = stage.sql.value("SELECT crier.read_metrics($1)", &[&id]).await;
    wait_until("the state of the job", "completed".to_owned(), async || {
        stage.sql.text(&format!("SELECT state FROM crier.jobs WHERE id = '{job}'")).await
    })
    .await;
    assert_eq!(stage.target(post).await["metrics"]["likes"], 1);
    assert_eq!(sim.calls("reactions.add"), 1);
    let refusal = stage.sql.refusal(&format!("SELECT crier.act('{}', 'follow', 'x')", stage.account)).await;
    assert_eq!(refusal.detail, "unsupported", "{refusal}");

    let (_sim, stage) = simulated(WEBHOOK).await;
    let _crierd = stage.deployment.start().await;
    let action: Uuid = stage.sql.value(like, &[&stage.account, &"22/7"]).await;
    let action = acted(&stage, action, "failed").await;
    assert_eq!(action["error"]["class"], "unsupported", "{action}");
}

#[tokio::test]
async fn what_discord_would_refuse_is_refused_before() {
    let (_sim, stage) = simulated(BOT).await;
    let image = json!({"url": data_url("image/png", &png(4, 3, [1, 2, 3]))});
    for (text, media, settings) in [
        ("x".repeat(2_001), json!([]), json!({})),
        ("x".into(), json!(vec![image; 11]), json!({})),
        ("x".into(), json!([{"url": "https://a.example/a.png", "alt": "x".repeat(1_025)}]), json!({})),
        ("x".into(), json!([]), json!({"tts": true})),
    ] {
        let post = format!(
            "SELECT crier.create_post('{}', '{text}', ARRAY['{}'::uuid], media => '{media}', settings => '{}')",
            stage.workspace,
            stage.account,
            json!({ NAME: settings })
        );
        let refusal = stage.sql.refusal(&post).await;
        assert_eq!(
            (refusal.code.as_str(), refusal.detail.as_str()),
            ("22023", "content_invalid"),
            "{refusal}"
        );
    }
}

#[tokio::test]
async fn no_order_of_faults_loses_a_bots_message_or_doubles_it() {
    hold(BOT, singles_and_some_pairs).await;
}

#[tokio::test]
async fn no_order_of_faults_doubles_a_webhooks_message() {
    hold(WEBHOOK, singles_and_some_pairs).await;
}

#[tokio::test]
async fn killed_between_two_calls_of_the_database_on_discord() {
    hold_at_the_database(BOT).await;
}
