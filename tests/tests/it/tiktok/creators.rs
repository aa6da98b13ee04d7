//! What a creator can't do, and what nobody can, is refused before anything is sent.

use super::*;

#[tokio::test]
async fn what_the_creator_can_not_do_is_refused_clearly() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&stage).await;
    set(
        &sim,
        &json!({"creator": {"privacy_level_options": ["FOLLOWER_OF_CREATOR", "SELF_ONLY"], "comment_disabled": true}}),
    );
    let to_self = |more: Value| {
        let mut settings = json!({"privacy_level": "SELF_ONLY"});
        for (name, value) in more.as_object().expect("settings") {
            settings[name] = value.clone();
        }
        settings
    };
    for (text, media, settings, says) in [
        ("a video to all", film(), to_all(), "TikTok offers it FOLLOWER_OF_CREATOR, SELF_ONLY"),
        ("photos to all", photos(), to_all(), "TikTok offers it FOLLOWER_OF_CREATOR, SELF_ONLY"),
        ("comments", film(), to_self(json!({"disable_comment": false})), "nobody comments"),
    ] {
        let post = post(&stage, text, &media, settings).await;
        let target = stage.reached(post, "failed").await;
        assert_eq!(target["error"]["class"], "content_invalid", "{target}");
        assert!(target["error"]["message"].as_str().is_some_and(|why| why.contains(says)), "{target}");
    }
    assert_eq!((sim.ledger().len(), sim.calls("video.init"), sim.calls(INIT)), (0, 0, 0));
    // what was not asked for stays as the creator has it
    let quiet = post(&stage, "quiet", &film(), to_self(json!({}))).await;
    stage.published_once(&sim, quiet, "quiet").await;
}

#[tokio::test]
async fn photos_of_somewhere_else_are_refused_by_tiktok() {
    let (sim, stage) = simulated().await;
    let _crierd = start(&stage).await;
    let elsewhere = json!([{"url": "https://elsewhere.example/a.jpg"}]);
    let post = post(&stage, "elsewhere", &elsewhere, to_all()).await;
    assert_eq!(failed(&stage, post).await, (json!("content_invalid"), json!("url_ownership_unverified")));
    assert!(sim.ledger().is_empty());
}

#[tokio::test]
async fn what_tiktok_would_refuse_is_refused_before() {
    let (sim, stage) = simulated().await;
    let png = json!([{"url": "https://media.example/a.png"}]);
    let (long, longer) = ("x".repeat(2_201), "x".repeat(4_001));
    let to_self = |name: &str, value: Value| json!({"privacy_level": "SELF_ONLY", (name): value});
    for (text, media, settings, says) in [
        ("hi", film(), json!({}), "need a privacy_level"),
        ("hi", film(), json!({"privacy_level": "FRIENDS"}), "FRIENDS"),
        (&long, film(), to_all(), "2200 units of UTF-16, and the text has 2201"),
        (&longer, photos(), to_all(), "4001 units of UTF-16; tiktok accepts at most 4000"),
        ("hi", photos(), to_self("title", json!("t".repeat(91))), "91 units of UTF-16; at most 90"),
        ("hi", json!([]), to_all(), "no image or video"),
        ("hi", png, to_all(), "image 1, which is a .png"),
        ("hi", crier_tests::orders::picture(), to_all(), "image 1"),
        ("hi", film(), json!({"draft": true}), "takes no caption"),
        ("hi", photos(), to_self("draft", json!(true)), "privacy_level and draft"),
        ("hi", photos(), to_self("is_aigc", json!(true)), "is_aigc, which only a video has"),
    ] {
        let refusal = stage.refused(text, &media, &json!({ "tiktok": settings })).await;
        assert!(refusal.message.contains(says), "{says}: {refusal}");
    }
    for what in ["like", "follow", "send_dm"] {
        let act = format!("SELECT crier.act('{}', '{what}', '7123456789012345678', 'hi')", stage.account);
        assert_eq!(stage.sql.refusal(&act).await.detail, "unsupported", "{what}");
    }
    assert!(sim.ledger().is_empty());
}
