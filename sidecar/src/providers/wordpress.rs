//! WordPress, on servers of one's own, by the REST interface that every site has.
//!
//! A post is sent under a slug that is frozen with the exact body, and can be asked for. The slug doesn't stop a second post:
//! that one would be there too, as `slug-2`. So after an unclear send nothing is sent again before the site has said, long
//! enough after it, that nothing is under the slug.

mod api;
mod html;
mod prepare;
mod publish;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::Platform;
use crier_core::platform::wordpress::{PLATFORM, is_id};
use reqwest::Method;
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::answer::Phase;
use super::key::new_key;
use super::{
    Account, Act, Caller, Done, Failure, Found, Frozen, Lifetime, Login, Metrics, Parts, Post, Provider,
    Published, Sought,
};
use crate::client::Client;
use crate::media::Fetcher;
use crate::secrets::Session;
use api::{Api, COMMENTS, INDEX, ME, POSTS, read, total};

/// Makes it.
pub(super) fn provider(parts: &Parts<'_>) -> Arc<dyn Provider> {
    Arc::new(WordPress { client: parts.client.clone(), fetcher: parts.fetcher.clone() })
}

/// The provider.
#[derive(Debug)]
struct WordPress {
    client: Client,
    fetcher: Fetcher,
}

/// Whose password it is.
#[derive(Deserialize)]
struct Me {
    id: u64,
    username: String,
    #[serde(default)]
    capabilities: Value,
}

/// What the account has to be allowed: without the last it could not see whether a post is there.
const RIGHTS: [&str; 3] = ["edit_posts", "publish_posts", "edit_published_posts"];

impl WordPress {
    fn site<'a>(&'a self, account: &'a Account, session: &'a Session) -> Api<'a> {
        Api::new(&self.client, &account.base_url, Some((&account.handle, &session.access)))
    }

    fn as_caller<'a>(&'a self, caller: &'a Caller) -> Api<'a> {
        self.site(&caller.account, &caller.session)
    }
}

#[async_trait]
impl Provider for WordPress {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    /// Every site is a server of its own.
    fn default_base_url(&self) -> Option<&'static str> {
        None
    }

    fn secret(&self) -> &'static str {
        "application password"
    }

    async fn login(&self, base_url: &str, handle: &str, password: &SecretString) -> Result<Login, Failure> {
        let handle = handle.trim_start_matches('@');
        let site = Api::new(&self.client, base_url, Some((handle, password)));
        let me: Me = read(Phase::Login, site.get(ME).await)?;
        // a login by mail address works too, and would be another name in every list
        if !me.username.eq_ignore_ascii_case(handle) {
            let message = format!("the application password belongs to {}, not to {handle}", me.username);
            return Err(Failure::new(ErrorClass::Permission, message));
        }
        if let Some(right) = RIGHTS.into_iter().find(|right| me.capabilities[right] != true) {
            let message = format!(
                "the account {handle} lacks the right {right}: it needs to be an author, an editor or an administrator"
            );
            return Err(Failure::new(ErrorClass::Permission, message));
        }
        Ok(Login {
            external_id: me.id.to_string(),
            handle: me.username,
            base_url: base_url.to_owned(),
            session: Session::new(password.clone(), SecretString::default()),
        })
    }

    /// Application passwords have no end.
    fn lifetime(&self, _session: &Session) -> Lifetime {
        Lifetime::default()
    }

    async fn refresh(&self, _caller: &Caller) -> Result<Session, Failure> {
        let message = "the site no longer takes the account's application password";
        Err(Failure::new(ErrorClass::AuthRevoked, message))
    }

    async fn prepare(
        &self,
        caller: &Caller,
        post: &Post,
        prepared: &Value,
    ) -> Result<Option<Value>, Failure> {
        prepare::step(&self.as_caller(caller), &self.fetcher, &caller.account, post, prepared).await
    }

    fn draft(&self, post: &Post, prepared: &Value) -> Result<Frozen, Failure> {
        publish::draft(post, prepared, &new_key(SystemTime::now())?)
    }

    async fn commit(&self, caller: &Caller, _: &Post, frozen: &Frozen) -> Result<Published, Failure> {
        publish::commit(&self.as_caller(caller), frozen).await
    }

    async fn look(
        &self,
        account: &Account,
        session: Option<&Session>,
        sought: Sought<'_>,
    ) -> Result<Found, Failure> {
        // A post that is not public is shown to those who may write it.
        let session = session.ok_or_else(|| {
            let message = "the account's posts can't be read without its application password";
            Failure::new(ErrorClass::AuthRevoked, message)
        })?;
        publish::look(&self.site(account, session), account, sought.frozen).await
    }

    /// For good: what is only put into the trash keeps its slug, and could come back.
    async fn act(&self, caller: &Caller, act: &Act) -> Result<Done, Failure> {
        let Act::Delete { post } = act else {
            return Err(Failure::unsupported(PLATFORM.name, act));
        };
        let site = self.as_caller(caller);
        let path = format!("{POSTS}/{}?force=true&_fields=deleted", id(post)?);
        match read::<IgnoredAny>(Phase::Prepare, site.send(site.request(Method::DELETE, &path)).await) {
            Err(failure) if failure.class != ErrorClass::TargetMissing => Err(failure),
            _ => Ok(Done::default()),
        }
    }

    async fn metrics(&self, caller: &Caller, post: &str) -> Result<Metrics, Failure> {
        let site = self.as_caller(caller);
        let post = id(post)?;
        // the list of comments is empty for a post that is not there
        read::<IgnoredAny>(Phase::Read, site.get(&format!("{POSTS}/{post}?_fields=id")).await)?;
        let answer = site.get(&format!("{COMMENTS}?post={post}&per_page=1&_fields=id")).await;
        let comments = answer.as_ref().ok().and_then(total);
        read::<Vec<IgnoredAny>>(Phase::Read, answer)?;
        Ok(Metrics { replies: comments, ..Metrics::default() })
    }

    #[cfg(test)]
    fn sample(&self) -> super::hostile::Sample {
        let mut sample = super::hostile::Sample::text();
        sample.post.settings = serde_json::json!({ "title": "Hello" });
        sample
    }

    async fn reach(&self, base_url: &str) -> Result<(), Failure> {
        let answer = Api::new(&self.client, base_url, None).get(INDEX).await;
        read::<IgnoredAny>(Phase::Read, answer).map(drop)
    }
}

fn id(post: &str) -> Result<&str, Failure> {
    let message = "that is not the id of a post on WordPress";
    if is_id(post) { Ok(post) } else { Err(Failure::new(ErrorClass::ContentInvalid, message)) }
}
