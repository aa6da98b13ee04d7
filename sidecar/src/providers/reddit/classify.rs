//! What an answer of Reddit means. It refuses in two ways: a success whose `json.errors` has lists of a code, words and a field, or a
//! status with `{"message": "Forbidden", "error": 403}` and perhaps a reason. What has neither shape is not its word.

use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::client::{Answer, CallError};
use crate::providers::answer::{self, Fields, MAX_WAIT, Phase, retry_at, unclear};
use crate::providers::{Failure, Scope};

/// Codes of refusals that come before anything is stored.
const CONTENT: [&str; 24] = [
    "BAD_FLAIR_TARGET",
    "BAD_IMAGE",
    "BAD_STRING",
    "BAD_URL",
    "DOMAIN_BANNED",
    "FLAIR_REQUIRED",
    "GALLERIES_DISABLED",
    "IMAGES_NOTALLOWED",
    "INVALID_FLAIR_TEMPLATE",
    "INVALID_OPTION",
    "INVALID_SCHEME",
    "INVALID_URL",
    "MISSING_VIDEO_URLS",
    "NO_IMAGES",
    "NO_LINKS",
    "NO_SELFS",
    "NO_SPOILERS",
    "NO_TEXT",
    "NO_URL",
    "NO_VIDEOS",
    "SUBREDDIT_REQUIRED",
    "TOO_LONG",
    "TOO_SHORT",
    "VIDEOS_NOTALLOWED",
];
const PERMISSION: [&str; 11] = [
    "BANNED_FROM_SUBREDDIT",
    "MUTED_FROM_SUBREDDIT",
    "NO_API",
    "NO_VERIFIED_EMAIL",
    "SUBREDDIT_NOTALLOWED",
    "SUBREDDIT_NO_ACCESS",
    "THREAD_LOCKED",
    "TOO_OLD",
    "USER_BLOCKED",
    "USER_MUTED",
    "VERIFIED_USER_REQUIRED",
];
/// What the account, or where it comes from, is barred by.
const POLICY: [&str; 3] = ["BAD_CAPTCHA", "BANNED_IP", "IN_TIMEOUT"];
const MISSING: [&str; 5] =
    ["DELETED_COMMENT", "DELETED_LINK", "DELETED_THING", "NO_THING_ID", "SUBREDDIT_NOEXIST"];

/// Whether an answer with a status is Reddit's own word.
pub(super) fn is_theirs(said: &Value) -> bool {
    let speaks = said["message"].is_string() || said["explanation"].is_string();
    speaks && (said["error"].is_u64() || said["reason"].is_string() || said["error_type"].is_string())
}

/// The object that a success holds, or what the failure means in this phase.
pub(super) fn read<T: DeserializeOwned>(
    phase: Phase,
    answer: Result<Answer, CallError>,
) -> Result<T, Failure> {
    let answer = answer.map_err(|error| unclear(phase, &error))?;
    let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if let Some(refused) = listed(phase, &answer, &said, SystemTime::now()) {
        return Err(refused);
    }
    answer::read(phase, Ok(answer), failure).map(|Fields(told)| told)
}

#[derive(Deserialize)]
struct Envelope<T> {
    json: Inside<T>,
}

#[derive(Deserialize)]
struct Inside<T> {
    data: T,
}

/// What a call that changes something has made.
pub(super) fn made<T: DeserializeOwned>(
    phase: Phase,
    answer: Result<Answer, CallError>,
) -> Result<T, Failure> {
    read::<Envelope<Fields<T>>>(phase, answer).map(|Envelope { json: Inside { data: Fields(made) } }| made)
}

/// An answer that is not a success.
pub(super) fn failure(phase: Phase, answer: &Answer, now: SystemTime) -> Failure {
    let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if let Some(refused) = listed(phase, answer, &said, now) {
        return refused;
    }
    let class = class(phase, answer.status, &said);
    let text = |name: &str| said[name].as_str().filter(|text| !text.is_empty());
    let message = text("explanation").or(text("message")).map(str::to_owned);
    let code = text("reason").or(text("error_type")).map(str::to_owned);
    let (until, scope) = match class {
        ErrorClass::RateLimited => (Some(until(answer, now)), of_app(answer)),
        _ => (None, None),
    };
    Failure {
        status: Some(answer.status),
        code: code.or_else(|| said["error"].as_u64().map(|number| number.to_string())),
        retry_at: until,
        scope,
        ..Failure::new(class, message.unwrap_or_else(|| format!("the server answered {}", answer.status)))
    }
}

fn class(phase: Phase, status: u16, said: &Value) -> ErrorClass {
    match status {
        429 => ErrorClass::RateLimited,
        401 => phase.unauthorized(),
        // The word of something in between says nothing about a post.
        _ if !is_theirs(said) => phase.not_clear(),
        403 => ErrorClass::Permission,
        404 => ErrorClass::TargetMissing,
        400 | 413 | 415 | 422 => ErrorClass::ContentInvalid,
        _ => phase.not_clear(),
    }
}

/// The first of the errors that an answer lists, whatever its status.
fn listed(phase: Phase, answer: &Answer, said: &Value, now: SystemTime) -> Option<Failure> {
    let first = said["json"]["errors"].as_array()?.first()?;
    let part = |at: usize| first[at].as_str().unwrap_or_default();
    let (code, words, field) = (part(0), part(1), part(2));
    let class = match code {
        "RATELIMIT" | "SUBREDDIT_RATELIMIT" => ErrorClass::RateLimited,
        "ALREADY_SUB" => ErrorClass::Duplicate,
        "USER_REQUIRED" => phase.unauthorized(),
        code if CONTENT.contains(&code) || code.starts_with("SUBMIT_VALIDATION_") => {
            ErrorClass::ContentInvalid
        }
        code if PERMISSION.contains(&code) => ErrorClass::Permission,
        code if POLICY.contains(&code) => ErrorClass::PolicyBlocked,
        code if MISSING.contains(&code) => ErrorClass::TargetMissing,
        _ => phase.not_clear(),
    };
    let until = (class == ErrorClass::RateLimited).then(|| {
        let told =
            said["json"]["ratelimit"].as_f64().and_then(|s| Duration::try_from_secs_f64(s.ceil()).ok());
        let wait = told.or_else(|| in_words(words)).map(|wait| now + wait.min(MAX_WAIT));
        retry_at(answer, wait, now)
    });
    let message = match (words, field) {
        ("", _) => format!("the server refused it: {code}"),
        (words, "" | "ratelimit") => words.to_owned(),
        (words, field) => format!("{field}: {words}"),
    };
    Some(Failure {
        status: Some(answer.status),
        code: Some(code.to_owned()).filter(|code| !code.is_empty()),
        retry_at: until,
        ..Failure::new(class, message)
    })
}

/// The wait in "try again in 9 minutes": of what is rounded down, one more.
fn in_words(text: &str) -> Option<Duration> {
    let words: Vec<_> = text.split_whitespace().collect();
    words.windows(2).find_map(|pair| {
        let number: u32 = pair[0].parse().ok()?;
        let unit = pair[1].trim_matches(|c: char| !c.is_alphabetic()).trim_end_matches('s');
        let seconds = match unit {
            "millisecond" => return Some(Duration::from_secs(1)),
            "second" => 1,
            "minute" => 60,
            "hour" => 60 * 60,
            "day" => 24 * 60 * 60,
            _ => return None,
        };
        Some(Duration::from_secs(seconds).saturating_mul(number.saturating_add(1)))
    })
}

/// When a limit of calls ends: they are counted anew in so many seconds.
pub(super) fn until(answer: &Answer, now: SystemTime) -> SystemTime {
    let seconds = number(answer, "x-ratelimit-reset");
    let wait = seconds.map(|seconds| Duration::try_from_secs_f64(seconds.ceil()).unwrap_or(MAX_WAIT));
    retry_at(answer, wait.map(|wait| now + wait.min(MAX_WAIT)), now)
}

/// Calls are counted for the app: where none are left, all its accounts wait.
fn of_app(answer: &Answer) -> Option<Scope> {
    number(answer, "x-ratelimit-remaining").filter(|left| *left < 1.0).map(|_| Scope::Server)
}

fn number(answer: &Answer, header: &'static str) -> Option<f64> {
    answer.headers.get(header)?.to_str().ok()?.trim().parse().ok().filter(|number: &f64| *number >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::answer::fixtures::{self, answer, now};

    #[test]
    fn every_recorded_answer_has_its_class() {
        let checked = fixtures::check("reddit", |phase, answer, now| match phase {
            Phase::Refresh => super::super::connect::not_renewed(answer, now),
            phase => failure(phase, answer, now),
        });
        assert!(checked >= 90, "only {checked} classes");
    }

    #[test]
    fn a_wait_is_read_from_words() {
        for (words, seconds) in [
            ("you are doing that too much. try again in 9 minutes.", Some(600)),
            (
                "Looks like you've been doing that a lot. Take a break for 4 seconds before trying again.",
                Some(5),
            ),
            ("Take a break for 1 hour.", Some(7_200)),
            ("try again in 300 milliseconds", Some(1)),
            ("try again in 1 day", Some(172_800)),
            ("try again later", None),
            ("take 5 apples", None),
            ("in 99999999999 minutes", None),
        ] {
            assert_eq!(in_words(words).map(|wait| wait.as_secs()), seconds, "{words}");
        }
    }

    #[test]
    fn calls_are_counted_for_the_app() {
        let limited = |headers: &[(&str, &str)]| {
            let headers: Vec<_> = headers.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
            let failure = failure(Phase::Commit, &answer(429, &headers, ""), now());
            (failure.retry_at.unwrap().duration_since(now()).unwrap().as_secs(), failure.scope)
        };
        let (left, reset) = (("x-ratelimit-remaining", "0.0"), ("x-ratelimit-reset", "307"));
        assert_eq!(limited(&[left, reset]), (307, Some(Scope::Server)));
        assert_eq!(limited(&[("x-ratelimit-remaining", "42"), reset]), (307, None));
        assert_eq!(limited(&[left, ("x-ratelimit-reset", "-1")]), (300, Some(Scope::Server)));
        assert_eq!(limited(&[("x-ratelimit-reset", "1e300")]), (86_400, None));
        assert_eq!(limited(&[("retry-after", "9")]), (9, None));
        assert_eq!(limited(&[]), (300, None));
    }

    #[test]
    fn no_odd_field_hides_another() {
        for body in [
            r#"{"json":{"errors":[7]}}"#,
            r#"{"json":{"errors":[[]]}}"#,
            r#"{"json":{"errors":[[7,[],{}]]}}"#,
            r#"{"json":{"errors":["RATELIMIT"]}}"#,
        ] {
            let failure = failure(Phase::Commit, &answer(200, &[], body), now());
            assert_eq!((failure.class, failure.code), (ErrorClass::OutcomeUnknown, None), "{body}");
        }
    }
}
