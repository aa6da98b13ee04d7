//! What an answer of TikTok means. It says it in one shape, `{"data": …, "error": {"code": "ok", …}}`, also where the status is that
//! of a success; the token endpoint as RFC 6749 does, but with that status too.

use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::client::{Answer, CallError};
use crate::providers::answer::{self, Fields, MAX_WAIT, Phase, refused, retry_at, unclear};
use crate::providers::code_flow::Renewed;
use crate::providers::failure::clean;
use crate::providers::{Failure, Scope, oauth};

/// The most characters kept of a code.
const MAX_CODE: usize = 80;
/// Limits are of the last minute, and nothing says when it began.
const MINUTE: Duration = Duration::from_secs(60);

/// The code of a success.
const OK: &str = "ok";

/// What TikTok says is wrong; empty where the answer is not TikTok's.
#[derive(Default)]
struct Problem {
    code: String,
    message: String,
}

impl Problem {
    /// Each field on its own: an odd one must not hide the others.
    fn of(answer: &Answer) -> Self {
        let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let text = |name: &str| json["error"][name].as_str().unwrap_or_default().to_owned();
        Self { code: clean(&text("code"), MAX_CODE), message: text("message") }
    }
}

/// What a success holds.
#[derive(Deserialize)]
struct Told<T> {
    data: T,
}

/// Whether it is TikTok who refuses.
pub(super) fn is_theirs(answer: &Answer) -> bool {
    let code = Problem::of(answer).code;
    !code.is_empty() && code != OK
}

/// The data of a success, or what the failure means in this phase.
pub(super) fn read<T: DeserializeOwned>(
    phase: Phase,
    answer: Result<Answer, CallError>,
) -> Result<T, Failure> {
    let answer = answer.map_err(|error| unclear(phase, &error))?;
    if answer.status != 200 || Problem::of(&answer).code != OK {
        return Err(failure(phase, &answer, SystemTime::now()));
    }
    let Fields(Told { data: Fields(data) }) = answer::content(phase, &answer)?;
    Ok(data)
}

/// An answer that is not a success.
pub(super) fn failure(phase: Phase, answer: &Answer, now: SystemTime) -> Failure {
    if phase == Phase::Refresh {
        return oauth::not_renewed(&as_refusal(answer), now);
    }
    let Problem { code, message } = Problem::of(answer);
    let class = class(phase, answer.status, &code);
    let failure = refused(answer, class, &code, &message, now);
    let (retry_at, scope) = match class {
        ErrorClass::RateLimited => (Some(limit(answer, now)), None),
        // the app has published for as many accounts as it may in a day
        ErrorClass::QuotaExhausted if code == "reached_active_user_cap" => {
            (Some(now + MAX_WAIT), Some(Scope::Server))
        }
        ErrorClass::QuotaExhausted => (Some(now + MAX_WAIT), None),
        _ => (failure.retry_at, None),
    };
    Failure { retry_at, scope, ..failure }
}

fn class(phase: Phase, status: u16, code: &str) -> ErrorClass {
    match (status, code) {
        (_, "access_token_invalid") => phase.unauthorized(),
        (_, "scope_not_authorized" | "scope_permission_missed") => ErrorClass::Permission,
        (_, "rate_limit_exceeded") | (429, _) => ErrorClass::RateLimited,
        (_, "internal_error") | (408 | 409 | 425 | 500.., _) => phase.not_clear(),
        (_, "spam_risk_too_many_posts" | "spam_risk_too_many_pending_share" | "reached_active_user_cap") => {
            ErrorClass::QuotaExhausted
        }
        (_, "spam_risk_user_banned_from_posting" | "spam_risk") => ErrorClass::PolicyBlocked,
        // an app that TikTok has not audited, and an app on a phone that is too old
        (_, "unaudited_client_can_only_post_to_private_accounts" | "app_version_check_failed") => {
            ErrorClass::Permission
        }
        (_, "invalid_publish_id" | "token_not_authorized_for_specified_publish_id") => {
            ErrorClass::TargetMissing
        }
        (401, "") => phase.unauthorized(),
        // a success that says nothing, and the word of something in between
        (_, "" | OK) if phase == Phase::Commit || status < 300 => phase.not_clear(),
        // redirects are not followed
        (300..400, "") => ErrorClass::Config,
        (_, "" | OK) => ErrorClass::Transient,
        (200..500, _) => ErrorClass::ContentInvalid,
        _ => phase.not_clear(),
    }
}

/// When a limit ends.
fn limit(answer: &Answer, now: SystemTime) -> SystemTime {
    let is_told = answer.headers.contains_key(reqwest::header::RETRY_AFTER);
    if is_told { retry_at(answer, None, now) } else { now + MINUTE }
}

/// What the task of a post failed for, in the words of TikTok: nothing was published, and nothing will be.
pub(super) fn failed(reason: &str, now: SystemTime) -> Failure {
    let reason = clean(reason, MAX_CODE);
    let class = match reason.as_str() {
        "internal" | "video_pull_failed" | "photo_pull_failed" => ErrorClass::Transient,
        "spam_risk_too_many_posts" => ErrorClass::QuotaExhausted,
        "spam_risk_user_banned_from_posting" | "spam_risk" => ErrorClass::PolicyBlocked,
        "auth_removed" => ErrorClass::AuthRevoked,
        // somebody's own will: the same is not tried again by itself
        "publish_cancelled" => ErrorClass::Permission,
        // formats, lengths, sizes and texts; and what later versions say, with which nobody knows better
        _ => ErrorClass::ContentInvalid,
    };
    let message = match reason.as_str() {
        "" => "TikTok has not published it and says no reason".to_owned(),
        "publish_cancelled" => "the post was cancelled on TikTok (publish_cancelled)".to_owned(),
        reason => format!("TikTok has not published it: {reason}"),
    };
    Failure {
        code: Some(reason).filter(|reason| !reason.is_empty()),
        retry_at: (class == ErrorClass::QuotaExhausted).then(|| now + MAX_WAIT),
        ..Failure::new(class, message)
    }
}

/// The token endpoint refuses with the status of a success.
fn as_refusal(answer: &Answer) -> Answer {
    let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let is_refusal = json["error"].as_str().is_some_and(|error| !error.is_empty() && error != OK);
    let status = if (200..300).contains(&answer.status) && is_refusal { 400 } else { answer.status };
    Answer { status, headers: answer.headers.clone(), body: answer.body.clone() }
}

/// New tokens, or why there are none.
pub(super) fn renewed(answer: Result<Answer, CallError>) -> Result<Fields<Renewed>, Failure> {
    answer::read(Phase::Refresh, answer.map(|answer| as_refusal(&answer)), failure)
}

/// What a code gives, or why it gives nothing.
pub(super) fn exchanged(answer: Result<Answer, CallError>) -> Result<Renewed, Failure> {
    oauth::answered(answer.map(|answer| as_refusal(&answer)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::answer::fixtures::{self, answer, now};

    #[test]
    fn every_recorded_answer_has_its_class() {
        let checked = fixtures::check("tiktok", failure);
        assert!(checked >= 60, "only {checked} classes");
    }

    #[test]
    fn a_success_says_that_it_is_one() {
        let told = |status, body: &str| read::<Value>(Phase::Commit, Ok(answer(status, &[], body)));
        assert!(told(200, r#"{"data":{"publish_id":"1"},"error":{"code":"ok"}}"#).is_ok());
        for body in [
            r#"{"data":{}}"#,
            r#"{"error":{"code":"ok"}}"#,
            r#"{"data":[],"error":{"code":"ok"}}"#,
            "[]",
            "ok",
        ] {
            assert_eq!(told(200, body).unwrap_err().class, ErrorClass::OutcomeUnknown, "{body}");
        }
        let accepted = r#"{"data":{"publish_id":"1"},"error":{"code":"ok"}}"#;
        assert_eq!(told(202, accepted).unwrap_err().class, ErrorClass::OutcomeUnknown);
    }

    #[test]
    fn a_task_that_failed_says_why() {
        use ErrorClass::{AuthRevoked, ContentInvalid, Permission, PolicyBlocked, QuotaExhausted, Transient};
        for (reason, class) in [
            ("file_format_check_failed", ContentInvalid),
            ("duration_check_failed", ContentInvalid),
            ("frame_rate_check_failed", ContentInvalid),
            ("picture_size_check_failed", ContentInvalid),
            ("internal", Transient),
            ("video_pull_failed", Transient),
            ("photo_pull_failed", Transient),
            ("publish_cancelled", Permission),
            ("auth_removed", AuthRevoked),
            ("spam_risk_too_many_posts", QuotaExhausted),
            ("spam_risk_user_banned_from_posting", PolicyBlocked),
            ("spam_risk_text", ContentInvalid),
            ("spam_risk", PolicyBlocked),
            ("something_new", ContentInvalid),
            ("", ContentInvalid),
        ] {
            let failure = failed(reason, now());
            assert_eq!((failure.class, failure.code.as_deref().unwrap_or_default()), (class, reason));
            assert_eq!(failure.retry_at.is_some(), class == QuotaExhausted, "{reason}");
        }
        assert_eq!(failed("a\0b\u{1b}", now()).code.as_deref(), Some("ab"));
    }

    #[test]
    fn what_all_accounts_wait_for_is_told_apart() {
        let of = |code: &str| {
            failure(Phase::Prepare, &answer(403, &[], &format!(r#"{{"error":{{"code":"{code}"}}}}"#)), now())
                .scope
        };
        assert_eq!(
            (of("reached_active_user_cap"), of("spam_risk_too_many_posts")),
            (Some(Scope::Server), None)
        );
    }

    #[test]
    fn no_odd_field_hides_another() {
        let body = r#"{"error":{"code":"a\u0000b","message":["x"],"log_id":7}}"#;
        let failure = failure(Phase::Prepare, &answer(400, &[], body), now());
        assert_eq!((failure.class, failure.code.as_deref()), (ErrorClass::ContentInvalid, Some("ab")));
    }
}
