//! The provider against a server that answers from a script: what it asks, and what it makes of the answers.

mod garbage;
mod requests;

use serde_json::json;

use super::*;
use crate::providers::graph::testing::{Script, TOKEN, list, refusal};
use crate::providers::{Theirs, bare, sought};

/// Each fixture is an answer as servers give it, with the class it has in each phase.
#[test]
fn every_recorded_answer_has_its_class() {
    let checked = crate::providers::answer::fixtures::check("instagram", containers::failure);
    assert!(checked >= 25, "only {checked} fixtures");
}

fn provider() -> Instagram {
    Instagram::new(Client::new().unwrap())
}

fn caller(script: &Script) -> Caller {
    graph::testing::caller(script, "alice")
}

fn image(content: &str) -> Post {
    let media = json!([{ "url": "https://a.example/a.jpg" }]);
    Post { content: content.into(), media, settings: json!({}), attempt: 1, reply_to: None }
}

fn frozen(caption: &str) -> Frozen {
    let request = json!({ "creation_id": "1", "caption": caption, "drafted_at": 1_795_000_000 });
    Frozen { key: "1".into(), request: request.to_string() }
}

fn state(word: &str) -> (u16, Value) {
    (200, json!({ "status_code": word, "status": "Error: Media upload has failed with error code 2207053" }))
}

fn found() -> (u16, Value) {
    let permalink = "https://www.instagram.com/p/x/";
    list(
        json!([{ "id": "2", "caption": "hi", "timestamp": "2026-11-18T11:06:50+0000", "permalink": permalink }]),
    )
}

async fn login(answers: Vec<(u16, Value)>, handle: &str) -> Result<Login, Failure> {
    let script = Script::start(answers).await;
    provider().login(&script.url, handle, &TOKEN.into()).await
}

#[tokio::test]
async fn a_login_tells_whose_token_it_is_and_renews_it() {
    let me = || (200, json!({ "user_id": "17841", "username": "alice" }));
    let renewed = (200, json!({ "access_token": "new", "expires_in": 5_183_944 }));
    let opened = login(vec![me(), renewed], "@Alice").await.unwrap();
    assert_eq!((opened.external_id.as_str(), opened.handle.as_str()), ("17841", "alice"));
    let left = |login: &Login| {
        let until = provider().lifetime(&login.session).expires_at.unwrap();
        until.duration_since(SystemTime::now()).unwrap().as_secs() / 3_600
    };
    assert_eq!(left(&opened), 5_183_944 / 3_600);
    // too young to be renewed
    let young = login(vec![me(), refusal(100, 0)], "alice").await.unwrap();
    assert_eq!(left(&young), 59 * 24 - 1);
    let other = login(vec![me(), refusal(100, 0)], "bob").await.unwrap_err();
    assert_eq!(other.class, ErrorClass::Config);
}

#[tokio::test]
async fn a_token_that_is_too_young_to_be_renewed_is_not_given_up() {
    for (answer, class) in [
        (refusal(100, 0), ErrorClass::Transient),
        (refusal(190, 463), ErrorClass::AuthRevoked),
        ((500, json!("")), ErrorClass::OutcomeUnknown),
    ] {
        let script = Script::start(vec![answer]).await;
        assert_eq!(provider().refresh(&caller(&script)).await.unwrap_err().class, class);
    }
}

#[tokio::test]
async fn a_token_of_a_page_is_never_renewed() {
    let page = json!({ "instagram_business_account": { "id": "17841", "username": "alice" }, "id": "9" });
    let opened = login(vec![refusal(100, 0), (200, page)], "alice").await.unwrap();
    assert_eq!(provider().lifetime(&opened.session), Lifetime::default());
    let script = Script::start(vec![]).await;
    let caller = Caller { session: opened.session, ..caller(&script) };
    assert_eq!(provider().refresh(&caller).await.unwrap_err().class, ErrorClass::AuthRevoked);
    assert!(script.seen().is_empty());
    let none = login(vec![refusal(100, 0), (200, json!({ "id": "9" }))], "alice").await.unwrap_err();
    assert_eq!(none.class, ErrorClass::Permission);
}

/// Prepares an image.
async fn prepare(attempt: i32, answers: Vec<(u16, Value)>) -> (Result<Value, ErrorClass>, Vec<String>) {
    graph::testing::prepare(&provider(), &Post { attempt, ..image("hi") }, answers).await
}

#[tokio::test]
async fn a_container_that_failed_by_no_fault_of_the_post_is_made_again() {
    let (room, id) = (list(json!([])), |id: &str| (200, json!({ "id": id })));
    let (ready, seen) =
        prepare(1, vec![room.clone(), id("1"), state("ERROR"), id("2"), state("FINISHED")]).await;
    assert_eq!(ready.unwrap()["whole"]["id"], "2");
    assert_eq!(seen.len(), 5, "{seen:?}");
    for lost in [state("ERROR"), state("EXPIRED"), refusal(100, 33), refusal(24, 2_207_006)] {
        let answers = vec![room.clone(), id("1"), lost.clone(), id("2"), lost.clone()];
        assert_eq!(prepare(1, answers.clone()).await.0, Err(ErrorClass::Transient));
        let later = [answers, vec![id("3"), state("IN_PROGRESS"), state("FINISHED")]].concat();
        assert_eq!(prepare(2, later).await.0.unwrap()["whole"]["id"], "3");
    }
    let bad = (200, json!({ "status_code": "ERROR", "status": "failed with error code 2207026" }));
    assert_eq!(prepare(1, vec![room, id("1"), bad]).await.0, Err(ErrorClass::ContentInvalid));
}

#[tokio::test]
async fn nothing_is_made_where_the_quota_is_used_up() {
    let limit = |used: u64| list(json!([{ "quota_usage": used, "config": { "quota_total": 25 } }]));
    let (outcome, seen) = prepare(1, vec![limit(25)]).await;
    assert_eq!((outcome, seen.len()), (Err(ErrorClass::QuotaExhausted), 1));
    let id = (200, json!({ "id": "1" }));
    assert!(prepare(1, vec![limit(24), id.clone(), state("FINISHED")]).await.0.is_ok());
    // who can't be asked is not waited for
    assert!(prepare(1, vec![refusal(10, 0), id, state("FINISHED")]).await.0.is_ok());
}

#[tokio::test]
async fn containers_do_not_grow_old_unless_they_are_out() {
    let old = json!({ "has_room": true, "whole": { "id": "1", "made_at": 1_700_000_000, "is_ready": true } });
    let next = async |answers| {
        let script = Script::start(answers).await;
        provider().prepare(&caller(&script), &image("hi"), &old).await.unwrap()
    };
    let anew = next(vec![state("EXPIRED"), list(json!([]))]).await.unwrap();
    assert_eq!((&anew["has_room"], &anew["whole"]), (&json!(true), &Value::Null));
    assert_eq!(next(vec![state("PUBLISHED")]).await, None);
}

async fn commit(answers: Vec<(u16, Value)>) -> Result<Published, ErrorClass> {
    let script = Script::start(answers).await;
    let sent = provider().commit(&caller(&script), &bare(), &frozen("hi")).await;
    sent.map_err(|failure| {
        // Only what can't be published any more is drafted again.
        assert_eq!(failure.draft_again, failure.class == ErrorClass::ContentInvalid, "{failure}");
        failure.class
    })
}

#[tokio::test]
async fn a_post_without_its_address_is_published() {
    let sent = || (200, json!({ "id": "2" }));
    let url = |url: &str| Ok(Published { external_id: "2".into(), url: url.into(), cid: None });
    let address = (200, json!({ "permalink": "https://www.instagram.com/p/x/" }));
    assert_eq!(commit(vec![sent(), address]).await, url("https://www.instagram.com/p/x/"));
    for odd in [(500, json!("")), (200, json!({ "permalink": 7 })), refusal(190, 463)] {
        assert_eq!(commit(vec![sent(), odd]).await, url("https://www.instagram.com/alice/"));
    }
    assert_eq!(commit(vec![(200, json!({ "id": "me" }))]).await, Err(ErrorClass::OutcomeUnknown));
}

#[tokio::test]
async fn a_container_that_is_gone_is_published_or_expired() {
    for gone in [refusal(24, 2_207_008), refusal(24, 2_207_006), refusal(-2, 2_207_020)] {
        let after = |answers: Vec<(u16, Value)>| commit([vec![gone.clone()], answers].concat());
        let published = after(vec![state("PUBLISHED"), found()]).await;
        assert_eq!(published.unwrap().external_id, "2");
        assert_eq!(after(vec![refusal(100, 33), found()]).await.unwrap().external_id, "2");
        for lost in [state("EXPIRED"), state("ERROR"), refusal(100, 33)] {
            assert_eq!(after(vec![lost, list(json!([]))]).await, Err(ErrorClass::ContentInvalid));
        }
        assert_eq!(after(vec![state("FINISHED")]).await, Err(ErrorClass::Transient));
        for unclear in [vec![(500, json!(""))], vec![state("ERROR"), (500, json!(""))]] {
            assert_eq!(after(unclear).await, Err(ErrorClass::OutcomeUnknown));
        }
    }
}

async fn look(caption: &str, answers: Vec<(u16, Value)>) -> Result<Found, ErrorClass> {
    look_beside(&[], caption, answers).await
}

/// The same where these posts are other targets'.
async fn look_beside(
    theirs: &'static [&str],
    caption: &str,
    answers: Vec<(u16, Value)>,
) -> Result<Found, ErrorClass> {
    let script = Script::start(answers).await;
    let caller = caller(&script);
    let frozen = frozen(caption);
    let sought = Sought { others: &Theirs(theirs), ..sought(&frozen) };
    let found = provider().look(&caller.account, Some(&caller.session), sought).await;
    found.map_err(|failure| failure.class)
}

#[tokio::test]
async fn a_look_believes_the_container_and_then_the_list() {
    let same =
        |found: Result<Found, ErrorClass>| matches!(found, Ok(Found::Same(post)) if post.external_id == "2");
    assert_eq!(look("hi", vec![state("FINISHED")]).await, Ok(Found::Absent));
    assert_eq!(look("hi", vec![state("IN_PROGRESS"), state("FINISHED")]).await, Ok(Found::Absent));
    assert!(same(look("hi", vec![state("PUBLISHED"), found()]).await));
    for over in [state("ERROR"), state("EXPIRED"), refusal(100, 33)] {
        assert!(same(look("hi", vec![over.clone(), found()]).await));
        assert_eq!(look("hi", vec![over.clone(), list(json!([]))]).await, Ok(Found::Absent));
        // without a caption it could be any post
        let nameless = list(json!([{ "id": "2", "timestamp": "2026-11-18T11:06:50+0000" }]));
        assert_eq!(look("", vec![over.clone(), nameless]).await, Ok(Found::Pending));
        let twins = json!([found().1["data"][0], found().1["data"][0]]);
        assert_eq!(look("hi", vec![over.clone(), list(twins)]).await, Ok(Found::Pending));
        // a list that does not reach back to the draft proves nothing
        let other = json!({ "id": "3", "caption": "other", "timestamp": "2026-11-18T11:06:50+0000" });
        assert_eq!(look("hi", vec![over.clone(), list(json!(vec![other; 100]))]).await, Ok(Found::Pending));
        assert_eq!(look("hi", vec![over, (500, json!(""))]).await, Err(ErrorClass::Transient));
    }
    assert_eq!(look("hi", vec![state("DREAMING")]).await, Err(ErrorClass::Transient));
    assert_eq!(look("hi", vec![refusal(190, 463)]).await, Err(ErrorClass::AuthExpired));
}

#[tokio::test]
async fn a_post_of_another_target_is_passed_over() {
    let id = async |theirs, answers| match look_beside(theirs, "hi", answers).await {
        Ok(Found::Same(post)) => post.external_id,
        other => format!("{other:?}"),
    };
    let mut twins = json!([found().1["data"][0], found().1["data"][0]]);
    twins[1]["id"] = json!("3");
    assert_eq!(id(&["2"], vec![state("ERROR"), list(twins.clone())]).await, "3");
    assert_eq!(id(&["2", "3"], vec![state("ERROR"), list(twins.clone())]).await, "Ok(Absent)");
    assert_eq!(id(&[], vec![state("ERROR"), list(twins.clone())]).await, "Ok(Pending)");
    // one that is out for certain and is in no list stands under its container
    let lists = vec![found(); 3];
    assert_eq!(id(&["2"], [vec![state("PUBLISHED")], lists].concat()).await, "1");
}

#[tokio::test]
async fn nobody_looks_for_an_account_without_a_session() {
    let script = Script::start(vec![]).await;
    let failure = provider().look(&caller(&script).account, None, sought(&frozen("hi"))).await.unwrap_err();
    assert_eq!((failure.class, script.seen().len()), (ErrorClass::AuthRevoked, 0));
}

#[tokio::test]
async fn what_can_be_read_still_was_not_deleted() {
    let delete = async |answers| {
        let script = Script::start(answers).await;
        let act = Act::Delete { post: "2".into() };
        provider().act(&caller(&script), &act).await.map_err(|failure| failure.class)
    };
    assert_eq!(delete(vec![(200, json!({ "success": true }))]).await, Ok(Done::default()));
    assert_eq!(delete(vec![refusal(100, 33), refusal(100, 33)]).await, Ok(Done::default()));
    let there = (200, json!({ "id": "2" }));
    assert_eq!(delete(vec![refusal(100, 33), there]).await, Err(ErrorClass::Unsupported));
}

/// A comment under a post.
fn comment(content: &str, post: &str) -> Post {
    Post {
        content: content.into(),
        media: json!([]),
        settings: json!({}),
        attempt: 1,
        reply_to: Some(post.into()),
    }
}

#[tokio::test]
async fn a_comment_is_published_where_the_answer_names_it() {
    let commit = async |answers| {
        let script = Script::start(answers).await;
        let frozen = written_comment();
        provider().commit(&caller(&script), &bare(), &frozen).await.map_err(|failure| failure.class)
    };
    let address = (200, json!({ "permalink": "https://www.instagram.com/p/x/" }));
    let sent = commit(vec![(200, json!({ "id": "3" })), address]).await.unwrap();
    assert_eq!((sent.external_id.as_str(), sent.url.as_str()), ("3", "https://www.instagram.com/p/x/"));
    for unclear in [(502, json!("")), (200, json!({ "id": "me" })), (200, json!({}))] {
        assert_eq!(commit(vec![unclear]).await, Err(ErrorClass::OutcomeUnknown));
    }
    assert_eq!(commit(vec![refusal(100, 33)]).await, Err(ErrorClass::TargetMissing));
}

/// What was written down at 11:06:40.
fn written_comment() -> Frozen {
    let request = json!({ "comment_on": "2", "message": "thanks a lot" });
    Frozen { key: "01a1ee56-5e00-7000-8000-000000000000".into(), request: request.to_string() }
}

#[tokio::test]
async fn a_look_for_a_comment_reads_those_of_its_post() {
    let look = async |answers| {
        let script = Script::start(answers).await;
        let caller = caller(&script);
        let written = written_comment();
        let found = provider().look(&caller.account, Some(&caller.session), sought(&written)).await;
        found.map_err(|failure| failure.class)
    };
    let of = |id: &str, text: &str, at: &str, name: &str| json!({ "id": id, "text": text, "timestamp": format!("2026-11-18T{at}+0000"), "username": name });
    let ours = of("3", " thanks a  lot", "11:06:50", "Alice");
    let address = (200, json!({ "permalink": "https://www.instagram.com/p/x/" }));
    let found = look(vec![list(json!([of("4", "nice", "11:07:00", "bob"), ours])), address]).await;
    assert!(matches!(found, Ok(Found::Same(comment)) if comment.external_id == "3"));
    for other in [
        json!([]),
        json!([of("4", "thanks", "11:06:50", "alice")]),
        json!([of("4", "thanks a lot", "11:05:30", "alice")]),
    ] {
        assert_eq!(look(vec![list(other)]).await, Ok(Found::Absent));
    }
    // the same words by somebody else: it may be the account under another name
    assert_eq!(look(vec![list(json!([of("4", "thanks a lot", "11:06:50", "bob")]))]).await, Ok(Found::Other));
    // a page that does not reach back is not all
    let page = |next: &str| {
        let paging = json!({ "cursors": { "after": "c" }, "next": next });
        (200, json!({ "data": [of("9", "other", "11:07:00", "bob")], "paging": paging }))
    };
    let older = list(json!([of("1", "old", "11:00:00", "bob")]));
    assert_eq!(look(vec![page("https://a.example"), older]).await, Ok(Found::Absent));
    assert_eq!(look(vec![page("https://a.example"); 41]).await, Err(ErrorClass::Transient));
    assert_eq!(look(vec![(200, json!({ "data": [{ "id": "3" }] }))]).await, Err(ErrorClass::Transient));
}

#[tokio::test]
async fn a_comment_needs_the_id_of_a_post() {
    let next = async |post: &str, answers| {
        let script = Script::start(answers).await;
        provider().prepare(&caller(&script), &comment("hi", post), &Value::Null).await
    };
    assert_eq!(next("2", vec![]).await.unwrap(), Some(json!({ "comment_on": "2" })));
    let other = list(json!([{ "id": "2", "permalink": "https://www.instagram.com/p/y/" }]));
    let missing = next("https://www.instagram.com/p/x/", vec![other]).await.unwrap_err();
    assert_eq!(missing.class, ErrorClass::TargetMissing);
    assert_eq!(next("../me", vec![]).await.unwrap_err().class, ErrorClass::ContentInvalid);
}

#[tokio::test]
async fn a_server_of_the_api_is_told_by_how_it_refuses() {
    for (answer, reached) in [
        (refusal(104, 0), true),
        (refusal(2500, 0), true),
        ((404, json!("no")), false),
        ((502, json!("")), false),
    ] {
        let script = Script::start(vec![answer]).await;
        assert_eq!(provider().reach(&script.url).await.is_ok(), reached);
    }
}
