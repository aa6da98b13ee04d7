//! What an answer of Misskey means: `{"error": {"message", "code", "id", "kind"}}`.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use serde_json::Value;

use crate::client::Answer;
use crate::providers::Failure;
use crate::providers::answer::{Phase, retry_at, since_1970};
use crate::providers::failure::clean;

/// The most characters kept of an error's name.
const MAX_CODE: usize = 80;

/// An answer that is not a success.
pub(super) fn failure(phase: Phase, answer: &Answer, now: SystemTime) -> Failure {
    let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let error = &json["error"];
    let text = |name: &str| error[name].as_str().unwrap_or_default();
    let code = clean(text("code"), MAX_CODE);
    let class = class(phase, answer.status, &code);
    let message = match (text("message"), code.as_str()) {
        ("", "") => format!("the server answered {}", answer.status),
        ("", code) => format!("the server answered {code}"),
        (message, _) => message.to_owned(),
    };
    let reset = error["info"]["resetMs"].as_u64().map(|millis| since_1970(millis / 1_000));
    Failure {
        status: Some(answer.status),
        retry_at: (class == ErrorClass::RateLimited).then(|| retry_at(answer, reset, now)),
        // the files that were uploaded are gone, and what was written down names them
        draft_again: phase == Phase::Commit && code == "NO_SUCH_FILE",
        code: (!code.is_empty()).then_some(code),
        ..Failure::new(class, message)
    }
}

fn class(phase: Phase, status: u16, code: &str) -> ErrorClass {
    let repeatable = matches!(phase, Phase::Prepare | Phase::Read);
    match (status, code) {
        (429, _) | (_, "RATE_LIMIT_EXCEEDED") => ErrorClass::RateLimited,
        // One that answered before is being restarted or moved.
        (404 | 405 | 410, "") if repeatable => ErrorClass::Transient,
        // Not a server of the API; redirects are not followed. While publishing it is the page of a proxy, which proves nothing.
        (300..400 | 404 | 405 | 410, "") if phase != Phase::Commit => ErrorClass::Config,
        // The word of something in between, not of the server.
        (_, "") => phase.not_clear(),
        // It may have made the note all the same.
        (500.., _) | (408 | 409 | 425, _) => phase.not_clear(),
        (_, "AUTHENTICATION_FAILED" | "CREDENTIAL_REQUIRED") => phase.unauthorized(),
        (_, "YOUR_ACCOUNT_SUSPENDED" | "YOUR_ACCOUNT_MOVED") => ErrorClass::AuthRevoked,
        (_, "NO_SUCH_ENDPOINT") => ErrorClass::Config,
        // Of a role as of a token, of somebody who blocks the account, of a drive that is full.
        (
            _,
            "PERMISSION_DENIED"
            | "ROLE_PERMISSION_DENIED"
            | "ACCESS_DENIED"
            | "YOU_HAVE_BEEN_BLOCKED"
            | "BLOCKED"
            | "BLOCKING"
            | "CANNOT_REPLY_TO_AN_INVISIBLE_NOTE"
            | "NO_FREE_SPACE",
        ) => ErrorClass::Permission,
        (
            _,
            "NO_SUCH_NOTE" | "NO_SUCH_REPLY_TARGET" | "NO_SUCH_USER" | "NO_SUCH_OBJECT" | "REQUEST_FAILED",
        ) => ErrorClass::TargetMissing,
        (_, "FAILED_TO_CREATE_DRIVE_FILE") => phase.not_clear(),
        _ => ErrorClass::ContentInvalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::answer::fixtures::{self, answer, now};

    #[test]
    fn every_recorded_answer_has_its_class() {
        let checked = fixtures::check("misskey", failure);
        assert!(checked >= 50, "only {checked} classes");
    }

    #[test]
    fn odd_words_are_no_words() {
        for body in [
            r#"{"error":{"code":7,"message":["x"]}}"#,
            r#"{"error":"AUTHENTICATION_FAILED"}"#,
            "[]",
            "<html>",
            "",
        ] {
            let failure = failure(Phase::Commit, &answer(400, &[], body), now());
            assert_eq!((failure.class, failure.code), (ErrorClass::OutcomeUnknown, None), "{body}");
        }
        let body = r#"{"error":{"code":"INVALID\u0000_PARAM","message":"a\u0000b\u001b[2J"}}"#;
        let failure = failure(Phase::Commit, &answer(400, &[], body), now());
        assert_eq!((failure.message.as_str(), failure.code.as_deref()), ("ab[2J", Some("INVALID_PARAM")));
    }

    #[test]
    fn files_that_are_gone_need_another_request() {
        let body = r#"{"error":{"code":"NO_SUCH_FILE","message":"Some files are not found."}}"#;
        let again = |phase| failure(phase, &answer(400, &[], body), now()).draft_again;
        assert!(again(Phase::Commit) && !again(Phase::Prepare));
    }
}
