//! Slack, by one of two kinds of account: an incoming webhook, whose address is all its secret, or a bot that writes into a channel.
//!
//! A bot is connected by its token, or by a login that gives the channels it is in. Its message carries a key in its metadata, and the channel is read to find out what became of a send. Files are uploaded
//! before; they appear by the call that completes them, and by their ids Slack tells where they are shown. A webhook is told nothing,
//! and can read nothing: what became of a send without an answer only a person can find out.

mod act;
mod api;
mod classify;
mod connect;
mod look;
mod prepare;
mod publish;
mod session;
#[cfg(test)]
mod tests;
mod upload;

use std::sync::Arc;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::Platform;
use crier_core::platform::slack::PLATFORM;
use secrecy::SecretString;
use serde_json::Value;

use super::{
    Account, Act, App, Caller, Connect, Done, Endpoints, Failure, Found, Frozen, Lifetime, Login, Metrics,
    Parts, Post, Provider, Published, Sought,
};
use crate::client::Client;
use crate::media::Fetcher;
use crate::secrets::Session;
use api::{Api, Who};

/// Where bots call, and where webhooks are, unless the operator says otherwise.
const HOME: &str = "https://slack.com";
const HOOKS: &str = "https://hooks.slack.com";

/// Makes it.
pub(super) fn provider(parts: &Parts<'_>) -> Arc<dyn Provider> {
    Arc::new(Slack {
        client: parts.client.clone(),
        fetcher: parts.fetcher.clone(),
        app: parts.apps.get(PLATFORM.name).cloned(),
        endpoints: parts.apps.endpoints(PLATFORM.name),
    })
}

/// The provider.
#[derive(Debug)]
struct Slack {
    client: Client,
    fetcher: Fetcher,
    app: Option<App>,
    endpoints: Endpoints,
}

impl Slack {
    fn of<'a>(&'a self, account: &'a Account, session: &'a Session) -> Result<Api<'a>, Failure> {
        Ok(Api::new(&self.client, &account.base_url).with(Who::of(account)?, &session.access))
    }
}

#[async_trait]
impl Provider for Slack {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn default_base_url(&self) -> Option<&'static str> {
        Some(HOME)
    }

    fn servers(&self) -> Vec<&str> {
        self.endpoints.server.as_deref().map_or(vec![HOME, HOOKS], |server| vec![server])
    }

    fn secret(&self) -> &'static str {
        "bot token or webhook address"
    }

    /// Of a webhook's address only its token: the rest is by what the account is known.
    fn hidden(&self, password: &SecretString) -> Vec<SecretString> {
        session::hidden(password)
    }

    async fn login(&self, base_url: &str, handle: &str, password: &SecretString) -> Result<Login, Failure> {
        session::login(&self.client, base_url, handle, password).await
    }

    /// Neither has an end.
    fn lifetime(&self, _session: &Session) -> Lifetime {
        Lifetime::default()
    }

    async fn refresh(&self, _caller: &Caller) -> Result<Session, Failure> {
        let message =
            "Slack no longer takes the account's token, and there is none to be had without its owner";
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

    async fn commit(&self, caller: &Caller, _: &Post, frozen: &Frozen) -> Result<Published, Failure> {
        publish::commit(&self.of(&caller.account, &caller.session)?, frozen).await
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
        let place = serde_json::json!({ "channel": "C022", "thread": null });
        super::hostile::Sample {
            prepared: serde_json::json!({ "place": place }),
            external_id: "T1/U7/C022",
            handle: "C022",
            ..super::hostile::Sample::text()
        }
    }

    fn connect(&self) -> Option<&dyn Connect> {
        Some(self)
    }

    async fn reach(&self, base_url: &str) -> Result<(), Failure> {
        Api::new(&self.client, base_url).reach().await
    }
}
