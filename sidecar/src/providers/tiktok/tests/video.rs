//! Videos: chunks, the last of which is the post, and the task that tells.

use super::*;
use crate::providers::bare;

/// The ranges that were sent.
fn ranges(script: &Script) -> Vec<String> {
    let seen = script.seen();
    let ranges = seen.iter().filter_map(|line| line.split("content-range: bytes ").nth(1));
    ranges.map(|range| range.split(' ').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn no_call_of_the_preparation_has_the_last_chunk() {
    let script = Script::start(vec![creator(), opened(), chunk(206), chunk(206)]).await;
    let prepared = prepare(&provider(), &caller(&script), &post(50)).await.unwrap();
    assert_eq!(ranges(&script), ["0-15/50", "16-31/50"]);
    assert_eq!(prepared["upload"]["hash"], super::super::prepare::hash(&[7; 18]));
    assert_eq!(prepared["upload"]["publish_id"], PUBLISH, "where a webhook finds it");
    assert!(!prepared.to_string().contains("access"), "{prepared}");
    // a small one goes as a whole
    let script = Script::start(vec![creator(), opened()]).await;
    prepare(&provider(), &caller(&script), &post(31)).await.unwrap();
    assert_eq!(script.seen().len(), 2);
}

#[tokio::test]
async fn an_upload_goes_on_where_the_task_says() {
    let told = vec![
        creator(),
        opened(),
        // no answer: the task has the chunk all the same
        chunk(503),
        uploading(16),
        // it has more than the database knows
        chunk(416),
        uploading(48),
        // and less
        chunk(416),
        uploading(32),
        chunk(206),
        chunk(206),
    ];
    let script = Script::start(told).await;
    prepare(&provider(), &caller(&script), &post(82)).await.unwrap();
    assert_eq!(ranges(&script), ["0-15/82", "16-31/82", "48-63/82", "32-47/82", "48-63/82"]);
}

#[tokio::test]
async fn an_upload_that_takes_nothing_is_tried_later() {
    for told in [vec![chunk(503), uploading(0)], vec![chunk(416), uploading(7)], vec![chunk(500), chunk(500)]]
    {
        let script = Script::start([vec![creator(), opened()], told].concat()).await;
        let failure = prepare(&provider(), &caller(&script), &post(50)).await.unwrap_err();
        assert_eq!(failure.class, ErrorClass::Transient);
    }
    let script = Script::start(vec![creator(), opened(), chunk(429)]).await;
    let failure = prepare(&provider(), &caller(&script), &post(50)).await.unwrap_err();
    assert_eq!((failure.class, failure.retry_at.is_some()), (ErrorClass::RateLimited, true));
}

#[tokio::test]
async fn an_upload_that_is_gone_is_begun_anew_once_in_a_try() {
    let begin = || vec![creator(), opened()];
    for gone in [
        vec![chunk(403)],
        vec![chunk(404)],
        vec![chunk(416), status("FAILED", json!({ "fail_reason": "internal" }))],
        vec![chunk(500), refused(400, "invalid_publish_id")],
    ] {
        let script = Script::start([begin(), gone.clone(), begin(), vec![chunk(206)]].concat()).await;
        prepare(&provider(), &caller(&script), &post(40)).await.unwrap();
        let script = Script::start([begin(), gone.clone(), begin(), gone].concat()).await;
        let failure = prepare(&provider(), &caller(&script), &post(40)).await.unwrap_err();
        assert_eq!(failure.class, ErrorClass::Transient);
    }
}

#[tokio::test]
async fn an_upload_elsewhere_gets_nothing() {
    for odd in ["http://evil.example/upload", "ftp://a.example", ""] {
        let told = ok(json!({ "publish_id": PUBLISH, "upload_url": odd }));
        let script = Script::start(vec![creator(), told]).await;
        let here = script.url.clone();
        let account =
            Caller { account: Account { base_url: here, ..caller(&script).account }, ..caller(&script) };
        let failure = prepare(&provider(), &account, &post(40)).await;
        match odd.starts_with("http://") {
            // beside a server on this machine there may be others, and no token goes there
            true => assert!(failure.is_err()),
            false => assert_eq!(failure.unwrap_err().class, ErrorClass::Transient, "{odd}"),
        }
        assert!(script.seen().iter().all(|line| !line.starts_with("PUT")), "{odd}");
    }
}

#[tokio::test]
async fn what_the_creator_can_not_do_opens_nothing() {
    for (settings, says) in [
        (json!({ "privacy_level": "FOLLOWER_OF_CREATOR" }), "TikTok offers it PUBLIC_TO_EVERYONE"),
        (json!({ "privacy_level": "SELF_ONLY", "disable_stitch": false }), "nobody stitches"),
    ] {
        let script = Script::start(vec![creator()]).await;
        let failure = prepare(&provider(), &caller(&script), &post_of(film(20), settings)).await.unwrap_err();
        assert_eq!(failure.class, ErrorClass::ContentInvalid);
        assert!(failure.message.contains(says), "{failure}");
        assert_eq!(script.seen().len(), 1);
    }
    let script = Script::start(vec![refused(200, "spam_risk_user_banned_from_posting")]).await;
    let failure = prepare(&provider(), &caller(&script), &post(20)).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::PolicyBlocked);
}

#[tokio::test]
async fn the_last_chunk_is_the_post() {
    let url = "https://www.tiktok.com/@alice";
    assert_eq!(
        sent(vec![chunk(201), complete()]).await.unwrap(),
        there(POST, &format!("{url}/video/{POST}"))
    );
    // one that not everybody sees has no id
    let unseen = status("PUBLISH_COMPLETE", json!({}));
    assert_eq!(sent(vec![chunk(201), unseen]).await.unwrap(), there(PUBLISH, url));
    let inbox = status("SEND_TO_USER_INBOX", json!({}));
    assert_eq!(sent(vec![chunk(201), inbox]).await.unwrap(), there(PUBLISH, url));
    // whatever it says to the chunk, the task tells
    for told in [403, 404, 400, 416, 206] {
        let post = sent(vec![chunk(told), complete(), complete()]).await.unwrap();
        assert_eq!(post.external_id, POST, "{told}");
    }
}

#[tokio::test]
async fn a_chunk_that_was_not_taken() {
    use ErrorClass::{ContentInvalid, OutcomeUnknown, Transient};
    for (told, class, draft_again) in [
        (vec![chunk(403), uploading(0)], ContentInvalid, true),
        (vec![chunk(404), uploading(0)], ContentInvalid, true),
        (vec![chunk(404), refused(400, "invalid_publish_id")], ContentInvalid, true),
        (vec![chunk(416), uploading(0)], Transient, false),
        (vec![chunk(206), uploading(0)], Transient, false),
        (vec![chunk(416), uploading(7)], ContentInvalid, true),
        (vec![chunk(416), refused(400, "invalid_publish_id")], OutcomeUnknown, false),
        (vec![chunk(403), chunk(500)], OutcomeUnknown, false),
        (vec![chunk(403), refused(401, "access_token_invalid")], OutcomeUnknown, false),
        (vec![chunk(201), refused(401, "access_token_invalid")], OutcomeUnknown, false),
        (vec![chunk(500)], OutcomeUnknown, false),
        (vec![chunk(200)], OutcomeUnknown, false),
    ] {
        let failure = sent(told.clone()).await.unwrap_err();
        assert_eq!((failure.class, failure.draft_again), (class, draft_again), "{told:?}");
    }
}

#[tokio::test]
async fn a_task_that_failed_has_published_nothing() {
    use ErrorClass::{AuthRevoked, ContentInvalid, Permission, QuotaExhausted, Transient};
    let failed = |reason: &str| status("FAILED", json!({ "fail_reason": reason }));
    for (reason, class, draft_again) in [
        ("frame_rate_check_failed", ContentInvalid, false),
        ("internal", Transient, true),
        ("publish_cancelled", Permission, false),
        ("auth_removed", AuthRevoked, true),
        ("spam_risk_too_many_posts", QuotaExhausted, true),
    ] {
        for answer in [201, 404] {
            let failure = sent(vec![chunk(answer), failed(reason), failed(reason)]).await.unwrap_err();
            assert_eq!((failure.class, failure.draft_again), (class, draft_again), "{reason}");
            assert_eq!(failure.code.as_deref(), Some(reason));
        }
        assert_eq!(seen(vec![failed(reason)]).await, Ok(Found::Absent), "{reason}");
    }
}

#[tokio::test]
async fn a_video_that_changed_is_not_sent() {
    let script = Script::start(vec![]).await;
    let frozen = frozen(&script, &post(20));
    let other = Post { media: film(21), ..post(20) };
    let mut turned = post(20);
    turned.media = json!([{ "url": format!("data:video/mp4;base64,{}", STANDARD.encode(b"\0\0\0\x20ftypisom-another")) }]);
    for (post, class) in [(other, ErrorClass::ContentInvalid), (turned, ErrorClass::ContentInvalid)] {
        let failure = provider().commit(&caller(&script), &post, &frozen).await.unwrap_err();
        assert_eq!(failure.class, class, "{failure}");
    }
    assert!(provider().commit(&caller(&script), &bare(), &frozen).await.is_err());
    assert_eq!(script.seen().len(), 0);
}

#[tokio::test]
async fn the_task_says_what_became_of_it() {
    let url = "https://www.tiktok.com/@alice";
    let same = |id: &str, url: String| Ok(Found::Same(there(id, &url)));
    assert_eq!(seen(vec![complete()]).await, same(POST, format!("{url}/video/{POST}")));
    assert_eq!(seen(vec![status("PUBLISH_COMPLETE", json!({}))]).await, same(PUBLISH, url.into()));
    assert_eq!(seen(vec![status("SEND_TO_USER_INBOX", json!({}))]).await, same(PUBLISH, url.into()));
    assert_eq!(seen(vec![uploading(0)]).await, Ok(Found::Absent));
    // how much it has is not told: that proves nothing
    let untold = status("PROCESSING_UPLOAD", json!({ "uploaded_bytes": null }));
    assert_eq!(seen(vec![untold]).await, Ok(Found::Pending));
    // of a task that TikTok has forgotten, nobody can tell
    let forgotten = seen(vec![refused(400, "invalid_publish_id")]).await.unwrap_err();
    assert!(forgotten.unknowable, "{forgotten}");
    let denied = seen(vec![refused(401, "access_token_invalid")]).await.unwrap_err();
    assert_eq!(denied.class, ErrorClass::AuthExpired);
}

#[tokio::test]
async fn a_video_is_waited_for_but_not_for_ever() {
    let script = Script::always(uploading(20)).await;
    let post = post(20);
    let (caller, frozen) = (caller(&script), frozen(&script, &post));
    assert_eq!(
        provider().look(&caller.account, Some(&caller.session), sought(&frozen)).await,
        Ok(Found::Pending)
    );
    assert!(script.seen().len() > 2, "{:?}", script.seen());
}
