//! A server that gives the answers of a script and writes down what it was asked as JSON: for the tests of providers.

use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::Caller;
use super::served::{self, Answered, Asked, Served};

/// An answer: status, headers, body.
pub(super) type Scripted = (u16, Vec<(&'static str, String)>, Vec<u8>);

/// JSON as an answer without headers.
pub(super) fn told(status: u16, body: &Value) -> Scripted {
    (status, vec![], body.to_string().into_bytes())
}

fn answer((status, headers, body): Scripted) -> Answered {
    Answered { status, headers, body }
}

/// A running server. It ends with the test.
pub(super) struct Script {
    pub(super) url: String,
    served: Served<Value>,
}

impl Script {
    /// Answers in this order; after the last one it fails.
    pub(super) async fn start(answers: Vec<Scripted>) -> Self {
        Self::of(Served::telling(answers.into_iter().map(answer), note).await)
    }

    /// The same answer always.
    pub(super) async fn always(told: Scripted) -> Self {
        Self::of(Served::always(answer(told), note).await)
    }

    fn of(served: Served<Value>) -> Self {
        Self { url: served.url.clone(), served }
    }

    /// What was asked.
    pub(super) fn seen(&self) -> Vec<Value> {
        self.served.seen()
    }

    /// How many answers were not asked for.
    pub(super) fn left(&self) -> usize {
        self.served.left()
    }

    /// An account on it that can act.
    pub(super) fn caller(&self, external_id: &str, handle: &str, secret: &str) -> Caller {
        served::caller((external_id, handle), &self.url, (secret, ""))
    }
}

/// A request as golden files have it: the boundary of a form is another one each time.
fn note(request: &Asked, _here: &str) -> Value {
    let header = |name: &str| request.header(name).unwrap_or_default();
    let mut asked = json!({ "call": format!("{} {}", request.method, request.uri) });
    for name in ["authorization", "api-key"] {
        if !header(name).is_empty() {
            asked[name] = json!(header(name));
        }
    }
    let mut text = String::from_utf8_lossy(&request.body).into_owned();
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
