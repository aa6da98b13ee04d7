//! What most simulated platforms have in common: accounts, tokens, the page on which people are asked, and a shelf of posts. A
//! platform that is written on it is one file with its calls, its answers and what it accepts: a [`Service`].

mod accounts;
mod login;
mod shelf;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{AUTHORIZATION, HeaderMap};
use hyper::{Method, Request, Response};
use serde_json::{Value, json};

use super::ledger::Ledger;
use super::{LoginPages, Platform, Refusal, Visible};
pub use accounts::Accounts;
pub(in crate::sim) use login::basic;
pub use login::{Client, Given, Login, Refused, Rules};
pub use shelf::{NewPost, Post, Shelf};

/// What a platform that is written on the kit adds.
pub trait Service: Send {
    /// The name in paths, faults and the ledger.
    const NAME: &'static str;
    /// How its tokens live and its logins go.
    const RULES: Rules;

    /// The name of the call that a method and a path (without the platform's name) make.
    fn call<'a>(method: &Method, path: &'a str) -> &'a str;

    /// Answers a call.
    fn answer(
        &mut self,
        common: &mut Common,
        call: &str,
        path: &str,
        request: &Request<Bytes>,
    ) -> Response<Bytes>;

    /// The answer that refuses a call without looking at it, in the platform's own shape.
    fn refusal(&self, refusal: Refusal) -> Response<Bytes>;

    /// The id of a new account. What a secret has to look like is said here too.
    fn id_of(&self, handle: &str, _secret: &str) -> Result<String, String> {
        Ok(format!("id-of-{handle}"))
    }

    /// What calls carry of a secret that accounts are connected with.
    fn token_of<'a>(&self, secret: &'a str) -> &'a str {
        secret
    }

    /// Changes a setting that only this platform has; `false`: there is none of this name.
    fn set(&mut self, _name: &str, _value: &Value) -> Result<bool, String> {
        Ok(false)
    }

    /// What only this platform counts.
    fn figures(&self) -> Value {
        json!({})
    }
}

/// What the kit keeps for a platform.
pub struct Common {
    /// Who is there.
    pub accounts: Accounts,
    /// Their tokens, and how they come by them.
    pub login: Login,
    /// Their posts.
    pub shelf: Shelf,
}

impl Common {
    /// Whose access token a request carries in its `Authorization: Bearer`: the id of the account.
    pub fn caller(&self, request: &Request<Bytes>) -> Option<String> {
        self.login.account(bearer(request.headers())?).map(str::to_owned)
    }
}

/// An id that is a number, of platforms that have such.
pub fn numeric_id(handle: &str) -> String {
    handle.bytes().fold(7_u64, |id, byte| (id * 31 + u64::from(byte)) % 1_000_003).to_string()
}

/// What stands behind `Bearer`.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// A platform on the kit.
pub struct On<S> {
    state: Mutex<(S, Common)>,
}

impl<S: Service + Default> On<S> {
    /// A platform without accounts.
    pub fn new(ledger: Arc<Ledger>) -> Self {
        let common = Common {
            accounts: Accounts::default(),
            login: Login::new(S::RULES),
            shelf: Shelf::new(S::NAME, ledger),
        };
        Self { state: Mutex::new((S::default(), common)) }
    }
}

impl<S> On<S> {
    fn state(&self) -> MutexGuard<'_, (S, Common)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Service> Platform for On<S> {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn call<'a>(&self, method: &Method, path: &'a str) -> &'a str {
        S::call(method, path)
    }

    fn handle(&self, path: &str, request: &Request<Bytes>) -> Response<Bytes> {
        let (service, common) = &mut *self.state();
        service.answer(common, S::call(request.method(), path), path, request)
    }

    fn refusal(&self, refusal: Refusal) -> Response<Bytes> {
        self.state().0.refusal(refusal)
    }

    /// A secret is `access` or `access:refresh`, where tokens are renewed.
    fn add_account(&self, handle: &str, secret: &str) -> Result<String, String> {
        let (service, common) = &mut *self.state();
        let id = match common.accounts.id_of(handle) {
            Some(id) => id.to_owned(),
            None => service.id_of(handle, secret)?,
        };
        common.login.adopt(&id, service.token_of(secret))?;
        common.accounts.add(&id, handle);
        Ok(id)
    }

    fn revoke(&self, handle: &str) {
        let common = &mut self.state().1;
        if let Some(id) = common.accounts.id_of(handle) {
            common.login.end(id);
        }
    }

    fn expire(&self, handle: &str) {
        let common = &mut self.state().1;
        if let Some(id) = common.accounts.id_of(handle) {
            common.login.expire(id);
        }
    }

    fn be_strict(&self) {
        self.state().1.login.be_strict();
    }

    fn publish_later(&self, delay: Duration) {
        self.state().1.shelf.publish_later(delay);
    }

    fn show_all(&self) {
        self.state().1.shelf.show_all();
    }

    fn unread(&self) -> usize {
        self.state().1.shelf.unread()
    }

    fn set(&self, changes: &Value) -> Result<Value, String> {
        let (service, common) = &mut *self.state();
        for (name, value) in changes.as_object().ok_or("settings must be an object")? {
            if !common.login.set(name, value)? && !service.set(name, value)? {
                return Err(format!("{} has no setting {name:?}", S::NAME));
            }
        }
        Ok(changes.clone())
    }

    fn figures(&self) -> Value {
        self.state().0.figures()
    }

    fn timeline(&self) -> Vec<Visible> {
        self.state().1.shelf.timeline()
    }

    fn issued_tokens(&self) -> Vec<String> {
        self.state().1.login.issued()
    }

    fn login_pages(&self) -> Option<LoginPages> {
        S::RULES.pages
    }
}
