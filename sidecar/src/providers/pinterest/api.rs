//! The calls of the API: `{base}/v5/{path}`.

use crier_core::error_class::ErrorClass;
pub(super) use crier_core::platform::pinterest::is_id;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::classify::{failure, is_theirs};
use crate::client::{Answer, CallError, Client, bearer};
use crate::providers::Failure;
use crate::providers::answer::{self, Fields, Phase, unclear};
use crate::secrets::Session;

/// The server, for nobody or for one account.
#[derive(Clone, Copy)]
pub(super) struct Api<'a> {
    pub(super) client: &'a Client,
    pub(super) base_url: &'a str,
    pub(super) version: &'a str,
    pub(super) session: Option<&'a Session>,
}

#[derive(Deserialize)]
struct Me {
    id: String,
    username: String,
}

impl<'a> Api<'a> {
    /// The same for an account.
    pub(super) fn with(self, session: &'a Session) -> Self {
        Self { session: Some(session), ..self }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, &format!("{}/{}/{path}", self.base_url, self.version));
        match self.session {
            Some(session) => bearer(request, &session.access),
            None => request,
        }
    }

    pub(super) async fn get(&self, path: &str, params: &[(&str, &str)]) -> Result<Answer, CallError> {
        self.client.send(self.request(Method::GET, path).query(params)).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<Answer, CallError> {
        self.client.send(self.request(Method::DELETE, path)).await
    }

    /// Sends JSON as it is written.
    pub(super) async fn post(&self, path: &str, body: String) -> Result<Answer, CallError> {
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, "application/json");
        self.client.send(request.body(body)).await
    }

    /// The id and the name of the account that the session is of.
    pub(super) async fn whose(&self) -> Result<(String, String), Failure> {
        let Me { id, username } = read(Phase::Login, self.get("user_account", &[]).await)?;
        if !is_id(&id) || !is_name(&username) {
            return Err(Failure::new(ErrorClass::Transient, "the answer names no account"));
        }
        Ok((id, username))
    }

    /// Whether boards and pins may be read: without that, nobody could tell after a lost answer whether a pin is there.
    pub(super) async fn readable(&self) -> Result<(), Failure> {
        for what in ["boards", "pins"] {
            let read = read::<IgnoredAny>(Phase::Login, self.get(what, &[("page_size", "1")]).await);
            read.map_err(|failure| match failure.class {
                ErrorClass::Permission => {
                    let message = format!(
                        "the access token does not let the account's {what} be read: it needs {what}:read"
                    );
                    Failure { message, ..failure }
                }
                _ => failure,
            })?;
        }
        Ok(())
    }

    /// Whether the server answers as Pinterest: who doesn't say who it is is refused in Pinterest's own words.
    pub(super) async fn reach(&self) -> Result<(), Failure> {
        let answer = self.get("user_account", &[]).await.map_err(|error| unclear(Phase::Read, &error))?;
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.status == 401 && is_theirs(&said) {
            return Ok(());
        }
        read::<IgnoredAny>(Phase::Read, Ok(answer)).map(drop)
    }
}

/// The form of an account's name.
fn is_name(text: &str) -> bool {
    (1..=60).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// The object that a success holds, or what the failure means in this phase.
pub(super) fn read<T: DeserializeOwned>(
    phase: Phase,
    answer: Result<Answer, CallError>,
) -> Result<T, Failure> {
    answer::read(phase, answer, failure).map(|Fields(told)| told)
}

/// The same where a success needs no content.
pub(super) fn done(phase: Phase, answer: Result<Answer, CallError>) -> Result<(), Failure> {
    let answer = answer.map_err(|error| unclear(phase, &error))?;
    if (200..=204).contains(&answer.status) {
        return Ok(());
    }
    Err(failure(phase, &answer, std::time::SystemTime::now()))
}
