//! Answers that make no sense never panic and are never taken for a post.

use proptest::prelude::*;

use super::*;
use crate::providers::graph::testing::bodies;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn nothing_is_published_by_nonsense(status in 200_u16..600, body in bodies()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let has_code = serde_json::from_slice::<Value>(&body).is_ok_and(|json| json["error"]["code"].is_i64());
            let script = Script::always(status, body).await;
            let (provider, caller) = (provider(), caller(&script));
            for shown in ["feed", "reply"] {
                let frozen = frozen(shown);
                let sent = provider.commit(&caller, &bare(), &frozen).await.unwrap_err();
                if !has_code && status != 429 {
                    assert_eq!(sent.class, ErrorClass::OutcomeUnknown, "{sent}");
                }
                let looked = provider.look(&caller.account, Some(&caller.session), sought(&frozen)).await;
                assert!(looked.is_err(), "{looked:?}");
            }
            let made = json!({ "has_room": true, "whole": { "id": "1", "made_at": u64::MAX } });
            for prepared in [Value::Null, json!({ "has_room": true }), made] {
                let _ = provider.prepare(&caller, &post("hi", json!([]), json!({})), &prepared).await;
            }
            assert!(provider.login(&script.url, "", &TOKEN.into()).await.is_err());
            assert!(provider.refresh(&caller).await.is_err());
            let _ = provider.metrics(&caller, "2").await;
            let _ = provider.act(&caller, &Act::Delete { post: "2".into() }).await;
        });
    }
}
