//! What an answer of YouTube means. Google names a reason in a list of errors; what stands for the status alone is not enough.

use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use crier_core::recurrence::{Instant, Zone};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::client::{Answer, CallError};
use crate::providers::answer::{self, Fields, MAX_WAIT, Phase, retry_at, unclear};
use crate::providers::code_flow::Renewed;
use crate::providers::failure::clean;
use crate::providers::{Failure, Scope, oauth};

/// The most characters kept of a reason.
const MAX_CODE: usize = 80;
/// Where the days of the quota begin at midnight.
const PACIFIC: &str = "America/Los_Angeles";

/// What Google says is wrong; empty where the answer is not Google's.
#[derive(Default)]
struct Problem {
    reason: String,
    message: String,
}

impl Problem {
    /// Each field on its own: an odd one must not hide the others.
    fn of(answer: &Answer) -> Self {
        let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let error = &json["error"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let reason = [&error["errors"][0]["reason"], &error["status"]].into_iter().map(text);
        Self {
            reason: clean(
                &reason.into_iter().find(|reason| !reason.is_empty()).unwrap_or_default(),
                MAX_CODE,
            ),
            message: text(&error["message"]),
        }
    }

    fn is_empty(&self) -> bool {
        self.reason.is_empty()
    }
}

/// Whether it is Google who refuses.
pub(super) fn is_googles(answer: &Answer) -> bool {
    answer.status >= 400 && answer.status < 500 && !Problem::of(answer).is_empty()
}

/// The content of a success, or what the failure means in this phase.
pub(super) fn read<T: DeserializeOwned>(
    phase: Phase,
    answer: Result<Answer, CallError>,
) -> Result<T, Failure> {
    answer::read(phase, answer, failure).map(|Fields(told)| told)
}

/// The same where a success needs no content.
pub(super) fn done(phase: Phase, answer: Result<Answer, CallError>) -> Result<(), Failure> {
    let answer = answer.map_err(|error| unclear(phase, &error))?;
    if (200..=204).contains(&answer.status) {
        return Ok(());
    }
    Err(failure(phase, &answer, SystemTime::now()))
}

/// New tokens, or why there are none.
pub(super) fn renewed(answer: Result<Answer, CallError>) -> Result<Fields<Renewed>, Failure> {
    answer::read(Phase::Refresh, answer, |_, answer, now| oauth::not_renewed(answer, now))
}

/// An answer that is not a success.
pub(super) fn failure(phase: Phase, answer: &Answer, now: SystemTime) -> Failure {
    if phase == Phase::Refresh {
        return oauth::not_renewed(answer, now);
    }
    let problem = Problem::of(answer);
    let class = class(phase, answer.status, &problem);
    let message = match (problem.message.as_str(), problem.reason.as_str()) {
        ("", "") => format!("the server answered {}", answer.status),
        ("", reason) => format!("the server answered {reason}"),
        (message, _) => message.to_owned(),
    };
    let (retry_at, scope) = match class {
        ErrorClass::RateLimited => (Some(retry_at(answer, None, now)), None),
        // a channel has put up enough for a day
        ErrorClass::QuotaExhausted if problem.reason == "uploadLimitExceeded" => (Some(now + MAX_WAIT), None),
        // the project's calls of the day are used up, for all accounts
        ErrorClass::QuotaExhausted => (Some(next_day(now)), Some(Scope::Server)),
        _ => (None, None),
    };
    Failure {
        status: Some(answer.status),
        code: Some(problem.reason).filter(|reason| !reason.is_empty()),
        retry_at,
        scope,
        ..Failure::new(class, message)
    }
}

fn class(phase: Phase, status: u16, problem: &Problem) -> ErrorClass {
    match (status, problem.reason.as_str()) {
        (500.., _) | (408 | 409 | 425, _) => phase.not_clear(),
        (_, "youtubeSignupRequired") => ErrorClass::Permission,
        (_, "quotaExceeded" | "dailyLimitExceeded" | "uploadLimitExceeded") => ErrorClass::QuotaExhausted,
        (_, "rateLimitExceeded" | "userRateLimitExceeded" | "RESOURCE_EXHAUSTED") | (429, _) => {
            ErrorClass::RateLimited
        }
        (401, _) => phase.unauthorized(),
        (
            _,
            "authenticatedUserAccountSuspended"
            | "authenticatedUserAccountClosed"
            | "accountDelegationForbidden",
        ) => ErrorClass::AuthRevoked,
        (_, "accessNotConfigured" | "SERVICE_DISABLED" | "keyInvalid") => ErrorClass::Config,
        // "can be a transient error", as the documents have it
        (_, "processingFailure" | "backendError" | "internalError") => phase.not_clear(),
        // the word of something in between, not of Google
        (400..500, "") if phase == Phase::Commit => ErrorClass::OutcomeUnknown,
        (403 | 404 | 405 | 410, "") => ErrorClass::Transient,
        (403, _) => ErrorClass::Permission,
        (404 | 410, _) => ErrorClass::TargetMissing,
        (400..500, _) => ErrorClass::ContentInvalid,
        // redirects are not followed
        (300..400, _) if phase != Phase::Commit => ErrorClass::Config,
        _ => phase.not_clear(),
    }
}

/// When the next day of the quota begins: midnight in California.
fn next_day(now: SystemTime) -> SystemTime {
    let begin = || {
        let pacific = Zone::parse(PACIFIC).ok()?;
        let (wall, _) = pacific.wall(Instant::from(now));
        let midnight = wall.date().succ_opt()?.and_hms_opt(0, 0, 0)?;
        Some(SystemTime::from(pacific.instant(midnight)))
    };
    begin()
        .filter(|at| *at > now)
        .unwrap_or(now + MAX_WAIT)
        .min(now + MAX_WAIT + Duration::from_secs(60 * 60))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::answer::fixtures::{self, answer, now};
    use crate::providers::answer::since_1970;

    #[test]
    fn every_recorded_answer_has_its_class() {
        let checked = fixtures::check("youtube", failure);
        assert!(checked >= 45, "only {checked} classes");
    }

    #[test]
    fn a_quota_lasts_until_midnight_in_california() {
        let left = |at: u64| next_day(since_1970(at)).duration_since(since_1970(at)).unwrap().as_secs();
        // 2026-11-18T11:06:40Z is 03:06:40 there
        assert_eq!(left(1_795_000_000), 20 * 3_600 + 53 * 60 + 20);
        // 2026-11-01T07:00:00Z is midnight of the day on which clocks are set back
        assert_eq!(left(1_793_516_400), 25 * 3_600);
        // 2026-03-08T08:00:00Z is midnight of the day on which they are set forward
        assert_eq!(left(1_772_956_800), 23 * 3_600);
    }

    #[test]
    fn a_quota_is_everybodys_and_an_upload_limit_the_channels() {
        let of = |status, reason: &str| {
            let body = format!(r#"{{"error":{{"code":{status},"errors":[{{"reason":"{reason}"}}]}}}}"#);
            failure(Phase::Prepare, &answer(status, &[], &body), now()).scope
        };
        assert_eq!((of(403, "quotaExceeded"), of(400, "uploadLimitExceeded")), (Some(Scope::Server), None));
    }

    #[test]
    fn no_control_character_is_kept_and_no_odd_field_hides_another() {
        let body = r#"{"error":{"errors":[{"reason":["x"]}],"status":"a\u0000b","message":"c\u0000d"}}"#;
        let failure = failure(Phase::Prepare, &answer(400, &[], body), now());
        assert_eq!((failure.message.as_str(), failure.code.as_deref()), ("cd", Some("ab")));
    }
}
