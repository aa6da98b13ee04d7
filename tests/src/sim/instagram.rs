//! A simulated Instagram Graph API: the calls that publishing needs, for both logins, which are two hosts with the
//! same calls on the real side and one address here. No such server can be had for tests, so it follows the documents
//! of Meta; where those say nothing, what others report of the real one.

mod account;
mod container;
mod login;
mod media;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::header::HOST;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::Value;

use super::graph::{self, Params, Refused, with_usage};
use super::ledger::Ledger;
use super::{Platform, Refusal, Visible};
use crate::serve;
use account::{Account, Token};
use container::Container;
use login::Logins;
use media::Medium;

/// The name in paths, faults and the ledger.
pub const NAME: &str = "instagram";

/// Calls in a day, of which the usage headers tell the share that is used up. Nothing happens beyond them.
const CALLS: u64 = 48_000;

/// The simulated server.
pub struct Instagram {
    state: Mutex<State>,
    ledger: Arc<Ledger>,
    requests: AtomicU64,
}

/// Everything it remembers.
#[derive(Default)]
struct State {
    accounts: BTreeMap<String, Account>,
    /// Ids grow, so these are in the order in which they were made.
    containers: BTreeMap<String, Container>,
    media: BTreeMap<String, Medium>,
    tokens: BTreeMap<String, Token>,
    logins: Logins,
    /// Whether tokens that have expired or were renewed before can't be renewed.
    strict: bool,
    /// How long reads miss what is published now.
    delay: Duration,
    /// The last number that went into an id.
    serial: u64,
}

impl State {
    /// A new id. The first digits tell people what it is the id of, as on the real side.
    fn new_id(&mut self, first: u64) -> String {
        self.serial += 1;
        (first + self.serial).to_string()
    }

    /// Makes a call of an account. `id` is the node in its path.
    fn make(&mut self, call: &str, caller: &str, id: &str, request: &Made<'_>) -> Result<Value, Refused> {
        let Made { params, base, ledger, .. } = request;
        match call {
            "me" => self.me(caller, id, params),
            "me.accounts" => self.pages(caller, params),
            "refresh" => self.refresh(caller, params),
            "media.create" => self.create_container(self.own(caller, id)?, params, base),
            "media.publish" => self.publish(self.own(caller, id)?, params, ledger),
            "media.list" => self.list_media(&self.own(caller, id)?, params, base),
            "story.list" => self.list_stories(&self.own(caller, id)?, params),
            "publishing_limit" => self.publishing_limit(&self.own(caller, id)?, params),
            "container.status" => self.container_status(caller, id, params),
            "upload" => self.upload(caller, id, request.request),
            "media.get" => self.get_media(caller, id, params),
            "media.delete" => self.delete_media(caller, id),
            "media.comment" => self.comment(caller, id, params, ledger),
            "comment.list" => self.list_comments(caller, id, params),
            "media.insights" => self.insights(caller, id, params),
            _ => Err(Refused::not_there(id)),
        }
    }
}

/// A call with what belongs to it.
struct Made<'a> {
    request: &'a Request<Bytes>,
    params: Params,
    base: String,
    ledger: &'a Ledger,
}

impl Instagram {
    /// A server without accounts.
    pub fn new(ledger: Arc<Ledger>) -> Self {
        Self { state: Mutex::default(), ledger, requests: AtomicU64::new(0) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a path means: the name of the call, and the node it is about. Versions make no difference.
    fn route<'a>(&self, method: &Method, path: &'a str) -> Option<(&'static str, &'a str)> {
        Some(match (method.as_str(), graph::parts(path).as_slice()) {
            ("GET" | "POST", ["ig-api-upload", id]) => ("upload", id),
            ("GET", ["refresh_access_token"]) => ("refresh", "me"),
            ("GET", ["oauth", "authorize"] | ["dialog", "oauth"]) => ("oauth.authorize", "me"),
            ("POST", ["oauth", "access_token"]) => ("oauth.token", "me"),
            ("GET", ["access_token"]) => ("oauth.exchange", "me"),
            ("GET", ["me", "permissions"]) => ("me.permissions", "me"),
            ("GET", ["me", "accounts"]) => ("me.accounts", "me"),
            ("GET", [id, "media"]) => ("media.list", id),
            ("POST", [id, "media"]) => ("media.create", id),
            ("POST", [id, "media_publish"]) => ("media.publish", id),
            ("GET", [id, "stories"]) => ("story.list", id),
            ("GET", [id, "content_publishing_limit"]) => ("publishing_limit", id),
            ("GET", [id, "comments"]) => ("comment.list", id),
            ("POST", [id, "comments"]) => ("media.comment", id),
            ("GET", [id, "insights"]) => ("media.insights", id),
            ("DELETE", [id]) => ("media.delete", id),
            ("GET", [id]) => (self.kind(id), id),
            _ => return None,
        })
    }

    /// The name of the call that reads a node: containers and media have the same addresses.
    fn kind(&self, id: &str) -> &'static str {
        let state = self.state();
        if id == "me" || state.accounts.contains_key(id) {
            "me"
        } else if state.containers.contains_key(id) {
            "container.status"
        } else {
            "media.get"
        }
    }

    fn dispatch(&self, path: &str, request: &Request<Bytes>) -> Result<Value, Refused> {
        let unknown = || Refused::invalid(format!("Unsupported {} request to {path}", request.method()));
        let (call, id) = self.route(request.method(), path).ok_or_else(unknown)?;
        let params = if call == "upload" { Params::default() } else { Params::of(request)? };
        let token = graph::token(request, &params);
        let made = Made { request, params, base: base(request), ledger: &self.ledger };
        let mut state = self.state();
        if let Some(given) = state.log_in(call, token.as_deref(), &made.params) {
            return given;
        }
        let caller = match (call, token) {
            ("upload", token) => token
                .and_then(|token| state.authorize(&token).ok())
                .ok_or_else(Refused::upload_not_allowed)?,
            (_, None) => return Err(Refused::known(104, "")),
            ("refresh", Some(token)) => state.holder(&token)?,
            (_, Some(token)) => state.authorize(&token)?,
        };
        let settings = &state.account(&caller)?.settings;
        let after = settings.errors_after.get(call).copied();
        if let Some(error) = settings.errors.get(call) {
            return Err(Refused::known(*error, id));
        }
        let given = state.make(call, &caller, id, &made)?;
        after.map_or(Ok(given), |error| Err(Refused::known(error, id)))
    }
}

impl Platform for Instagram {
    fn name(&self) -> &'static str {
        NAME
    }

    fn call<'a>(&self, method: &Method, path: &'a str) -> &'a str {
        self.route(method, path).map_or(path, |(call, _)| call)
    }

    fn handle(&self, path: &str, request: &Request<Bytes>) -> Response<Bytes> {
        if self.call(request.method(), path) == "oauth.authorize" {
            return self.state().authorize_app(request, path.contains("dialog"));
        }
        let answer = match self.dispatch(path, request) {
            Ok(body) => serve::json(StatusCode::OK, &body),
            Err(refused) => refused.answer(),
        };
        let used = self.requests.fetch_add(1, Ordering::Relaxed) % CALLS;
        with_usage(answer, NAME, used * 100 / CALLS, 0)
    }

    fn refusal(&self, refusal: Refusal) -> Response<Bytes> {
        graph::refusal(refusal, NAME)
    }

    fn add_account(&self, handle: &str, token: &str) -> Result<String, String> {
        self.state().add_account(handle, token)
    }

    fn revoke(&self, handle: &str) {
        self.state().revoke(handle);
    }

    fn expire(&self, handle: &str) {
        self.state().expire(handle);
    }

    fn be_strict(&self) {
        self.state().strict = true;
    }

    fn publish_later(&self, delay: Duration) {
        self.state().delay = delay;
    }

    fn show_all(&self) {
        self.state().show_all();
    }

    fn unread(&self) -> usize {
        self.state().unread()
    }

    fn set(&self, changes: &Value) -> Result<Value, String> {
        self.state().set(changes)
    }

    fn timeline(&self) -> Vec<Visible> {
        self.state().visible()
    }

    fn issued_tokens(&self) -> Vec<String> {
        let state = self.state();
        state.tokens.keys().cloned().chain(state.logins.issued()).collect()
    }
}

/// Where the client reached the server.
fn base(request: &Request<Bytes>) -> String {
    let host = request.headers().get(HOST).and_then(|value| value.to_str().ok());
    format!("http://{}/{NAME}", host.unwrap_or("localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_mean_the_same_with_and_without_a_version() {
        let instagram = Instagram::new(Arc::default());
        for (method, path, expected) in [
            (Method::GET, "v26.0/17841/media", "media.list"),
            (Method::POST, "17841/media", "media.create"),
            (Method::POST, "v26.0/17841/media_publish/", "media.publish"),
            (Method::GET, "ig-api-upload/v26.0/178", "upload"),
            (Method::POST, "ig-api-upload/178", "upload"),
            (Method::GET, "v26.0/me", "me"),
            (Method::GET, "me/accounts", "me.accounts"),
            (Method::DELETE, "v1/1801", "v1/1801"),
            (Method::PUT, "1801", "1801"),
            (Method::GET, "", ""),
        ] {
            assert_eq!(instagram.call(&method, path), expected, "{method} {path}");
        }
    }
}
