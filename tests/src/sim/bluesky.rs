//! A simulated Bluesky server: the calls of the AT Protocol that publishing needs, with the answers, quirks and
//! error texts of `@atproto/pds` 0.4.217. A test holds it against that server.

pub mod cid;
mod record;
mod repo;
mod session;
mod shown;
mod video;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::ledger::Ledger;
use super::{Platform, Refusal, Visible, form};
use crate::serve;
use repo::Account;
use session::Tokens;
use video::{Job, Settings};

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
    /// The videos that were uploaded to be processed, in their order.
    jobs: Vec<Job>,
    settings: Settings,
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
    Refused(StatusCode, Value),
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
            (true, "com.atproto.server.getServiceAuth") => {
                let did = state.authorize(bearer(request)?)?;
                state.get_service_auth(&did, &query(), unix(SystemTime::now()))?
            }
            (true, "app.bsky.video.getJobStatus") => state.job_status(&query())?,
            (false, "app.bsky.video.uploadVideo") => {
                let (home, bytes) = (server_did(request), request.body().clone());
                let (status, body) =
                    state.upload_video(bearer(request)?, &query(), &home, content_type(request), bytes)?;
                return Ok(if status == StatusCode::OK {
                    Given::Json(body)
                } else {
                    Given::Refused(status, body)
                });
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
                state.upload_blob(&did, content_type(request), request.body().clone())?
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
            Ok(Given::Refused(status, body)) => serve::json(status, &body),
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

    fn set(&self, changes: &Value) -> Result<Value, String> {
        let mut state = self.state();
        let mut all = json!(state.settings);
        for (name, value) in changes.as_object().ok_or("settings are an object")? {
            all[name] = value.clone();
        }
        state.settings = serde_json::from_value(all.clone()).map_err(|error| error.to_string())?;
        if std::mem::take(&mut state.settings.forgets_jobs) {
            state.jobs.clear();
        }
        Ok(all)
    }

    fn timeline(&self) -> Vec<Visible> {
        let state = self.state();
        state.accounts.values().flat_map(shown::posts).collect()
    }

    fn issued_tokens(&self) -> Vec<String> {
        self.state().tokens.issued()
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
    let kind = content_type(request).unwrap_or_default();
    if !kind.starts_with("application/json") {
        return Err(Refused::invalid(format!("Wrong request encoding (Content-Type): {kind}")));
    }
    serde_json::from_slice(request.body()).map_err(|error| Refused::invalid(error.to_string()))
}

fn content_type(request: &Request<Bytes>) -> Option<&str> {
    request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok())
}

/// What the server is called where the client reached it.
fn server_did(request: &Request<Bytes>) -> String {
    let host = request.headers().get(hyper::header::HOST).and_then(|value| value.to_str().ok());
    format!("did:web:{}", host.unwrap_or("localhost").replace(':', "%3A"))
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
