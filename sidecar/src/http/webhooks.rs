//! `/webhooks/{platform}` and `/webhooks/{platform}/{name}`: what platforms send is verified, stored, and only then answered.
//!
//! Whoever has no secret reaches neither the database nor the log more than once in a while. What a request can take is bounded:
//! its bytes, its time, the bytes of all together, the connections to the database.

mod body;
mod refusals;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::{debug, error, info, warn};

use super::body::Unread;
use crate::db::{Db, NewWebhook};
use crate::error::Error;
use crate::hooks::{Answer, Delivery, Endpoint, Endpoints, Query, Refusal};
use body::Bodies;
use refusals::Refusals;

/// Calls of the database at a time, of all webhooks: the work has the other connections.
const STORES: usize = 2;
/// How long storing may take before the platform is told to come again: some wait no longer than three seconds.
const STORE: Duration = Duration::from_millis(2_500);
/// What is kept of the headers. Nothing that proves who sent it.
const KEPT: [&str; 7] = [
    "content-type",
    "user-agent",
    "x-request-id",
    "x-slack-retry-num",
    "x-slack-retry-reason",
    "x-slack-request-timestamp",
    "x-signature-timestamp",
];
const MAX_HEADER: usize = 256;
/// When a platform is asked to come again.
const RETRY_SECONDS: &str = "30";

/// Takes in what platforms send.
#[derive(Clone)]
pub(crate) struct Intake(Arc<Shared>);

struct Shared {
    db: Db,
    endpoints: Endpoints,
    bodies: Bodies,
    stores: Semaphore,
    refusals: Refusals,
}

impl Intake {
    pub(crate) fn new(db: Db, endpoints: Endpoints) -> Self {
        for source in endpoints.sources() {
            info!(path = %format_args!("/webhooks/{source}"), "webhooks are taken in");
        }
        let (bodies, stores, refusals) = (Bodies::default(), Semaphore::new(STORES), Refusals::default());
        Self(Arc::new(Shared { db, endpoints, bodies, stores, refusals }))
    }
}

pub(super) fn router(intake: Intake) -> Router {
    Router::new()
        .route("/webhooks/{platform}", any(of_platform))
        .route("/webhooks/{platform}/{name}", any(of_name))
        .with_state(intake)
}

async fn of_platform(
    State(intake): State<Intake>,
    Path(platform): Path<String>,
    method: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    intake.0.answer(&platform, &method, query.as_deref(), &headers, body).await
}

async fn of_name(
    State(intake): State<Intake>,
    Path((platform, name)): Path<(String, String)>,
    method: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    intake.0.answer(&format!("{platform}/{name}"), &method, query.as_deref(), &headers, body).await
}

impl Shared {
    async fn answer(
        &self,
        source: &str,
        method: &Method,
        query: Option<&str>,
        headers: &HeaderMap,
        body: Body,
    ) -> Response {
        let Some(endpoint) = self.endpoints.get(source) else {
            return said(StatusCode::NOT_FOUND, "no webhooks are taken in here");
        };
        match (method, endpoint.scheme.handshake) {
            (&Method::POST, _) => self.receive(endpoint, headers, body).await,
            (&Method::GET, Some(handshake)) => {
                match handshake(&Query::parse(query.unwrap_or_default()), &endpoint.keys) {
                    Ok(answer) => {
                        info!(source, "webhook handshake answered");
                        shaken(answer)
                    }
                    Err(refusal) => self.refuse(endpoint, refusal),
                }
            }
            (_, handshake) => {
                let allowed = if handshake.is_some() { "GET, POST" } else { "POST" };
                let answer = said(StatusCode::METHOD_NOT_ALLOWED, "this platform sends webhooks by POST");
                ([(ALLOW, allowed)], answer).into_response()
            }
        }
    }

    async fn receive(&self, endpoint: &Endpoint, headers: &HeaderMap, body: Body) -> Response {
        let scheme = endpoint.scheme;
        let media_type = Delivery::media_type(headers).unwrap_or_default();
        if !scheme.media_types.contains(&media_type.as_str()) {
            let expected = format!("the content type must be {}", scheme.media_types.join(" or "));
            return said(StatusCode::UNSUPPORTED_MEDIA_TYPE, &expected);
        }
        let bytes = match self.bodies.read(headers, body).await {
            Ok(bytes) => bytes,
            Err(unread) => return unread_answer(&endpoint.source, &unread),
        };
        let delivery = Delivery { headers, body: bytes.as_slice(), now: now() };
        if let Err(refusal) = (scheme.verify)(&delivery, &endpoint.keys) {
            return self.refuse(endpoint, refusal);
        }
        if let Some(answer) = (scheme.ping)(&delivery) {
            info!(source = endpoint.source, "webhook handshake answered");
            return shaken(answer);
        }
        let received = (scheme.read)(&delivery).tidy(scheme.platform, endpoint.account.as_deref());
        let mut new = NewWebhook {
            source: &endpoint.source,
            key: received.key(delivery.body),
            headers: kept(headers),
            ..NewWebhook::default()
        };
        for part in received.parts {
            new.platforms.push(part.platform);
            new.external_ids.push(part.external_id);
            new.payloads.push(part.payload.to_string());
        }
        match timeout(STORE, self.store(&new)).await {
            Ok(Ok(stored)) => {
                debug!(source = endpoint.source, key = new.key, webhooks = stored, "webhook stored");
                StatusCode::from_u16(scheme.stored).unwrap_or(StatusCode::OK).into_response()
            }
            Ok(Err(error)) => not_stored(&endpoint.source, &error),
            // it may be stored yet: then it is a repeated one when it comes again
            Err(_) => not_stored(&endpoint.source, &Error::Unavailable("storing took too long".into())),
        }
    }

    async fn store(&self, new: &NewWebhook<'_>) -> Result<Option<i32>, Error> {
        // it is never closed
        let _permit = self.stores.acquire().await;
        self.db.receive_webhook(new).await
    }

    /// Counted, and told to the log now and then: not a word of what was sent.
    fn refuse(&self, endpoint: &Endpoint, refusal: Refusal) -> Response {
        if let Some(refused) = self.refusals.count(&endpoint.source) {
            warn!(source = endpoint.source, reason = refusal.as_str(), refused, "webhook refused");
        }
        let status = match refusal {
            Refusal::NoHandshake => StatusCode::BAD_REQUEST,
            Refusal::WrongToken => StatusCode::FORBIDDEN,
            _ => StatusCode::UNAUTHORIZED,
        };
        said(status, &format!("refused: {}", refusal.as_str()))
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// The headers that are kept.
fn kept(headers: &HeaderMap) -> Value {
    let value =
        |name: &str| headers.get(name)?.to_str().ok().map(|value| value.chars().take(MAX_HEADER).collect());
    let kept = KEPT.into_iter().filter_map(|name| Some((name.to_owned(), Value::String(value(name)?))));
    Value::Object(kept.collect::<Map<_, _>>())
}

fn said(status: StatusCode, text: &str) -> Response {
    (status, format!("{text}\n")).into_response()
}

fn shaken(answer: Answer) -> Response {
    const TEXT: &str = "text/plain; charset=utf-8";
    let plain = [(X_CONTENT_TYPE_OPTIONS, "nosniff")];
    match answer {
        Answer::Text(text) => (plain, [(CONTENT_TYPE, TEXT)], text).into_response(),
        Answer::Json(value) => {
            (plain, [(CONTENT_TYPE, "application/json")], value.to_string()).into_response()
        }
        Answer::Status(status) => StatusCode::from_u16(status).unwrap_or(StatusCode::OK).into_response(),
    }
}

fn unread_answer(source: &str, unread: &Unread) -> Response {
    debug!(source, ?unread, "webhook not read");
    match unread {
        Unread::TooLarge => {
            said(StatusCode::PAYLOAD_TOO_LARGE, &format!("at most {} bytes are accepted", body::MAX_BYTES))
        }
        Unread::TooSlow => said(StatusCode::REQUEST_TIMEOUT, "the body took too long"),
        Unread::Broken => said(StatusCode::BAD_REQUEST, "the body ended early"),
        Unread::Crowded => later("too much is being received at this moment"),
    }
}

/// Nothing is answered with success that is not stored.
fn not_stored(source: &str, error: &Error) -> Response {
    if error.is_passing() {
        warn!(source, %error, "a webhook could not be stored; the platform is asked to send it again");
    } else {
        error!(source, %error, "the database refused to store a webhook; the platform is asked to send it again");
    }
    later("it can't be stored now: send it again")
}

fn later(text: &str) -> Response {
    ([(RETRY_AFTER, RETRY_SECONDS)], said(StatusCode::SERVICE_UNAVAILABLE, text)).into_response()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_header_is_kept_that_proves_anything() {
        let mut headers = HeaderMap::new();
        for name in [
            "cookie",
            "authorization",
            "x-slack-signature",
            "x-hub-signature-256",
            "user-agent",
            "x-forwarded-for",
        ] {
            headers.insert(name, "canary".parse().unwrap());
        }
        headers.insert("content-type", "a".repeat(300).parse().unwrap());
        let expected = json!({ "content-type": "a".repeat(256), "user-agent": "canary" });
        assert_eq!(kept(&headers), expected);
    }
}
