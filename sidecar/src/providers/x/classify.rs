//! What an answer of X means. X says it in three shapes: a problem, a list of errors (also inside a success), and
//! the errors of OAuth.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use serde_json::Value;

use crate::client::Answer;
use crate::providers::answer::{MAX_WAIT, Phase, retry_at, since_1970};
use crate::providers::failure::clean;
use crate::providers::{Failure, Scope};

/// The most characters kept of an error's name.
const MAX_CODE: usize = 80;

/// The limits whose state an answer can tell in its headers, and whose they are. The first that is used up counts, or else
/// the last, which each call has of its own: too many messages are no reason not to post.
const LIMITS: [(&str, Option<Scope>); 3] = [
    ("x-app-limit-24hour", Some(Scope::Server)),
    ("x-user-limit-24hour", Some(Scope::Account)),
    ("x-rate-limit", None),
];

/// What X says is wrong; empty where the answer is not X's.
#[derive(Default)]
struct Problem {
    /// The last part of the problem's address, for instance `usage-capped`.
    kind: String,
    title: String,
    detail: String,
    /// The name in OAuth.
    error: String,
    /// The status that an error inside a success has.
    status: Option<u16>,
}

impl Problem {
    /// Each field on its own: an odd one must not hide the others.
    fn of(json: &Value) -> Self {
        let text = |json: &Value, name: &str| json[name].as_str().unwrap_or_default().to_owned();
        let first = &json["errors"][0];
        let address = text(json, "type");
        let kind = address.rsplit('/').next().unwrap_or_default();
        let details = [
            text(first, "message"),
            text(first, "detail"),
            text(json, "detail"),
            text(json, "error_description"),
        ];
        Self {
            kind: if kind == "about:blank" { String::new() } else { kind.to_owned() },
            title: text(json, "title"),
            detail: details.into_iter().find(|detail| !detail.is_empty()).unwrap_or_default(),
            error: text(json, "error"),
            status: json["status"].as_u64().and_then(|status| status.try_into().ok()),
        }
    }

    fn is_empty(&self) -> bool {
        [&self.kind, &self.title, &self.detail, &self.error].iter().all(|text| text.is_empty())
    }

    fn says(&self, words: &str) -> bool {
        self.detail.to_ascii_lowercase().contains(words)
    }

    /// The account that acts, not one it speaks to.
    fn is_suspended(&self) -> bool {
        self.kind == "user-suspended"
            || self.says("for authentication is suspended")
            || self.says("your account is suspended")
    }
}

/// An answer that is not a success.
pub(super) fn failure(phase: Phase, answer: &Answer, now: SystemTime) -> Failure {
    let problem = Problem::of(&serde_json::from_slice(&answer.body).unwrap_or_default());
    of(phase, answer.status, &problem, answer, now)
}

/// The failure that a success names, if it does.
pub(super) fn in_success(phase: Phase, answer: &Answer) -> Option<Failure> {
    if !(200..300).contains(&answer.status) {
        return None;
    }
    let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let first = json.get("errors").filter(|errors| !errors.is_null() && **errors != serde_json::json!([]))?;
    let problem = Problem::of(first.get(0).unwrap_or(&Value::Null));
    let status = problem.status.unwrap_or(match problem.kind.as_str() {
        "invalid-request" => 400,
        "not-authorized-for-resource" | "not-authorized-for-field" => 403,
        "resource-not-found" => 404,
        "usage-capped" => 429,
        _ => 500,
    });
    let failure = of(phase, status, &problem, answer, SystemTime::now());
    // With something made beside it, nobody can say what it is about.
    let is_made = phase == Phase::Commit && !json["data"].is_null();
    Some(if is_made { failure.into_unknown() } else { failure })
}

fn of(phase: Phase, status: u16, problem: &Problem, answer: &Answer, now: SystemTime) -> Failure {
    let class =
        if phase == Phase::Refresh { of_refresh(status, problem) } else { class(phase, status, problem) };
    let name = [&problem.kind, &problem.error, &problem.title].into_iter().find(|name| !name.is_empty());
    let message = match (problem.detail.as_str(), name) {
        ("", None) => format!("the server answered {}", answer.status),
        ("", Some(name)) => format!("the server answered {} {name}", answer.status),
        (detail, _) => detail.to_owned(),
    };
    let (retry_at, scope) = match class {
        ErrorClass::RateLimited => {
            let (reset, scope) = limit(answer);
            (Some(retry_at(answer, reset, now)), scope)
        }
        // The app's money is used up, for all accounts. Nothing tells when somebody pays.
        ErrorClass::QuotaExhausted => (Some(now + MAX_WAIT), Some(Scope::Server)),
        _ => (None, None),
    };
    Failure {
        status: Some(answer.status),
        code: name.map(|name| clean(name, MAX_CODE)),
        retry_at,
        scope,
        // What was uploaded is kept for a day, and what was written down names it.
        draft_again: phase == Phase::Commit && problem.says("media ids are invalid"),
        ..Failure::new(class, message)
    }
}

fn class(phase: Phase, status: u16, problem: &Problem) -> ErrorClass {
    match (status, problem.kind.as_str()) {
        (402, _) | (429, "usage-capped") => ErrorClass::QuotaExhausted,
        (429, _) => ErrorClass::RateLimited,
        (401, _) => phase.unauthorized(),
        // The word of something in between, not of X.
        (403, _) if problem.is_empty() => phase.not_clear(),
        (403, _) => forbidden(problem),
        (408 | 409 | 425, _) => phase.not_clear(),
        // X names its problems. A server that answered before is being restarted or moved.
        (404 | 405 | 410, _) if problem.is_empty() && matches!(phase, Phase::Prepare | Phase::Read) => {
            ErrorClass::Transient
        }
        (404, _) if !problem.is_empty() => ErrorClass::TargetMissing,
        // Not X, or no longer this version; redirects are not followed.
        (300..400 | 404 | 405 | 410 | 426, _) => ErrorClass::Config,
        (400..500, _) => ErrorClass::ContentInvalid,
        _ => phase.not_clear(),
    }
}

/// A refusal has one status for everything; the words tell.
fn forbidden(problem: &Problem) -> ErrorClass {
    match problem.kind.as_str() {
        _ if problem.says("duplicate content") => ErrorClass::Duplicate,
        _ if problem.is_suspended() => ErrorClass::AuthRevoked,
        _ if problem.says("might be automated") || problem.says("temporarily locked") => {
            ErrorClass::PolicyBlocked
        }
        // The app is not enrolled in what it uses.
        "client-forbidden" => ErrorClass::Config,
        _ => ErrorClass::Permission,
    }
}

/// A grant is only given up on X's clear word about its token.
fn of_refresh(status: u16, problem: &Problem) -> ErrorClass {
    match (status, problem.error.as_str()) {
        (429, _) => ErrorClass::RateLimited,
        (400 | 401, "invalid_grant") => ErrorClass::AuthRevoked,
        (400 | 401, "invalid_request") if problem.says("token was invalid") => ErrorClass::AuthRevoked,
        (403, _) if problem.is_suspended() => ErrorClass::AuthRevoked,
        (400..=403, "invalid_client" | "unauthorized_client" | "unsupported_grant_type") | (300..400, _) => {
            ErrorClass::Config
        }
        _ => ErrorClass::Transient,
    }
}

/// When the limit that was reached ends, and whose it is; nothing: what the account was doing.
fn limit(answer: &Answer) -> (Option<SystemTime>, Option<Scope>) {
    let number = |limit: &str, what| {
        let value = answer.headers.get(format!("{limit}-{what}"))?.to_str().ok()?;
        value.trim().parse::<u64>().ok()
    };
    let [.., usual] = LIMITS;
    let (limit, scope) =
        LIMITS.into_iter().find(|(limit, _)| number(limit, "remaining") == Some(0)).unwrap_or(usual);
    (number(limit, "reset").map(since_1970), scope)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::providers::answer::fixtures::{self, answer, now};

    /// Each fixture is an answer as X gives it, with the class it has in each phase.
    #[test]
    fn every_recorded_answer_has_its_class() {
        let checked = fixtures::check("x", failure);
        assert!(checked >= 40, "only {checked} answers");
    }

    #[test]
    fn a_limit_is_of_the_call_or_of_the_account_or_of_the_app() {
        let limited = |headers: &[(&str, &str)]| {
            let headers: Vec<_> = headers.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
            let failure = failure(Phase::Commit, &answer(429, &headers, ""), now());
            (failure.retry_at.unwrap().duration_since(now()).unwrap().as_secs(), failure.scope)
        };
        let usual = ("x-rate-limit-reset", "1795000060");
        let app = ("x-app-limit-24hour-reset", "1795007200");
        let user = ("x-user-limit-24hour-remaining", "0");
        assert_eq!(limited(&[usual]), (60, None));
        assert_eq!(limited(&[usual, user]), (300, Some(Scope::Account)));
        assert_eq!(limited(&[usual, app, ("x-app-limit-24hour-remaining", "3")]), (60, None));
        assert_eq!(
            limited(&[usual, app, ("x-app-limit-24hour-remaining", "0")]),
            (7_200, Some(Scope::Server))
        );
        assert_eq!(limited(&[("x-rate-limit-reset", "soon")]), (300, None));
        let capped = answer(429, &[], r#"{"type":"https://api.twitter.com/2/problems/usage-capped"}"#);
        let capped = failure(Phase::Commit, &capped, now());
        assert_eq!((capped.class, capped.scope), (ErrorClass::QuotaExhausted, Some(Scope::Server)));
        assert_eq!(capped.retry_at, Some(now() + Duration::from_secs(86_400)));
    }

    #[test]
    fn media_that_are_gone_need_another_request() {
        let body = r#"{"errors":[{"message":"Your media IDs are invalid."}],"title":"Invalid Request"}"#;
        let again = |phase| failure(phase, &answer(400, &[], body), now()).draft_again;
        assert!(again(Phase::Commit) && !again(Phase::Prepare));
        assert!(!failure(Phase::Commit, &answer(400, &[], "{}"), now()).draft_again);
    }

    #[test]
    fn a_success_that_names_an_error_is_none() {
        let told = |body: &Value| in_success(Phase::Commit, &answer(200, &[], &body.to_string()));
        let class = |error: Value| told(&json!({ "errors": [error] })).unwrap().class;
        assert_eq!(class(json!({ "status": 500 })), ErrorClass::OutcomeUnknown);
        assert_eq!(class(json!({ "status": 403, "detail": "duplicate content" })), ErrorClass::Duplicate);
        assert_eq!(class(json!({ "type": "x/invalid-request" })), ErrorClass::ContentInvalid);
        // nobody knows what these mean
        for odd in [json!(1), json!(null), json!({}), json!({ "status": "403" }), json!([])] {
            assert_eq!(class(odd.clone()), ErrorClass::OutcomeUnknown, "{odd}");
        }
        let both = json!({ "data": { "id": "1" }, "errors": [{ "status": 403, "detail": "no" }] });
        assert_eq!(told(&both).unwrap().class, ErrorClass::OutcomeUnknown);
        for none in [json!({ "data": {} }), json!({ "errors": [] }), json!({ "errors": null }), json!([])] {
            assert!(told(&none).is_none(), "{none}");
        }
        assert!(told(&json!({ "errors": "x" })).is_some());
    }

    #[test]
    fn no_control_character_is_kept_and_no_odd_field_hides_another() {
        let body = r#"{"title":["x"],"detail":"a\u0000b","type":7,"error":"c\u0000d"}"#;
        let failure = failure(Phase::Prepare, &answer(400, &[], body), now());
        assert_eq!((failure.message.as_str(), failure.code.as_deref()), ("ab", Some("cd")));
    }
}
