//! A server that answers from a script and writes down what it was asked.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use crate::providers::{Account, Caller};
use crate::secrets::Session;

/// A server on this machine.
pub(in crate::providers) struct Server {
    pub(in crate::providers) url: String,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl Server {
    pub(in crate::providers) async fn start(script: Vec<(u16, Vec<u8>)>) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script = Arc::new(Mutex::new(VecDeque::from(script)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let noted = Arc::clone(&seen);
        let app = Router::new().fallback(move |request: Request| {
            let (noted, script) = (Arc::clone(&noted), Arc::clone(&script));
            async move {
                let note = note(request).await;
                noted.lock().unwrap().push(note);
                let (status, body) = script.lock().unwrap().pop_front().unwrap_or((500, Vec::new()));
                let status = StatusCode::from_u16(status).unwrap();
                Response::builder().status(status).body(Body::from(body)).unwrap()
            }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, seen }
    }

    pub(in crate::providers) async fn telling(script: &[(u16, Value)]) -> Self {
        let bytes = |(status, body): &(u16, Value)| (*status, body.to_string().into_bytes());
        Self::start(script.iter().map(bytes).collect()).await
    }

    pub(in crate::providers) fn caller(&self) -> Caller {
        let account = Account {
            id: uuid::Uuid::nil(),
            external_id: "1001".into(),
            handle: "alice".into(),
            base_url: self.url.clone(),
            charges: Default::default(),
        };
        Caller { account, session: Session::new("access".into(), "refresh".into()) }
    }

    pub(in crate::providers) fn seen(&self) -> Vec<Value> {
        self.seen.lock().unwrap().clone()
    }

    /// The calls, without what they carried.
    pub(in crate::providers) fn calls(&self) -> Vec<String> {
        self.seen().iter().map(|call| call["call"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// A request as the golden file has it.
async fn note(request: Request) -> Value {
    let (head, body) = request.into_parts();
    let header =
        |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (kind, authorization) = (header("content-type"), header("authorization"));
    let call = format!("{} {}", head.method, head.uri);
    let bytes = to_bytes(body, 8 << 20).await.unwrap();
    let mut note = json!({ "call": call });
    if !authorization.is_empty() {
        note["authorization"] = json!(authorization);
    }
    if let Some((_, boundary)) = kind.split_once("boundary=") {
        note["parts"] = json!(parts(&bytes, boundary));
    } else if kind == "application/json" {
        note["body"] = serde_json::from_slice(&bytes).unwrap();
    } else if !bytes.is_empty() {
        note["body"] = json!(String::from_utf8_lossy(&bytes));
    }
    note
}

/// The fields of a form: text as it is, of a file how long it is.
fn parts(bytes: &[u8], boundary: &str) -> BTreeMap<String, String> {
    // one character for each byte
    let text: String = bytes.iter().copied().map(char::from).collect();
    let mut parts = BTreeMap::new();
    for part in text.split(&format!("--{boundary}")).filter_map(|part| part.strip_prefix("\r\n")) {
        let (head, body) = part.split_once("\r\n\r\n").unwrap();
        let name = head.split('"').nth(1).unwrap().to_owned();
        let body = body.strip_suffix("\r\n").unwrap();
        let shown = if head.contains("filename") {
            format!("{} bytes", body.chars().count())
        } else {
            body.to_owned()
        };
        parts.insert(name, shown);
    }
    parts
}
