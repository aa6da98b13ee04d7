//! Telegram: a bot of the Bot API that posts in a channel or a supergroup.
//!
//! The bot can neither send under a key nor read what it has sent. So nothing but the answer tells whether a post is there:
//! where it is lost, a person is asked. The token stands in the path of every address; see `api`.

mod act;
mod api;
mod classify;
mod prepare;
mod publish;
mod session;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::Platform;
use crier_core::platform::telegram::PLATFORM;
use secrecy::SecretString;
use serde_json::Value;

use super::key::new_key;
use super::{
    Account, Act, Caller, Done, Endpoints, Failure, Found, Frozen, Lifetime, Login, Parts, Post, Provider,
    Published, Sought,
};
use crate::client::Client;
use crate::media::Fetcher;
use crate::secrets::Session;
use api::Api;

/// Where all bots are, unless the operator runs a Bot API server.
const SERVER: &str = "https://api.telegram.org";

/// Makes it.
pub(super) fn provider(parts: &Parts<'_>) -> Arc<dyn Provider> {
    let (client, fetcher) = (parts.client.clone(), parts.fetcher.clone());
    Arc::new(Telegram { client, fetcher, endpoints: parts.apps.endpoints(PLATFORM.name) })
}

/// The provider.
#[derive(Debug)]
struct Telegram {
    client: Client,
    fetcher: Fetcher,
    endpoints: Endpoints,
}

impl Telegram {
    fn bot<'a>(&'a self, base_url: &'a str, token: &'a SecretString) -> Api<'a> {
        Api::new(&self.client, base_url, token)
    }

    fn of<'a>(&'a self, caller: &'a Caller) -> Api<'a> {
        self.bot(&caller.account.base_url, &caller.session.access)
    }
}

#[async_trait]
impl Provider for Telegram {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn default_base_url(&self) -> Option<&'static str> {
        Some(SERVER)
    }

    /// A bot's token goes nowhere else.
    fn servers(&self) -> Vec<&str> {
        vec![self.endpoints.server.as_deref().unwrap_or(SERVER)]
    }

    fn secret(&self) -> &'static str {
        "bot token"
    }

    async fn login(&self, base_url: &str, handle: &str, token: &SecretString) -> Result<Login, Failure> {
        session::login(&self.bot(base_url, token), base_url, handle, token).await
    }

    /// Tokens have no end.
    fn lifetime(&self, _session: &Session) -> Lifetime {
        Lifetime::default()
    }

    async fn refresh(&self, _caller: &Caller) -> Result<Session, Failure> {
        let message =
            "Telegram no longer takes the bot's token, and a new one only its owner can get from @BotFather";
        Err(Failure::new(ErrorClass::AuthRevoked, message))
    }

    async fn prepare(
        &self,
        _caller: &Caller,
        post: &Post,
        prepared: &Value,
    ) -> Result<Option<Value>, Failure> {
        prepare::step(&self.fetcher, post, prepared).await
    }

    fn draft(&self, post: &Post, prepared: &Value) -> Result<Frozen, Failure> {
        publish::draft(post, prepared, new_key(SystemTime::now())?)
    }

    async fn commit(&self, caller: &Caller, post: &Post, frozen: &Frozen) -> Result<Published, Failure> {
        publish::commit(&self.of(caller), &self.fetcher, &caller.account.external_id, frozen, &post.media)
            .await
    }

    async fn look(
        &self,
        _account: &Account,
        _session: Option<&Session>,
        _sought: Sought<'_>,
    ) -> Result<Found, Failure> {
        let message = "Telegram shows a bot nothing of what it has sent: whether the post is there, only a person can see";
        Err(Failure::unknowable(message))
    }

    async fn act(&self, caller: &Caller, act: &Act) -> Result<Done, Failure> {
        act::act(&self.of(caller), &caller.account.external_id, act).await
    }

    async fn reach(&self, base_url: &str) -> Result<(), Failure> {
        // A bot that is none: the server says so in the words of the interface.
        self.bot(base_url, &"0:none".into()).reach().await
    }
}
