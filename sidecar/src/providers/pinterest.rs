//! Pinterest's API, version 5.
//!
//! Pinterest has no key by which a pin could be sent twice and become one. The request is frozen, and after an unclear send the
//! pins of the board are read and compared.

mod act;
mod api;
mod classify;
mod connect;
mod look;
mod media;
mod publish;

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::Platform;
use crier_core::platform::pinterest::PLATFORM;
use secrecy::SecretString;
use serde_json::Value;

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

/// Where all accounts are, unless the operator says otherwise, and the version that is spoken.
const API: &str = "https://api.pinterest.com";
const VERSION: &str = "v5";

/// Makes it.
pub(super) fn provider(parts: &Parts<'_>) -> Arc<dyn Provider> {
    Arc::new(Pinterest {
        client: parts.client.clone(),
        fetcher: parts.fetcher.clone(),
        app: parts.apps.get("pinterest").cloned(),
        endpoints: parts.apps.endpoints("pinterest"),
    })
}

/// The provider.
#[derive(Debug)]
struct Pinterest {
    client: Client,
    fetcher: Fetcher,
    app: Option<App>,
    endpoints: Endpoints,
}

impl Pinterest {
    fn server<'a>(&'a self, base_url: &'a str) -> Api<'a> {
        let version = self.endpoints.api_version.as_deref().unwrap_or(VERSION);
        Api { client: &self.client, base_url, version, session: None }
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
impl Provider for Pinterest {
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
        let session = FLOW.pasted(password, SystemTime::now());
        let server = self.server(base_url);
        let (external_id, name) = server.with(&session).whose().await?;
        if !name.eq_ignore_ascii_case(handle.trim_start_matches('@')) {
            let message = format!("the access token is of {name}");
            return Err(Failure::new(ErrorClass::Config, message));
        }
        server.with(&session).readable().await?;
        Ok(Login { external_id, handle: name, base_url: base_url.to_owned(), session })
    }

    fn lifetime(&self, session: &Session) -> Lifetime {
        code_flow::lifetime(session)
    }

    async fn refresh(&self, caller: &Caller) -> Result<Session, Failure> {
        let of = (caller.account.base_url.as_str(), &caller.session);
        FLOW.renew(&self.client, &self.endpoints, self.app.as_ref(), of, connect::renewed).await
    }

    async fn prepare(
        &self,
        caller: &Caller,
        post: &Post,
        prepared: &Value,
    ) -> Result<Option<Value>, Failure> {
        media::step(&self.of(caller), &self.fetcher, post, prepared).await
    }

    fn draft(&self, post: &Post, prepared: &Value) -> Result<Frozen, Failure> {
        publish::draft(post, prepared, SystemTime::now())
    }

    async fn commit(&self, caller: &Caller, _: &Post, frozen: &Frozen) -> Result<Published, Failure> {
        publish::commit(&self.of(caller), frozen).await
    }

    async fn look(
        &self,
        account: &Account,
        session: Option<&Session>,
        sought: Sought<'_>,
    ) -> Result<Found, Failure> {
        let session = session.ok_or_else(|| {
            Failure::new(ErrorClass::AuthRevoked, "without its session the account's pins can't be read")
        })?;
        look::look(&self.server(&account.base_url).with(session), sought).await
    }

    async fn act(&self, caller: &Caller, act: &Act) -> Result<Done, Failure> {
        act::act(&self.of(caller), act).await
    }

    async fn metrics(&self, caller: &Caller, post: &str) -> Result<Metrics, Failure> {
        act::metrics(&self.of(caller), post).await
    }

    #[cfg(test)]
    fn sample(&self) -> super::hostile::Sample {
        let mut sample = super::hostile::Sample::text();
        sample.post.media = serde_json::json!([{ "url": "https://a.example/a.png" }]);
        sample.post.settings = serde_json::json!({ "board_id": "1001" });
        sample
    }

    fn connect(&self) -> Option<&dyn Connect> {
        Some(self)
    }

    async fn reach(&self, base_url: &str) -> Result<(), Failure> {
        self.server(base_url).reach().await
    }
}

#[cfg(test)]
mod tests;
