//! Answers that make no sense never panic, are never taken for a post, and never prove that there is none.

use super::*;

const BODIES: [&str; 14] = [
    "",
    "{",
    "[]",
    "null",
    "<html>Sorry</html>",
    r#"{"json":7}"#,
    r#"{"json":{"errors":7,"data":7}}"#,
    r#"{"json":{"errors":[[7,null,[]]],"data":{"name":"t3_1"}}}"#,
    r#"{"json":{"errors":[],"data":{"name":"t3_../x","id":7}}}"#,
    r#"{"json":{"errors":[],"data":{"things":[]}}}"#,
    r#"{"json":{"errors":[],"data":{"things":[{"data":{"name":"t1_a b","link_id":"t3_1"}}]}}}"#,
    r#"{"kind":"Listing","data":{"children":[7]}}"#,
    r#"{"kind":"Listing","data":{"children":[{"data":{"name":7}}],"after":7}}"#,
    r#"{"args":{"action":7,"fields":{}},"asset":[]}"#,
];

#[tokio::test]
async fn nothing_is_published_or_proven_absent_by_nonsense() {
    for status in [200, 201, 204, 302, 400, 403, 405, 500, 599] {
        for body in BODIES {
            let script = Script::always(Told::bytes(status, body.as_bytes().to_vec())).await;
            let (provider, caller) = (provider(), caller(&script));
            let commented = provider.draft(&comment(POST), &Value::Null).unwrap();
            for frozen in [hello(), pictured(), commented] {
                let sent = provider.commit(&caller, &bare(), &frozen).await.unwrap_err();
                assert_eq!(sent.class, ErrorClass::OutcomeUnknown, "{status} {body}");
                let seen = provider.look(&caller.account, Some(&caller.session), sought(&frozen)).await;
                assert!(seen.is_err(), "{status} {body}: {seen:?}");
            }
            let pictured = post("", image(), json!({}));
            assert!(prepare(&provider, &caller, &pictured).await.is_err(), "{status} {body}");
            assert!(provider.login(&script.url, "alice", &"access".into()).await.is_err());
            assert!(provider.refresh(&caller).await.is_err(), "{status} {body}");
            assert!(provider.metrics(&caller, POST).await.is_err(), "{status} {body}");
            let _ = provider.act(&caller, &Act::Delete { post: POST.into() }).await;
            let _ = provider.reach(&script.url).await;
        }
    }
}

#[tokio::test]
async fn a_list_that_is_gone_too_proves_nothing() {
    for status in [404, 410] {
        for body in BODIES {
            let script = Script::always(Told::bytes(status, body.as_bytes().to_vec())).await;
            let caller = caller(&script);
            let seen = provider().look(&caller.account, Some(&caller.session), sought(&hello())).await;
            assert!(seen.is_err(), "{status} {body}: {seen:?}");
        }
    }
}
