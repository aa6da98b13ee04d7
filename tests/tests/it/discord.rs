//! Messages on Discord: one of each by a bot, whatever is lost; by a webhook one at most, and a person is asked where nobody can
//! know.

use std::time::Duration;

use crier_tests::backdoor;
use crier_tests::images::{data_url, png};
use crier_tests::orders::{Course, film, picture};
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::Stage;
use crier_tests::wait::wait_until;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::chat::{self, acted, all_published, delete, like};
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

fn set(sim: &Sim, settings: Value) {
    chat::set(sim, NAME, &settings);
}

fn pdf() -> Value {
    json!({"url": data_url("application/pdf", b"%PDF-1.7\nmore"), "alt": "a page"})
}

async fn account(stage: &Stage) -> String {
    stage.sql.text("SELECT external_id, handle, status FROM crier.social_account").await
}

#[tokio::test]
async fn a_message_is_there_as_it_was_asked_for() {
    for course in [BOT, WEBHOOK] {
        let (sim, stage) = course.simulated().await;
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
    let (_sim, stage) = BOT.simulated().await;
    assert_eq!(account(&stage).await, "722/22|1/22|active");
    let (sim, stage) = WEBHOOK.simulated().await;
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
async fn a_nonce_makes_one_message_of_two_sends() {
    let (sim, stage) = BOT.simulated().await;
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
    let (sim, stage) = BOT.simulated().await;
    sim.platform(NAME).publish_later(Duration::from_secs(60 * 60));
    sim.plan(Rule::once(NAME, CREATE, Fault::DropAfterCommit));
    let _crierd = stage.deployment.start().await;
    let post = stage.post("shown later").await;
    stage.reached(post, "unknown").await;
    sim.platform(NAME).show_all();
    stage.ended(post).await;
    assert_eq!((sim.calls(CREATE), sim.visible("shown later").len()), (1, 1));
}

#[tokio::test]
async fn who_may_no_longer_read_the_channel_sends_nothing_again() {
    let (sim, stage) = BOT.simulated().await;
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
async fn a_forum_gets_a_thread_and_what_goes_on_with_it() {
    let (sim, stage) = WEBHOOK.simulated().await;
    let _crierd = stage.deployment.start().await;
    set(&sim, json!({"forum": true}));
    let without = stage.post("lost").await;
    let target = stage.reached(without, "failed").await;
    assert_eq!(target["error"]["class"], "content_invalid", "{target}");
    let sql = "SELECT crier.create_post($1, 'one', ARRAY[$2::uuid], thread => '[\"two\", \"three\"]', \
               settings => '{\"discord\": {\"thread_name\": \"May\"}}')";
    let post: Uuid = stage.sql.value(sql, &[&stage.workspace, &stage.account]).await;
    all_published(&stage, post).await;
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
    let (sim, stage) = BOT.simulated().await;
    let _crierd = stage.deployment.start().await;
    let sql = "SELECT crier.create_post($1, 'one', ARRAY[$2::uuid], thread => '[\"two\", \"three\"]')";
    let post: Uuid = stage.sql.value(sql, &[&stage.workspace, &stage.account]).await;
    all_published(&stage, post).await;
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
async fn a_bots_message_whose_answer_is_lost_is_there_once() {
    let (sim, stage) = BOT.simulated().await;
    let _crierd = stage.deployment.start().await;
    let faults =
        [Fault::DropAfterCommit, Fault::ServerErrorAfterCommit, Fault::Garbage, Fault::DropBeforeCommit];
    chat::is_there_once(&sim, &stage, (BOT, &picture()), &faults).await;
}

#[tokio::test]
async fn a_webhooks_message_whose_answer_is_lost_is_left_to_a_person() {
    chat::a_lost_answer_is_left_to_a_person(WEBHOOK).await;
}

#[tokio::test]
async fn killed_between_the_commit_and_the_answer() {
    chat::is_found_after_a_kill(BOT).await;
}

#[tokio::test]
async fn a_limit_is_kept_for_as_long_as_it_is_said() {
    let (sim, stage) = WEBHOOK.simulated().await;
    chat::a_limit_is_kept(&sim, &stage, WEBHOOK).await;
}

#[tokio::test]
async fn a_token_that_was_taken_back_lets_posts_wait_for_a_login() {
    for course in [BOT, WEBHOOK] {
        chat::a_post_waits_for_a_login(course, course.secret).await;
    }
}

#[tokio::test]
async fn a_webhook_that_is_gone_is_called_once() {
    chat::what_is_gone_is_called_once(WEBHOOK).await;
}

#[tokio::test]
async fn a_reaction_is_counted_and_what_is_not_offered_is_said() {
    let (sim, stage) = BOT.simulated().await;
    let _crierd = stage.deployment.start().await;
    chat::a_like_is_counted(&stage).await;
    assert_eq!(sim.calls("reactions.add"), 1);

    let (_sim, stage) = WEBHOOK.simulated().await;
    let _crierd = stage.deployment.start().await;
    let action = acted(&stage, like(&stage, "22/7").await, "failed").await;
    assert_eq!(action["error"]["class"], "unsupported", "{action}");
}

#[tokio::test]
async fn what_discord_would_refuse_is_refused_before() {
    let image = json!({"url": data_url("image/png", &png(4, 3, [1, 2, 3]))});
    let long_alt = json!([{"url": "https://a.example/a.png", "alt": "x".repeat(1_025)}]);
    let posts = vec![
        ("x".repeat(2_001), json!([]), json!({})),
        ("x".into(), json!(vec![image; 11]), json!({})),
        ("x".into(), long_alt, json!({})),
        ("x".into(), json!([]), json!({"tts": true})),
    ];
    chat::are_refused_before(BOT, posts).await;
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
