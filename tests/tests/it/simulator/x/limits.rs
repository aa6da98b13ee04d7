//! What runs out: calls, money, and X's patience.

use std::time::{SystemTime, UNIX_EPOCH};

use hyper::Method;
use serde_json::{Value, json};

use super::{Api, send, text};

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

#[tokio::test]
async fn every_answer_states_its_limit_and_the_last_is_refused() {
    let api = Api::new();
    let first = api.tweet(json!({"text": "first"})).await;
    let (limit, remaining) = (first.header("x-rate-limit-limit"), first.header("x-rate-limit-remaining"));
    assert_eq!((limit, remaining), (100, 99));
    assert!((now() + 890..=now() + 901).contains(&first.header("x-rate-limit-reset")), "{first:?}");
    assert_eq!(api.tweet(json!({})).await.header("x-rate-limit-remaining"), 98, "what is refused counts too");
    assert_eq!(api.get("2/users/me").await.header("x-rate-limit-limit"), 75, "each call has its own");

    api.set(json!({"limits": {"tweets.create": 3}}));
    api.tweet(json!({"text": "second"})).await.ok();
    let refused = api.tweet(json!({"text": "third"})).await;
    let words = "Too Many Requests";
    assert_eq!(refused.body, json!({"title": words, "detail": words, "type": "about:blank", "status": 429}));
    assert_eq!((refused.status, refused.header("x-rate-limit-remaining")), (429, 0));
    let other = api.request(Method::POST, "2/tweets").bearer_auth(api.add("carol"));
    assert_eq!(send(other.json(&json!({"text": "x"}))).await.status, 201, "each account has its own");
    let unknown = send(api.request(Method::GET, "2/users/me").bearer_auth("unknown")).await;
    assert_eq!((unknown.status, unknown.header("x-rate-limit-limit")), (401, 75));
    api.set(json!({"limits": {"media.metadata": 1}, "window_seconds": 0}));
    for _ in 0..2 {
        assert_eq!(
            api.post("2/media/metadata", &json!({})).await.status,
            400,
            "a window that is over counts no more"
        );
    }
}

#[tokio::test]
async fn what_calls_cost_is_counted() {
    let api = Api::new();
    let spent = || api.sim.platform("x").figures()["microdollars"].as_u64().expect("a sum");
    assert_eq!(spent(), 0);
    let id = api.publish("plain").await;
    assert_eq!(spent(), 15_000);
    api.publish("with https://a.example").await;
    assert_eq!(spent(), 215_000);
    api.tweet(json!({"text": "plain"})).await;
    assert_eq!(spent(), 215_000, "what is refused costs nothing");
    api.get(&format!("2/users/{}/tweets", api.id)).await.ok();
    assert_eq!(spent(), 217_000, "each of two own tweets");
    let lookup = format!("2/tweets?ids={id},1");
    send(api.request(Method::GET, &lookup).bearer_auth(api.add("carol"))).await.ok();
    assert_eq!(spent(), 222_000, "only what was found");
    api.get("2/users/me").await.ok();
    api.set(json!({"app_owner": "carol"}));
    api.get(&lookup).await.ok();
    assert_eq!(spent(), 232_000, "own tweets are cheap to the owner of the app alone");
    let figures = api.sim.platform("x").figures();
    let expected = json!([
        {"account": "bob", "call": "tweets.create", "microdollars": 215_000},
        {"account": "bob", "call": "tweets.lookup", "microdollars": 5_000},
        {"account": "bob", "call": "users.me", "microdollars": 5_000},
        {"account": "bob", "call": "users.tweets", "microdollars": 2_000},
        {"account": "carol", "call": "tweets.lookup", "microdollars": 5_000},
    ]);
    assert_eq!(figures["spent"], expected);
}

#[tokio::test]
async fn accounts_are_suspended_and_apps_run_out_of_credit() {
    let api = Api::new();
    let kind = |body: &Value| text(&body["type"]).rsplit('/').next().map(str::to_owned).expect("a kind");
    for (settings, status, expected) in [
        (json!({"suspended": ["bob"]}), 403, "user-suspended"),
        (json!({"suspended": [], "usage": "capped"}), 429, "usage-capped"),
        (json!({"usage": "depleted"}), 402, "credits"),
    ] {
        api.set(settings);
        let answer = api.tweet(json!({"text": "x"})).await;
        assert_eq!((answer.status, kind(&answer.body).as_str()), (status, expected));
        assert!(answer.header("x-rate-limit-remaining") > 0, "the limit of calls has nothing to do with it");
    }
    api.set(json!({"usage": "paid"}));
    api.publish("x").await;
    assert_eq!(api.published(), ["x"]);
}

#[tokio::test]
async fn settings_and_figures_are_in_the_control_interface() {
    let api = Api::new();
    api.publish("x").await;
    let address = |path: &str| format!("{}/control/{path}", api.sim.url());
    let set = async |input: Value| send(api.client.post(address("settings")).json(&input)).await;
    let answer = set(json!({"platform": "x", "settings": {"processing_seconds": 1.5}})).await.ok();
    assert_eq!((&answer["processing_seconds"], &answer["replies"]), (&json!(1.5), &json!("summoned")));
    for wrong in [
        json!({"platform": "x", "settings": {"nonsense": 1}}),
        json!({"platform": "x", "settings": {"usage": "free"}}),
        json!({"platform": "x", "settings": {"window_seconds": -1}}),
        json!({"platform": "x", "settings": []}),
        json!({"platform": "bluesky", "settings": {"usage": "paid"}}),
        json!({"platform": "nowhere", "settings": {}}),
    ] {
        assert_eq!(set(wrong.clone()).await.status, 400, "{wrong}");
    }
    let figures = send(api.client.get(address("figures"))).await.ok();
    assert_eq!((&figures["x"]["microdollars"], &figures["bluesky"]), (&json!(15_000), &json!({})));
}
