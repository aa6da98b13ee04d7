//! The provider, led through what it does against a server with a script.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;
use crate::providers::x::tests::server::Server;
use crate::providers::{Theirs, bare, sought};

const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNiAAAABgADNjd8qAAAAABJRU5ErkJggg==";

fn provider() -> Pinterest {
    let app = App { client_id: "app".into(), client_secret: Some("secret".into()) };
    Pinterest {
        client: Client::new().unwrap(),
        fetcher: Fetcher::new().unwrap(),
        app: Some(app),
        endpoints: Endpoints::default(),
    }
}

fn post(content: &str, media: Value, settings: Value) -> Post {
    Post { content: content.into(), media, settings, attempt: 1, reply_to: None }
}

fn image(name: &str, alt: &str) -> Value {
    json!({ "url": format!("https://a.example/{name}.jpg?x=1&y=2"), "alt": alt })
}

fn carried() -> Value {
    json!({ "url": format!("data:image/png;base64,{PNG}"), "alt": "" })
}

fn film() -> Value {
    let bytes = b"\0\0\0\x20ftypisom and more";
    json!({ "url": format!("data:video/mp4;base64,{}", STANDARD.encode(bytes)), "alt": "moves" })
}

fn drafted(post: &Post, prepared: &Value) -> Frozen {
    provider().draft(post, prepared).unwrap()
}

fn hello() -> Frozen {
    drafted(&post("hello", json!([image("a", "")]), json!({ "board_id": "1001" })), &Value::Null)
}

fn listed(id: &str, text: &str) -> Value {
    json!({ "id": id, "description": text, "created_at": "2099-01-01T00:00:00", "media": { "media_type": "image" } })
}

/// Prepares to the end.
async fn prepare(provider: &Pinterest, caller: &Caller, post: &Post) -> Result<Value, Failure> {
    let mut prepared = Value::Null;
    while let Some(more) = provider.prepare(caller, post, &prepared).await? {
        prepared = more;
    }
    Ok(prepared)
}

#[tokio::test]
async fn requests_are_those_of_the_golden_file() {
    let store = Server::telling(&[(204, json!(null))]).await;
    let parameters = json!({ "key": "uploads/11", "policy": "cG9saWN5", "x-amz-signature": "sig" });
    let registered = json!({ "media_id": "11", "media_type": "video", "upload_url": format!("{}/up", store.url),
                             "upload_parameters": parameters });
    let made = |id: &str| (201, json!({ "id": id }));
    let state = |state: &str| (200, json!({ "media_id": "11", "status": state }));
    let counts = json!({ "lifetime_metrics": { "impression": 9, "reaction": 4, "comment": 1, "save": 5 } });
    let server = Server::telling(&[
        (200, json!({ "id": "1001", "username": "alice" })),
        (200, json!({ "items": [{ "id": "1001" }] })),
        (200, json!({ "items": [] })),
        (200, json!({ "access_token": "a2", "refresh_token": "r2", "expires_in": 7_200 })),
        (201, registered),
        state("registered"),
        state("processing"),
        state("succeeded"),
        made("8001"),
        (200, json!({ "items": [listed("8", "no")], "bookmark": "b/1" })),
        (200, json!({ "items": [listed("8001", "hi")], "bookmark": null })),
        (204, json!(null)),
        (200, json!({ "id": "8001", "pin_metrics": counts })),
    ])
    .await;
    let (provider, caller) = (provider(), server.caller());
    let login = provider.login(&server.url, "@Alice", &"access:refresh".into()).await.unwrap();
    assert_eq!((login.external_id.as_str(), login.handle.as_str()), ("1001", "alice"));
    assert!(provider.lifetime(&login.session).expires_at.unwrap() > SystemTime::now());
    provider.refresh(&caller).await.unwrap();
    prepare(&provider, &caller, &post("", json!([film()]), json!({ "board_id": "1001" }))).await.unwrap();

    let settings = json!({ "board_id": "1001", "board_section_id": "7" });
    let frozen = drafted(&post("hi", json!([image("a", "")]), settings), &Value::Null);
    let published = provider.commit(&caller, &bare(), &frozen).await.unwrap();
    assert_eq!(published.url, "https://www.pinterest.com/pin/8001/");
    let found = provider.look(&caller.account, Some(&caller.session), sought(&frozen)).await.unwrap();
    assert_eq!(found, Found::Same(published));
    let delete = Act::Delete { post: "8001".into() };
    assert_eq!(provider.act(&caller, &delete).await.unwrap(), Done::default());
    let metrics = provider.metrics(&caller, "8001").await.unwrap();
    assert_eq!(metrics, Metrics { views: Some(9), likes: Some(4), replies: Some(1), shares: Some(5) });

    // the bodies of all kinds of pins
    let covered = json!({ "board_id": "1001", "cover_url": "https://a.example/c.png" });
    let all = json!({ "board_id": "1001", "title": "A desk", "link": "https://a.example/?x=1&y=2" });
    let video = json!({ "video": { "id": "11", "ready": true } });
    let board = || json!({ "board_id": "1001" });
    let pins = [
        (post("Hello #tag & \"more\"\n+1 é", json!([image("a", "a desk")]), all), Value::Null),
        (post("", json!([carried()]), board()), Value::Null),
        (post("two", json!([image("a", ""), image("b", "the second")]), board()), Value::Null),
        (post("two", json!([carried(), carried()]), board()), Value::Null),
        (post("", json!([film()]), board()), video.clone()),
        (post("", json!([film()]), json!({ "board_id": "1001", "cover_second": 3 })), video.clone()),
        (post("", json!([film()]), covered), video),
    ];
    let pins: Vec<_> = pins.iter().map(|(post, prepared)| drafted(post, prepared).request).collect();

    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/pinterest/requests.json");
    let golden: Value =
        serde_json::from_slice(&std::fs::read(golden).unwrap_or_default()).unwrap_or_default();
    let seen = json!({ "calls": server.seen(), "upload": store.seen(), "pins": pins });
    assert!(seen == golden, "the requests are now:\n{seen:#}");
}

#[tokio::test]
async fn a_video_goes_only_where_the_platform_may_send_it() {
    for place in
        ["http://10.0.0.1/up", "http://a.example/up", "https://192.168.0.1/up", "file:///etc/passwd", "up"]
    {
        let registered = json!({ "media_id": "11", "upload_url": place, "upload_parameters": {} });
        let server = Server::telling(&[(201, registered)]).await;
        let film = post("", json!([film()]), json!({ "board_id": "1001" }));
        let failure = prepare(&provider(), &server.caller(), &film).await.unwrap_err();
        assert_eq!((failure.class, server.seen().len()), (ErrorClass::Transient, 1), "{place}: {failure}");
    }
    // this machine is no place either, unless Pinterest is on it
    let session = Session::new("access".into(), "refresh".into());
    let api = provider();
    let api = api.server("https://api.pinterest.com").with(&session);
    let reach = super::super::Reach { allow_loopback: crate::address::check_loopback(api.base_url).is_ok() };
    assert!(!reach.allow_loopback);
}

#[tokio::test]
async fn an_upload_that_is_gone_is_made_again_once() {
    let store = Server::telling(&[(204, json!(null)), (204, json!(null))]).await;
    let registered =
        json!({ "media_id": "11", "upload_url": format!("{}/up", store.url), "upload_parameters": {} });
    let gone = (404, json!({ "code": 50, "message": "Media upload not found." }));
    let server = Server::telling(&[(201, registered.clone()), gone.clone(), (201, registered), gone]).await;
    let film = post("", json!([film()]), json!({ "board_id": "1001" }));
    let failure = prepare(&provider(), &server.caller(), &film).await.unwrap_err();
    assert_eq!((failure.class, server.seen().len(), store.seen().len()), (ErrorClass::TargetMissing, 4, 2));
}

#[tokio::test]
async fn a_video_that_can_not_be_sent_or_processed_says_so() {
    for (status, class) in
        [(413, ErrorClass::ContentInvalid), (403, ErrorClass::Transient), (500, ErrorClass::Transient)]
    {
        let store = Server::telling(&[(status, json!(null))]).await;
        let registered = json!({ "media_id": "11", "upload_url": store.url, "upload_parameters": {} });
        let server = Server::telling(&[(201, registered)]).await;
        let film = post("", json!([film()]), json!({ "board_id": "1001" }));
        assert_eq!(prepare(&provider(), &server.caller(), &film).await.unwrap_err().class, class, "{status}");
    }
    let server = Server::telling(&[(200, json!({ "media_id": "11", "status": "failed" }))]).await;
    let prepared = json!({ "video": { "id": "11", "ready": false } });
    let film = post("", json!([film()]), json!({ "board_id": "1001" }));
    let failure = provider().prepare(&server.caller(), &film, &prepared).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::ContentInvalid);
    assert!(failure.message.starts_with("video 1"), "{failure}");
}

#[test]
fn two_drafts_have_two_keys_and_the_same_bytes() {
    let (one, two) = (hello(), hello());
    assert_ne!(one.key, two.key);
    assert_eq!(one.request, two.request);
    let odd = post("hi", json!([{ "url": "data:image/png;base64,AAAA" }]), json!({ "board_id": "1" }));
    assert_eq!(provider().draft(&odd, &Value::Null).unwrap_err().class, ErrorClass::ContentInvalid);
    let unset = post("hi", json!([image("a", "")]), json!({}));
    assert_eq!(provider().draft(&unset, &Value::Null).unwrap_err().class, ErrorClass::ContentInvalid);
}

#[tokio::test]
async fn tokens_of_another_account_are_refused() {
    let server = Server::telling(&[(200, json!({ "id": "7", "username": "bob" }))]).await;
    let failure = provider().login(&server.url, "alice", &"canary:canary".into()).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::Config);
    assert!(failure.message.contains("bob") && !failure.message.contains("canary"), "{failure}");
}

async fn looked(theirs: &'static [&'static str], pages: &[(u16, Value)]) -> Result<Found, ErrorClass> {
    let (server, frozen) = (Server::telling(pages).await, hello());
    let caller = server.caller();
    let sought = Sought { others: &Theirs(theirs), ..sought(&frozen) };
    provider().look(&caller.account, Some(&caller.session), sought).await.map_err(|failure| failure.class)
}

#[tokio::test]
async fn what_is_not_surely_absent_is_not_absent() {
    let page = |items: Value, bookmark: Value| (200, json!({ "items": items, "bookmark": bookmark }));
    assert_eq!(looked(&[], &[page(json!([]), json!(null))]).await, Ok(Found::Absent));
    assert_eq!(looked(&["8"], &[page(json!([listed("8", "hello")]), json!(null))]).await, Ok(Found::Absent));
    let old = json!({ "id": "8", "description": "hello", "created_at": "2020-01-01T00:00:00" });
    let older = json!({ "id": "7", "description": "hello", "created_at": "2019-01-01T00:00:00" });
    assert_eq!(looked(&[], &[page(json!([old, older]), json!("more"))]).await, Ok(Found::Absent));
    // the oldest come first: ours is on a later page
    let last = page(json!([listed("8", "hello")]), json!(null));
    assert!(matches!(looked(&[], &[page(json!([older, old]), json!("m")), last]).await, Ok(Found::Same(_))));
    // a board whose pins were moved about
    let moved =
        [page(json!([old, listed("9", "no")]), json!("m")), page(json!([listed("8", "hello")]), json!(null))];
    assert!(matches!(looked(&[], &moved).await, Ok(Found::Same(_))));
    let undated = json!({ "id": "8", "description": "hello", "media": { "media_type": "image" } });
    assert_eq!(looked(&[], &[page(json!([undated]), json!(null))]).await, Ok(Found::Other));
    let endless = vec![page(json!([listed("9", "no")]), json!("more")); 50];
    assert_eq!(looked(&[], &endless).await, Err(ErrorClass::Transient));
    let gone = (404, json!({ "code": 40, "message": "Board not found." }));
    assert_eq!(looked(&[], &[gone]).await, Err(ErrorClass::TargetMissing));
    let (account, frozen) = (Server::telling(&[]).await.caller().account, hello());
    let failure = provider().look(&account, None, sought(&frozen)).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::AuthRevoked);
    let odd =
        Frozen { request: r#"{"board_id":"../1","media_source":{"source_type":"x"}}"#.into(), ..hello() };
    let caller = Server::telling(&[]).await.caller();
    let failure = provider().look(&caller.account, Some(&caller.session), sought(&odd)).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::Config);
}

/// Answers that make no sense never panic, and are never taken for a pin, for an account, or for the proof that there is none.
#[tokio::test]
async fn nothing_is_made_of_garbage() {
    let bodies = [
        "",
        "{",
        "<html>Sorry</html>",
        "[]",
        "[\"8\"]",
        "null",
        "7",
        "{}",
        r#"{"id":7}"#,
        r#"{"id":"a/b"}"#,
        r#"{"id":null}"#,
        r#"{"items":{}}"#,
        r#"{"items":[[]]}"#,
        r#"{"items":[{"id":7}]}"#,
        r#"{"code":"40","message":[]}"#,
        r#"{"access_token":7}"#,
        r#"["a","b"]"#,
        r#"{"media_id":7,"upload_url":[]}"#,
        r#"{"status":7}"#,
    ];
    for (status, body) in
        bodies.iter().flat_map(|body| [200, 201, 204, 302, 400, 404, 500].map(|s| (s, *body)))
    {
        let always = vec![(status, body.as_bytes().to_vec()); 12];
        let server = Server::start(always).await;
        let (provider, caller, frozen) = (provider(), server.caller(), hello());
        let sent = provider.commit(&caller, &bare(), &frozen).await.unwrap_err();
        assert_eq!(sent.class, ErrorClass::OutcomeUnknown, "{status} {body}");
        let seen = provider.look(&caller.account, Some(&caller.session), sought(&frozen)).await;
        assert!(seen.is_err(), "{status} {body}: {seen:?}");
        assert!(provider.login(&server.url, "", &"a:b".into()).await.is_err(), "{status} {body}");
        assert!(provider.refresh(&caller).await.is_err(), "{status} {body}");
        let film = post("", json!([film()]), json!({ "board_id": "1001" }));
        assert!(provider.prepare(&caller, &film, &Value::Null).await.is_err(), "{status} {body}");
        let made = json!({ "video": { "id": "11", "ready": false } });
        assert!(provider.prepare(&caller, &film, &made).await.is_err(), "{status} {body}");
        let _ = provider.metrics(&caller, "8").await;
        let _ = provider.act(&caller, &Act::Delete { post: "8".into() }).await;
        let _ = provider.reach(&server.url).await;
    }
}
