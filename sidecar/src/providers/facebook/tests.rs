//! The provider against a server that answers from a script: what it asks, and what it makes of the answers.

mod garbage;
mod requests;

use serde_json::json;

use super::*;
use crate::providers::graph::testing::{Script, TOKEN, list, refusal};
use crate::providers::{Theirs, bare, sought};

fn provider() -> Facebook {
    Facebook::new(Client::new().unwrap(), &Apps::default())
}

fn caller(script: &Script) -> Caller {
    graph::testing::caller(script, "acme")
}

fn post(content: &str, media: Value, settings: Value) -> Post {
    Post { content: content.into(), media, settings, attempt: 1, reply_to: None }
}

fn video(placement: &str) -> Post {
    let media = json!([{ "url": "https://a.example/a.mp4" }]);
    post("hi", media, json!({ "placement": placement }))
}

/// What was written down at 11:06:40 on 18 November 2026.
fn frozen(request: Value) -> Frozen {
    Frozen { key: "01a1ee56-5e00-7000-8000-000000000000".into(), request: request.to_string() }
}

fn text() -> Frozen {
    frozen(json!({ "feed": { "message": "hi" } }))
}

fn state(uploading: &str, processing: &str, publishing: &str) -> (u16, Value) {
    let status = json!({
        "video_status": "processing", "uploading_phase": { "status": uploading },
        "processing_phase": { "status": processing }, "publishing_phase": { "status": publishing },
    });
    (200, json!({ "id": "5", "status": status, "permalink_url": "/reel/5/" }))
}

fn whole(published: bool) -> (u16, Value) {
    let status = json!({ "video_status": "ready" });
    (200, json!({ "id": "5", "status": status, "published": published, "permalink_url": "/acme/videos/5/" }))
}

#[test]
fn every_recorded_answer_has_its_class() {
    let checked = crate::providers::answer::fixtures::check("facebook", failure);
    assert!(checked >= 60, "only {checked} classes");
}

async fn login(answers: Vec<(u16, Value)>, handle: &str) -> Result<Login, ErrorClass> {
    let script = Script::start(answers).await;
    let opened = provider().login(&script.url, handle, &TOKEN.into()).await;
    opened.map_err(|failure| failure.class)
}

#[tokio::test]
async fn a_login_takes_the_token_of_a_page_that_lets_its_posts_be_read() {
    let me = || (200, json!({ "id": "17841", "name": "Acme Inc", "username": "acme", "category": "Shop" }));
    for handle in ["acme", "@ACME", "Acme Inc", "17841", ""] {
        let opened = login(vec![me(), list(json!([]))], handle).await.unwrap();
        assert_eq!((opened.external_id.as_str(), opened.handle.as_str()), ("17841", "acme"));
        assert_eq!(provider().lifetime(&opened.session), Lifetime::default());
    }
    assert_eq!(login(vec![me(), list(json!([]))], "bob").await.unwrap_err(), ErrorClass::Config);
    assert_eq!(login(vec![refusal(100, 0)], "acme").await.unwrap_err(), ErrorClass::Permission);
    assert_eq!(login(vec![refusal(190, 463)], "acme").await.unwrap_err(), ErrorClass::AuthRevoked);
    assert_eq!(login(vec![me(), refusal(10, 0)], "acme").await.unwrap_err(), ErrorClass::Permission);
    let nameless = (200, json!({ "id": "17841" }));
    assert_eq!(login(vec![nameless], "acme").await.unwrap_err(), ErrorClass::Permission);
    let script = Script::start(vec![]).await;
    let refused = provider().refresh(&caller(&script)).await.unwrap_err();
    assert_eq!((refused.class, script.seen().len()), (ErrorClass::AuthRevoked, 0));
}

async fn prepare(post: &Post, answers: Vec<(u16, Value)>) -> (Result<Value, ErrorClass>, Vec<String>) {
    graph::testing::prepare(&provider(), post, answers).await
}

#[tokio::test]
async fn a_video_that_can_not_be_processed_is_the_posts_fault() {
    let id = (200, json!({ "id": "5" }));
    let broken = (200, json!({ "id": "5", "status": { "video_status": "error" } }));
    let (outcome, _) = prepare(&video("feed"), vec![id.clone(), broken]).await;
    assert_eq!(outcome, Err(ErrorClass::ContentInvalid));
    let (ready, seen) =
        prepare(&video("feed"), vec![id, state("complete", "in_progress", ""), whole(false)]).await;
    assert_eq!(ready.unwrap()["video"]["is_ready"], true);
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[tokio::test]
async fn bytes_go_to_meta_alone() {
    for evil in ["https://evil.example/1", "https://rupload.facebook.com.evil.example/1", "ftp://a", ""] {
        let begun = (200, json!({ "video_id": "5", "upload_url": evil }));
        let answers = vec![begun, state("not_started", "", "")];
        let (outcome, seen) = prepare(&video("reel"), answers).await;
        assert_eq!((outcome, seen.len()), (Err(ErrorClass::Transient), 2), "{evil}");
    }
}

#[tokio::test]
async fn an_upload_that_is_under_way_is_not_begun_twice() {
    let begun =
        (200, json!({ "video_id": "5", "upload_url": "https://rupload.facebook.com/video-upload/5" }));
    let answers = vec![begun, state("in_progress", "", ""), state("complete", "not_started", "not_started")];
    let (ready, seen) = prepare(&video("reel"), answers).await;
    assert_eq!((ready.unwrap()["video"]["id"].clone(), seen.len()), (json!("5"), 3), "{seen:?}");
}

#[tokio::test]
async fn an_old_video_is_made_again_unless_it_is_out() {
    let old = json!({ "video": { "id": "5", "made_at": 1_700_000_000, "is_ready": true } });
    let next = async |answers| {
        let script = Script::start(answers).await;
        provider().prepare(&caller(&script), &video("feed"), &old).await.unwrap()
    };
    assert_eq!(next(vec![whole(false), (200, json!({ "id": "6" }))]).await.unwrap()["video"]["id"], "6");
    assert_eq!(next(vec![refusal(100, 33), (200, json!({ "id": "6" }))]).await.unwrap()["video"]["id"], "6");
    assert_eq!(next(vec![whole(true)]).await, None);
}

async fn commit(frozen: Frozen, answers: Vec<(u16, Value)>) -> Result<Published, ErrorClass> {
    let script = Script::start(answers).await;
    provider().commit(&caller(&script), &bare(), &frozen).await.map_err(|failure| failure.class)
}

#[tokio::test]
async fn a_post_without_its_address_is_published() {
    let sent = || (200, json!({ "id": "17841_2" }));
    let url = |url: &str| Ok(Published { external_id: "17841_2".into(), url: url.into(), cid: None });
    let address = (200, json!({ "permalink_url": "https://www.facebook.com/acme/posts/2" }));
    assert_eq!(commit(text(), vec![sent(), address]).await, url("https://www.facebook.com/acme/posts/2"));
    for odd in [(500, json!("")), (200, json!({ "permalink_url": 7 })), refusal(190, 463)] {
        assert_eq!(commit(text(), vec![sent(), odd]).await, url("https://www.facebook.com/17841_2"));
    }
    for unclear in [(200, json!({ "id": "me" })), (200, json!({})), (502, json!("")), refusal(1, 0)] {
        assert_eq!(commit(text(), vec![unclear]).await, Err(ErrorClass::OutcomeUnknown));
    }
    assert_eq!(commit(text(), vec![refusal(506, 0)]).await, Err(ErrorClass::Duplicate));
}

#[tokio::test]
async fn a_success_that_is_none_is_not_clear() {
    for request in [
        json!({ "video": { "video": "5" } }),
        json!({ "reel": { "video": "5", "description": "hi" } }),
        json!({ "photo_story": { "photo": "5" } }),
        json!({ "video_story": { "video": "5" } }),
    ] {
        for odd in [json!({}), json!({ "success": false }), json!({ "success": "true" }), json!([])] {
            let came = commit(frozen(request.clone()), vec![(200, odd)]).await;
            assert_eq!(came, Err(ErrorClass::OutcomeUnknown), "{request}");
        }
    }
    // one that failed by the time it is looked at was not published
    let broken = (200, json!({ "status": { "video_status": "error" } }));
    let reel = frozen(json!({ "reel": { "video": "5", "description": "" } }));
    let done = || (200, json!({ "success": true }));
    assert_eq!(commit(reel.clone(), vec![done(), broken]).await, Err(ErrorClass::ContentInvalid));
    let shown = commit(reel, vec![done(), state("complete", "in_progress", "")]).await.unwrap();
    assert_eq!((shown.external_id.as_str(), shown.url.as_str()), ("5", "https://www.facebook.com/reel/5/"));
}

async fn look(request: &Frozen, answers: Vec<(u16, Value)>) -> Result<Found, ErrorClass> {
    let script = Script::start(answers).await;
    let caller = caller(&script);
    let sought = Sought { others: &Theirs(&["17841_8"]), ..sought(request) };
    let found = provider().look(&caller.account, Some(&caller.session), sought).await;
    found.map_err(|failure| failure.class)
}

fn is(found: Result<Found, ErrorClass>, id: &str) -> bool {
    matches!(found, Ok(Found::Same(post)) if post.external_id == id)
}

#[tokio::test]
async fn a_text_is_looked_for_among_the_posts() {
    let of = |id: &str, text: &str, at: &str| {
        let at = format!("2026-11-18T{at}+0000");
        json!({ "id": id, "message": text, "created_time": at, "updated_time": at })
    };
    let found = |posts: Value| look_in(posts);
    assert!(is(
        found(json!([of("17841_3", "x", "11:07:00"), of("17841_2", "hi", "11:06:50")])).await,
        "17841_2"
    ));
    for none in
        [json!([]), json!([of("17841_2", "hi", "11:05:00")]), json!([of("17841_8", "hi", "11:06:50")])]
    {
        assert_eq!(found(none).await, Ok(Found::Absent));
    }
    let changed = json!({ "id": "17841_2", "message": "changed", "created_time": "2026-11-18T11:06:50+0000",
                          "updated_time": "2026-11-18T11:09:50+0000" });
    assert_eq!(found(json!([changed])).await, Ok(Found::Other));
    for odd in [json!([{ "id": "17841_2" }]), json!([7]), json!(7), json!([of("me", "hi", "11:06:50")])] {
        assert_eq!(found(odd).await, Err(ErrorClass::Transient));
    }
    assert_eq!(look(&text(), vec![refusal(190, 463)]).await, Err(ErrorClass::AuthExpired));
    // a list that goes on and does not say where is not all
    let on = (200, json!({ "data": [], "paging": { "next": "https://a.example" } }));
    assert_eq!(look(&text(), vec![on]).await, Err(ErrorClass::Transient));
}

async fn look_in(posts: Value) -> Result<Found, ErrorClass> {
    look(&text(), vec![list(posts)]).await
}

#[tokio::test]
async fn a_video_tells_by_itself() {
    let feed = frozen(json!({ "video": { "video": "5" } }));
    assert!(is(look(&feed, vec![whole(true)]).await, "5"));
    assert_eq!(look(&feed, vec![whole(false)]).await, Ok(Found::Absent));
    assert_eq!(look(&feed, vec![state("complete", "", "")]).await, Err(ErrorClass::Transient));
    let reel = frozen(json!({ "reel": { "video": "5", "description": "hi" } }));
    for (state, expected) in [
        (state("complete", "not_started", "not_started"), Found::Absent),
        (state("complete", "error", "not_started"), Found::Absent),
        (state("complete", "in_progress", "not_started"), Found::Pending),
        (state("complete", "complete", "in_progress"), Found::Pending),
    ] {
        assert_eq!(look(&reel, vec![state]).await, Ok(expected));
    }
    assert!(is(look(&reel, vec![state("complete", "complete", "complete")]).await, "5"));
    // one that is gone was there
    assert_eq!(look(&reel, vec![refusal(100, 33)]).await, Err(ErrorClass::TargetMissing));
}

#[tokio::test]
async fn of_a_story_nothing_proves_that_it_is_not_there() {
    let photo = frozen(json!({ "photo_story": { "photo": "5" } }));
    let story = json!({ "post_id": "9", "media_id": "5", "url": "https://www.facebook.com/stories/9" });
    assert!(is(look(&photo, vec![list(json!([story]))]).await, "9"));
    for none in [list(json!([])), list(json!([{ "post_id": "9", "media_id": "6" }])), (200, json!({}))] {
        assert_eq!(look(&photo, vec![none]).await, Err(ErrorClass::OutcomeUnknown));
    }
    let video = frozen(json!({ "video_story": { "video": "5" } }));
    assert!(is(look(&video, vec![state("complete", "complete", "complete")]).await, "5"));
    assert_eq!(look(&video, vec![state("complete", "in_progress", "")]).await, Ok(Found::Pending));
    for none in [state("complete", "not_started", "not_started"), state("complete", "error", "")] {
        assert_eq!(look(&video, vec![none]).await, Err(ErrorClass::OutcomeUnknown));
    }
}

#[tokio::test]
async fn a_comment_is_the_pages_by_its_id() {
    let written = frozen(json!({ "comment_on": "17841_2", "message": "thanks" }));
    let of = |from: Value| json!({ "id": "2_3", "message": "thanks", "created_time": "2026-11-18T11:06:50+0000", "from": from });
    let address = (200, json!({ "permalink_url": "https://www.facebook.com/acme/posts/2" }));
    assert!(is(look(&written, vec![list(json!([of(json!({ "id": "17841" }))])), address]).await, "2_3"));
    assert_eq!(look(&written, vec![list(json!([of(json!({ "id": "1" }))]))]).await, Ok(Found::Other));
    assert_eq!(look(&written, vec![list(json!([of(json!(null))]))]).await, Ok(Found::Other));
    assert_eq!(look(&written, vec![list(json!([]))]).await, Ok(Found::Absent));
    // a right that a new login need not give is waited for by nobody
    let script = Script::start(vec![refusal(10, 0)]).await;
    let caller = caller(&script);
    let closed = provider().look(&caller.account, Some(&caller.session), sought(&written)).await.unwrap_err();
    assert!(closed.unknowable && closed.class == ErrorClass::OutcomeUnknown, "{closed}");
    let nowhere = Post { reply_to: Some("../me".into()), ..post("hi", json!([]), json!({})) };
    assert_eq!(prepare(&nowhere, vec![]).await, (Err(ErrorClass::ContentInvalid), vec![]));
}

#[tokio::test]
async fn nobody_looks_for_a_page_without_a_session() {
    let script = Script::start(vec![]).await;
    let failure = provider().look(&caller(&script).account, None, sought(&text())).await.unwrap_err();
    assert_eq!((failure.class, script.seen().len()), (ErrorClass::AuthRevoked, 0));
}
