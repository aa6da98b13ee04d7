//! The provider against a server that answers from a script: what it asks, and what it makes of the answers.

mod login;
mod requests;

use std::time::{SystemTime, UNIX_EPOCH};

use secrecy::ExposeSecret;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::providers::hostile::{GIF, Sample};
use crate::providers::script::{Script, TOKEN};
use crate::providers::{Theirs, bare, sought};

const CHANNEL: &str = "C022";
/// A bot that writes into a channel, and a webhook.
const BOT: &str = "T1/U7/C022";
const WEBHOOK: &str = "T1/B5";

fn provider() -> Slack {
    Slack {
        client: Client::new().unwrap(),
        fetcher: Fetcher::new().unwrap(),
        app: Some(App { client_id: "the-app".into(), client_secret: Some("app-secret".into()) }),
        endpoints: Endpoints::default(),
    }
}

fn caller(script: &Script, external_id: &'static str) -> Caller {
    Sample { external_id, ..Sample::text() }.caller(&script.url, TOKEN, "")
}

fn post(content: &str, media: Value, settings: Value) -> Post {
    Post { content: content.into(), media, settings, ..Sample::text().post }
}

fn ok(mut body: Value) -> (u16, Value) {
    body["ok"] = json!(true);
    (200, body)
}

fn no(error: &str) -> (u16, Value) {
    (200, json!({"ok": false, "error": error}))
}

fn posted() -> (u16, Value) {
    ok(json!({"channel": CHANNEL, "ts": "1795000000.000100"}))
}

fn linked() -> (u16, Value) {
    ok(json!({"permalink": "https://acme.slack.com/archives/C022/p1795000000000100"}))
}

fn me() -> (u16, Value) {
    ok(json!({"team_id": "T1", "user_id": "U7", "bot_id": "B1"}))
}

fn shares(ts: &str) -> (u16, Value) {
    ok(json!({"file": {"id": "F1", "shares": {"private": {CHANNEL: [{"ts": ts}]}}}}))
}

fn now() -> String {
    format!("{}.000100", SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs())
}

fn message(text: &str, key: Option<&str>) -> Value {
    let mut message = json!({"ts": now(), "user": "U7", "text": text});
    if let Some(key) = key {
        message["metadata"] = json!({"event_type": "crier_post", "event_payload": {"key": key}});
    }
    message
}

fn history(messages: Value) -> (u16, Value) {
    ok(json!({"messages": messages, "has_more": false}))
}

/// Prepares, and writes the message down. Files have been uploaded.
fn drafted(post: &Post, files: Value) -> Frozen {
    let thread = post.reply_to.as_deref().map(|_| "1795000000.000050");
    let prepared = json!({"place": {"channel": CHANNEL, "thread": thread}, "files": files});
    provider().draft(post, &prepared).unwrap()
}

async fn looked(answers: Vec<(u16, Value)>, frozen: &Frozen) -> Result<Found, ErrorClass> {
    let script = Script::start(answers).await;
    let caller = caller(&script, BOT);
    let found = provider().look(&caller.account, Some(&caller.session), sought(frozen)).await;
    found.map_err(|failure| failure.class)
}

#[tokio::test]
async fn a_bot_has_to_be_able_to_read_its_channel() {
    let login = async |handle: &str, answers: Vec<(u16, Value)>| {
        let script = Script::start(answers).await;
        let login = provider().login(&script.url, handle, &TOKEN.into()).await;
        login.map(|login| (login.external_id, login.handle)).map_err(|failure| failure.class)
    };
    let known = Ok((BOT.to_owned(), CHANNEL.to_owned()));
    assert_eq!(login("#C022", vec![me(), history(json!([]))]).await, known);
    for (handle, answers, class) in [
        (CHANNEL, vec![me(), no("not_in_channel")], ErrorClass::Permission),
        (CHANNEL, vec![me(), no("missing_scope")], ErrorClass::Permission),
        (CHANNEL, vec![me(), no("channel_not_found")], ErrorClass::TargetMissing),
        (CHANNEL, vec![no("invalid_auth")], ErrorClass::AuthRevoked),
        (CHANNEL, vec![ok(json!({"team_id": "T1", "user_id": "U7"}))], ErrorClass::Permission),
        (
            CHANNEL,
            vec![ok(json!({"team_id": "../T1", "user_id": "U7", "bot_id": "B"}))],
            ErrorClass::Transient,
        ),
        ("general", vec![], ErrorClass::Config),
    ] {
        assert_eq!(login(handle, answers.clone()).await, Err(class), "{handle} {answers:?}");
    }
}

#[tokio::test]
async fn a_webhook_is_known_by_its_address() {
    let script = Script::start(vec![(400, json!("no_text")), (404, json!("no_service"))]).await;
    let address: SecretString = format!("{}/services/T1/B5/abcDEF", script.url).into();
    let login = provider().login(&script.url, "news", &address).await.unwrap();
    assert_eq!((login.external_id.as_str(), login.handle.as_str()), (WEBHOOK, "news"));
    assert_eq!(
        (login.session.access.expose_secret(), login.base_url.as_str()),
        ("abcDEF", script.url.as_str())
    );
    let gone = provider().login(&script.url, "news", &address).await.unwrap_err();
    assert_eq!(gone.class, ErrorClass::TargetMissing);
    let elsewhere = "https://evil.example/services/T1/B5/abcDEF".into();
    let refused = provider().login(&script.url, "news", &elsewhere).await.unwrap_err();
    assert_eq!((refused.class, script.seen().len()), (ErrorClass::Config, 2), "expected nobody to be asked");
}

#[tokio::test]
async fn a_webhook_takes_text_alone_and_can_not_tell() {
    let script = Script::start(vec![(200, json!("ok")), (200, json!("<html>"))]).await;
    let (provider, caller) = (provider(), caller(&script, WEBHOOK));
    let media = json!([{"url": GIF}]);
    let refused = provider.prepare(&caller, &post("hi", media, json!({})), &Value::Null).await;
    assert_eq!(refused.unwrap_err().class, ErrorClass::Unsupported);
    let own = Post { reply_to: Some(Uuid::nil().to_string()), ..post("hi", json!([]), json!({})) };
    let refused = provider.prepare(&caller, &own, &Value::Null).await;
    assert_eq!(refused.unwrap_err().class, ErrorClass::Unsupported);
    let text = post("hi", json!([]), json!({}));
    let prepared = provider.prepare(&caller, &text, &Value::Null).await.unwrap().unwrap();
    let frozen = provider.draft(&text, &prepared).unwrap();
    let sent = provider.commit(&caller, &bare(), &frozen).await.unwrap();
    assert_eq!(
        (sent.external_id, sent.url.as_str()),
        (frozen.key.clone(), "https://app.slack.com/client/T1")
    );
    assert_eq!(
        provider.commit(&caller, &bare(), &frozen).await.unwrap_err().class,
        ErrorClass::OutcomeUnknown
    );
    let asked = script.seen().len();
    let unknown = provider.look(&caller.account, Some(&caller.session), sought(&frozen)).await.unwrap_err();
    assert_eq!((unknown.class, script.seen().len()), (ErrorClass::OutcomeUnknown, asked));
    let delete = Act::Delete { post: "C022/1795000000.000100".into() };
    assert_eq!(provider.act(&caller, &delete).await.unwrap_err().class, ErrorClass::Unsupported);
}

#[tokio::test]
async fn an_address_that_is_not_told_fails_no_post() {
    let frozen = drafted(&post("hi", json!([]), json!({})), json!([]));
    for (answer, url) in [
        (linked(), "https://acme.slack.com/archives/C022/p1795000000000100"),
        (no("message_not_found"), "https://slack.com/app_redirect?channel=C022&message_ts=1795000000.000100"),
        ((500, json!("")), "https://slack.com/app_redirect?channel=C022&message_ts=1795000000.000100"),
        (
            ok(json!({"permalink": "https://evil.example/archives/C022/p1795000000000100"})),
            "https://slack.com/app_redirect?channel=C022&message_ts=1795000000.000100",
        ),
    ] {
        let script = Script::start(vec![posted(), answer]).await;
        let sent = provider().commit(&caller(&script, BOT), &bare(), &frozen).await.unwrap();
        assert_eq!((sent.external_id.as_str(), sent.url.as_str()), ("C022/1795000000.000100", url));
    }
}

#[tokio::test]
async fn a_message_is_known_by_its_key() {
    let frozen = drafted(&post("hi & bye", json!([]), json!({})), json!([]));
    let ours = message("anything", Some(&frozen.key));
    let Ok(Found::Same(same)) =
        looked(vec![history(json!([message("hi", None), ours])), linked()], &frozen).await
    else {
        panic!("not found");
    };
    assert!(same.external_id.starts_with("C022/"), "{same:?}");
    for (messages, found) in [
        (json!([]), Found::Absent),
        (json!([message("something else", None)]), Found::Absent),
        // another one of the same text, which is known by its own key
        (json!([message("hi &amp; bye", Some("another"))]), Found::Absent),
        // the metadata may be kept back
        (json!([message("hi &amp; bye", None)]), Found::Other),
        (json!([{"ts": now(), "user": "U8", "text": "hi &amp; bye"}]), Found::Absent),
    ] {
        assert_eq!(looked(vec![history(messages.clone())], &frozen).await, Ok(found), "{messages}");
    }
    for (answer, class) in [
        (no("ratelimited"), ErrorClass::RateLimited),
        (no("not_in_channel"), ErrorClass::TargetMissing),
        (no("internal_error"), ErrorClass::Transient),
        (history(json!([{"ts": "soon"}])), ErrorClass::Transient),
        (history(json!([7])), ErrorClass::Transient),
        ((200, json!({"messages": []})), ErrorClass::Transient),
    ] {
        assert_eq!(looked(vec![answer.clone()], &frozen).await, Err(class), "{answer:?}");
    }
}

#[tokio::test]
async fn messages_of_other_targets_are_passed_over() {
    let frozen = drafted(&post("hi", json!([]), json!({})), json!([]));
    let mut theirs = message("hi", None);
    theirs["ts"] = json!("4795000000.000100");
    let script = Script::start(vec![history(json!([theirs]))]).await;
    let caller = caller(&script, BOT);
    let sought = Sought { frozen: &frozen, drafted: None, others: &Theirs(&["C022/4795000000.000100"]) };
    let found = provider().look(&caller.account, Some(&caller.session), sought).await;
    assert_eq!(found, Ok(Found::Absent));
}

#[tokio::test]
async fn a_thread_is_read_as_a_whole() {
    let answer = Post { reply_to: Some("x".into()), ..post("hi", json!([]), json!({})) };
    let frozen = drafted(&answer, json!([]));
    let parent = json!({"ts": "1795000000.000050", "user": "U7", "text": "hi"});
    let page = |messages: Value, cursor: &str| {
        ok(json!({"messages": messages, "response_metadata": {"next_cursor": cursor}}))
    };
    let ours = message("x", Some(&frozen.key));
    let answers = vec![page(json!([parent, message("y", None)]), "2"), page(json!([ours]), ""), linked()];
    let Ok(Found::Same(same)) = looked(answers, &frozen).await else { panic!("not found") };
    assert!(same.external_id.ends_with("/1795000000.000050"), "{same:?}");
    assert_eq!(looked(vec![page(json!([parent]), "")], &frozen).await, Ok(Found::Absent));
    let endless = vec![page(json!([message("y", None)]), "2"); 6];
    assert_eq!(looked(endless, &frozen).await, Err(ErrorClass::Transient));
}

#[tokio::test]
async fn files_tell_where_they_are_shown() {
    let frozen =
        drafted(&post("hi", json!([{"url": GIF}]), json!({})), json!([{"id": "F1", "title": "a.gif"}]));
    let hidden = || ok(json!({"file": {"id": "F1", "shares": {}}}));
    let Ok(Found::Same(same)) = looked(vec![shares("1795000000.000100"), linked()], &frozen).await else {
        panic!("not found");
    };
    assert_eq!(same.external_id, "C022/1795000000.000100");
    assert_eq!(looked(vec![hidden()], &frozen).await, Ok(Found::Pending));
    assert_eq!(looked(vec![no("file_not_found")], &frozen).await, Ok(Found::Absent));
    assert_eq!(looked(vec![ok(json!({"file": {}}))], &frozen).await, Err(ErrorClass::Transient));
    assert_eq!(looked(vec![ok(json!({}))], &frozen).await, Err(ErrorClass::Transient));

    let committed = async |answers: Vec<(u16, Value)>| {
        let script = Script::start(answers).await;
        provider().commit(&caller(&script, BOT), &bare(), &frozen).await
    };
    let done = || ok(json!({"files": [{"id": "F1"}]}));
    let sent = committed(vec![done(), hidden(), shares("1795000000.000100"), linked()]).await.unwrap();
    assert_eq!(sent.external_id, "C022/1795000000.000100");
    let gone = committed(vec![no("file_not_found")]).await.unwrap_err();
    assert!(gone.draft_again, "{gone}");
    let unknown = committed(vec![done()]).await.unwrap_err();
    assert_eq!(unknown.class, ErrorClass::OutcomeUnknown);
}

#[tokio::test]
async fn what_was_done_is_done() {
    let script =
        Script::start(vec![no("message_not_found"), no("already_reacted"), no("missing_scope")]).await;
    let (provider, caller) = (provider(), caller(&script, BOT));
    let post = || "C022/1795000000.000100".to_owned();
    assert!(provider.act(&caller, &Act::Delete { post: post() }).await.is_ok());
    let like = Act::Like { post: post(), key: Uuid::nil() };
    assert!(provider.act(&caller, &like).await.is_ok());
    assert_eq!(provider.act(&caller, &like).await.unwrap_err().class, ErrorClass::Permission);
    let follow = Act::Follow { account: "U8".into(), key: Uuid::nil() };
    assert_eq!(provider.act(&caller, &follow).await.unwrap_err().class, ErrorClass::Unsupported);
}

/// Those that any provider may meet are in `hostile.rs`, for a bot without files.
#[tokio::test]
async fn what_is_no_message_is_none() {
    let text = drafted(&post("hi", json!([]), json!({})), json!([]));
    let files =
        drafted(&post("hi", json!([{"url": GIF}]), json!({})), json!([{"id": "F1", "title": "a.gif"}]));
    for (external_id, frozen) in [(BOT, &text), (BOT, &files), (WEBHOOK, &text)] {
        for body in ["", "{}", "[]", "not ok", r#"{"ok":true,"channel":"../C","ts":"1"}"#, r#"{"ok":false}"#]
        {
            for status in [200, 204, 500] {
                let script = Script::always(status, body.as_bytes().to_vec()).await;
                let sent =
                    provider().commit(&caller(&script, external_id), &bare(), frozen).await.unwrap_err();
                assert_eq!(sent.class, ErrorClass::OutcomeUnknown, "{status} {body}");
            }
        }
    }
}
