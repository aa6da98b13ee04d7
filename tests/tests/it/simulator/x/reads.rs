//! What can be read, and how it differs from what was sent.

use crier_tests::images::png;
use serde_json::{Value, json};

use super::{Api, text};

#[tokio::test]
async fn the_text_that_is_read_is_not_the_text_that_was_sent() {
    let api = Api::new();
    let sent = "a & b: https://a.example/?x=1&y=2, <é>";
    let made = api.tweet(json!({"text": sent})).await.ok()["data"].clone();
    let id = text(&made["id"]);
    let plain = api.get(&format!("2/tweets?ids={id}")).await.ok()["data"][0].clone();
    assert_eq!(plain, made, "only with the fields that are asked for");
    let read = api.get(&format!("2/tweets?ids={id}&tweet.fields=entities")).await.ok()["data"][0].clone();
    let [url] = read["entities"]["urls"].as_array().expect("links").as_slice() else {
        panic!("expected one link in {read}")
    };
    assert_eq!(url["expanded_url"], "https://a.example/?x=1&y=2");
    assert_eq!(url["display_url"], "a.example/?x=1&y=2");
    assert!(text(&url["url"]).starts_with("https://t.co/"), "{url}");
    assert_eq!(text(&read["text"]), format!("a &amp; b: {}, &lt;é&gt;", text(&url["url"])));
    let restored = text(&read["text"]).replace(text(&url["url"]), text(&url["expanded_url"]));
    let restored = restored.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    assert_eq!(restored, sent);
    assert_eq!(api.published(), [sent]);

    let media = api.upload("image/png", "tweet_image", &png(4, 3, [1, 2, 3])).await;
    let made = api.tweet(json!({"media": {"media_ids": [media]}})).await.ok()["data"].clone();
    let id = text(&made["id"]);
    let read =
        api.get(&format!("2/tweets/{id}?tweet.fields=entities,attachments")).await.ok()["data"].clone();
    let url = &read["entities"]["urls"][0];
    assert_eq!(url["url"], read["text"], "media alone is a link alone");
    assert_eq!(url["expanded_url"], json!(format!("https://x.com/bob/status/{id}/photo/1")));
    assert_eq!(read["attachments"]["media_keys"], json!([url["media_key"]]));
}

#[tokio::test]
async fn the_newest_tweets_of_an_account_come_first_and_by_pages() {
    let api = Api::new();
    let list = async |query: &str| api.get(&format!("2/users/{}/tweets?{query}", api.id)).await;
    assert_eq!(list("").await.ok(), json!({"meta": {"result_count": 0}}), "no data where there is none");
    let mut ids = Vec::new();
    for number in 0..7 {
        ids.push(api.publish(&format!("number {number}")).await);
    }
    let ids_of = |page: &Value| -> Vec<String> {
        let tweets = page["data"].as_array().expect("tweets").iter();
        tweets.map(|tweet| text(&tweet["id"]).to_owned()).collect()
    };
    ids.reverse();
    let first = list("max_results=5&tweet.fields=created_at").await.ok();
    assert_eq!(ids_of(&first), ids[..5]);
    assert!(text(&first["data"][0]["created_at"]).ends_with('Z'), "{first}");
    let meta = &first["meta"];
    assert_eq!((&meta["newest_id"], &meta["oldest_id"]), (&json!(ids[0]), &json!(ids[4])));
    let next = list(&format!("max_results=5&pagination_token={}", text(&meta["next_token"]))).await.ok();
    assert_eq!((ids_of(&next), next["meta"].get("next_token")), (ids[5..].to_vec(), None));
    assert_eq!(ids_of(&list(&format!("since_id={}&until_id={}", ids[4], ids[1])).await.ok()), ids[2..4]);
    assert_eq!(ids_of(&list("start_time=2026-01-01T00:00:00Z").await.ok()), ids);
    assert_eq!(list("start_time=2999-01-01T00:00:00Z").await.ok(), json!({"meta": {"result_count": 0}}));
    assert_eq!(list("start_time=soon").await.wrong().0, "start_time");

    for (query, parameter) in
        [("max_results=4", "max_results"), ("max_results=x", "max_results"), ("exclude=replies", "exclude")]
    {
        assert_eq!(list(query).await.wrong().0, parameter, "{query}");
    }
    let nobody = api.get("2/users/1/tweets").await.ok();
    assert_eq!(nobody["errors"][0]["resource_type"], "user");
    assert_eq!(nobody.get("data"), None);
}

#[tokio::test]
async fn what_is_missing_is_an_error_inside_a_success() {
    let api = Api::new();
    let id = api.publish("here").await;
    let some = api.get(&format!("2/tweets?ids=1,{id}")).await.ok();
    assert_eq!((some["data"].as_array().map(Vec::len), &some["data"][0]["id"]), (Some(1), &json!(id)));
    let expected = json!([{
        "value": "1", "detail": "Could not find tweet with ids: [1].", "title": "Not Found Error",
        "resource_type": "tweet", "parameter": "ids", "resource_id": "1",
        "type": "https://api.twitter.com/2/problems/resource-not-found",
    }]);
    assert_eq!(some["errors"], expected);
    assert_eq!(api.get("2/tweets?ids=1").await.ok(), json!({"errors": expected}));
    for ids in ["", "x", "1,,2", "99999999999999999999"] {
        assert_eq!(api.get(&format!("2/tweets?ids={ids}")).await.wrong().0, "ids", "{ids}");
    }
    let many = vec!["1"; 101].join(",");
    assert!(api.get(&format!("2/tweets?ids={many}")).await.wrong().1.contains("[101]"));
    assert_eq!(api.get("2/tweets").await.status, 400);
    assert_eq!(api.get("2/nothing").await.refused(), (404, "Not Found"));
}

#[tokio::test]
async fn the_page_shows_tweets_and_their_images() {
    let api = Api::new();
    let media = api.upload("image/png", "tweet_image", &png(4, 3, [1, 2, 3])).await;
    let alt = json!({"id": media, "metadata": {"alt_text": {"text": "dark"}}});
    api.post("2/media/metadata", &alt).await.ok();
    api.tweet(json!({"text": "<b> https://a.example", "media": {"media_ids": [media]}})).await.ok();
    let page = crier_tests::http::get(api.sim.url()).await.expect("the page").text().await.expect("a text");
    let src = format!("/x/images/{media}");
    for expected in ["<p>&lt;b&gt; <a href=\"https://a.example\"", "alt=\"dark\"", "aspect-ratio:4/3", &src] {
        assert!(page.contains(expected), "expected {expected:?} in\n{page}");
    }
    let image = crier_tests::http::get(format!("{}{src}", api.sim.url())).await.expect("the image");
    assert_eq!(
        (image.status().as_u16(), &image.headers()["content-type"]),
        (200, &"image/png".parse().expect("a type"))
    );
}
