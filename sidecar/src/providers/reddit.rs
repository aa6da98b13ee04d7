//! Reddit, by its API for apps.
//!
//! Reddit has no key by which a post could be sent twice and become one. What is sent is frozen, and after an unclear send the account's
//! own posts and comments are read and compared. Of images and videos it says that it will show them, and not what they are called
//! then; but each upload has a name of its own, and the post shows it.

mod act;
mod api;
mod classify;
mod connect;
mod look;
mod media;
mod publish;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::Platform;
use crier_core::platform::reddit::PLATFORM;
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
use look::Own;
use publish::{PAUSES, Sent};

/// Where all accounts are, unless the operator says otherwise.
const API: &str = "https://oauth.reddit.com";

/// Makes it.
pub(super) fn provider(parts: &Parts<'_>) -> Arc<dyn Provider> {
    let made = Reddit::new(parts.client.clone(), parts.fetcher.clone(), parts.apps.get("reddit").cloned());
    Arc::new(Reddit { endpoints: parts.apps.endpoints("reddit"), ..made })
}

/// The provider.
#[derive(Debug)]
struct Reddit {
    client: Client,
    fetcher: Fetcher,
    app: Option<App>,
    endpoints: Endpoints,
    /// Before each look for what Reddit has and doesn't name.
    pauses: &'static [Duration],
}

impl Reddit {
    fn new(client: Client, fetcher: Fetcher, app: Option<App>) -> Self {
        Self { client, fetcher, app, endpoints: Endpoints::default(), pauses: PAUSES }
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
impl Provider for Reddit {
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
        let (external_id, name) = self.server(base_url).with(&session).whose().await?;
        let asked = handle.trim_start_matches('/').trim_start_matches("u/");
        if !name.eq_ignore_ascii_case(asked) {
            let message = format!("the access token is of u/{name}");
            return Err(Failure::new(ErrorClass::Config, message));
        }
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
        publish::draft(post, prepared)
    }

    async fn commit(&self, caller: &Caller, _: &Post, frozen: &Frozen) -> Result<Published, Failure> {
        publish::commit(&self.of(caller), &caller.account, frozen, self.pauses).await
    }

    /// Images and videos are processed before there is a post, and a video takes its time.
    fn settles(&self, frozen: &Frozen) -> Duration {
        Sent::of(frozen).map_or(PLATFORM.settles, |sent| sent.settles())
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
        let api = self.server(&account.base_url).with(session);
        Own::new(&api, account, sought.frozen)?.search(sought).await
    }

    async fn act(&self, caller: &Caller, act: &Act) -> Result<Done, Failure> {
        act::act(&self.of(caller), act).await
    }

    async fn metrics(&self, caller: &Caller, post: &str) -> Result<Metrics, Failure> {
        act::metrics(&self.of(caller), post).await
    }

    #[cfg(test)]
    fn sample(&self) -> super::hostile::Sample {
        let mut sample = super::hostile::Sample::image();
        sample.post.settings = serde_json::json!({ "subreddit": "rust", "title": "A title" });
        sample.prepared =
            serde_json::json!({ "assets": [{ "id": "1abcde", "url": "https://media.example/1abcde" }] });
        sample
    }

    fn connect(&self) -> Option<&dyn Connect> {
        Some(self)
    }

    async fn reach(&self, base_url: &str) -> Result<(), Failure> {
        self.server(base_url).reach().await
    }
}
