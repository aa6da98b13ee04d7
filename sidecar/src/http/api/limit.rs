//! How often a user may ask: counted by the database, for all servers of an installation together.

use std::time::SystemTime;

use axum::http::StatusCode;
use axum::http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse, Response};

use crate::db::api::Allowance;
use crate::http::problem::Problem;

/// A window, and so the longest time until there is room.
const WINDOW: u64 = 60;

/// Says what is left.
pub(super) fn told(headers: &mut HeaderMap, allowance: &Allowance) {
    let numbers = [
        ("ratelimit-limit", allowance.max),
        ("ratelimit-remaining", allowance.remaining),
        ("ratelimit-reset", i64::try_from(seconds(allowance)).unwrap_or(i64::MAX)),
    ];
    for (name, number) in numbers {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(number));
    }
}

/// The answer to a request too many.
pub(super) fn refused(allowance: &Allowance) -> Response {
    let detail = format!("more than {} requests in a minute", allowance.max);
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).because("too_many_requests");
    let mut response = problem.into_response();
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds(allowance)));
    told(response.headers_mut(), allowance);
    response
}

/// How long until there is room again, if there is none.
pub(in crate::http) fn seconds(allowance: &Allowance) -> u64 {
    let left = allowance.resets_at.and_then(|at| at.duration_since(SystemTime::now()).ok());
    left.map_or(WINDOW, |left| left.as_secs().saturating_add(1)).min(WINDOW)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_asked_too_often_learns_when_to_come_again() {
        let at = SystemTime::now() + Duration::from_secs(10);
        let allowance =
            Allowance { allowed: false, max: 5, remaining: 0, resets_at: Some(at), api_key: None };
        let response = refused(&allowance);
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(response.status(), 429);
        assert_eq!((header("ratelimit-limit"), header("ratelimit-remaining")), ("5".into(), "0".into()));
        assert_eq!(header("retry-after"), "10");
        assert_eq!(seconds(&Allowance { resets_at: None, ..allowance }), WINDOW);
    }
}
