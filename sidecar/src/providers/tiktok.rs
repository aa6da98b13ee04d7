//! TikTok, the Content Posting API version 2.
//!
//! A video is sent into an *upload*, which has an id before anything is visible. All chunks but the last one are sent while the
//! post is prepared; the last one makes the post, so it is the commit, and its hash is frozen. The id tells what became of it
//! whenever it is asked. Photos are fetched by TikTok, and their id comes with the answer: where that is lost, only the account's
//! list can show that they are there, and nothing that they are not.

mod act;
mod api;
mod chunks;
mod classify;
mod connect;
mod creator;
mod look;
mod prepare;
mod publish;
mod status;
mod upload;

use std::sync::Arc;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::Platform;
use crier_core::platform::tiktok::PLATFORM;
use secrecy::SecretString;
use serde_json::Value;

use super::answer::{Phase, unclear};
use super::code_flow;
use super::{
    Account, App, Caller, Connect, Endpoints, Failure, Found, Frozen, Lifetime, Login, Metrics, Parts, Post,
    Provider, Published, Sought,
};
use crate::client::Client;
use crate::media::Fetcher;
use crate::secrets::Session;
use api::Api;
use chunks::Sizes;
use connect::FLOW;
use status::Waits;

/// Where all accounts are, unless the operator says otherwise.
const API: &str = "https://open.tiktokapis.com";
/// The version of the API that this speaks.
const VERSION: &str = "v2";

/// Makes it.
pub(super) fn provider(parts: &Parts<'_>) -> Arc<dyn Provider> {
    let (client, fetcher) = (parts.client.clone(), parts.fetcher.clone());
    let made = TikTok::new(client, fetcher, parts.apps.get("tiktok").cloned());
    Arc::new(TikTok { endpoints: parts.apps.endpoints("tiktok"), ..made })
}

/// The provider.
#[derive(Debug)]
struct TikTok {
    client: Client,
    fetcher: Fetcher,
    app: Option<App>,
    endpoints: Endpoints,
    sizes: Sizes,
    waits: Waits,
}

impl TikTok {
    fn new(client: Client, fetcher: Fetcher, app: Option<App>) -> Self {
        let endpoints = Endpoints::default();
        Self { client, fetcher, app, endpoints, sizes: Sizes::USUAL, waits: Waits::USUAL }
    }

    fn server<'a>(&'a self, base_url: &'a str) -> Api<'a> {
        let version = self.endpoints.api_version.as_deref().unwrap_or(VERSION);
        Api::new(&self.client, base_url, version)
    }

    fn of<'a>(&'a self, caller: &'a Caller) -> Api<'a> {
        self.server(&caller.account.base_url).with(&caller.session)
    }

    /// Where all accounts are.
    fn home(&self) -> &str {
        self.endpoints.server.as_deref().unwrap_or(API)
    }
}

#[async_trait]
impl Provider for TikTok {
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
        connect::login(&self.server(base_url), base_url, handle, password).await
    }

    fn lifetime(&self, session: &Session) -> Lifetime {
        code_flow::lifetime(session)
    }

    async fn refresh(&self, caller: &Caller) -> Result<Session, Failure> {
        let of = (caller.account.base_url.as_str(), &caller.session);
        FLOW.renew(&self.client, &self.endpoints, self.app.as_ref(), of, classify::renewed).await
    }

    async fn prepare(
        &self,
        caller: &Caller,
        post: &Post,
        prepared: &Value,
    ) -> Result<Option<Value>, Failure> {
        prepare::step(&self.of(caller), &self.fetcher, self.sizes, post, prepared).await
    }

    fn draft(&self, post: &Post, prepared: &Value) -> Result<Frozen, Failure> {
        publish::draft(post, prepared)
    }

    async fn commit(&self, caller: &Caller, post: &Post, frozen: &Frozen) -> Result<Published, Failure> {
        let (media, with) = (post.attachments()?, (&self.fetcher, self.waits));
        publish::commit(&self.of(caller), with, &caller.account, frozen, &media).await
    }

    async fn look(
        &self,
        account: &Account,
        session: Option<&Session>,
        sought: Sought<'_>,
    ) -> Result<Found, Failure> {
        let session = session.ok_or_else(|| {
            let message = "without its session the account's posts can't be asked for";
            Failure::new(ErrorClass::AuthRevoked, message)
        })?;
        look::look(&self.server(&account.base_url).with(session), self.waits, account, sought).await
    }

    async fn metrics(&self, caller: &Caller, post: &str) -> Result<Metrics, Failure> {
        act::metrics(&self.of(caller), post).await
    }

    /// Photos: the address of an upload would have to be one that the test's server gave.
    #[cfg(test)]
    fn sample(&self) -> super::hostile::Sample {
        let mut sample = super::hostile::Sample::text();
        sample.post.media = serde_json::json!([{ "url": "https://a.example/a.jpg" }]);
        sample.post.settings = serde_json::json!({ "privacy_level": "PUBLIC_TO_EVERYONE" });
        sample.prepared = serde_json::json!({ "disabled": {} });
        sample
    }

    fn connect(&self) -> Option<&dyn Connect> {
        Some(self)
    }

    /// Who doesn't say who it is is refused in TikTok's own words.
    async fn reach(&self, base_url: &str) -> Result<(), Failure> {
        let answer = self.server(base_url).get("user/info", &[("fields", "open_id")]).await;
        let answer = answer.map_err(|error| unclear(Phase::Read, &error))?;
        if classify::is_theirs(&answer) {
            return Ok(());
        }
        classify::read::<Value>(Phase::Read, Ok(answer)).map(drop)
    }
}

#[cfg(test)]
mod tests;
