//! For tests of providers: a server that gives the answers of a script, headers too, and writes down what it was asked as JSON;
//! and answers that make no sense.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::Caller;
use super::served::{self, Answered, Asked, Served};

/// An answer: status, headers, body. A text is a body as it is.
pub(super) type Told = (u16, &'static [(&'static str, &'static str)], Value);

/// Headers that are noted beside those that each platform has of its own.
const NOTED: [&str; 2] = ["authorization", "content-type"];

/// A running server. It ends with the test.
pub(super) struct Scripted {
    pub(super) url: String,
    served: Served<Value>,
}

impl Scripted {
    /// Gives these answers in their order and fails after the last one. `SERVER` in one is the address of the server.
    pub(super) async fn telling(script: Vec<Told>) -> Self {
        Self::noting(&[], script).await
    }

    /// The same, where more headers are noted.
    pub(super) async fn noting(more: &'static [&'static str], script: Vec<Told>) -> Self {
        let note = move |asked: &Asked, here: &str| note(more, asked, here);
        Self::of(Served::telling(script.into_iter().map(answer), note).await)
    }

    /// The same answer always.
    pub(super) async fn always(told: Told) -> Self {
        Self::of(Served::always(answer(told), |asked: &Asked, here: &str| note(&[], asked, here)).await)
    }

    fn of(served: Served<Value>) -> Self {
        Self { url: served.url.clone(), served }
    }

    /// What was asked.
    pub(super) fn seen(&self) -> Vec<Value> {
        self.served.seen()
    }

    /// The calls, without what they carried.
    pub(super) fn calls(&self) -> Vec<String> {
        self.seen().iter().map(|note| note["call"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// An account on it.
    pub(super) fn caller(&self, external_id: &str, handle: &str) -> Caller {
        served::caller((external_id, handle), &self.url, ("access", "refresh"))
    }
}

fn answer((status, headers, body): Told) -> Answered {
    let body = match body {
        Value::String(text) => text,
        json => json.to_string(),
    };
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Answered { headers, ..Answered::new(status, body) }
}

/// A request as a golden file has it.
fn note(more: &[&str], asked: &Asked, here: &str) -> Value {
    let mut note = json!({ "call": format!("{} {}", asked.method, asked.uri) });
    for name in NOTED.iter().chain(more) {
        if let Some(value) = asked.header(name) {
            note[name] = json!(value.split("; boundary=").next());
        }
    }
    if !asked.body.is_empty() {
        note["body"] = of_bytes(&asked.body, here);
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
