//! The provider, led through what it does against a server with a script.

pub(in crate::providers) mod server;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use reqwest::header::HeaderMap;
use serde_json::json;

use super::*;
use crate::client::Answer;
use crate::providers::answer::fixtures::answer;
use crate::providers::{Theirs, bare, sought};
use server::Server;

fn provider() -> X {
    let app = App { client_id: "app".into(), client_secret: Some("secret".into()) };
    X::new(Client::new().unwrap(), Fetcher::new().unwrap(), Some(app))
}

/// A GIF of 3 by 2 pixels.
const GIF: &str = "data:image/gif;base64,R0lGODdhAwACAIAAAAAAAP///ywAAAAAAwACAAACAoRdADs=";

fn post(content: &str, media: Value) -> Post {
    Post { content: content.into(), media, settings: json!({}), attempt: 1, reply_to: None }
}

/// A video of more than two segments.
fn video() -> Value {
    let mut bytes = b"\0\0\0\x20ftypisom".to_vec();
    bytes.resize(2 * media::SEGMENT + 9, 7);
    json!([{ "url": format!("data:video/mp4;base64,{}", STANDARD.encode(bytes)), "alt": "not sent" }])
}

fn upload(id: &str, processing: Option<&str>) -> (u16, Value) {
    let mut data = json!({ "id": id, "media_key": format!("3_{id}"), "expires_after_secs": 86_400 });
    if let Some(state) = processing {
        data["processing_info"] = json!({ "state": state, "check_after_secs": 0 });
    }
    (200, json!({ "data": data }))
}

fn appended() -> (u16, Value) {
    (200, json!({ "data": { "expires_at": 1_795_086_400 } }))
}

/// Prepares to the end.
async fn prepare(provider: &X, caller: &Caller, post: &Post, from: Value) -> Result<Value, Failure> {
    let mut prepared = from;
    while let Some(more) = provider.prepare(caller, post, &prepared).await? {
        prepared = more;
    }
    Ok(prepared)
}

#[tokio::test]
async fn requests_are_those_of_the_golden_file() {
    let made = (201, json!({ "data": { "id": "2001", "text": "hi" } }));
    let listed = json!({
        "data": [{ "id": "2001", "text": "hi https://t.co/a", "created_at": "2099-01-01T00:00:00Z",
                   "entities": { "urls": [{ "url": "https://t.co/a", "media_key": "16_11" }] },
                   "attachments": { "media_keys": ["16_11"] } }],
        "meta": { "result_count": 1 },
    });
    let counts = json!({ "impression_count": 9, "like_count": 4, "reply_count": 1, "retweet_count": 2, "quote_count": 3 });
    let server = Server::telling(&[
        (200, json!({ "data": { "id": "1001", "name": "Alice", "username": "alice" } })),
        (200, json!({ "access_token": "a2", "refresh_token": "r2", "expires_in": 7_200 })),
        upload("11", None),
        appended(),
        upload("11", Some("pending")),
        upload("11", Some("succeeded")),
        (200, json!({ "data": { "id": "11" } })),
        upload("12", None),
        appended(),
        appended(),
        appended(),
        upload("12", None),
        made.clone(),
        (200, listed),
        (200, json!({ "data": { "deleted": true } })),
        made,
        (201, json!({ "data": { "dm_conversation_id": "1-2", "dm_event_id": "3001" } })),
        (200, json!({ "data": [{ "id": "2001", "public_metrics": counts }] })),
    ])
    .await;
    let (provider, caller) = (provider(), server.caller());

    let login = provider.login(&server.url, "@Alice", &"access:refresh".into()).await.unwrap();
    assert_eq!((login.external_id.as_str(), login.handle.as_str()), ("1001", "alice"));
    assert!(provider.lifetime(&login.session).expires_at.unwrap() > SystemTime::now());
    provider.refresh(&caller).await.unwrap();

    let gif = post("hi", json!([{ "url": GIF, "alt": "a dot" }]));
    let prepared = prepare(&provider, &caller, &gif, Value::Null).await.unwrap();
    prepare(&provider, &caller, &post("", video()), Value::Null).await.unwrap();
    let frozen = provider.draft(&gif, &prepared).unwrap();
    let published = provider.commit(&caller, &bare(), &frozen).await.unwrap();
    assert_eq!(published.url, "https://x.com/alice/status/2001");
    let found = provider.look(&caller.account, Some(&caller.session), sought(&frozen)).await.unwrap();
    assert_eq!(found, Found::Same(published));

    let delete = Act::Delete { post: "2001".into() };
    assert_eq!(provider.act(&caller, &delete).await.unwrap(), Done::default());
    let reply = Post { reply_to: Some("2001".into()), ..post("yes", json!([])) };
    let reply = provider.draft(&reply, &Value::Null).unwrap();
    assert_eq!(provider.commit(&caller, &bare(), &reply).await.unwrap().external_id, "2001");
    let message = Act::DirectMessage { account: "1002".into(), text: "psst".into(), key: uuid::Uuid::nil() };
    assert_eq!(provider.act(&caller, &message).await.unwrap().external_id.as_deref(), Some("3001"));
    let metrics = provider.metrics(&caller, "2001").await.unwrap();
    let expected = Metrics { views: Some(9), likes: Some(4), replies: Some(1), shares: Some(5) };
    assert_eq!(metrics, expected);

    let mut seen = server.seen();
    for call in &mut seen {
        // the time from which on the look reads
        let text = call["call"].as_str().unwrap_or_default().to_owned();
        if let Some((before, after)) = text.split_once("start_time=") {
            let rest = after.split_once('&').map_or("", |(_, rest)| rest);
            call["call"] = json!(format!("{before}start_time=TIME&{rest}"));
        }
    }
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/x/requests.json");
    let golden: Value = serde_json::from_slice(&std::fs::read(golden).unwrap()).unwrap();
    let seen = json!(seen);
    assert!(seen == golden, "the requests are now:\n{seen:#}");
}

#[tokio::test]
async fn a_video_that_comes_at_once_is_sent_in_segments() {
    let server = Server::telling(&[appended(), appended(), appended()]).await;
    let (provider, caller) = (provider(), server.caller());
    media::append_all(&provider.of(&caller), "11", 1, &vec![7; 2 * media::SEGMENT + 9]).await.unwrap();
    let parts: Vec<_> = server.seen().iter().map(|call| call["parts"].clone()).collect();
    let expected = [(1, media::SEGMENT), (2, media::SEGMENT), (3, 9)]
        .map(|(n, len)| json!({ "segment_index": n.to_string(), "media": format!("{len} bytes") }));
    assert_eq!(parts, expected);
}

#[tokio::test]
async fn a_preparation_goes_on_where_it_was_cut_off() {
    let server = Server::telling(&[
        upload("11", None),
        appended(),
        (503, json!({})),
        appended(),
        appended(),
        (500, json!({})),
        upload("11", Some("in_progress")),
        upload("11", Some("succeeded")),
    ])
    .await;
    let (provider, caller, post) = (provider(), server.caller(), post("", video()));
    let mut prepared = Value::Null;
    let mut failures = 0;
    loop {
        match provider.prepare(&caller, &post, &prepared).await {
            Ok(Some(more)) => prepared = more,
            Ok(None) => break,
            Err(failure) => {
                assert_eq!(failure.class, ErrorClass::Transient, "{failure}");
                failures += 1;
            }
        }
    }
    assert_eq!(failures, 2);
    let (append, close) = ("POST /2/media/upload/11/append", "POST /2/media/upload/11/finalize");
    let status = "GET /2/media/upload?command=STATUS&media_id=11";
    let open = "POST /2/media/upload/initialize";
    assert_eq!(server.calls(), [open, append, append, append, append, close, close, status]);
    let segments: Vec<_> = server
        .seen()
        .iter()
        .filter_map(|call| call["parts"]["segment_index"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(segments, ["0", "1", "1", "2"]);
}

#[tokio::test]
async fn an_upload_that_ended_is_made_again() {
    let gone = (404, json!({ "title": "Not Found", "detail": "Could not find media" }));
    let server = Server::telling(&[
        // one that ended before it was used
        upload("12", None),
        // one that X does not know any more, half-way
        gone.clone(),
        upload("13", None),
        appended(),
        // and again: a second time it is a failure
        gone,
    ])
    .await;
    let (provider, caller, post) = (provider(), server.caller(), post("", video()));
    let old = json!({ "uploads": [{ "id": "11", "expires_at": 7, "stage": "ready" }] });
    let failure = prepare(&provider, &caller, &post, old).await.unwrap_err();
    assert_eq!((failure.class, failure.status), (ErrorClass::TargetMissing, Some(404)));
    let opened = server.calls().iter().filter(|call| call.ends_with("initialize")).count();
    assert_eq!((opened, server.calls().len()), (2, 5), "{:?}", server.calls());
}

#[tokio::test]
async fn what_x_can_not_process_is_refused_by_its_place() {
    let failed = json!({ "state": "failed", "error": { "code": 1, "message": "Unsupported video format" } });
    let server =
        Server::telling(&[(200, json!({ "data": { "id": "11", "processing_info": failed } }))]).await;
    let prepared = json!({ "uploads": [{ "id": "11", "expires_at": 1_u64 << 40, "stage": "processing" }] });
    let failure = provider().prepare(&server.caller(), &post("", video()), &prepared).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::ContentInvalid);
    assert!(failure.message.starts_with("video 1") && failure.message.contains("format"), "{failure}");
}

#[tokio::test]
async fn a_refresh_needs_a_token_and_an_app() {
    let server = Server::telling(&[]).await;
    let mut caller = server.caller();
    let nobody = X::new(Client::new().unwrap(), Fetcher::new().unwrap(), None);
    let failure = nobody.refresh(&caller).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::Config);
    assert!(failure.message.contains("platforms.x.client_id"), "{failure}");
    caller.session = Session::new("access".into(), "".into());
    assert_eq!(provider().refresh(&caller).await.unwrap_err().class, ErrorClass::AuthRevoked);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn tokens_of_another_account_are_refused() {
    let me = json!({ "data": { "id": "1001", "username": "bob" } });
    let server = Server::telling(&[(200, me)]).await;
    let failure = provider().login(&server.url, "alice", &"canary:canary".into()).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::Config);
    assert!(failure.message.contains("@bob") && !failure.message.contains("canary"), "{failure}");
}

/// Looks for "hi", which was written down in 2026, in these pages.
async fn looked(pages: &[(u16, Value)]) -> (Result<Found, ErrorClass>, usize) {
    looked_beside(&[], pages).await
}

/// The same where these posts are other targets'.
async fn looked_beside(
    theirs: &'static [&str],
    pages: &[(u16, Value)],
) -> (Result<Found, ErrorClass>, usize) {
    let server = Server::telling(pages).await;
    let caller = server.caller();
    let frozen = Frozen { key: "k".into(), request: r#"{"at":1795000000,"body":{"text":"hi"}}"#.into() };
    let sought = Sought { others: &Theirs(theirs), ..sought(&frozen) };
    let found = provider().look(&caller.account, Some(&caller.session), sought).await;
    (found.map_err(|failure| failure.class), server.seen().len())
}

fn tweet(id: &str, text: &str, at: &str) -> Value {
    json!({ "id": id, "text": text, "created_at": format!("2026-11-18T{at}.000Z") })
}

fn page(tweets: Vec<Value>, next: Option<&str>) -> (u16, Value) {
    let mut meta = json!({ "result_count": tweets.len() });
    if let Some(next) = next {
        meta["next_token"] = json!(next);
    }
    (200, json!({ "data": tweets, "meta": meta }))
}

#[tokio::test]
async fn the_first_post_like_it_is_ours() {
    // it was written down at 11:06:40
    let newer = page(vec![tweet("4", "hi", "11:20:00"), tweet("3", "ho", "11:08:00")], Some("n"));
    let older = page(vec![tweet("2", "hi", "11:06:20"), tweet("1", "hi", "11:05:30")], None);
    let (Ok(Found::Same(published)), 2) = looked(&[newer, older]).await else { panic!("not found") };
    assert_eq!(published.external_id, "2");
    let none = page(vec![tweet("3", "ho", "11:08:00"), tweet("1", "hi", "11:05:30")], None);
    assert_eq!(looked(&[none]).await, (Ok(Found::Absent), 1));
    assert_eq!(looked(&[(200, json!({ "meta": { "result_count": 0 } }))]).await, (Ok(Found::Absent), 1));
}

#[tokio::test]
async fn a_post_of_another_target_is_passed_over() {
    let newer = page(vec![tweet("4", "hi", "11:20:00")], Some("n"));
    let older = page(vec![tweet("2", "hi", "11:06:50")], None);
    let pages = [newer, older];
    let (Ok(Found::Same(published)), 2) = looked_beside(&["2"], &pages).await else { panic!("not found") };
    assert_eq!(published.external_id, "4");
    assert_eq!(looked_beside(&["2", "4"], &pages).await, (Ok(Found::Absent), 2));
}

#[tokio::test]
async fn an_answer_that_is_not_whole_proves_no_absence() {
    let error = json!({ "errors": [{ "title": "Not Found Error", "detail": "Could not find user" }] });
    for odd in [
        error,
        json!({}),
        json!([]),
        json!({ "data": [] }),
        json!({ "meta": { "result_count": 1 } }),
        json!({ "data": [{ "id": "1", "text": "hi" }], "meta": { "result_count": 1 } }),
        // it may be ours
        json!({ "data": [{ "id": "1", "text": "hi", "created_at": "soon" }], "meta": { "result_count": 1 } }),
    ] {
        let (found, _) = looked(&[(200, odd.clone())]).await;
        assert_eq!(found, Err(ErrorClass::Transient), "{odd}");
    }
    let (found, pages) = looked(&vec![page(vec![], Some("more")); 20]).await;
    assert_eq!((found, pages), (Err(ErrorClass::Transient), 10));
    let account = Server::telling(&[]).await.caller().account;
    let frozen = Frozen { key: "k".into(), request: r#"{"at":7,"body":{}}"#.into() };
    assert_eq!(
        provider().look(&account, None, sought(&frozen)).await.unwrap_err().class,
        ErrorClass::AuthRevoked
    );
}

#[tokio::test]
async fn nothing_that_is_no_clear_answer_is_a_post() {
    let huge = vec![b' '; 10 << 20];
    for body in [huge, b"<html>".to_vec(), br#"{"data":{"id":"20"#.to_vec(), br#"{"data":{"id":7}}"#.to_vec()]
    {
        let server = Server::start(vec![(201, body)]).await;
        let frozen = Frozen { key: "k".into(), request: r#"{"at":7,"body":{"text":"hi"}}"#.into() };
        let failure = provider().commit(&server.caller(), &bare(), &frozen).await.unwrap_err();
        assert_eq!(failure.class, ErrorClass::OutcomeUnknown, "{failure}");
        assert_eq!(server.seen()[0]["body"], json!({ "text": "hi" }));
    }
}

fn created(answer: Answer) -> Result<Published, Failure> {
    let account = Account {
        id: uuid::Uuid::nil(),
        external_id: "1".into(),
        handle: "a/../b".into(),
        base_url: String::new(),
        charges: Default::default(),
    };
    publish::created(&account, Ok(answer))
}

#[test]
fn a_name_that_is_none_gets_into_no_address() {
    let published = created(answer(201, &[], r#"{"data":{"id":"7"}}"#)).unwrap();
    assert_eq!(published.url, "https://x.com/i/status/7");
}

/// JSON with the names that are looked for.
fn odd_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[0-9]{0,22}|\\PC{0,9}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let name = prop::sample::select(vec![
            "data",
            "id",
            "errors",
            "status",
            "detail",
            "title",
            "type",
            "message",
            "processing_info",
            "state",
            "meta",
            "result_count",
            "error",
            "access_token",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..5).prop_map(|fields| {
                fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Value>()
            }),
        ]
    })
}

proptest! {
    /// Published is only what a success names by an id, and names no error for.
    #[test]
    fn no_answer_panics_and_only_one_with_an_id_is_a_post(
        status in 100_u16..600, json in odd_json(), cut in 0_usize..200,
    ) {
        let whole = json.to_string();
        let end = (0..=cut.min(whole.len())).rev().find(|at| whole.is_char_boundary(*at)).unwrap_or(0);
        for body in [whole.as_str(), &whole[..end]] {
            let json: Value = serde_json::from_str(body).unwrap_or_default();
            let named = json["data"]["id"].as_str().is_some_and(api::is_id);
            let errors = json.get("errors").is_some_and(|errors| !errors.is_null() && *errors != json!([]));
            let published = created(answer(status, &[], body));
            prop_assert_eq!(published.is_ok(), (200..=202).contains(&status) && named && !errors, "{}", body);
        }
    }

    #[test]
    fn no_bytes_are_a_post(status in 100_u16..600, bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let answer = Answer { status, headers: HeaderMap::new(), body: bytes.into() };
        prop_assert!(created(answer).is_err());
    }
}
