//! The calls of the interface, and what its answers mean.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::client::{Answer, CallError, Client, bearer};
use crate::providers::Failure;
use crate::providers::answer::{self, Phase};

/// The most bytes of a page of posts and comments: each brings its community and its author with all that is said about them.
const MAX_LIST: usize = 6 * 1024 * 1024;

/// One server, as an account of it or as nobody.
#[derive(Clone, Copy)]
pub(super) struct Api<'a> {
    client: &'a Client,
    base_url: &'a str,
    jwt: Option<&'a SecretString>,
}

impl<'a> Api<'a> {
    pub(super) fn new(client: &'a Client, base_url: &'a str, jwt: Option<&'a SecretString>) -> Self {
        Self { client, base_url, jwt }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, &format!("{}/api/v3/{path}", self.base_url));
        self.jwt.into_iter().fold(request, bearer)
    }

    pub(super) async fn get(&self, path: &str) -> Result<Answer, CallError> {
        self.client.send(self.request(Method::GET, path)).await
    }

    /// The same, where much may come.
    pub(super) async fn get_list(&self, path: &str) -> Result<Answer, CallError> {
        self.client.send_up_to(MAX_LIST, self.request(Method::GET, path)).await
    }

    pub(super) async fn post(&self, path: &str, body: String) -> Result<Answer, CallError> {
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, "application/json");
        self.client.send(request.body(body)).await
    }

    /// Whether an address is one of this server, and its path.
    pub(super) fn within<'t>(&self, address: &'t str) -> Option<&'t str> {
        address.strip_prefix(self.base_url).filter(|path| path.starts_with('/'))
    }
}

/// The content of a success, or what the failure means in this phase.
pub(super) fn read<T: DeserializeOwned>(
    phase: Phase,
    answer: Result<Answer, CallError>,
) -> Result<T, Failure> {
    answer::read(phase, answer, failure)
}

/// An answer that is not a success.
pub(super) fn failure(phase: Phase, answer: &Answer, now: SystemTime) -> Failure {
    let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let error = json["error"].as_str().unwrap_or_default();
    let class = class(phase, answer.status, error);
    let message = match json["message"].as_str().unwrap_or_default() {
        "" => error.replace('_', " "),
        message => format!("{}: {message}", error.replace('_', " ")),
    };
    answer::refused(answer, class, error, &message, now)
}

/// What a post is refused for before it is stored. Everything else can come when it is there already: its address, its link's
/// picture and its first vote are written after it.
const CONTENT: [&str; 13] = [
    "alt_text_length_overflow",
    "blocked_url",
    "honeypot_failed",
    "invalid_alt_text_field",
    "invalid_body_field",
    "invalid_post_title",
    "invalid_url",
    "invalid_url_scheme",
    "language_not_allowed",
    "max_comment_depth_reached",
    "nsfw_not_allowed",
    "slurs",
    "url_length_overflow",
];
const PERMISSION: [&str; 7] = [
    "banned_from_community",
    "community_is_blocked",
    "locked",
    "only_mods_can_post_in_community",
    "person_is_banned_from_community",
    "person_is_blocked",
    "user_blocked",
];
/// The account as a whole.
const ACCOUNT: [&str; 7] = [
    "email_not_verified",
    "incorrect_login",
    "not_logged_in",
    "registration_application_is_pending",
    "registration_denied",
    "site_ban",
    "user_not_logged_in",
];
/// `deleted` is said of posts, comments, communities and accounts alike. That the account itself is gone is seen by who the caller
/// is: nobody.
const MISSING: [&str; 5] = [
    "couldnt_find_comment",
    "couldnt_find_community",
    "couldnt_find_parent_comment",
    "couldnt_find_post",
    "deleted",
];

/// Nearly every error has the status 400: what it is, its name says.
fn class(phase: Phase, status: u16, error: &str) -> ErrorClass {
    let commits = phase == Phase::Commit;
    match (status, error) {
        (429, _) | (_, "rate_limit_error") => ErrorClass::RateLimited,
        (413, _) => ErrorClass::ContentInvalid,
        // Not of the interface: the page of a proxy, which proves nothing of what was sent.
        (301 | 302 | 307 | 308, _) if !commits => ErrorClass::Config,
        (404 | 405 | 410, "") if phase == Phase::Login => ErrorClass::Config,
        (_, "") => phase.not_clear(),
        (500..=599, _) => phase.not_clear(),
        (_, "deleted") if phase == Phase::Login => phase.unauthorized(),
        (_, error) if ACCOUNT.contains(&error) => phase.unauthorized(),
        (_, "missing_totp_token" | "incorrect_totp_token") => ErrorClass::Permission,
        (_, error) if PERMISSION.contains(&error) => ErrorClass::Permission,
        (_, error) if CONTENT.contains(&error) => ErrorClass::ContentInvalid,
        // That of a post can be said of the one that was just made.
        (_, error) if MISSING.contains(&error) && !(commits && error == "couldnt_find_post") => {
            ErrorClass::TargetMissing
        }
        (404, _) if !commits => ErrorClass::TargetMissing,
        (401, _) => phase.unauthorized(),
        (400..=499, "unknown") => phase.not_clear(),
        (400..=499, _) if !commits => ErrorClass::ContentInvalid,
        _ => phase.not_clear(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::answer::fixtures;

    #[test]
    fn every_recorded_answer_has_its_class() {
        let checked = fixtures::check("lemmy", failure);
        assert!(checked >= 60, "only {checked} classes");
    }

    #[test]
    fn an_address_is_within_a_server_or_not() {
        let client = Client::new().unwrap();
        let server = Api::new(&client, "https://a.example", None);
        assert_eq!(server.within("https://a.example/post/1"), Some("/post/1"));
        for other in ["https://a.example.evil/post/1", "https://b.example/post/1", "https://a.example"] {
            assert_eq!(server.within(other), None, "{other}");
        }
    }
}
