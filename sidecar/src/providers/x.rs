//! X, API version 2.
//!
//! X has no key by which a post could be sent twice and become one. The text is frozen, and after an unclear send
//! the account's newest posts are read and compared; what X refuses as a duplicate proves that the first one arrived.

mod act;
mod api;
mod classify;
mod connect;
mod media;
mod prepare;
mod publish;
mod session;
mod shown;
mod tweet;

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::Platform;
use crier_core::platform::x::PLATFORM;
use secrecy::SecretString;
use serde_json::Value;

use super::answer::Phase;
use super::code_flow;
use super::{
    Account, Act, App, Caller, Connect, Done, Endpoints, Failure, Found, Frozen, Lifetime, Login, Metrics,
    Parts, Post, Provider, Published, Sought,
};
use crate::client::Client;
use crate::media::Fetcher;
use crate::secrets::Session;
use api::Api;
use connect::FLOW;

/// Where all accounts are, unless the operator says otherwise.
const API: &str = "https://api.x.com";

/// Makes it.
pub(super) fn provider(parts: &Parts<'_>) -> Arc<dyn Provider> {
    let (client, fetcher) = (parts.client.clone(), parts.fetcher.clone());
    Arc::new(X::new(client, fetcher, parts.apps.get("x").cloned()).at(parts.apps.endpoints("x")))
}

/// The provider.
#[derive(Debug)]
pub(super) struct X {
    client: Client,
    fetcher: Fetcher,
    app: Option<App>,
    endpoints: Endpoints,
}

impl X {
    pub(super) fn new(client: Client, fetcher: Fetcher, app: Option<App>) -> Self {
        Self { client, fetcher, app, endpoints: Endpoints::default() }
    }

    /// The same where the operator has set other addresses.
    pub(super) fn at(self, endpoints: Endpoints) -> Self {
        Self { endpoints, ..self }
    }

    fn server<'a>(&'a self, base_url: &'a str) -> Api<'a> {
        Api::new(&self.client, base_url)
    }

    /// Where all accounts are.
    fn home(&self) -> &str {
        self.endpoints.server.as_deref().unwrap_or(API)
    }

    fn of<'a>(&'a self, caller: &'a Caller) -> Api<'a> {
        self.server(&caller.account.base_url).with(&caller.session)
    }
}

#[async_trait]
impl Provider for X {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn default_base_url(&self) -> Option<&'static str> {
        Some(API)
    }

    fn servers(&self) -> Vec<&str> {
        vec![self.home()]
    }

    fn secret(&self) -> &'static str {
        "access token:refresh token"
    }

    async fn login(&self, base_url: &str, handle: &str, password: &SecretString) -> Result<Login, Failure> {
        session::login(&self.server(base_url), base_url, handle, password).await
    }

    fn lifetime(&self, session: &Session) -> Lifetime {
        code_flow::lifetime(session)
    }

    async fn refresh(&self, caller: &Caller) -> Result<Session, Failure> {
        let of = (caller.account.base_url.as_str(), &caller.session);
        let bought = |answer| api::read(Phase::Refresh, answer);
        FLOW.renew(&self.client, &self.endpoints, self.app.as_ref(), of, bought).await
    }

    async fn prepare(
        &self,
        caller: &Caller,
        post: &Post,
        prepared: &Value,
    ) -> Result<Option<Value>, Failure> {
        prepare::step(&self.of(caller), &self.fetcher, post, prepared, SystemTime::now()).await
    }

    fn draft(&self, post: &Post, prepared: &Value) -> Result<Frozen, Failure> {
        let random = |_| Failure::new(ErrorClass::Transient, "there are no random numbers for a key");
        let key = getrandom::u64().map_err(random)?;
        publish::draft(post, prepared, format!("{key:016x}"), SystemTime::now())
    }

    async fn commit(&self, caller: &Caller, _: &Post, frozen: &Frozen) -> Result<Published, Failure> {
        publish::commit(&self.of(caller), &caller.account, frozen).await
    }

    async fn look(
        &self,
        account: &Account,
        session: Option<&Session>,
        sought: Sought<'_>,
    ) -> Result<Found, Failure> {
        let session = session.ok_or_else(|| {
            Failure::new(ErrorClass::AuthRevoked, "without its session the account's posts can't be read")
        })?;
        publish::look(&self.server(&account.base_url).with(session), account, sought).await
    }

    async fn act(&self, caller: &Caller, act: &Act) -> Result<Done, Failure> {
        act::act(&self.of(caller), &caller.account.charges, act).await
    }

    async fn metrics(&self, caller: &Caller, post: &str) -> Result<Metrics, Failure> {
        act::metrics(&self.of(caller), &caller.account.charges, post).await
    }

    #[cfg(test)]
    fn sample(&self) -> super::hostile::Sample {
        super::hostile::Sample::image()
    }

    fn connect(&self) -> Option<&dyn Connect> {
        Some(self)
    }

    async fn reach(&self, base_url: &str) -> Result<(), Failure> {
        self.server(base_url).reach().await
    }
}

#[cfg(test)]
pub(super) mod tests;
