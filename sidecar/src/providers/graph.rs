//! What Meta's Graph API has in common on all its platforms: its calls, its errors, its limits.

pub(super) mod comments;
pub(super) mod containers;
mod listed;
pub(super) mod own_login;
pub(super) mod pages;
#[cfg(test)]
pub(super) mod testing;

use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use reqwest::header::{CONTENT_TYPE, HeaderName};
use reqwest::{Method, RequestBuilder};
use secrecy::SecretString;
use serde::de::IgnoredAny;
use serde_json::Value;
use url::form_urlencoded;

pub(super) use crier_core::platform::meta::{is_id, is_object};
pub(super) use listed::{next, page, permalink, published, seconds, time};

use super::answer::{self, Phase, retry_at};
use super::failure::clean;
use super::{Act, Done, Failure, Scope};
use crate::client::{Answer, CallError, Client, bearer};

/// The version of the API that is spoken where the operator names no other.
pub(super) const VERSION: &str = "v26.0";

const BUSINESS_USAGE: HeaderName = HeaderName::from_static("x-business-use-case-usage");
/// A quota is of any 24 hours and nobody tells when it has room again: asked once an hour.
const QUOTA_WAIT: Duration = Duration::from_secs(60 * 60);
/// The most characters of a code.
const MAX_CODE: usize = 40;
/// The most characters of an account's name.
pub(super) const MAX_HANDLE: usize = 30;
/// A word of a message that is longer is no word: it may be a token.
const MAX_WORD: usize = 60;

/// What an answer means on one platform that is not a success.
pub(super) type Judge = fn(Phase, &Answer, SystemTime) -> Failure;

/// The parameters of a call.
pub(super) type Params = Vec<(&'static str, String)>;

/// A server, called as one account or as nobody. The token goes into a header, where no log of addresses has it.
#[derive(Clone, Copy)]
pub(super) struct Graph<'a> {
    client: &'a Client,
    base_url: &'a str,
    version: &'a str,
    token: Option<&'a SecretString>,
}

impl<'a> Graph<'a> {
    pub(super) fn new(
        client: &'a Client,
        (base_url, version): (&'a str, &'a str),
        token: Option<&'a SecretString>,
    ) -> Self {
        Self { client, base_url, version, token }
    }

    /// The client and the account's token, for a server of Meta's that speaks otherwise.
    pub(super) fn beside(&self) -> (&'a Client, &'a str, Option<&'a SecretString>) {
        (self.client, self.base_url, self.token)
    }

    /// Reads a node or a list.
    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, CallError> {
        self.client.send(self.request(Method::GET, path).query(query)).await
    }

    /// Makes something.
    pub(super) async fn post(&self, path: &str, params: &Params) -> Result<Answer, CallError> {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
        let request = self.request(Method::POST, path);
        self.client.send(request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form)).await
    }

    /// Takes something away.
    pub(super) async fn delete(&self, path: &str) -> Result<Answer, CallError> {
        self.client.send(self.request(Method::DELETE, path)).await
    }

    /// Reads something that has no version.
    pub(super) async fn get_unversioned(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Answer, CallError> {
        let request = self.client.request(Method::GET, &format!("{}/{path}", self.base_url));
        self.client.send(request.query(query)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, &format!("{}/{}/{path}", self.base_url, self.version));
        match self.token {
            Some(token) => bearer(request, token),
            None => request,
        }
    }
}

/// An id as an address has it.
pub(super) fn id(text: &str) -> Result<&str, Failure> {
    let refuse = || Failure::new(ErrorClass::ContentInvalid, "what is named is not an id of the platform");
    is_object(text).then_some(text).ok_or_else(refuse)
}

/// Takes a post back. "There is none", "not allowed" and "not offered for this kind" are one answer; whether it can still be
/// read tells the first from the others. `is_gone` knows how the platform says besides that there is none.
pub(super) async fn delete(
    (server, judge): (&Graph<'_>, Judge),
    (platform, act, post): (&str, &Act, &str),
    is_gone: fn(&Failure) -> bool,
) -> Result<Done, Failure> {
    let is_gone = |failure: &Failure| failure.class == ErrorClass::TargetMissing || is_gone(failure);
    let deleted: Result<IgnoredAny, _> = answer::read(Phase::Prepare, server.delete(post).await, judge);
    match deleted {
        Err(failure) if is_gone(&failure) => {
            let left = server.get(post, &[("fields", "id")]).await;
            match answer::read::<IgnoredAny>(Phase::Read, left, judge) {
                Ok(_) => Err(Failure::unsupported(platform, act)),
                Err(failure) if is_gone(&failure) => Ok(Done::default()),
                Err(failure) => Err(failure),
            }
        }
        deleted => deleted.map(|_| Done::default()),
    }
}

/// A figure of a list of insights. The API has had two shapes for it.
pub(super) fn figure<'i>(insights: &'i Value, name: &str) -> Option<&'i Value> {
    let figure = insights["data"].as_array()?.iter().find(|figure| figure["name"] == name)?;
    let value = &figure["values"][0]["value"];
    Some(if value.is_null() { &figure["total_value"]["value"] } else { value })
}

/// Whether a server answers in the API's language: without a token it refuses, in its own way.
pub(super) async fn reach(server: &Graph<'_>) -> Result<(), Failure> {
    let answer = server.get("me", &[]).await;
    match &answer {
        Ok(answer) if Error::of(answer).code.is_some() => Ok(()),
        _ => answer::read::<IgnoredAny>(Phase::Login, answer, plain).map(drop),
    }
}

/// What an answer says went wrong; empty where it doesn't speak the API's language.
#[derive(Debug, Default)]
pub(super) struct Error {
    pub(super) code: Option<i64>,
    pub(super) subcode: Option<i64>,
    is_transient: bool,
    message: String,
}

impl Error {
    /// Each field on its own: an odd one must not hide the other.
    pub(super) fn of(answer: &Answer) -> Self {
        let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let error = &json["error"];
        let text = |name: &str| error[name].as_str().filter(|text| !text.is_empty());
        Self {
            code: error["code"].as_i64(),
            subcode: error["error_subcode"].as_i64(),
            is_transient: error["is_transient"].as_bool().unwrap_or_default(),
            message: text("error_user_msg").or_else(|| text("message")).unwrap_or_default().to_owned(),
        }
    }

    /// Code and subcode as they are stored.
    fn name(&self) -> Option<String> {
        let code = self.code?;
        Some(self.subcode.map_or_else(|| code.to_string(), |subcode| format!("{code}/{subcode}")))
    }

    /// For a person. What is said about a token can quote it, so that is said in our words.
    fn said(&self, status: u16) -> String {
        match (self.code, self.subcode) {
            (Some(190), Some(463)) => "the access token has expired".to_owned(),
            (Some(190), Some(458..=460)) => "the access token was taken back".to_owned(),
            (Some(102 | 104 | 190), _) => "the access token is not accepted".to_owned(),
            _ if self.message.is_empty() => format!("the server answered {status}"),
            _ => readable(&self.message),
        }
    }
}

/// A message without what a log must not have: addresses, and what is so long that it can be a token.
fn readable(message: &str) -> String {
    let hides = |text: &str| text.contains("://") || (text.is_ascii() && text.len() > MAX_WORD);
    let words = message.split_whitespace().map(|text| if hides(text) { "…" } else { text });
    words.collect::<Vec<_>>().join(" ")
}

/// Whether a failure has this code, with any subcode.
pub(super) fn has_code(failure: &Failure, code: i64) -> bool {
    let name = failure.code.as_deref().unwrap_or_default();
    name.split('/').next().is_some_and(|found| found == code.to_string())
}

/// An answer that is not a success, where no platform has errors of its own.
pub(super) fn plain(phase: Phase, answer: &Answer, now: SystemTime) -> Failure {
    failure(phase, answer, now, |_, _| None)
}

/// An answer that is not a success. `own` knows the errors that only one platform has.
pub(super) fn failure(
    phase: Phase,
    answer: &Answer,
    now: SystemTime,
    own: impl FnOnce(Phase, &Error) -> Option<ErrorClass>,
) -> Failure {
    let error = Error::of(answer);
    let class = class(phase, answer.status, &error, own);
    let limited = class == ErrorClass::RateLimited;
    Failure {
        status: Some(answer.status),
        code: error.name().map(|name| clean(&name, MAX_CODE)),
        retry_at: match class {
            ErrorClass::RateLimited => Some(retry_at(answer, regain(answer, now), now)),
            ErrorClass::QuotaExhausted => Some(now + QUOTA_WAIT),
            _ => None,
        },
        // Code 4 is the app's own limit, which all its accounts share.
        scope: limited.then_some(if error.code == Some(4) { Scope::Server } else { Scope::Account }),
        ..Failure::new(class, error.said(answer.status))
    }
}

fn class(
    phase: Phase,
    status: u16,
    error: &Error,
    own: impl FnOnce(Phase, &Error) -> Option<ErrorClass>,
) -> ErrorClass {
    if status == 429 {
        return ErrorClass::RateLimited;
    }
    let Some(code) = error.code else { return without_code(phase, status) };
    // A server that failed while publishing may have published, whatever it says.
    if status >= 500 && phase == Phase::Commit {
        return ErrorClass::OutcomeUnknown;
    }
    if let Some(class) = own(phase, error) {
        return class;
    }
    match (code, error.subcode) {
        // The grant was withdrawn, the password changed, or the owner must confirm something on the platform.
        (190, Some(458..=460 | 464 | 490 | 492)) => ErrorClass::AuthRevoked,
        (102 | 104 | 190, _) => phase.unauthorized(),
        (4 | 17 | 32 | 341 | 613 | 80_000..=80_014, _) => ErrorClass::RateLimited,
        (3 | 10 | 200..=299, _) => ErrorClass::Permission,
        (368, _) => ErrorClass::PolicyBlocked,
        // Not the app's secret, or a version of the API that has ended.
        (101 | 2635, _) => ErrorClass::Config,
        (100, Some(33)) => ErrorClass::TargetMissing,
        (-2..=2, _) => phase.not_clear(),
        _ if error.is_transient || status >= 500 => phase.not_clear(),
        // A token is asked for with nothing that could be content.
        _ if phase == Phase::Refresh => ErrorClass::Config,
        _ => ErrorClass::ContentInvalid,
    }
}

/// Something in between has answered, or a server that failed: the API names its errors.
fn without_code(phase: Phase, status: u16) -> ErrorClass {
    match status {
        300..500 if phase == Phase::Login => ErrorClass::Config,
        _ => phase.not_clear(),
    }
}

/// When the account may call again, in minutes from now. The header has one entry for each kind of calls.
fn regain(answer: &Answer, now: SystemTime) -> Option<SystemTime> {
    let usage: Value = serde_json::from_str(answer.header(&BUSINESS_USAGE)?).ok()?;
    let entries = usage.as_object()?.values().filter_map(Value::as_array).flatten();
    let minutes = entries.filter_map(|entry| entry["estimated_time_to_regain_access"].as_u64()).max()?;
    (minutes > 0).then(|| now + Duration::from_secs(60 * minutes.min(1 << 20)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::answer::fixtures::{answer, now};

    fn judged(phase: Phase, status: u16, headers: &[(&str, &str)], body: &str) -> Failure {
        let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        failure(phase, &answer(status, &headers, body), now(), |_, _| None)
    }

    #[test]
    fn the_longest_wait_of_the_usage_counts() {
        let limited = r#"{"error":{"code":80002}}"#;
        let of = |usage: &str| {
            let failure = judged(Phase::Prepare, 400, &[("x-business-use-case-usage", usage)], limited);
            failure.retry_at.unwrap().duration_since(now()).unwrap().as_secs()
        };
        assert_eq!(
            of(r#"{"1":[{"estimated_time_to_regain_access":2},{"estimated_time_to_regain_access":7}]}"#),
            420
        );
        assert_eq!(of(r#"{"1":[{"estimated_time_to_regain_access":18446744073709551615}]}"#), 86_400);
        for odd in ["", "{", "[]", "{\"1\":2}", r#"{"1":[{"estimated_time_to_regain_access":0}]}"#] {
            assert_eq!(of(odd), 300, "{odd}");
        }
    }

    #[test]
    fn a_limit_of_the_app_holds_for_all() {
        let scope =
            |code: i64| judged(Phase::Prepare, 400, &[], &format!(r#"{{"error":{{"code":{code}}}}}"#)).scope;
        assert_eq!((scope(4), scope(17), scope(190)), (Some(Scope::Server), Some(Scope::Account), None));
    }

    #[test]
    fn no_message_holds_a_token_or_an_address() {
        let token = "EAAB".repeat(40);
        for body in [
            format!(r#"{{"error":{{"code":190,"message":"Malformed access token {token}"}}}}"#),
            r#"{"error":{"code":190,"message":"Malformed access token EAAB"}}"#.to_owned(),
            format!(r#"{{"error":{{"code":100,"message":"What is {token}?"}}}}"#),
            r#"{"error":{"code":9004,"error_user_msg":"Not fetched: https://a.example/?sig=EAAB"}}"#
                .to_owned(),
        ] {
            let failure = judged(Phase::Prepare, 400, &[], &body);
            assert!(!failure.message.contains("EAAB"), "{failure}");
        }
        assert_eq!(readable("The format  png is not\nsupported."), "The format png is not supported.");
        let without_spaces = "画像が大きすぎます。".repeat(9);
        assert_eq!(readable(&without_spaces), without_spaces);
    }

    #[test]
    fn an_odd_field_does_not_hide_the_other() {
        let odd =
            r#"{"error":{"message":null,"type":[],"code":190,"error_subcode":463,"is_transient":"no"}}"#;
        let failure = judged(Phase::Prepare, 400, &[], odd);
        assert_eq!((failure.class, failure.code.as_deref()), (ErrorClass::AuthExpired, Some("190/463")));
        assert!(has_code(&failure, 190) && !has_code(&failure, 19));
        for body in ["", "[]", "{\"error\":[]}", "{\"error\":{\"code\":\"190\"}}", "<html>"] {
            let failure = judged(Phase::Commit, 400, &[], body);
            assert_eq!((failure.class, failure.code), (ErrorClass::OutcomeUnknown, None), "{body}");
        }
    }
}
