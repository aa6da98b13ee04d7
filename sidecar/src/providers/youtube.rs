//! YouTube, Data API version 3.
//!
//! A video is sent into an *upload*, whose address is known before anything is visible. All but its last bytes are sent while the
//! post is prepared; the last ones make the video, so they are the commit, and they are frozen. An upload makes one video or
//! none, and tells which whenever it is asked. Where it is gone, the channel's list of uploads decides.

mod act;
mod api;
mod classify;
mod comment;
mod connect;
mod prepare;
mod publish;
mod session;
mod upload;

use std::sync::Arc;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::Platform;
use crier_core::platform::youtube::{self, PLATFORM};
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
use comment::Comment;
use connect::FLOW;
use upload::Sizes;

/// Where all accounts are, unless the operator says otherwise.
const API: &str = "https://www.googleapis.com";
/// The version of the API that this speaks.
const VERSION: &str = "v3";

/// Makes it.
pub(super) fn provider(parts: &Parts<'_>) -> Arc<dyn Provider> {
    let (client, fetcher) = (parts.client.clone(), parts.fetcher.clone());
    let made = YouTube::new(client, fetcher, parts.apps.get("youtube").cloned());
    Arc::new(YouTube { endpoints: parts.apps.endpoints("youtube"), ..made })
}

/// The provider.
#[derive(Debug)]
struct YouTube {
    client: Client,
    fetcher: Fetcher,
    app: Option<App>,
    endpoints: Endpoints,
    sizes: Sizes,
}

impl YouTube {
    fn new(client: Client, fetcher: Fetcher, app: Option<App>) -> Self {
        Self { client, fetcher, app, endpoints: Endpoints::default(), sizes: Sizes::USUAL }
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
impl Provider for YouTube {
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
        FLOW.renew(&self.client, &self.endpoints, self.app.as_ref(), of, classify::renewed).await
    }

    async fn prepare(
        &self,
        caller: &Caller,
        post: &Post,
        prepared: &Value,
    ) -> Result<Option<Value>, Failure> {
        let api = self.of(caller);
        match &post.reply_to {
            Some(video) => comment::step(&api, &caller.account, video, prepared).await,
            None => prepare::step(&api, &self.fetcher, self.sizes, post, prepared).await,
        }
    }

    fn draft(&self, post: &Post, prepared: &Value) -> Result<Frozen, Failure> {
        match post.reply_to {
            Some(_) => comment::draft(post, prepared),
            None => publish::draft(post, prepared),
        }
    }

    async fn commit(&self, caller: &Caller, _: &Post, frozen: &Frozen) -> Result<Published, Failure> {
        let api = self.of(caller);
        match Comment::of(frozen) {
            Some(comment) => comment.commit(&api).await,
            None => publish::commit(&api, frozen).await,
        }
    }

    async fn look(
        &self,
        account: &Account,
        session: Option<&Session>,
        sought: Sought<'_>,
    ) -> Result<Found, Failure> {
        let session = session.ok_or_else(|| {
            let message = "without its session the account's uploads can't be asked for";
            Failure::new(ErrorClass::AuthRevoked, message)
        })?;
        let api = self.server(&account.base_url).with(session);
        match Comment::of(sought.frozen) {
            Some(comment) => comment.look(&api, account, sought).await,
            None => publish::look(&api, sought).await,
        }
    }

    fn completes(&self, post: &Post) -> bool {
        youtube::settings(&post.settings).is_ok_and(|settings| settings.thumbnail.is_some())
    }

    async fn complete(&self, caller: &Caller, post: &Post, published: &Published) -> Result<(), Failure> {
        publish::complete(&self.of(caller), &self.fetcher, post, published).await
    }

    async fn act(&self, caller: &Caller, act: &Act) -> Result<Done, Failure> {
        act::act(&self.of(caller), act).await
    }

    async fn metrics(&self, caller: &Caller, post: &str) -> Result<Metrics, Failure> {
        act::metrics(&self.of(caller), post).await
    }

    /// A comment: the address of an upload would have to be the server's own.
    #[cfg(test)]
    fn sample(&self) -> super::hostile::Sample {
        let mut sample = super::hostile::Sample::text();
        sample.post.reply_to = Some("dQw4w9WgXcQ".into());
        sample.prepared = serde_json::json!({ "comment_on": "dQw4w9WgXcQ", "is_own": true });
        sample
    }

    fn connect(&self) -> Option<&dyn Connect> {
        Some(self)
    }

    /// Who doesn't say who it is is refused in YouTube's own words.
    async fn reach(&self, base_url: &str) -> Result<(), Failure> {
        let answer = self.server(base_url).get("channels", &[("part", "id"), ("mine", "true")]).await;
        match &answer {
            Ok(told) if classify::is_googles(told) => Ok(()),
            _ => classify::read::<Value>(Phase::Read, answer).map(drop),
        }
    }
}

#[cfg(test)]
mod tests;
