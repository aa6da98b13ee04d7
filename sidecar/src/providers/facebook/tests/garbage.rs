//! Answers that make no sense never panic and are never taken for a post.

use proptest::prelude::*;

use super::*;
use crate::providers::graph::testing::bodies;

fn requests() -> [Frozen; 6] {
    [
        json!({ "feed": { "message": "hi", "photos": ["5"] } }),
        json!({ "video": { "video": "5" } }),
        json!({ "reel": { "video": "5", "description": "" } }),
        json!({ "photo_story": { "photo": "5" } }),
        json!({ "video_story": { "video": "5" } }),
        json!({ "comment_on": "1_2", "message": "hi" }),
    ]
    .map(frozen)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn nothing_is_published_by_nonsense(status in 200_u16..600, body in bodies()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let has_code = serde_json::from_slice::<Value>(&body).is_ok_and(|json| json["error"]["code"].is_i64());
            let script = Script::always(status, body).await;
            let (provider, caller) = (provider(), caller(&script));
            for frozen in requests() {
                // the one id there is makes a post in the feed and a comment, and nothing else
                match provider.commit(&caller, &bare(), &frozen).await {
                    Err(failure) if !has_code && status != 429 => {
                        assert_eq!(failure.class, ErrorClass::OutcomeUnknown, "{failure}");
                    }
                    Err(_) => {}
                    Ok(published) => panic!("{published:?}"),
                }
                if let Ok(found) = provider.look(&caller.account, Some(&caller.session), sought(&frozen)).await {
                    assert!(!matches!(found, Found::Same(_)), "{found:?}");
                    assert!(found != Found::Absent || (200..=202).contains(&status), "{status}");
                }
            }
            for kind in ["feed", "reel", "story"] {
                let _ = provider.prepare(&caller, &video(kind), &Value::Null).await;
            }
            let photo = post("hi", json!([{ "url": "https://a.example/a.jpg" }]), json!({}));
            let _ = provider.prepare(&caller, &photo, &Value::Null).await;
            assert!(provider.login(&script.url, "", &TOKEN.into()).await.is_err());
            let _ = provider.metrics(&caller, "1_2").await;
            let _ = provider.metrics(&caller, "2").await;
            let _ = provider.act(&caller, &Act::Delete { post: "1_2".into() }).await;
        });
    }
}
