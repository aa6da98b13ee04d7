//! Instagram, for professional accounts, by either of its logins.
//!
//! What is published is a *container*, made and filled beforehand. Its id is the key that is frozen: a container is
//! published once, and its state tells whether that has happened. A comment has neither: those of the post are read.

mod act;
mod comment;
mod connect;
mod plan;

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::Platform;
use crier_core::platform::instagram::PLATFORM;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::answer::Phase;
use super::graph::comments::{self, Comment};
use super::graph::containers::{self, read};
use super::graph::own_login::Named;
use super::graph::pages::never_renewed;
use super::graph::{self, Graph, has_code};
use super::{
    Account, Act, Apps, Caller, Connect, Done, Failure, Found, Frozen, Lifetime, Login, Metrics, Parts, Post,
    Provider, Published, Sought,
};
use crate::client::Client;
use crate::secrets::Session;
use comment::COMMENTS;
use connect::Logins;
pub(super) use connect::{LOGIN, PAGES};
use plan::CONTAINERS;

/// Where accounts are that came by Instagram's own login. Those of a Facebook page are on graph.facebook.com.
const SERVER: &str = "https://graph.instagram.com";

/// The page of an account.
fn page(account: &Account) -> String {
    graph::page("https://www.instagram.com/", &account.handle, "/")
}

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
        self.graph(&account.base_url, Some(&session.access))
    }

    fn graph<'a>(&'a self, base_url: &'a str, token: Option<&'a SecretString>) -> Graph<'a> {
        Graph::new(&self.client, (base_url, self.logins.version(base_url)), token)
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

    fn default_base_url(&self) -> Option<&'static str> {
        Some(SERVER)
    }

    fn servers(&self) -> Vec<&str> {
        self.logins.servers()
    }

    async fn login(&self, base_url: &str, handle: &str, token: &SecretString) -> Result<Login, Failure> {
        let server = self.graph(base_url, Some(token));
        let (named, session) = match LOGIN.me(&server).await {
            Ok(me) => (LOGIN.named(&me)?, LOGIN.pasted(&server, token).await),
            // A page has no such field: it names the account that belongs to it.
            Err(failure) if has_code(&failure, 100) => {
                let answer = server.get("me", &[("fields", PAGES.fields)]).await;
                let page: Value = read(Phase::Login, answer)?;
                let named = Named::of(&page["instagram_business_account"], "id");
                let nobody = || Failure::new(ErrorClass::Permission, LOGIN.nobody);
                (named.ok_or_else(nobody)?, Session::new(token.clone(), SecretString::default()))
            }
            Err(failure) => return Err(failure),
        };
        named.opened((base_url, handle), session)
    }

    fn lifetime(&self, session: &Session) -> Lifetime {
        LOGIN.lifetime(session)
    }

    async fn refresh(&self, caller: &Caller) -> Result<Session, Failure> {
        if caller.session.refresh.expose_secret().is_empty() {
            return Err(never_renewed());
        }
        LOGIN.refresh(&self.as_caller(caller), &caller.session).await
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
            None => containers::step(&server, &caller.account, &CONTAINERS, post, prepared).await,
        }
    }

    fn draft(&self, post: &Post, prepared: &Value) -> Result<Frozen, Failure> {
        match post.reply_to {
            Some(_) => comments::draft(post, prepared, SystemTime::now()),
            None => containers::draft(&CONTAINERS, post, prepared, SystemTime::now()),
        }
    }

    async fn commit(&self, caller: &Caller, _: &Post, frozen: &Frozen) -> Result<Published, Failure> {
        let server = self.as_caller(caller);
        match Comment::of(frozen) {
            Some(comment) => comment.commit(&server, &caller.account, &COMMENTS).await,
            None => containers::commit(&server, &caller.account, &CONTAINERS, frozen).await,
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
            Some(comment) => comment.look(&server, account, &COMMENTS, sought).await,
            None => containers::look(&server, account, &CONTAINERS, sought).await,
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

    async fn reach(&self, base_url: &str) -> Result<(), Failure> {
        graph::reach(&self.graph(base_url, None)).await
    }
}

#[cfg(test)]
mod tests;
