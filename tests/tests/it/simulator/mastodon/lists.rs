//! Lists of statuses, who may see them, and what others do with them.

use crier_tests::sim::Sim;
use serde_json::{Value, json};

use super::{Api, text};

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|status| text(&status["id"])).collect()
}

#[tokio::test]
async fn a_list_has_pages() {
    let sim = Sim::start();
    let bob = Api::on(&sim, "bob");
    let eve = Api::on(&sim, "eve");
    let mut published = Vec::new();
    for number in 0..5 {
        let status = bob.publish(&json!({"status": number})).await.ok();
        published.insert(0, text(&status["id"]).to_owned());
    }
    let list = async |query: &str| bob.get(&format!("api/v1/accounts/{}/statuses?{query}", bob.id)).await;
    assert_eq!(ids(&list("").await.ok()), published, "newest first");
    let first = list("limit=2").await;
    let link = first.header("link").to_owned();
    assert_eq!(ids(&first.ok()), published[..2]);
    let next =
        link.split(['<', '>']).nth(1).and_then(|link| link.split_once("/mastodon/")).expect("a link").1;
    assert_eq!(next, format!("api/v1/accounts/{}/statuses?limit=2&max_id={}", bob.id, published[1]));
    assert_eq!(ids(&bob.get(next).await.ok()), published[2..4]);
    let query = |name: &str| format!("limit=2&{name}={}", published[3]);
    assert_eq!(ids(&list(&query("since_id")).await.ok()), published[..2], "the newest");
    assert_eq!(ids(&list(&query("min_id")).await.ok()), published[1..3], "the next");
    assert_eq!(list("limit=0").await.ok(), json!([]));
    assert_eq!(eve.get("api/v1/accounts/1/statuses").await.refused(), (404, "Record not found"));

    let original = eve.publish(&json!({"status": "original"})).await.ok();
    let reply = bob.publish(&json!({"status": "reply", "in_reply_to_id": original["id"]})).await.ok();
    let own = bob.publish(&json!({"status": "more", "in_reply_to_id": published[0]})).await.ok();
    assert_eq!(own["in_reply_to_account_id"], json!(bob.id));
    let without = list("exclude_replies=true&limit=2").await.ok();
    assert_eq!(ids(&without), [text(&own["id"]), &published[0]], "an answer to oneself stays");
    assert!(ids(&list("").await.ok()).contains(&text(&reply["id"])));
    let counted = bob.get(&format!("api/v1/statuses/{}", text(&original["id"]))).await.ok();
    assert_eq!(counted["replies_count"], json!(1));
}

#[tokio::test]
async fn not_everybody_sees_everything() {
    let sim = Sim::start();
    let (bob, eve) = (Api::on(&sim, "bob"), Api::on(&sim, "eve"));
    let nobody = bob.with_token("");
    let mut published = Vec::new();
    for visibility in ["public", "unlisted", "private", "direct"] {
        let status = bob.publish(&json!({"status": visibility, "visibility": visibility})).await.ok();
        published.push(text(&status["id"]).to_owned());
    }
    let seen = async |api: &Api| {
        let list = api.get(&format!("api/v1/accounts/{}/statuses", bob.id)).await.ok();
        let mut single = 0;
        for id in &published {
            single += usize::from(api.get(&format!("api/v1/statuses/{id}")).await.status == 200);
        }
        assert_eq!(ids(&list).len(), single);
        single
    };
    assert_eq!((seen(&bob).await, seen(&eve).await, seen(&nobody).await), (4, 2, 2));
    let follow = format!("api/v1/accounts/{}/follow", bob.id);
    let followed = eve.post(&follow, &json!({})).await.ok();
    assert_eq!((&followed["id"], &followed["following"]), (&json!(bob.id), &json!(true)));
    assert_eq!((seen(&eve).await, seen(&bob.with_token("never was")).await), (3, 2));
    assert_eq!(bob.post(&follow, &json!({})).await.refused(), (403, "This action is not allowed"));
    let note = bob.publish(&json!({"status": "for @eve", "visibility": "direct"})).await.ok();
    let path = format!("api/v1/statuses/{}", text(&note["id"]));
    assert_eq!((eve.get(&path).await.status, nobody.get(&path).await.status), (200, 404));
    let lost = bob.post("api/v1/accounts/1/follow", &json!({})).await;
    assert_eq!(lost.refused(), (404, "Record not found"));
    let other = eve.delete(&published[0]).await;
    assert_eq!(other.refused(), (404, "Record not found"), "only its author deletes a status");
}

#[tokio::test]
async fn statuses_are_favoured_and_boosted_once() {
    let sim = Sim::start();
    let (bob, eve) = (Api::on(&sim, "bob"), Api::on(&sim, "eve"));
    let status = bob.publish(&json!({"status": "x"})).await.ok();
    let id = text(&status["id"]);
    let mut boosts = Vec::new();
    for _ in 0..2 {
        let favoured = eve.post(&format!("api/v1/statuses/{id}/favourite"), &json!({})).await.ok();
        assert_eq!(
            (&favoured["id"], &favoured["favourited"], &favoured["favourites_count"]),
            (&status["id"], &json!(true), &json!(1))
        );
        let boost = eve.post(&format!("api/v1/statuses/{id}/reblog"), &json!({})).await.ok();
        assert_eq!((&boost["reblog"]["id"], &boost["account"]["id"]), (&status["id"], &json!(eve.id)));
        boosts.push(boost["id"].clone());
    }
    assert_eq!(boosts[0], boosts[1]);
    assert_eq!(bob.get(&format!("api/v1/statuses/{id}")).await.ok()["reblogs_count"], json!(1));
    let list = format!("api/v1/accounts/{}/statuses", eve.id);
    assert_eq!(ids(&eve.get(&list).await.ok()), [text(&boosts[0])]);
    assert_eq!(eve.get(&format!("{list}?exclude_reblogs=true")).await.ok(), json!([]));
    assert_eq!(sim.ledger().len(), 1, "a boost is no post");
    let private = bob.publish(&json!({"status": "x", "visibility": "direct"})).await.ok();
    let refused = bob.post(&format!("api/v1/statuses/{}/reblog", text(&private["id"])), &json!({})).await;
    assert_eq!(refused.refused(), (403, "This action is not allowed"));
    bob.delete(id).await.ok();
    assert_eq!(eve.get(&list).await.ok(), json!([]), "a boost goes with what it shows");
}
