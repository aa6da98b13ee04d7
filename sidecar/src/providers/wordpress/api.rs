//! The calls of the REST interface, and what its answers mean.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use reqwest::header::HeaderName;
use reqwest::{Method, RequestBuilder};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::client::{Answer, CallError, Client, basic};
use crate::providers::Failure;
use crate::providers::answer::{self, Phase};

pub(super) const INDEX: &str = "wp-json/?_fields=name";
pub(super) const ME: &str = "wp-json/wp/v2/users/me?context=edit&_fields=id,username,capabilities";
pub(super) const POSTS: &str = "wp-json/wp/v2/posts";
pub(super) const MEDIA: &str = "wp-json/wp/v2/media";
pub(super) const COMMENTS: &str = "wp-json/wp/v2/comments";

/// How many a list has in all, also those that it doesn't show the caller.
const TOTAL: HeaderName = HeaderName::from_static("x-wp-total");

/// One site, as an account of it or as nobody.
#[derive(Clone, Copy)]
pub(super) struct Api<'a> {
    client: &'a Client,
    base_url: &'a str,
    login: Option<(&'a str, &'a SecretString)>,
}

impl<'a> Api<'a> {
    pub(super) fn new(
        client: &'a Client,
        base_url: &'a str,
        login: Option<(&'a str, &'a SecretString)>,
    ) -> Self {
        Self { client, base_url, login }
    }

    /// A call, not yet sent.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, &format!("{}/{path}", self.base_url));
        match self.login {
            Some((name, password)) => basic(request, name, password),
            None => request,
        }
    }

    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Answer, CallError> {
        self.client.send(request).await
    }

    pub(super) async fn get(&self, path: &str) -> Result<Answer, CallError> {
        self.send(self.request(Method::GET, path)).await
    }
}

/// The content of a success, or what the failure means in this phase.
pub(super) fn read<T: DeserializeOwned>(
    phase: Phase,
    answer: Result<Answer, CallError>,
) -> Result<T, Failure> {
    answer::read(phase, answer, failure)
}

/// How many a list has, as WordPress itself says in a header: an empty list without it is not WordPress's.
pub(super) fn total(answer: &Answer) -> Option<u64> {
    answer.header(&TOTAL)?.trim().parse().ok()
}

/// Whether it is an address that may stand in HTML.
pub(super) fn is_address(text: &str) -> bool {
    answer::is_address(text) && !text.contains(['"', '\'', '<', '>', '\\'])
}

/// An answer that is not a success.
pub(super) fn failure(phase: Phase, answer: &Answer, now: SystemTime) -> Failure {
    let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let code = json["code"].as_str().unwrap_or_default();
    let message = json["message"].as_str().unwrap_or_default();
    let class = class(phase, status(answer.status, &json), code, message);
    answer::refused(answer, class, code, message, now)
}

/// The status, or the one within a list of what was wrong with parameters: a list of all posts, asked for by somebody who is
/// not logged in, is a parameter that is not accepted.
fn status(status: u16, json: &Value) -> u16 {
    let details = json["data"]["details"].as_object().into_iter().flat_map(|details| details.values());
    let within = details.filter_map(|detail| detail["data"]["status"].as_u64());
    match within.max() {
        Some(401) if status == 400 => 401,
        Some(403) if status == 400 => 403,
        _ => status,
    }
}

/// What was refused before anything was done. Other errors can come when the post is there already: its tags, fields and whatever
/// plugins do are written after it.
const BEFORE: [(u16, &str); 11] = [
    (400, "empty_content"),
    (400, "rest_invalid_field"),
    (400, "rest_invalid_json"),
    (400, "rest_invalid_param"),
    (400, "rest_missing_callback_param"),
    (400, "rest_post_exists"),
    (403, "rest_cannot_assign_term"),
    (403, "rest_cannot_create"),
    (403, "rest_cannot_edit_others"),
    (403, "rest_cannot_publish"),
    (403, "rest_forbidden"),
];

/// What an upload fails for that is the file's own fault. A disk that is full or may not be written to has the same code.
const OF_THE_FILE: [&str; 3] = ["type", "size", "empty"];

fn class(phase: Phase, status: u16, code: &str, message: &str) -> ErrorClass {
    let commits = phase == Phase::Commit;
    let is_clear = !commits || BEFORE.contains(&(status, code));
    match (status, code) {
        (429, _) => ErrorClass::RateLimited,
        (413, _) => ErrorClass::ContentInvalid,
        // Not of the interface: the page of a proxy, of a firewall, of a site that has moved.
        (301 | 302 | 307 | 308, "") if !commits => ErrorClass::Config,
        (404 | 405 | 410, "") if phase == Phase::Login => ErrorClass::Config,
        (_, "") => phase.not_clear(),
        (401, _) => phase.unauthorized(),
        // The interface is switched off, wholly or in part.
        (404, "rest_no_route") => ErrorClass::Config,
        (403, _) if is_clear => ErrorClass::Permission,
        (404 | 410, _) if !commits => ErrorClass::TargetMissing,
        // Of a file that the site doesn't take, for its type or its size, it says that it failed.
        (400..=599, _) if phase == Phase::Prepare && code.starts_with("rest_upload_") => {
            let is_of_the_file = status < 500 || OF_THE_FILE.iter().any(|word| message.contains(word));
            if is_of_the_file { ErrorClass::ContentInvalid } else { phase.not_clear() }
        }
        (408 | 425, _) => phase.not_clear(),
        (400..=499, _) if is_clear => ErrorClass::ContentInvalid,
        _ => phase.not_clear(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::answer::fixtures::{self, answer, now};

    #[test]
    fn every_recorded_answer_has_its_class() {
        let checked = fixtures::check("wordpress", failure);
        assert!(checked >= 60, "only {checked} classes");
    }

    #[test]
    fn odd_words_are_no_words() {
        for body in [r#"{"code":7,"message":["x"]}"#, "[]", "<html>", ""] {
            let failure = failure(Phase::Commit, &answer(400, &[], body), now());
            assert_eq!(
                (failure.class, failure.message.as_str()),
                (ErrorClass::OutcomeUnknown, "the server answered 400"),
                "{body}"
            );
        }
    }

    #[test]
    fn addresses_can_stand_in_html() {
        for good in ["https://a.example/x.png", "http://127.0.0.1:8080/?p=7&x=1"] {
            assert!(is_address(good), "{good}");
        }
        for odd in
            ["", "https://", "javascript:x", "https://a/\"onerror=", "https://a b", "https://a/<b>", "/x"]
        {
            assert!(!is_address(odd), "{odd}");
        }
    }
}
