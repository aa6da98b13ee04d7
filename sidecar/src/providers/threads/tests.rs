//! The provider against a server that answers from a script: what it asks, and what it makes of the answers. What it has in common
//! with Instagram is tested there.

mod garbage;
mod requests;

use serde_json::json;

use super::*;
use crate::providers::graph::testing::{Script, TOKEN, list, refusal};
use crate::providers::{Theirs, bare, sought};

fn provider() -> Threads {
    Threads::new(Client::new().unwrap(), &Apps::default())
}

fn caller(script: &Script) -> Caller {
    graph::testing::caller(script, "alice")
}

fn post(content: &str, media: Value, settings: Value) -> Post {
    Post { content: content.into(), media, settings, attempt: 1, reply_to: None }
}

fn frozen(shown: &str) -> Frozen {
    let request = json!({ "creation_id": "1", "caption": "hi", "shown": shown, "drafted_at": 1_795_000_000 });
    Frozen { key: "1".into(), request: request.to_string() }
}

fn state(word: &str) -> (u16, Value) {
    (200, json!({ "status": word, "id": "1", "error_message": "FAILED_DOWNLOADING_VIDEO" }))
}

fn found() -> (u16, Value) {
    let permalink = "https://www.threads.com/@alice/post/x";
    list(
        json!([{ "id": "2", "text": "hi", "timestamp": "2026-11-18T11:06:50+0000", "permalink": permalink }]),
    )
}

#[test]
fn every_recorded_answer_has_its_class() {
    let checked = crate::providers::answer::fixtures::check("threads", failure);
    assert!(checked >= 60, "only {checked} classes");
}

#[tokio::test]
async fn a_login_tells_whose_token_it_is_and_renews_it() {
    let me = || (200, json!({ "id": "17841", "username": "alice" }));
    let open = async |answers, handle: &str| {
        let script = Script::start(answers).await;
        let opened = provider().login(&script.url, handle, &TOKEN.into()).await;
        opened.map_err(|failure| failure.class)
    };
    let renewed = (200, json!({ "access_token": "new", "expires_in": 5_184_000 }));
    let opened = open(vec![me(), renewed], "@Alice").await.unwrap();
    assert_eq!((opened.external_id.as_str(), opened.handle.as_str()), ("17841", "alice"));
    assert_eq!(opened.session.access.expose_secret(), "new");
    let left = provider().lifetime(&opened.session).expires_at.unwrap();
    assert!(left > SystemTime::now() + std::time::Duration::from_secs(5_000_000));
    assert_eq!(open(vec![me(), refusal(100, 0)], "bob").await.unwrap_err(), ErrorClass::Config);
    assert_eq!(open(vec![(200, json!({}))], "").await.unwrap_err(), ErrorClass::Permission);
    assert_eq!(open(vec![refusal(190, 0)], "").await.unwrap_err(), ErrorClass::AuthRevoked);
}

async fn prepare(post: &Post, answers: Vec<(u16, Value)>) -> (Result<Value, ErrorClass>, Vec<String>) {
    graph::testing::prepare(&provider(), post, answers).await
}

#[tokio::test]
async fn answers_have_a_quota_of_their_own() {
    let quota = |posts: u64, answers: u64| {
        list(json!([{ "quota_usage": posts, "config": { "quota_total": 250 },
                      "reply_quota_usage": answers, "reply_config": { "quota_total": 1_000 } }]))
    };
    let answer = Post { reply_to: Some("9".into()), ..post("hi", json!([]), json!({})) };
    let ready = || vec![(200, json!({ "id": "1" })), state("FINISHED")];
    let first = |quota: (u16, Value)| [vec![quota], ready()].concat();
    assert!(prepare(&answer, first(quota(250, 999))).await.0.is_ok());
    let (outcome, seen) = prepare(&answer, vec![quota(0, 1_000)]).await;
    assert_eq!((outcome, seen.len()), (Err(ErrorClass::QuotaExhausted), 1));
    let post = post("hi", json!([]), json!({}));
    assert!(prepare(&post, first(quota(249, 1_000))).await.0.is_ok());
    assert_eq!(prepare(&post, vec![quota(250, 0)]).await.0, Err(ErrorClass::QuotaExhausted));
}

#[tokio::test]
async fn a_container_that_came_to_nothing_says_why_in_a_word() {
    let video = post("", json!([{ "url": "https://a.example/a.mp4" }]), json!({}));
    let failed = |why: &str| (200, json!({ "status": "ERROR", "error_message": why }));
    let (room, id) = (list(json!([])), (200, json!({ "id": "1" })));
    let bad = vec![room.clone(), id.clone(), failed("INVALID_DURATION")];
    assert_eq!(prepare(&video, bad).await.0, Err(ErrorClass::ContentInvalid));
    let again = vec![room, id.clone(), failed("FAILED_DOWNLOADING_VIDEO"), id, state("FINISHED")];
    assert!(prepare(&video, again).await.0.is_ok());
}

async fn look(shown: &str, answers: Vec<(u16, Value)>) -> Result<Found, ErrorClass> {
    let script = Script::start(answers).await;
    let (caller, frozen) = (caller(&script), frozen(shown));
    let sought = Sought { others: &Theirs(&["3"]), ..sought(&frozen) };
    let found = provider().look(&caller.account, Some(&caller.session), sought).await;
    found.map_err(|failure| failure.class)
}

#[tokio::test]
async fn a_look_believes_the_container_and_then_the_list() {
    let same =
        |found: Result<Found, ErrorClass>| matches!(found, Ok(Found::Same(post)) if post.external_id == "2");
    assert_eq!(look("feed", vec![state("FINISHED")]).await, Ok(Found::Absent));
    assert_eq!(look("feed", vec![state("IN_PROGRESS"), state("FINISHED")]).await, Ok(Found::Absent));
    assert!(same(look("feed", vec![state("PUBLISHED"), found()]).await));
    for over in [state("ERROR"), state("EXPIRED"), refusal(100, 33), refusal(24, 4_279_009)] {
        for shown in ["feed", "reply"] {
            assert!(same(look(shown, vec![over.clone(), found()]).await));
            assert_eq!(look(shown, vec![over.clone(), list(json!([]))]).await, Ok(Found::Absent));
        }
        let unreadable = list(json!([{ "text": "hi" }]));
        assert_eq!(look("feed", vec![over, unreadable]).await, Err(ErrorClass::Transient));
    }
    // the list fails for a while: it is asked again, and not done without
    let failing = (500, json!(""));
    for (lists, expected) in [
        (vec![failing.clone(), found()], "2"),
        (vec![failing.clone(), failing.clone(), failing.clone()], "Transient"),
        (vec![refusal(613, 0)], "RateLimited"),
        // one that doesn't show it, or may not be read, leaves the container
        (vec![list(json!([])); 3], "1"),
        (vec![failing, refusal(10, 0)], "1"),
        (vec![list(json!([{ "text": "hi" }])); 3], "1"),
    ] {
        let came = match look("reply", [vec![state("PUBLISHED")], lists.clone()].concat()).await {
            Ok(Found::Same(post)) => post.external_id,
            Err(class) => format!("{class:?}"),
            other => format!("{other:?}"),
        };
        assert_eq!(came, expected, "{lists:?}");
    }
    // of a container that is gone nobody can tell then
    assert_eq!(look("reply", vec![state("ERROR"), refusal(10, 0)]).await, Err(ErrorClass::OutcomeUnknown));
    assert_eq!(look("feed", vec![state("ERROR"), refusal(10, 0)]).await, Err(ErrorClass::Permission));
    assert_eq!(look("feed", vec![state("DREAMING")]).await, Err(ErrorClass::Transient));
    assert_eq!(look("feed", vec![refusal(190, 463)]).await, Err(ErrorClass::AuthExpired));
}

#[tokio::test]
async fn a_container_that_is_not_known_yet_is_not_given_up() {
    let commit = async |answers| {
        let script = Script::start(answers).await;
        let sent = provider().commit(&caller(&script), &bare(), &frozen("feed")).await;
        sent.map_err(|failure| (failure.class, failure.draft_again))
    };
    let gone = || refusal(24, 4_279_009);
    assert_eq!(commit(vec![gone(), state("FINISHED")]).await.unwrap_err(), (ErrorClass::Transient, false));
    assert_eq!(commit(vec![gone(), state("PUBLISHED"), found()]).await.unwrap().external_id, "2");
    let expired = commit(vec![gone(), state("EXPIRED"), list(json!([]))]).await;
    assert_eq!(expired.unwrap_err(), (ErrorClass::ContentInvalid, true));
}

#[tokio::test]
async fn what_is_gone_is_taken_back() {
    let delete = async |answers| {
        let script = Script::start(answers).await;
        let act = Act::Delete { post: "2".into() };
        provider().act(&caller(&script), &act).await.map_err(|failure| failure.class)
    };
    assert_eq!(delete(vec![(200, json!({ "success": true }))]).await, Ok(Done::default()));
    for gone in [refusal(100, 33), refusal(24, 4_279_009)] {
        assert_eq!(delete(vec![gone.clone(), gone.clone()]).await, Ok(Done::default()));
        assert_eq!(delete(vec![gone, (200, json!({ "id": "2" }))]).await, Err(ErrorClass::Unsupported));
    }
}

#[test]
fn what_is_not_told_is_not_counted() {
    let insights = json!({ "data": [
        { "name": "views", "values": [{ "value": 7 }] },
        { "name": "reposts", "total_value": { "value": 2 } },
        { "name": "likes", "values": [{ "value": "3" }] },
    ]});
    let expected = Metrics { views: Some(7), shares: Some(2), ..Metrics::default() };
    assert_eq!(counted(&insights), expected);
    assert_eq!(counted(&json!([1])), Metrics::default());
}
