//! What an answer of the REST interface means.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use reqwest::header::{HeaderName, RETRY_AFTER};
use serde_json::Value;

use crate::client::Answer;
use crate::providers::Failure;
use crate::providers::answer::{Phase, retry_at, since_1970, time};

const RATE_LIMIT_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// An answer that is not a success.
pub(super) fn failure(phase: Phase, answer: &Answer, now: SystemTime) -> Failure {
    let error = error(answer);
    let class = class(phase, answer.status, &error);
    // A server that starts says when it will be there.
    let is_named = class == ErrorClass::Transient && answer.headers.contains_key(RETRY_AFTER);
    let waits = class == ErrorClass::RateLimited || is_named;
    let message = if error.is_empty() { format!("the server answered {}", answer.status) } else { error };
    Failure {
        status: Some(answer.status),
        retry_at: waits.then(|| retry_at(answer, reset(answer), now)),
        ..Failure::new(class, message)
    }
}

/// The server's own words; none where the answer is not of the interface.
fn error(answer: &Answer) -> String {
    let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    json["error"].as_str().unwrap_or_default().to_owned()
}

fn class(phase: Phase, status: u16, error: &str) -> ErrorClass {
    let repeatable = matches!(phase, Phase::Prepare | Phase::Read);
    match status {
        429 => ErrorClass::RateLimited,
        // The word of something in between, not of the server: a token is only given up on the server's own.
        401 if error.is_empty() => phase.not_clear(),
        // Tokens don't end, so this one was taken back. The account may have been connected again meanwhile; if not, there
        // is nothing to renew it with, and that is the end of the session.
        401 => phase.unauthorized(),
        // Of an account that is disabled, not confirmed or not approved, in these words in every language.
        403 if error.starts_with("Your login is") => phase.unauthorized(),
        403 => ErrorClass::Permission,
        // The token is an application's, not a user's.
        422 if error == "This method requires an authenticated user" => phase.unauthorized(),
        408 | 425 => phase.not_clear(),
        // The server knows no such post or account.
        404 | 410 if !error.is_empty() && phase != Phase::Login => ErrorClass::TargetMissing,
        // One that answered before is being restarted or moved.
        404 | 405 | 410 | 501 if error.is_empty() && repeatable => ErrorClass::Transient,
        // Not a server of the interface, or one that wants to know more of its callers; redirects are not followed.
        301 | 302 | 307 | 308 | 404 | 405 | 410 | 418 | 501 => ErrorClass::Config,
        400..=499 => ErrorClass::ContentInvalid,
        _ => phase.not_clear(),
    }
}

/// `X-RateLimit-Reset` is a time in ISO 8601; other servers give seconds since 1970.
fn reset(answer: &Answer) -> Option<SystemTime> {
    let text = answer.header(&RATE_LIMIT_RESET)?;
    time(text).or_else(|| text.trim().parse().ok().map(since_1970))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::providers::answer::fixtures::{self, answer, now};

    /// Each fixture is an answer as servers give it, with the class it has in each phase.
    #[test]
    fn every_recorded_answer_has_its_class() {
        let checked = fixtures::check("mastodon", failure);
        assert!(checked >= 60, "only {checked} classes");
    }

    #[test]
    fn times_are_read_in_every_spelling() {
        for text in [
            "2026-11-18T11:07:40.000Z",
            "2026-11-18T11:07:40.000000+00:00",
            " 2026-11-18T11:07:40Z",
            "2026-11-18 11:07:40",
        ] {
            assert_eq!(time(text), Some(now() + Duration::from_secs(60)), "{text}");
        }
        for odd in ["", "soon", "1795000060", "2026-11-18T11:07:40+09:00", "2026-13-18T11:07:40Z"] {
            assert_eq!(time(odd), None, "{odd}");
        }
    }

    #[test]
    fn of_several_times_the_last_counts() {
        let headers = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect::<Vec<_>>()
        };
        let starting = headers(&[("retry-after", "5"), ("retry-after", "Wed, 18 Nov 2026 11:08:20 GMT")]);
        let failure = failure(Phase::Prepare, &answer(503, &starting, "<html>"), now());
        assert_eq!(failure.class, ErrorClass::Transient);
        assert_eq!(failure.retry_at, Some(now() + Duration::from_secs(100)));
    }

    #[test]
    fn odd_words_are_no_words() {
        for body in [r#"{"error":["The access token expired",null]}"#, r#"{"error":7}"#, "[]", "<html>", ""] {
            let failure = failure(Phase::Commit, &answer(422, &[], body), now());
            assert_eq!(
                (failure.class, failure.message.as_str()),
                (ErrorClass::ContentInvalid, "the server answered 422")
            );
        }
        let body = r#"{"error":"a\u0000b\u001b[2J"}"#;
        assert_eq!(failure(Phase::Commit, &answer(422, &[], body), now()).message, "ab[2J");
    }
}
