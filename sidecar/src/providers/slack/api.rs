//! The calls of the Web API, and whose they are.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use crier_core::platform::slack::{PostRef, is_id, post_ref};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::classify::{failure, in_success};
use crate::client::{Answer, CallError, Client, bearer};
use crate::providers::answer::{Fields, Phase, content, unclear};
use crate::providers::{Account, Failure};

/// Whose account it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who<'a> {
    /// A webhook's: `team/service`, which stands in its address.
    Webhook(&'a str),
    /// A bot's, which writes into this channel.
    Bot {
        /// The bot's user.
        user: &'a str,
        /// The channel.
        channel: &'a str,
    },
}

impl<'a> Who<'a> {
    /// A webhook's account is called `team/service`, that of a bot `team/user/channel`.
    pub(super) fn of(account: &'a Account) -> Result<Self, Failure> {
        let id = account.external_id.as_str();
        let parts: Vec<_> = id.split('/').collect();
        match parts[..] {
            [team, service] if is_id(team) && is_id(service) => Ok(Self::Webhook(id)),
            [team, user, channel] if [team, user, channel].into_iter().all(is_id) => {
                Ok(Self::Bot { user, channel })
            }
            _ => Err(Failure::new(ErrorClass::Config, "the account's id is not one of Slack")),
        }
    }
}

/// A bot of which nothing is known yet: nobody's channel.
pub(super) const NOBODY: Who<'static> = Who::Bot { user: "U0", channel: "C0" };

/// The API, for nobody or for an account.
#[derive(Clone, Copy)]
pub(super) struct Api<'a> {
    pub(super) client: &'a Client,
    pub(super) base_url: &'a str,
    account: Option<(Who<'a>, &'a SecretString)>,
}

impl<'a> Api<'a> {
    pub(super) fn new(client: &'a Client, base_url: &'a str) -> Self {
        Self { client, base_url, account: None }
    }

    /// The same for an account.
    pub(super) fn with(self, who: Who<'a>, token: &'a SecretString) -> Self {
        Self { account: Some((who, token)), ..self }
    }

    /// Whose calls these are.
    pub(super) fn who(&self) -> Result<Who<'a>, Failure> {
        let nobody = || Failure::new(ErrorClass::AuthRevoked, "Slack is asked by nobody");
        self.account.map(|(who, _)| who).ok_or_else(nobody)
    }

    fn request(&self, method: Method, name: &str) -> RequestBuilder {
        let request = self.client.request(method, &format!("{}/api/{name}", self.base_url));
        self.account.iter().fold(request, |request, (_, token)| bearer(request, token))
    }

    pub(super) async fn get(&self, name: &str, params: &[(&str, &str)]) -> Result<Answer, CallError> {
        self.client.send(self.request(Method::GET, name).query(params)).await
    }

    pub(super) async fn post(&self, name: &str, body: &Value) -> Result<Answer, CallError> {
        self.post_text(name, body.to_string()).await
    }

    /// Sends JSON as it is written.
    pub(super) async fn post_text(&self, name: &str, body: String) -> Result<Answer, CallError> {
        let request = self.request(Method::POST, name);
        self.client.send(request.header(CONTENT_TYPE, "application/json; charset=utf-8").body(body)).await
    }

    /// Sends JSON to a webhook, which answers `ok`.
    pub(super) async fn execute(&self, phase: Phase, body: String) -> Result<(), Failure> {
        let Some((Who::Webhook(service), token)) = self.account else {
            return Err(Failure::new(ErrorClass::Config, "that is not the account of a webhook"));
        };
        let url = format!("{}/services/{service}/{}", self.base_url, token.expose_secret());
        let request = self.client.request(Method::POST, &url).header(CONTENT_TYPE, "application/json");
        let answer = self.client.send(request.body(body)).await.map_err(|error| unclear(phase, &error))?;
        match (answer.status, answer.body.trim_ascii()) {
            (200, b"ok") => Ok(()),
            (200, _) => Err(Failure {
                status: Some(200),
                ..Failure::new(phase.not_clear(), "the webhook answered 200 with something else than ok")
            }),
            _ => Err(failure(phase, &answer, SystemTime::now())),
        }
    }

    /// Whether the server answers as Slack.
    pub(super) async fn reach(&self) -> Result<(), Failure> {
        object::<Value>(Phase::Read, self.post("api.test", &Value::Object(Default::default())).await)
            .map(drop)
    }
}

/// The content of a success that says `ok`, or what the failure means in this phase.
pub(super) fn object<T: DeserializeOwned>(
    phase: Phase,
    answer: Result<Answer, CallError>,
) -> Result<T, Failure> {
    let answer = answer.map_err(|error| unclear(phase, &error))?;
    if answer.status != 200 {
        return Err(failure(phase, &answer, SystemTime::now()));
    }
    if let Some(failure) = in_success(phase, &answer, SystemTime::now()) {
        return Err(failure);
    }
    content(phase, &answer).map(|Fields(object)| object)
}

/// A message as it is named.
pub(super) fn named(text: &str) -> Result<PostRef, Failure> {
    let message = "that is neither the address of a message on Slack nor its channel and time";
    post_ref(text).ok_or_else(|| Failure::new(ErrorClass::ContentInvalid, message))
}
