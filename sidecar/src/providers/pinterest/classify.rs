//! What an answer of Pinterest means. It says it in one shape, `{"code": 40, "message": "Board not found."}`; whatever has no such
//! code is not its word.

use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use serde_json::Value;

use crate::client::Answer;
use crate::providers::answer::{MAX_WAIT, Phase, retry_at, since_1970};
use crate::providers::{Failure, Scope};

/// What says that a code or a refresh token is not good.
const INVALID_GRANT: i64 = 283;
/// A wait of more than this is that of a day's limit, which all calls of the account count for.
const LONG: Duration = Duration::from_secs(60 * 60);
/// A reset is in seconds from now; a number beyond this would be a time.
const EPOCH: u64 = 1_000_000_000;

/// Whether an answer is Pinterest's own word.
pub(super) fn is_theirs(said: &Value) -> bool {
    said["code"].is_i64() && said["message"].is_string()
}

/// An answer that is not a success.
pub(super) fn failure(phase: Phase, answer: &Answer, now: SystemTime) -> Failure {
    let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let message = said["message"].as_str().unwrap_or_default();
    let words = message.to_ascii_lowercase();
    let class = if phase == Phase::Refresh {
        of_refresh(answer.status, &said, &words)
    } else {
        class(phase, answer.status, is_theirs(&said), &words)
    };
    let (until, scope) = if class == ErrorClass::RateLimited { limit(answer, now) } else { (None, None) };
    let message = match message {
        "" => format!("the server answered {}", answer.status),
        message => message.to_owned(),
    };
    let is_about_media = phase == Phase::Commit && words.contains("media");
    Failure {
        status: Some(answer.status),
        code: said["code"].as_i64().map(|code| code.to_string()),
        retry_at: until,
        scope,
        // An upload is not kept for ever, and what was written down names it.
        draft_again: is_about_media && answer.status == 404 && class == ErrorClass::ContentInvalid,
        ..Failure::new(class, message)
    }
}

fn class(phase: Phase, status: u16, is_theirs: bool, words: &str) -> ErrorClass {
    match status {
        429 => ErrorClass::RateLimited,
        // The word of something in between says nothing about a pin, nor about the token: the next one is good once.
        _ if !is_theirs => phase.not_clear(),
        401 => phase.unauthorized(),
        403 if ["spam", "blocked", "suspended", "violat"].iter().any(|word| words.contains(word)) => {
            ErrorClass::PolicyBlocked
        }
        403 => ErrorClass::Permission,
        404 if phase == Phase::Commit && words.contains("media") => ErrorClass::ContentInvalid,
        404 => ErrorClass::TargetMissing,
        400 | 413 | 415 | 422 => ErrorClass::ContentInvalid,
        _ => phase.not_clear(),
    }
}

/// A grant is only given up on Pinterest's clear word about its token.
fn of_refresh(status: u16, said: &Value, words: &str) -> ErrorClass {
    let is_grant = said["code"] == INVALID_GRANT
        || said["error"] == "invalid_grant"
        || words.contains("grant is invalid")
        || words.contains("refresh_token") && words.contains("invalid");
    match status {
        429 => ErrorClass::RateLimited,
        400..=403 if is_grant => ErrorClass::AuthRevoked,
        // The app is not known, or its secret is another one.
        401 if is_theirs(said) || said["error"] == "invalid_client" => ErrorClass::Config,
        300..400 => ErrorClass::Config,
        // It may have taken the token and not have come to its answer.
        408 | 409 | 425 | 500.. => ErrorClass::OutcomeUnknown,
        _ => ErrorClass::Transient,
    }
}

/// When the limit that was reached ends, and what has to wait; nothing: what the account was doing.
fn limit(answer: &Answer, now: SystemTime) -> (Option<SystemTime>, Option<Scope>) {
    let headers = answer.headers.get_all("x-ratelimit-reset").iter();
    let numbers =
        headers.filter_map(|value| value.to_str().ok()?.split([',', ';']).next()?.trim().parse().ok());
    let reset = numbers.max().map(|seconds: u64| match seconds {
        time @ EPOCH.. => since_1970(time),
        seconds => now + Duration::from_secs(seconds).min(MAX_WAIT),
    });
    let until = retry_at(answer, reset, now);
    let scope = (until > now + LONG).then_some(Scope::Account);
    (Some(until), scope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::answer::fixtures::{self, answer, now};

    #[test]
    fn every_recorded_answer_has_its_class() {
        let checked = fixtures::check("pinterest", failure);
        assert!(checked >= 35, "only {checked} classes");
    }

    #[test]
    fn a_limit_of_a_day_is_the_accounts() {
        let limited = |headers: &[(&str, &str)]| {
            let headers: Vec<_> = headers.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
            let failure = failure(Phase::Commit, &answer(429, &headers, ""), now());
            (failure.retry_at.unwrap().duration_since(now()).unwrap().as_secs(), failure.scope)
        };
        assert_eq!(limited(&[("x-ratelimit-reset", "7")]), (7, None));
        assert_eq!(limited(&[("x-ratelimit-reset", "67150")]), (67_150, Some(Scope::Account)));
        assert_eq!(limited(&[("x-ratelimit-reset", "7, 67150;w=86400")]), (7, None));
        assert_eq!(limited(&[("x-ratelimit-reset", "1795000060")]), (60, None));
        assert_eq!(limited(&[("x-ratelimit-reset", "7"), ("retry-after", "90")]), (90, None));
        assert_eq!(limited(&[("x-ratelimit-reset", "soon")]), (300, None));
        assert_eq!(limited(&[]), (300, None));
        assert_eq!(limited(&[("x-ratelimit-reset", "999999999")]), (86_400, Some(Scope::Account)));
    }

    #[test]
    fn an_upload_that_is_gone_needs_another_request() {
        let body = r#"{"code":50,"message":"Media upload not found."}"#;
        let of = |phase| failure(phase, &answer(404, &[], body), now());
        assert!(of(Phase::Commit).draft_again);
        assert_eq!(
            (of(Phase::Prepare).class, of(Phase::Prepare).draft_again),
            (ErrorClass::TargetMissing, false)
        );
    }

    #[test]
    fn no_odd_field_hides_another() {
        let failure = failure(Phase::Commit, &answer(403, &[], r#"{"code":"29","message":["x"]}"#), now());
        assert_eq!((failure.class, failure.code), (ErrorClass::OutcomeUnknown, None));
    }
}
