//! The calls of the API: `{base}/2/{path}`.

pub(super) use crier_core::platform::x::is_id;
use reqwest::header::CONTENT_TYPE;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::classify::{failure, in_success};
use crate::client::{Answer, CallError, Client, bearer};
use crate::providers::Failure;
use crate::providers::answer::{self, Phase, unclear};
use crate::secrets::Session;

/// The server, for nobody or for one account.
#[derive(Clone, Copy)]
pub(super) struct Api<'a> {
    client: &'a Client,
    base_url: &'a str,
    session: Option<&'a Session>,
}

impl<'a> Api<'a> {
    pub(super) fn new(client: &'a Client, base_url: &'a str) -> Self {
        Self { client, base_url, session: None }
    }

    /// The same for an account.
    pub(super) fn with(self, session: &'a Session) -> Self {
        Self { session: Some(session), ..self }
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, &format!("{}/2/{path}", self.base_url));
        match self.session {
            Some(session) => bearer(request, &session.access),
            None => request,
        }
    }

    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Answer, CallError> {
        self.client.send(request).await
    }

    pub(super) async fn get(&self, path: &str, params: &[(&str, &str)]) -> Result<Answer, CallError> {
        self.send(self.request(Method::GET, path).query(params)).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<Answer, CallError> {
        self.send(self.request(Method::DELETE, path)).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Answer, CallError> {
        self.post_text(path, body.to_string()).await
    }

    /// Sends JSON as it is written.
    pub(super) async fn post_text(&self, path: &str, body: String) -> Result<Answer, CallError> {
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, "application/json");
        self.send(request.body(body)).await
    }

    /// Sends one segment of an upload.
    pub(super) async fn append(&self, path: &str, index: usize, bytes: Vec<u8>) -> Result<Answer, CallError> {
        let media = Part::bytes(bytes).file_name("media");
        let form = Form::new().text("segment_index", index.to_string()).part("media", media);
        self.send(self.request(Method::POST, path).multipart(form)).await
    }

    /// Whether the server answers as X: who doesn't say who it is is refused in X's own words.
    pub(super) async fn reach(&self) -> Result<(), Failure> {
        let answer = self.get("users/me", &[]).await.map_err(|error| unclear(Phase::Read, &error))?;
        let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.status == 401 && problem["title"].is_string() {
            return Ok(());
        }
        read::<serde::de::IgnoredAny>(Phase::Read, Ok(answer)).map(drop)
    }
}

/// The content of a success that names no error, or what the failure means in this phase.
pub(super) fn read<T: DeserializeOwned>(
    phase: Phase,
    answer: Result<Answer, CallError>,
) -> Result<T, Failure> {
    let answer = answer.map_err(|error| unclear(phase, &error))?;
    match in_success(phase, &answer) {
        Some(failure) => Err(failure),
        None => answer::read(phase, Ok(answer), failure),
    }
}

/// The same where a success needs no content.
pub(super) fn done(phase: Phase, answer: Result<Answer, CallError>) -> Result<(), Failure> {
    let answer = answer.map_err(|error| unclear(phase, &error))?;
    match in_success(phase, &answer) {
        Some(failure) => Err(failure),
        None if (200..=204).contains(&answer.status) => Ok(()),
        None => Err(failure(phase, &answer, std::time::SystemTime::now())),
    }
}
