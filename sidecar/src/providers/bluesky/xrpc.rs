//! The calls of the AT Protocol: `{base}/xrpc/{name}`.

use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, Method};
use secrecy::SecretString;
use serde::de::DeserializeOwned;

use super::classify::failure;
use crate::client::{Answer, CallError, Client, bearer};
use crate::providers::Failure;
use crate::providers::answer::{self, Phase};

/// How long an upload may take that comes as a stream.
const UPLOAD_TIME: Duration = Duration::from_secs(10 * 60);

/// A file that is sent as a stream.
pub(super) struct File {
    pub(super) mime_type: &'static str,
    pub(super) len: usize,
    pub(super) body: Body,
}

/// One server.
#[derive(Clone, Copy)]
pub(super) struct Xrpc<'a> {
    client: &'a Client,
    base_url: &'a str,
}

impl<'a> Xrpc<'a> {
    pub(super) fn new(client: &'a Client, base_url: &'a str) -> Self {
        Self { client, base_url }
    }

    fn url(&self, name: &str) -> String {
        format!("{}/xrpc/{name}", self.base_url)
    }

    /// A read. Of those that publishing needs none needs a token: an expired one must not stand between us and an answer.
    pub(super) async fn query(&self, name: &str, params: &[(&str, &str)]) -> Result<Answer, CallError> {
        self.client.send(self.client.request(Method::GET, &self.url(name)).query(params)).await
    }

    /// A read as an account: what it is shown tells what it has done already.
    pub(super) async fn query_as(
        &self,
        token: &SecretString,
        name: &str,
        params: &[(&str, &str)],
    ) -> Result<Answer, CallError> {
        let request = self.client.request(Method::GET, &self.url(name)).query(params);
        self.client.send(bearer(request, token)).await
    }

    /// A call that changes something.
    pub(super) async fn procedure(
        &self,
        name: &str,
        token: Option<&SecretString>,
        body: Option<(&str, Vec<u8>)>,
    ) -> Result<Answer, CallError> {
        let mut request = self.client.request(Method::POST, &self.url(name));
        if let Some(token) = token {
            request = bearer(request, token);
        }
        if let Some((content_type, bytes)) = body {
            request = request.header(CONTENT_TYPE, content_type).body(bytes);
        }
        self.client.send(request).await
    }

    /// Sends a file. Its length is stated, so that one that breaks off never counts as whole.
    pub(super) async fn upload(
        &self,
        name: &str,
        params: &[(&str, &str)],
        token: &SecretString,
        file: File,
    ) -> Result<Answer, CallError> {
        let request = self.client.request(Method::POST, &self.url(name)).query(params);
        let request = request.header(CONTENT_TYPE, file.mime_type).header(CONTENT_LENGTH, file.len);
        self.client.send(bearer(request.timeout(UPLOAD_TIME).body(file.body), token)).await
    }

    /// Whether the server answers as one of the protocol.
    pub(super) async fn describe(&self) -> Result<(), Failure> {
        let answer = self.query("com.atproto.server.describeServer", &[]).await;
        read::<serde::de::IgnoredAny>(Phase::Read, answer).map(drop)
    }
}

/// Whether it was a success, where its content is nothing to us: older servers have none.
pub(super) fn done(phase: Phase, answer: Result<Answer, CallError>) -> Result<(), Failure> {
    match answer {
        Ok(answer) if answer.status == 200 => Ok(()),
        answer => read::<serde::de::IgnoredAny>(phase, answer).map(drop),
    }
}

/// The content of a success, or what the failure means in this phase.
pub(super) fn read<T: DeserializeOwned>(
    phase: Phase,
    answer: Result<Answer, CallError>,
) -> Result<T, Failure> {
    answer::read(phase, answer, failure)
}
