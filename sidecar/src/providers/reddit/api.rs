//! The calls of the API: `{base}/{path}`. Without `raw_json` texts would come as they stand in HTML.

use crier_core::error_class::ErrorClass;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::classify::{is_theirs, read};
use crate::client::{Answer, CallError, Client, bearer};
use crate::providers::Failure;
use crate::providers::answer::{Phase, unclear};
use crate::secrets::Session;

const RAW: (&str, &str) = ("raw_json", "1");

/// The server, for nobody or for one account.
#[derive(Clone, Copy)]
pub(super) struct Api<'a> {
    pub(super) client: &'a Client,
    pub(super) base_url: &'a str,
    session: Option<&'a Session>,
}

#[derive(Deserialize)]
struct Me {
    id: String,
    name: String,
}

impl<'a> Api<'a> {
    pub(super) fn new(client: &'a Client, base_url: &'a str) -> Self {
        Self { client, base_url, session: None }
    }

    /// The same for an account.
    pub(super) fn with(self, session: &'a Session) -> Self {
        Self { session: Some(session), ..self }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, &format!("{}/{path}", self.base_url)).query(&[RAW]);
        self.session.into_iter().fold(request, |request, session| bearer(request, &session.access))
    }

    pub(super) async fn get(&self, path: &str, params: &[(&str, &str)]) -> Result<Answer, CallError> {
        self.client.send(self.request(Method::GET, path).query(params)).await
    }

    /// Sends a form as it is written.
    pub(super) async fn form(&self, path: &str, body: String) -> Result<Answer, CallError> {
        self.post(path, "application/x-www-form-urlencoded", body).await
    }

    /// Sends JSON as it is written.
    pub(super) async fn json(&self, path: &str, body: String) -> Result<Answer, CallError> {
        self.post(path, "application/json", body).await
    }

    async fn post(&self, path: &str, kind: &'static str, body: String) -> Result<Answer, CallError> {
        self.client.send(self.request(Method::POST, path).header(CONTENT_TYPE, kind).body(body)).await
    }

    /// The id and the name of the account that the session is of.
    pub(super) async fn whose(&self) -> Result<(String, String), Failure> {
        let Me { id, name } = read(Phase::Login, self.get("api/v1/me", &[]).await)?;
        if !crier_core::platform::reddit::is_id(&id) || !is_name(&name) {
            return Err(Failure::new(ErrorClass::Transient, "the answer names no account"));
        }
        Ok((id, name))
    }

    /// Whether the server answers as Reddit: who doesn't say who it is is refused in Reddit's own words.
    pub(super) async fn reach(&self) -> Result<(), Failure> {
        let answer = self.get("api/v1/me", &[]).await.map_err(|error| unclear(Phase::Read, &error))?;
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if matches!(answer.status, 401 | 403) && is_theirs(&said) {
            return Ok(());
        }
        read::<IgnoredAny>(Phase::Read, Ok(answer)).map(drop)
    }
}

/// The form of an account's name: it goes into addresses.
pub(super) fn is_name(text: &str) -> bool {
    (1..=30).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}
