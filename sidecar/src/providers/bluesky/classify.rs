//! What an answer of the AT Protocol means.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use reqwest::header::HeaderName;
use serde_json::Value;

use super::oauth::{INVALID_PROOF, USE_NONCE};
use crate::client::Answer;
use crate::providers::answer::{Phase, retry_at, since_1970};
use crate::providers::failure::clean;
use crate::providers::{Failure, Scope};

const RATE_LIMIT_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
/// The most characters kept of an error's name.
const MAX_CODE: usize = 80;

/// The body of an error; empty where it is not one of the protocol.
struct Body {
    error: String,
    message: String,
}

impl Body {
    /// Each field on its own: an odd one must not hide the other.
    fn of(answer: &Answer) -> Self {
        let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        Self { error: text("error"), message: text("message") }
    }
}

/// An answer that is not 200.
pub(super) fn failure(phase: Phase, answer: &Answer, now: SystemTime) -> Failure {
    let body = Body::of(answer);
    let class = class(phase, answer.status, &body);
    let message =
        if body.message.is_empty() { said(answer.status, &body.error) } else { body.message.clone() };
    let limited = class == ErrorClass::RateLimited;
    Failure {
        status: Some(answer.status),
        code: (!body.error.is_empty()).then(|| clean(&body.error, MAX_CODE)),
        retry_at: limited.then(|| retry_at(answer, reset(answer), now)),
        // whatever an account writes costs points of one budget
        scope: limited.then_some(Scope::Account),
        // Servers drop uploads that no record claims; the same bytes get the same address again.
        prepare_again: phase == Phase::Commit && body.error == "BlobNotFound",
        ..Failure::new(class, message)
    }
}

/// Whether an error is this one of the protocol.
pub(super) fn is_error(answer: &Answer, status: u16, name: &str) -> bool {
    answer.status == status && Body::of(answer).error == name
}

fn class(phase: Phase, status: u16, body: &Body) -> ErrorClass {
    match (status, body.error.as_str()) {
        (429, _) => ErrorClass::RateLimited,
        (400.., "AccountTakedown" | "AccountDeactivated" | "AccountSuspended") => ErrorClass::AuthRevoked,
        // The word of something in between, not of the server: no reason to give a session up.
        (401, "") if phase == Phase::Refresh => ErrorClass::Transient,
        // The clock, or a nonce that changes with every call: nothing was done, and no other token would help.
        (400 | 401, USE_NONCE | INVALID_PROOF) => ErrorClass::Transient,
        (400 | 401, "ExpiredToken" | "InvalidToken") | (401, _) => phase.unauthorized(),
        (403, _) => ErrorClass::Permission,
        // Something is at the key. Only a look tells whether it is ours.
        (400, "InvalidSwap") if phase == Phase::Commit => ErrorClass::OutcomeUnknown,
        (408 | 425, _) => phase.not_clear(),
        // A server of the protocol names its errors. One that answered before is being restarted or moved.
        (404 | 405 | 410 | 501, "") if matches!(phase, Phase::Prepare | Phase::Read) => ErrorClass::Transient,
        // Not a server of the protocol, or one too old; 303 and other redirects are not followed.
        (301 | 302 | 307 | 308 | 404 | 405 | 410 | 501, _) => ErrorClass::Config,
        // A session is asked for with nothing that could be content.
        (400..500, _) if phase == Phase::Refresh => ErrorClass::Config,
        (400..500, _) => ErrorClass::ContentInvalid,
        _ => phase.not_clear(),
    }
}

fn said(status: u16, error: &str) -> String {
    match error {
        "" => format!("the server answered {status}"),
        error => format!("the server answered {status} {error}"),
    }
}

/// `RateLimit-Reset` is in seconds since 1970.
fn reset(answer: &Answer) -> Option<SystemTime> {
    answer.header(&RATE_LIMIT_RESET).and_then(|text| text.trim().parse().ok()).map(since_1970)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::providers::answer::fixtures::{self, answer, now};

    /// Each fixture is an answer as servers give it, with the class it has in each phase.
    #[test]
    fn every_recorded_answer_has_its_class() {
        let checked = fixtures::check("bluesky", failure);
        assert!(checked >= 20, "only {checked} fixtures");
    }

    #[test]
    fn the_protocols_own_header_tells_when_a_limit_ends() {
        for (value, seconds) in [("1795000060", 60), ("soon", 300)] {
            let answer = answer(429, &[("ratelimit-reset".into(), value.into())], "");
            let failure = failure(Phase::Prepare, &answer, now());
            assert_eq!(failure.retry_at, Some(now() + Duration::from_secs(seconds)), "{value}");
        }
    }

    #[test]
    fn an_odd_field_does_not_hide_the_other() {
        let answer = |body| answer(400, &[], body);
        let expired = failure(Phase::Prepare, &answer(r#"{"error":"ExpiredToken","message":42}"#), now());
        assert_eq!((expired.class, expired.code.as_deref()), (ErrorClass::AuthExpired, Some("ExpiredToken")));
        assert!(is_error(&answer(r#"{"error":"RecordNotFound","message":null}"#), 400, "RecordNotFound"));
        let unnamed = failure(Phase::Prepare, &answer(r#"{"error":[],"message":"no"}"#), now());
        assert_eq!((unnamed.message.as_str(), unnamed.code), ("no", None));
    }

    #[test]
    fn no_control_character_is_kept() {
        let body = r#"{"error":"Up\u0000stream","message":"a\u0000b"}"#;
        let failure = failure(Phase::Prepare, &answer(500, &[], body), now());
        assert_eq!((failure.message.as_str(), failure.code.as_deref()), ("ab", Some("Upstream")));
    }
}
