//! The shapes in which X refuses: problems, lists of errors, and those of OAuth.

use bytes::Bytes;
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use crate::serve;

/// Where X explains its kinds of problems.
const PROBLEMS: &str = "https://api.twitter.com/2/problems";

/// A refusal in X's shape.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    body: Value,
}

impl Refused {
    /// A problem without a kind: only the status and the words tell.
    pub(super) fn blank(status: StatusCode, detail: impl Into<String>) -> Self {
        let detail: String = detail.into();
        let body = json!({
            "title": title(status), "detail": detail, "type": "about:blank", "status": status.as_u16(),
        });
        Self { status, body }
    }

    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::blank(StatusCode::FORBIDDEN, detail)
    }

    /// A token that is unknown, ended or missing: X doesn't say which.
    pub(super) fn unauthorized() -> Self {
        Self::blank(StatusCode::UNAUTHORIZED, "Unauthorized")
    }

    pub(super) fn rate_limited() -> Self {
        Self::blank(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests")
    }

    pub(super) fn internal() -> Self {
        Self::blank(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
    }

    /// A parameter that is wrong, and why.
    pub(super) fn invalid(parameter: &str, value: &Value, message: impl Into<String>) -> Self {
        let message: String = message.into();
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let body = json!({
            "errors": [{"parameters": {parameter: [value]}, "message": message}],
            "title": title(StatusCode::BAD_REQUEST),
            "detail": "One or more parameters to your request was invalid.",
            "type": kind("invalid-request"),
        });
        Self { status: StatusCode::BAD_REQUEST, body }
    }

    pub(super) fn suspended() -> Self {
        let status = StatusCode::FORBIDDEN;
        let body = json!({
            "title": title(status), "detail": "The user used for authentication is suspended",
            "type": kind("user-suspended"), "status": status.as_u16(),
        });
        Self { status, body }
    }

    /// The month's cap is used up.
    pub(super) fn capped() -> Self {
        let body = json!({
            "account_id": 1_800_000_000_000_000_001_u64, "product_name": "standard-basic",
            "title": "UsageCapExceeded", "period": "Monthly", "scope": "Product",
            "detail": "Usage cap exceeded: Monthly product cap", "type": kind("usage-capped"),
        });
        Self { status: StatusCode::TOO_MANY_REQUESTS, body }
    }

    /// There is no money left.
    pub(super) fn depleted() -> Self {
        let body = json!({
            "account_id": 1_800_000_000_000_000_001_u64, "title": "CreditsDepleted",
            "detail": "Your enrolled account does not have any credits to fulfill this request.",
            "type": kind("credits"),
        });
        Self { status: StatusCode::PAYMENT_REQUIRED, body }
    }

    pub(super) fn oauth(status: StatusCode, error: &str, description: &str) -> Self {
        Self { status, body: json!({"error": error, "error_description": description}) }
    }

    pub(super) fn answer(&self) -> Response<Bytes> {
        serve::json(self.status, &self.body)
    }

    /// The same as an error inside a success.
    pub(super) fn in_success(self) -> Response<Bytes> {
        serve::json(StatusCode::OK, &json!({"errors": [self.body]}))
    }
}

/// The error for something that is not there, which comes inside a success.
pub(super) fn not_found(resource: &str, parameter: &str, id: &str) -> Value {
    json!({
        "value": id, "detail": format!("Could not find {resource} with {parameter}: [{id}]."),
        "title": "Not Found Error", "resource_type": resource, "parameter": parameter, "resource_id": id,
        "type": kind("resource-not-found"),
    })
}

fn kind(name: &str) -> String {
    format!("{PROBLEMS}/{name}")
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "Invalid Request",
        other => other.canonical_reason().unwrap_or_default(),
    }
}
