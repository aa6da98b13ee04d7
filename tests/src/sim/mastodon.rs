//! A simulated Mastodon server: the calls that publishing needs, with the answers, quirks and error texts of
//! Mastodon 4.5. How other servers of the same interface differ can be set.

mod access;
mod account;
mod answer;
mod instance;
mod media;
mod parameters;
mod poll;
mod settings;
mod status;
mod text;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::header::{HOST, HeaderValue, LINK, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::ledger::Ledger;
use super::{Platform, Refusal, Visible};
use crate::serve;
use access::Access;
use account::Account;
use answer::{Refused, page, starting, with_limit};
use media::Media;
use parameters::Parameters;
use settings::Settings;
use status::{Published, Status};

/// The name in paths, faults and the ledger.
pub const NAME: &str = "mastodon";

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// The simulated server.
pub struct Mastodon {
    state: Mutex<State>,
    ledger: Arc<Ledger>,
}

/// Everything it remembers. Ids are those of the real server: they grow with time.
struct State {
    accounts: BTreeMap<u64, Account>,
    access: Access,
    statuses: BTreeMap<u64, Status>,
    media: BTreeMap<u64, Media>,
    /// Who follows whom.
    follows: BTreeSet<(u64, u64)>,
    /// What was published under a key of an account.
    published: HashMap<(u64, String), Published>,
    last_id: u64,
    /// Where clients reach the server.
    base: String,
    /// How many calls were made under each limit.
    calls: BTreeMap<&'static str, u64>,
    /// How much later than published a status can be read.
    publish_delay: Duration,
    settings: Settings,
}

/// The name of a call and the id in its path.
fn route<'a>(method: &Method, path: &'a str) -> Option<(&'static str, &'a str)> {
    let parts: Vec<_> = path.split('/').collect();
    Some(match (method.as_str(), parts.as_slice()) {
        ("POST", ["api", "v1", "apps"]) => ("apps.create", ""),
        ("GET", ["oauth", "authorize"]) => ("oauth.authorize", ""),
        ("GET", [".well-known", "oauth-authorization-server"]) => ("oauth.metadata", ""),
        ("POST", ["oauth", "token"]) => ("oauth.token", ""),
        ("POST", ["oauth", "revoke"]) => ("oauth.revoke", ""),
        ("GET", ["api", "v2", "instance"]) => ("instance.get", ""),
        ("GET", ["api", "v1", "accounts", "verify_credentials"]) => ("accounts.verify_credentials", ""),
        ("GET", ["api", "v1", "accounts", "lookup"]) => ("accounts.lookup", ""),
        ("GET", ["api", "v1", "accounts", id]) => ("accounts.get", id),
        ("GET", ["api", "v1", "accounts", id, "statuses"]) => ("accounts.statuses", id),
        ("POST", ["api", "v1", "accounts", id, "follow"]) => ("accounts.follow", id),
        ("POST", ["api", "v2", "media"]) => ("media.create", ""),
        ("GET", ["api", "v1", "media", id]) => ("media.get", id),
        ("PUT", ["api", "v1", "media", id]) => ("media.update", id),
        ("GET", ["system", "media_attachments", id]) => ("media.file", id),
        ("POST", ["api", "v1", "statuses"]) => ("statuses.create", ""),
        ("GET", ["api", "v1", "statuses", id]) => ("statuses.get", id),
        ("GET", ["api", "v1", "statuses", id, "source"]) => ("statuses.source", id),
        ("DELETE", ["api", "v1", "statuses", id]) => ("statuses.delete", id),
        ("POST", ["api", "v1", "statuses", id, "favourite"]) => ("statuses.favourite", id),
        ("POST", ["api", "v1", "statuses", id, "reblog"]) => ("statuses.reblog", id),
        _ => return None,
    })
}

/// What limits a call: the name of the limit, how many calls it allows, and in how many seconds.
fn limit(call: &str) -> (&'static str, u64, u64) {
    match call {
        "statuses.create" | "statuses.reblog" => ("statuses", 300, 3 * HOUR),
        "statuses.delete" => ("deletes", 30, 30 * MINUTE),
        "accounts.follow" => ("follows", 400, 24 * HOUR),
        "media.create" => ("media", 30, 30 * MINUTE),
        _ => ("api", 300, 5 * MINUTE),
    }
}

impl Mastodon {
    /// A server without accounts.
    pub fn new(ledger: Arc<Ledger>) -> Self {
        Self { state: Mutex::new(State::new()), ledger }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn dispatch(&self, request: &Request<Bytes>, path: &str) -> Result<Response<Bytes>, Refused> {
        let mut state = self.state();
        if state.settings.user_agent_needed && !request.headers().contains_key(USER_AGENT) {
            let teapot = "I'm a teapot: no user-agent sent with request";
            return Err(Refused::new(StatusCode::IM_A_TEAPOT, teapot));
        }
        let Some((call, id)) = route(request.method(), path) else {
            return Ok(page(StatusCode::NOT_FOUND, "The page you are looking for isn't here."));
        };
        let given = Parameters::of(request)?;
        // no record has the id 0
        let id = id.parse().unwrap_or(0);
        let token = access::bearer(request);
        let user = |scope: &str| state.user(token, scope);
        let ok = |body| Ok(serve::json(StatusCode::OK, &body));
        match call {
            "apps.create" => ok(state.create_app(&given)?),
            "oauth.authorize" => Ok(state.authorize(&given)),
            "oauth.metadata" => ok(state.metadata()?),
            "oauth.token" => ok(state.give_token(&given)?),
            "oauth.revoke" => ok(state.revoke_token(&given)?),
            "instance.get" => ok(instance::describe(&state.base)),
            "accounts.verify_credentials" => {
                let me = user("read:accounts")?;
                ok(state.credentials(me)?)
            }
            "accounts.lookup" => ok(state.lookup(&given)?),
            "accounts.get" => {
                let account = state.accounts.get(&id).ok_or_else(Refused::not_found)?;
                ok(state.account_json(account))
            }
            "accounts.statuses" => {
                let viewer = state.viewer(token, "read:statuses")?;
                let (body, link) = state.statuses_of(id, viewer, &given)?;
                let mut answer = serve::json(StatusCode::OK, &body);
                if let Some(link) = link.and_then(|link| HeaderValue::try_from(link).ok()) {
                    answer.headers_mut().insert(LINK, link);
                }
                Ok(answer)
            }
            "accounts.follow" => {
                let me = user("write:follows")?;
                ok(state.follow(me, id)?)
            }
            "media.create" => {
                let me = user("write:media")?;
                let (status, body) = state.upload(me, given)?;
                Ok(serve::json(status, &body))
            }
            "media.get" | "media.update" => {
                let me = user("write:media")?;
                if call == "media.update" {
                    state.describe_media(me, id, &given)?;
                }
                let (status, body) = state.media_of(me, id)?;
                Ok(serve::json(status, &body))
            }
            "media.file" => {
                let (kind, bytes) = state.file(id).ok_or_else(Refused::not_found)?;
                Ok(serve::with_type(StatusCode::OK, kind, bytes))
            }
            "statuses.create" => {
                let me = user("write:statuses")?;
                let key = request.headers().get("Idempotency-Key").and_then(|key| key.to_str().ok());
                let (body, on_its_way) =
                    state.create_status(me, key.unwrap_or_default(), &given, &self.ledger)?;
                let mut answer = serve::json(StatusCode::OK, &body);
                if let Some(on_its_way) = on_its_way {
                    answer.extensions_mut().insert(on_its_way);
                }
                Ok(answer)
            }
            "statuses.get" => {
                let viewer = state.viewer(token, "read:statuses")?;
                ok(state.show(state.status(id, viewer)?, viewer))
            }
            "statuses.source" => {
                let viewer = state.viewer(token, "read:statuses")?;
                ok(state.source(id, viewer)?)
            }
            "statuses.delete" => {
                let me = user("write:statuses")?;
                ok(state.delete_status(me, id, &given)?)
            }
            "statuses.favourite" => {
                let me = user("write:favourites")?;
                ok(state.favourite(me, id)?)
            }
            _ => {
                let me = user("write:statuses")?;
                ok(state.reblog(me, id)?)
            }
        }
    }
}

impl State {
    fn new() -> Self {
        Self {
            accounts: BTreeMap::new(),
            access: Access::default(),
            statuses: BTreeMap::new(),
            media: BTreeMap::new(),
            follows: BTreeSet::new(),
            published: HashMap::new(),
            last_id: 0,
            base: format!("http://localhost/{NAME}"),
            calls: BTreeMap::new(),
            publish_delay: Duration::ZERO,
            settings: Settings::default(),
        }
    }

    /// The next id: the milliseconds, then what keeps it apart from others of the same millisecond.
    fn next_id(&mut self) -> u64 {
        let millis =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis());
        self.last_id = (self.last_id + 1).max(u64::try_from(millis << 16).unwrap_or(u64::MAX));
        self.last_id
    }

    /// How many calls are left under the limit of a call that is made now. What exceeds it is let through: a fault
    /// says when a limit is hit.
    fn count(&mut self, call: &str) -> u64 {
        let (name, most, _) = limit(call);
        let made = self.calls.entry(name).or_default();
        *made += 1;
        most - *made % most
    }
}

impl Platform for Mastodon {
    fn name(&self) -> &'static str {
        NAME
    }

    fn call<'a>(&self, method: &Method, path: &'a str) -> &'a str {
        route(method, path).map_or(path, |(call, _)| call)
    }

    fn handle(&self, path: &str, request: &Request<Bytes>) -> Response<Bytes> {
        if let Some(host) = request.headers().get(HOST).and_then(|host| host.to_str().ok()) {
            self.state().base = format!("http://{host}/{NAME}");
        }
        let answer = self.dispatch(request, path).unwrap_or_else(|refused| refused.answer());
        let call = self.call(request.method(), path);
        let (_, most, seconds) = limit(call);
        let now = SystemTime::now();
        let since = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let reset = now + Duration::from_secs(seconds - since % seconds);
        let remaining = self.state().count(call);
        with_limit(answer, most, remaining, reset)
    }

    fn refusal(&self, refusal: Refusal) -> Response<Bytes> {
        let now = SystemTime::now();
        let (_, most, _) = limit("");
        let refused = match refusal {
            Refusal::RateLimited(wait) => {
                let limited = Refused::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests");
                return with_limit(limited.answer(), most, 0, now + wait);
            }
            Refusal::Unauthorized => Refused::token(access::INVALID),
            Refusal::ExpiredToken => Refused::token(access::EXPIRED),
            Refusal::ServerError => {
                let failed = StatusCode::INTERNAL_SERVER_ERROR;
                return page(failed, "We're sorry, but something went wrong on our end.");
            }
            Refusal::InSuccess => return starting(),
            Refusal::Odd => {
                let odd = json!({"error": [access::EXPIRED, null]});
                return with_limit(serve::json(StatusCode::UNAUTHORIZED, &odd), most, most, now);
            }
            Refusal::Nul => Refused::invalid("before\0after\u{1b}[2J\u{feff}"),
        };
        with_limit(refused.answer(), most, most, now)
    }

    /// The password is the account's access token; another one for the same account is one more.
    fn add_account(&self, handle: &str, password: &str) -> Result<String, String> {
        self.state().add_account(handle, password)
    }

    fn revoke(&self, handle: &str) {
        self.state().end_tokens(handle, access::REVOKED);
    }

    fn expire(&self, handle: &str) {
        self.state().end_tokens(handle, access::EXPIRED);
    }

    /// There are no refresh tokens.
    fn be_strict(&self) {}

    fn publish_later(&self, delay: Duration) {
        self.state().publish_delay = delay;
    }

    fn show_all(&self) {
        self.state().show_all();
    }

    fn unread(&self) -> usize {
        self.state().unread()
    }

    fn set(&self, changes: &Value) -> Result<Value, String> {
        let mut state = self.state();
        let mut settings = json!(state.settings);
        for (name, value) in changes.as_object().ok_or("settings must be an object")? {
            if name == "forget_apps" {
                state.forget_apps();
                continue;
            }
            settings[name] = value.clone();
        }
        state.settings = serde_json::from_value(settings.clone()).map_err(|error| error.to_string())?;
        Ok(settings)
    }

    fn timeline(&self) -> Vec<Visible> {
        self.state().timeline()
    }

    fn issued_tokens(&self) -> Vec<String> {
        self.state().access.issued()
    }
}

/// A record as JSON, where an id is a text.
fn id_of(id: u64) -> Value {
    json!(id.to_string())
}
