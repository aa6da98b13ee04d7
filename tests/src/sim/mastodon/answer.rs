//! The shapes that all answers share: refusals, the headers that state a limit, and pages for people.

use std::time::SystemTime;

use bytes::Bytes;
use hyper::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use serde_json::json;

use crate::serve;

/// A refusal in the server's shape.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) error: String,
    /// What the calls that give tokens say in addition.
    pub(super) description: Option<&'static str>,
}

impl Refused {
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, error: error.into(), description: None }
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Record not found")
    }

    pub(super) fn not_allowed() -> Self {
        Self::new(StatusCode::FORBIDDEN, "This action is not allowed")
    }

    pub(super) fn unprocessable(error: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, error)
    }

    pub(super) fn invalid(reason: impl std::fmt::Display) -> Self {
        Self::unprocessable(format!("Validation failed: {reason}"))
    }

    pub(super) fn token(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, reason)
    }

    pub(super) fn answer(&self) -> Response<Bytes> {
        let mut body = json!({"error": self.error});
        if let Some(description) = self.description {
            body["error_description"] = json!(description);
        }
        let mut answer = serve::json(self.status, &body);
        let challenge = format!(
            "Bearer realm=\"Doorkeeper\", error=\"invalid_token\", error_description=\"{}\"",
            self.error
        );
        if let (StatusCode::UNAUTHORIZED, None, Ok(challenge)) =
            (self.status, self.description, HeaderValue::try_from(challenge))
        {
            answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        answer
    }
}

/// The headers that state the limit, as every answer of the application has them.
pub(super) fn with_limit(
    mut answer: Response<Bytes>,
    most: u64,
    remaining: u64,
    reset: SystemTime,
) -> Response<Bytes> {
    let headers = answer.headers_mut();
    headers.insert("X-RateLimit-Limit", HeaderValue::from(most));
    headers.insert("X-RateLimit-Remaining", HeaderValue::from(remaining));
    let reset = humantime::format_rfc3339_micros(reset).to_string();
    if let Ok(reset) = HeaderValue::try_from(reset) {
        headers.insert("X-RateLimit-Reset", reset);
    }
    answer
}

/// A page for people, which is what failures of the server itself look like.
pub(super) fn page(status: StatusCode, text: &str) -> Response<Bytes> {
    let html = format!(
        "<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n<title>{text} - Mastodon</title>\n</head>\n\
         <body class='error'>\n<div class='dialog'>\n<h1>{text}</h1>\n</div>\n</body>\n</html>\n"
    );
    serve::with_type(status, "text/html; charset=utf-8", Bytes::from(html))
}

/// What a server answers that is starting: a page, and a wait in seconds and as a date.
pub(super) fn starting() -> Response<Bytes> {
    let text = "The page could not be served due to a temporary server failure.";
    let mut answer = page(StatusCode::SERVICE_UNAVAILABLE, text);
    for wait in ["5", "Sun, 22 Nov 2026 03:00:05 GMT"] {
        answer.headers_mut().append(RETRY_AFTER, HeaderValue::from_static(wait));
    }
    answer
}
