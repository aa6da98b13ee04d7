//! A client of the AT Protocol for tests: what a server answers, good or bad.

use reqwest::RequestBuilder;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::Value;

/// Calls one server.
#[derive(Debug)]
pub struct Xrpc {
    base: String,
    client: reqwest::Client,
}

/// What it answered.
#[derive(Debug)]
pub struct Reply {
    /// The call, for messages.
    pub call: String,
    /// The HTTP status.
    pub status: u16,
    /// The body; null when there was none.
    pub body: Value,
    /// The headers.
    pub headers: HeaderMap,
}

impl Xrpc {
    /// A client of the server at `base`, which may have a path.
    pub fn new(base: &str) -> Self {
        Self { base: base.trim_end_matches('/').to_owned(), client: crate::http::client() }
    }

    /// Asks something.
    pub async fn get(&self, call: &str, query: &[(&str, &str)], token: Option<&str>) -> Reply {
        send(call, self.client.get(self.address(call)).query(query), token).await
    }

    /// Has something done.
    pub async fn post(&self, call: &str, input: &Value, token: Option<&str>) -> Reply {
        send(call, self.client.post(self.address(call)).json(input), token).await
    }

    /// Has something done that needs no input.
    pub async fn post_nothing(&self, call: &str, token: Option<&str>) -> Reply {
        send(call, self.client.post(self.address(call)), token).await
    }

    /// Uploads bytes.
    pub async fn upload(&self, content_type: &str, bytes: Vec<u8>, token: Option<&str>) -> Reply {
        let call = "com.atproto.repo.uploadBlob";
        let request = self.client.post(self.address(call)).header(CONTENT_TYPE, content_type).body(bytes);
        send(call, request, token).await
    }

    fn address(&self, call: &str) -> String {
        format!("{}/xrpc/{call}", self.base)
    }
}

async fn send(call: &str, request: RequestBuilder, token: Option<&str>) -> Reply {
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    let answer = request.send().await.unwrap_or_else(|error| panic!("{call}: {error:?}"));
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let bytes = answer.bytes().await.unwrap_or_else(|error| panic!("{call}: {error:?}"));
    Reply { call: call.to_owned(), status, body: serde_json::from_slice(&bytes).unwrap_or_default(), headers }
}

impl Reply {
    /// The body of a success.
    ///
    /// # Panics
    /// When the server refused.
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{} was refused: {}", self.call, self.body);
        self.body
    }

    /// Status and error name of a refusal.
    pub fn refused(&self) -> (u16, &str) {
        (self.status, self.body["error"].as_str().unwrap_or_default())
    }

    /// A header as text; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
