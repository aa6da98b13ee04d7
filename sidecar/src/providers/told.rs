//! For tests: a server that answers from a script; what it was asked it writes down one line each, with the headers of uploads.
//! `SERVER` in a header or a text is its own address.

use serde_json::Value;

use super::Caller;
use super::served::{self, Answered, Asked, Served};

/// Headers that are written down.
const NOTED: [&str; 4] =
    ["content-type", "content-range", "x-upload-content-type", "x-upload-content-length"];

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Told(Answered);

impl Told {
    /// JSON, or a text as it is.
    pub(crate) fn new(status: u16, body: Value) -> Self {
        let body = match body {
            Value::String(text) => text,
            Value::Null => String::new(),
            json => json.to_string(),
        };
        Self(Answered::new(status, body))
    }

    /// Any bytes.
    pub(crate) fn bytes(status: u16, body: Vec<u8>) -> Self {
        Self(Answered::new(status, body))
    }

    /// The same with another header.
    pub(crate) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.0.headers.push((name, value.to_owned()));
        self
    }
}

/// A running server. It ends with the test.
pub(crate) struct Script {
    pub(crate) url: String,
    served: Served<String>,
}

impl Script {
    /// Answers in this order. After the last one it fails.
    pub(crate) async fn start(answers: Vec<Told>) -> Self {
        Self::of(Served::telling(answers.into_iter().map(|Told(answer)| answer), line).await)
    }

    /// The same answer always.
    pub(crate) async fn always(Told(answer): Told) -> Self {
        Self::of(Served::always(answer, line).await)
    }

    fn of(served: Served<String>) -> Self {
        Self { url: served.url.clone(), served }
    }

    /// An account on it that can act, with the token `access`.
    pub(crate) fn caller(&self, external_id: &str, handle: &str) -> Caller {
        served::caller((external_id, handle), &self.url, ("access", "refresh"))
    }

    /// What was asked, one line each.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.served.seen().iter().map(|line| line.replace(&self.url, "SERVER")).collect()
    }
}

fn line(asked: &Asked, _here: &str) -> String {
    let mut line = format!("{} {}", asked.method, asked.uri);
    if asked.header("authorization") == Some("Bearer access") {
        line += " (token)";
    }
    for name in NOTED {
        line.extend(asked.header(name).map(|value| format!(" {name}: {value}")));
    }
    match std::str::from_utf8(&asked.body) {
        Ok("") => line,
        Ok(text) if text.chars().all(|c| !c.is_control()) => format!("{line} {text}"),
        _ => format!("{line} ({} bytes)", asked.body.len()),
    }
}
