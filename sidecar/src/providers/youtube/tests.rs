//! The provider, led through what it does against a server with a script.

mod garbage;
mod requests;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;
use crate::providers::told::{Script, Told};
use crate::providers::{Theirs, bare, sought};

const VIDEO: &str = "dQw4w9WgXcQ";
const CHANNEL: &str = "UC0000000000000000000001";

/// Pieces of 32 bytes.
fn provider() -> YouTube {
    let app = App { client_id: "app".into(), client_secret: Some("secret".into()) };
    let made = YouTube::new(Client::new().unwrap(), Fetcher::new().unwrap(), Some(app));
    YouTube { sizes: Sizes { unit: 16, units: 2 }, ..made }
}

fn caller(script: &Script) -> Caller {
    script.caller(CHANNEL, "alice")
}

/// A post of a video with so many bytes.
fn post(bytes: usize) -> Post {
    let mut film = b"\0\0\0\x20ftypisom".to_vec();
    film.resize(bytes, 7);
    let media = json!([{ "url": format!("data:video/mp4;base64,{}", STANDARD.encode(film)) }]);
    let settings = json!({ "title": "A film" });
    Post { content: "About it".into(), media, settings, attempt: 1, reply_to: None }
}

fn opened() -> Told {
    Told::new(200, Value::Null).with("location", "SERVER/upload/youtube/v3/videos?upload_id=u1")
}

fn incomplete(range: &'static str) -> Told {
    Told::new(308, Value::Null).with("range", range)
}

fn video() -> Told {
    Told::new(200, json!({ "kind": "youtube#video", "id": VIDEO }))
}

fn channel() -> Told {
    let lists = json!({ "relatedPlaylists": { "uploads": "UU0000000000000000000001" } });
    Told::new(
        200,
        json!({ "items": [{ "id": CHANNEL, "snippet": { "customUrl": "@Alice" }, "contentDetails": lists }] }),
    )
}

fn listed(items: Value) -> Told {
    Told::new(200, json!({ "items": items }))
}

fn item(id: &str, title: &str, description: &str) -> Value {
    json!({ "snippet": { "title": title, "description": description, "publishedAt": "2099-01-01T00:00:00Z",
                         "resourceId": { "videoId": id } } })
}

/// Prepares to the end.
async fn prepare(provider: &YouTube, caller: &Caller, post: &Post) -> Result<Value, Failure> {
    let mut prepared = Value::Null;
    while let Some(more) = provider.prepare(caller, post, &prepared).await? {
        prepared = more;
    }
    Ok(prepared)
}

/// What is frozen of a video of 20 bytes whose last 4 are not sent.
fn frozen(script: &Script) -> Frozen {
    let upload = json!({ "address": format!("{}/upload/u1", script.url), "total": 20, "sent": 16, "tail": "BwcHBw==" });
    provider().draft(&post(20), &json!({ "upload": upload })).unwrap()
}

async fn sent(told: Vec<Told>) -> Result<Published, Failure> {
    let script = Script::start(told).await;
    provider().commit(&caller(&script), &bare(), &frozen(&script)).await
}

async fn seen(told: Vec<Told>) -> Result<Found, Failure> {
    let script = Script::start(told).await;
    let (caller, frozen) = (caller(&script), frozen(&script));
    provider().look(&caller.account, Some(&caller.session), sought(&frozen)).await
}

#[tokio::test]
async fn no_call_of_the_preparation_has_all_the_bytes() {
    let script = Script::start(vec![opened(), incomplete("bytes=0-31"), incomplete("bytes=0-63")]).await;
    let prepared = prepare(&provider(), &caller(&script), &post(70)).await.unwrap();
    assert_eq!(prepared["upload"]["tail"], STANDARD.encode([7; 6]));
    let puts: Vec<_> = script.seen().into_iter().filter(|line| line.starts_with("PUT")).collect();
    assert!(
        puts[0].contains("bytes 0-31/70") && puts[1].contains("bytes 32-63/70") && puts.len() == 2,
        "{puts:?}"
    );
    // one that is a multiple of the unit has its last unit left
    let script = Script::start(vec![opened(), incomplete("bytes=0-15")]).await;
    let prepared = prepare(&provider(), &caller(&script), &post(32)).await.unwrap();
    assert_eq!(prepared["upload"]["tail"], STANDARD.encode([7; 16]));
    // and a small one goes as a whole
    let script = Script::start(vec![opened()]).await;
    prepare(&provider(), &caller(&script), &post(16)).await.unwrap();
    assert_eq!(script.seen().len(), 1);
}

#[tokio::test]
async fn an_upload_goes_on_where_the_server_says() {
    let told = vec![
        opened(),
        // it kept less than was sent
        incomplete("bytes=0-15"),
        // no answer: it is asked, and has it all the same
        Told::new(503, Value::Null),
        incomplete("bytes=0-47"),
        incomplete("bytes=0-63"),
    ];
    let script = Script::start(told).await;
    prepare(&provider(), &caller(&script), &post(70)).await.unwrap();
    let ranges: Vec<_> = script
        .seen()
        .iter()
        .filter_map(|line| line.split("content-range: bytes ").nth(1).map(str::to_owned))
        .collect();
    let ranges: Vec<_> = ranges.iter().map(|range| range.split(' ').next().unwrap()).collect();
    assert_eq!(ranges, ["0-31/70", "16-47/70", "*/70", "48-63/70"]);
}

#[tokio::test]
async fn an_upload_that_is_gone_is_begun_anew_once_in_a_try() {
    let gone = || Told::new(410, Value::Null);
    let script = Script::start(vec![opened(), gone(), opened(), incomplete("bytes=0-31")]).await;
    prepare(&provider(), &caller(&script), &post(40)).await.unwrap();
    let script = Script::start(vec![opened(), gone(), opened(), gone()]).await;
    let failure = prepare(&provider(), &caller(&script), &post(40)).await.unwrap_err();
    assert_eq!((failure.class, script.seen().len()), (ErrorClass::Transient, 4));
}

#[tokio::test]
async fn an_upload_elsewhere_gets_no_token() {
    let evil = Told::new(200, Value::Null).with("location", "https://evil.example/upload/u1");
    for odd in [evil, Told::new(200, Value::Null)] {
        let script = Script::start(vec![odd]).await;
        let failure = prepare(&provider(), &caller(&script), &post(40)).await.unwrap_err();
        assert_eq!(failure.class, ErrorClass::Transient);
        assert!(!failure.message.contains("evil"), "{failure}");
    }
    let script = Script::start(vec![]).await;
    let mut stored = frozen(&script);
    stored.request = stored.request.replace(&script.url, "https://evil.example");
    assert!(provider().commit(&caller(&script), &bare(), &stored).await.is_err());
    assert_eq!(script.seen().len(), 0);
}

#[tokio::test]
async fn the_last_bytes_are_the_video() {
    assert_eq!(sent(vec![video()]).await.unwrap().url, format!("https://www.youtube.com/watch?v={VIDEO}"));
    for (told, class, draft_again) in [
        (incomplete("bytes=0-15"), ErrorClass::Transient, false),
        (incomplete("bytes=0-19"), ErrorClass::OutcomeUnknown, false),
        (incomplete("bytes=0-7"), ErrorClass::ContentInvalid, true),
        (Told::new(410, Value::Null), ErrorClass::ContentInvalid, true),
        (Told::new(404, json!("Not Found")), ErrorClass::ContentInvalid, true),
        (Told::new(500, Value::Null), ErrorClass::OutcomeUnknown, false),
        (Told::new(200, json!({ "id": 7 })), ErrorClass::OutcomeUnknown, false),
    ] {
        let failure = sent(vec![told.clone()]).await.unwrap_err();
        assert_eq!((failure.class, failure.draft_again), (class, draft_again), "{told:?}");
    }
}

#[tokio::test]
async fn an_upload_says_what_became_of_it() {
    let there = |id: &str| {
        Found::Same(Published {
            external_id: id.into(),
            url: format!("https://www.youtube.com/watch?v={id}"),
            cid: None,
        })
    };
    assert_eq!(seen(vec![video()]).await, Ok(there(VIDEO)));
    assert_eq!(seen(vec![incomplete("bytes=0-15")]).await, Ok(Found::Absent));
    assert_eq!(seen(vec![incomplete("bytes=0-19")]).await, Ok(Found::Pending));
    assert!(seen(vec![Told::new(500, Value::Null)]).await.is_err());
    // where it is gone, the list decides
    let in_list =
        async |items: Value| seen(vec![Told::new(404, Value::Null), channel(), listed(items)]).await;
    assert_eq!(in_list(json!([item(VIDEO, "A film", "About  it")])).await, Ok(there(VIDEO)));
    assert_eq!(in_list(json!([item(VIDEO, "A film", "changed since")])).await, Ok(Found::Other));
    assert_eq!(in_list(json!([item(VIDEO, "Another film", "About it")])).await, Ok(Found::Absent));
    assert_eq!(in_list(json!([])).await, Ok(Found::Absent));
    assert!(in_list(json!([{ "snippet": {} }])).await.is_err());
    // a list that can't be read proves nothing
    assert!(seen(vec![Told::new(404, Value::Null), channel(), Told::new(404, json!("x"))]).await.is_err());
}

#[tokio::test]
async fn a_video_of_another_target_is_not_taken() {
    let items = json!([item(VIDEO, "A film", "About it")]);
    let script = Script::start(vec![Told::new(404, Value::Null), channel(), listed(items)]).await;
    let (caller, frozen) = (caller(&script), frozen(&script));
    let sought = Sought { others: &Theirs(&[VIDEO]), ..sought(&frozen) };
    let found = provider().look(&caller.account, Some(&caller.session), sought).await;
    assert_eq!(found, Ok(Found::Absent));
}

#[tokio::test]
async fn a_comment_under_anothers_video_may_be_held_back() {
    for (owner, class) in [(CHANNEL, None), ("UC2", Some(ErrorClass::OutcomeUnknown))] {
        let owned = listed(json!([{ "snippet": { "channelId": owner } }]));
        let script = Script::start(vec![owned, listed(json!([]))]).await;
        let (provider, caller) = (provider(), caller(&script));
        let comment = Post { reply_to: Some(VIDEO.into()), content: "first".into(), ..post(9) };
        let prepared = prepare(&provider, &caller, &comment).await.unwrap();
        let frozen = provider.draft(&comment, &prepared).unwrap();
        let found = provider.look(&caller.account, Some(&caller.session), sought(&frozen)).await;
        assert_eq!(found.as_ref().err().map(|failure| failure.class), class, "{found:?}");
    }
}

#[tokio::test]
async fn tokens_of_another_channel_are_refused() {
    for (handle, is_it) in [("alice", true), ("@ALICE", true), (CHANNEL, true), ("bob", false)] {
        let script = Script::start(vec![channel()]).await;
        let login = provider().login(&script.url, handle, &"access:refresh".into()).await;
        assert_eq!(login.is_ok(), is_it, "{handle}");
    }
    let none = Script::start(vec![listed(json!([]))]).await;
    let failure = provider().login(&none.url, "alice", &"access".into()).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::Permission);
}
