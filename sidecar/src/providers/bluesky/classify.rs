//! What an answer of the AT Protocol means.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crier_core::error_class::ErrorClass;
use reqwest::header::{HeaderName, RETRY_AFTER};
use serde_json::Value;

use crate::client::{Answer, CallError};
use crate::providers::failure::clean;
use crate::providers::{Failure, Scope};

const RATE_LIMIT_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
/// A limit without a time.
const DEFAULT_WAIT: Duration = Duration::from_secs(5 * 60);
/// No limit is believed that asks for less or more.
const MIN_WAIT: Duration = Duration::from_secs(1);
const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);
/// The most characters kept of an error's name.
const MAX_CODE: usize = 80;

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Opening a session.
    Login,
    /// Renewing it: a refused token is the end of the session here.
    Refresh,
    /// Something that can be repeated.
    Prepare,
    /// Looking.
    Read,
    /// Publishing: no clear answer means that nobody knows.
    Commit,
}

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

/// A call without an answer.
pub(super) fn unclear(phase: Phase, error: &CallError) -> Failure {
    match error {
        CallError::NotSent(text) => {
            Failure::new(ErrorClass::Transient, format!("the server was not reached: {text}"))
        }
        CallError::Unclear(text) => Failure::new(not_clear(phase), format!("no clear answer: {text}")),
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
        retry_at: limited.then(|| retry_at(answer, now)),
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
        (400 | 401, "ExpiredToken" | "InvalidToken") | (401, _) => unauthorized(phase),
        (403, _) => ErrorClass::Permission,
        // Something is at the key. Only a look tells whether it is ours.
        (400, "InvalidSwap") if phase == Phase::Commit => ErrorClass::OutcomeUnknown,
        (408 | 425, _) => not_clear(phase),
        // A server of the protocol names its errors. One that answered before is being restarted or moved.
        (404 | 405 | 410 | 501, "") if matches!(phase, Phase::Prepare | Phase::Read) => ErrorClass::Transient,
        // Not a server of the protocol, or one too old; 303 and other redirects are not followed.
        (301 | 302 | 307 | 308 | 404 | 405 | 410 | 501, _) => ErrorClass::Config,
        // A session is asked for with nothing that could be content.
        (400..500, _) if phase == Phase::Refresh => ErrorClass::Config,
        (400..500, _) => ErrorClass::ContentInvalid,
        _ => not_clear(phase),
    }
}

fn unauthorized(phase: Phase) -> ErrorClass {
    match phase {
        Phase::Login | Phase::Refresh => ErrorClass::AuthRevoked,
        Phase::Prepare | Phase::Read | Phase::Commit => ErrorClass::AuthExpired,
    }
}

fn not_clear(phase: Phase) -> ErrorClass {
    if phase == Phase::Commit { ErrorClass::OutcomeUnknown } else { ErrorClass::Transient }
}

fn said(status: u16, error: &str) -> String {
    match error {
        "" => format!("the server answered {status}"),
        error => format!("the server answered {status} {error}"),
    }
}

/// `RateLimit-Reset` is in seconds since 1970, `Retry-After` in seconds from now or a date. The later one
/// counts, within bounds: a server's clock or code may be wrong.
fn retry_at(answer: &Answer, now: SystemTime) -> SystemTime {
    let reset = answer.header(&RATE_LIMIT_RESET).and_then(|text| text.trim().parse().ok()).map(since_1970);
    let after = answer.headers.get_all(RETRY_AFTER).iter().filter_map(|value| {
        let text = value.to_str().ok()?.trim();
        match text.parse::<u64>() {
            Ok(seconds) => Some(now + Duration::from_secs(seconds).min(MAX_WAIT)),
            Err(_) => httpdate::parse_http_date(text).ok(),
        }
    });
    let asked = reset.into_iter().chain(after).max();
    asked.unwrap_or(now + DEFAULT_WAIT).clamp(now + MIN_WAIT, now + MAX_WAIT)
}

fn since_1970(seconds: u64) -> SystemTime {
    // Far beyond any bound, but not beyond what the type can hold.
    UNIX_EPOCH + Duration::from_secs(seconds.min(1 << 36))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderMap, HeaderValue};

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_795_000_000)
    }

    fn answer(status: u16, headers: &[(String, String)], body: &str) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        }
        Answer { status, headers: map, body: body.as_bytes().to_vec().into() }
    }

    fn phase(name: &str) -> Phase {
        match name {
            "login" => Phase::Login,
            "refresh" => Phase::Refresh,
            "prepare" => Phase::Prepare,
            "read" => Phase::Read,
            "commit" => Phase::Commit,
            other => panic!("{other}"),
        }
    }

    /// Each fixture is an answer as servers give it, with the class it has in each phase.
    #[test]
    fn every_recorded_answer_has_its_class() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/bluesky");
        let mut checked = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let fixture: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let Some(classes) = fixture["classes"].as_object() else { continue };
            let headers: Vec<_> = fixture["headers"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
                .collect();
            let body = match &fixture["body"] {
                Value::String(text) => text.clone(),
                json => json.to_string(),
            };
            let status = fixture["status"].as_u64().unwrap().try_into().unwrap();
            let answer = answer(status, &headers, &body);
            for (name, class) in classes {
                let failure = failure(phase(name), &answer, now());
                assert_eq!(failure.class.as_str(), class.as_str().unwrap(), "{} {name}", path.display());
                let wait = failure.retry_at.map(|at| at.duration_since(now()).unwrap().as_secs());
                assert_eq!(wait, fixture["retry_after"].as_u64(), "{} {name}", path.display());
                checked += 1;
            }
        }
        assert!(checked >= 20, "only {checked} fixtures");
    }

    #[test]
    fn no_time_is_believed_that_is_out_of_bounds() {
        for (header, value, seconds) in [
            ("retry-after", "0", 1),
            ("retry-after", "99999999999999", 86_400),
            ("retry-after", "-5", 300),
            ("retry-after", "Wed, 18 Nov 2026 11:06:39 GMT", 1),
            ("ratelimit-reset", "1794999999", 1),
            ("ratelimit-reset", "0", 1),
            ("ratelimit-reset", "18446744073709551615", 86_400),
            ("ratelimit-reset", "1795000060", 60),
            ("ratelimit-reset", "soon", 300),
        ] {
            let answer = answer(429, &[(header.into(), value.into())], "");
            let failure = failure(Phase::Prepare, &answer, now());
            assert_eq!(failure.retry_at, Some(now() + Duration::from_secs(seconds)), "{header}: {value}");
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

    #[test]
    fn nothing_sent_is_transient_even_while_publishing() {
        let not_sent = unclear(Phase::Commit, &CallError::NotSent("refused".into()));
        assert_eq!(not_sent.class, ErrorClass::Transient);
        let cut = CallError::Unclear("reset".into());
        assert_eq!(unclear(Phase::Commit, &cut).class, ErrorClass::OutcomeUnknown);
        assert_eq!(unclear(Phase::Prepare, &cut).class, ErrorClass::Transient);
    }
}
