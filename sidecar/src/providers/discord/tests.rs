//! The provider against a server that answers from a script: what it asks, and what it makes of the answers.

mod requests;

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::providers::hostile::{GIF, Sample};
use crate::providers::script::{Script, TOKEN};
use crate::providers::{Theirs, bare, sought};

const KEY: &str = "019a1ee5-6e00-7000-8000-000000000001";

fn provider() -> Discord {
    Discord::new(Client::new().unwrap(), Fetcher::new().unwrap(), Endpoints::default())
}

fn caller(script: &Script, external_id: &'static str) -> Caller {
    Sample { external_id, ..Sample::text() }.caller(&script.url, TOKEN, "")
}

/// A bot that writes into channel 22, and a webhook.
const BOT: &str = "7/22";
const WEBHOOK: &str = "55";

fn post(content: &str, media: Value, settings: Value) -> Post {
    Post { content: content.into(), media, settings, ..Sample::text().post }
}

fn pdf() -> Value {
    json!({"url": format!("data:application/pdf;base64,{}", STANDARD.encode("%PDF-1.7\nmore"))})
}

fn gif() -> Value {
    json!({"url": GIF, "alt": "a dot"})
}

fn channel() -> (u16, Value) {
    (200, json!({"id": "22", "type": 0, "guild_id": "1"}))
}

fn webhook() -> (u16, Value) {
    (200, json!({"id": "55", "type": 1, "name": "Alice", "guild_id": "1", "channel_id": "22", "token": "x"}))
}

fn made(id: &str, channel: &str) -> (u16, Value) {
    (200, json!({"id": id, "channel_id": channel, "content": "hi"}))
}

fn error(status: u16, code: u64) -> (u16, Value) {
    (status, json!({"code": code, "message": "No"}))
}

/// Ids tell when they were made: this one now.
fn id_of_now() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    ((now - 1_420_070_400_000) << 22).to_string()
}

fn shown(content: &str) -> Value {
    json!({"id": id_of_now(), "channel_id": "22", "author": {"id": "7"}, "content": content})
}

/// Prepares, and writes the message down.
async fn drafted(external_id: &'static str, post: &Post) -> Result<Frozen, Failure> {
    let answer = if external_id == BOT { channel() } else { webhook() };
    let script = Script::start(vec![answer]).await;
    let (provider, caller) = (provider(), caller(&script, external_id));
    let mut prepared = Value::Null;
    while let Some(more) = provider.prepare(&caller, post, &prepared).await? {
        prepared = more;
    }
    provider.draft(post, &prepared)
}

async fn looked(answers: Vec<(u16, Value)>, frozen: &Frozen) -> Result<Found, ErrorClass> {
    let script = Script::start(answers).await;
    let caller = caller(&script, BOT);
    let found = provider().look(&caller.account, Some(&caller.session), sought(frozen)).await;
    found.map_err(|failure| failure.class)
}

#[tokio::test]
async fn a_webhook_is_known_by_its_address() {
    let script = Script::start(vec![webhook(), webhook(), webhook(), error(404, 10_015)]).await;
    let address: SecretString = format!("{}/api/webhooks/55/{TOKEN}", script.url).into();
    for handle in ["alice", "55"] {
        let login = provider().login(&script.url, handle, &address).await.unwrap();
        assert_eq!((login.external_id.as_str(), login.handle.as_str()), ("55", "Alice"));
        assert_eq!(login.session.access.expose_secret(), TOKEN);
    }
    let other = provider().login(&script.url, "bob", &address).await.unwrap_err();
    assert_eq!(other.class, ErrorClass::Permission);
    let gone = provider().login(&script.url, "alice", &address).await.unwrap_err();
    assert_eq!(gone.class, ErrorClass::TargetMissing);
    let elsewhere = "https://evil.example/api/webhooks/55/token".into();
    let refused = provider().login(&script.url, "alice", &elsewhere).await.unwrap_err();
    assert_eq!((refused.class, script.seen().len()), (ErrorClass::Config, 4), "expected nobody to be asked");
}

#[tokio::test]
async fn a_bot_has_to_be_able_to_read_its_channel() {
    let me = || (200, json!({"id": "7", "username": "b", "bot": true}));
    let login = async |handle: &str, answers: Vec<(u16, Value)>| {
        let script = Script::start(answers).await;
        let login = provider().login(&script.url, handle, &format!("Bot {TOKEN}").into()).await;
        login.map(|login| (login.external_id, login.handle)).map_err(|failure| failure.class)
    };
    let known = Ok(("7/22".to_owned(), "1/22".to_owned()));
    assert_eq!(login("22", vec![me(), channel(), error(404, 10_008)]).await, known);
    assert_eq!(login("#1/22", vec![me(), channel(), (200, shown("first"))]).await, known);
    let forum = (200, json!({"id": "22", "type": 15, "guild_id": "1"}));
    for (handle, answers, class) in [
        ("22", vec![me(), channel(), error(403, 50_013)], ErrorClass::Permission),
        ("22", vec![me(), channel(), error(404, 10_003)], ErrorClass::TargetMissing),
        ("22", vec![me(), error(403, 50_001)], ErrorClass::Permission),
        ("2/22", vec![me(), channel()], ErrorClass::Permission),
        ("22", vec![me(), forum], ErrorClass::Unsupported),
        ("22", vec![(200, json!({"id": "7"}))], ErrorClass::Permission),
        ("22", vec![(401, json!({"message": "401: Unauthorized", "code": 0}))], ErrorClass::AuthRevoked),
        ("general", vec![], ErrorClass::Config),
    ] {
        assert_eq!(login(handle, answers.clone()).await, Err(class), "{handle} {answers:?}");
    }
}

#[tokio::test]
async fn what_is_only_offered_to_the_other_kind_is_refused_before_it_is_sent() {
    let failed =
        async |external_id: &'static str, post: Post| drafted(external_id, &post).await.unwrap_err().class;
    let settings = json!({"username": "News"});
    assert_eq!(failed(BOT, post("hi", json!([]), settings)).await, ErrorClass::ContentInvalid);
    let answers = |to: &str| Post { reply_to: Some(to.into()), ..post("hi", json!([]), json!({})) };
    assert_eq!(failed(BOT, answers("23/9")).await, ErrorClass::ContentInvalid);
    for to in ["9", "22/9"] {
        assert_eq!(failed(WEBHOOK, answers(to)).await, ErrorClass::Unsupported, "{to}");
    }
    assert!(drafted(BOT, &answers("22/9")).await.unwrap().request.contains("message_reference"));
    assert!(drafted(WEBHOOK, &answers("23/9")).await.unwrap().request.contains(r#""thread":"23""#));
    let script = Script::start(vec![]).await;
    let like = Act::Like { post: "9".into(), key: Uuid::nil() };
    let refused = provider().act(&caller(&script, WEBHOOK), &like).await.unwrap_err();
    assert_eq!(refused.class, ErrorClass::Unsupported);
}

#[tokio::test]
async fn two_drafts_have_two_keys_and_nobody_is_notified() {
    let post = post("@everyone hi", json!([]), json!({}));
    let (one, two) = (drafted(BOT, &post).await.unwrap(), drafted(BOT, &post).await.unwrap());
    assert_ne!(one.key, two.key);
    assert_ne!(one.request, two.request, "expected another nonce");
    for frozen in [&one, &drafted(WEBHOOK, &post).await.unwrap()] {
        assert!(
            frozen.request.contains(r#"allowed_mentions\":{\"parse\":[],\"replied_user\":false"#),
            "{frozen:?}"
        );
    }
    let payload = message::Sent::of(&one).unwrap().payload().unwrap();
    assert_eq!(payload.nonce.map(|nonce| nonce.len()), Some(22));
}

#[tokio::test]
async fn a_file_that_has_changed_is_not_sent() {
    let before = post("hi", json!([gif(), pdf()]), json!({}));
    let frozen = drafted(BOT, &before).await.unwrap();
    let other = json!({"url": format!("data:application/pdf;base64,{}", STANDARD.encode("%PDF-1.7\nless"))});
    for media in [json!([gif(), other]), json!([gif()]), json!([pdf(), gif()])] {
        let script = Script::start(vec![made("9", "22")]).await;
        let after = post("hi", media.clone(), json!({}));
        let caller = caller(&script, BOT);
        let failure = provider().commit(&caller, &after, &frozen).await.unwrap_err();
        assert!(failure.draft_again && script.seen().is_empty(), "{media}: {failure}");
    }
    let script = Script::start(vec![made("9", "22")]).await;
    let sent = provider().commit(&caller(&script, BOT), &before, &frozen).await.unwrap();
    assert_eq!((sent.external_id.as_str(), script.seen().len()), ("9", 1));
}

#[tokio::test]
async fn an_empty_channel_proves_something_only_to_who_may_read_it() {
    let frozen = drafted(BOT, &post("hi", json!([]), json!({}))).await.unwrap();
    let empty = || (200, json!([]));
    assert_eq!(looked(vec![empty(), error(404, 10_008)], &frozen).await, Ok(Found::Absent));
    assert_eq!(looked(vec![empty(), error(403, 50_013)], &frozen).await, Err(ErrorClass::Permission));
    assert_eq!(looked(vec![empty(), (502, json!("<html>"))], &frozen).await, Err(ErrorClass::Transient));
    assert_eq!(looked(vec![(200, json!([shown("other")]))], &frozen).await, Ok(Found::Absent));
    let Ok(Found::Same(same)) = looked(vec![(200, json!([shown("other"), shown("hi")]))], &frozen).await
    else {
        panic!("not found");
    };
    assert_eq!(same.url, format!("https://discord.com/channels/1/22/{}", same.external_id));
    assert_eq!(looked(vec![(200, json!([shown("hi!")]))], &frozen).await, Ok(Found::Other));
    // one that can't be read could be ours
    for odd in [json!([{"id": "9"}]), json!({"id": "9"}), json!([shown("hi"), 7])] {
        assert_eq!(looked(vec![(200, odd.clone())], &frozen).await, Err(ErrorClass::Transient), "{odd}");
    }
}

#[tokio::test]
async fn messages_of_other_targets_are_passed_over() {
    let frozen = drafted(BOT, &post("hi", json!([]), json!({}))).await.unwrap();
    let theirs = json!({"id": "1571846307840000007", "channel_id": "22", "author": {"id": "7"}, "content": "hi", "nonce": null});
    let script = Script::start(vec![(200, json!([shown("else"), theirs]))]).await;
    let caller = caller(&script, BOT);
    let sought = Sought { frozen: &frozen, drafted: None, others: &Theirs(&["1571846307840000007"]) };
    let found = provider().look(&caller.account, Some(&caller.session), sought).await;
    assert_eq!(found, Ok(Found::Absent));
}

#[tokio::test]
async fn a_webhook_can_not_tell() {
    let frozen = drafted(WEBHOOK, &post("hi", json!([]), json!({}))).await.unwrap();
    let script = Script::start(vec![]).await;
    let caller = caller(&script, WEBHOOK);
    let failure = provider().look(&caller.account, Some(&caller.session), sought(&frozen)).await.unwrap_err();
    assert_eq!((failure.class, script.seen().len()), (ErrorClass::OutcomeUnknown, 0));
}

#[tokio::test]
async fn reactions_are_added_up_and_what_is_gone_is_deleted() {
    let counted = (200, json!({"reactions": [{"count": 3, "emoji": {}}, {"count": 4}]}));
    let script = Script::start(vec![counted, (200, json!({})), error(404, 10_008), error(403, 50_013)]).await;
    let caller = caller(&script, BOT);
    assert_eq!(provider().metrics(&caller, "9").await.unwrap().likes, Some(7));
    assert_eq!(provider().metrics(&caller, "9").await.unwrap().likes, Some(0));
    let delete = Act::Delete { post: "9".into() };
    assert!(provider().act(&caller, &delete).await.is_ok());
    assert_eq!(provider().act(&caller, &delete).await.unwrap_err().class, ErrorClass::Permission);
    let odd = Act::Delete { post: "../9".into() };
    assert_eq!(provider().act(&caller, &odd).await.unwrap_err().class, ErrorClass::ContentInvalid);
}

/// Those that any provider may meet are in `hostile.rs`, for a bot.
#[tokio::test]
async fn what_is_no_message_is_none() {
    let text = post("hi", json!([]), json!({}));
    for external_id in [BOT, WEBHOOK] {
        let frozen = drafted(external_id, &text).await.unwrap();
        for body in
            ["", "{}", r#"["1571846307840000007", "22"]"#, r#"{"id":"x","channel_id":"22"}"#, r#"{"id":"1"}"#]
        {
            for status in [200, 204, 500] {
                let script = Script::always(status, body.as_bytes().to_vec()).await;
                let sent =
                    provider().commit(&caller(&script, external_id), &bare(), &frozen).await.unwrap_err();
                assert_eq!(sent.class, ErrorClass::OutcomeUnknown, "{status} {body}");
            }
        }
        let script = Script::always(200, vec![b' '; 10_000_000]).await;
        let sent = provider().commit(&caller(&script, external_id), &bare(), &frozen).await.unwrap_err();
        assert_eq!(sent.class, ErrorClass::OutcomeUnknown);
    }
}
