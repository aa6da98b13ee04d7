//! Mastodon, and servers that offer its interface.
//!
//! A post is sent under an `Idempotency-Key` that is frozen with the exact body. Servers remember a key for an hour at most and
//! some not at all, so what settles an unclear publish is a look at the account's own posts.

mod act;
mod api;
mod classify;
mod connect;
mod look;
mod prepare;
mod publish;
mod reply;
mod session;
#[cfg(test)]
mod tests;
mod upload;

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::Platform;
use crier_core::platform::mastodon::PLATFORM;
use secrecy::SecretString;
use serde_json::Value;

use super::key::new_key;
use super::{
    Account, Act, Caller, Connect, Done, Failure, Found, Frozen, Lifetime, Login, Metrics, Parts, Post,
    Provider, Published, Sought,
};
use crate::client::Client;
use crate::media::Fetcher;
use crate::secrets::Session;
use api::Api;

/// The server that is meant where none is named.
const LARGEST: &str = "https://mastodon.social";

/// Makes it.
pub(super) fn provider(parts: &Parts<'_>) -> Arc<dyn Provider> {
    Arc::new(Mastodon::new(parts.client.clone(), parts.fetcher.clone()))
}

/// The provider.
#[derive(Debug)]
pub(super) struct Mastodon {
    client: Client,
    fetcher: Fetcher,
}

impl Mastodon {
    pub(super) fn new(client: Client, fetcher: Fetcher) -> Self {
        Self { client, fetcher }
    }

    fn server<'a>(&'a self, base_url: &'a str) -> Api<'a> {
        Api::new(&self.client, base_url, None)
    }

    fn as_caller<'a>(&'a self, caller: &'a Caller) -> Api<'a> {
        Api::new(&self.client, &caller.account.base_url, Some(&caller.session.access))
    }
}

#[async_trait]
impl Provider for Mastodon {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn default_base_url(&self) -> Option<&'static str> {
        Some(LARGEST)
    }

    async fn login(&self, base_url: &str, handle: &str, password: &SecretString) -> Result<Login, Failure> {
        session::login(&Api::new(&self.client, base_url, Some(password)), base_url, handle, password).await
    }

    /// Tokens have no end.
    fn lifetime(&self, _session: &Session) -> Lifetime {
        Lifetime::default()
    }

    async fn refresh(&self, _caller: &Caller) -> Result<Session, Failure> {
        let message = "the server no longer takes the account's access token, and there is none to be had without its owner";
        Err(Failure::new(ErrorClass::AuthRevoked, message))
    }

    async fn prepare(
        &self,
        caller: &Caller,
        post: &Post,
        prepared: &Value,
    ) -> Result<Option<Value>, Failure> {
        prepare::step(&self.as_caller(caller), &caller.account.base_url, &self.fetcher, post, prepared).await
    }

    fn draft(&self, post: &Post, prepared: &Value) -> Result<Frozen, Failure> {
        publish::draft(post, prepared, new_key(SystemTime::now())?)
    }

    async fn commit(&self, caller: &Caller, _: &Post, frozen: &Frozen) -> Result<Published, Failure> {
        publish::commit(&self.as_caller(caller), frozen).await
    }

    async fn look(
        &self,
        account: &Account,
        session: Option<&Session>,
        sought: Sought<'_>,
    ) -> Result<Found, Failure> {
        // Not every post is public, and how a text was written only its author is told.
        let session = session.ok_or_else(|| {
            Failure::new(
                ErrorClass::AuthRevoked,
                "the account's posts can't be read without its access token",
            )
        })?;
        let server = Api::new(&self.client, &account.base_url, Some(&session.access));
        look::look(&server, &account.external_id, sought).await
    }

    async fn act(&self, caller: &Caller, act: &Act) -> Result<Done, Failure> {
        act::act(&self.as_caller(caller), act).await
    }

    async fn metrics(&self, caller: &Caller, post: &str) -> Result<Metrics, Failure> {
        act::metrics(&self.as_caller(caller), post).await
    }

    #[cfg(test)]
    fn sample(&self) -> super::hostile::Sample {
        super::hostile::Sample::image()
    }

    fn connect(&self) -> Option<&dyn Connect> {
        Some(self)
    }

    async fn reach(&self, base_url: &str) -> Result<(), Failure> {
        self.server(base_url).describe().await
    }
}
