//! A server that gives the answers of a script and writes down what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::Value;
use tokio::net::TcpListener;

/// The token in tests: requests are shown without it.
pub(super) const TOKEN: &str = "canary-token";

/// A running server. It ends with the test.
pub(super) struct Script {
    pub(super) url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Script {
    /// Answers in this order: status and body, a text as it is. After the last one it fails.
    pub(super) async fn start(answers: Vec<(u16, Value)>) -> Self {
        let bytes = |body: Value| match body {
            Value::String(text) => text.into_bytes(),
            json => json.to_string().into_bytes(),
        };
        let mut answers: VecDeque<_> =
            answers.into_iter().map(|(status, body)| (status, bytes(body))).collect();
        Self::start_with(move || answers.pop_front().unwrap_or((500, vec![]))).await
    }

    /// The same answer always.
    pub(super) async fn always(status: u16, body: Vec<u8>) -> Self {
        Self::start_with(move || (status, body.clone())).await
    }

    async fn start_with(next: impl FnMut() -> (u16, Vec<u8>) + Send + 'static) -> Self {
        let seen = Arc::new(Mutex::new(vec![]));
        let (noted, next) = (Arc::clone(&seen), Arc::new(Mutex::new(next)));
        let answer = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| async move {
            noted.lock().unwrap().push(line(&method, &uri, &headers, &body));
            let (status, body) = (next.lock().unwrap())();
            (StatusCode::from_u16(status).unwrap(), body)
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        Self { url, seen }
    }

    /// What was asked, one line each.
    pub(super) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn line(method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> String {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = match header("authorization").strip_suffix(TOKEN) {
        Some("Bearer ") => " (token)".to_owned(),
        Some(scheme) => format!(" ({scheme}token)"),
        None => String::new(),
    };
    let file = match header("file_url") {
        "" => String::new(),
        url => format!(" file_url {url}"),
    };
    let uri = uri.to_string().replace(TOKEN, "(token)");
    let body = match header("content-type") {
        "" => String::new(),
        kind => {
            let boundary = kind.split_once("boundary=").map_or("\0", |(_, boundary)| boundary);
            format!(" {kind} {}", String::from_utf8_lossy(body)).replace(boundary, "BOUNDARY")
        }
    };
    format!("{method} {uri}{token}{file}{body}")
}
