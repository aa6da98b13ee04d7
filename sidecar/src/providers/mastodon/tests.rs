//! The provider against a server that answers by a script and writes down what it was asked.

mod look;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::providers::{Theirs, bare, sought};

const TOKEN: &str = "canary-token";
/// A GIF of 3 by 2 pixels, and what passes for a video.
const GIF: &str = "R0lGODdhAwACAIAAAAAAAP///ywAAAAAAwACAAACAoRdADs=";
const VIDEO: &[u8] = b"\0\0\0\x20ftypisom and more";
/// Made at 2026-11-18T11:06:40Z.
const KEY: &str = "01a1ee56-5e00-7000-8000-000000000000";

/// A script and a record of what came.
#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Script {
    fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> (StatusCode, String) {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = header("content-type");
        let mut text = String::from_utf8_lossy(body).into_owned();
        let mut asked = json!({ "call": format!("{method} {uri}") });
        asked["authorized"] = json!(header("authorization") == format!("Bearer {TOKEN}"));
        for name in ["idempotency-key", "content-length"] {
            if !header(name).is_empty() {
                asked[name] = json!(header(name));
            }
        }
        match kind.split_once("; boundary=") {
            // it is another one each time
            Some((kind, boundary)) => {
                asked["content-type"] = json!(kind);
                text = text.replace(boundary, "BOUNDARY");
            }
            None if !kind.is_empty() => asked["content-type"] = json!(kind),
            None => {}
        }
        if !text.is_empty() {
            asked["body"] = json!(text);
        }
        self.asked.lock().unwrap().push(asked);
        let (status, body) = self.answers.lock().unwrap().pop_front().expect("one call too many");
        (StatusCode::from_u16(status).unwrap(), body)
    }
}

/// The provider and an account on a server that gives these answers one after the other.
async fn scripted(answers: &[(u16, Value)]) -> (Mastodon, Caller, Script) {
    let answers = answers.iter().map(|(status, body)| (*status, body.to_string())).collect();
    let script = Script { answers: Arc::new(Mutex::new(answers)), ..Script::default() };
    let served = script.clone();
    let app =
        Router::new().fallback(async move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            served.answer(&method, &uri, &headers, &body)
        });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let provider = Mastodon::new(Client::new().unwrap(), Fetcher::new().unwrap());
    let account = Account {
        id: Uuid::nil(),
        external_id: "42".into(),
        handle: "alice@a.example".into(),
        base_url,
        charges: Default::default(),
    };
    let session = Session::new(TOKEN.into(), SecretString::default());
    (provider, Caller { account, session }, script)
}

fn post(media: Value, settings: Value) -> Post {
    Post { content: "Grüße 🎉".into(), media, settings, attempt: 1, reply_to: None }
}

fn frozen(request: &str) -> Frozen {
    Frozen { key: KEY.into(), request: request.into() }
}

fn attached(mime_type: &str, base64: &str, alt: &str) -> Value {
    json!({ "url": format!("data:{mime_type};base64,{base64}"), "alt": alt })
}

/// A post as the server shows it.
fn shown(id: &str) -> Value {
    json!({ "id": id, "url": format!("https://a.example/@alice/{id}"), "uri": null, "created_at": "2026-11-18T11:06:41.000Z" })
}

fn source(text: &str) -> Value {
    json!({ "id": "1", "text": text, "spoiler_text": "" })
}

async fn prepare_all(provider: &Mastodon, caller: &Caller, post: &Post) -> Result<Value, Failure> {
    let mut prepared = Value::Null;
    while let Some(more) = provider.prepare(caller, post, &prepared).await? {
        prepared = more;
    }
    Ok(prepared)
}

/// Every request that is built, as it arrives, in `tests/fixtures/mastodon/requests.json`.
#[tokio::test]
async fn requests_are_built_as_recorded() {
    let done = || (200, json!({}));
    let bob = || (200, json!({ "id": 7, "acct": "bob@b.example" }));
    let mut answers = vec![
        (200, json!({ "id": "42", "username": "alice" })),
        (200, json!([])),
        (200, json!({ "configuration": { "statuses": { "max_characters": 500 } } })),
        (200, json!({ "id": "1" })),
        (202, json!({ "id": 2, "url": null })),
        (206, json!({ "id": 2, "url": null })),
        (200, json!({ "id": 2 })),
        (200, shown("9")),
        (200, json!([shown("9"), shown("8")])),
        (200, source("other")),
        (200, source("other")),
        (200, json!([])),
    ];
    answers.extend([
        done(),
        done(),
        bob(),
        done(),
        bob(),
        (200, shown("11")),
        done(),
        (200, json!({ "statuses": [{ "id": "77", "url": "https://b.example/@bob/7" }] })),
        (200, shown("12")),
        done(),
        done(),
    ]);
    let (provider, caller, script) = scripted(&answers).await;
    provider.login(&caller.account.base_url, "@alice", &TOKEN.into()).await.unwrap();
    let media = json!([
        attached("image/gif", GIF, "ein \"Bild\""),
        attached("video/mp4", &STANDARD.encode(VIDEO), "")
    ]);
    let settings = json!({
        "visibility": "unlisted", "spoiler_text": "cw", "sensitive": true, "language": "de",
        "poll": { "options": ["ja", "nein"], "minutes": 60 },
    });
    let post = post(media, settings);
    let prepared = prepare_all(&provider, &caller, &post).await.unwrap();
    let frozen = publish::draft(&post, &prepared, KEY.into()).unwrap();
    provider.commit(&caller, &bare(), &frozen).await.unwrap();
    let text = self::frozen(r#"{"status":"Grüße 🎉"}"#);
    provider.look(&caller.account, Some(&caller.session), sought(&text)).await.unwrap();
    for act in [
        Act::Delete { post: "9".into() },
        Act::Like { post: "9".into(), key: Uuid::nil() },
        Act::Follow { account: "@bob@b.example".into(), key: Uuid::nil() },
        Act::DirectMessage { account: "7".into(), text: "pst".into(), key: Uuid::nil() },
    ] {
        provider.act(&caller, &act).await.unwrap();
    }
    let answer =
        Post { reply_to: Some("https://b.example/@bob/7".into()), ..self::post(json!([]), json!({})) };
    let prepared = prepare_all(&provider, &caller, &answer).await.unwrap();
    let frozen = publish::draft(&answer, &prepared, KEY.into()).unwrap();
    provider.commit(&caller, &bare(), &frozen).await.unwrap();
    provider.metrics(&caller, "9").await.unwrap();
    provider.reach(&caller.account.base_url).await.unwrap();
    let built = serde_json::to_string_pretty(&*script.asked.lock().unwrap()).unwrap();
    let recorded = include_str!("../../../../tests/fixtures/mastodon/requests.json");
    assert!(built == recorded.trim_end(), "these requests are not the recorded ones:\n{built}");
}

#[tokio::test]
async fn a_login_needs_the_right_account_and_a_token_that_reads() {
    let me = || (200, json!({ "id": 42, "username": "Alice" }));
    let login = async |answers: &[(u16, Value)]| {
        let (provider, caller, _) = scripted(answers).await;
        let login = provider.login(&caller.account.base_url, "alice", &TOKEN.into()).await;
        login.map(|login| (login.external_id, login.handle.replace(&caller.account.base_url[7..], "HOST")))
    };
    assert_eq!(login(&[me(), (200, json!([]))]).await, Ok(("42".into(), "Alice@HOST".into())));
    let blind =
        login(&[me(), (403, json!({ "error": "This action is outside the authorized scopes" }))]).await;
    let blind = blind.unwrap_err();
    assert_eq!(blind.class, ErrorClass::Permission);
    assert!(blind.message.contains("read:statuses"), "{blind}");
    let other = login(&[(200, json!({ "id": 7, "username": "bob" }))]).await.unwrap_err();
    assert_eq!(other.class, ErrorClass::Permission);
    let revoked = login(&[(401, json!({ "error": "The access token was revoked" }))]).await.unwrap_err();
    assert_eq!(revoked.class, ErrorClass::AuthRevoked);
}

#[tokio::test]
async fn what_is_answered_is_found_or_nothing_is_sent() {
    let prepare = async |answers: &[(u16, Value)], answered: &str| {
        let answers: Vec<_> = std::iter::once((200, json!({}))).chain(answers.iter().cloned()).collect();
        let (provider, caller, _) = scripted(&answers).await;
        let post = Post { reply_to: Some(answered.into()), ..post(json!([]), json!({})) };
        prepare_all(&provider, &caller, &post).await.map_err(|failure| failure.class)
    };
    let known = |url: &str| (200, json!({ "statuses": [{ "id": "77", "uri": url }] }));
    let address = "https://b.example/users/bob/statuses/7";
    assert_eq!(prepare(&[], "9").await.unwrap()["reply"], "9");
    assert_eq!(prepare(&[known(address)], address).await.unwrap()["reply"], "77");
    for missing in [known("https://b.example/other"), (200, json!({ "statuses": [] }))] {
        assert_eq!(prepare(&[missing], address).await, Err(ErrorClass::TargetMissing));
    }
    assert_eq!(prepare(&[(500, json!({}))], address).await, Err(ErrorClass::Transient));
    assert_eq!(prepare(&[], "a/b").await, Err(ErrorClass::ContentInvalid));
}

#[tokio::test]
async fn what_the_server_accepts_less_of_is_refused_early() {
    let configuration = json!({ "configuration": {
        "statuses": { "max_characters": 6 }, "media_attachments": { "image_size_limit": 3 },
    } });
    let (provider, caller, _) = scripted(&[(200, configuration.clone())]).await;
    let failure = prepare_all(&provider, &caller, &post(json!([]), json!({}))).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::ContentInvalid);
    assert!(failure.message.contains("at most 6"), "{failure}");
    let (provider, caller, _) = scripted(&[(200, configuration)]).await;
    let short = Post { content: "hi".into(), ..post(json!([attached("image/gif", GIF, "")]), json!({})) };
    let failure = prepare_all(&provider, &caller, &short).await.unwrap_err();
    assert!(failure.message.contains("image 1") && failure.message.contains("at most 3"), "{failure}");
}

#[tokio::test]
async fn a_server_that_does_not_say_what_it_accepts_is_served() {
    for answer in [(404, json!({ "error": "Record not found" })), (200, json!([1]))] {
        let (provider, caller, _) = scripted(&[answer]).await;
        prepare_all(&provider, &caller, &post(json!([]), json!({}))).await.unwrap();
    }
    let (provider, caller, _) = scripted(&[(503, json!({ "error": "starting" }))]).await;
    let failure = prepare_all(&provider, &caller, &post(json!([]), json!({}))).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::Transient);
}

#[tokio::test]
async fn an_upload_that_is_lost_is_made_again_once() {
    let gone = || (404, json!({ "error": "Record not found" }));
    let made = |id: u64| (202, json!({ "id": id }));
    let media = json!([attached("image/gif", GIF, "")]);
    let start = (200, json!({}));
    let answers = [start.clone(), made(1), gone(), made(2), (200, json!({ "id": 2 }))];
    let (provider, caller, _) = scripted(&answers).await;
    let prepared = prepare_all(&provider, &caller, &post(media.clone(), json!({}))).await.unwrap();
    assert_eq!(prepared["media"], json!([{ "id": "2", "ready": true }]));
    let (provider, caller, _) = scripted(&[start.clone(), made(1), gone(), made(2), gone()]).await;
    let failure = prepare_all(&provider, &caller, &post(media.clone(), json!({}))).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::Transient);
    let broken = (422, json!({ "error": "Error processing thumbnail for uploaded media" }));
    let (provider, caller, _) = scripted(&[start, made(1), broken]).await;
    let failure = prepare_all(&provider, &caller, &post(media, json!({}))).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::ContentInvalid);
}

#[tokio::test]
async fn media_decide_what_a_refusal_of_the_post_means() {
    let refused = (422, json!({ "error": "Medien nicht gefunden" }));
    let sent = frozen(r#"{"status":"hi","media_ids":["1","2"]}"#);
    let ready = || (200, json!({}));
    for (asked, class, draft_again) in [
        (vec![ready(), (404, json!({ "error": "Record not found" }))], ErrorClass::ContentInvalid, true),
        (vec![(206, json!({}))], ErrorClass::Transient, false),
        (vec![ready(), ready()], ErrorClass::ContentInvalid, false),
        (vec![(500, json!({})), (401, json!({}))], ErrorClass::ContentInvalid, false),
    ] {
        let answers: Vec<_> = std::iter::once(refused.clone()).chain(asked).collect();
        let (provider, caller, script) = scripted(&answers).await;
        let failure = provider.commit(&caller, &bare(), &sent).await.unwrap_err();
        assert_eq!((failure.class, failure.draft_again), (class, draft_again), "{answers:?}");
        assert!(script.answers.lock().unwrap().is_empty(), "{answers:?}");
    }
}

#[tokio::test]
async fn what_is_gone_already_is_taken_back() {
    let delete = async |answer: (u16, Value)| {
        let (provider, caller, _) = scripted(&[answer]).await;
        provider.act(&caller, &Act::Delete { post: "9".into() }).await.map_err(|failure| failure.class)
    };
    assert_eq!(delete((404, json!({ "error": "Record not found" }))).await, Ok(Done::default()));
    assert_eq!(delete((500, json!({}))).await, Err(ErrorClass::Transient));
    let (provider, caller, _) = scripted(&[]).await;
    let failure = provider.act(&caller, &Act::Delete { post: "../../x".into() }).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::ContentInvalid);
    let bob = (200, json!({ "id": 7, "acct": "bob" }));
    let (provider, caller, _) = scripted(&[bob, (500, json!({}))]).await;
    let message = Act::DirectMessage { account: "bob".into(), text: "x".into(), key: Uuid::nil() };
    assert_eq!(provider.act(&caller, &message).await.unwrap_err().class, ErrorClass::OutcomeUnknown);
}

/// What nobody should answer: any JSON, and the right fields with anything in them.
fn garbage() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        any::<f64>().prop_map(|value| json!(value)),
        "\\PC{0,12}".prop_map(|value| json!(value)),
        Just(json!("https://a.example/@alice/9")),
    ];
    let names =
        prop_oneof![Just("id"), Just("url"), Just("uri"), Just("error"), Just("created_at"), Just("text")];
    leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|list| json!(list)),
            proptest::collection::btree_map(names.clone(), inner, 0..6).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Only an answer that names an id and an address is a post, whole or cut off anywhere.
    #[test]
    fn garbage_is_never_published(status in 200_u16..600, body in garbage(), cut in 0.0..1.1_f64) {
        let whole = body.to_string();
        let mut end = ((whole.len() as f64 * cut) as usize).min(whole.len());
        while !whole.is_char_boundary(end) {
            end -= 1;
        }
        let text = &whole[..end];
        let answer = crate::client::Answer {
            status,
            headers: HeaderMap::new(),
            body: text.as_bytes().to_vec().into(),
        };
        let read = api::read::<api::Shown>(super::super::answer::Phase::Commit, Ok(answer));
        let published = read.and_then(|shown| publish::there(&shown));
        let is_id = body["id"].is_u64() || body["id"].as_str().is_some_and(|id| api::Id::parse(id).is_some());
        let is_there = |name: &str| body[name].as_str().is_some_and(|url| url.starts_with("https://"));
        match published {
            Ok(_) => prop_assert!(status <= 202 && text == whole && is_id && (is_there("url") || is_there("uri"))),
            Err(failure) if status < 300 => prop_assert_eq!(failure.class, ErrorClass::OutcomeUnknown),
            Err(_) => {}
        }
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_published() {
    let huge = json!({ "id": "9", "url": "https://a.example/@alice/9", "content": "x".repeat(10_000_000) });
    let (provider, caller, _) = scripted(&[(200, huge)]).await;
    let failure = provider.commit(&caller, &bare(), &frozen(r#"{"status":"hi"}"#)).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::OutcomeUnknown);
    assert!(!failure.message.contains(TOKEN), "{failure}");
}
