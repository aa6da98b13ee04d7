//! Instagram, for professional accounts, by either of its logins.
//!
//! What is published is a *container*, made and filled beforehand. Its id is the key that is frozen: a container is
//! published once, and its state tells whether that has happened. A comment has neither: those of the post are read.

mod act;
mod classify;
mod comment;
mod connect;
mod container;
mod prepare;
mod publish;
mod session;

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::Platform;
use crier_core::platform::instagram::PLATFORM;
use secrecy::SecretString;
use serde_json::Value;

use super::answer::Phase;
use super::graph::{self, Graph};
use super::{
    Account, Act, Apps, Caller, Connect, Done, Failure, Found, Frozen, Lifetime, Login, Metrics, Parts, Post,
    Provider, Published, Sought,
};
use crate::client::Client;
use crate::secrets::Session;
use comment::Comment;
use connect::Logins;

/// Where accounts are that came by Instagram's own login. Those of a Facebook page are on graph.facebook.com.
const SERVER: &str = "https://graph.instagram.com";
/// The most characters of an account's name.
const MAX_HANDLE: usize = 30;

/// Makes it.
pub(super) fn provider(parts: &Parts<'_>) -> Arc<dyn Provider> {
    Arc::new(Instagram::new(parts.client.clone()).with_apps(parts.apps))
}

/// The provider.
#[derive(Debug)]
pub(super) struct Instagram {
    client: Client,
    logins: Logins,
}

impl Instagram {
    pub(super) fn new(client: Client) -> Self {
        Self { client, logins: Logins::default() }
    }

    /// The same with the operator's apps, for logins.
    pub(super) fn with_apps(self, apps: &Apps) -> Self {
        Self { logins: Logins::of(apps), ..self }
    }

    fn server<'a>(&'a self, account: &'a Account, session: &'a Session) -> Graph<'a> {
        Graph::new(&self.client, &account.base_url, Some(&session.access))
    }

    fn as_caller<'a>(&'a self, caller: &'a Caller) -> Graph<'a> {
        self.server(&caller.account, &caller.session)
    }
}

#[async_trait]
impl Provider for Instagram {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn default_base_url(&self) -> &'static str {
        SERVER
    }

    fn servers(&self) -> Vec<&str> {
        self.logins.servers()
    }

    async fn login(&self, base_url: &str, handle: &str, token: &SecretString) -> Result<Login, Failure> {
        session::login(&Graph::new(&self.client, base_url, Some(token)), base_url, handle, token).await
    }

    fn lifetime(&self, session: &Session) -> Lifetime {
        session::lifetime(session)
    }

    async fn refresh(&self, caller: &Caller) -> Result<Session, Failure> {
        session::refresh(&self.as_caller(caller), caller).await
    }

    async fn prepare(
        &self,
        caller: &Caller,
        post: &Post,
        prepared: &Value,
    ) -> Result<Option<Value>, Failure> {
        let server = self.as_caller(caller);
        match &post.reply_to {
            Some(answered) => comment::step(&server, &caller.account, answered, prepared).await,
            None => prepare::step(&server, &caller.account, post, prepared).await,
        }
    }

    fn draft(&self, post: &Post, prepared: &Value) -> Result<Frozen, Failure> {
        match post.reply_to {
            Some(_) => comment::draft(post, prepared, SystemTime::now()),
            None => publish::draft(post, prepared, SystemTime::now()),
        }
    }

    async fn commit(&self, caller: &Caller, frozen: &Frozen) -> Result<Published, Failure> {
        let server = self.as_caller(caller);
        match Comment::of(frozen) {
            Some(comment) => comment.commit(&server, &caller.account).await,
            None => publish::commit(&server, &caller.account, frozen).await,
        }
    }

    async fn look(
        &self,
        account: &Account,
        session: Option<&Session>,
        sought: Sought<'_>,
    ) -> Result<Found, Failure> {
        let Some(session) = session else {
            let message = "only a connected account can be asked for its posts: connect it again";
            return Err(Failure::new(ErrorClass::AuthRevoked, message));
        };
        let server = self.server(account, session);
        match Comment::of(sought.frozen) {
            Some(comment) => comment.look(&server, account, sought).await,
            None => publish::look(&server, account, sought).await,
        }
    }

    async fn act(&self, caller: &Caller, act: &Act) -> Result<Done, Failure> {
        act::act(&self.as_caller(caller), act).await
    }

    async fn metrics(&self, caller: &Caller, post: &str) -> Result<Metrics, Failure> {
        act::metrics(&self.as_caller(caller), post).await
    }

    #[cfg(test)]
    fn sample(&self) -> super::hostile::Sample {
        let mut sample = super::hostile::Sample::text();
        sample.post.media = serde_json::json!([{ "url": "https://a.example/a.jpg" }]);
        sample.prepared = serde_json::json!({ "has_room": true, "whole": { "id": "1", "made_at": u64::MAX, "is_ready": true } });
        sample
    }

    fn connect(&self) -> Option<&dyn Connect> {
        Some(self)
    }

    /// Without a token the API refuses, in its own way.
    async fn reach(&self, base_url: &str) -> Result<(), Failure> {
        let answer = Graph::new(&self.client, base_url, None).get("me", &[]).await;
        match &answer {
            Ok(answer) if graph::Error::of(answer).code.is_some() => Ok(()),
            _ => classify::read::<Value>(Phase::Login, answer).map(drop),
        }
    }
}

#[cfg(test)]
mod tests;
