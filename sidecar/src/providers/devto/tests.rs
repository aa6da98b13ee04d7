//! The provider against a server that answers by a script.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::providers::answer::fixtures;
use crate::providers::fake_server::{Script, Scripted, garbage, told};
use crate::providers::{Theirs, bare, sought};

const SECRET: &str = "canary-api-key";
/// Made at 2026-11-18T11:06:40Z.
const KEY: &str = "01a1ee56-5e00-7000-8000-000000000000";

fn provider() -> DevTo {
    DevTo { client: Client::new().unwrap(), server: None }
}

fn caller(script: &Script) -> Caller {
    script.caller("7", "alice", SECRET)
}

fn frozen() -> Frozen {
    let settings = json!({"title": "A title", "tags": ["rust", "sql"], "canonical_url": "https://a.example/x",
                          "main_image": "https://a.example/main.png", "description": "d", "series": "s",
                          "organization_id": 3});
    let media = json!([{"url": "https://a.example/a.png", "alt": "a desk"}]);
    let post = Post { content: "Grüße 🎉".into(), media, settings, attempt: 1, reply_to: None };
    draft(&post, KEY.into()).unwrap()
}

/// The article as it is listed.
fn shown(changes: &Value) -> Value {
    let mut article = json!({"id": 9, "url": "https://dev.to/alice/a-title-1", "title": "A title",
                             "body_markdown": "Grüße 🎉\n\n![a desk](https://a.example/a.png)",
                             "published_at": "2026-11-18T11:06:45.000Z"});
    for (name, value) in changes.as_object().into_iter().flatten() {
        article[name] = value.clone();
    }
    article
}

#[test]
fn every_recorded_answer_has_its_class() {
    let checked = fixtures::check("devto", failure);
    assert!(checked >= 40, "only {checked} classes");
}

/// Every request that is built, as it arrives, in `tests/fixtures/devto/requests.json`.
#[tokio::test]
async fn requests_are_built_as_recorded() {
    let script = Script::start(vec![
        told(200, &json!({"id": 7, "username": "alice"})),
        told(201, &shown(&json!({}))),
        told(200, &json!([])),
        told(200, &shown(&json!({}))),
        told(200, &json!({"public_reactions_count": 2, "comments_count": 1})),
        told(200, &json!([])),
    ])
    .await;
    let (provider, caller) = (provider(), caller(&script));
    let login = provider.login(&script.url, "@alice", &SECRET.into()).await.unwrap();
    assert_eq!((login.external_id.as_str(), login.handle.as_str()), ("7", "alice"));
    let published = provider.commit(&caller, &bare(), &frozen()).await.unwrap();
    assert_eq!(
        (published.external_id.as_str(), published.url.as_str()),
        ("9", "https://dev.to/alice/a-title-1")
    );
    let found = provider.look(&caller.account, Some(&caller.session), sought(&frozen())).await;
    assert_eq!(found, Ok(Found::Absent));
    provider.act(&caller, &Act::Delete { post: "9".into() }).await.unwrap();
    let metrics = provider.metrics(&caller, "9").await.unwrap();
    assert_eq!((metrics.likes, metrics.replies, metrics.views), (Some(2), Some(1), None));
    provider.reach(&script.url).await.unwrap();
    let built = serde_json::to_string_pretty(&script.seen()).unwrap();
    let recorded = include_str!("../../../../tests/fixtures/devto/requests.json");
    assert!(built == recorded.trim_end(), "these requests are not the recorded ones:\n{built}");
}

#[tokio::test]
async fn a_key_of_another_account_is_refused() {
    for (answer, class) in [
        (told(200, &json!({"id": 8, "username": "bob"})), ErrorClass::Permission),
        (told(401, &json!({"error": "unauthorized", "status": 401})), ErrorClass::AuthRevoked),
    ] {
        let script = Script::start(vec![answer]).await;
        let failure = provider().login(&script.url, "alice", &SECRET.into()).await.unwrap_err();
        assert_eq!(failure.class, class);
        assert!(!failure.message.contains(SECRET), "{failure}");
    }
}

async fn look_beside(theirs: &'static [&'static str], answers: Vec<Scripted>) -> Result<Found, ErrorClass> {
    let script = Script::start(answers).await;
    let (caller, frozen) = (caller(&script), frozen());
    let sought = Sought { others: &Theirs(theirs), ..sought(&frozen) };
    let found = provider().look(&caller.account, Some(&caller.session), sought).await;
    assert_eq!(script.left(), 0, "{found:?}");
    found.map_err(|failure| failure.class)
}

async fn look(answers: Vec<Scripted>) -> Result<Found, ErrorClass> {
    look_beside(&[], answers).await
}

#[tokio::test]
async fn an_article_is_told_by_title_and_text() {
    let page = |articles: &[Value]| told(200, &json!(articles));
    let of = |changes: Value| page(&[shown(&changes)]);
    assert!(matches!(look(vec![of(json!({}))]).await, Ok(Found::Same(post)) if post.external_id == "9"));
    assert_eq!(look_beside(&["9"], vec![of(json!({}))]).await, Ok(Found::Absent));
    assert_eq!(
        look(vec![of(json!({"title": "Another", "body_markdown": "other"}))]).await,
        Ok(Found::Absent)
    );
    // changed since, perhaps
    assert_eq!(look(vec![of(json!({"body_markdown": "other"}))]).await, Ok(Found::Other));
    // an older one of the same words
    assert_eq!(look(vec![of(json!({"published_at": "2026-11-18T11:00:00Z"}))]).await, Ok(Found::Absent));
    // a full page without an end proves nothing
    let full: Vec<_> =
        (0..10).map(|id| shown(&json!({"id": id + 1, "title": "x", "body_markdown": "y"}))).collect();
    assert_eq!(look(vec![page(&full), page(&[])]).await, Ok(Found::Absent));
    assert_eq!(look(vec![page(&full); 5]).await, Err(ErrorClass::Transient));
    for odd in [json!({"id": "9"}), json!({"title": null}), json!({"body_markdown": 7}), json!({"url": {}})] {
        assert_eq!(look(vec![of(odd.clone())]).await, Err(ErrorClass::Transient), "{odd}");
    }
}

#[tokio::test]
async fn what_is_gone_already_is_taken_back_and_nothing_else_is_offered() {
    let act = async |answer: Scripted, act: Act| {
        let script = Script::start(vec![answer]).await;
        provider().act(&caller(&script), &act).await.map_err(|failure| failure.class)
    };
    let delete = || Act::Delete { post: "9".into() };
    let gone = told(404, &json!({"error": "not found", "status": 404}));
    assert_eq!(act(gone, delete()).await, Ok(Done::default()));
    assert_eq!(act((404, vec![], b"<html>".to_vec()), delete()).await, Err(ErrorClass::Transient));
    let odd = Act::Delete { post: "me/all".into() };
    assert_eq!(act(told(200, &json!({})), odd).await, Err(ErrorClass::ContentInvalid));
    let like = Act::Like { post: "9".into(), key: Uuid::nil() };
    assert_eq!(act(told(200, &json!({})), like).await, Err(ErrorClass::Unsupported));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn nothing_is_published_by_nonsense(
        status in 200_u16..600,
        body in garbage(&["id", "url", "title", "body_markdown", "published_at", "error"]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let is_empty_list = status < 203 && body.starts_with(b"[]");
            let script = Script::always((status, vec![], body)).await;
            let (provider, caller) = (provider(), caller(&script));
            let sent = provider.commit(&caller, &bare(), &frozen()).await.unwrap_err();
            assert!(status > 202 || sent.class == ErrorClass::OutcomeUnknown, "{sent}");
            let seen = provider.look(&caller.account, Some(&caller.session), sought(&frozen())).await;
            assert!(!matches!(seen, Ok(Found::Same(_))), "{seen:?}");
            assert!(is_empty_list || !matches!(seen, Ok(Found::Absent)), "{seen:?}");
            assert!(provider.login(&script.url, "alice", &SECRET.into()).await.is_err());
            assert!(provider.refresh(&caller).await.is_err());
            let _ = provider.metrics(&caller, "9").await;
            let _ = provider.act(&caller, &Act::Delete { post: "9".into() }).await;
        });
    }
}
