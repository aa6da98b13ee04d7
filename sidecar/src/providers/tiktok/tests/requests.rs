//! Every request that is built, compared with `tests/fixtures/tiktok/requests.json`.

use super::*;
use crate::providers::{Act, golden};

async fn published(provider: &TikTok, caller: &Caller, post: &Post) -> (Frozen, Published) {
    let prepared = prepare(provider, caller, post).await.unwrap();
    let frozen = provider.draft(post, &prepared).unwrap();
    let published = provider.commit(caller, post, &frozen).await.unwrap();
    (frozen, published)
}

async fn all() -> Value {
    let tokens = json!({ "access_token": "a2", "refresh_token": "r2", "expires_in": 7_200, "refresh_expires_in": 15_552_000,
                         "open_id": "open-id", "scope": "user.info.basic,video.publish", "token_type": "Bearer" });
    let begun = || ok(json!({ "publish_id": "p_pub_url~v2.7" }));
    let listed = json!({ "videos": [{ "id": POST, "create_time": 4_070_908_800_u64, "title": "A title",
                                      "video_description": "About it" }], "cursor": 1, "has_more": false });
    let counted = json!({ "videos": [{ "id": POST, "view_count": 9, "like_count": 4, "comment_count": 1, "share_count": 0 }] });
    let script = Script::start(vec![
        ok(json!({ "user": { "open_id": "open-id" } })),
        creator(),
        Told::new(200, tokens),
        // a video
        creator(),
        opened(),
        chunk(206),
        chunk(201),
        complete(),
        complete(),
        // a draft of one
        opened(),
        chunk(201),
        status("SEND_TO_USER_INBOX", json!({})),
        // photos
        creator(),
        begun(),
        complete(),
        ok(listed),
        // a draft of them
        begun(),
        status("SEND_TO_USER_INBOX", json!({})),
        ok(counted.clone()),
        complete(),
        ok(counted),
    ])
    .await;
    let (made, caller) = (provider(), caller(&script));
    let endpoints =
        Endpoints { token_url: Some(format!("{}/v2/oauth/token/", script.url)), ..Endpoints::default() };
    let provider = TikTok { endpoints, ..made };
    let login = provider.login(&script.url, "@Alice", &"access:refresh".into()).await.unwrap();
    assert_eq!((login.external_id.as_str(), login.handle.as_str()), ("open-id", "alice"));
    let renewed = provider.refresh(&caller).await.unwrap();
    let Lifetime { expires_at, refresh_expires_at, .. } = provider.lifetime(&renewed);
    let left = refresh_expires_at.unwrap().duration_since(expires_at.unwrap()).unwrap();
    assert_eq!(left.as_secs(), 15_552_000 - 7_200);

    let settings = json!({ "privacy_level": "MUTUAL_FOLLOW_FRIENDS", "disable_comment": true, "disable_duet": false,
                           "video_cover_timestamp_ms": 1_000, "brand_organic_toggle": true, "is_aigc": true });
    let (frozen, there) = published(&provider, &caller, &post_of(film(40), settings)).await;
    let found = provider.look(&caller.account, Some(&caller.session), sought(&frozen)).await;
    assert_eq!(found, Ok(Found::Same(there)));
    let draft = Post { content: String::new(), ..post_of(film(20), json!({ "draft": true })) };
    published(&provider, &caller, &draft).await;

    let album = json!([{ "url": "https://a.example/a.jpg" }, { "url": "https://a.example/b.webp" }]);
    let settings = json!({ "privacy_level": "PUBLIC_TO_EVERYONE", "title": "A title", "auto_add_music": true,
                           "photo_cover_index": 1, "brand_content_toggle": true });
    let (frozen, there) = published(&provider, &caller, &post_of(album.clone(), settings)).await;
    let found = provider.look(&caller.account, Some(&caller.session), sought(&frozen)).await;
    assert_eq!(found, Ok(Found::Same(there)));
    published(&provider, &caller, &post_of(album, json!({ "draft": true, "title": "A title" }))).await;

    for post in [POST, PUBLISH] {
        let metrics = provider.metrics(&caller, post).await.unwrap();
        assert_eq!(metrics, Metrics { views: Some(9), likes: Some(4), replies: Some(1), shares: Some(0) });
    }
    for act in [Act::Like { post: POST.into(), key: uuid::Uuid::nil() }, Act::Delete { post: POST.into() }] {
        let failure = provider.act(&caller, &act).await.unwrap_err();
        assert_eq!(failure.class, ErrorClass::Unsupported);
    }
    let seen = script.seen();
    assert!(
        seen.iter().all(|line| line.starts_with(PUT) != line.contains("(token)") || line.contains("/oauth/"))
    );
    json!(seen)
}

#[tokio::test]
async fn requests_are_those_of_the_golden_file() {
    golden::check("tiktok", &all().await);
}
