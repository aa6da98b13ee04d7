//! Discord, by one of two kinds of account: a webhook, whose address is all its secret, or a bot that writes into a channel.
//!
//! A message carries its files, which can't be uploaded before: what was written down are their digests. A bot sends a nonce under
//! which Discord makes one message for some minutes, and reads the channel to find out what became of a send. A webhook can read
//! nothing but messages whose ids it was told: what became of a send without an answer only a person can find out.

mod act;
mod api;
mod classify;
mod look;
mod message;
mod prepare;
mod publish;
mod session;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::Platform;
use crier_core::platform::discord::PLATFORM;
use secrecy::SecretString;
use serde_json::Value;

use super::{
    Account, Act, Caller, Done, Endpoints, Failure, Found, Frozen, Lifetime, Login, Metrics, Parts, Post,
    Provider, Published, Sought,
};
use crate::client::Client;
use crate::media::Fetcher;
use crate::secrets::Session;
use api::{Api, Who};

/// Where all accounts are, unless the operator says otherwise.
const HOME: &str = "https://discord.com";
/// The version of the API, unless the operator says otherwise.
const VERSION: &str = "v10";

/// Makes it.
pub(super) fn provider(parts: &Parts<'_>) -> Arc<dyn Provider> {
    let endpoints = parts.apps.endpoints(PLATFORM.name);
    Arc::new(Discord::new(parts.client.clone(), parts.fetcher.clone(), endpoints))
}

/// The provider.
#[derive(Debug)]
struct Discord {
    client: Client,
    fetcher: Fetcher,
    endpoints: Endpoints,
}

impl Discord {
    fn new(client: Client, fetcher: Fetcher, endpoints: Endpoints) -> Self {
        Self { client, fetcher, endpoints }
    }

    fn api<'a>(&'a self, base_url: &str) -> Api<'a> {
        Api::new(&self.client, base_url, self.endpoints.api_version.as_deref().unwrap_or(VERSION))
    }

    fn of<'a>(&'a self, account: &'a Account, session: &'a Session) -> Result<Api<'a>, Failure> {
        Ok(self.api(&account.base_url).with(Who::of(account)?, &session.access))
    }
}

#[async_trait]
impl Provider for Discord {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn default_base_url(&self) -> Option<&'static str> {
        Some(HOME)
    }

    fn servers(&self) -> Vec<&str> {
        vec![self.endpoints.server.as_deref().unwrap_or(HOME)]
    }

    fn secret(&self) -> &'static str {
        "webhook address or bot token"
    }

    /// Of a webhook's address only its token: the rest is its id, by which the account is known.
    fn hidden(&self, password: &SecretString) -> Vec<SecretString> {
        session::hidden(password)
    }

    async fn login(&self, base_url: &str, handle: &str, password: &SecretString) -> Result<Login, Failure> {
        session::login(&self.api(base_url), base_url, handle, password).await
    }

    /// Neither has an end.
    fn lifetime(&self, _session: &Session) -> Lifetime {
        Lifetime::default()
    }

    async fn refresh(&self, _caller: &Caller) -> Result<Session, Failure> {
        let message =
            "Discord no longer takes the account's token, and there is none to be had without its owner";
        Err(Failure::new(ErrorClass::AuthRevoked, message))
    }

    async fn prepare(
        &self,
        caller: &Caller,
        post: &Post,
        prepared: &Value,
    ) -> Result<Option<Value>, Failure> {
        prepare::step(&self.of(&caller.account, &caller.session)?, &self.fetcher, post, prepared).await
    }

    fn draft(&self, post: &Post, prepared: &Value) -> Result<Frozen, Failure> {
        publish::draft(post, prepared)
    }

    async fn commit(&self, caller: &Caller, post: &Post, frozen: &Frozen) -> Result<Published, Failure> {
        let api = self.of(&caller.account, &caller.session)?;
        publish::commit(&api, &self.fetcher, &post.attachments()?, frozen).await
    }

    async fn look(
        &self,
        account: &Account,
        session: Option<&Session>,
        sought: Sought<'_>,
    ) -> Result<Found, Failure> {
        let session = session.ok_or_else(|| {
            Failure::new(ErrorClass::AuthRevoked, "the channel can't be read without the account's token")
        })?;
        look::look(&self.of(account, session)?, sought).await
    }

    async fn act(&self, caller: &Caller, act: &Act) -> Result<Done, Failure> {
        act::act(&self.of(&caller.account, &caller.session)?, act).await
    }

    async fn metrics(&self, caller: &Caller, post: &str) -> Result<Metrics, Failure> {
        act::metrics(&self.of(&caller.account, &caller.session)?, post).await
    }

    /// A bot's.
    #[cfg(test)]
    fn sample(&self) -> super::hostile::Sample {
        let place = serde_json::json!({ "by_bot": true, "guild": "1", "channel": "22", "answered": null, "thread": null });
        super::hostile::Sample {
            prepared: serde_json::json!({ "place": place }),
            external_id: "7/22",
            handle: "1/22",
            ..super::hostile::Sample::text()
        }
    }

    async fn reach(&self, base_url: &str) -> Result<(), Failure> {
        self.api(base_url).reach().await
    }
}
