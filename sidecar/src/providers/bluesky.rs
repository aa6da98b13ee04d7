//! Bluesky, and every other server of the AT Protocol.
//!
//! The record key (a TID) and the record itself are frozen before the first try, so a second `putRecord` of
//! the same bytes can't publish twice, and `getRecord` tells whether the first one arrived.

mod act;
mod classify;
mod facets;
mod oauth;
mod prepare;
mod publish;
mod reply;
mod session;
mod syntax;
mod tid;
mod video;
mod xrpc;

use std::sync::Arc;

use async_trait::async_trait;
use crier_core::platform::Platform;
use crier_core::platform::bluesky::PLATFORM;
use crier_core::refresh::Rotation;
use secrecy::SecretString;
use serde_json::Value;

use super::{
    Account, Act, Caller, Connect, Done, Failure, Found, Frozen, Lifetime, Login, Metrics, Parts, Post,
    Provider, Published, Sought, VideoService,
};
use crate::client::Client;
use crate::media::Fetcher;
use crate::secrets::Session;
use oauth::OAuth;
use xrpc::Xrpc;

pub use oauth::Settings;
pub(crate) use oauth::{ClientKeys, PLC_DIRECTORY, app};

/// Where accounts are that name no server of their own.
pub(crate) const ENTRYWAY: &str = "https://bsky.social";

/// Makes it.
pub(super) fn provider(parts: &Parts<'_>) -> Arc<dyn Provider> {
    let (client, fetcher) = (parts.client.clone(), parts.fetcher.clone());
    Arc::new(Bluesky::new(client, fetcher, parts.apps.video_service().clone(), parts.apps.bluesky().clone()))
}

/// The provider.
#[derive(Debug)]
pub(super) struct Bluesky {
    client: Client,
    fetcher: Fetcher,
    keys: tid::Generator,
    /// What the operator wants to have videos processed by.
    video_service: VideoService,
    oauth: OAuth,
}

impl Bluesky {
    pub(super) fn new(
        client: Client,
        fetcher: Fetcher,
        video_service: VideoService,
        settings: Settings,
    ) -> Self {
        let (keys, oauth) = (tid::Generator::new(), OAuth::new(settings));
        Self { client, fetcher, keys, video_service, oauth }
    }

    fn at<'a>(&'a self, base_url: &'a str) -> Xrpc<'a> {
        Xrpc::new(&self.client, &self.oauth.nonces, base_url)
    }
}

#[async_trait]
impl Provider for Bluesky {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn default_base_url(&self) -> Option<&'static str> {
        Some(ENTRYWAY)
    }

    fn secret(&self) -> &'static str {
        "app password"
    }

    async fn login(&self, base_url: &str, handle: &str, password: &SecretString) -> Result<Login, Failure> {
        session::login(&self.at(base_url), base_url, handle, password).await
    }

    fn lifetime(&self, session: &Session) -> Lifetime {
        match &session.bound {
            Some(bound) => oauth::lifetime(session, bound),
            None => session::lifetime(session),
        }
    }

    /// Of a bound session a refresh token that comes again ends all of it.
    fn rotation(&self, session: &Session) -> Rotation {
        if session.bound.is_some() { Rotation::Strict } else { self.platform().rotation }
    }

    async fn refresh(&self, caller: &Caller) -> Result<Session, Failure> {
        match &caller.session.bound {
            Some(bound) => self.oauth.refresh(&self.client, caller, bound).await,
            None => session::refresh(&self.at(&caller.account.base_url), caller).await,
        }
    }

    async fn prepare(
        &self,
        caller: &Caller,
        post: &Post,
        prepared: &Value,
    ) -> Result<Option<Value>, Failure> {
        let base_url = &caller.account.base_url;
        let preparation = prepare::Preparation {
            server: self.at(base_url),
            video_service: video::service(&self.video_service, base_url).map(|url| self.at(url)),
            fetcher: &self.fetcher,
            caller,
        };
        preparation.step(post, prepared).await
    }

    fn draft(&self, post: &Post, prepared: &Value) -> Result<Frozen, Failure> {
        publish::draft(post, prepared, self.keys.next(), std::time::SystemTime::now())
    }

    async fn commit(&self, caller: &Caller, _: &Post, frozen: &Frozen) -> Result<Published, Failure> {
        publish::commit(&self.at(&caller.account.base_url), caller, frozen).await
    }

    async fn look(
        &self,
        account: &Account,
        _session: Option<&Session>,
        sought: Sought<'_>,
    ) -> Result<Found, Failure> {
        publish::look(&self.at(&account.base_url), account, sought.frozen).await
    }

    fn looks_in_public(&self) -> bool {
        true
    }

    async fn act(&self, caller: &Caller, act: &Act) -> Result<Done, Failure> {
        act::act(&self.at(&caller.account.base_url), caller, act).await
    }

    async fn metrics(&self, caller: &Caller, post: &str) -> Result<Metrics, Failure> {
        act::metrics(&self.at(&caller.account.base_url), caller, post).await
    }

    fn connect(&self) -> Option<&dyn Connect> {
        Some(self)
    }

    async fn reach(&self, base_url: &str) -> Result<(), Failure> {
        self.at(base_url).describe().await
    }
}
