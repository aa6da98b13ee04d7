//! What all requests have in common: a name under which they stand in the log, and headers of every answer.

use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::cors::{AllowOrigin, CorsLayer};
use uuid::Builder;

use crate::http::problem::Problem;
use crate::http::request_id;

/// How long one may be that callers give.
const MAX_ID: usize = 64;
/// How long browsers believe what they were told of the origins.
const CORS_SECONDS: u64 = 600;

/// The name of a request.
#[derive(Clone)]
pub(super) struct RequestId(pub(super) String);

/// Names a request, and its answer.
pub(super) async fn frame(mut request: Request, next: Next) -> Response {
    let given = request.headers().get(request_id::HEADER).and_then(|value| value.to_str().ok());
    let id = given.filter(|id| is_good(id)).map_or_else(made, str::to_owned);
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = request_id::answered(&id, request, next).await;
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// What can stand in a log as it is.
fn is_good(id: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=MAX_ID).contains(&id.len()) && id.bytes().all(is_allowed)
}

fn made() -> String {
    let mut random = [0; 16];
    // without random bytes it has a name all the same
    let _ = getrandom::fill(&mut random);
    Builder::from_random_bytes(random).into_uuid().to_string()
}

/// Lets pages of these origins read answers; none: of no other origin.
pub(super) fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<_> = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    let names = ["authorization", "content-type", "idempotency-key", "x-request-id"];
    let exposed = [
        "idempotent-replayed",
        "link",
        "location",
        "ratelimit-limit",
        "ratelimit-remaining",
        "ratelimit-reset",
        "retry-after",
        "x-request-id",
    ];
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::PUT, Method::DELETE])
        .allow_headers(names.map(HeaderName::from_static))
        .expose_headers(exposed.map(HeaderName::from_static))
        .max_age(std::time::Duration::from_secs(CORS_SECONDS))
}

pub(super) async fn no_such_path() -> Response {
    let detail = "there is nothing under this address; /v1/openapi.json lists all";
    Problem::new(StatusCode::NOT_FOUND, detail).because("no_such_path").into_response()
}

pub(super) async fn no_such_method() -> Response {
    let detail = "this address does not answer to this method; /v1/openapi.json lists all";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail).because("no_such_method").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_requests_are_plain() {
        for good in ["a", "0193a0c0-0000-7000-8000-000000000001", "a.b_c"] {
            assert!(is_good(good), "{good}");
        }
        for bad in ["", "a b", "a\"", "é", &"x".repeat(65)] {
            assert!(!is_good(bad), "{bad}");
        }
        assert!(is_good(&made()) && made() != made());
    }
}
