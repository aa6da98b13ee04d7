//! What is published: lists, the quota, comments, numbers, deletes.

use crier_tests::sim::Sim;
use reqwest::Method;
use serde_json::json;

use super::{Graph, HANDLE, IMAGE, id, refused, send, text};

#[tokio::test]
async fn posts_are_listed_in_pages_the_newest_first() {
    let sim = Sim::start();
    let graph = Graph::on(&sim);
    for caption in ["one", "two", "three"] {
        graph.published(caption).await;
    }
    let path = format!("v26.0/{}/media", graph.id);
    let fields = ("fields", "id,caption,timestamp,permalink");
    let page = graph.get(&path, &[fields, ("limit", "2")]).await.ok();
    let first = page["data"][0].as_object().expect("an object");
    assert_eq!(first.keys().collect::<Vec<_>>(), ["caption", "id", "permalink", "timestamp"]);
    assert_eq!((&page["data"][0]["caption"], &page["data"][1]["caption"]), (&json!("three"), &json!("two")));
    let after = text(&page["paging"]["cursors"]["after"]);
    let rest = graph.get(&path, &[fields, ("limit", "2"), ("after", &after)]).await.ok();
    assert_eq!(
        (rest["data"].as_array().map(Vec::len), &rest["data"][0]["caption"]),
        (Some(1), &json!("one"))
    );
    assert!(rest["paging"]["next"].is_null(), "the last page: {rest}");
    let next = text(&page["paging"]["next"]);
    assert_eq!(send(graph.client.get(next).bearer_auth(&graph.token)).await.ok()["data"], rest["data"]);
    assert_eq!(refused(&graph.get(&path, &[("fields", "id,nonsense")]).await), (400, 100, 0));
    assert_eq!(sim.calls("media.list"), 4);
}

#[tokio::test]
async fn stories_are_in_a_list_of_their_own() {
    let sim = Sim::start();
    let graph = Graph::on(&sim);
    graph.published("a post").await;
    let story = [("image_url", IMAGE), ("media_type", "STORIES"), ("caption", "nobody sees it")];
    let medium = id(&graph.publish(&id(&graph.create(&story).await.ok())).await.ok());
    assert_eq!(graph.captions().await, ["a post"]);
    let stories = graph
        .get(&format!("{}/stories", graph.id), &[("fields", "id,media_product_type,caption")])
        .await
        .ok();
    assert_eq!(stories, json!({"data": [{"id": medium, "media_product_type": "STORY"}]}));
    let uri = &sim.ledger()[1].uri;
    assert_eq!(*uri, format!("https://www.instagram.com/stories/{HANDLE}/{medium}"));
}

#[tokio::test]
async fn the_quota_counts_what_was_published_in_a_day() {
    let sim = Sim::start();
    let graph = Graph::on(&sim);
    graph.set(json!({"daily_quota": 2}));
    let first = graph.published("one").await;
    graph.published("two").await;
    graph.call(Method::DELETE, &first, &[]).await.ok();
    let path = format!("v26.0/{}/content_publishing_limit", graph.id);
    let limit = graph.get(&path, &[("fields", "quota_usage,config")]).await.ok();
    assert_eq!(
        limit,
        json!({"data": [{"quota_usage": 2, "config": {"quota_total": 2, "quota_duration": 86_400}}]})
    );
    let container = graph.container("three").await;
    assert_eq!(refused(&graph.publish(&container).await), (400, 9, 2207042), "a delete gives nothing back");
    assert_eq!(graph.status(&container).await, "FINISHED");
    graph.set(json!({"daily_quota": 3}));
    graph.publish(&container).await.ok();
    assert_eq!(sim.calls("publishing_limit"), 1);
}

#[tokio::test]
async fn posts_have_comments_and_numbers_and_can_be_deleted() {
    let sim = Sim::start();
    let graph = Graph::on(&sim);
    let medium = graph.published("a post").await;
    let comments = format!("{medium}/comments");
    let comment = id(&graph.post(&comments, &[("message", "the first")]).await.ok());
    let list = graph.get(&comments, &[("fields", "id,text")]).await.ok();
    assert_eq!(list, json!({"data": [{"id": comment, "text": "the first"}]}));
    assert_eq!(refused(&graph.post(&comments, &[]).await), (400, 100, 0));

    graph.set(json!({"insights": {"views": 7}}));
    let insights = graph.get(&format!("{medium}/insights"), &[("metric", "views,comments,saved")]).await.ok();
    let values: Vec<_> = insights["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|metric| (text(&metric["name"]), metric["values"][0]["value"].as_u64()))
        .collect();
    assert_eq!(values, [("views".into(), Some(7)), ("comments".into(), Some(1)), ("saved".into(), Some(0))]);
    let unknown = graph.get(&format!("{medium}/insights"), &[("metric", "impressions")]).await;
    assert_eq!(refused(&unknown), (400, 100, 0));

    assert_eq!(graph.call(Method::DELETE, &medium, &[]).await.ok(), json!({"success": true}));
    for path in [medium.clone(), comments, format!("{medium}/insights?metric=views")] {
        assert_eq!(refused(&graph.get(&path, &[]).await), (400, 100, 33), "{path}");
    }
    assert_eq!(refused(&graph.call(Method::DELETE, &medium, &[]).await), (400, 100, 33));
    // the post and its comment were there
    assert_eq!((sim.ledger().len(), sim.platform("instagram").timeline().len()), (2, 0));
    for (call, times) in
        [("media.comment", 2), ("comment.list", 2), ("media.insights", 3), ("media.delete", 2)]
    {
        assert_eq!(sim.calls(call), times, "{call}");
    }
}

#[tokio::test]
async fn nobody_reaches_what_belongs_to_others() {
    let sim = Sim::start();
    let bob = Graph::on(&sim);
    let container = bob.container("bob's").await;
    let medium = bob.published("bob's other").await;
    let id = sim.add_account("instagram", "eve", "IGAAeves");
    let eve = Graph { sim: &sim, client: crier_tests::http::client(), token: "IGAAeves".into(), id };
    for path in [&container, &medium, &bob.id, &format!("{}/media", bob.id)] {
        assert_eq!(refused(&eve.get(path, &[]).await), (400, 100, 33), "{path}");
    }
    assert_eq!(refused(&eve.publish(&container).await), (400, 24, 2207008));
    assert_eq!(refused(&eve.call(Method::DELETE, &medium, &[]).await), (400, 100, 33));
    assert_eq!(
        refused(&eve.post(&format!("{}/media", bob.id), &[("image_url", IMAGE)]).await),
        (400, 100, 33)
    );
    assert_eq!(bob.captions().await, ["bob's other"]);
}
