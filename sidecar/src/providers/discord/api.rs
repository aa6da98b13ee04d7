//! The calls of the API, and whose they are.

use crier_core::error_class::ErrorClass;
use crier_core::platform::discord::{PostRef, is_id, post_ref};
use reqwest::header::USER_AGENT;
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::classify::failure;
use crate::client::{Answer, CallError, Client, token_as};
use crate::providers::answer::{self, Fields, Phase, unclear};
use crate::providers::{Account, Failure};

/// The form that Discord asks of all its callers; it may block the others.
const CALLER: &str = concat!("DiscordBot (crierd, ", env!("CARGO_PKG_VERSION"), ")");

/// Whose account it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who<'a> {
    /// A webhook's, by its id.
    Webhook(&'a str),
    /// A bot's, which writes into this channel.
    Bot {
        /// The bot's id.
        bot: &'a str,
        /// The channel's.
        channel: &'a str,
    },
}

impl<'a> Who<'a> {
    /// A webhook's account is called by its id, that of a bot `bot/channel`.
    pub(super) fn of(account: &'a Account) -> Result<Self, Failure> {
        let id = account.external_id.as_str();
        match id.split_once('/') {
            None if is_id(id) => Ok(Self::Webhook(id)),
            Some((bot, channel)) if is_id(bot) && is_id(channel) => Ok(Self::Bot { bot, channel }),
            _ => Err(Failure::new(ErrorClass::Config, "the account's id is not one of Discord")),
        }
    }
}

/// The API, for nobody or for an account.
#[derive(Clone)]
pub(super) struct Api<'a> {
    client: &'a Client,
    root: String,
    account: Option<(Who<'a>, &'a SecretString)>,
}

impl<'a> Api<'a> {
    pub(super) fn new(client: &'a Client, base_url: &str, version: &str) -> Self {
        Self { client, root: format!("{base_url}/api/{version}"), account: None }
    }

    /// The same for an account.
    pub(super) fn with(self, who: Who<'a>, token: &'a SecretString) -> Self {
        Self { account: Some((who, token)), ..self }
    }

    /// Whose calls these are.
    pub(super) fn who(&self) -> Result<Who<'a>, Failure> {
        let nobody = || Failure::new(ErrorClass::AuthRevoked, "Discord is asked by nobody");
        self.account.map(|(who, _)| who).ok_or_else(nobody)
    }

    /// A call, not yet sent. Paths of a bot begin at the API, those of a webhook behind its token.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = match self.account {
            Some((Who::Webhook(id), token)) => {
                let path = format!("{}/webhooks/{id}/{}{path}", self.root, token.expose_secret());
                self.client.request(method, &path)
            }
            Some((Who::Bot { .. }, token)) => {
                token_as(self.client.request(method, &format!("{}/{path}", self.root)), "Bot", token)
            }
            None => self.client.request(method, &format!("{}/{path}", self.root)),
        };
        request.header(USER_AGENT, CALLER)
    }

    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Answer, CallError> {
        self.client.send(request).await
    }

    pub(super) async fn get(&self, path: &str) -> Result<Answer, CallError> {
        self.send(self.request(Method::GET, path)).await
    }

    /// A call that may be repeated and answers with nothing.
    pub(super) async fn done(&self, method: Method, path: &str) -> Result<(), Failure> {
        let answer = self.send(self.request(method, path)).await;
        let answer = answer.map_err(|error| unclear(Phase::Prepare, &error))?;
        if (200..=204).contains(&answer.status) {
            return Ok(());
        }
        Err(failure(Phase::Prepare, &answer, std::time::SystemTime::now()))
    }

    /// Whether the server answers as Discord: where events are to be had anybody may ask.
    pub(super) async fn reach(&self) -> Result<(), Failure> {
        read::<IgnoredAny>(Phase::Read, self.get("gateway").await).map(drop)
    }
}

/// The content of a success, or what the failure means in this phase.
pub(super) fn read<T: DeserializeOwned>(
    phase: Phase,
    answer: Result<Answer, CallError>,
) -> Result<T, Failure> {
    answer::read(phase, answer, failure)
}

/// The same of an object: what is read of one a list would give too.
pub(super) fn object<T: DeserializeOwned>(
    phase: Phase,
    answer: Result<Answer, CallError>,
) -> Result<T, Failure> {
    read(phase, answer).map(|Fields(object)| object)
}

/// An id: a number that is written as a text. It goes into paths.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Id(String);

impl Id {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Id {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if is_id(&text) { Ok(Self(text)) } else { Err("not an id") }
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0
    }
}

/// A message as it is named.
pub(super) fn named(text: &str) -> Result<PostRef<'_>, Failure> {
    let message = "that is neither the id nor the address of a message on Discord";
    post_ref(text).ok_or_else(|| Failure::new(ErrorClass::ContentInvalid, message))
}
