//! LinkedIn's versioned REST API, for members and for the pages of organizations.
//!
//! There is no key by which a post could be sent twice and become one. The text is frozen, and after an unclear send the posts of
//! the account are read and compared. Of a page they can be; of a member only by apps that LinkedIn lets do so. Elsewhere only the
//! refusal of a duplicate tells, which names the post.

mod act;
mod api;
mod classify;
mod comment;
mod connect;
mod media;
mod prepare;
mod publish;
mod session;
mod shown;

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::Platform;
use crier_core::platform::linkedin::PLATFORM;
use secrecy::SecretString;
use serde_json::Value;

use super::answer::Phase;
use super::code_flow;
use super::key::new_key;
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
const API: &str = "https://api.linkedin.com";

/// Makes it.
pub(super) fn provider(parts: &Parts<'_>) -> Arc<dyn Provider> {
    Arc::new(LinkedIn {
        client: parts.client.clone(),
        fetcher: parts.fetcher.clone(),
        app: parts.apps.get(PLATFORM.name).cloned(),
        endpoints: parts.apps.endpoints(PLATFORM.name),
    })
}

/// The provider.
#[derive(Debug)]
pub(super) struct LinkedIn {
    client: Client,
    fetcher: Fetcher,
    app: Option<App>,
    endpoints: Endpoints,
}

impl LinkedIn {
    /// Where all accounts are.
    fn home(&self) -> &str {
        self.endpoints.server.as_deref().unwrap_or(API)
    }

    /// The server, for nobody.
    fn server<'a>(&'a self, base_url: &'a str) -> Api<'a> {
        let version = self.endpoints.api_version.as_deref().unwrap_or(api::VERSION);
        Api::new(&self.client, base_url, version)
    }

    fn of<'a>(&'a self, account: &'a Account, session: &'a Session) -> Api<'a> {
        self.server(&account.base_url).with(&session.access)
    }

    fn as_caller<'a>(&'a self, caller: &'a Caller) -> Api<'a> {
        self.of(&caller.account, &caller.session)
    }
}

#[async_trait]
impl Provider for LinkedIn {
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
        "access token, or access token:refresh token"
    }

    async fn login(&self, base_url: &str, handle: &str, secret: &SecretString) -> Result<Login, Failure> {
        let session = FLOW.pasted(secret, SystemTime::now());
        let (external_id, handle) =
            session::login(&self.server(base_url).with(&session.access), handle).await?;
        Ok(Login { external_id, handle, base_url: base_url.to_owned(), session })
    }

    fn lifetime(&self, session: &Session) -> Lifetime {
        code_flow::lifetime(session)
    }

    /// Only partners of LinkedIn get refresh tokens. Without one the account waits for its owner.
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
        let author = &caller.account.external_id;
        prepare::step(&self.as_caller(caller), &self.fetcher, author, post, prepared).await
    }

    fn draft(&self, post: &Post, prepared: &Value) -> Result<Frozen, Failure> {
        let key = new_key(SystemTime::now())?;
        match &post.reply_to {
            Some(answered) => comment::draft(post, answered, prepared, key),
            None => publish::draft(post, prepared, key),
        }
    }

    async fn commit(&self, caller: &Caller, _: &Post, frozen: &Frozen) -> Result<Published, Failure> {
        let api = self.as_caller(caller);
        match comment::Comment::of(frozen) {
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
            Failure::new(ErrorClass::AuthRevoked, "without its session the account's posts can't be read")
        })?;
        let api = self.of(account, session);
        match comment::Comment::of(sought.frozen) {
            Some(comment) => comment.look(&api, sought).await,
            None => publish::look(&api, sought).await,
        }
    }

    async fn act(&self, caller: &Caller, act: &Act) -> Result<Done, Failure> {
        act::act(&self.as_caller(caller), &caller.account.external_id, act).await
    }

    async fn metrics(&self, caller: &Caller, post: &str) -> Result<Metrics, Failure> {
        act::metrics(&self.as_caller(caller), &caller.account.external_id, post).await
    }

    #[cfg(test)]
    fn sample(&self) -> super::hostile::Sample {
        let external_id = "urn:li:organization:7";
        let prepared = serde_json::json!({ "author": external_id });
        super::hostile::Sample { prepared, external_id, ..super::hostile::Sample::text() }
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
