//! What an answer of the API means.

use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use reqwest::header::HeaderName;
use serde_json::Value;

use crate::client::Answer;
use crate::providers::answer::{MAX_WAIT, Phase, retry_at};
use crate::providers::{Failure, Scope};

const RESET_AFTER: HeaderName = HeaderName::from_static("x-ratelimit-reset-after");
const SCOPE: HeaderName = HeaderName::from_static("x-ratelimit-scope");

/// An answer that is not a success.
pub(super) fn failure(phase: Phase, answer: &Answer, now: SystemTime) -> Failure {
    let error: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let class = class(phase, answer.status, &error);
    let limited = class == ErrorClass::RateLimited;
    let code = error["code"].as_i64().filter(|code| *code != 0);
    Failure {
        status: Some(answer.status),
        code: code.map(|code| code.to_string()),
        retry_at: limited.then(|| retry_at(answer, reset(answer, &error, now), now)),
        scope: (limited && is_of_all(answer, &error)).then_some(Scope::Server),
        ..Failure::new(class, said(answer.status, &error))
    }
}

/// In Discord's words: what is wrong with which field, if it says so.
fn said(status: u16, error: &Value) -> String {
    let message = error["message"].as_str().filter(|text| !text.is_empty());
    match (message, detail(&error["errors"])) {
        (Some(message), Some((field, why))) => format!("{message}: {field}: {why}"),
        (Some(message), None) => message.to_owned(),
        (None, _) => format!("the server answered {status}"),
    }
}

/// The first field that an error names, and what is wrong with it.
fn detail(errors: &Value) -> Option<(&str, &str)> {
    let (mut field, mut fields) = ("", errors.as_object()?);
    // no error of the API is nested deeper
    for _ in 0..8 {
        if let Some(why) = fields.get("_errors") {
            return Some((field, why[0]["message"].as_str()?));
        }
        let (name, inner) = fields.iter().next()?;
        (field, fields) = (name, inner.as_object()?);
    }
    None
}

fn class(phase: Phase, status: u16, error: &Value) -> ErrorClass {
    // The API says everything in objects. What else there is comes from something in between, which proves nothing.
    let is_its_own = error["message"].is_string() || error["code"].is_number();
    match status {
        429 => return ErrorClass::RateLimited,
        401 if error.is_object() => return phase.unauthorized(),
        300..500 if phase == Phase::Login && !is_its_own => return ErrorClass::Config,
        400..500 if is_its_own => {}
        _ => return phase.not_clear(),
    }
    let names_reply = !error["errors"]["message_reference"].is_null();
    match error["code"].as_i64().unwrap_or_default() {
        // no such token, or one that was taken back
        40_001 | 50_014 | 50_025 | 50_027 => phase.unauthorized(),
        // the channel, the server, the message, the webhook
        10_003 | 10_004 | 10_008 | 10_015 | 10_016 => ErrorClass::TargetMissing,
        50_035 if names_reply => ErrorClass::TargetMissing,
        // one that wants another kind of channel is an account that was connected wrongly
        40_007 | 40_058 | 50_001 | 50_008 | 50_013 | 50_024 | 50_083 | 160_002 | 160_005 => {
            ErrorClass::Permission
        }
        // slow mode, or too many writes into the channel or on the server
        20_016 | 20_028 | 20_029 | 40_062 => ErrorClass::RateLimited,
        // said of a whole feature, not of what was sent
        40_004 | 40_006 | 130_000 => ErrorClass::Transient,
        // no such path, or a version that has ended
        0 if matches!(status, 404 | 405) => ErrorClass::Config,
        50_041 => ErrorClass::Config,
        _ => match status {
            400 | 413 => ErrorClass::ContentInvalid,
            // in the words of filters that the server's owner has set
            403 if matches!(error["code"].as_i64(), Some(20_009 | 200_000 | 200_001 | 240_000)) => {
                ErrorClass::ContentInvalid
            }
            403 => ErrorClass::Permission,
            404 => ErrorClass::TargetMissing,
            _ => phase.not_clear(),
        },
    }
}

/// When a limit ends, in seconds from now, with a point.
fn reset(answer: &Answer, error: &Value, now: SystemTime) -> Option<SystemTime> {
    let told = error["retry_after"].as_f64();
    let seconds = told.or_else(|| answer.header(&RESET_AFTER)?.trim().parse().ok())?;
    // one that is no number is none
    let wait = Duration::try_from_secs_f64(seconds.max(0.0)).ok()?;
    Some(now + wait.min(MAX_WAIT))
}

/// Whether a limit is not of one path: a bot's own, or that of the address. One that comes without words of the API comes from
/// the guard in front of it, which has had too many calls that failed, and keeps everybody out.
fn is_of_all(answer: &Answer, error: &Value) -> bool {
    error["global"] == true || answer.header(&SCOPE) == Some("global") || !error.is_object()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::answer::fixtures::{self, answer, now};
    use serde_json::json;

    #[test]
    fn every_recorded_answer_has_its_class() {
        let checked = fixtures::check("discord", failure);
        assert!(checked >= 60, "only {checked} classes");
    }

    #[test]
    fn a_refusal_names_the_field() {
        let body = json!({"code": 50035, "message": "Invalid Form Body", "errors": {"embeds": {"0": {"title": {
            "_errors": [{"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 256 or fewer in length."}]}}}}});
        let failure = failure(Phase::Commit, &answer(400, &[], &body.to_string()), now());
        assert_eq!(failure.message, "Invalid Form Body: title: Must be 256 or fewer in length.");
        assert_eq!(failure.code.as_deref(), Some("50035"));
        for odd in [json!({"_errors": 7}), json!({"a": []}), json!([]), json!({"_errors": []}), json!({})] {
            assert_eq!(detail(&odd), None, "{odd}");
        }
    }

    #[test]
    fn a_limit_of_everybody_is_told_from_that_of_a_channel() {
        let of = |headers: &[(&str, &str)], body: &str| {
            let headers: Vec<_> =
                headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            let failure = failure(Phase::Commit, &answer(429, &headers, body), now());
            (failure.scope, failure.retry_at.unwrap().duration_since(now()).unwrap().as_secs_f64())
        };
        assert_eq!(of(&[], r#"{"retry_after":64.5,"global":false}"#), (None, 64.5));
        assert_eq!(of(&[], r#"{"retry_after":2.5,"global":true}"#), (Some(Scope::Server), 2.5));
        assert_eq!(
            of(&[("x-ratelimit-scope", "global"), ("x-ratelimit-reset-after", "3.5")], "{}"),
            (Some(Scope::Server), 3.5)
        );
        assert_eq!(of(&[("retry-after", "60")], "error code: 1015"), (Some(Scope::Server), 60.0));
        for odd in [r#"{"retry_after":-1}"#, r#"{"retry_after":0}"#] {
            assert_eq!(of(&[], odd).1, 1.0, "{odd}");
        }
        assert_eq!(of(&[], r#"{"retry_after":1e300}"#).1, 300.0);
        assert_eq!(of(&[], r#"{"retry_after":"soon"}"#).1, 300.0);
        assert_eq!(of(&[("x-ratelimit-reset-after", "NaN")], "{}").1, 1.0);
    }

    #[test]
    fn what_the_api_does_not_say_proves_nothing() {
        for body in ["", "{", "[]", "<html>", "null", "7", "{}"] {
            for status in [400, 403, 404, 413, 500, 502] {
                let class = failure(Phase::Commit, &answer(status, &[], body), now()).class;
                assert_eq!(class, ErrorClass::OutcomeUnknown, "{status} {body}");
            }
        }
    }
}
