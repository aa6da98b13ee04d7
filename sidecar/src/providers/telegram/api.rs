//! The calls of the Bot API: `{base}/bot{token}/{method}`. The token is part of every address, and no address stands in an error
//! of the client; whatever a server gives back of it is taken out by the wrapper of all providers.

use std::time::Duration;

use crier_core::error_class::ErrorClass;
use reqwest::multipart::Form;
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use super::classify::{failure, refused};
use crate::client::{Answer, Client};
use crate::providers::Failure;
use crate::providers::answer::{Phase, content, unclear};

/// How long a call may take that carries media.
const UPLOAD: Duration = Duration::from_secs(10 * 60);

/// The server, for one bot.
#[derive(Clone, Copy)]
pub(super) struct Api<'a> {
    client: &'a Client,
    base_url: &'a str,
    token: &'a SecretString,
}

impl<'a> Api<'a> {
    pub(super) fn new(client: &'a Client, base_url: &'a str, token: &'a SecretString) -> Self {
        Self { client, base_url, token }
    }

    /// A call that carries no media.
    pub(super) async fn call(&self, phase: Phase, method: &str, fields: &Value) -> Result<Value, Failure> {
        let request = self.request(method)?.header(reqwest::header::CONTENT_TYPE, "application/json");
        self.send(phase, request.body(fields.to_string())).await
    }

    /// A call that carries media.
    pub(super) async fn upload(&self, phase: Phase, method: &str, form: Form) -> Result<Value, Failure> {
        self.send(phase, self.request(method)?.multipart(form).timeout(UPLOAD)).await
    }

    /// Whether the server answers as one of the interface.
    pub(super) async fn reach(&self) -> Result<(), Failure> {
        let answer = self.client.send(self.request("getMe")?).await;
        let answer = answer.map_err(|error| unclear(Phase::Read, &error))?;
        match refused(&answer).map(|refused| refused.code) {
            Some(401 | 404) => Ok(()),
            _ => read(Phase::Read, &answer).map(drop),
        }
    }

    async fn send(&self, phase: Phase, request: RequestBuilder) -> Result<Value, Failure> {
        let answer = self.client.send(request).await.map_err(|error| unclear(phase, &error))?;
        read(phase, &answer)
    }

    fn request(&self, method: &str) -> Result<RequestBuilder, Failure> {
        let bot = Zeroizing::new(format!("bot{}", self.token.expose_secret()));
        let address = Url::parse(self.base_url).ok().and_then(|mut url| {
            url.path_segments_mut().ok()?.pop_if_empty().push(&bot).push(method);
            Some(Zeroizing::new(String::from(url)))
        });
        let address =
            address.ok_or_else(|| Failure::new(ErrorClass::Config, "the server's address can't be read"))?;
        Ok(self.client.request(Method::POST, &address))
    }
}

/// What a success carries, or what the failure means in this phase.
fn read(phase: Phase, answer: &Answer) -> Result<Value, Failure> {
    if answer.status != 200 || refused(answer).is_some() {
        return Err(failure(phase, answer, std::time::SystemTime::now()));
    }
    let mut said: Value = content(phase, answer)?;
    match (said["ok"].as_bool(), said.get_mut("result").map(Value::take)) {
        (Some(true), Some(result)) => Ok(result),
        _ => Err(not_clear(phase)),
    }
}

/// A success that says something else than it should.
pub(super) fn not_clear(phase: Phase) -> Failure {
    Failure {
        status: Some(200),
        ..Failure::new(phase.not_clear(), "the server answered with something else than was asked for")
    }
}
