//! The simulated Instagram: every call, every error, and what becomes of a container.

mod containers;
mod faults;
mod media;
mod tokens;

use crier_tests::sim::Sim;
use crier_tests::xrpc::Reply;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

const HANDLE: &str = "bob.shop";
const TOKEN: &str = "IGAAbobs-pasted-token";
const IMAGE: &str = "https://media.example/one.jpg";

/// A client with the token of an account.
struct Graph<'a> {
    sim: &'a Sim,
    client: reqwest::Client,
    token: String,
    id: String,
}

impl<'a> Graph<'a> {
    fn on(sim: &'a Sim) -> Self {
        let id = sim.add_account("instagram", HANDLE, TOKEN);
        Self { sim, client: crier_tests::http::client(), token: TOKEN.into(), id }
    }

    /// Changes how the account is treated.
    fn set(&self, settings: Value) {
        self.sim.platform("instagram").set(&json!({HANDLE: settings})).expect("settings");
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}/{path}", self.sim.url_of("instagram")))
    }

    async fn call(&self, method: Method, path: &str, parameters: &[(&str, &str)]) -> Reply {
        send(self.request(method, path).query(parameters).query(&[("access_token", &self.token)])).await
    }

    async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Reply {
        self.call(Method::GET, path, parameters).await
    }

    async fn post(&self, path: &str, parameters: &[(&str, &str)]) -> Reply {
        self.call(Method::POST, path, parameters).await
    }

    /// Has a container made.
    async fn create(&self, parameters: &[(&str, &str)]) -> Reply {
        self.post(&format!("v26.0/{}/media", self.id), parameters).await
    }

    /// A container with an image.
    async fn container(&self, caption: &str) -> String {
        id(&self.create(&[("image_url", IMAGE), ("caption", caption)]).await.ok())
    }

    async fn publish(&self, container: &str) -> Reply {
        self.post(&format!("v26.0/{}/media_publish", self.id), &[("creation_id", container)]).await
    }

    /// Publishes an image and gives the id of the medium.
    async fn published(&self, caption: &str) -> String {
        id(&self.publish(&self.container(caption).await).await.ok())
    }

    async fn status(&self, container: &str) -> String {
        let status = self.get(container, &[("fields", "status_code,status")]).await.ok();
        text(&status["status_code"])
    }

    /// The captions of the posts, the newest first.
    async fn captions(&self) -> Vec<String> {
        let list = self.get(&format!("{}/media", self.id), &[("fields", "id,caption")]).await.ok();
        list["data"].as_array().expect("a list").iter().map(|medium| text(&medium["caption"])).collect()
    }
}

async fn send(request: RequestBuilder) -> Reply {
    let answer = request.send().await.expect("an answer");
    let (call, status, headers) =
        (answer.url().path().to_owned(), answer.status().as_u16(), answer.headers().clone());
    let bytes = answer.bytes().await.expect("a body");
    Reply { call, status, body: serde_json::from_slice(&bytes).unwrap_or_default(), headers }
}

/// Status, code and subcode of a refusal; 0 where there is no subcode.
fn refused(reply: &Reply) -> (u16, i64, i64) {
    let error = &reply.body["error"];
    assert!(error["message"].is_string() && error["fbtrace_id"].is_string(), "not an error: {reply:?}");
    (
        reply.status,
        error["code"].as_i64().expect("a code"),
        error["error_subcode"].as_i64().unwrap_or_default(),
    )
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("expected a text, not {value}")).to_owned()
}

fn id(value: &Value) -> String {
    text(&value["id"])
}

#[tokio::test]
async fn a_post_goes_through_its_phases() {
    let sim = Sim::start();
    let graph = Graph::on(&sim);
    graph.set(json!({"processing_seconds": 3600}));
    let container = graph.container("hello #world").await;
    assert_eq!(graph.status(&container).await, "IN_PROGRESS");
    let early = graph.publish(&container).await;
    assert_eq!(refused(&early), (400, 9007, 2207027));
    assert_eq!(early.body["error"]["message"], "Media ID is not available");
    assert_eq!(early.body["error"]["is_transient"], false);
    graph.set(json!({"processing_seconds": 0}));
    assert_eq!(graph.status(&container).await, "FINISHED");

    let medium = id(&graph.publish(&container).await.ok());
    assert_eq!(graph.status(&container).await, "PUBLISHED");
    let again = graph.publish(&container).await;
    assert_eq!(refused(&again), (400, 24, 2207008), "a container is published once");
    let message = &again.body["error"]["error_user_msg"];
    assert!(text(message).contains(&container), "{message}");

    let fields = ("fields", "permalink,caption,timestamp,media_type,media_product_type,username");
    let found = graph.get(&format!("v26.0/{medium}"), &[fields]).await.ok();
    let permalink = text(&found["permalink"]);
    assert!(permalink.starts_with("https://www.instagram.com/p/"), "{permalink}");
    assert!(text(&found["timestamp"]).ends_with("+0000"), "{found}");
    assert_eq!(
        (&found["caption"], &found["media_type"], &found["media_product_type"], &found["username"]),
        (&json!("hello #world"), &json!("IMAGE"), &json!("FEED"), &json!(HANDLE))
    );
    let ledger = sim.ledger();
    assert_eq!(ledger.len(), 1, "{ledger:?}");
    let entry = &ledger[0];
    assert_eq!(
        (entry.platform, &*entry.account, &*entry.key, &*entry.text, &*entry.uri),
        ("instagram", HANDLE, &*container, "hello #world", &*permalink)
    );
    assert_eq!((&*entry.images[0].cid, &*entry.images[0].mime_type), (IMAGE, "image/jpeg"));
    let page = crier_tests::http::get(sim.url()).await.expect("the page").text().await.expect("a text");
    assert!(page.contains("hello #world") && page.contains(&permalink), "{page}");
    for (call, times) in
        [("media.create", 1), ("media.publish", 3), ("container.status", 3), ("media.get", 1)]
    {
        assert_eq!(sim.calls(call), times, "{call}");
    }
}

#[tokio::test]
async fn parameters_come_in_the_address_in_a_form_or_in_json() {
    let sim = Sim::start();
    let graph = Graph::on(&sim);
    let path = format!("{}/media", graph.id);
    let post = || graph.request(Method::POST, &path).bearer_auth(TOKEN);
    send(post().query(&[("image_url", IMAGE)])).await.ok();
    let form = format!("image_url={IMAGE}&caption=a+b%20c%26d&access_token={TOKEN}");
    let form = graph
        .request(Method::POST, &path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    let container = id(&send(form).await.ok());
    graph.publish(&container).await.ok();
    assert_eq!(graph.captions().await, ["a b c&d"]);
    let items = [(); 2].map(|()| json!({"image_url": IMAGE, "is_carousel_item": true}));
    let mut children = Vec::new();
    for item in items {
        children.push(id(&send(post().json(&item)).await.ok()));
    }
    send(post().json(&json!({"media_type": "CAROUSEL", "children": children}))).await.ok();
    let bad = send(post().header("content-type", "application/json").body("[1")).await;
    assert_eq!(refused(&bad), (400, 100, 0));
}

#[tokio::test]
async fn nonsense_is_refused_and_ends_nothing() {
    let sim = Sim::start();
    let graph = Graph::on(&sim);
    let container = graph.container("x").await;
    let medium = graph.published("y").await;
    let nodes = ["", "me", "0", "%FF%00", "v26.0", "ig-api-upload", &graph.id, &container, &medium]
        .map(str::to_owned);
    let edges = [
        "",
        "/media",
        "/media_publish",
        "/stories",
        "/comments",
        "/insights",
        "/content_publishing_limit",
        "/a/b/c",
    ];
    let queries = [
        "",
        "?",
        "?&=&%",
        "?fields={{}",
        "?fields=id,{,},id{id{",
        "?limit=-1&after=%00&metric=,&children=,",
        "?image_url=https://&media_type=%F0%9F&thumb_offset=-1",
        "?creation_id=",
        "?caption=%C3&image_url=x&video_url=y",
    ];
    let bodies: [(&str, &[u8]); 4] = [
        ("text/plain", b"\0\xff"),
        ("application/json", b"{\"fields\":[[{}]],\"caption\":null,\"image_url\":1e400}"),
        ("application/x-www-form-urlencoded", b"%%%&a=%f&\xff=\xff"),
        ("application/octet-stream", b""),
    ];
    for method in ["GET", "POST", "DELETE", "PUT", "HEAD", "BREW"] {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let bodies = if method == Method::POST { &bodies[..] } else { &bodies[..1] };
        for path in nodes.iter().flat_map(|node| edges.map(|edge| format!("{node}{edge}"))) {
            // what is there must stay for the next question
            if method == Method::DELETE && path == medium {
                continue;
            }
            for (query, (kind, body)) in
                queries.iter().flat_map(|query| bodies.iter().map(move |body| (query, body)))
            {
                let request = graph.request(method.clone(), &format!("{path}{query}"));
                let request = request.header("content-type", *kind).header("offset", "x").body(*body);
                let status = send(request.bearer_auth(TOKEN)).await.status;
                assert!(status < 500, "{method} {path}{query}: {status}");
            }
        }
    }
    let headers = [("authorization", "OAuth"), ("offset", "99999999999999999999"), ("file_size", "-1")];
    let upload = graph.request(Method::POST, &format!("ig-api-upload/{container}"));
    send(headers.into_iter().fold(upload, |upload, (name, value)| upload.header(name, value))).await;
    assert_eq!(graph.status(&container).await, "FINISHED", "the server still answers");
    assert_eq!(graph.captions().await, ["y"]);
}
