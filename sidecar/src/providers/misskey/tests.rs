//! The provider, led through what it does against a server with a script.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::providers::answer::seconds_since_1970;
use crate::providers::golden;
use crate::providers::scripted::{Scripted, Told, garbage};
use crate::providers::{Ask, Callback, Reach, Theirs, bare, sought};

/// A GIF of 3 by 2 pixels.
const GIF: &str = "data:image/gif;base64,R0lGODdhAwACAIAAAAAAAP///ywAAAAAAwACAAACAoRdADs=";

fn provider() -> Misskey {
    Misskey { client: Client::new().unwrap(), fetcher: Fetcher::new().unwrap() }
}

fn post(content: &str, media: Value, settings: Value) -> Post {
    Post { content: content.into(), media, settings, attempt: 1, reply_to: None }
}

fn ok(body: Value) -> Told {
    (200, &[], body)
}

fn refused(status: u16, code: &str) -> Told {
    (status, &[], json!({ "error": { "message": "x", "code": code, "id": "u", "kind": "client" } }))
}

fn frozen(settings: Value) -> Frozen {
    provider().draft(&post("hi", json!([]), settings), &Value::Null).unwrap()
}

async fn prepare(provider: &Misskey, caller: &Caller, post: &Post) -> Result<Value, Failure> {
    let mut prepared = Value::Null;
    while let Some(more) = provider.prepare(caller, post, &prepared).await? {
        prepared = more;
    }
    Ok(prepared)
}

/// A note so many seconds from now.
fn note(id: &str, text: &str, seconds: i64) -> Value {
    let now = seconds_since_1970(SystemTime::now()).saturating_add_signed(seconds);
    let at = humantime::format_rfc3339_millis(crate::providers::answer::since_1970(now)).to_string();
    json!({ "id": id, "createdAt": at, "text": text, "cw": null, "fileIds": [], "replyId": null, "renoteId": null })
}

async fn looked(script: Vec<Told>) -> (Result<Found, ErrorClass>, Vec<Value>) {
    let server = Scripted::telling(script).await;
    let (caller, frozen) = (server.caller("u1", "alice"), frozen(json!({})));
    let sought = Sought { others: &Theirs(&["n6"]), ..sought(&frozen) };
    let found = provider().look(&caller.account, Some(&caller.session), sought).await;
    let found = found.map_err(|failure| failure.class);
    (
        found.map(|found| match found {
            Found::Same(there) => Found::Same(Published { url: String::new(), ..there }),
            found => found,
        }),
        server.seen(),
    )
}

fn same(id: &str) -> Result<Found, ErrorClass> {
    Ok(Found::Same(Published { external_id: id.into(), url: String::new(), cid: None }))
}

#[tokio::test]
async fn the_earliest_note_like_it_that_is_no_other_targets_is_ours() {
    let of = |notes: Vec<Value>| vec![ok(json!(notes))];
    let notes = vec![note("n1", "hi", -500), note("n2", "hi", 5), note("n3", "ho", 6), note("n4", "hi", 7)];
    assert_eq!(looked(of(notes)).await.0, same("n2"));
    assert_eq!(looked(of(vec![note("n6", "hi", 5), note("n7", "hi", 6)])).await.0, same("n7"));
    assert_eq!(looked(of(vec![note("n6", "hi", 5)])).await.0, Ok(Found::Absent));
    assert_eq!(looked(of(vec![])).await.0, Ok(Found::Absent));
    let mut untimed = note("n2", "hi", 5);
    untimed["createdAt"] = json!("soon");
    assert_eq!(looked(of(vec![untimed])).await.0, same("n2"));

    // page by page, each behind the last of the one before
    let many = |from: u32| (from..from + 100).map(|n| note(&format!("m{n}"), "ho", 3)).collect::<Vec<_>>();
    let (found, seen) = looked(vec![ok(json!(many(0))), ok(json!([note("n2", "hi", 5)]))]).await;
    assert_eq!((found, seen.len()), (same("n2"), 2));
    assert!(seen[1]["body"].as_str().unwrap().contains(r#""sinceId":"m99""#), "{seen:?}");
    let endless: Vec<_> = (0..20).map(|n| ok(json!(many(n * 100)))).collect();
    let (found, seen) = looked(endless).await;
    assert_eq!((found, seen.len()), (Err(ErrorClass::Transient), 9));
    // the newest first is not what was asked for: something may be between the pages
    let mut upside_down = many(0);
    upside_down.insert(0, note("n9", "ho", 60));
    upside_down.truncate(100);
    assert_eq!(looked(vec![ok(json!(upside_down))]).await.0, Err(ErrorClass::Transient));
}

#[tokio::test]
async fn an_answer_that_is_not_whole_proves_no_absence() {
    for odd in [
        json!({}),
        json!([{}]),
        json!([["n2", "soon"]]),
        json!([note("n2", "ho", 5), { "id": "n3" }]),
        json!({ "error": { "code": "X" } }),
    ] {
        assert_eq!(looked(vec![ok(odd.clone())]).await.0, Err(ErrorClass::Transient), "{odd}");
    }
    let account = Scripted::telling(vec![]).await.caller("u1", "alice").account;
    let frozen = frozen(json!({}));
    let failure = provider().look(&account, None, sought(&frozen)).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::AuthRevoked);
}

#[tokio::test]
async fn a_token_is_that_of_the_account_that_was_named() {
    let me = || ok(json!({ "id": "u1", "username": "alice", "host": null }));
    for handle in ["alice", "@Alice", "@alice@a.example"] {
        let server = Scripted::telling(vec![me()]).await;
        let login = provider().login(&server.url, handle, &"canary".into()).await.unwrap();
        let host = server.url.trim_start_matches("http://");
        assert_eq!((login.external_id.as_str(), login.handle), ("u1", format!("alice@{host}")));
    }
    let server = Scripted::telling(vec![me(), refused(403, "AUTHENTICATION_FAILED")]).await;
    for (handle, class) in [("bob", ErrorClass::Permission), ("alice", ErrorClass::AuthRevoked)] {
        let failure = provider().login(&server.url, handle, &"canary".into()).await.unwrap_err();
        assert_eq!(failure.class, class);
        assert!(!failure.message.contains("canary"), "{failure}");
    }
}

#[tokio::test]
async fn what_was_done_before_is_done() {
    let like = Act::Like { post: "n1".into(), key: uuid::Uuid::nil() };
    let follow = Act::Follow { account: "u2".into(), key: uuid::Uuid::nil() };
    let delete = Act::Delete { post: "n1".into() };
    for (act, code) in [(&like, "ALREADY_REACTED"), (&follow, "ALREADY_FOLLOWING"), (&delete, "NO_SUCH_NOTE")]
    {
        let server = Scripted::telling(vec![refused(400, code), refused(400, "INVALID_PARAM")]).await;
        let caller = server.caller("u1", "alice");
        assert_eq!(provider().act(&caller, act).await, Ok(Done::default()), "{code}");
        assert_eq!(provider().act(&caller, act).await.unwrap_err().class, ErrorClass::ContentInvalid);
    }
    let message = Act::DirectMessage { account: "u2".into(), text: "psst".into(), key: uuid::Uuid::nil() };
    let caller = Scripted::telling(vec![]).await.caller("u1", "alice");
    assert_eq!(provider().act(&caller, &message).await.unwrap_err().class, ErrorClass::Unsupported);
}

#[tokio::test]
async fn a_session_is_the_one_that_was_begun_and_good_once() {
    let server = Scripted::telling(vec![
        ok(json!({ "ok": true, "token": "t1", "user": { "id": "u1", "username": "alice" } })),
        ok(json!({ "ok": false })),
    ])
    .await;
    let (provider, state) = (provider(), SecretString::from("s t"));
    let ask = || Ask {
        public_url: "https://c.example",
        redirect_uri: "https://c.example/oauth/misskey/callback",
        state: &state,
        named: None,
        server: &server.url,
        again: None,
        app: None,
        reach: Reach { allow_loopback: true },
    };
    let begun = Connect::begin(&provider, &ask()).await.unwrap();
    let url = url::Url::parse(secrecy::ExposeSecret::expose_secret(&begun.authorize_url)).unwrap();
    let session = url.path_segments().unwrap().next_back().unwrap().to_owned();
    assert_eq!(session.len(), 43);
    let param =
        |name: &str| url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned());
    assert_eq!(param("callback").as_deref(), Some("https://c.example/oauth/misskey/callback?state=s+t"));
    assert!(param("permission").unwrap().contains("write:notes"));
    let finish = async |code: &str| {
        let code = SecretString::from(code);
        let granted =
            Connect::finish(&provider, &begun.kept, &Callback { code: &code, iss: None, ask: ask() }).await;
        granted.map(|granted| granted[0].external_id.clone()).map_err(|failure| failure.class)
    };
    // of another login
    assert_eq!(finish("another").await, Err(ErrorClass::AuthRevoked));
    assert!(server.seen().is_empty());
    assert_eq!(finish(&session).await, Ok("u1".into()));
    assert_eq!(finish(&session).await, Err(ErrorClass::AuthRevoked));
    assert_eq!(server.calls(), vec![format!("POST /api/miauth/{session}/check"); 2]);
}

/// What one call asks.
async fn asked(
    script: Vec<Told>,
    call: impl AsyncFnOnce(&Misskey, &Caller) -> Result<(), Failure>,
) -> Vec<Value> {
    let server = Scripted::telling(script).await;
    call(&provider(), &server.caller("u1", "alice")).await.unwrap();
    server.seen()
}

async fn publishing(script: Vec<Told>, post: Post) -> Vec<Value> {
    let meta = ok(json!({ "version": "2026.10.0", "maxNoteTextLength": 3_000 }));
    let made = ok(json!({ "createdNote": { "id": "n1", "text": "hi" } }));
    let script = [meta].into_iter().chain(script).chain([made]).collect();
    asked(script, async |provider, caller| {
        let prepared = prepare(provider, caller, &post).await?;
        let frozen = provider.draft(&post, &prepared)?;
        let there = provider.commit(caller, &bare(), &frozen).await?;
        assert_eq!(there.url, format!("{}/notes/n1", caller.account.base_url));
        Ok(())
    })
    .await
}

async fn all() -> BTreeMap<&'static str, Vec<Value>> {
    let file = |id: &str| ok(json!({ "id": id, "type": "image/gif" }));
    let image = |alt: &str| json!({ "url": GIF, "alt": alt });
    let settings = json!({ "visibility": "followers", "cw": "cw", "local_only": true, "sensitive": true });
    let reply = |to: &str| Post { reply_to: Some(to.into()), ..post("yes", json!([]), json!({})) };
    let found = ok(json!({ "type": "Note", "object": { "id": "n7" } }));
    let counted =
        ok(json!({ "id": "n1", "reactions": { "❤": 3, ":x@.:": 1 }, "repliesCount": 1, "renoteCount": 2 }));
    let nothing = || (204, &[][..], Value::Null);
    let acts = async |provider: &Misskey, caller: &Caller| -> Result<(), Failure> {
        let key = uuid::Uuid::nil();
        for act in [
            Act::Delete { post: "n1".into() },
            Act::Like { post: "n1".into(), key },
            Act::Follow { account: "@bob@b.example".into(), key },
        ] {
            provider.act(caller, &act).await?;
        }
        Ok(())
    };
    BTreeMap::from([
        ("text", publishing(vec![], post("Grüße \"🎉\"", json!([]), json!({}))).await),
        (
            "files",
            publishing(vec![file("f1"), file("f2")], post("", json!([image("a dot"), image("")]), settings))
                .await,
        ),
        ("reply", publishing(vec![], reply("n7")).await),
        ("reply_elsewhere", publishing(vec![found], reply("https://b.example/@bob/7")).await),
        (
            "metrics",
            asked(vec![counted], async |provider, caller| {
                let expected = Metrics { views: None, likes: Some(4), replies: Some(1), shares: Some(2) };
                assert_eq!(provider.metrics(caller, "n1").await?, expected);
                Ok(())
            })
            .await,
        ),
        (
            "acts",
            asked(vec![nothing(), nothing(), ok(json!({ "id": "u2" })), ok(json!({ "id": "u2" }))], acts)
                .await,
        ),
        (
            "login",
            asked(vec![ok(json!({ "id": "u1", "username": "alice" }))], async |provider, caller| {
                provider.login(&caller.account.base_url, "alice", &"access".into()).await.map(drop)
            })
            .await,
        ),
    ])
}

#[tokio::test]
async fn requests_are_those_of_the_golden_file() {
    golden::check("misskey", &all().await);
}

const NAMES: &[&str] =
    &["id", "createdNote", "error", "code", "message", "username", "version", "object", "type", "reactions"];
const WHOLE: &str = r#"[{"id":"n1","createdAt":"2026-11-18T11:06:40.000Z","text":"hi"}]"#;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn nothing_is_published_or_absent_by_nonsense(status in 200_u16..600, body in garbage(NAMES, WHOLE)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Scripted::always((status, &[], json!(body))).await;
            let (provider, caller, frozen) = (provider(), server.caller("u1", "alice"), frozen(json!({})));
            assert!(provider.commit(&caller, &bare(), &frozen).await.is_err());
            let seen = provider.look(&caller.account, Some(&caller.session), sought(&frozen)).await;
            assert!(seen.is_err(), "{seen:?}");
            let asked = json!({ "is_asked": true });
            assert!(provider.prepare(&caller, &post("", json!([{ "url": GIF }]), json!({})), &asked).await.is_err());
            let elsewhere = Post { reply_to: Some("https://b.example/7".into()), ..post("hi", json!([]), json!({})) };
            assert!(provider.prepare(&caller, &elsewhere, &asked).await.is_err());
            assert!(provider.login(&server.url, "alice", &"t".into()).await.is_err());
            let _ = provider.metrics(&caller, "n1").await;
            let _ = provider.act(&caller, &Act::Delete { post: "n1".into() }).await;
            assert!(provider.refresh(&caller).await.is_err());
        });
    }
}
