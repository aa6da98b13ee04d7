//! Answers that make no sense never panic, are never taken for a post, and never prove that there is none.

use super::*;

const BODIES: [&str; 10] = [
    "",
    "{",
    "[]",
    "null",
    "<html>Sorry</html>",
    r#"{"data":{},"error":{"code":"ok"}}"#,
    r#"{"data":{"status":7,"publish_id":[],"videos":{},"user":[]},"error":{"code":"ok"}}"#,
    r#"{"data":{"status":"PUBLISHED","publish_id":"a b","videos":[{"id":"x"}]},"error":{"code":"ok"}}"#,
    r#"{"data":{"videos":[7],"publish_id":null},"error":{"code":"ok"}}"#,
    r#"{"data":[],"error":{"code":7,"message":{}}}"#,
];

#[tokio::test]
async fn nothing_is_published_or_proven_absent_by_nonsense() {
    let photos = post_of(
        json!([{ "url": "https://a.example/a.jpg" }]),
        json!({ "privacy_level": "PUBLIC_TO_EVERYONE" }),
    );
    for status in [200, 202, 204, 302, 500, 599] {
        for body in BODIES {
            let script = Script::always(Told::bytes(status, body.as_bytes().to_vec())).await;
            let (provider, caller) = (provider(), caller(&script));
            let written = provider.draft(&photos, &json!({ "disabled": {} })).unwrap();
            for (post, frozen) in [(post(20), frozen(&script, &post(20))), (photos.clone(), written)] {
                let sent = provider.commit(&caller, &post, &frozen).await.unwrap_err();
                assert_eq!(sent.class, ErrorClass::OutcomeUnknown, "{status} {body}");
                let seen = provider.look(&caller.account, Some(&caller.session), sought(&frozen)).await;
                assert!(seen.is_err(), "{status} {body}: {seen:?}");
                assert!(prepare(&provider, &caller, &post).await.is_err(), "{status} {body}");
            }
            assert!(provider.login(&script.url, "alice", &"access".into()).await.is_err());
            assert!(provider.metrics(&caller, POST).await.is_err());
            assert!(provider.metrics(&caller, PUBLISH).await.is_err());
        }
    }
}

#[tokio::test]
async fn what_is_stored_and_odd_sends_nothing() {
    let script = Script::start(vec![]).await;
    let (caller, post) = (caller(&script), post(20));
    let good = frozen(&script, &post).request;
    for odd in [
        "",
        "{}",
        "[]",
        &good.replace("video\"", "film\""),
        &good.replace("\"from\":0", "\"from\":21"),
        &good.replace("\"total\":20", "\"total\":21"),
    ] {
        let frozen = Frozen { key: "k".into(), request: odd.into() };
        assert!(provider().commit(&caller, &post, &frozen).await.is_err(), "{odd}");
    }
    assert_eq!(script.seen().len(), 0);
}
