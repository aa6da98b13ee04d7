//! A simulated Bluesky server: the calls of the AT Protocol that publishing needs, with the answers, quirks and
//! error texts of `@atproto/pds` 0.4.217. A test holds it against that server.

pub mod cid;
mod record;
mod repo;
mod session;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::ledger::Ledger;
use super::{Piece, Platform, Refusal, Visible, VisibleImage, form};
use crate::serve;
use repo::Account;
use session::Tokens;

/// The name in paths, faults and the ledger.
pub const NAME: &str = "bluesky";

const MAX_BLOB: usize = 5 * 1024 * 1024;
/// Requests of one address in five minutes.
const LIMIT: u64 = 3_000;
const WINDOW: u64 = 300;

/// The simulated server.
pub struct Bluesky {
    state: Mutex<State>,
    ledger: Arc<Ledger>,
    requests: AtomicU64,
}

/// Everything it remembers.
#[derive(Default)]
struct State {
    accounts: BTreeMap<String, Account>,
    tokens: Tokens,
    /// The last revision that was given out: they only grow.
    revision: u64,
    /// How much later than written a record is known to what shows posts and profiles.
    delay: Duration,
}

/// A refusal in the protocol's shape.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    error: &'static str,
    message: String,
}

impl Refused {
    fn new(status: StatusCode, error: &'static str, message: impl Into<String>) -> Self {
        Self { status, error, message: message.into() }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidRequest", message)
    }

    /// What an exception in the real server comes out as.
    fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", "Internal Server Error")
    }

    fn answer(&self) -> Response<Bytes> {
        serve::json(self.status, &json!({"error": self.error, "message": self.message}))
    }
}

/// What a call gives: JSON, or the bytes of a blob.
enum Given {
    Json(Value),
    Nothing,
    Blob(&'static str, Bytes),
}

impl Bluesky {
    /// A server without accounts.
    pub fn new(ledger: Arc<Ledger>) -> Self {
        Self { state: Mutex::default(), ledger, requests: AtomicU64::new(0) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn dispatch(&self, call: &str, request: &Request<Bytes>) -> Result<Given, Refused> {
        let get = request.method() == Method::GET;
        let query = || Query::of(request);
        let mut state = self.state();
        let given = match (get, call) {
            (true, "_health") => json!({"version": "simulated"}),
            (true, "com.atproto.server.describeServer") => {
                json!({"did": "did:web:localhost", "availableUserDomains": [".test"], "inviteCodeRequired": false})
            }
            (true, "com.atproto.server.getSession") => state.get_session(bearer(request)?)?,
            (true, "com.atproto.identity.resolveHandle") => state.resolve_handle(&query().one("handle")?)?,
            (true, "com.atproto.repo.getRecord") => state.get_record(&query())?,
            (true, "com.atproto.repo.listRecords") => state.list_records(&query())?,
            (true, "app.bsky.feed.getPosts") => {
                let did = state.authorize(bearer(request)?)?;
                state.get_posts(&did, &query().all("uris"))
            }
            (true, "app.bsky.actor.getProfile") => {
                let did = state.authorize(bearer(request)?)?;
                state.get_profile(&did, &query().one("actor")?)?
            }
            (true, "com.atproto.sync.getBlob") => {
                let (kind, bytes) = state.get_blob(&query())?;
                return Ok(Given::Blob(kind, bytes));
            }
            (false, "com.atproto.server.createSession") => {
                state.create_session(&input(request)?, &base(request))?
            }
            (false, "com.atproto.server.refreshSession") => {
                state.refresh_session(bearer(request)?, &base(request))?
            }
            (false, "com.atproto.server.deleteSession") => {
                state.delete_session(bearer(request)?)?;
                return Ok(Given::Nothing);
            }
            (false, "com.atproto.repo.uploadBlob") => {
                let did = state.authorize(bearer(request)?)?;
                if request.body().len() > MAX_BLOB {
                    let too_large = StatusCode::PAYLOAD_TOO_LARGE;
                    return Err(Refused::new(too_large, "PayloadTooLarge", "request entity too large"));
                }
                let stated = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
                state.upload_blob(&did, stated, request.body().clone())?
            }
            (false, "com.atproto.repo.putRecord") => {
                let did = state.authorize(bearer(request)?)?;
                state.put_record(&did, &input(request)?, &self.ledger)?
            }
            (false, "com.atproto.repo.createRecord") => {
                let did = state.authorize(bearer(request)?)?;
                state.create_record(&did, &input(request)?, &self.ledger)?
            }
            (false, "com.atproto.repo.deleteRecord") => {
                let did = state.authorize(bearer(request)?)?;
                state.delete_record(&did, &input(request)?)?
            }
            _ => {
                let message = format!("Method not implemented: {call}");
                return Err(Refused::new(StatusCode::NOT_IMPLEMENTED, "MethodNotImplemented", message));
            }
        };
        Ok(Given::Json(given))
    }

    /// The headers that state the limit, as every answer has them.
    fn with_limit(&self, mut answer: Response<Bytes>, remaining: u64, reset: u64) -> Response<Bytes> {
        let headers = answer.headers_mut();
        headers.insert("RateLimit-Limit", HeaderValue::from(LIMIT));
        headers.insert("RateLimit-Remaining", HeaderValue::from(remaining));
        headers.insert("RateLimit-Reset", HeaderValue::from(reset));
        headers.insert("RateLimit-Policy", HeaderValue::from_static("3000;w=300"));
        answer
    }
}

impl Platform for Bluesky {
    fn name(&self) -> &'static str {
        NAME
    }

    fn call<'a>(&self, _method: &Method, path: &'a str) -> &'a str {
        path.strip_prefix("xrpc/").unwrap_or(path)
    }

    fn handle(&self, path: &str, request: &Request<Bytes>) -> Response<Bytes> {
        let answer = match self.dispatch(self.call(request.method(), path), request) {
            Ok(Given::Json(body)) => serve::json(StatusCode::OK, &body),
            Ok(Given::Nothing) => Response::new(Bytes::new()),
            Ok(Given::Blob(kind, bytes)) => serve::with_type(StatusCode::OK, kind, bytes),
            Err(refused) => refused.answer(),
        };
        let used = self.requests.fetch_add(1, Ordering::Relaxed) % LIMIT;
        let reset = (unix(SystemTime::now()) / WINDOW + 1) * WINDOW;
        self.with_limit(answer, LIMIT - used, reset)
    }

    fn refusal(&self, refusal: Refusal) -> Response<Bytes> {
        let refused = match refusal {
            Refusal::RateLimited(wait) => {
                let limited =
                    Refused::new(StatusCode::TOO_MANY_REQUESTS, "RateLimitExceeded", "Rate Limit Exceeded");
                // whole seconds, and no Retry-After: so does the real server
                let reset = unix(SystemTime::now() + wait + Duration::from_millis(999));
                return self.with_limit(limited.answer(), 0, reset);
            }
            Refusal::Unauthorized => {
                Refused::new(StatusCode::UNAUTHORIZED, "AuthenticationRequired", "Authentication Required")
            }
            Refusal::ExpiredToken => {
                Refused::new(StatusCode::BAD_REQUEST, "ExpiredToken", "Token has expired")
            }
            Refusal::ServerError | Refusal::InSuccess => Refused::internal(),
            Refusal::Odd => {
                let body = json!({"error": "ExpiredToken", "message": null});
                return serve::json(StatusCode::BAD_REQUEST, &body);
            }
            Refusal::Nul => {
                Refused::new(StatusCode::BAD_REQUEST, "Invalid\0Request", "before\0after\u{1b}[2J\u{feff}")
            }
        };
        refused.answer()
    }

    fn add_account(&self, handle: &str, password: &str) -> Result<String, String> {
        self.state().add_account(handle, password)
    }

    fn revoke(&self, handle: &str) {
        self.state().revoke(handle);
    }

    fn expire(&self, handle: &str) {
        self.state().expire(handle);
    }

    fn be_strict(&self) {
        self.state().tokens.be_strict();
    }

    /// The account's own server has what it has. What shows posts and profiles hears of it later.
    fn publish_later(&self, delay: Duration) {
        self.state().delay = delay;
    }

    fn timeline(&self) -> Vec<Visible> {
        let state = self.state();
        state.accounts.values().flat_map(visible_posts).collect()
    }

    fn issued_tokens(&self) -> Vec<String> {
        self.state().tokens.issued()
    }
}

fn visible_posts(account: &Account) -> impl Iterator<Item = Visible> {
    account.posts().map(|(key, post)| Visible {
        platform: NAME,
        handle: account.handle.clone(),
        at: super::ledger::rfc3339(post.at),
        uri: account.uri(record::COLLECTION, key),
        reply_to: record::parent(&post.value),
        text: pieces(post.value["text"].as_str().unwrap_or_default(), &post.value["facets"]),
        images: record::images(&post.value)
            .iter()
            .map(|image| VisibleImage {
                src: format!(
                    "/{NAME}/xrpc/com.atproto.sync.getBlob?did={}&cid={}",
                    account.did,
                    image["image"]["ref"]["$link"].as_str().unwrap_or_default()
                ),
                alt: image["alt"].as_str().unwrap_or_default().to_owned(),
                aspect_ratio: image["aspectRatio"]["width"]
                    .as_u64()
                    .zip(image["aspectRatio"]["height"].as_u64()),
            })
            .collect(),
    })
}

/// Cuts a text where its facets begin and end. They count in bytes of UTF-8; like the apps, a facet that overlaps
/// the one before or doesn't fall between characters is left out.
fn pieces(text: &str, facets: &Value) -> Vec<Piece> {
    let mut links: Vec<(usize, usize, String)> = facets
        .as_array()
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .filter_map(|facet| {
            let at = |key: &str| facet["index"][key].as_u64().and_then(|at| usize::try_from(at).ok());
            Some((at("byteStart")?, at("byteEnd")?, link(facet["features"].get(0)?)?))
        })
        .collect();
    links.sort();
    let mut pieces = Vec::new();
    let mut done = 0;
    for (start, end, link) in links {
        if start < done || start >= end {
            continue;
        }
        let (Some(before), Some(inside)) = (text.get(done..start), text.get(start..end)) else { continue };
        pieces.push(Piece { text: before.to_owned(), link: None });
        pieces.push(Piece { text: inside.to_owned(), link: Some(link) });
        done = end;
    }
    pieces.push(Piece { text: text[done..].to_owned(), link: None });
    pieces.retain(|piece| !piece.text.is_empty());
    pieces
}

fn link(feature: &Value) -> Option<String> {
    let kind = feature["$type"].as_str()?.strip_prefix("app.bsky.richtext.facet#")?;
    match kind {
        "link" => Some(feature["uri"].as_str()?.to_owned()),
        "mention" => Some(format!("https://bsky.app/profile/{}", feature["did"].as_str()?)),
        "tag" => Some(format!("https://bsky.app/hashtag/{}", feature["tag"].as_str()?)),
        _ => None,
    }
}

/// The parameters of a GET.
struct Query(Vec<(String, String)>);

impl Query {
    fn of(request: &Request<Bytes>) -> Self {
        Self(form::pairs(request.uri().query().unwrap_or_default()))
    }

    fn all(&self, name: &str) -> Vec<String> {
        // clients write a list as `uris=…` or `uris[]=…`
        let is = |given: &str| given == name || given.strip_suffix("[]") == Some(name);
        self.0.iter().filter(|(given, _)| is(given)).map(|(_, value)| value.clone()).collect()
    }

    fn optional(&self, name: &str) -> Option<String> {
        self.all(name).pop()
    }

    /// A parameter that must be there: the real server stumbles without it.
    fn one(&self, name: &str) -> Result<String, Refused> {
        self.optional(name).ok_or_else(Refused::internal)
    }
}

fn input(request: &Request<Bytes>) -> Result<Value, Refused> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/json") {
        return Err(Refused::invalid(format!("Wrong request encoding (Content-Type): {kind}")));
    }
    serde_json::from_slice(request.body()).map_err(|error| Refused::invalid(error.to_string()))
}

fn bearer(request: &Request<Bytes>) -> Result<&str, Refused> {
    let header =
        request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    header
        .strip_prefix("Bearer ")
        .ok_or_else(|| Refused::new(StatusCode::UNAUTHORIZED, "AuthMissing", "Authentication Required"))
}

/// Where the client reached the server: what the account's document names as its home.
fn base(request: &Request<Bytes>) -> String {
    let host = request.headers().get(hyper::header::HOST).and_then(|value| value.to_str().ok());
    format!("http://{}/{NAME}", host.unwrap_or("localhost"))
}

fn unix(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facets_count_bytes() {
        let facets = json!([
            {"index": {"byteStart": 5, "byteEnd": 9}, "features":
                [{"$type": "app.bsky.richtext.facet#tag", "tag": "tag"}]},
            {"index": {"byteStart": 6, "byteEnd": 9}, "features":
                [{"$type": "app.bsky.richtext.facet#tag", "tag": "overlaps"}]},
            {"index": {"byteStart": 1, "byteEnd": 3}, "features":
                [{"$type": "app.bsky.richtext.facet#tag", "tag": "inside the emoji"}]},
        ]);
        let plain = |text: &str| Piece { text: text.into(), link: None };
        let linked = Piece { text: "#tag".into(), link: Some("https://bsky.app/hashtag/tag".into()) };
        assert_eq!(pieces("🎉 #tag!", &facets), [plain("🎉 "), linked, plain("!")]);
        assert_eq!(pieces("", &json!(null)), []);
    }
}
