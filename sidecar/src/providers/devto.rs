//! DEV (dev.to), by the interface of Forem.
//!
//! There is no key by which an article could be sent twice and become one. Title and text are frozen, and after an unclear send
//! the account's newest articles are read and compared. A title that was used in the last five minutes is refused, which proves
//! that something arrived.

mod article;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::Platform;
use crier_core::platform::devto::{PLATFORM, is_id};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};

use super::answer::{self, Phase};
use super::key::new_key;
use super::own_posts::search;
use super::{
    Account, Act, Caller, Done, Failure, Found, Frozen, Lifetime, Login, Metrics, Parts, Post, Provider,
    Published, Sought,
};
use crate::client::{Answer, CallError, Client};
use crate::secrets::Session;
use article::{Article, Mine, draft, there};

/// Where all accounts are, unless the operator says otherwise.
const DEV: &str = "https://dev.to";
const ARTICLES: &str = "api/articles";
const API_KEY: HeaderName = HeaderName::from_static("api-key");
/// The version of the interface.
const VERSION: &str = "application/vnd.forem.api-v1+json";

/// Makes it.
pub(super) fn provider(parts: &Parts<'_>) -> Arc<dyn Provider> {
    let server = parts.apps.endpoints(PLATFORM.name).server;
    Arc::new(DevTo { client: parts.client.clone(), server })
}

/// The provider.
#[derive(Debug)]
struct DevTo {
    client: Client,
    server: Option<String>,
}

/// Whose key it is.
#[derive(Deserialize)]
struct Me {
    id: u64,
    username: String,
}

/// How an article does.
#[derive(Deserialize)]
struct Figures {
    #[serde(default)]
    public_reactions_count: Option<u64>,
    #[serde(default)]
    comments_count: Option<u64>,
}

/// The server, as an account of it.
#[derive(Clone, Copy)]
struct Api<'a> {
    client: &'a Client,
    base_url: &'a str,
    key: Option<&'a SecretString>,
}

/// The most bytes of a page of articles, each with its text, of which Forem takes 800 kilobytes.
const MAX_LIST: usize = 12 * 1024 * 1024;

impl Api<'_> {
    async fn call(&self, method: Method, path: &str, body: Option<String>) -> Result<Answer, CallError> {
        self.client.send(self.request(method, path, body)).await
    }

    /// A page of articles with their texts.
    async fn list(&self, path: &str) -> Result<Answer, CallError> {
        self.client.send_up_to(MAX_LIST, self.request(Method::GET, path, None)).await
    }

    fn request(&self, method: Method, path: &str, body: Option<String>) -> RequestBuilder {
        let request =
            self.client.request(method, &format!("{}/{path}", self.base_url)).header(ACCEPT, VERSION);
        let key = self.key.and_then(|key| HeaderValue::from_str(key.expose_secret()).ok());
        let request = key.into_iter().fold(request, |request, mut key| {
            key.set_sensitive(true);
            request.header(API_KEY, key)
        });
        match body {
            Some(body) => request.header(CONTENT_TYPE, "application/json").body(body),
            None => request,
        }
    }

    async fn get<T: DeserializeOwned>(&self, phase: Phase, path: &str) -> Result<T, Failure> {
        read(phase, self.call(Method::GET, path, None).await)
    }
}

impl DevTo {
    fn api<'a>(&'a self, account: &'a Account, session: &'a Session) -> Api<'a> {
        Api { client: &self.client, base_url: &account.base_url, key: Some(&session.access) }
    }

    fn as_caller<'a>(&'a self, caller: &'a Caller) -> Api<'a> {
        self.api(&caller.account, &caller.session)
    }
}

#[async_trait]
impl Provider for DevTo {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn default_base_url(&self) -> Option<&'static str> {
        Some(DEV)
    }

    fn servers(&self) -> Vec<&str> {
        vec![self.server.as_deref().unwrap_or(DEV)]
    }

    fn secret(&self) -> &'static str {
        "API key"
    }

    async fn login(&self, base_url: &str, handle: &str, password: &SecretString) -> Result<Login, Failure> {
        let api = Api { client: &self.client, base_url, key: Some(password) };
        let me: Me = api.get(Phase::Login, "api/users/me").await?;
        let named = handle.trim_start_matches('@');
        if !me.username.eq_ignore_ascii_case(named) {
            let message = format!("the API key belongs to {}, not to {named}", me.username);
            return Err(Failure::new(ErrorClass::Permission, message));
        }
        Ok(Login {
            external_id: me.id.to_string(),
            handle: me.username,
            base_url: base_url.to_owned(),
            session: Session::new(password.clone(), SecretString::default()),
        })
    }

    /// Keys have no end.
    fn lifetime(&self, _session: &Session) -> Lifetime {
        Lifetime::default()
    }

    async fn refresh(&self, _caller: &Caller) -> Result<Session, Failure> {
        let message = "DEV no longer takes the account's API key, or has suspended the account";
        Err(Failure::new(ErrorClass::AuthRevoked, message))
    }

    /// There is nothing to upload: images are shown from where they are.
    async fn prepare(
        &self,
        _caller: &Caller,
        _post: &Post,
        _prepared: &Value,
    ) -> Result<Option<Value>, Failure> {
        Ok(None)
    }

    fn draft(&self, post: &Post, _prepared: &Value) -> Result<Frozen, Failure> {
        draft(post, new_key(SystemTime::now())?)
    }

    async fn commit(&self, caller: &Caller, _: &Post, frozen: &Frozen) -> Result<Published, Failure> {
        let api = self.as_caller(caller);
        there(read(Phase::Commit, api.call(Method::POST, ARTICLES, Some(frozen.request.clone())).await)?)
    }

    async fn look(
        &self,
        account: &Account,
        session: Option<&Session>,
        sought: Sought<'_>,
    ) -> Result<Found, Failure> {
        let session = session.ok_or_else(|| {
            let message = "the account's articles can't be read without its API key";
            Failure::new(ErrorClass::AuthRevoked, message)
        })?;
        let sent = Article::of(sought.frozen)?;
        search(&Mine { api: self.api(account, session), sent: &sent }, sought).await
    }

    /// An article can't be deleted: it is a draft again, which nobody sees but its author.
    async fn act(&self, caller: &Caller, act: &Act) -> Result<Done, Failure> {
        let Act::Delete { post } = act else {
            return Err(Failure::unsupported(PLATFORM.name, act));
        };
        let body = json!({"article": {"published": false}}).to_string();
        let path = format!("{ARTICLES}/{}", id(post)?);
        match read::<IgnoredAny>(
            Phase::Prepare,
            self.as_caller(caller).call(Method::PUT, &path, Some(body)).await,
        ) {
            Err(failure) if failure.class != ErrorClass::TargetMissing => Err(failure),
            _ => Ok(Done::default()),
        }
    }

    async fn metrics(&self, caller: &Caller, post: &str) -> Result<Metrics, Failure> {
        let figures: Figures =
            self.as_caller(caller).get(Phase::Read, &format!("{ARTICLES}/{}", id(post)?)).await?;
        let Figures { public_reactions_count: likes, comments_count: replies } = figures;
        Ok(Metrics { likes, replies, ..Metrics::default() })
    }

    #[cfg(test)]
    fn sample(&self) -> super::hostile::Sample {
        let mut sample = super::hostile::Sample::text();
        sample.post.settings = serde_json::json!({ "title": "Hello" });
        sample
    }

    async fn reach(&self, base_url: &str) -> Result<(), Failure> {
        let api = Api { client: &self.client, base_url, key: None };
        api.get::<IgnoredAny>(Phase::Read, &format!("{ARTICLES}?per_page=1")).await.map(drop)
    }
}

fn id(post: &str) -> Result<&str, Failure> {
    let message = "that is not the id of an article on DEV";
    if is_id(post) { Ok(post) } else { Err(Failure::new(ErrorClass::ContentInvalid, message)) }
}

/// The content of a success, or what the failure means in this phase.
fn read<T: DeserializeOwned>(phase: Phase, answer: Result<Answer, CallError>) -> Result<T, Failure> {
    answer::read(phase, answer, failure)
}

/// An answer that is not a success.
fn failure(phase: Phase, answer: &Answer, now: SystemTime) -> Failure {
    let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let error = json["error"].as_str().unwrap_or_default();
    let class = class(phase, answer.status, error);
    answer::refused(answer, class, "", error, now)
}

/// Forem refuses an article before it is stored, so that a refusal in its words is clear while publishing too.
fn class(phase: Phase, status: u16, error: &str) -> ErrorClass {
    match (status, error) {
        (429, _) => ErrorClass::RateLimited,
        (413, _) => ErrorClass::ContentInvalid,
        // Not of the interface: the page of a proxy, which says nothing of what was sent.
        (301 | 302 | 307 | 308, _) if phase != Phase::Commit => ErrorClass::Config,
        (404 | 405 | 410, "") if phase == Phase::Login => ErrorClass::Config,
        (_, "") => phase.not_clear(),
        // Also of an account that is suspended.
        (401, _) => phase.unauthorized(),
        (403, _) => ErrorClass::Permission,
        (404, _) if phase == Phase::Commit => phase.not_clear(),
        (404, _) => ErrorClass::TargetMissing,
        // The title within five minutes, or the canonical address: of which article nobody says.
        (422, error) if error.contains("has already been") && phase == Phase::Commit => ErrorClass::Duplicate,
        (400 | 422, _) => ErrorClass::ContentInvalid,
        _ => phase.not_clear(),
    }
}
