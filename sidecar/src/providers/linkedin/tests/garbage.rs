//! Answers that make no sense never panic and are never taken for a post, nor for its absence.

use proptest::prelude::*;

use super::*;
use crate::providers::scripted::garbage;

const NAMES: &[&str] = &[
    "id",
    "value",
    "status",
    "code",
    "message",
    "paging",
    "sub",
    "name",
    "commentUrn",
    "video",
    "uploadUrl",
    "uploadInstructions",
    "serviceErrorCode",
    "errorDetails",
    "inputErrors",
    "access_token",
];
const WHOLE: &str = r#"{"elements":[],"paging":{"start":0}}"#;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn nothing_is_published_or_absent_by_nonsense(status in 200_u16..600, body in garbage(NAMES, WHOLE)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Scripted::always((status, &[], json!(body))).await;
            let provider = provider();
            for author in [MEMBER, PAGE] {
                let caller = server.caller(author, "alice");
                let comment = Post { reply_to: Some("urn:li:share:7".into()), ..post("hi", json!([]), json!({})) };
                let comment = provider.draft(&comment, &json!({ "author": author })).unwrap();
                for frozen in [frozen_by(author, json!({})), comment] {
                    assert!(provider.commit(&caller, &bare(), &frozen).await.is_err());
                    let seen = provider.look(&caller.account, Some(&caller.session), sought(&frozen)).await;
                    assert!(seen.is_err(), "{seen:?}");
                }
                for media in [video(99), json!([{ "url": GIF }])] {
                    assert!(provider.prepare(&caller, &post("", media, json!({})), &Value::Null).await.is_err());
                }
                let _ = provider.act(&caller, &Act::Delete { post: "urn:li:share:7".into() }).await;
                let _ = provider.metrics(&caller, "urn:li:share:7").await;
                assert!(provider.refresh(&caller).await.is_err());
            }
            assert!(provider.login(&server.url, "alice", &"t".into()).await.is_err());
        });
    }
}

#[tokio::test]
async fn only_a_name_in_the_header_is_a_post() {
    let frozen = frozen_by(PAGE, json!({}));
    for (headers, ours) in [
        (&[("x-restli-id", "urn:li:share:71")][..], true),
        (&[("x-restli-id", "urn:li:ugcPost:71")], true),
        (&[("x-restli-id", "urn:li:person:71")], false),
        (&[("x-restli-id", "71/../x")], false),
        (&[("x-linkedin-id", "urn:li:share:71")], false),
        (&[], false),
    ] {
        let server = Scripted::telling(vec![(201, headers, json!({ "id": "urn:li:share:71" }))]).await;
        let sent = provider().commit(&server.caller(PAGE, "page"), &bare(), &frozen).await;
        match sent {
            Ok(_) => assert!(ours, "{headers:?}"),
            Err(failure) => {
                assert!(!ours && failure.class == ErrorClass::OutcomeUnknown, "{headers:?} {failure}")
            }
        }
    }
}
