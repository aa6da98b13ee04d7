//! A simulated X, API version 2: the calls that publishing needs, with X's answers, limits and prices. It is written
//! from the documentation and from what clients report; there is no server to hold it against.
//!
//! Three things that surprise clients are here too: the text that X gives back is not the text that was sent (links
//! are shortened, media adds one, `&<>` are escaped), what is missing is an error inside a success, and a token that
//! has expired can't be told from one that never was.

mod media;
mod messages;
mod meter;
mod problem;
mod reads;
mod settings;
mod text;
mod tokens;
mod tweets;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::ledger::{Ledger, rfc3339};
use super::{Piece, Platform, Refusal, Visible, VisibleImage, form};
use crate::serve;
use media::{Kind, Upload};
use meter::{Limit, Meter};
use problem::Refused;
use settings::{Settings, Usage};
use tokens::Tokens;
use tweets::Tweet;

/// The name in paths, faults and the ledger.
pub const NAME: &str = "x";

/// When ids begin: milliseconds since 1970.
const EPOCH: u64 = 1_288_834_974_657;

/// The simulated server.
pub struct X {
    state: Mutex<State>,
    ledger: Arc<Ledger>,
}

/// Everything it remembers.
#[derive(Default)]
struct State {
    /// By id.
    accounts: BTreeMap<String, Account>,
    tokens: Tokens,
    /// By id.
    uploads: BTreeMap<String, Upload>,
    /// By id, which means by age.
    tweets: BTreeMap<u64, Tweet>,
    settings: Settings,
    meter: Meter,
    /// The last id that was given out: they only grow.
    last_id: u64,
    /// How long what is published now can't be read.
    delay: Duration,
}

#[derive(Clone)]
struct Account {
    id: String,
    handle: String,
}

/// The name of a call, and the id that its path has.
fn route<'a>(method: &Method, path: &'a str) -> Option<(&'static str, &'a str)> {
    if (method, path) == (&Method::GET, "i/oauth2/authorize") {
        return Some(("oauth2.authorize", ""));
    }
    let segments: Vec<&str> = path.strip_prefix("2/")?.split('/').collect();
    Some(match (method.as_str(), segments.as_slice()) {
        ("POST", ["oauth2", "token"]) => ("oauth2.token", ""),
        ("POST", ["oauth2", "revoke"]) => ("oauth2.revoke", ""),
        ("GET", ["users", "me"]) => ("users.me", ""),
        ("GET", ["users", id, "tweets"]) => ("users.tweets", id),
        ("POST", ["media", "upload", "initialize"]) => ("media.initialize", ""),
        ("POST", ["media", "upload", id, "append"]) => ("media.append", id),
        ("POST", ["media", "upload", id, "finalize"]) => ("media.finalize", id),
        ("GET", ["media", "upload"]) => ("media.status", ""),
        ("POST", ["media", "metadata"]) => ("media.metadata", ""),
        ("POST", ["tweets"]) => ("tweets.create", ""),
        ("GET", ["tweets"]) => ("tweets.lookup", ""),
        ("GET", ["tweets", id]) => ("tweets.lookup", id),
        ("DELETE", ["tweets", id]) => ("tweets.delete", id),
        ("POST", ["dm_conversations", "with", id, "messages"]) => ("dm.create", id),
        _ => return None,
    })
}

impl X {
    /// A server without accounts.
    pub fn new(ledger: Arc<Ledger>) -> Self {
        Self { state: Mutex::default(), ledger }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Carries out a call; how its limit stands goes with every answer.
    fn answer(
        &mut self,
        call: &'static str,
        id: &str,
        request: &Request<Bytes>,
        ledger: &Ledger,
    ) -> (Result<Value, Refused>, Limit) {
        let me = bearer(request).and_then(|token| self.tokens.account(token));
        let me = me.and_then(|id| self.accounts.get(id)).cloned();
        let handle = me.as_ref().map_or("", |me| &me.handle);
        let (left, limit) = self.meter.take(handle, call, self.settings.limit(call), self.settings.window());
        if !left {
            return (Err(Refused::rate_limited()), limit);
        }
        let given = match (call, me) {
            ("oauth2.token", _) => self.give_tokens(request),
            ("oauth2.revoke", _) => self.revoke_token(request),
            (_, None) => Err(Refused::unauthorized()),
            (_, Some(me)) => self.admit(&me).and_then(|()| self.dispatch(call, id, &me, request, ledger)),
        };
        (given, limit)
    }

    /// Whether the account and the app may do anything at all.
    fn admit(&self, me: &Account) -> Result<(), Refused> {
        match self.settings.usage {
            _ if self.settings.suspended.contains(&me.handle) => Err(Refused::suspended()),
            Usage::Paid => Ok(()),
            Usage::Capped => Err(Refused::capped()),
            Usage::Depleted => Err(Refused::depleted()),
        }
    }

    fn dispatch(
        &mut self,
        call: &'static str,
        id: &str,
        me: &Account,
        request: &Request<Bytes>,
        ledger: &Ledger,
    ) -> Result<Value, Refused> {
        let query = Query::of(call, request);
        match call {
            "users.me" => self.me(me, &query),
            "users.tweets" => self.tweets_of(me, id, &query),
            "media.initialize" => self.initialize_media(&me.id, request),
            "media.append" => self.append_media(&me.id, id, request),
            "media.finalize" => self.finalize_media(&me.id, id),
            "media.status" => self.media_status(&me.id, &query),
            "media.metadata" => self.describe_media(&me.id, request),
            "tweets.create" => self.create_tweet(me, request, ledger),
            "tweets.lookup" if id.is_empty() => self.lookup(me, &query),
            "tweets.lookup" => self.lookup_one(me, id, &query),
            "tweets.delete" => self.delete_tweet(me, id),
            "dm.create" => self.write_message(me, id, request, ledger),
            _ => Err(unknown_address()),
        }
    }

    fn next_id(&mut self) -> u64 {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let since = u64::try_from(now.as_millis()).unwrap_or_default().saturating_sub(EPOCH);
        self.last_id = (self.last_id + 1).max(since << 22);
        self.last_id
    }

    fn id_of(&self, handle: &str) -> Option<&str> {
        let is = |account: &&Account| account.handle.eq_ignore_ascii_case(handle);
        self.accounts.values().find(is).map(|account| account.id.as_str())
    }

    fn add_account(&mut self, handle: &str, secret: &str) -> Result<String, String> {
        let fits = handle.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !fits || !(1..=15).contains(&handle.len()) {
            return Err(format!("{handle:?} is not a handle: it has 1 to 15 letters, digits and _"));
        }
        if self.id_of(handle).is_some() {
            return Err(format!("Handle already taken: {handle}"));
        }
        let hash = Sha256::digest(handle.to_ascii_lowercase());
        let number = hash[..7].iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        let id = (1_000_000_000_000_000_000 + number).to_string();
        self.tokens.adopt(&id, secret)?;
        self.accounts.insert(id.clone(), Account { id: id.clone(), handle: handle.to_owned() });
        Ok(id)
    }

    /// The bytes of an image that a tweet shows.
    fn image(&self, id: &str) -> Option<Response<Bytes>> {
        let upload = self.uploads.get(id).filter(|upload| upload.used && upload.kind != Kind::Video)?;
        let mut answer = Response::new(upload.bytes()?.clone());
        answer.headers_mut().insert(CONTENT_TYPE, upload.media_type.parse().ok()?);
        Some(answer)
    }

    fn visible(&self, id: u64, tweet: &Tweet) -> Visible {
        let images = tweet.media.iter().filter_map(|media| {
            let upload = self.uploads.get(media).filter(|upload| upload.kind != Kind::Video)?;
            let size = imagesize::blob_size(upload.bytes()?).ok();
            Some(VisibleImage {
                src: format!("/{NAME}/images/{media}"),
                alt: upload.alt.clone(),
                aspect_ratio: size.map(|size| (size.width as u64, size.height as u64)),
            })
        });
        Visible {
            platform: NAME,
            reply_to: self.answered(tweet),
            handle: self.accounts.get(&tweet.author).map(|author| author.handle.clone()).unwrap_or_default(),
            at: rfc3339(tweet.at),
            uri: self.address(id, tweet),
            text: pieces(&tweet.text),
            images: images.collect(),
        }
    }
}

impl Platform for X {
    fn name(&self) -> &'static str {
        NAME
    }

    fn call<'a>(&self, method: &Method, path: &'a str) -> &'a str {
        route(method, path).map_or(path, |(call, _)| call)
    }

    fn handle(&self, path: &str, request: &Request<Bytes>) -> Response<Bytes> {
        let mut state = self.state();
        if let Some(id) = path.strip_prefix("images/") {
            return state.image(id).unwrap_or_else(|| unknown_address().answer());
        }
        let Some((call, id)) = route(request.method(), path) else { return unknown_address().answer() };
        if call == "oauth2.authorize" {
            return state.authorize(request);
        }
        let (given, limit) = state.answer(call, id, request, &self.ledger);
        let success =
            if ["tweets.create", "dm.create"].contains(&call) { StatusCode::CREATED } else { StatusCode::OK };
        limit.state_in(match given {
            Ok(body) => serve::json(success, &body),
            Err(refused) => refused.answer(),
        })
    }

    fn refusal(&self, refusal: Refusal) -> Response<Bytes> {
        let full = |remaining| {
            let reset = SystemTime::now() + self.state().settings.window();
            Limit { limit: 100, remaining, reset }
        };
        let answer = match refusal {
            Refusal::RateLimited(wait) => {
                let limit = Limit { reset: SystemTime::now() + wait, ..full(0) };
                return limit.state_in(Refused::rate_limited().answer());
            }
            Refusal::Unauthorized | Refusal::ExpiredToken => Refused::unauthorized().answer(),
            Refusal::ServerError => Refused::internal().answer(),
            Refusal::InSuccess => Refused::internal().in_success(),
            Refusal::Odd => {
                let body = json!({"title": ["Unauthorized"], "detail": null, "type": 7, "status": "401"});
                serve::json(StatusCode::UNAUTHORIZED, &body)
            }
            Refusal::Nul => {
                let text = "before\0after\u{1b}[2J\u{feff}";
                Refused::invalid("te\0xt", &json!(text), text).answer()
            }
        };
        full(99).state_in(answer)
    }

    /// The secret is the account's first tokens: `access` or `access:refresh`.
    fn add_account(&self, handle: &str, secret: &str) -> Result<String, String> {
        self.state().add_account(handle, secret)
    }

    fn revoke(&self, handle: &str) {
        let mut state = self.state();
        if let Some(id) = state.id_of(handle).map(str::to_owned) {
            state.tokens.end(&id);
        }
    }

    fn expire(&self, handle: &str) {
        let mut state = self.state();
        if let Some(id) = state.id_of(handle).map(str::to_owned) {
            state.tokens.expire(&id);
        }
    }

    fn be_strict(&self) {
        self.state().tokens.be_strict();
    }

    fn publish_later(&self, delay: Duration) {
        self.state().delay = delay;
    }

    fn show_all(&self) {
        let mut state = self.state();
        state.delay = Duration::ZERO;
        for tweet in state.tweets.values_mut() {
            tweet.visible = tweet.visible.min(SystemTime::now());
        }
    }

    fn unread(&self) -> usize {
        let now = SystemTime::now();
        self.state().tweets.values().filter(|tweet| tweet.visible > now).count()
    }

    fn set(&self, changes: &Value) -> Result<Value, String> {
        let mut state = self.state();
        let mut settings = json!(state.settings);
        for (name, value) in changes.as_object().ok_or("settings must be an object")? {
            settings[name] = value.clone();
        }
        state.settings = serde_json::from_value(settings.clone()).map_err(|error| error.to_string())?;
        Ok(settings)
    }

    fn figures(&self) -> Value {
        self.state().meter.figures()
    }

    fn timeline(&self) -> Vec<Visible> {
        let state = self.state();
        state.tweets.iter().map(|(id, tweet)| state.visible(*id, tweet)).collect()
    }

    fn issued_tokens(&self) -> Vec<String> {
        self.state().tokens.issued()
    }
}

fn unknown_address() -> Refused {
    Refused::blank(StatusCode::NOT_FOUND, "Not Found")
}

/// Cuts a text where its links begin and end.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut done = 0;
    for link in text::links(text) {
        pieces.push(Piece { text: text[done..link.start].to_owned(), link: None });
        done = link.end;
        let address = &text[link];
        pieces.push(Piece { text: address.to_owned(), link: Some(address.to_owned()) });
    }
    pieces.push(Piece { text: text[done..].to_owned(), link: None });
    pieces.retain(|piece| !piece.text.is_empty());
    pieces
}

/// The parameters of a GET.
struct Query {
    /// The call they are for.
    call: &'static str,
    pairs: Vec<(String, String)>,
}

impl Query {
    fn of(call: &'static str, request: &Request<Bytes>) -> Self {
        Self { call, pairs: form::pairs(request.uri().query().unwrap_or_default()) }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// X refuses parameters that it doesn't know; so are those refused that are not simulated.
    fn knows(&self, names: &[&str]) -> Result<(), Refused> {
        match self.pairs.iter().find(|(given, _)| !names.contains(&given.as_str())) {
            None => Ok(()),
            Some((given, value)) => {
                let message = format!("The query parameter [{given}] is not one of [{}]", names.join(","));
                Err(Refused::invalid(given, &json!(value), message))
            }
        }
    }
}

fn json_body(request: &Request<Bytes>) -> Result<Value, Refused> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/json") {
        return Err(Refused::invalid("Content-Type", &json!(kind), "Must be application/json."));
    }
    serde_json::from_slice(request.body())
        .map_err(|error| Refused::invalid("$", &Value::Null, error.to_string()))
}

fn bearer(request: &Request<Bytes>) -> Option<&str> {
    request.headers().get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn unix(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
