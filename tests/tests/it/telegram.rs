//! Posts on Telegram, which offers nothing to find out what became of a send: one of each, and where an answer is lost, a
//! question.

use crier_tests::cluster::Database;
use crier_tests::images::{data_url, film, png};
use crier_tests::orders::{Course, picture};
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::stage::{Stage, create_workspace};
use crier_tests::wait::wait_until;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fault_orders::{hold, hold_at_the_database, singles_and_some_pairs};

const CHAT: &str = "@crier_news";
const TOKEN: &str = "4242:AAcanary-of-a-bot_token";

/// Nobody can find out what came of a send, so that a person is asked.
pub(crate) const COURSE: Course = Course {
    platform: "telegram",
    handle: CHAT,
    secret: TOKEN,
    commit: "sendMessage",
    asks: true,
    // no token is renewed
    kills: 15,
    ..Course::PLAIN
};
/// The same with an image, which goes out with the call that publishes.
const WITH_MEDIA: Course = Course { commit: "sendPhoto", media: picture, ..COURSE };

async fn simulated() -> (Sim, Stage) {
    COURSE.simulated().await
}

async fn post(stage: &Stage, content: &str, media: Value, settings: Value) -> Uuid {
    stage.post_as(content, &media, &json!({ "telegram": settings })).await
}

fn image(colour: u8) -> Value {
    json!({"url": data_url("image/png", &png(4, 3, [colour, 40, 40])), "alt": "not sent"})
}

fn no_token_is_told(sim: &Sim, stage: &Stage) {
    let logs = stage.deployment.logs();
    for token in sim.issued_tokens() {
        assert!(!logs.contains(&token), "a token stands in the log");
        assert!(!logs.contains("canary"), "a part of a token stands in the log");
    }
}

/// Everything that Crier has stored of a post and says of it.
async fn said(stage: &Stage, post: Uuid) -> String {
    let stored = "SELECT string_agg(t::text, ' ') FROM crier.post_target AS t";
    format!("{} {}", stage.target(post).await, stage.sql.text(stored).await)
}

#[tokio::test]
async fn every_kind_of_post_is_published() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let video = json!({"url": data_url("video/mp4", &film())});
    let pdf = json!({"url": data_url("application/pdf", b"%PDF-1.7\n")});
    let bold = json!({"entities": [{"type": "bold", "offset": 0, "length": 1}], "silent": true});
    for (text, media, settings, call, files) in [
        ("a text", json!([]), bold, "sendMessage", &[][..]),
        ("an image", json!([image(1)]), json!({"spoiler": true}), "sendPhoto", &["image/jpeg"][..]),
        ("<b>a video</b>", json!([video]), json!({"parse_mode": "HTML"}), "sendVideo", &["video/mp4"][..]),
        ("a document", json!([pdf]), json!({}), "sendDocument", &["application/pdf"][..]),
        (
            "an album",
            json!([image(2), video, image(3)]),
            json!({"protect_content": true}),
            "sendMediaGroup",
            &["image/jpeg", "video/mp4", "image/jpeg"][..],
        ),
    ] {
        let post = post(&stage, text, media, settings).await;
        let target = stage.published(post).await;
        let there = sim.visible(text);
        assert_eq!((there.len(), sim.calls(call)), (1, 1), "{text}: {there:?}");
        assert_eq!(
            (&target["url"], &target["external_id"]),
            (&json!(there[0].uri), &json!(there[0].key)),
            "{text}"
        );
        let sent: Vec<_> = there[0].images.iter().map(|file| file.mime_type.as_str()).collect();
        assert_eq!((sent.as_slice(), &target["attempts"]), (files, &json!(1)), "{text}");
    }
    // a private channel has another address
    sim.platform("telegram").set(&json!({ CHAT: {"private": true} })).expect("settings");
    let post = stage.post("in private").await;
    let target = stage.published(post).await;
    let url = target["url"].as_str().unwrap_or_default();
    assert!(url.starts_with("https://t.me/c/") && url == sim.visible("in private")[0].uri, "{target}");
    no_token_is_told(&sim, &stage);
}

#[tokio::test]
async fn a_lost_answer_asks_a_person_and_a_refusal_does_not() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    for (fault, visible) in [
        (Fault::DropAfterCommit, 1),
        (Fault::DropBeforeCommit, 0),
        (Fault::ServerErrorAfterCommit, 1),
        (Fault::Garbage, 1),
    ] {
        let text = format!("{fault:?}");
        sim.plan(Rule::once("telegram", "sendMessage", fault));
        let post = stage.post(&text).await;
        let target = stage.ended(post).await;
        assert_eq!(
            (&target["state"], sim.visible(&text).len()),
            (&json!("unconfirmed"), visible),
            "{target}"
        );
        assert_eq!(target["error"]["class"], "outcome_unknown", "{target}");
    }
    let sends = sim.calls("sendMessage");
    assert_eq!(sends, 4, "expected nothing to be sent twice");
    // what the platform refuses in its own words was not sent
    sim.plan(Rule::once("telegram", "sendMessage", Fault::NulError));
    let post = stage.post("refused").await;
    let target = stage.ended(post).await;
    assert_eq!((&target["state"], &target["error"]["class"]), (&json!("failed"), &json!("content_invalid")));
    // a person says that one was not sent
    let asked = stage.sql.text("SELECT t.id FROM crier.post_target t JOIN crier.post p ON p.id = t.post_id WHERE p.content = 'DropBeforeCommit'").await;
    stage.sql.run(&format!("SELECT crier.resolve_target('{asked}', 'absent')")).await;
    wait_until("what is there", 1, async || sim.visible("DropBeforeCommit").len()).await;
    no_token_is_told(&sim, &stage);
}

#[tokio::test]
async fn killed_between_the_commit_and_the_answer() {
    let (sim, stage) = simulated().await;
    let post = stage.killed_while_held(&sim, "telegram", "sendMessage", "held").await;
    let _crierd = stage.deployment.start().await;
    let target = stage.ended(post).await;
    assert_eq!((&target["state"], sim.visible("held").len()), (&json!("unconfirmed"), 1), "{target}");
    assert_eq!(sim.calls("sendMessage"), 1);
}

#[tokio::test]
async fn a_limit_parks_the_account_for_as_long_as_it_was_said() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    sim.plan(Rule::once("telegram", "sendMessage", Fault::RateLimited).seconds(3_000.0));
    let first = stage.post("limited").await;
    wait_until("the class of the error", json!("rate_limited"), async || {
        stage.target(first).await["error"]["class"].clone()
    })
    .await;
    let block = "SELECT round(extract(epoch FROM until - now()) / 100), action FROM crier.limit_block";
    assert_eq!(stage.sql.text(block).await, "30|publish");
    stage.sql.run(&format!("SELECT crier.unblock_account('{}', 'publish')", stage.account)).await;
    stage.published(first).await;
    assert_eq!((sim.visible("limited").len(), sim.calls("sendMessage")), (1, 2));
}

#[tokio::test]
async fn a_token_that_is_taken_away_parks_the_account_until_it_is_connected_again() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    sim.platform("telegram").revoke(CHAT);
    let post = stage.post("waits").await;
    let status = "SELECT status FROM crier.social_account";
    wait_until("the account's status", "reauth_required".to_owned(), async || stage.sql.text(status).await)
        .await;
    assert!(sim.visible("waits").is_empty());
    let token = "4242:AAcanary-of-another_token";
    sim.add_account("telegram", CHAT, token);
    let server = sim.url_of("telegram");
    stage.deployment.add_account_on("telegram", stage.workspace, CHAT, &server, token);
    stage.published(post).await;
    assert_eq!(sim.visible("waits").len(), 1);
    no_token_is_told(&sim, &stage);
    let said = said(&stage, post).await;
    assert!(!said.contains("canary"), "{said}");
}

#[tokio::test]
async fn what_can_not_be_posted_to_is_not_connected() {
    let database = Database::shared().await;
    for (chat, settings, word) in [
        ("@closed_one", json!({"may_post": false}), "administrator"),
        ("@small_group", json!({"type": "group"}), "supergroup"),
        ("@migrated", json!({"type": "group", "migrated_to": -1_001_234_567_890_i64}), "-1001234567890"),
        ("@unknown_one", json!({}), "not found"),
    ] {
        let sim = Sim::start();
        let server = sim.url_of("telegram");
        let known = if chat == "@unknown_one" { "@another_one" } else { chat };
        sim.add_account("telegram", known, TOKEN);
        sim.platform("telegram").set(&json!({ chat: settings })).expect("settings");
        let deployment =
            crier_tests::crierd::Deployment::init(&database.url(crier_tests::cluster::SIDECAR_ROLE));
        let sql = database.connect().await;
        let workspace = create_workspace(&sql).await;
        let said = deployment.try_add_account_on("telegram", workspace, chat, &server, TOKEN);
        let (stderr, refused) = (&said.stderr, !said.status.success());
        assert!(refused && stderr.contains(word) && !stderr.contains("canary"), "{chat}: {stderr}");
    }
}

#[tokio::test]
async fn what_telegram_would_refuse_is_refused_before() {
    let (_sim, stage) = simulated().await;
    let image = json!([image(1)]);
    for (text, media, settings) in [
        ("x".repeat(4_097), json!([]), json!({})),
        ("x".repeat(1_025), image.clone(), json!({})),
        ("<b>x".to_owned(), json!([]), json!({"parse_mode": "HTML"})),
        ("x.".to_owned(), json!([]), json!({"parse_mode": "MarkdownV2"})),
        ("x".to_owned(), json!([]), json!({"entities": [{"type": "bold", "offset": 0, "length": 2}]})),
        ("x".to_owned(), image, json!({"link_preview": {"is_disabled": true}})),
    ] {
        let refusal = stage.refused_post(&text, &media, &json!({ "telegram": settings })).await;
        assert_eq!(
            (refusal.code.as_str(), refusal.detail.as_str()),
            ("22023", "content_invalid"),
            "{refusal}"
        );
    }
    // and what is at the limit is not
    stage.post(&"🎉".repeat(2_048)).await;
}

#[tokio::test]
async fn a_thread_is_answers_and_is_taken_back() {
    let (sim, stage) = simulated().await;
    let _crierd = stage.deployment.start().await;
    let media = json!([image(1), image(2)]);
    let sql = "SELECT crier.create_post($1, 'first', ARRAY[$2::uuid], media => $3, thread => '[\"second\"]', first_comment => 'third')";
    let post: Uuid = stage.sql.value(sql, &[&stage.workspace, &stage.account, &media]).await;
    let targets = stage.published_parts(post).await;
    assert_eq!(targets.len(), 3);
    let [first, second, third] =
        ["first", "second", "third"].map(|text| sim.visible(text).into_iter().next().expect(text));
    // the first is an album: the others answer its first message
    let album: Vec<_> = first.key.split(',').collect();
    assert_eq!(album.len(), 2);
    assert_eq!((second.reply_to.as_deref(), third.reply_to.as_deref()), (Some(album[0]), Some(album[0])));

    let id = targets[0]["id"].as_str().expect("an id").to_owned();
    stage.sql.run(&format!("SELECT crier.delete_published('{id}')")).await;
    wait_until("what is left", 2, async || sim.platform("telegram").timeline().len()).await;
    let deleted =
        format!("SELECT count(*) FROM crier.post_target WHERE id = '{id}' AND deleted_at IS NOT NULL");
    wait_until("that it is deleted", "1".to_owned(), async || stage.sql.text(&deleted).await).await;
    for action in ["like", "follow", "send_dm"] {
        let act = format!("SELECT crier.act('{}', '{action}', '1')", stage.account);
        assert_eq!(stage.sql.refusal(&act).await.detail, "unsupported", "{action}");
    }
    let metrics = format!("SELECT crier.read_metrics('{id}')");
    assert_eq!(stage.sql.refusal(&metrics).await.detail, "unsupported");
}

#[tokio::test]
async fn no_order_of_faults_loses_a_post_on_telegram_or_doubles_it() {
    hold(COURSE, singles_and_some_pairs).await;
}

#[tokio::test]
async fn no_order_of_faults_loses_an_image_on_telegram_or_doubles_it() {
    hold(WITH_MEDIA, singles_and_some_pairs).await;
}

#[tokio::test]
async fn killed_between_two_calls_of_the_database_on_telegram() {
    hold_at_the_database(WITH_MEDIA).await;
}
