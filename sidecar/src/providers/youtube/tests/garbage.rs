//! Answers that make no sense never panic, are never taken for a video, and never prove that there is none.

use super::*;

const BODIES: [&str; 9] = [
    "",
    "{",
    "[]",
    "null",
    "<html>Sorry</html>",
    r#"{"id":7,"items":{},"error":[]}"#,
    r#"{"id":"../x","items":[{"id":"a b","snippet":7}]}"#,
    r#"{"items":[{"snippet":{"title":[],"resourceId":1}}],"nextPageToken":7}"#,
    r#"{"error":{"errors":7,"message":{},"status":[]}}"#,
];

#[tokio::test]
async fn nothing_is_published_or_proven_absent_by_nonsense() {
    for status in [200, 201, 204, 302, 400, 403, 405, 500, 599] {
        for body in BODIES {
            let script = Script::always(Told::bytes(status, body.as_bytes().to_vec())).await;
            let (provider, caller, frozen) = (provider(), caller(&script), frozen(&script));
            let sent = provider.commit(&caller, &bare(), &frozen).await.unwrap_err();
            assert_eq!(sent.class, ErrorClass::OutcomeUnknown, "{status} {body}");
            let seen = provider.look(&caller.account, Some(&caller.session), sought(&frozen)).await;
            assert!(seen.is_err(), "{status} {body}: {seen:?}");
            assert!(prepare(&provider, &caller, &post(40)).await.is_err(), "{status} {body}");
            let comment = Post { reply_to: Some(VIDEO.into()), ..post(9) };
            assert!(prepare(&provider, &caller, &comment).await.is_err(), "{status} {body}");
            let under = json!({ "comment_on": VIDEO, "is_own": true });
            let written = provider.draft(&comment, &under).unwrap();
            let sent = provider.commit(&caller, &bare(), &written).await.unwrap_err();
            assert_eq!(sent.class, ErrorClass::OutcomeUnknown, "{status} {body}");
            let seen = provider.look(&caller.account, Some(&caller.session), sought(&written)).await;
            assert!(seen.is_err(), "{status} {body}: {seen:?}");
            assert!(provider.login(&script.url, "alice", &"access".into()).await.is_err());
            assert!(provider.metrics(&caller, VIDEO).await.is_err());
            let _ = provider.act(&caller, &Act::Delete { post: VIDEO.into() }).await;
        }
    }
}

#[tokio::test]
async fn a_list_that_is_gone_too_proves_nothing() {
    for status in [404, 410] {
        for body in BODIES {
            let script = Script::always(Told::bytes(status, body.as_bytes().to_vec())).await;
            let (caller, frozen) = (caller(&script), frozen(&script));
            let seen = provider().look(&caller.account, Some(&caller.session), sought(&frozen)).await;
            assert!(seen.is_err(), "{status} {body}: {seen:?}");
        }
    }
}

#[tokio::test]
async fn what_is_stored_and_odd_sends_nothing() {
    let script = Script::start(vec![]).await;
    let caller = caller(&script);
    let good = frozen(&script).request;
    for odd in [
        "",
        "{}",
        "[]",
        &good.replace("BwcHBw==", "%"),
        &good.replace("BwcHBw==", ""),
        &good.replace("20", "21"),
    ] {
        let frozen = Frozen { key: "k".into(), request: odd.into() };
        assert!(provider().commit(&caller, &bare(), &frozen).await.is_err(), "{odd}");
    }
    assert_eq!(script.seen().len(), 0);
}
