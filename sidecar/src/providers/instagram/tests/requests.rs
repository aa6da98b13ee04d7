//! Every request that is built, compared with `tests/fixtures/instagram/requests.json`.

use std::collections::BTreeMap;

use super::*;
use crate::providers::golden;

/// Publishes a post and gives what was asked for it.
async fn publishing(content: &str, media: Value, settings: Value) -> Vec<String> {
    let mut answers = vec![list(json!([]))];
    let many = media.as_array().map_or(0, Vec::len);
    let containers = if many > 1 { many } else { 0 };
    answers.extend((0..containers).map(|n| (200, json!({ "id": format!("{}", 10 + n) }))));
    answers.extend((0..containers).map(|_| state("FINISHED")));
    answers.extend([(200, json!({ "id": "1" })), state("FINISHED")]);
    answers.extend([
        (200, json!({ "id": "2" })),
        (200, json!({ "permalink": "https://www.instagram.com/p/x/" })),
    ]);
    let script = Script::start(answers).await;
    let (provider, caller) = (provider(), caller(&script));
    let post = Post { content: content.into(), media, settings, attempt: 1, reply_to: None };
    let mut prepared = Value::Null;
    while let Some(more) = provider.prepare(&caller, &post, &prepared).await.unwrap() {
        prepared = more;
    }
    let frozen = provider.draft(&post, &prepared).unwrap();
    assert_eq!(frozen.key, "1");
    provider.commit(&caller, &bare(), &frozen).await.unwrap();
    script.seen()
}

/// What one call asks.
async fn asked(
    answers: Vec<(u16, Value)>,
    call: impl AsyncFnOnce(&Instagram, &Caller) -> Result<(), Failure>,
) -> Vec<String> {
    let script = Script::start(answers).await;
    call(&provider(), &caller(&script)).await.unwrap();
    script.seen()
}

async fn all() -> BTreeMap<&'static str, Vec<String>> {
    let image =
        |n: &str, alt: &str| json!({ "url": format!("https://a.example/{n}.jpg?x=1&y=2"), "alt": alt });
    let video = json!({ "url": "https://a.example/a.mp4" });
    let settings = json!({
        "collaborators": ["bob", "carol"], "location_id": "7640348500", "share_to_feed": false,
        "cover_url": "https://a.example/cover.jpg",
    });
    let me = (200, json!({ "user_id": "17841", "username": "alice" }));
    let page = json!({ "instagram_business_account": { "id": "17841", "username": "alice" } });
    let renewed = || (200, json!({ "access_token": "new", "expires_in": 5_184_000 }));
    let log_in = async |provider: &Instagram, caller: &Caller| {
        provider.login(&caller.account.base_url, "alice", &caller.session.access).await.map(drop)
    };
    let story = Frozen {
        key: "1".into(),
        request: r#"{"creation_id":"1","caption":"","shown":"story","drafted_at":1795000000}"#.into(),
    };
    let looked = |frozen: Frozen| async move {
        asked(vec![state("PUBLISHED"), found()], async |provider, caller| {
            provider.look(&caller.account, Some(&caller.session), sought(&frozen)).await.map(drop)
        })
        .await
    };
    BTreeMap::from([
        ("image", publishing("Hello #tag & more\n+1 é", json!([image("a", "a desk")]), json!({})).await),
        ("image_settings", publishing("hi", json!([image("a", "")]), settings.clone()).await),
        ("reel", publishing("hi", json!([video]), settings).await),
        ("story", publishing("unseen", json!([video]), json!({ "placement": "story" })).await),
        ("carousel", publishing("hi", json!([image("a", "one"), image("b", ""), video]), json!({})).await),
        ("login", asked(vec![me, renewed()], log_in).await),
        ("login_page", asked(vec![refusal(100, 0), (200, page)], log_in).await),
        (
            "refresh",
            asked(vec![renewed()], async |provider, caller| provider.refresh(caller).await.map(drop)).await,
        ),
        ("look", looked(frozen("hi")).await),
        ("look_story", looked(story).await),
        (
            "comment",
            asked(
                vec![
                    list(json!([{ "id": "2", "permalink": "https://www.instagram.com/p/x/" }])),
                    (200, json!({ "id": "3" })),
                    (200, json!({ "permalink": "https://www.instagram.com/p/x/" })),
                    list(json!([])),
                ],
                async |provider, caller| {
                    let post = comment("thanks & bye", "https://www.instagram.com/p/x/");
                    let prepared = provider.prepare(caller, &post, &Value::Null).await?.unwrap();
                    assert_eq!(provider.prepare(caller, &post, &prepared).await?, None);
                    let frozen = provider.draft(&post, &prepared)?;
                    provider.commit(caller, &bare(), &frozen).await?;
                    provider.look(&caller.account, Some(&caller.session), sought(&frozen)).await.map(drop)
                },
            )
            .await,
        ),
        (
            "delete",
            asked(vec![(200, json!({ "success": true }))], async |provider, caller| {
                provider.act(caller, &Act::Delete { post: "2".into() }).await.map(drop)
            })
            .await,
        ),
        (
            "metrics",
            asked(vec![list(json!([]))], async |provider, caller| {
                provider.metrics(caller, "2").await.map(drop)
            })
            .await,
        ),
    ])
}

#[tokio::test]
async fn requests_are_those_of_the_golden_file() {
    golden::check("instagram", &all().await);
}
