//! Messages on Slack: one of each by a bot, whatever is lost; by a webhook one at most, and a person is asked where nobody can know.

mod login;

use crier_tests::backdoor;
use crier_tests::images::data_url;
use crier_tests::orders::{Course, film, picture};
use crier_tests::sim::Sim;
use crier_tests::sim::fault::{Fault, Rule};
use crier_tests::wait::wait_until;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::chat::{self, all_published, delete};
use crate::fault_orders::{hold, hold_at_the_database, singles_and_some_pairs};

const NAME: &str = "slack";
const POST: &str = "chat.postMessage";
const COMPLETE: &str = "files.completeUploadExternal";
const HOOK: &str = "hooks.post";
const CHANNEL: &str = "C0000000022";

pub(crate) const BOT: Course = Course {
    platform: NAME,
    handle: CHANNEL,
    secret: "xoxb-canary-token-of-a-bot",
    commit: POST,
    ..Course::PLAIN
};
/// The same with files, which appear by another call.
pub(crate) const WITH_FILES: Course =
    Course { commit: COMPLETE, media: || json!([picture()[0], pdf()]), ..BOT };
pub(crate) const WEBHOOK: Course = Course {
    platform: NAME,
    secret: "SERVER/services/T0000000001/B0000000002/canaryTokenOfAWebhook",
    commit: HOOK,
    asks: true,
    ..Course::PLAIN
};

fn pdf() -> Value {
    json!({"url": data_url("application/pdf", b"%PDF-1.7\nmore"), "alt": "a page"})
}

fn set(sim: &Sim, settings: Value) {
    chat::set(sim, NAME, &settings);
}

#[tokio::test]
async fn a_message_is_there_as_it_was_asked_for() {
    let (sim, stage) = BOT.simulated().await;
    let _crierd = stage.deployment.start().await;
    let text = "Grüße 🎉 an <!channel> & https://crier.example";
    let post = stage.post(text).await;
    let target = stage.published(post).await;
    let there = sim.visible(text);
    assert_eq!((there.len(), &target["url"]), (1, &json!(there[0].uri)), "{target}");
    let post = stage.post_with("with files", &json!([picture()[0], film()[0], pdf()])).await;
    let target = stage.published(post).await;
    let there = sim.visible("with files");
    assert_eq!((there.len(), &target["url"]), (1, &json!(there[0].uri)), "{target}");
    let shown: Vec<_> =
        there[0].images.iter().map(|file| (file.alt.as_str(), file.mime_type.as_str())).collect();
    assert_eq!(shown, [("four by three", "png"), ("", "mp4"), ("", "pdf")]);
    delete(&stage, post).await;
    assert_eq!(sim.platform(NAME).timeline().len(), 1);

    let (sim, stage) = WEBHOOK.simulated().await;
    let _crierd = stage.deployment.start().await;
    let post = stage.post("by a webhook").await;
    let target = stage.published(post).await;
    assert_eq!(target["url"], "https://app.slack.com/client/T0000000001", "{target}");
    assert_eq!(sim.visible("by a webhook").len(), 1);
    let files = stage.post_with("no files", &picture()).await;
    let target = stage.reached(files, "failed").await;
    assert_eq!((&target["error"]["class"], sim.calls(HOOK)), (&json!("unsupported"), 2), "{target}");
    let log = stage.deployment.logs();
    assert!(!log.contains("canaryToken"), "a secret is in the log");
}

#[tokio::test]
async fn accounts_are_known_by_their_ids() {
    let account = "SELECT external_id, handle, status FROM crier.social_account";
    let (sim, stage) = BOT.simulated().await;
    assert_eq!(stage.sql.text(account).await, "T0000000001/U0000000022/C0000000022|C0000000022|active");
    let server = sim.url_of(NAME);
    sim.add_account(NAME, "C0000000023", "xoxb-canary-of-another-bot");
    let add = |handle: &str| {
        let secret = "xoxb-canary-of-another-bot";
        stage.deployment.try_add_account_on(NAME, stage.workspace, handle, &server, secret)
    };
    // the channel of another bot, one that it was not invited to, and scopes with which it couldn't look
    assert!(!add(CHANNEL).status.success());
    for (settings, said) in [
        (json!({"member": false}), "invite it"),
        (json!({"scopes": "chat:write,files:write", "member": true}), "files:read"),
    ] {
        set(&sim, settings);
        let refused = add("C0000000023");
        assert!(!refused.status.success() && refused.stderr.contains(said), "{refused:?}");
        assert!(!refused.stderr.contains("xoxb-canary"), "{refused:?}");
    }
    set(&sim, json!({"scopes": "chat:write,channels:history"}));
    assert!(add("C0000000023").status.success());

    let (sim, stage) = WEBHOOK.simulated().await;
    assert_eq!(stage.sql.text(account).await, "T0000000001/B0000000002|alice|active");
    let elsewhere =
        "https://hooks.slack.com.evil.example/services/T0000000001/B0000000002/canaryTokenOfAWebhook";
    let refused =
        stage.deployment.try_add_account_on(NAME, stage.workspace, "alice", &sim.url_of(NAME), elsewhere);
    assert!(!refused.status.success() && !refused.stderr.contains("canaryToken"), "{refused:?}");
}

#[tokio::test]
async fn files_that_are_not_shown_yet_are_not_sent_again() {
    let (sim, stage) = BOT.simulated().await;
    set(&sim, json!({"share_seconds": 3_600}));
    let _crierd = stage.deployment.start().await;
    let post = stage.post_with("looked at first", &picture()).await;
    stage.reached(post, "unknown").await;
    let looks = sim.calls("files.info");
    backdoor::age_intents(&stage.sql).await;
    backdoor::make_retries_due(&stage.sql).await;
    wait_until("another look", true, async || sim.calls("files.info") > looks).await;
    assert_eq!(sim.calls(COMPLETE), 1, "expected nothing to be sent again, however long it takes");
    set(&sim, json!({"share_seconds": 0}));
    let target = stage.ended(post).await;
    assert_eq!((&target["state"], sim.calls(COMPLETE)), (&json!("published"), 1), "{target}");
    assert_eq!(sim.visible("looked at first").len(), 1);
}

/// Of some apps Slack takes one look a minute.
#[tokio::test]
async fn a_look_that_has_to_wait_uses_up_no_try() {
    let (sim, stage) = BOT.simulated().await;
    sim.plan(Rule::once(NAME, POST, Fault::DropAfterCommit));
    sim.plan(Rule::once(NAME, "conversations.history", Fault::RateLimited).seconds(1.0).times(5));
    let _crierd = stage.deployment.start().await;
    let post = stage.post("patience").await;
    let target = stage.ended(post).await;
    assert_eq!((&target["state"], &target["attempts"]), (&json!("published"), &json!(1)), "{target}");
    // one of them at the login
    assert_eq!((sim.calls(POST), sim.calls("conversations.history")), (1, 7));
}

#[tokio::test]
async fn a_thread_is_one_of_slacks() {
    let (sim, stage) = BOT.simulated().await;
    let _crierd = stage.deployment.start().await;
    // the answer to the second part is lost: it is looked for in the thread
    let sql = "SELECT crier.create_post($1, 'one', ARRAY[$2::uuid], thread => $3)";
    let rest = json!(["two", {"content": "three", "media": picture()}]);
    sim.plan(Rule::once(NAME, "conversations.history", Fault::ServerError));
    let post: Uuid = stage.sql.value(sql, &[&stage.workspace, &stage.account, &rest]).await;
    all_published(&stage, post).await;
    let first = sim.visible("one")[0].uri.clone();
    let first = first.rsplit('p').next().map(|digits| digits.split_at(digits.len() - 6));
    let first = first.map(|(seconds, rest)| format!("{seconds}.{rest}"));
    let answered: Vec<_> = sim.ledger().into_iter().map(|entry| entry.reply_to).collect();
    assert_eq!(answered, [None, first.clone(), first.clone()]);

    // and an answer to an answer, whose own answer is lost
    sim.forget_faults();
    let settings = json!({NAME: {"reply_to": sim.visible("two")[0].uri}});
    sim.plan(Rule::once(NAME, POST, Fault::DropAfterCommit));
    let late = stage.post_as("four", &json!([]), &settings).await;
    let target = stage.ended(late).await;
    assert_eq!((&target["state"], sim.visible("four").len()), (&json!("published"), 1), "{target}");
    assert_eq!(sim.visible("four")[0].reply_to, first);
    let gone = json!({NAME: {"reply_to": "C0000000022/1000000000.000001"}});
    let gone = stage.post_as("to nobody", &json!([]), &gone).await;
    let target = stage.reached(gone, "failed").await;
    assert_eq!(target["error"]["class"], "target_missing", "{target}");
}

#[tokio::test]
async fn a_bots_message_whose_answer_is_lost_is_there_once() {
    let (sim, stage) = BOT.simulated().await;
    // no more than Slack shows to some apps
    set(&sim, json!({"page": 15}));
    let _crierd = stage.deployment.start().await;
    let faults = [
        Fault::DropAfterCommit,
        Fault::ServerErrorAfterCommit,
        Fault::Garbage,
        Fault::DropBeforeCommit,
        Fault::ErrorInSuccess,
    ];
    chat::is_there_once(&sim, &stage, (BOT, &json!([])), &faults).await;
    chat::is_there_once(&sim, &stage, (WITH_FILES, &picture()), &faults).await;
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
    let (sim, stage) = BOT.simulated().await;
    chat::a_limit_is_kept(&sim, &stage, BOT).await;
}

#[tokio::test]
async fn a_token_that_was_taken_back_lets_posts_wait_for_a_login() {
    chat::a_post_waits_for_a_login(BOT, "xoxb-canary-new").await;
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
}

#[tokio::test]
async fn what_slack_would_refuse_is_refused_before() {
    let posts = vec![
        ("x".repeat(4_001), json!([]), json!({})),
        ("x".into(), json!([]), json!({"mrkdwn": false})),
        ("x".into(), json!([]), json!({"broadcast": true})),
        ("x".into(), json!([]), json!({"reply_to": "1795000000.000100"})),
    ];
    chat::are_refused_before(BOT, posts).await;
}

#[tokio::test]
async fn no_order_of_faults_loses_a_bots_message_or_doubles_it() {
    hold(BOT, singles_and_some_pairs).await;
}

#[tokio::test]
async fn nor_one_with_files() {
    hold(WITH_FILES, singles_and_some_pairs).await;
}

#[tokio::test]
async fn no_order_of_faults_doubles_a_webhooks_message() {
    hold(WEBHOOK, singles_and_some_pairs).await;
}

#[tokio::test]
async fn killed_between_two_calls_of_the_database_on_slack() {
    hold_at_the_database(BOT).await;
}
