//! The simulated Mastodon server answers as `platforms.md` and the source of the real one say.

mod access;
mod faults;
mod keys;
mod lists;
mod media;
mod surface;

use crier_tests::sim::Sim;
use crier_tests::xrpc::Reply;
use reqwest::RequestBuilder;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

const NAME: &str = "mastodon";
const FORM: &str = "application/x-www-form-urlencoded";

/// A server, and an account on it.
struct Api {
    base: String,
    client: reqwest::Client,
    id: String,
    token: String,
}

impl Api {
    fn on(sim: &Sim, name: &str) -> Self {
        let token = format!("the token of {name}");
        let id = sim.add_account(NAME, name, &token);
        Self { base: sim.url_of(NAME), client: crier_tests::http::client(), id, token }
    }

    fn with_token(&self, token: &str) -> Self {
        let Self { base, client, id, .. } = self;
        Self { base: base.clone(), client: client.clone(), id: id.clone(), token: token.into() }
    }

    /// A call as the account; without a token as nobody.
    fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = method.parse().expect("a method");
        let request =
            self.client.request(method, format!("{}/{path}", self.base)).header("User-Agent", "test");
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    async fn get(&self, path: &str) -> Reply {
        send(path, self.request("GET", path)).await
    }

    async fn post(&self, path: &str, body: &Value) -> Reply {
        send(path, self.request("POST", path).json(body)).await
    }

    async fn post_form(&self, path: &str, form: &str) -> Reply {
        send(path, self.request("POST", path).header(CONTENT_TYPE, FORM).body(form.to_owned())).await
    }

    async fn publish(&self, body: &Value) -> Reply {
        self.post("api/v1/statuses", body).await
    }

    async fn publish_under(&self, key: &str, text: &str) -> Reply {
        let request = self.request("POST", "api/v1/statuses").header("Idempotency-Key", key);
        send("api/v1/statuses", request.json(&json!({"status": text}))).await
    }

    async fn delete(&self, id: &str) -> Reply {
        let path = format!("api/v1/statuses/{id}");
        send(&path, self.request("DELETE", &path)).await
    }

    async fn upload(&self, bytes: &[u8], description: &str) -> Reply {
        let head = format!(
            "--boundary\r\nContent-Disposition: form-data; name=\"description\"\r\n\r\n{description}\r\n--boundary\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"file\"\r\nContent-Type: image/png\r\n\r\n"
        );
        let body = [head.as_bytes(), bytes, b"\r\n--boundary--\r\n"].concat();
        let request = self.request("POST", "api/v2/media");
        send(
            "api/v2/media",
            request.header(CONTENT_TYPE, "multipart/form-data; boundary=boundary").body(body),
        )
        .await
    }
}

async fn send(call: &str, request: RequestBuilder) -> Reply {
    let answer = request.send().await.unwrap_or_else(|error| panic!("{call}: {error:?}"));
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let bytes = answer.bytes().await.unwrap_or_else(|error| panic!("{call}: {error:?}"));
    Reply { call: call.to_owned(), status, body: serde_json::from_slice(&bytes).unwrap_or_default(), headers }
}

fn set(sim: &Sim, settings: Value) {
    sim.platform(NAME).set(&settings).unwrap_or_else(|error| panic!("{settings}: {error}"));
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("expected a text, not {value}"))
}

#[tokio::test]
async fn a_status_is_published_read_and_deleted() {
    let sim = Sim::start();
    let bob = Api::on(&sim, "bob");
    let given = json!({
        "status": " Hello #World\nand @bob ", "visibility": "unlisted", "language": "de-AT", "sensitive": true,
        "spoiler_text": "greetings",
    });
    let status = bob.publish(&given).await.ok();
    let id = text(&status["id"]);
    assert!(
        id.parse::<u64>().is_ok_and(|id| id > 1 << 53),
        "larger than what JavaScript counts exactly: {id}"
    );
    let host = sim.url();
    let expected = json!({
        "url": format!("{host}/mastodon/@bob/{id}"), "uri": format!("{host}/mastodon/users/bob/statuses/{id}"),
        "visibility": "unlisted", "language": "de", "sensitive": true, "spoiler_text": "greetings",
        "content": format!(
            "<p>Hello <a href=\"{host}/mastodon/tags/World\" class=\"mention hashtag\" rel=\"tag\">#<span>World</span>\
             </a><br />and <span class=\"h-card\" translate=\"no\"><a href=\"{host}/mastodon/@bob\" \
             class=\"u-url mention\">@<span>bob</span></a></span></p>"
        ),
        "tags": [{"name": "world", "url": format!("{host}/mastodon/tags/world")}],
        "mentions": [{"id": bob.id, "username": "bob", "acct": "bob", "url": format!("{host}/mastodon/@bob")}],
        "in_reply_to_id": null, "reblog": null, "poll": null, "media_attachments": [], "favourites_count": 0,
    });
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(&status[name], value, "{name}");
    }
    assert_eq!(status["account"]["id"], json!(bob.id));
    assert!(text(&status["created_at"]).ends_with('Z'), "{status}");
    assert_eq!(bob.get(&format!("api/v1/statuses/{id}")).await.ok(), status);
    let source = bob.get(&format!("api/v1/statuses/{id}/source")).await.ok();
    assert_eq!(source, json!({"id": id, "text": "Hello #World\nand @bob", "spoiler_text": "greetings"}));

    let deleted = bob.delete(id).await.ok();
    assert_eq!((&deleted["text"], deleted.get("content")), (&json!("Hello #World\nand @bob"), None));
    for gone in [bob.delete(id).await, bob.get(&format!("api/v1/statuses/{id}")).await] {
        assert_eq!(gone.refused(), (404, "Record not found"));
    }
    assert_eq!(sim.ledger().len(), 1, "what became visible stays in the ledger");
    let names = ["create", "get", "source", "delete", "delete", "get"].map(|name| format!("statuses.{name}"));
    assert_eq!(sim.call_names(), names);
}

#[tokio::test]
async fn forms_publish_as_json_does() {
    let sim = Sim::start();
    let bob = Api::on(&sim, "bob");
    let poll = "poll[options][]=yes&poll[options][]=no&poll[expires_in]=300&poll[multiple]=true";
    let status =
        bob.post_form("api/v1/statuses", &format!("status=a%26b+c&sensitive=false&{poll}")).await.ok();
    assert_eq!((&status["content"], &status["sensitive"]), (&json!("<p>a&amp;b c</p>"), &json!(false)));
    let titles = status["poll"]["options"].as_array().expect("options").iter().map(|option| &option["title"]);
    assert_eq!(titles.collect::<Vec<_>>(), ["yes", "no"]);
    assert_eq!(status["poll"]["multiple"], json!(true));
}

#[tokio::test]
async fn refused_statuses_are_refused_in_the_words_of_the_real_server() {
    let sim = Sim::start();
    let bob = Api::on(&sim, "bob");
    let poll = |options: Value, seconds: u64| json!({"status": "x", "poll": {"options": options, "expires_in": seconds}});
    let too_long = "Validation failed: Text character limit of 500 exceeded";
    for (given, expected) in [
        (json!({}), "Validation failed: Text can't be blank"),
        (json!({"status": " \n", "poll": {}}), "Validation failed: Text can't be blank"),
        (json!({"status": "x".repeat(501)}), too_long),
        (json!({"status": "x".repeat(500), "spoiler_text": "y"}), too_long),
        (
            json!({"status": "x", "visibility": "secret"}),
            "Validation failed: Visibility is not included in the list",
        ),
        (
            json!({"status": "x", "media_ids": ["1", 2]}),
            "Media 1, 2 not found or already attached to another post",
        ),
        (json!({"status": "x", "media_ids": [1, 2, 3, 4, 5]}), "Cannot attach more than 4 files"),
        (
            poll(json!(["a", " "]), 1),
            "Validation failed: Choices must have more than one item, Deadline is too soon",
        ),
        (
            poll(json!(["a", "a", "b", "c", "d".repeat(51)]), 2_629_747),
            "Validation failed: Choices can't contain more than 4 items, Choices cannot be longer than 50 characters \
             each, Choices contain duplicate items, Deadline is too far into the future",
        ),
    ] {
        assert_eq!(bob.publish(&given).await.refused(), (422, expected), "{given}");
    }
    let lost = bob.publish(&json!({"status": "x", "in_reply_to_id": "1"})).await;
    assert_eq!(lost.refused(), (404, "The post you are trying to reply to does not appear to exist."));
    assert_eq!(sim.ledger().len(), 0);

    let fits = format!("{} https://a.example/{} @bob@b.example", "👨‍👩‍👧‍👧".repeat(471), "x".repeat(300));
    bob.publish(&json!({"status": fits})).await.ok();
    assert_eq!(bob.publish(&json!({"status": format!("{fits}!")})).await.refused(), (422, too_long));
    bob.publish(&json!({"spoiler_text": "only a warning"})).await.ok();
    assert_eq!(sim.ledger()[1].text, "only a warning");
}

#[tokio::test]
async fn the_instance_states_its_limits() {
    let sim = Sim::start();
    let nobody = Api::on(&sim, "bob").with_token("");
    let instance = nobody.get("api/v2/instance").await.ok();
    let limits = &instance["configuration"];
    assert_eq!(
        limits["statuses"],
        json!({"max_characters": 500, "max_media_attachments": 4, "characters_reserved_per_url": 23})
    );
    assert_eq!(limits["media_attachments"]["image_size_limit"], json!(16 * 1024 * 1024));
    assert_eq!(limits["polls"]["min_expiration"], json!(300));
    assert_eq!(instance["api_versions"]["mastodon"], json!(7));
}
