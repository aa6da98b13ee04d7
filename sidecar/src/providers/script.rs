//! A server that gives the answers of a script; what it was asked it writes down one line each.

use serde_json::Value;

use super::served::{Answered, Asked, Served};

/// The token in tests: requests are shown without it.
pub(super) const TOKEN: &str = "canary-token";

/// A running server. It ends with the test.
pub(super) struct Script {
    pub(super) url: String,
    served: Served<String>,
}

impl Script {
    /// Answers in this order: status and body, a text as it is. After the last one it fails.
    pub(super) async fn start(answers: Vec<(u16, Value)>) -> Self {
        let told = |(status, body)| match body {
            Value::String(text) => Answered::new(status, text),
            json => Answered::new(status, json.to_string()),
        };
        Self::of(Served::telling(answers.into_iter().map(told), line).await)
    }

    /// The same answer always.
    pub(super) async fn always(status: u16, body: Vec<u8>) -> Self {
        Self::of(Served::always(Answered::new(status, body), line).await)
    }

    fn of(served: Served<String>) -> Self {
        Self { url: served.url.clone(), served }
    }

    /// What was asked, one line each.
    pub(super) fn seen(&self) -> Vec<String> {
        self.served.seen()
    }
}

fn line(asked: &Asked, _here: &str) -> String {
    let header = |name: &str| asked.header(name).unwrap_or_default();
    let token = match header("authorization").strip_suffix(TOKEN) {
        Some("Bearer ") => " (token)".to_owned(),
        Some(scheme) => format!(" ({scheme}token)"),
        None => String::new(),
    };
    let file = match header("file_url") {
        "" => String::new(),
        url => format!(" file_url {url}"),
    };
    let uri = asked.uri.to_string().replace(TOKEN, "(token)");
    let body = match header("content-type") {
        "" => String::new(),
        kind => {
            let boundary = kind.split_once("boundary=").map_or("\0", |(_, boundary)| boundary);
            format!(" {kind} {}", String::from_utf8_lossy(&asked.body)).replace(boundary, "BOUNDARY")
        }
    };
    format!("{} {uri}{token}{file}{body}", asked.method)
}
