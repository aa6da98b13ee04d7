//! Misskey, and servers that offer its API.
//!
//! There is no key by which a note could be sent twice and become one. What is sent is frozen; after an unclear send the account's
//! own notes since then are read, from the server's database and not from its caches.

mod act;
mod api;
mod classify;
mod connect;
mod notes;
mod prepare;

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::Platform;
use crier_core::platform::misskey::PLATFORM;
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
use api::{Api, Me};

/// The server that is meant where none is named.
const LARGEST: &str = "https://misskey.io";

/// Makes it.
pub(super) fn provider(parts: &Parts<'_>) -> Arc<dyn Provider> {
    Arc::new(Misskey { client: parts.client.clone(), fetcher: parts.fetcher.clone() })
}

/// The provider.
#[derive(Debug)]
pub(super) struct Misskey {
    client: Client,
    fetcher: Fetcher,
}

impl Misskey {
    fn as_caller<'a>(&'a self, caller: &'a Caller) -> Api<'a> {
        Api::new(&self.client, &caller.account.base_url, Some(&caller.session.access))
    }
}

#[async_trait]
impl Provider for Misskey {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn default_base_url(&self) -> Option<&'static str> {
        Some(LARGEST)
    }

    async fn login(&self, base_url: &str, handle: &str, token: &SecretString) -> Result<Login, Failure> {
        let me = api::me(&Api::new(&self.client, base_url, Some(token))).await?;
        let named = handle.trim_start_matches('@').split('@').next().unwrap_or_default();
        if !named.eq_ignore_ascii_case(&me.username) {
            let message = format!("the access token belongs to the account {}, not to {named}", me.username);
            return Err(Failure::new(ErrorClass::Permission, message));
        }
        let handle = me.handle(base_url);
        let Me { id, .. } = me;
        let session = Session::new(token.clone(), SecretString::default());
        Ok(Login { external_id: id, handle, base_url: base_url.to_owned(), session })
    }

    /// Tokens have no end.
    fn lifetime(&self, _session: &Session) -> Lifetime {
        Lifetime::default()
    }

    async fn refresh(&self, _caller: &Caller) -> Result<Session, Failure> {
        let message =
            "the server no longer takes the account's access token, and its owner has to make another";
        Err(Failure::new(ErrorClass::AuthRevoked, message))
    }

    async fn prepare(
        &self,
        caller: &Caller,
        post: &Post,
        prepared: &Value,
    ) -> Result<Option<Value>, Failure> {
        prepare::step(&self.as_caller(caller), &self.fetcher, post, prepared).await
    }

    fn draft(&self, post: &Post, prepared: &Value) -> Result<Frozen, Failure> {
        notes::draft(post, prepared, new_key(SystemTime::now())?)
    }

    async fn commit(&self, caller: &Caller, _: &Post, frozen: &Frozen) -> Result<Published, Failure> {
        notes::commit(&self.as_caller(caller), frozen).await
    }

    async fn look(
        &self,
        account: &Account,
        session: Option<&Session>,
        sought: Sought<'_>,
    ) -> Result<Found, Failure> {
        let session = session.ok_or_else(|| {
            let message = "the account's notes can't all be read without its access token";
            Failure::new(ErrorClass::AuthRevoked, message)
        })?;
        let api = Api::new(&self.client, &account.base_url, Some(&session.access));
        notes::look(&api, &account.external_id, sought).await
    }

    async fn act(&self, caller: &Caller, act: &Act) -> Result<Done, Failure> {
        act::act(&self.as_caller(caller), act).await
    }

    async fn metrics(&self, caller: &Caller, post: &str) -> Result<Metrics, Failure> {
        act::metrics(&self.as_caller(caller), post).await
    }

    fn connect(&self) -> Option<&dyn Connect> {
        Some(self)
    }

    async fn reach(&self, base_url: &str) -> Result<(), Failure> {
        Api::new(&self.client, base_url, None).meta().await.map(drop)
    }
}

#[cfg(test)]
mod tests;
