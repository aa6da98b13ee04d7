//! The simulated X answers as its documentation and its clients say that X does.

mod faults;
mod limits;
mod media;
mod reads;
mod tokens;

use crier_tests::sim::Sim;
use hyper::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// An account on a simulated X, and what speaks for it.
struct Api {
    sim: Sim,
    client: reqwest::Client,
    id: String,
    handle: &'static str,
    access: String,
}

/// What X answered.
#[derive(Debug)]
struct Answer {
    status: u16,
    /// Null when there was none.
    body: Value,
    headers: HeaderMap,
}

impl Answer {
    /// The body of a success.
    fn ok(self) -> Value {
        assert!(matches!(self.status, 200 | 201), "refused: {self:?}");
        self.body
    }

    fn refused(&self) -> (u16, &str) {
        (self.status, self.body["detail"].as_str().unwrap_or_default())
    }

    /// The words about the first parameter that is wrong.
    fn wrong(&self) -> (&str, &str) {
        assert_eq!(self.status, 400, "{self:?}");
        assert_eq!(self.body["type"], "https://api.twitter.com/2/problems/invalid-request", "{self:?}");
        assert_eq!(self.body["title"], "Invalid Request", "{self:?}");
        let error = &self.body["errors"][0];
        let parameter =
            error["parameters"].as_object().and_then(|all| all.keys().next()).expect("a parameter");
        (parameter, text(&error["message"]))
    }

    fn header(&self, name: &str) -> u64 {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok()?.parse().ok());
        value.unwrap_or_else(|| panic!("expected a number in {name} of {self:?}"))
    }
}

impl Api {
    fn new() -> Self {
        let (sim, handle) = (Sim::start(), "bob");
        let id = sim.add_account("x", handle, "first-access:first-refresh");
        Self { sim, client: crier_tests::http::client(), id, handle, access: "first-access".into() }
    }

    /// Another account of the same server.
    fn add(&self, handle: &str) -> String {
        let access = format!("{handle}-access");
        self.sim.add_account("x", handle, &access);
        access
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}/{path}", self.sim.url_of("x")))
    }

    async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path).bearer_auth(&self.access)).await
    }

    async fn post(&self, path: &str, input: &Value) -> Answer {
        send(self.request(Method::POST, path).bearer_auth(&self.access).json(input)).await
    }

    async fn delete(&self, id: &str) -> Answer {
        send(self.request(Method::DELETE, &format!("2/tweets/{id}")).bearer_auth(&self.access)).await
    }

    async fn tweet(&self, input: Value) -> Answer {
        self.post("2/tweets", &input).await
    }

    /// Publishes a text and gives its id.
    async fn publish(&self, words: &str) -> String {
        text(&self.tweet(json!({"text": words})).await.ok()["data"]["id"]).to_owned()
    }

    fn set(&self, settings: Value) {
        self.sim.platform("x").set(&settings).expect("settings");
    }

    /// The texts of what became visible.
    fn published(&self) -> Vec<String> {
        self.sim.ledger().into_iter().map(|entry| entry.text).collect()
    }
}

async fn send(request: reqwest::RequestBuilder) -> Answer {
    let answer = request.send().await.expect("an answer");
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let bytes = answer.bytes().await.expect("a body");
    Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_default() }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("expected a text, not {value}"))
}

#[tokio::test]
async fn a_tweet_is_made_and_taken_away() {
    let api = Api::new();
    let made = api.tweet(json!({"text": "hello", "reply_settings": "mentionedUsers"})).await;
    assert_eq!((made.status, &made.body["data"]["text"]), (201, &json!("hello")));
    let id = text(&made.body["data"]["id"]);
    let entry = api.sim.ledger().pop().expect("an entry");
    assert_eq!((entry.platform, entry.account.as_str(), entry.key.as_str()), ("x", "bob", id));
    assert_eq!(entry.uri, format!("https://x.com/bob/status/{id}"));

    let fields = "tweet.fields=reply_settings,author_id,public_metrics,created_at";
    let read = api.get(&format!("2/tweets/{id}?{fields}")).await.ok()["data"].clone();
    assert_eq!((&read["reply_settings"], &read["author_id"]), (&json!("mentionedUsers"), &json!(api.id)));
    assert_eq!((&read["public_metrics"]["like_count"], &read["created_at"]), (&json!(0), &json!(entry.at)));

    let stranger = api.request(Method::DELETE, &format!("2/tweets/{id}")).bearer_auth(api.add("carol"));
    assert_eq!(send(stranger).await.refused(), (403, "You are not permitted to perform this action."));
    for _ in 0..2 {
        assert_eq!(api.delete(id).await.ok(), json!({"data": {"deleted": true}}), "also when it is gone");
    }
    assert_eq!(api.get(&format!("2/tweets/{id}")).await.ok()["errors"][0]["title"], "Not Found Error");
    assert_eq!(api.sim.ledger().len(), 1, "the ledger forgets nothing");
}

#[tokio::test]
async fn what_x_does_not_take_is_refused_in_its_shape() {
    let api = Api::new();
    let poll = |options: Value, minutes: u64| json!({"text": "x", "poll": {"options": options, "duration_minutes": minutes}});
    for (draft, parameter, words) in [
        (json!({"text": "a".repeat(281)}), "text", "The weighted length is 281"),
        (json!({"text": "日".repeat(141)}), "text", "The weighted length is 282"),
        (json!({"text": " "}), "text", "is required"),
        (json!({}), "text", "is required"),
        (json!({"text": 1}), "$", "expected a string"),
        (json!({"text": "x", "nonsense": 1}), "$", "unknown field `nonsense`"),
        (json!({"text": "x", "reply_settings": "everyone"}), "$", "unknown variant"),
        (
            json!({"text": "x", "media": {"media_ids": ["1"]}}),
            "media.media_ids",
            "Your media IDs are invalid.",
        ),
        (
            json!({"text": "x", "reply": {"in_reply_to_tweet_id": "x"}}),
            "reply.in_reply_to_tweet_id",
            "not valid",
        ),
        (poll(json!(["one"]), 5), "poll.options", "between 2 and 4"),
        (poll(json!(["one", "b".repeat(26)]), 5), "poll.options", "25 characters"),
        (poll(json!(["one", "two"]), 4), "poll.duration_minutes", "between 5 and 10080"),
    ] {
        let answer = api.tweet(draft).await;
        let (wrong, message) = answer.wrong();
        assert_eq!(wrong, parameter, "{message}");
        assert!(message.contains(words), "expected {words:?} in {message:?}");
    }
    for (draft, words) in [
        (json!({"text": "$AAPL and $TSLA"}), "A post can have at most one cashtag."),
        (
            json!({"text": "x", "quote_tweet_id": "1"}),
            "Quoting a post is not allowed with your access level.",
        ),
    ] {
        assert_eq!(api.tweet(draft).await.refused(), (403, words));
    }
    assert_eq!(api.published(), [""; 0]);
    let link = format!("{} https://example.com/{}", "a".repeat(256), "b".repeat(100));
    api.publish(&link).await;
    api.tweet(poll(json!(["one", "two"]), 5)).await.ok();
}

#[tokio::test]
async fn the_same_text_is_a_duplicate_of_the_same_account_alone() {
    let api = Api::new();
    let id = api.publish("again").await;
    let twice = api.tweet(json!({"text": "again "})).await;
    let words = "You are not allowed to create a Tweet with duplicate content.";
    assert_eq!(twice.refused(), (403, words));
    let expected = json!({"title": "Forbidden", "detail": words, "type": "about:blank", "status": 403});
    assert_eq!(twice.body, expected);
    let other = api.request(Method::POST, "2/tweets").bearer_auth(api.add("carol"));
    send(other.json(&json!({"text": "again"}))).await.ok();
    api.delete(&id).await.ok();
    api.publish("again").await;
    assert_eq!(api.published(), ["again"; 3]);
}

#[tokio::test]
async fn replies_need_a_summons() {
    let api = Api::new();
    let carol = api.add("carol");
    let by_carol = async |words: &str| {
        let request = api.request(Method::POST, "2/tweets").bearer_auth(&carol).json(&json!({"text": words}));
        text(&send(request).await.ok()["data"]["id"]).to_owned()
    };
    let reply = async |words: &str, to: &str| {
        api.tweet(json!({"text": words, "reply": {"in_reply_to_tweet_id": to}})).await
    };
    let (own, summons, other) =
        (api.publish("own").await, by_carol("hey @BOB!").await, by_carol("hey").await);
    for (replies, allowed) in [
        ("summoned", [true, true, false]),
        ("strictly_summoned", [false, true, false]),
        ("all", [true, true, true]),
    ] {
        api.set(json!({"replies": replies}));
        for (to, allowed) in [&own, &summons, &other].into_iter().zip(allowed) {
            let status = reply(&format!("{replies} {to}"), to).await.status;
            assert_eq!(status, if allowed { 201 } else { 403 }, "{replies} to {to}");
        }
    }
    let second = text(&reply("second", &own).await.ok()["data"]["id"]).to_owned();
    let third = text(&reply("third", &second).await.ok()["data"]["id"]).to_owned();
    let fields = "tweet.fields=conversation_id,referenced_tweets";
    let read = api.get(&format!("2/tweets/{third}?{fields}")).await.ok()["data"].clone();
    assert_eq!(read["conversation_id"], json!(own));
    assert_eq!(read["referenced_tweets"], json!([{"type": "replied_to", "id": second}]));
    api.delete(&third).await.ok();
    let gone = "You attempted to reply to a Tweet that is deleted or not visible to you.";
    assert_eq!(reply("fourth", &third).await.refused(), (403, gone));
}
