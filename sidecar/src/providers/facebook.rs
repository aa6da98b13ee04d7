//! Pages on Facebook.
//!
//! Photos and videos are uploaded beforehand, unpublished. A video then has an id that says whether it is out; any other post is
//! found again among those of the page, by its text and the photos in it; of a story nobody can prove that it is not there.

mod act;
mod classify;
mod connect;
mod listed;
mod prepare;
mod publish;
mod video;

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::Platform;
use crier_core::platform::facebook::PLATFORM;
use secrecy::SecretString;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::answer::Phase;
use super::graph::comments::{self, Comment, Comments};
use super::graph::pages::{FacebookLogin, never_renewed};
use super::graph::{self, Graph, has_code, is_object};
use super::{
    Account, Act, Apps, Caller, Connect, Done, Failure, Found, Frozen, Lifetime, Login, Metrics, Parts, Post,
    Provider, Published, Sought,
};
use crate::client::Client;
use crate::secrets::Session;
use classify::{failure, read};
use connect::named;

/// Makes it.
pub(super) fn provider(parts: &Parts<'_>) -> Arc<dyn Provider> {
    Arc::new(Facebook::new(parts.client.clone(), parts.apps))
}

/// The provider.
#[derive(Debug)]
struct Facebook {
    client: Client,
    login: FacebookLogin,
}

/// A page calls itself by its id in what it says.
static COMMENTS: Comments = Comments {
    fields: "id,message,created_time,from{id}",
    text: "message",
    time: "created_time",
    more: &[("order", "reverse_chronological")],
    is_ours: |comment, account| comment["from"]["id"].as_str() == Some(&account.external_id),
    permalink: PERMALINK,
    page,
    judge: failure,
};

/// What the address of something is called.
const PERMALINK: &str = "permalink_url";

/// The page, in the place of an address that is not known.
fn page(account: &Account) -> String {
    format!("https://www.facebook.com/{}", account.external_id)
}

impl Facebook {
    fn new(client: Client, apps: &Apps) -> Self {
        Self { client, login: FacebookLogin::of(apps) }
    }

    fn graph<'a>(&'a self, base_url: &'a str, token: Option<&'a SecretString>) -> Graph<'a> {
        Graph::new(&self.client, (base_url, self.login.version()), token)
    }

    fn as_caller<'a>(&'a self, caller: &'a Caller) -> Graph<'a> {
        self.graph(&caller.account.base_url, Some(&caller.session.access))
    }
}

#[async_trait]
impl Provider for Facebook {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn default_base_url(&self) -> Option<&'static str> {
        Some("https://graph.facebook.com")
    }

    fn servers(&self) -> Vec<&str> {
        vec![self.login.server()]
    }

    fn secret(&self) -> &'static str {
        "access token of the page"
    }

    /// The page's posts are asked for too: without that nothing could be looked for.
    async fn login(&self, base_url: &str, handle: &str, token: &SecretString) -> Result<Login, Failure> {
        let server = self.graph(base_url, Some(token));
        let me = server.get("me", &[("fields", "id,name,username,category")]).await;
        let me: Value = read(Phase::Login, me).map_err(|failure| match has_code(&failure, 100) {
            // People have no category.
            true => Failure { class: ErrorClass::Permission, message: NO_PAGE.to_owned(), ..failure },
            false => failure,
        })?;
        let (id, name) = named(&me).ok_or_else(|| Failure::new(ErrorClass::Permission, NO_PAGE))?;
        let asked = handle.trim_start_matches('@');
        let is_it = |known: &str| known.to_lowercase() == asked.to_lowercase();
        let names = [Some(id.as_str()), Some(&name), me["name"].as_str()];
        if !asked.is_empty() && !names.into_iter().flatten().any(is_it) {
            let message = format!("the token belongs to {name}, not to {asked}");
            return Err(Failure::new(ErrorClass::Config, message));
        }
        let posts = server.get(&format!("{id}/published_posts"), &[("fields", "id"), ("limit", "1")]).await;
        let _: IgnoredAny = read(Phase::Login, posts)?;
        let session = Session::new(token.clone(), SecretString::default());
        Ok(Login { external_id: id, handle: name, base_url: base_url.to_owned(), session })
    }

    /// A page's token is good while the grant stands.
    fn lifetime(&self, _session: &Session) -> Lifetime {
        Lifetime::default()
    }

    async fn refresh(&self, _caller: &Caller) -> Result<Session, Failure> {
        Err(never_renewed())
    }

    async fn prepare(
        &self,
        caller: &Caller,
        post: &Post,
        prepared: &Value,
    ) -> Result<Option<Value>, Failure> {
        match &post.reply_to {
            Some(_) if comments::is_known(prepared) => Ok(None),
            Some(answered) if is_object(answered) => Ok(Some(comments::found(answered))),
            Some(_) => {
                let message = "what is commented is no post on facebook";
                Err(Failure::new(ErrorClass::ContentInvalid, message))
            }
            None => prepare::step(&self.as_caller(caller), &caller.account, post, prepared).await,
        }
    }

    fn draft(&self, post: &Post, prepared: &Value) -> Result<Frozen, Failure> {
        match post.reply_to {
            Some(_) => comments::draft(post, prepared, SystemTime::now()),
            None => publish::draft(post, prepared, SystemTime::now()),
        }
    }

    async fn commit(&self, caller: &Caller, _: &Post, frozen: &Frozen) -> Result<Published, Failure> {
        let server = self.as_caller(caller);
        match Comment::of(frozen) {
            Some(comment) => comment.commit(&server, &caller.account, &COMMENTS).await,
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
            let message = "only a connected page can be asked for its posts: connect it again";
            return Err(Failure::new(ErrorClass::AuthRevoked, message));
        };
        let server = self.graph(&account.base_url, Some(&session.access));
        match Comment::of(sought.frozen) {
            Some(comment) => comment.look(&server, account, &COMMENTS, sought).await,
            None => publish::look(&server, account, sought).await,
        }
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
        graph::reach(&self.graph(base_url, None)).await
    }
}

/// What is said of a token that is not a page's.
const NO_PAGE: &str = "the token belongs to no page: take the one of the page, which /me/accounts lists";

#[cfg(test)]
mod tests;
