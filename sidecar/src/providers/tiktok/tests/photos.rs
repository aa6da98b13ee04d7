//! Photos: the call that names them is the post, and only the list can show it where the answer is lost.

use std::time::Instant;

use super::*;
use crate::providers::{NoOthers, Sought, Theirs};

const FETCHED: &str = "p_pub_url~v2.7";

fn photos(settings: Value) -> Post {
    post_of(json!([{ "url": "https://a.example/a.jpg" }, { "url": "https://a.example/b.webp" }]), settings)
}

fn to_all() -> Post {
    photos(json!({ "privacy_level": "PUBLIC_TO_EVERYONE", "title": "A title" }))
}

fn written(post: &Post) -> Frozen {
    provider().draft(post, &json!({ "disabled": {} })).unwrap()
}

fn begun() -> Told {
    ok(json!({ "publish_id": FETCHED }))
}

async fn sent(told: Vec<Told>) -> Result<Published, Failure> {
    let script = Script::start(told).await;
    provider().commit(&caller(&script), &to_all(), &written(&to_all())).await
}

fn listed(posts: Value) -> Told {
    ok(json!({ "videos": posts, "cursor": 1_795_000_000_000_u64, "has_more": false }))
}

/// A post as the list shows it, made in 2099.
fn shown(id: &str, title: &str, text: &str) -> Value {
    json!({ "id": id, "create_time": 4_070_908_800_u64, "title": title, "video_description": text })
}

async fn seen(post: &Post, told: Vec<Told>, since: Option<Duration>) -> Result<Found, Failure> {
    let script = Script::start(told).await;
    let (caller, frozen) = (caller(&script), written(post));
    let drafted = since.and_then(|since| Instant::now().checked_sub(since));
    let sought = Sought { frozen: &frozen, drafted, others: &NoOthers };
    provider().look(&caller.account, Some(&caller.session), sought).await
}

#[tokio::test]
async fn photos_are_waited_for() {
    let url = "https://www.tiktok.com/@alice";
    let post = sent(vec![begun(), complete()]).await.unwrap();
    assert_eq!(post, there(POST, &format!("{url}/photo/{POST}")));
    let hidden = photos(json!({ "draft": true }));
    let script = Script::start(vec![begun(), status("SEND_TO_USER_INBOX", json!({}))]).await;
    let draft = provider().commit(&caller(&script), &hidden, &written(&hidden)).await.unwrap();
    assert_eq!(draft, there(FETCHED, url));
}

#[tokio::test]
async fn photos_that_were_refused() {
    use ErrorClass::{AuthExpired, ContentInvalid, OutcomeUnknown, RateLimited, Transient};
    let failed = |reason: &str| status("FAILED", json!({ "fail_reason": reason }));
    for (told, class) in [
        (vec![refused(403, "url_ownership_unverified")], ContentInvalid),
        (vec![refused(429, "rate_limit_exceeded")], RateLimited),
        (vec![refused(401, "access_token_invalid")], AuthExpired),
        (vec![refused(500, "internal_error")], OutcomeUnknown),
        (vec![Told::new(200, json!("{"))], OutcomeUnknown),
        (vec![ok(json!({ "publish_id": "" }))], OutcomeUnknown),
        (vec![begun(), failed("file_format_check_failed")], ContentInvalid),
        // the same call is good again
        (vec![begun(), failed("photo_pull_failed")], Transient),
        // they may be out: the call must not be made again with another token
        (vec![begun(), refused(401, "access_token_invalid")], OutcomeUnknown),
        (vec![begun(), refused(400, "invalid_publish_id")], OutcomeUnknown),
    ] {
        let failure = sent(told.clone()).await.unwrap_err();
        assert_eq!((failure.class, failure.draft_again), (class, false), "{told:?}");
    }
}

#[tokio::test]
async fn the_list_shows_that_photos_are_there_and_never_that_they_are_not() {
    let (long_ago, just_now) = (Some(Duration::from_secs(3_600)), Some(Duration::ZERO));
    let page = listed(json!([shown("9", "x", "other"), shown("8", "A title", "About it")]));
    let found = seen(&to_all(), vec![page], long_ago).await.unwrap();
    assert_eq!(found, Found::Same(there("8", "https://www.tiktok.com/@alice/photo/8")));
    let alike = listed(json!([shown("8", "A title", "Something else")]));
    assert_eq!(seen(&to_all(), vec![alike], long_ago).await, Ok(Found::Other));
    let none = || vec![listed(json!([shown("9", "x", "other")]))];
    assert_eq!(seen(&to_all(), none(), just_now).await, Ok(Found::Pending));
    for since in [long_ago, None] {
        let failure = seen(&to_all(), none(), since).await.unwrap_err();
        assert!(failure.unknowable, "{failure}");
    }
    let denied = seen(&to_all(), vec![refused(401, "scope_not_authorized")], long_ago).await.unwrap_err();
    assert!(denied.unknowable, "{denied}");
    let broken = seen(&to_all(), vec![chunk(503)], long_ago).await.unwrap_err();
    assert!(!broken.unknowable, "{broken}");
}

#[tokio::test]
async fn what_the_list_does_not_have_is_not_looked_for() {
    for settings in [json!({ "privacy_level": "SELF_ONLY" }), json!({ "draft": true })] {
        let failure = seen(&photos(settings), vec![], None).await.unwrap_err();
        assert!(failure.unknowable, "{failure}");
    }
}

#[tokio::test]
async fn a_post_of_another_target_is_passed_over() {
    let pages = vec![
        ok(json!({ "videos": [shown("9", "A title", "About it")], "cursor": 5, "has_more": true })),
        listed(json!([shown("8", "A title", "About it")])),
    ];
    let script = Script::start(pages).await;
    let (caller, frozen) = (caller(&script), written(&to_all()));
    let sought = Sought { frozen: &frozen, drafted: None, others: &Theirs(&["9"]) };
    let found = provider().look(&caller.account, Some(&caller.session), sought).await.unwrap();
    assert_eq!(found, Found::Same(there("8", "https://www.tiktok.com/@alice/photo/8")));
    assert!(script.seen()[1].contains(r#""cursor":5"#), "{:?}", script.seen());
}
