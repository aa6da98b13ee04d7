//! For tests of providers: a server that gives the answers of a script, headers too, and writes down what it was asked; and
//! answers that make no sense.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Account, Caller};
use crate::secrets::Session;

/// An answer: status, headers, body. A text is a body as it is.
pub(super) type Told = (u16, &'static [(&'static str, &'static str)], Value);

/// Headers that are noted beside those that each platform has of its own.
const NOTED: [&str; 2] = ["authorization", "content-type"];
/// The most bytes of a body that are read.
const MAX_BODY: usize = 64 << 20;

/// A running server. It ends with the test.
pub(super) struct Scripted {
    pub(super) url: String,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl Scripted {
    /// Gives these answers in their order and fails after the last one. `SERVER` in one is the address of the server.
    pub(super) async fn telling(script: Vec<Told>) -> Self {
        Self::noting(&[], script).await
    }

    /// The same, where more headers are noted.
    pub(super) async fn noting(more: &'static [&'static str], script: Vec<Told>) -> Self {
        let mut script = VecDeque::from(script);
        Self::start(more, move || script.pop_front().unwrap_or((500, &[], json!("")))).await
    }

    /// The same answer always.
    pub(super) async fn always(told: Told) -> Self {
        Self::start(&[], move || told.clone()).await
    }

    async fn start(more: &'static [&'static str], next: impl FnMut() -> Told + Send + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (noted, next, here) = (Arc::clone(&seen), Arc::new(Mutex::new(next)), url.clone());
        let answer = move |request: Request| async move {
            let note = note(more, &here, request).await;
            noted.lock().unwrap().push(note);
            let told = (next.lock().unwrap())();
            answer(&here, told)
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        Self { url, seen }
    }

    /// What was asked.
    pub(super) fn seen(&self) -> Vec<Value> {
        self.seen.lock().unwrap().clone()
    }

    /// The calls, without what they carried.
    pub(super) fn calls(&self) -> Vec<String> {
        self.seen().iter().map(|note| note["call"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// An account on it.
    pub(super) fn caller(&self, external_id: &str, handle: &str) -> Caller {
        let account = Account {
            id: uuid::Uuid::nil(),
            external_id: external_id.into(),
            handle: handle.into(),
            base_url: self.url.clone(),
            charges: Default::default(),
        };
        Caller { account, session: Session::new("access".into(), "refresh".into()) }
    }
}

fn answer(here: &str, (status, headers, body): Told) -> Response {
    let body = match body {
        Value::String(text) => text,
        json => json.to_string().replace("SERVER", here),
    };
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, value.parse().unwrap());
    }
    (StatusCode::from_u16(status).unwrap(), map, body).into_response()
}

/// A request as a golden file has it.
async fn note(more: &[&str], here: &str, request: Request) -> Value {
    let (head, body) = request.into_parts();
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let bytes: Bytes = axum::body::to_bytes(body, MAX_BODY).await.unwrap();
    let mut note = json!({ "call": format!("{} {}", head.method, head.uri) });
    for name in NOTED.iter().chain(more) {
        if let Some(value) = header(name) {
            note[name] = json!(value.split("; boundary=").next());
        }
    }
    if !bytes.is_empty() {
        note["body"] = of_bytes(&bytes, here);
    }
    note
}

/// A text as it is, and of anything else how long it is. What a form is cut with is left out.
fn of_bytes(bytes: &[u8], here: &str) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.starts_with("--") && !text.chars().any(char::is_control) => {
            json!(text.replace(here, "SERVER"))
        }
        _ => json!(parts(bytes)),
    }
}

fn parts(bytes: &[u8]) -> Vec<String> {
    // one character for each byte
    let text: String = bytes.iter().copied().map(char::from).collect();
    let Some(boundary) = text.strip_prefix("--").and_then(|rest| rest.split("\r\n").next()) else {
        return vec![format!("{} bytes", bytes.len())];
    };
    let shown = |part: &str| {
        let (head, body) = part.split_once("\r\n\r\n")?;
        let name = head.split('"').nth(1)?;
        let body = body.strip_suffix("\r\n")?;
        Some(match head.contains("filename") {
            true => format!("{name}: {} bytes", body.chars().count()),
            false => format!("{name}: {body}"),
        })
    };
    let cut = format!("--{boundary}");
    let parts = text.split(&cut).filter_map(|part| part.strip_prefix("\r\n"));
    parts.filter_map(shown).collect()
}

/// JSON with these names and nothing that is of use under them; no empty list, which can be an answer.
fn nonsense(names: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[:<>/ ]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        let fields = vec((proptest::sample::select(names), inner.clone()), 0..6);
        prop_oneof![
            vec(inner, 1..4).prop_map(Value::from),
            fields.prop_map(|fields| {
                fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Value>()
            }),
        ]
    })
}

/// Bodies that are no answer: nonsense under these names, one that is cut off, any text, a page.
pub(super) fn garbage(names: &'static [&'static str], whole: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![
        nonsense(names).prop_map(|json| json.to_string()),
        (0..whole.len() - 1).prop_map(move |len| whole[..len].to_owned()),
        "\\PC{0,40}",
        Just("<!DOCTYPE html><html><body>Sorry</body></html>".to_owned()),
    ]
}
