//! Answers that make no sense never panic and are never taken for a post.

use proptest::prelude::*;

use super::*;
use crate::providers::graph::testing::bodies;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_is_published_by_nonsense(status in 200_u16..600, body in bodies()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let has_code = serde_json::from_slice::<Value>(&body).is_ok_and(|json| json["error"]["code"].is_i64());
            let script = Script::always(status, body).await;
            let (provider, caller) = (provider(), caller(&script));
            let sent = provider.commit(&caller, &bare(), &frozen("hi")).await.unwrap_err();
            if !has_code && status != 429 {
                assert_eq!(sent.class, ErrorClass::OutcomeUnknown);
            }
            let seen = provider.look(&caller.account, Some(&caller.session), sought(&frozen("hi"))).await;
            assert!(!matches!(seen, Ok(Found::Same(_))), "{seen:?}");
            let _ = provider.prepare(&caller, &image("hi"), &Value::Null).await;
            let made = json!({ "has_room": true, "whole": { "id": "1", "made_at": u64::MAX } });
            let _ = provider.prepare(&caller, &image("hi"), &made).await;
            assert!(provider.login(&script.url, "", &TOKEN.into()).await.is_err());
            assert!(provider.refresh(&caller).await.is_err());
            let _ = provider.metrics(&caller, "2").await;
            let _ = provider.act(&caller, &Act::Delete { post: "2".into() }).await;
        });
    }
}

#[tokio::test]
async fn an_answer_of_ten_megabytes_is_unclear() {
    let script = Script::always(200, vec![b' '; 10_000_000]).await;
    let failure = provider().commit(&caller(&script), &bare(), &frozen("hi")).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::OutcomeUnknown);
    assert_eq!(look_at(&script).await.unwrap_err().class, ErrorClass::Transient);
}

#[tokio::test]
async fn a_list_is_no_token() {
    for body in [r#"[">"]"#, r#"["token", 5184000]"#] {
        let script = Script::always(200, body.as_bytes().to_vec()).await;
        assert!(provider().refresh(&caller(&script)).await.is_err(), "{body}");
    }
}

async fn look_at(script: &Script) -> Result<Found, Failure> {
    let caller = caller(script);
    provider().look(&caller.account, Some(&caller.session), sought(&frozen("hi"))).await
}
