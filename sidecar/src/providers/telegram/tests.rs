//! The provider against a server that answers from a script: what it asks, and what it makes of the answers.

mod garbage;
mod requests;

use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::providers::answer::fixtures;
use crate::providers::script::{Script, TOKEN};
use crate::providers::sought;

/// A GIF of 3 by 2 pixels.
const GIF: &str = "data:image/gif;base64,R0lGODdhAwACAIAAAAAAAP///ywAAAAAAwACAAACAoRdADs=";
/// A PNG of 1 by 1.
const PNG: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const MP4: &str = "data:video/mp4;base64,AAAAIGZ0eXBpc29tIGFuZCBtb3Jl";
const PDF: &str = "data:application/pdf;base64,JVBERi0xLjcK";
const CHAT: &str = "-1001234567890";

fn provider() -> Telegram {
    let (client, fetcher) = (Client::new().unwrap(), Fetcher::new().unwrap());
    Telegram { client, fetcher, endpoints: Endpoints::default() }
}

fn caller(script: &Script) -> Caller {
    let account = Account {
        id: Uuid::nil(),
        external_id: CHAT.into(),
        handle: "@news".into(),
        base_url: script.url.clone(),
        charges: Default::default(),
    };
    Caller { account, session: Session::new(TOKEN.into(), "".into()) }
}

fn post(content: &str, media: &[&str], settings: Value) -> Post {
    let media = media.iter().map(|url| json!({ "url": url })).collect();
    Post { content: content.into(), media, settings, attempt: 1, reply_to: None }
}

fn message(id: u64) -> Value {
    json!({ "message_id": id, "date": 1_795_000_000, "chat": { "id": -1_001_234_567_890_i64, "type": "channel", "username": "crier_news" } })
}

fn ok(result: Value) -> (u16, Value) {
    (200, json!({ "ok": true, "result": result }))
}

fn refusal(code: u16, description: &str) -> (u16, Value) {
    (code, json!({ "ok": false, "error_code": code, "description": description }))
}

/// What is prepared and written down of a post.
async fn drafted(caller: &Caller, post: &Post) -> Result<Frozen, Failure> {
    let mut prepared = Value::Null;
    while let Some(more) = provider().prepare(caller, post, &prepared).await? {
        prepared = more;
    }
    provider().draft(post, &prepared)
}

async fn publish(post: &Post, answers: Vec<(u16, Value)>) -> (Result<Published, Failure>, Vec<String>) {
    let script = Script::start(answers).await;
    let caller = caller(&script);
    let frozen = match drafted(&caller, post).await {
        Ok(frozen) => frozen,
        Err(failure) => return (Err(failure), vec![]),
    };
    let sent = provider().commit(&caller, post, &frozen).await;
    (sent, script.seen())
}

#[test]
fn every_recorded_answer_has_its_class() {
    let checked = fixtures::check("telegram", classify::failure);
    assert!(checked >= 80, "only {checked} classes");
}

#[tokio::test]
async fn a_message_has_an_address() {
    let (sent, _) = publish(&post("hi", &[], json!({})), vec![ok(message(7))]).await;
    let there = sent.unwrap();
    assert_eq!((there.external_id.as_str(), there.url.as_str()), ("7", "https://t.me/crier_news/7"));
    let mut hidden = message(7);
    hidden["chat"]["username"] = Value::Null;
    let (sent, _) = publish(&post("hi", &[], json!({})), vec![ok(hidden)]).await;
    assert_eq!(sent.unwrap().url, "https://t.me/c/1234567890/7");
    let album = ok(json!([message(7), message(8)]));
    let (sent, _) = publish(&post("hi", &[PNG, MP4], json!({})), vec![album]).await;
    assert_eq!(sent.unwrap().external_id, "7,8");
}

#[tokio::test]
async fn what_comes_of_a_send_is_told_by_its_answer_alone() {
    let mut elsewhere = message(7);
    elsewhere["chat"]["id"] = json!(-1);
    for (answer, class) in [
        (refusal(429, "Too Many Requests: retry after 5"), ErrorClass::RateLimited),
        (refusal(400, "Bad Request: message is too long"), ErrorClass::ContentInvalid),
        (refusal(403, "Forbidden: bot was kicked from the channel chat"), ErrorClass::Permission),
        (refusal(500, "Internal Server Error"), ErrorClass::OutcomeUnknown),
        ((400, json!("<html>")), ErrorClass::OutcomeUnknown),
        ((200, json!({ "ok": true })), ErrorClass::OutcomeUnknown),
        (ok(json!(true)), ErrorClass::OutcomeUnknown),
        (ok(json!([])), ErrorClass::OutcomeUnknown),
        (ok(elsewhere), ErrorClass::OutcomeUnknown),
    ] {
        let (sent, seen) = publish(&post("hi", &[], json!({})), vec![answer.clone()]).await;
        assert_eq!((sent.unwrap_err().class, seen.len()), (class, 1), "{answer:?}");
    }
    let script = Script::start(vec![]).await;
    let caller = caller(&script);
    let frozen = drafted(&caller, &post("hi", &[], json!({}))).await.unwrap();
    let look = provider().look(&caller.account, Some(&caller.session), sought(&frozen)).await;
    assert_eq!(look.unwrap_err().class, ErrorClass::OutcomeUnknown);
    assert!(script.seen().is_empty());
}

#[tokio::test]
async fn media_that_changed_are_not_sent() {
    let script = Script::start(vec![ok(message(7))]).await;
    let caller = caller(&script);
    let frozen = drafted(&caller, &post("hi", &[PNG], json!({}))).await.unwrap();
    for media in [json!([{ "url": GIF }]), json!([]), Value::Null] {
        let changed = Post { media, ..post("hi", &[], json!({})) };
        let failure = provider().commit(&caller, &changed, &frozen).await.unwrap_err();
        assert!(failure.draft_again && failure.class == ErrorClass::Transient, "{failure}");
    }
    assert!(script.seen().is_empty(), "{:?}", script.seen());
}

#[tokio::test]
async fn a_request_without_an_end_is_no_send() {
    use crate::providers::Failure;
    use crate::providers::form_file::{Cut, noting};
    let cut = Cut::default();
    assert_eq!(cut.taken(), None);
    let script = Script::start(vec![ok(message(7))]).await;
    let broken = Failure::new(ErrorClass::Transient, "its host sent less than it said");
    let noted = cut.clone();
    let bytes = futures_util::stream::iter([Ok(vec![0; 9]), Err(broken.clone())]);
    let bytes = noting(bytes, noted);
    let part = reqwest::multipart::Part::stream_with_length(reqwest::Body::wrap_stream(bytes), 100);
    let form = reqwest::multipart::Form::new().part("video", part);
    let token = TOKEN.into();
    let bot = provider();
    let sent = bot.bot(&script.url, &token).upload(answer_phase(), "sendVideo", form).await;
    assert_eq!(sent.unwrap_err().class, ErrorClass::OutcomeUnknown);
    assert_eq!(cut.taken(), Some(broken));
    assert!(script.seen().is_empty(), "{:?}", script.seen());
}

fn answer_phase() -> crate::providers::answer::Phase {
    crate::providers::answer::Phase::Commit
}

#[tokio::test]
async fn a_gif_is_alone_and_media_are_not_too_many_bytes() {
    let (sent, _) = publish(&post("", &[GIF, PNG], json!({})), vec![]).await;
    assert_eq!(sent.unwrap_err().class, ErrorClass::ContentInvalid);
    let script = Script::start(vec![]).await;
    let full = json!({ "files": [{ "sort": "video", "bytes": telegram_bytes() }] });
    let two = post("", &[MP4, MP4], json!({}));
    let failure = provider().prepare(&caller(&script), &two, &full).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::ContentInvalid);
}

fn telegram_bytes() -> usize {
    crier_core::platform::telegram::MAX_BYTES
}

async fn login(answers: Vec<(u16, Value)>) -> Result<Login, Failure> {
    let script = Script::start(answers).await;
    provider().login(&script.url, "@crier_news", &TOKEN.into()).await
}

#[tokio::test]
async fn a_login_names_the_chat_and_asks_for_the_right_to_post() {
    let me = || ok(json!({ "id": 42, "is_bot": true, "username": "crier_bot" }));
    let chat =
        |kind: &str| ok(json!({ "id": -1_001_234_567_890_i64, "type": kind, "username": "Crier_News" }));
    let member = |may: bool| ok(json!({ "status": "administrator", "can_post_messages": may }));
    let opened = login(vec![me(), chat("channel"), member(true)]).await.unwrap();
    assert_eq!((opened.external_id.as_str(), opened.handle.as_str()), (CHAT, "@Crier_News"));
    for (answers, class, word) in [
        (vec![me(), chat("channel"), member(false)], ErrorClass::Permission, "crier_bot"),
        (vec![me(), chat("group")], ErrorClass::Permission, "supergroup"),
        (vec![me(), chat("private")], ErrorClass::Permission, "supergroup"),
        (vec![refusal(401, "Unauthorized")], ErrorClass::AuthRevoked, "Unauthorized"),
        (vec![me(), refusal(400, "Bad Request: chat not found")], ErrorClass::TargetMissing, "not found"),
        (vec![ok(json!({ "id": 42, "is_bot": false }))], ErrorClass::Transient, "something else"),
        (vec![me(), ok(json!({ "id": "x", "type": 7 }))], ErrorClass::Transient, "something else"),
    ] {
        let failure = login(answers).await.unwrap_err();
        assert!(failure.class == class && failure.message.contains(word), "{failure}");
    }
}

#[tokio::test]
async fn what_is_gone_is_taken_back_too() {
    let delete = async |answers| {
        let script = Script::start(answers).await;
        let done = provider().act(&caller(&script), &Act::Delete { post: "7,8".into() }).await;
        (done.map_err(|failure| failure.class), script.seen().len())
    };
    let gone = || refusal(400, "Bad Request: message to delete not found");
    assert_eq!(delete(vec![ok(json!(true)), gone()]).await, (Ok(Done::default()), 2));
    let kept = refusal(400, "Bad Request: message can't be deleted");
    assert_eq!(delete(vec![kept]).await, (Err(ErrorClass::Permission), 1));
    let lost = refusal(400, "Bad Request: chat not found");
    assert_eq!(delete(vec![lost]).await, (Err(ErrorClass::TargetMissing), 1));
}
