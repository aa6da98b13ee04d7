//! What an answer of LinkedIn means.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use crier_core::platform::linkedin::is_post;
use serde_json::Value;

use crate::client::Answer;
use crate::providers::answer::{Phase, retry_at, seconds_since_1970, since_1970};
use crate::providers::failure::clean;
use crate::providers::{Failure, Scope};

/// The most characters kept of an error's name.
const MAX_CODE: usize = 80;
const DAY: u64 = 24 * 60 * 60;

/// What LinkedIn says is wrong; empty where the answer is not LinkedIn's.
#[derive(Debug, Default)]
pub(super) struct Problem {
    code: String,
    message: String,
    /// The name in OAuth.
    error: String,
    /// The names of what is wrong with the input.
    inputs: Vec<String>,
    number: Option<i64>,
}

impl Problem {
    /// Each field on its own: an odd one must not hide the others.
    pub(super) fn of(answer: &Answer) -> Self {
        let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let text = |json: &Value, name: &str| json[name].as_str().unwrap_or_default().to_owned();
        let said = [text(&json, "message"), text(&json, "error_description")];
        let inputs = json["errorDetails"]["inputErrors"].as_array().into_iter().flatten();
        Self {
            code: text(&json, "code"),
            message: said.into_iter().find(|text| !text.is_empty()).unwrap_or_default(),
            error: text(&json, "error"),
            inputs: inputs.map(|input| text(input, "code")).filter(|code| !code.is_empty()).collect(),
            number: json["serviceErrorCode"].as_i64(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.code.is_empty() && self.message.is_empty() && self.error.is_empty() && self.number.is_none()
    }

    fn says(&self, words: &str) -> bool {
        self.message.to_ascii_lowercase().contains(words)
    }

    fn is_duplicate(&self) -> bool {
        self.inputs.iter().any(|code| code == "DUPLICATE_POST") || self.says("content is a duplicate")
    }

    /// Of an API that has ended, or a call that names none.
    fn is_version(&self) -> bool {
        matches!(self.code.as_str(), "NONEXISTENT_VERSION" | "VERSION_MISSING")
    }

    /// The name that is stored.
    fn name(&self) -> Option<String> {
        let named = [self.inputs.first(), Some(&self.code), Some(&self.error)];
        let name = named.into_iter().flatten().find(|name| !name.is_empty()).cloned();
        name.or_else(|| self.number.map(|number| number.to_string())).map(|name| clean(&name, MAX_CODE))
    }
}

/// An answer that is not a success.
pub(super) fn failure(phase: Phase, answer: &Answer, now: SystemTime) -> Failure {
    let problem = Problem::of(answer);
    let status = answer.status;
    let class =
        if phase == Phase::Refresh { of_refresh(status, &problem) } else { class(phase, status, &problem) };
    let (retry_at, scope) = match class {
        ErrorClass::RateLimited => (Some(retry_at(answer, None, now)), None),
        // A day's quota is full again at midnight, UTC.
        ErrorClass::QuotaExhausted => {
            let midnight = since_1970((seconds_since_1970(now) / DAY + 1) * DAY);
            let scope = if problem.says("application") { Scope::Server } else { Scope::Account };
            (Some(retry_at(answer, Some(midnight), now)), Some(scope))
        }
        _ => (None, None),
    };
    let name = problem.name();
    let message = match (problem.message.as_str(), &name) {
        ("", None) => format!("the server answered {status}"),
        ("", Some(name)) => format!("the server answered {status} {name}"),
        (message, _) => message.to_owned(),
    };
    Failure { status: Some(status), code: name, retry_at, scope, ..Failure::new(class, message) }
}

fn class(phase: Phase, status: u16, problem: &Problem) -> ErrorClass {
    let is_empty = problem.is_empty();
    match status {
        429 if problem.says("day limit") => ErrorClass::QuotaExhausted,
        429 => ErrorClass::RateLimited,
        // A server that answered before is being restarted or moved.
        404 | 405 | 410 if is_empty && matches!(phase, Phase::Prepare | Phase::Read) => ErrorClass::Transient,
        // Not LinkedIn, or no longer; redirects are not followed. What became of a post such an answer does not say.
        300..=399 | 404 | 405 | 410 | 426 if is_empty && phase != Phase::Commit => ErrorClass::Config,
        // The word of something in between.
        _ if is_empty => phase.not_clear(),
        300..=399 if phase == Phase::Commit => phase.not_clear(),
        300..=399 | 426 => ErrorClass::Config,
        400 | 403 if problem.is_version() => ErrorClass::Config,
        401 if problem.code == "REVOKED_ACCESS_TOKEN" => ErrorClass::AuthRevoked,
        401 => phase.unauthorized(),
        403 => ErrorClass::Permission,
        404 => ErrorClass::TargetMissing,
        408 | 409 | 425 => phase.not_clear(),
        400 | 422 if problem.is_duplicate() => ErrorClass::Duplicate,
        400..=499 => ErrorClass::ContentInvalid,
        _ => phase.not_clear(),
    }
}

/// A grant is only given up on LinkedIn's clear word about its token.
fn of_refresh(status: u16, problem: &Problem) -> ErrorClass {
    match (status, problem.error.as_str()) {
        (429, _) => ErrorClass::RateLimited,
        (400 | 401, "invalid_grant") => ErrorClass::AuthRevoked,
        (400 | 401, "invalid_request") if problem.says("invalid, expired or revoked") => {
            ErrorClass::AuthRevoked
        }
        (400..=403, "invalid_client" | "unauthorized_client" | "unsupported_grant_type") | (300..400, _) => {
            ErrorClass::Config
        }
        (408 | 409 | 425 | 500.., _) => ErrorClass::OutcomeUnknown,
        _ => ErrorClass::Transient,
    }
}

/// The post that a refusal names.
pub(super) fn named(failure: &Failure) -> Option<&str> {
    let at = failure.message.find("urn:li:")?;
    let rest = &failure.message[at..];
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != ':').unwrap_or(rest.len());
    Some(&rest[..end]).filter(|urn| is_post(urn))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::answer::fixtures::{self, answer, now};

    #[test]
    fn every_recorded_answer_has_its_class() {
        let checked = fixtures::check("linkedin", failure);
        assert!(checked >= 60, "only {checked} answers");
    }

    #[test]
    fn a_quota_of_a_day_ends_at_midnight_and_says_whose_it_is() {
        let limited = |whose: &str| {
            let message =
                format!("Resource level throttle {whose} DAY limit for calls to this resource is reached.");
            failure(
                Phase::Commit,
                &answer(429, &[], &format!(r#"{{"status":429,"message":"{message}"}}"#)),
                now(),
            )
        };
        let (app, member) = (limited("APPLICATION"), limited("MEMBER"));
        assert_eq!((app.class, app.scope), (ErrorClass::QuotaExhausted, Some(Scope::Server)));
        assert_eq!(member.scope, Some(Scope::Account));
        let midnight = member.retry_at.map(seconds_since_1970).unwrap();
        assert!(midnight.is_multiple_of(DAY) && midnight - seconds_since_1970(now()) <= DAY);
    }

    #[test]
    fn a_refusal_names_the_post_that_is_there() {
        let of = |message: &str| named(&Failure::new(ErrorClass::Duplicate, message)).map(str::to_owned);
        assert_eq!(of("x: Content is a duplicate of urn:li:share:71, sorry"), Some("urn:li:share:71".into()));
        assert_eq!(of("Content is a duplicate of urn:li:ugcPost:71"), Some("urn:li:ugcPost:71".into()));
        for none in ["", "Content is a duplicate", "of urn:li:person:7", "urn:li:share:", "é urn:li:"] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn odd_fields_hide_no_other() {
        let body = r#"{"message":"a\u0000b","code":7,"serviceErrorCode":"x","errorDetails":{"inputErrors":[7,{"code":"DUPLICATE_POST"}]}}"#;
        let failure = failure(Phase::Commit, &answer(422, &[], body), now());
        let found = (failure.class, failure.message.as_str(), failure.code.as_deref());
        assert_eq!(found, (ErrorClass::Duplicate, "ab", Some("DUPLICATE_POST")));
    }
}
