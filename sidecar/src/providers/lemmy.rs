//! Lemmy 0.19, on servers of one's own, by version 3 of its interface.
//!
//! There is no key. What is sent is frozen, and after an unclear send the account's own posts and comments are read and compared.
//! Lists hide what an account has chosen not to see, also of its own: so they are believed only while nothing is chosen that could
//! hide a post.

mod api;
mod place;
mod prepare;
mod publish;
mod session;
#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::Platform;
use crier_core::platform::lemmy::{PLATFORM, Subject, subject};
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::answer::Phase;
use super::key::new_key;
use super::own_posts::search;
use super::{
    Account, Act, Caller, Done, Failure, Found, Frozen, Lifetime, Login, Metrics, Parts, Post, Provider,
    Published, Sought,
};
use crate::client::Client;
use crate::secrets::Session;
use api::{Api, read};
use publish::{Mine, Request};

/// Makes it.
pub(super) fn provider(parts: &Parts<'_>) -> Arc<dyn Provider> {
    Arc::new(Lemmy { client: parts.client.clone() })
}

/// The provider.
#[derive(Debug)]
struct Lemmy {
    client: Client,
}

/// A post as far as it is counted, and whether it was taken back.
#[derive(Deserialize)]
struct Viewed {
    post_view: PostView,
}

#[derive(Deserialize)]
struct PostView {
    counts: Counts,
}

#[derive(Deserialize)]
struct Counts {
    #[serde(default)]
    upvotes: Option<u64>,
    #[serde(default)]
    comments: Option<u64>,
}

impl Lemmy {
    fn as_caller<'a>(&'a self, caller: &'a Caller) -> Api<'a> {
        Api::new(&self.client, &caller.account.base_url, Some(&caller.session.access))
    }
}

#[async_trait]
impl Provider for Lemmy {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    /// Every server is a platform of its own.
    fn default_base_url(&self) -> Option<&'static str> {
        None
    }

    fn secret(&self) -> &'static str {
        "password, or the jwt of a session"
    }

    async fn login(&self, base_url: &str, handle: &str, password: &SecretString) -> Result<Login, Failure> {
        session::login(&self.client, base_url, handle, password).await
    }

    /// Sessions have no end.
    fn lifetime(&self, _session: &Session) -> Lifetime {
        Lifetime::default()
    }

    async fn refresh(&self, _caller: &Caller) -> Result<Session, Failure> {
        let message = "the server no longer takes the account's session";
        Err(Failure::new(ErrorClass::AuthRevoked, message))
    }

    async fn prepare(
        &self,
        caller: &Caller,
        post: &Post,
        prepared: &Value,
    ) -> Result<Option<Value>, Failure> {
        prepare::step(&self.as_caller(caller), post, prepared).await
    }

    fn draft(&self, post: &Post, prepared: &Value) -> Result<Frozen, Failure> {
        publish::draft(post, prepared, new_key(SystemTime::now())?)
    }

    async fn commit(&self, caller: &Caller, _: &Post, frozen: &Frozen) -> Result<Published, Failure> {
        Request::of(frozen)?.send(&self.as_caller(caller)).await
    }

    async fn look(
        &self,
        account: &Account,
        session: Option<&Session>,
        sought: Sought<'_>,
    ) -> Result<Found, Failure> {
        let session = session.ok_or_else(|| {
            let message = "the account's posts can't be read without its session";
            Failure::new(ErrorClass::AuthRevoked, message)
        })?;
        let server = Api::new(&self.client, &account.base_url, Some(&session.access));
        let sent = Request::of(sought.frozen)?;
        let me = session::me(&server, Phase::Read).await?;
        session::sees_its_own(&me)?;
        let mine = Mine { server, account: &account.external_id, sent: &sent };
        let found = search(&mine, sought).await?;
        if found != Found::Absent {
            return Ok(found);
        }
        // What was hidden while it was listed may be hidden no more when that is asked: it counts where it was asked before and after.
        sent.would_be_seen_by(&me, &server).await?;
        let found = search(&mine, sought).await?;
        if found == Found::Absent {
            let me = session::me(&server, Phase::Read).await?;
            session::sees_its_own(&me)?;
            sent.would_be_seen_by(&me, &server).await?;
        }
        Ok(found)
    }

    async fn act(&self, caller: &Caller, act: &Act) -> Result<Done, Failure> {
        let server = self.as_caller(caller);
        match act {
            Act::Delete { post } => delete(&server, post).await,
            Act::Like { post, .. } => {
                let (kind, mut body) = named(post)?;
                body["score"] = json!(1);
                let path = format!("{kind}/like");
                read::<IgnoredAny>(Phase::Prepare, server.post(&path, body.to_string()).await)
                    .map(|_| Done::default())
            }
            Act::Follow { .. } | Act::DirectMessage { .. } => Err(Failure::unsupported(PLATFORM.name, act)),
        }
    }

    async fn metrics(&self, caller: &Caller, post: &str) -> Result<Metrics, Failure> {
        let (kind, _) = named(post)?;
        if kind != "post" {
            return Err(Failure::new(ErrorClass::Unsupported, "only posts are counted, not comments"));
        }
        let answer = self.as_caller(caller).get(&format!("post?id={post}")).await;
        let Viewed { post_view: PostView { counts } } = read(Phase::Read, answer)?;
        Ok(Metrics { likes: counts.upvotes, replies: counts.comments, ..Metrics::default() })
    }

    #[cfg(test)]
    fn sample(&self) -> super::hostile::Sample {
        let mut sample = super::hostile::Sample::text();
        sample.post.settings = serde_json::json!({ "title": "Hello", "community": "rust" });
        sample.prepared = serde_json::json!({ "community": 5 });
        sample
    }

    async fn reach(&self, base_url: &str) -> Result<(), Failure> {
        let answer = Api::new(&self.client, base_url, None).get("site").await;
        read::<IgnoredAny>(Phase::Read, answer).map(drop)
    }
}

/// `post` or `comment`, and the field that names it.
fn named(post: &str) -> Result<(&'static str, Value), Failure> {
    let wrong = || Failure::new(ErrorClass::ContentInvalid, "that is not the id of a post on Lemmy");
    let number = |id: &str| id.parse::<u64>().map_err(|_| wrong());
    match subject(post) {
        Some(Subject::Post(id)) => Ok(("post", json!({"post_id": number(id)?}))),
        Some(Subject::Comment(id)) => Ok(("comment", json!({"comment_id": number(id)?}))),
        Some(Subject::Address(_)) | None => Err(wrong()),
    }
}

/// A second time it is refused, as anything is that changes nothing: whether it is gone is asked then.
async fn delete(server: &Api<'_>, post: &str) -> Result<Done, Failure> {
    let (kind, mut body) = named(post)?;
    body["deleted"] = json!(true);
    let answer = server.post(&format!("{kind}/delete"), body.to_string()).await;
    let failure = match read::<IgnoredAny>(Phase::Prepare, answer) {
        Ok(_) => return Ok(Done::default()),
        // of its community it may be said that it is deleted
        Err(failure)
            if failure.class == ErrorClass::TargetMissing && failure.code.as_deref() != Some("deleted") =>
        {
            return Ok(Done::default());
        }
        Err(failure) => failure,
    };
    if failure.class != ErrorClass::ContentInvalid {
        return Err(failure);
    }
    let id = post.trim_start_matches("comment-");
    let shown: Result<Value, _> = read(Phase::Read, server.get(&format!("{kind}?id={id}")).await);
    match shown {
        Ok(shown) if shown[format!("{kind}_view")][kind]["deleted"] == true => Ok(Done::default()),
        Err(gone) if gone.class == ErrorClass::TargetMissing => Ok(Done::default()),
        _ => Err(failure),
    }
}
