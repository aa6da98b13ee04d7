//! A request, from its token to its answer.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::header::{
    AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LINK, LOCATION, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::time::timeout;
use tracing::{error, warn};
use url::form_urlencoded;

use super::Api;
use super::arguments::{self, Given};
use super::frame::RequestId;
use super::limit;
use super::machines::{self, KeyHash};
use super::once;
use super::route::{Answer, Route};
use super::states;
use super::tokens::{Identity, Refused};
use crate::db::api::{CallError, Clash, Outcome, Refusal, Terms};
use crate::error::Error;
use crate::http::body;
use crate::http::problem::Problem;
use crate::http::requests::Asking;

/// How long a call waits for a connection to the database. Whoever waits in vain is told so, and nothing was begun.
pub(in crate::http) const WAIT: Duration = Duration::from_secs(5);
/// How long all of a call may take but the statement itself.
pub(in crate::http) const AROUND: Duration = Duration::from_secs(10);
/// When to come again where it could not be done now.
const AGAIN: HeaderValue = HeaderValue::from_static("5");

/// Answers a request for a route.
pub(super) async fn answer(
    route: &'static Route,
    State(api): State<Arc<Api>>,
    path: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Response {
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let Ok(path) = path else {
        return Problem::new(StatusCode::BAD_REQUEST, "the address is no text")
            .because("malformed_path")
            .into_response();
    };
    match attempt(route, &api, &path, request, &id).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(route, &id),
    }
}

/// Why there is no answer.
enum NoAnswer {
    Problem(Problem),
    Token(Refused),
    /// Nothing was begun.
    Failed(Error),
    /// The request's key is of no use for it.
    Clash(Clash),
    Call(CallError, Doubt),
    TooSlow(Doubt),
}

/// What is known of a call that has had no answer.
#[derive(Clone, Copy)]
enum Doubt {
    /// That it has changed nothing.
    NothingDone,
    Unknown,
    /// No more, but that it is not done twice under its key.
    UnderKey,
}

impl From<Problem> for NoAnswer {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// Answers whoever may ask.
async fn attempt(
    route: &'static Route,
    api: &Api,
    path: &RawPathParams,
    request: Request,
    id: &str,
) -> Result<Response, NoAnswer> {
    let (head, body) = request.into_parts();
    let (identity, is_machine) = identify(api, &head.headers).await?;
    Asking::is(&head.extensions, identity.user);
    let counted = api.own.count_request(identity.user, route.counts_as.name()).await;
    let allowance = counted.map_err(NoAnswer::Failed)?;
    // nor is anybody a key because a token says so
    if allowance.api_key != is_machine.then_some(true) {
        return Err(NoAnswer::Token(if is_machine { Refused::NoSuchKey } else { Refused::Nobody }));
    }
    if !allowance.allowed {
        return Ok(limit::refused(&allowance));
    }
    let mut response = match do_as_asked(route, api, path, &identity, head, body).await {
        Ok(response) => response,
        Err(refused) => refused.into_response(route, id),
    };
    limit::told(response.headers_mut(), &allowance);
    Ok(response)
}

/// Does what is asked for, in the caller's name.
async fn do_as_asked(
    route: &'static Route,
    api: &Api,
    path: &RawPathParams,
    identity: &Identity,
    head: Parts,
    body: Body,
) -> Result<Response, NoAnswer> {
    let body = match route.in_body().next() {
        Some(_) => read_body(&head.headers, body, api.bounds.body).await?,
        None => Vec::new(),
    };
    let given =
        Given { path: path.iter().collect(), query: head.uri.query().unwrap_or_default(), body: &body };
    let arguments = arguments::read(route, &given)?;
    let key = once::key(route, &head.headers)?;
    let terms = Terms { claims: &identity.claims, reads: route.reads(), limit: api.bounds.statement };
    let call = async {
        match key {
            Some(key) => {
                let once = once::of(route, &arguments, key);
                api.db.call_once(terms, once, &route.function, &arguments).await
            }
            None => api.db.call(terms, &route.function, &arguments).await.map(Outcome::Rows),
        }
    };
    let doubt = match (route.reads(), key) {
        (true, _) => Doubt::NothingDone,
        (_, None) => Doubt::Unknown,
        (_, Some(_)) => Doubt::UnderKey,
    };
    let (rows, replayed) = match timeout(api.bounds.statement + AROUND, call).await {
        Ok(Ok(Outcome::Rows(rows))) => (rows, false),
        Ok(Ok(Outcome::Before(rows))) => (rows, true),
        Ok(Ok(Outcome::Clash(clash))) => return Err(NoAnswer::Clash(clash)),
        Ok(Err(error)) => return Err(NoAnswer::Call(error, doubt)),
        Err(_) => return Err(NoAnswer::TooSlow(doubt)),
    };
    let nothing = || Problem::new(StatusCode::NOT_FOUND, "there is no such thing").because("not_found");
    let mut response = written(route, &head.uri, route.answer.body(rows).ok_or_else(nothing)?);
    if replayed {
        response.headers_mut().insert(once::REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Who asks, and whether that is a machine.
async fn identify(api: &Api, headers: &HeaderMap) -> Result<(Identity, bool), NoAnswer> {
    let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = shown
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let token = token.ok_or(NoAnswer::Token(Refused::Malformed))?;
    if !machines::is_meant(token) {
        let person = api.verifier.verify(token, SystemTime::now()).await.map_err(NoAnswer::Token)?;
        return Ok((person, false));
    }
    let unknown = || NoAnswer::Token(Refused::NoSuchKey);
    let hash = KeyHash::of(token).ok_or_else(unknown)?;
    let machine = timeout(WAIT, api.machines.find(&api.own, hash)).await;
    let machine = machine.unwrap_or_else(|_| Err(Error::Unavailable("too many unknown API keys".into())));
    Ok((machine.map_err(NoAnswer::Failed)?.ok_or_else(unknown)?, true))
}

/// The bytes of a body, which has to be JSON.
async fn read_body(headers: &HeaderMap, body: Body, most: usize) -> Result<Vec<u8>, Problem> {
    let kind = headers.get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap_or_default());
    let is_json = |kind: &str| {
        kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
    };
    if kind.is_some_and(|kind| !is_json(kind)) {
        return Err(not_json());
    }
    let bytes = body::read_within(headers, body, most, |_| Ok(())).await.map_err(|why| why.problem(most))?;
    if kind.is_none() && !bytes.is_empty() {
        return Err(not_json());
    }
    Ok(bytes)
}

fn not_json() -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the body as Content-Type: application/json")
        .because("not_json")
}

fn written(route: &Route, uri: &Uri, body: Value) -> Response {
    let status = StatusCode::from_u16(route.answer.status()).unwrap_or(StatusCode::OK);
    let mut headers = HeaderMap::new();
    let mut put = |name: HeaderName, text: String| {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    };
    match route.answer {
        Answer::Done => return status.into_response(),
        Answer::Made(under) => {
            if let Some(id) = body["id"].as_str() {
                put(LOCATION, format!("{under}{id}"));
            }
        }
        Answer::Page(_) => {
            if let Some(cursor) = body["next_cursor"].as_str() {
                put(LINK, format!("<{}>; rel=\"next\"", next(uri, cursor)));
            }
        }
        _ => {}
    }
    (status, headers, axum::Json(body)).into_response()
}

/// The address of the page after this one.
fn next(uri: &Uri, cursor: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        if name != "cursor" {
            query.append_pair(&name, &value);
        }
    }
    format!("{}?{}", uri.path(), query.append_pair("cursor", cursor).finish())
}

impl NoAnswer {
    fn into_response(self, route: &Route, id: &str) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Token(Refused::NoKeys) => {
                not_now(Problem::new(StatusCode::SERVICE_UNAVAILABLE, Refused::NoKeys.to_string()))
            }
            Self::Token(refused) => unauthorized(&refused),
            Self::Call(CallError::Refused(refusal), _) => refused_by_sql(refusal, route, id),
            Self::Clash(clash) => match once::refused(clash) {
                (problem, true) => not_now(problem),
                (problem, false) => problem.into_response(),
            },
            Self::Failed(error) => failed(&error, route, id, Doubt::NothingDone),
            Self::Call(CallError::NotBegun(error), _) => failed(&error, route, id, Doubt::NothingDone),
            Self::Call(CallError::Failed(error), doubt) => failed(&error, route, id, doubt),
            Self::TooSlow(doubt) => {
                warn!(function = route.function.name, "a call took too long");
                not_now(unavailable(doubt))
            }
        }
    }
}

fn unauthorized(refused: &Refused) -> Response {
    let problem = Problem::new(StatusCode::UNAUTHORIZED, refused.to_string()).because("unauthorized");
    let mut response = problem.into_response();
    let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

/// What SQL says to the caller, unless it is our fault.
fn refused_by_sql(refusal: Refusal, route: &Route, id: &str) -> Response {
    let status = match states::status(&refusal.state) {
        // Not by a function of Crier, which gives a reason: a right that a role lacks, and is ours to give.
        StatusCode::FORBIDDEN if refusal.reason.is_none() => StatusCode::INTERNAL_SERVER_ERROR,
        status => status,
    };
    if status.is_server_error() {
        let Refusal { state, message, .. } = &refusal;
        error!(function = route.function.name, state, message, "a call failed");
        let problem = match status {
            StatusCode::INTERNAL_SERVER_ERROR => internal(id),
            StatusCode::GATEWAY_TIMEOUT => Problem::new(status, "it took too long, and was not done"),
            _ => Problem::new(status, "the database can't do it now"),
        };
        return not_now(problem);
    }
    let detail = match (status, &refusal.reason) {
        // the server's own words name constraints
        (StatusCode::CONFLICT, None) => "others are at it, or it is there already".into(),
        _ => refusal.message,
    };
    let mut problem = Problem::new(status, detail);
    problem.reason = refusal.reason.map(Into::into);
    problem.code = Some(refusal.state.into());
    problem.hint = refusal.hint.map(Into::into);
    match status {
        StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS => not_now(problem),
        _ => problem.into_response(),
    }
}

fn failed(error: &Error, route: &Route, id: &str, doubt: Doubt) -> Response {
    let function = route.function.name;
    if error.is_passing() {
        warn!(function, %error, "a call failed");
        not_now(unavailable(doubt))
    } else {
        error!(function, %error, "a call failed");
        internal(id).into_response()
    }
}

fn internal(id: &str) -> Problem {
    let detail = format!("something went wrong here; it stands in the log of crierd as {id}");
    let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail).because("internal");
    Problem { request_id: Some(id.into()), ..problem }
}

fn unavailable(doubt: Doubt) -> Problem {
    let detail = match doubt {
        Doubt::NothingDone => "too many ask at once, or the database does not answer; nothing was done",
        Doubt::Unknown => {
            "the database does not answer; whether it was done is not known: look before you repeat it"
        }
        Doubt::UnderKey => {
            "the database does not answer; whether it was done is not known: send it again with the same Idempotency-Key"
        }
    };
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).because("unavailable")
}

fn not_now(problem: Problem) -> Response {
    let mut response = problem.into_response();
    response.headers_mut().insert(RETRY_AFTER, AGAIN);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_asked_for_with_the_same_filters() {
        let of = |uri: &str| next(&uri.parse().unwrap(), "a b&c");
        assert_eq!(of("/v1/posts"), "/v1/posts?cursor=a+b%26c");
        assert_eq!(
            of("/v1/posts?limit=5&cursor=old&tag=a%26b"),
            "/v1/posts?limit=5&tag=a%26b&cursor=a+b%26c"
        );
        assert!(!of("/v1/posts?tag=%3E%22").contains(['>', '"']));
    }
}
