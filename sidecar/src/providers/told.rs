//! For tests: a server that answers from a script and writes down what it was asked. `SERVER` in a header or a text is its own
//! address.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use serde_json::Value;

use super::{Account, Caller};
use crate::secrets::Session;

/// Headers that are written down.
const NOTED: [&str; 4] =
    ["content-type", "content-range", "x-upload-content-type", "x-upload-content-length"];

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: Vec<u8>,
}

impl Told {
    /// JSON, or a text as it is.
    pub(crate) fn new(status: u16, body: Value) -> Self {
        let body = match body {
            Value::String(text) => text,
            Value::Null => String::new(),
            json => json.to_string(),
        };
        Self { status, headers: Vec::new(), body: body.into_bytes() }
    }

    /// Any bytes.
    pub(crate) fn bytes(status: u16, body: Vec<u8>) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    /// The same with another header.
    pub(crate) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// A running server. It ends with the test.
pub(crate) struct Script {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Script {
    /// Answers in this order. After the last one it fails.
    pub(crate) async fn start(answers: Vec<Told>) -> Self {
        let mut answers = VecDeque::from(answers);
        Self::serve(move || answers.pop_front().unwrap_or_else(|| Told::new(500, Value::Null))).await
    }

    /// The same answer always.
    pub(crate) async fn always(told: Told) -> Self {
        Self::serve(move || told.clone()).await
    }

    async fn serve(next: impl FnMut() -> Told + Send + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (seen, next) = (Arc::new(Mutex::new(vec![])), Arc::new(Mutex::new(next)));
        let (noted, own) = (Arc::clone(&seen), url.clone());
        let answer = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| async move {
            noted.lock().unwrap().push(line(&method, &uri, &headers, &body));
            let Told { status, headers, body } = (next.lock().unwrap())();
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value.replace("SERVER", &own));
            }
            let body = match String::from_utf8(body) {
                Ok(text) => text.replace("SERVER", &own).into_bytes(),
                Err(odd) => odd.into_bytes(),
            };
            response.body(Body::from(body)).unwrap()
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        Self { url, seen }
    }

    /// An account on it that can act, with the token `access`.
    pub(crate) fn caller(&self, external_id: &str, handle: &str) -> Caller {
        let account = Account {
            id: uuid::Uuid::nil(),
            external_id: external_id.into(),
            handle: handle.into(),
            base_url: self.url.clone(),
            charges: Default::default(),
        };
        Caller { account, session: Session::new("access".into(), "refresh".into()) }
    }

    /// What was asked, one line each.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|line| line.replace(&self.url, "SERVER")).collect()
    }
}

fn line(method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> String {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let mut line = format!("{method} {uri}");
    if header("authorization") == Some("Bearer access") {
        line += " (token)";
    }
    for name in NOTED {
        line.extend(header(name).map(|value| format!(" {name}: {value}")));
    }
    match std::str::from_utf8(body) {
        Ok("") => line,
        Ok(text) if text.chars().all(|c| !c.is_control()) => format!("{line} {text}"),
        _ => format!("{line} ({} bytes)", body.len()),
    }
}
