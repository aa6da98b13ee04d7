//! Errors of the API: `application/problem+json`, RFC 9457.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// What was wrong, and what to do.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) detail: String,
    /// A stable word for programs.
    pub(super) reason: Option<Box<str>>,
    /// The SQLSTATE, where SQL refused it.
    pub(super) code: Option<Box<str>>,
    pub(super) hint: Option<Box<str>>,
    /// Under which name it stands in the log.
    pub(super) request_id: Option<Box<str>>,
}

/// As it is sent.
#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), reason: None, code: None, hint: None, request_id: None }
    }

    /// The same with a word for programs.
    pub(super) fn because(self, reason: &str) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            r#type: self
                .reason
                .as_ref()
                .map_or_else(|| "about:blank".into(), |word| format!("urn:crier:problem:{word}")),
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code.as_deref(),
            hint: self.hint.as_deref(),
            request_id: self.request_id.as_deref(),
        };
        let text = serde_json::to_string(&body).unwrap_or_default();
        let mut response = (self.status, text).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        response
    }
}
