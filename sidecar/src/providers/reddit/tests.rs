//! The provider, led through what it does against a server with a script.

mod garbage;
mod requests;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;
use crate::providers::told::{Script, Told};
use crate::providers::{Theirs, bare, sought};

const PNG: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const POST: &str = "t3_1abcde";
const COMMENT: &str = "t1_k2fghij";
const ASSET: &str = "8xjguc40cnrb1";

fn provider() -> Reddit {
    let app = App { client_id: "app".into(), client_secret: Some("secret".into()) };
    let made = Reddit::new(Client::new().unwrap(), Fetcher::new().unwrap(), Some(app));
    Reddit { pauses: &[Duration::ZERO, Duration::ZERO], ..made }
}

fn caller(script: &Script) -> Caller {
    script.caller("4cixf", "alice")
}

fn post(content: &str, media: Value, more: Value) -> Post {
    let mut settings = json!({ "subreddit": "rust", "title": "A title" });
    for (name, value) in more.as_object().into_iter().flatten() {
        settings[name] = value.clone();
    }
    Post { content: content.into(), media, settings, attempt: 1, reply_to: None }
}

fn comment(on: &str) -> Post {
    Post { reply_to: Some(on.into()), settings: json!({}), ..post("first & last", json!([]), json!({})) }
}

fn image() -> Value {
    json!([{ "url": PNG, "alt": "a dot" }])
}

fn film() -> Value {
    let bytes = b"\0\0\0\x20ftypisom and more";
    json!([{ "url": format!("data:video/mp4;base64,{}", STANDARD.encode(bytes)), "alt": "moves" }])
}

/// What is prepared of so many media.
fn prepared(ids: &[&str]) -> Value {
    let asset = |id: &&str| json!({ "id": id, "url": format!("https://media.example/{id}") });
    json!({ "assets": ids.iter().map(asset).collect::<Vec<_>>() })
}

fn hello() -> Frozen {
    provider().draft(&post("hello", json!([]), json!({})), &Value::Null).unwrap()
}

fn pictured() -> Frozen {
    provider().draft(&post("hello", image(), json!({})), &prepared(&[ASSET])).unwrap()
}

fn ok(body: Value) -> Told {
    Told::new(200, body)
}

/// A success that says what was made.
fn made(data: Value) -> Told {
    ok(json!({ "json": { "errors": [], "data": data } }))
}

fn refused(code: &str) -> Told {
    ok(json!({ "json": { "errors": [[code, "words", "field"]] } }))
}

fn in_the_works() -> Told {
    made(json!({ "user_submitted_page": "https://www.reddit.com/user/alice/submitted/",
                 "websocket_url": "wss://ws.example/8xjguc40cnrb1?m=AQAA" }))
}

fn list(children: Value, after: Value) -> Told {
    ok(json!({ "kind": "Listing", "data": { "children": children, "after": after } }))
}

/// A post of the list, as new as can be.
fn listed(changes: Value) -> Value {
    let mut data = json!({ "name": POST, "subreddit": "rust", "title": "A title", "selftext": "hello", "is_self": true,
                           "created_utc": 4_070_908_800.0, "url": "https://www.reddit.com/r/rust/comments/1abcde/a/" });
    for (name, value) in changes.as_object().into_iter().flatten() {
        data[name] = value.clone();
    }
    json!({ "kind": "t3", "data": data })
}

fn shown_image() -> Value {
    listed(json!({ "is_self": false, "url": format!("https://i.redd.it/{ASSET}.png") }))
}

/// Prepares to the end.
async fn prepare(provider: &Reddit, caller: &Caller, post: &Post) -> Result<Value, Failure> {
    let mut prepared = Value::Null;
    while let Some(more) = provider.prepare(caller, post, &prepared).await? {
        prepared = more;
    }
    Ok(prepared)
}

async fn sent(frozen: &Frozen, told: Vec<Told>) -> (Result<Published, Failure>, usize) {
    let script = Script::start(told).await;
    let sent = provider().commit(&caller(&script), &bare(), frozen).await;
    (sent, script.seen().len())
}

async fn seen(
    frozen: &Frozen,
    theirs: &'static [&'static str],
    told: Vec<Told>,
) -> Result<Found, ErrorClass> {
    let script = Script::start(told).await;
    let caller = caller(&script);
    let sought = Sought { others: &Theirs(theirs), ..sought(frozen) };
    provider().look(&caller.account, Some(&caller.session), sought).await.map_err(|failure| failure.class)
}

#[tokio::test]
async fn an_image_that_is_taken_without_a_name_is_looked_for_and_not_sent_again() {
    let named = || list(json!([shown_image()]), Value::Null);
    let nothing = || list(json!([]), Value::Null);
    let (found, calls) = sent(&pictured(), vec![in_the_works(), named()]).await;
    assert_eq!((found.unwrap().external_id.as_str(), calls), (POST, 2));
    // not at once, and after a look that failed
    let (found, calls) = sent(&pictured(), vec![in_the_works(), Told::new(500, Value::Null), named()]).await;
    assert_eq!((found.unwrap().url.as_str(), calls), ("https://www.reddit.com/r/rust/comments/1abcde/", 3));
    // one that is not shown in time is for the next try
    let (found, calls) = sent(&pictured(), vec![in_the_works(), nothing(), nothing()]).await;
    let failure = found.unwrap_err();
    assert_eq!((failure.class, calls), (ErrorClass::OutcomeUnknown, 3));
    assert!(failure.retry_at.is_some() && !failure.draft_again, "{failure:?}");
    // somebody else's of the same title is another
    let other = listed(json!({ "is_self": false, "url": "https://i.redd.it/7z48j742cnrb1.gif" }));
    let (found, _) =
        sent(&pictured(), vec![in_the_works(), list(json!([other]), Value::Null), nothing()]).await;
    assert_eq!(found.unwrap_err().class, ErrorClass::OutcomeUnknown);
    // and a text has a name at once
    let (found, calls) = sent(&hello(), vec![in_the_works()]).await;
    assert_eq!((found.unwrap_err().class, calls), (ErrorClass::OutcomeUnknown, 1));
}

#[test]
fn what_is_processed_longer_settles_later() {
    let of = |frozen: &Frozen| provider().settles(frozen);
    let poster = json!({ "assets": [{ "id": ASSET, "url": "https://media.example/1" }],
                         "poster": { "id": "2", "url": "https://media.example/2" } });
    let video = provider().draft(&post("", film(), json!({ "poster": PNG })), &poster).unwrap();
    let two = json!([{ "url": PNG }, { "url": PNG }]);
    let gallery = provider().draft(&post("", two, json!({})), &prepared(&["1", "2"])).unwrap();
    let texts = [hello(), provider().draft(&comment(POST), &Value::Null).unwrap()];
    assert!(texts.iter().all(|frozen| of(frozen) == PLATFORM.settles));
    assert!(of(&video) > of(&pictured()) && of(&pictured()) > PLATFORM.settles);
    assert_eq!(of(&gallery), of(&pictured()));
    // no word of a post makes it something else
    let odd = provider().draft(&post("&kind=video", json!([]), json!({})), &Value::Null).unwrap();
    assert_eq!(of(&odd), PLATFORM.settles);
    assert_eq!(of(&Frozen { key: "k".into(), request: "{".into() }), PLATFORM.settles);
}

#[tokio::test]
async fn what_is_not_surely_absent_is_not_absent() {
    let page = |children: Value| list(children, Value::Null);
    let same = || listed(json!({}));
    let old = || listed(json!({ "created_utc": 1_000_000_000.0 }));
    assert!(matches!(seen(&hello(), &[], vec![page(json!([same()]))]).await, Ok(Found::Same(_))));
    for (theirs, children) in [(&[][..], json!([])), (&[POST], json!([same()])), (&[], json!([old()]))] {
        assert_eq!(seen(&hello(), theirs, vec![page(children)]).await, Ok(Found::Absent));
    }
    // what is pinned stands first, however old it is
    let pinned =
        vec![list(json!([old(), listed(json!({ "title": "x" }))]), json!("t3_1")), page(json!([same()]))];
    assert!(matches!(seen(&hello(), &[], pinned).await, Ok(Found::Same(_))));
    // one without a time could be it, and so could one whose text a moderator took away
    let undated = listed(json!({ "created_utc": null }));
    assert!(matches!(seen(&hello(), &[], vec![page(json!([undated]))]).await, Ok(Found::Same(_))));
    let removed = listed(json!({ "selftext": "[removed]", "removed_by_category": "moderator" }));
    assert_eq!(seen(&hello(), &[], vec![page(json!([removed]))]).await, Ok(Found::Other));
    let endless = vec![list(json!([listed(json!({ "title": "x" }))]), json!("t3_1")); 9];
    assert_eq!(seen(&hello(), &[], endless).await, Err(ErrorClass::Transient));
    let gone = Told::new(404, json!({ "message": "Not Found", "error": 404 }));
    assert_eq!(seen(&hello(), &[], vec![gone]).await, Err(ErrorClass::TargetMissing));

    let script = Script::start(vec![]).await;
    let mut caller = caller(&script);
    let failure = provider().look(&caller.account, None, sought(&hello())).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::AuthRevoked);
    caller.account.handle = "../me".into();
    let failure =
        provider().look(&caller.account, Some(&caller.session), sought(&hello())).await.unwrap_err();
    assert_eq!((failure.class, script.seen().len()), (ErrorClass::Config, 0));
}

#[tokio::test]
async fn a_link_that_is_there_already_may_be_ours() {
    let link = json!({ "link": "https://a.example/" });
    let frozen = provider().draft(&post("", json!([]), link.clone()), &Value::Null).unwrap();
    assert!(frozen.request.contains("resubmit=false"), "{}", frozen.request);
    let (failure, _) = sent(&frozen, vec![refused("ALREADY_SUB")]).await;
    assert_eq!(failure.unwrap_err().class, ErrorClass::Duplicate);
    let mut again = link;
    again["resubmit"] = json!(true);
    let frozen = provider().draft(&post("", json!([]), again), &Value::Null).unwrap();
    assert!(frozen.request.contains("resubmit=true"), "{}", frozen.request);
}

fn lease(place: &str, id: &str) -> Told {
    let field = |name: &str, value: &str| json!({ "name": name, "value": value });
    let fields = [field("key", &format!("rte_images/{id}")), field("x-amz-signature", "canary-signature")];
    ok(json!({ "args": { "action": place, "fields": fields }, "asset": { "asset_id": id } }))
}

#[tokio::test]
async fn media_go_only_where_reddit_may_send_them() {
    for place in ["//10.0.0.1/up", "//localhost:1/up", "up", "", "//a b/", "//169.254.169.254/latest"] {
        let script = Script::start(vec![lease(place, ASSET)]).await;
        let post = post("", image(), json!({}));
        let failure = prepare(&provider(), &caller(&script), &post).await.unwrap_err();
        assert_eq!((failure.class, script.seen().len()), (ErrorClass::Transient, 1), "{place}: {failure}");
        assert!(!failure.message.contains("canary"), "{failure}");
    }
    // what it calls an upload goes into requests and is looked for
    let store = Script::always(Told::new(201, Value::Null)).await;
    let place = store.url.trim_start_matches("http:");
    let elsewhere = json!({ "args": { "action": place, "fields": [{ "name": "key", "value": "other" }] },
                            "asset": { "asset_id": ASSET } });
    for odd in [lease(place, "../x"), lease(place, ""), ok(elsewhere)] {
        let script = Script::start(vec![odd]).await;
        let failure =
            prepare(&provider(), &caller(&script), &post("", image(), json!({}))).await.unwrap_err();
        assert_eq!((failure.class, store.seen().len()), (ErrorClass::Transient, 0));
    }
}

#[tokio::test]
async fn an_upload_that_is_refused_says_whose_fault_it_is() {
    let large = json!("<Error><Code>EntityTooLarge</Code><ProposedSize>9</ProposedSize></Error>");
    for (told, class) in [
        (Told::new(400, large), ErrorClass::ContentInvalid),
        (Told::new(413, Value::Null), ErrorClass::ContentInvalid),
        (Told::new(400, json!("<Error/>")), ErrorClass::Transient),
        (Told::new(403, Value::Null), ErrorClass::Transient),
        (Told::new(503, Value::Null), ErrorClass::Transient),
        (Told::new(200, json!({})), ErrorClass::Transient),
    ] {
        let store = Script::always(told).await;
        let script = Script::start(vec![lease(store.url.trim_start_matches("http:"), ASSET)]).await;
        let failure =
            prepare(&provider(), &caller(&script), &post("", image(), json!({}))).await.unwrap_err();
        assert_eq!((failure.class, failure.message.starts_with("image 1")), (class, true), "{failure}");
    }
    // of a poster it is said that it is one
    let store = Script::start(vec![Told::new(201, Value::Null), Told::new(403, Value::Null)]).await;
    let place = store.url.trim_start_matches("http:");
    let script = Script::start(vec![lease(place, ASSET), lease(place, "p1")]).await;
    let video = post("", film(), json!({ "poster": PNG }));
    let failure = prepare(&provider(), &caller(&script), &video).await.unwrap_err();
    assert!(failure.message.starts_with("the poster of the video: "), "{failure}");
}

#[test]
fn two_drafts_have_two_keys_and_the_same_bytes() {
    let (one, two) = (pictured(), pictured());
    assert_ne!(one.key, two.key);
    assert_eq!(one.request, two.request);
    for (unready, class) in [
        (post("hi", image(), json!({})), ErrorClass::Transient),
        (post("hi", json!([]), json!({ "title": "" })), ErrorClass::ContentInvalid),
        (comment("nowhere"), ErrorClass::ContentInvalid),
    ] {
        assert_eq!(provider().draft(&unready, &Value::Null).unwrap_err().class, class);
    }
    // what another version wrote down sends nothing
    for odd in
        ["", "{}", r#"{"call":"submit","body":"kind=poll"}"#, r#"{"call":"comment","body":"thing_id=x"}"#]
    {
        let sent = Sent::of(&Frozen { key: "k".into(), request: odd.into() });
        assert!(sent.and_then(|sent| sent.wanted()).is_err(), "{odd}");
    }
}

#[tokio::test]
async fn tokens_of_another_account_are_refused() {
    let script = Script::always(ok(json!({ "id": "4cixf", "name": "bob" }))).await;
    let failure = provider().login(&script.url, "alice", &"canary:canary".into()).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::Config);
    assert!(failure.message.contains("u/bob") && !failure.message.contains("canary"), "{failure}");
    assert!(provider().login(&script.url, "/u/Bob", &"a:r".into()).await.is_ok());
    for odd in [json!({ "id": "../x", "name": "alice" }), json!({ "id": "1", "name": "a b" })] {
        let script = Script::always(ok(odd.clone())).await;
        assert!(provider().login(&script.url, "alice", &"a:r".into()).await.is_err(), "{odd}");
    }
}

#[tokio::test]
async fn figures_are_of_the_post_that_was_asked_for() {
    let of = |told: Told| async {
        let script = Script::start(vec![told]).await;
        provider().metrics(&caller(&script), POST).await.map_err(|failure| failure.class)
    };
    let counted = listed(json!({ "score": -3, "num_comments": 2, "view_count": null }));
    let expected = Metrics { likes: Some(0), replies: Some(2), ..Metrics::default() };
    assert_eq!(of(list(json!([counted]), Value::Null)).await, Ok(expected));
    let other = listed(json!({ "name": "t3_2", "score": 9 }));
    assert_eq!(of(list(json!([other]), Value::Null)).await, Err(ErrorClass::TargetMissing));
    assert_eq!(of(list(json!([]), Value::Null)).await, Err(ErrorClass::TargetMissing));
}
