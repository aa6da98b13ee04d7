//! The calls of the AT Protocol: `{base}/xrpc/{name}`.

use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, Method, RequestBuilder};
use secrecy::SecretString;
use serde::de::DeserializeOwned;

use super::classify::failure;
use super::oauth::{Nonces, Prover, Side};
use crate::client::{Answer, CallError, Client, bearer};
use crate::providers::Failure;
use crate::providers::answer::{self, Phase};
use crate::secrets::{Bound, Session};

/// How long an upload may take that comes as a stream.
const UPLOAD_TIME: Duration = Duration::from_secs(10 * 60);
/// A nonce that was told within this time is surely good for a call that can't be repeated: servers take one for minutes.
const SURE_NONCE: Duration = Duration::from_secs(30);
/// What costs nothing and says nothing new.
const GET_SESSION: &str = "com.atproto.server.getSession";

/// Who calls.
#[derive(Clone, Copy)]
pub(super) enum As<'a> {
    Nobody,
    /// Whoever has this token.
    Token(&'a SecretString),
    /// An account, in whichever way its session was made.
    Account(&'a Session),
}

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
    nonces: &'a Nonces,
    base_url: &'a str,
}

impl<'a> Xrpc<'a> {
    pub(super) fn new(client: &'a Client, nonces: &'a Nonces, base_url: &'a str) -> Self {
        Self { client, nonces, base_url }
    }

    fn url(&self, name: &str) -> String {
        format!("{}/xrpc/{name}", self.base_url)
    }

    /// Sends what `build` makes of a request. It may be called twice, and gives nothing where it can't be.
    async fn call(
        &self,
        who: As<'_>,
        method: Method,
        name: &str,
        mut build: impl FnMut(RequestBuilder) -> Option<RequestBuilder>,
    ) -> Result<Answer, CallError> {
        let url = self.url(name);
        let token = match who {
            As::Nobody => None,
            As::Token(token) => Some(token),
            As::Account(Session { access, bound: Some(Bound { key, .. }), .. }) => {
                let Self { client, nonces, .. } = *self;
                let prover = Prover { client, nonces, side: Side::Account, key, access: Some(access) };
                return prover.call(method, &url, build).await;
            }
            As::Account(session) => Some(&session.access),
        };
        let nothing = || CallError::NotSent("there is nothing to send".into());
        let request = build(self.client.request(method, &url)).ok_or_else(nothing)?;
        let request = match token {
            Some(token) => bearer(request, token),
            None => request,
        };
        self.client.send(request).await
    }

    /// A read. Of those that publishing needs none needs a token: an expired one must not stand between us and an answer.
    pub(super) async fn query(&self, name: &str, params: &[(&str, &str)]) -> Result<Answer, CallError> {
        self.query_as(As::Nobody, name, params).await
    }

    /// A read as an account: what it is shown tells what it has done already.
    pub(super) async fn query_as(
        &self,
        who: As<'_>,
        name: &str,
        params: &[(&str, &str)],
    ) -> Result<Answer, CallError> {
        self.call(who, Method::GET, name, |request| Some(request.query(params))).await
    }

    /// A call that changes something.
    pub(super) async fn procedure(
        &self,
        name: &str,
        who: As<'_>,
        body: Option<(&str, Vec<u8>)>,
    ) -> Result<Answer, CallError> {
        self.call(who, Method::POST, name, |request| {
            Some(match &body {
                Some((content_type, bytes)) => {
                    request.header(CONTENT_TYPE, *content_type).body(bytes.clone())
                }
                None => request,
            })
        })
        .await
    }

    /// Sends a file. Its length is stated, so that one that breaks off never counts as whole.
    pub(super) async fn upload(
        &self,
        name: &str,
        params: &[(&str, &str)],
        who: As<'_>,
        file: File,
    ) -> Result<Answer, CallError> {
        self.prepare_upload(who).await;
        let (mime_type, len, mut body) = (file.mime_type, file.len, Some(file.body));
        self.call(who, Method::POST, name, |request| {
            let request = request.query(params).header(CONTENT_TYPE, mime_type).header(CONTENT_LENGTH, len);
            Some(request.timeout(UPLOAD_TIME).body(body.take()?))
        })
        .await
    }

    /// A stream can't be sent twice: the nonce that goes with it is asked for before, by a call that can be. What that answers
    /// otherwise, the upload will answer too.
    async fn prepare_upload(&self, who: As<'_>) {
        let is_bound = matches!(who, As::Account(Session { bound: Some(_), .. }));
        if is_bound && !self.nonces.is_known_for(Side::Account, self.base_url, SURE_NONCE) {
            let _ = self.query_as(who, GET_SESSION, &[]).await;
        }
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
