//! Threads.
//!
//! What is published is a *container*, as on Instagram, also a text alone. It is never published by the call that makes it: then
//! nothing could tell whether it was.

mod connect;
mod plan;

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::Platform;
use crier_core::platform::threads::PLATFORM;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::answer::Phase;
use super::graph::containers::{self, failure, is_gone, read};
use super::graph::{self, Graph, figure, id};
use super::{
    Account, Act, App, Apps, Caller, Connect, Done, Endpoints, Failure, Found, Frozen, Lifetime, Login,
    Metrics, Parts, Post, Provider, Published, Sought,
};
use crate::client::Client;
use crate::secrets::Session;
use connect::LOGIN;
use plan::CONTAINERS;

/// Where it is.
const SERVER: &str = "https://graph.threads.net";
/// The version of its API.
const VERSION: &str = "v1.0";

/// Makes it.
pub(super) fn provider(parts: &Parts<'_>) -> Arc<dyn Provider> {
    Arc::new(Threads::new(parts.client.clone(), parts.apps))
}

/// The provider.
#[derive(Debug)]
struct Threads {
    client: Client,
    app: Option<App>,
    endpoints: Endpoints,
}

/// The page of an account.
fn page(account: &Account) -> String {
    graph::page("https://www.threads.com/@", &account.handle, "")
}

impl Threads {
    fn new(client: Client, apps: &Apps) -> Self {
        Self { client, app: apps.get(PLATFORM.name).cloned(), endpoints: apps.endpoints(PLATFORM.name) }
    }

    fn version(&self) -> &str {
        self.endpoints.api_version.as_deref().unwrap_or(VERSION)
    }

    fn graph<'a>(&'a self, base_url: &'a str, token: Option<&'a SecretString>) -> Graph<'a> {
        Graph::new(&self.client, (base_url, self.version()), token)
    }

    fn as_caller<'a>(&'a self, caller: &'a Caller) -> Graph<'a> {
        self.graph(&caller.account.base_url, Some(&caller.session.access))
    }
}

#[async_trait]
impl Provider for Threads {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn default_base_url(&self) -> Option<&'static str> {
        Some(SERVER)
    }

    fn servers(&self) -> Vec<&str> {
        vec![self.endpoints.server.as_deref().unwrap_or(SERVER)]
    }

    async fn login(&self, base_url: &str, handle: &str, token: &SecretString) -> Result<Login, Failure> {
        let server = self.graph(base_url, Some(token));
        let named = LOGIN.named(&LOGIN.me(&server).await?)?;
        named.opened((base_url, handle), LOGIN.pasted(&server, token).await)
    }

    fn lifetime(&self, session: &Session) -> Lifetime {
        LOGIN.lifetime(session)
    }

    async fn refresh(&self, caller: &Caller) -> Result<Session, Failure> {
        if caller.session.refresh.expose_secret().is_empty() {
            let message = "the account has no token that could be renewed: connect it again";
            return Err(Failure::new(ErrorClass::AuthRevoked, message));
        }
        LOGIN.refresh(&self.as_caller(caller), &caller.session).await
    }

    async fn prepare(
        &self,
        caller: &Caller,
        post: &Post,
        prepared: &Value,
    ) -> Result<Option<Value>, Failure> {
        containers::step(&self.as_caller(caller), &caller.account, &CONTAINERS, post, prepared).await
    }

    fn draft(&self, post: &Post, prepared: &Value) -> Result<Frozen, Failure> {
        containers::draft(&CONTAINERS, post, prepared, SystemTime::now())
    }

    async fn commit(&self, caller: &Caller, _: &Post, frozen: &Frozen) -> Result<Published, Failure> {
        containers::commit(&self.as_caller(caller), &caller.account, &CONTAINERS, frozen).await
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
        let server = self.graph(&account.base_url, Some(&session.access));
        containers::look(&server, account, &CONTAINERS, sought).await
    }

    async fn act(&self, caller: &Caller, act: &Act) -> Result<Done, Failure> {
        match act {
            Act::Delete { post } => {
                let server = self.as_caller(caller);
                graph::delete((&server, failure), (PLATFORM.name, act, id(post)?), is_gone).await
            }
            Act::Like { .. } | Act::Follow { .. } | Act::DirectMessage { .. } => {
                Err(Failure::unsupported(PLATFORM.name, act))
            }
        }
    }

    async fn metrics(&self, caller: &Caller, post: &str) -> Result<Metrics, Failure> {
        let path = format!("{}/insights", id(post)?);
        let query = [("metric", "views,likes,replies,reposts,quotes")];
        Ok(counted(&read(Phase::Read, self.as_caller(caller).get(&path, &query).await)?))
    }

    #[cfg(test)]
    fn sample(&self) -> super::hostile::Sample {
        let mut sample = super::hostile::Sample::text();
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

/// A post is passed on by whoever posts it again and by whoever quotes it.
fn counted(insights: &Value) -> Metrics {
    let of = |name: &str| figure(insights, name)?.as_u64();
    let shares = match (of("reposts"), of("quotes")) {
        (None, None) => None,
        (reposts, quotes) => Some(reposts.unwrap_or(0).saturating_add(quotes.unwrap_or(0))),
    };
    Metrics { views: of("views"), likes: of("likes"), replies: of("replies"), shares }
}

#[cfg(test)]
mod tests;
