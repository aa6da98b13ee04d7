//! What an answer of the server that makes sessions means (RFC 6749, 5.2; RFC 9126; RFC 9449).

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use serde_json::Value;

use super::dpop::USE_NONCE;
use crate::client::Answer;
use crate::providers::Failure;
use crate::providers::answer::{Phase, retry_at};
use crate::providers::failure::clean;

/// The error of a proof that is not accepted.
pub(in crate::providers::bluesky) const INVALID_PROOF: &str = "invalid_dpop_proof";
/// The most characters kept of an error's name.
const MAX_CODE: usize = 80;

/// An answer that is no success.
pub(super) fn failure(phase: Phase, answer: &Answer, now: SystemTime) -> Failure {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    let (error, told) = (text("error"), text("error_description"));
    let class = class(phase, answer.status, error);
    let message = match (error, told) {
        ("", "") => format!("the server that makes sessions answered {}", answer.status),
        (error, "") => format!("the server that makes sessions answered {} {error}", answer.status),
        (_, told) => told.to_owned(),
    };
    Failure {
        status: Some(answer.status),
        code: (!error.is_empty()).then(|| clean(error, MAX_CODE)),
        retry_at: (class == ErrorClass::RateLimited).then(|| retry_at(answer, None, now)),
        ..Failure::new(class, message)
    }
}

fn class(phase: Phase, status: u16, error: &str) -> ErrorClass {
    match (status, error) {
        (429, _) => ErrorClass::RateLimited,
        // The clock, or a nonce that changes with every call: no fault of the session.
        (400 | 401, USE_NONCE | INVALID_PROOF) => ErrorClass::Transient,
        // The only word that proves a session dead. Of a code: it was used, or came too late.
        (400 | 401, "invalid_grant") => phase.unauthorized(),
        (400 | 401 | 403, "access_denied") => ErrorClass::Permission,
        // What we are, or what we say: no other try changes it.
        (400..=499, named) if !named.is_empty() => ErrorClass::Config,
        // Nobody has looked at it: redirects are not followed.
        (300..=399 | 404 | 405 | 410 | 501, _) => ErrorClass::Transient,
        // The server may have done it: a refresh token may be spent.
        _ if phase == Phase::Refresh => ErrorClass::OutcomeUnknown,
        _ => ErrorClass::Transient,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::answer::fixtures;

    #[test]
    fn every_recorded_answer_has_its_class() {
        let checked = fixtures::check("bluesky_oauth", failure);
        assert!(checked >= 12, "only {checked} fixtures");
    }

    #[test]
    fn only_an_answer_that_says_nothing_leaves_a_refresh_open() {
        let class = |phase, status, body: &str| {
            failure(phase, &fixtures::answer(status, &[], body), fixtures::now()).class
        };
        let named = r#"{"error":"invalid_client"}"#;
        for (status, body, open) in [
            (500, "", true),
            (500, r#"{"error":"server_error"}"#, true),
            (502, "<html>", true),
            (503, "", true),
            (408, "", true),
            (400, "", true),
            (400, named, false),
            (401, named, false),
            (400, r#"{"error":"use_dpop_nonce"}"#, false),
            (404, "", false),
            (302, "", false),
            (429, "", false),
        ] {
            let found = class(Phase::Refresh, status, body) == ErrorClass::OutcomeUnknown;
            assert_eq!(found, open, "{status} {body}");
            assert_ne!(class(Phase::Login, status, body), ErrorClass::OutcomeUnknown, "{status} {body}");
        }
    }
}
