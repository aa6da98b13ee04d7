//! The calls: `{base}/rest/{path}`, each with the version of the API that is meant.

use std::time::SystemTime;

use reqwest::header::{CONTENT_TYPE, HeaderName};
use reqwest::{Method, RequestBuilder};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::classify::{Problem, failure};
use crate::address::check_loopback;
use crate::client::{Answer, CallError, Client, bearer};
use crate::providers::answer::{self, Phase, unclear};
use crate::providers::{Failure, Reach};

/// The version that is spoken where the operator names no other. Each is answered for a year or more.
pub(super) const VERSION: &str = "202607";

/// What names the thing that was made.
pub(super) const MADE: HeaderName = HeaderName::from_static("x-restli-id");

/// What a call does, where its method alone doesn't say so.
const METHOD: HeaderName = HeaderName::from_static("x-restli-method");

/// The server, for nobody or for an account.
#[derive(Clone, Copy)]
pub(super) struct Api<'a> {
    client: &'a Client,
    base_url: &'a str,
    version: &'a str,
    token: Option<&'a SecretString>,
}

impl<'a> Api<'a> {
    pub(super) fn new(client: &'a Client, base_url: &'a str, version: &'a str) -> Self {
        Self { client, base_url, version, token: None }
    }

    /// The same for an account.
    pub(super) fn with(self, token: &'a SecretString) -> Self {
        Self { token: Some(token), ..self }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, &format!("{}/rest/{path}", self.base_url));
        let request =
            request.header("LinkedIn-Version", self.version).header("X-Restli-Protocol-Version", "2.0.0");
        self.token.into_iter().fold(request, bearer)
    }

    /// Reads something. What has to be escaped in the path is.
    pub(super) async fn get(&self, path: &str) -> Result<Answer, CallError> {
        let request = self.request(Method::GET, path);
        let request = if path.contains("?q=") { request.header(METHOD, "FINDER") } else { request };
        self.client.send(request).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<Answer, CallError> {
        self.client.send(self.request(Method::DELETE, path).header(METHOD, "DELETE")).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Answer, CallError> {
        self.post_text(path, body.to_string()).await
    }

    /// Sends JSON as it is written.
    pub(super) async fn post_text(&self, path: &str, body: String) -> Result<Answer, CallError> {
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, "application/json");
        self.client.send(request.body(body)).await
    }

    /// Whose the token is, by the standard that has no version (OpenID Connect).
    pub(super) async fn userinfo(&self) -> Result<Answer, CallError> {
        let request = self.client.request(Method::GET, &format!("{}/v2/userinfo", self.base_url));
        self.client.send(self.token.into_iter().fold(request, bearer)).await
    }

    /// A place that the API has named for bytes, not yet sent; none where it is not one. The token goes to LinkedIn's own hosts only.
    pub(super) fn put(&self, address: &str) -> Option<RequestBuilder> {
        let url = Url::parse(address).ok()?;
        let is_home = Url::parse(self.base_url).is_ok_and(|base| base.origin() == url.origin());
        let host = url.host_str().unwrap_or_default();
        let is_theirs =
            url.scheme() == "https" && (host == "linkedin.com" || host.ends_with(".linkedin.com"));
        let request = self.client.request(Method::PUT, address);
        match (is_home || is_theirs, self.token) {
            (true, Some(token)) => Some(bearer(request, token)),
            _ => (is_home || url.scheme() == "https").then_some(request),
        }
    }

    /// Sends bytes to a place that the API has named: on the public internet, unless LinkedIn itself is on this machine.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Answer, CallError> {
        let reach = Reach { allow_loopback: check_loopback(self.base_url).is_ok() };
        self.client.within(reach).send(request).await
    }

    /// Whether the server answers as LinkedIn: who doesn't say who it is is refused in its own words.
    pub(super) async fn reach(&self) -> Result<(), Failure> {
        let answer = self.get("posts").await.map_err(|error| unclear(Phase::Read, &error))?;
        match Problem::of(&answer) {
            problem if answer.status == 401 && !problem.is_empty() => Ok(()),
            _ => read::<serde::de::IgnoredAny>(Phase::Read, Ok(answer)).map(drop),
        }
    }
}

/// A URN as an address has it.
pub(super) fn encoded(urn: &str) -> String {
    form_urlencoded::byte_serialize(urn.as_bytes()).collect()
}

/// The content of a success, or what the failure means in this phase.
pub(super) fn read<T: DeserializeOwned>(
    phase: Phase,
    answer: Result<Answer, CallError>,
) -> Result<T, Failure> {
    answer::read(phase, answer, failure)
}

/// A success that needs no content.
pub(super) fn done(phase: Phase, answer: Result<Answer, CallError>) -> Result<Answer, Failure> {
    let answer = answer.map_err(|error| unclear(phase, &error))?;
    match answer.status {
        200..=204 => Ok(answer),
        _ => Err(failure(phase, &answer, SystemTime::now())),
    }
}
