//! Every request that is built, compared with `tests/fixtures/reddit/requests.json`.

use super::*;
use crate::providers::golden;
use crate::providers::reddit::publish::form;

/// Without what is new each time.
fn still(lines: Vec<String>) -> Vec<String> {
    let cut = |line: String| match line.split_once("boundary=") {
        Some((before, after)) => {
            let (_, rest) = after.split_once(' ').unwrap_or_default();
            format!("{before}boundary=BOUNDARY {rest}")
        }
        None => line,
    };
    lines.into_iter().map(cut).collect()
}

/// The bodies of all kinds of posts.
fn bodies() -> Vec<String> {
    let all = json!({ "flair_id": "17bf09c4-520c", "flair_text": "News & more", "nsfw": true, "spoiler": true,
                      "send_replies": false });
    let mut link = all.clone();
    link["link"] = json!("https://a.example/?x=1&y=\u{e9}");
    let two = json!([{ "url": PNG, "alt": "the first" }, { "url": PNG }]);
    let one = prepared(&[ASSET]);
    let mut poster = one.clone();
    poster["poster"] = json!({ "id": "p1", "url": "https://media.example/p1" });
    let posts = [
        (post("", json!([]), json!({})), Value::Null),
        (post("Gr\u{fc}\u{df}e **an** alle\n+1 & more", json!([]), all), Value::Null),
        (post("about it", json!([]), link), Value::Null),
        (post("", image(), json!({})), one.clone()),
        (post("about it", film(), json!({ "poster": PNG })), poster),
        (post("about them", two.clone(), json!({ "flair_id": "17bf09c4-520c" })), prepared(&["one", "two"])),
        (comment("https://www.reddit.com/r/rust/comments/1abcde/a_title/k2fghij/"), Value::Null),
    ];
    posts.iter().map(|(post, prepared)| provider().draft(post, prepared).unwrap().request).collect()
}

async fn all() -> Value {
    let store = Script::always(Told::new(201, Value::Null)).await;
    let place = store.url.trim_start_matches("http:");
    let commented = json!({ "name": COMMENT, "link_id": POST, "parent_id": POST, "body": "first & last",
                            "created_utc": 4_070_908_800.0 });
    let counted =
        listed(json!({ "score": 12, "upvote_ratio": 0.92, "num_comments": 3, "num_crossposts": 1 }));
    let script = Script::start(vec![
        ok(json!({ "id": "4cixf", "name": "Alice" })),
        ok(json!({ "access_token": "a2", "token_type": "bearer", "expires_in": 86_400, "scope": "*" })),
        lease(place, ASSET),
        in_the_works(),
        list(json!([]), json!("t3_1aaaaa")),
        list(json!([shown_image()]), Value::Null),
        made(json!({ "url": "https://www.reddit.com/x", "id": "t3_1abcde" })),
        made(json!({ "things": [{ "kind": "t1", "data": commented }] })),
        list(json!([{ "kind": "t1", "data": commented }]), Value::Null),
        ok(json!({})),
        list(json!([counted]), Value::Null),
    ])
    .await;
    let (made, caller) = (provider(), caller(&script));
    let endpoints =
        Endpoints { token_url: Some(format!("{}/access_token", script.url)), ..Endpoints::default() };
    let provider = Reddit { endpoints, ..made };
    let login = provider.login(&script.url, "u/alice", &"access:refresh".into()).await.unwrap();
    assert_eq!((login.external_id.as_str(), login.handle.as_str()), ("4cixf", "Alice"));
    let renewed = provider.refresh(&caller).await.unwrap();
    assert!(provider.lifetime(&renewed).expires_at.is_some());

    let pictured = post("", image(), json!({}));
    let prepared = prepare(&provider, &caller, &pictured).await.unwrap();
    assert!(!prepared.to_string().contains("canary"), "{prepared}");
    let frozen = provider.draft(&pictured, &prepared).unwrap();
    let published = provider.commit(&caller, &bare(), &frozen).await.unwrap();
    assert_eq!(published.url, "https://www.reddit.com/r/rust/comments/1abcde/");
    let two = json!([{ "url": PNG }, { "url": PNG }]);
    let gallery = provider.draft(&post("", two, json!({})), &super::prepared(&["one", "two"])).unwrap();
    assert_eq!(provider.commit(&caller, &bare(), &gallery).await.unwrap(), published);

    let written = provider.draft(&comment(POST), &Value::Null).unwrap();
    let there = provider.commit(&caller, &bare(), &written).await.unwrap();
    assert_eq!(there.url, "https://www.reddit.com/comments/1abcde/_/k2fghij/");
    let found = provider.look(&caller.account, Some(&caller.session), sought(&written)).await;
    assert_eq!(found, Ok(Found::Same(there)));
    let delete = Act::Delete { post: POST.into() };
    assert_eq!(provider.act(&caller, &delete).await.unwrap(), Done::default());
    let metrics = provider.metrics(&caller, POST).await.unwrap();
    assert_eq!(metrics, Metrics { views: None, likes: Some(12), replies: Some(3), shares: Some(1) });
    for never in
        [Act::Like { post: POST.into(), key: uuid::Uuid::nil() }, Act::Delete { post: "../x".into() }]
    {
        assert!(provider.act(&caller, &never).await.is_err());
    }
    let written = form(&[("", &store.url)]).replace('=', "");
    let calls: Vec<_> = script.seen().into_iter().map(|line| line.replace(&written, "STORE")).collect();
    json!({ "calls": still(calls), "upload": still(store.seen()), "posts": bodies() })
}

#[tokio::test]
async fn requests_are_those_of_the_golden_file() {
    golden::check("reddit", &all().await);
}
