//! A server that gives the answers of a script and writes down what it was asked: for the tests of providers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::{Account, Caller};
use crate::secrets::Session;

/// An answer: status, headers, body.
pub(super) type Scripted = (u16, Vec<(&'static str, String)>, Vec<u8>);

/// JSON as an answer without headers.
pub(super) fn told(status: u16, body: &Value) -> Scripted {
    (status, vec![], body.to_string().into_bytes())
}

/// A running server. It ends with the test.
pub(super) struct Script {
    pub(super) url: String,
    seen: Arc<Mutex<Vec<Value>>>,
    left: Arc<Mutex<VecDeque<Scripted>>>,
}

impl Script {
    /// Answers in this order; after the last one it fails.
    pub(super) async fn start(answers: Vec<Scripted>) -> Self {
        let left = Arc::new(Mutex::new(VecDeque::from(answers)));
        let taken = Arc::clone(&left);
        Self::answering(left, move || taken.lock().unwrap().pop_front().unwrap_or((500, vec![], vec![])))
            .await
    }

    /// The same answer always.
    pub(super) async fn always(answer: Scripted) -> Self {
        Self::answering(Arc::default(), move || answer.clone()).await
    }

    async fn answering(
        left: Arc<Mutex<VecDeque<Scripted>>>,
        next: impl Fn() -> Scripted + Send + Sync + 'static,
    ) -> Self {
        let seen = Arc::new(Mutex::new(vec![]));
        let (noted, next) = (Arc::clone(&seen), Arc::new(next));
        let answer = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| async move {
            noted.lock().unwrap().push(note(&method, &uri, &headers, &body));
            let (status, named, body) = next();
            let mut headers = HeaderMap::new();
            for (name, value) in named {
                headers.insert(HeaderName::from_static(name), HeaderValue::from_str(&value).unwrap());
            }
            (StatusCode::from_u16(status).unwrap(), headers, body)
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        Self { url, seen, left }
    }

    /// What was asked.
    pub(super) fn seen(&self) -> Vec<Value> {
        self.seen.lock().unwrap().clone()
    }

    /// How many answers were not asked for.
    pub(super) fn left(&self) -> usize {
        self.left.lock().unwrap().len()
    }

    /// An account on it that can act.
    pub(super) fn caller(&self, external_id: &str, handle: &str, secret: &str) -> Caller {
        let account = Account {
            id: Uuid::nil(),
            external_id: external_id.into(),
            handle: handle.into(),
            base_url: self.url.clone(),
            charges: Default::default(),
        };
        Caller { account, session: Session::new(secret.into(), String::new().into()) }
    }
}

/// A request as golden files have it: the boundary of a form is another one each time.
fn note(method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Value {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut asked = json!({ "call": format!("{method} {uri}") });
    for name in ["authorization", "api-key"] {
        if !header(name).is_empty() {
            asked[name] = json!(header(name));
        }
    }
    let mut text = String::from_utf8_lossy(body).into_owned();
    let kind = header("content-type");
    let kind = match kind.split_once("; boundary=") {
        Some((kind, boundary)) => {
            text = text.replace(boundary, "BOUNDARY");
            kind
        }
        None => kind,
    };
    if !kind.is_empty() {
        asked["content-type"] = json!(kind);
    }
    if !text.is_empty() {
        asked["body"] = json!(text);
    }
    asked
}

/// What nobody should answer: bytes, pages, any JSON, and the right fields with nothing of use in them.
pub(super) fn garbage(names: &[&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-zA-Z<>/ ]{0,8}".prop_map(Value::from),
    ];
    let names = proptest::sample::select(names.to_vec());
    let json = leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            hash_map(names.clone(), inner, 0..6)
                .prop_map(|map| map.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    });
    prop_oneof![
        vec(any::<u8>(), 0..64),
        json.prop_map(|json| json.to_string().into_bytes()),
        Just(b"<!DOCTYPE html><html><body>Sorry</body></html>".to_vec()),
        Just(vec![]),
    ]
}
