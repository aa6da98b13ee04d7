//! Every request that is built, compared with `tests/fixtures/youtube/requests.json`.

use super::*;
use crate::providers::golden;

/// A GIF is no thumbnail; this is a PNG of one pixel.
const PNG: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

async fn all() -> Value {
    let ok = || Told::new(200, json!({}));
    let tokens = json!({ "access_token": "a2", "expires_in": 3_599 });
    let thread = json!({ "id": "UgxKREhuYm9fYWJjZGVmZ2g4AaABAg", "snippet": { "topLevelComment": { "snippet": {
        "textOriginal": "first & last", "publishedAt": "2099-01-01T00:00:00Z", "authorChannelId": { "value": CHANNEL } } } } });
    let script = Script::start(vec![
        channel(),
        Told::new(200, tokens),
        opened(),
        incomplete("bytes=0-31"),
        video(),
        Told::new(404, Value::Null),
        channel(),
        listed(json!([item(VIDEO, "A film", "About it")])),
        ok(),
        listed(json!([{ "snippet": { "channelId": CHANNEL } }])),
        Told::new(200, thread.clone()),
        listed(json!([thread])),
        Told::new(204, Value::Null),
        Told::new(204, Value::Null),
        listed(json!([{ "statistics": { "viewCount": "9", "likeCount": "4", "commentCount": 1 } }])),
    ])
    .await;
    let (made, caller) = (provider(), caller(&script));
    let endpoints = Endpoints { token_url: Some(format!("{}/token", script.url)), ..Endpoints::default() };
    let provider = YouTube { endpoints, ..made };
    let login = provider.login(&script.url, "@Alice", &"access:refresh".into()).await.unwrap();
    assert_eq!((login.external_id.as_str(), login.handle.as_str()), (CHANNEL, "Alice"));
    let renewed = provider.refresh(&caller).await.unwrap();
    assert!(provider.lifetime(&renewed).expires_at.is_some());

    let settings = json!({ "title": "A film", "tags": ["a", "b c"], "category": "22", "privacy": "unlisted", "made_for_kids": true,
                           "made_with_ai": true, "notify_subscribers": false, "thumbnail": PNG });
    let film = Post { settings, ..post(40) };
    let prepared = prepare(&provider, &caller, &film).await.unwrap();
    let frozen = provider.draft(&film, &prepared).unwrap();
    let published = provider.commit(&caller, &bare(), &frozen).await.unwrap();
    let found = provider.look(&caller.account, Some(&caller.session), sought(&frozen)).await;
    assert_eq!(found, Ok(Found::Same(published.clone())));
    assert!(provider.completes(&film) && !provider.completes(&post(40)));
    provider.complete(&caller, &film, &published).await.unwrap();

    let comment =
        Post { reply_to: Some(VIDEO.into()), content: "first & last".into(), settings: json!({}), ..post(9) };
    let prepared = prepare(&provider, &caller, &comment).await.unwrap();
    let written = provider.draft(&comment, &prepared).unwrap();
    let there = provider.commit(&caller, &bare(), &written).await.unwrap();
    assert_eq!(there.url, format!("https://www.youtube.com/watch?v={VIDEO}&lc={}", there.external_id));
    let found = provider.look(&caller.account, Some(&caller.session), sought(&written)).await;
    assert_eq!(found, Ok(Found::Same(there.clone())));

    for post in [published.external_id.clone(), there.external_id] {
        assert_eq!(provider.act(&caller, &Act::Delete { post }).await.unwrap(), Done::default());
    }
    let metrics = provider.metrics(&caller, VIDEO).await.unwrap();
    assert_eq!(metrics, Metrics { views: Some(9), likes: Some(4), replies: Some(1), shares: None });
    for unlike in
        [Act::Like { post: VIDEO.into(), key: uuid::Uuid::nil() }, Act::Delete { post: "../x".into() }]
    {
        assert!(provider.act(&caller, &unlike).await.is_err());
    }
    json!(script.seen())
}

#[tokio::test]
async fn requests_are_those_of_the_golden_file() {
    golden::check("youtube", &all().await);
}
