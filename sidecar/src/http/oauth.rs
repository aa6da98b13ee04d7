//! `/oauth/…`: what browsers of people see who connect an account. Addresses here carry secrets that are good once: none is
//! logged, kept in a cache or passed on as a referrer.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use secrecy::{ExposeSecret, SecretString};
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::{body, page};
use crate::connect::{Answer, Connector, Cookie, End, Outcome, Reason, failed};

/// A choice between a hundred accounts is smaller.
const MAX_FORM: usize = 32 * 1024;
/// A little longer than all steps together may take.
const COOKIE_SECONDS: u32 = 60 * 60;

pub(super) fn router(connector: Connector) -> Router {
    Router::new()
        .route("/oauth/{platform}/start", get(start))
        .route("/oauth/{platform}/callback", get(callback))
        .route("/oauth/{platform}/callback/{server}", get(callback_of_server))
        .route("/oauth/choose", post(choose))
        .route("/oauth/finish", get(finish))
        .with_state(connector)
}

async fn start(
    State(connector): State<Connector>,
    method: Method,
    Path(platform): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    // What only looks at links must not use one up.
    if method != Method::GET {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let mut params = Params::of(query.as_deref().unwrap_or_default());
    let Some(ticket) = params.take("ticket") else { return ended(Reason::Malformed.into()) };
    match connector.start(&platform, &ticket).await {
        Ok(started) => {
            let mut response = redirect(started.authorize_url.expose_secret());
            if let Some(cookie) = set_cookie(&started.cookie) {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            response
        }
        Err(end) => ended(end),
    }
}

async fn callback(
    state: State<Connector>,
    method: Method,
    Path(platform): Path<String>,
    query: RawQuery,
    headers: HeaderMap,
) -> Response {
    answered(state, method, &format!("/oauth/{platform}/callback"), query, &headers).await
}

async fn callback_of_server(
    state: State<Connector>,
    method: Method,
    Path((platform, server)): Path<(String, String)>,
    query: RawQuery,
    headers: HeaderMap,
) -> Response {
    answered(state, method, &format!("/oauth/{platform}/callback/{server}"), query, &headers).await
}

async fn answered(
    State(connector): State<Connector>,
    method: Method,
    path: &str,
    RawQuery(query): RawQuery,
    headers: &HeaderMap,
) -> Response {
    if method != Method::GET {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let mut params = Params::of(query.as_deref().unwrap_or_default());
    if params.is_ambiguous(&["state", "code", "session", "error", "iss"]) {
        return ended(Reason::Malformed.into());
    }
    // MiAuth of Misskey knows no code: what comes back is the name of the session
    let code = params.take("code").or_else(|| params.take("session"));
    let answer = Answer {
        state: params.take("state").map(secret),
        code: code.map(secret),
        error: params.take("error").map(|error| error.to_string()),
        iss: params.take("iss").map(|iss| iss.to_string()),
    };
    reply(connector.answer(path, answer, cookies(headers)).await, &connector)
}

async fn choose(State(connector): State<Connector>, headers: HeaderMap, form: Body) -> Response {
    let form = match body::read(&headers, form, MAX_FORM).await {
        Ok(form) => form,
        Err(unread) => return unread.status().into_response(),
    };
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let text =
        std::str::from_utf8(&form).ok().filter(|_| kind.starts_with("application/x-www-form-urlencoded"));
    let Some(text) = text else { return ended(Reason::Malformed.into()) };
    let mut params = Params::of(text);
    let Some(choice) = params.take("choice") else { return ended(Reason::Malformed.into()) };
    let canceled = params.take("cancel").is_some();
    let chosen: Vec<String> = match canceled {
        true => Vec::new(),
        false => std::iter::from_fn(|| params.take("account")).map(|id| id.to_string()).collect(),
    };
    reply(connector.choose(&choice, &chosen, cookies(&headers)).await, &connector)
}

async fn finish(
    State(connector): State<Connector>,
    method: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if method != Method::GET {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let mut params = Params::of(query.as_deref().unwrap_or_default());
    let Some(ticket) = params.take("ticket") else { return ended(Reason::Malformed.into()) };
    reply(connector.conclude(&ticket, cookies(&headers)).await, &connector)
}

fn reply(outcome: Result<Outcome, End>, connector: &Connector) -> Response {
    match outcome {
        Ok(Outcome::Back(url)) => redirect(url.as_str()),
        Ok(Outcome::Choose(offered)) => {
            let action = format!("{}/oauth/choose", connector.public_url().unwrap_or_default());
            page::choose(&offered, &action)
        }
        Err(end) => ended(end),
    }
}

/// The person goes back to the application with a word, or reads a sentence here where nobody knows where to.
fn ended(End { reason, back }: End) -> Response {
    match back {
        Some(back) => redirect(failed(&back, reason).as_str()),
        None => page::ended(reason),
    }
}

fn redirect(to: &str) -> Response {
    let Ok(mut location) = HeaderValue::from_str(to) else { return page::ended(Reason::Internal) };
    location.set_sensitive(true);
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response();
    page::keep_secret(response.headers_mut());
    response
}

fn set_cookie(cookie: &Cookie) -> Option<HeaderValue> {
    let secure = if cookie.secure { "; Secure" } else { "" };
    let text = Zeroizing::new(format!(
        "{}={}; Path=/; Max-Age={COOKIE_SECONDS}; HttpOnly; SameSite=Lax{secure}",
        cookie.name,
        cookie.value.expose_secret()
    ));
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The value of a cookie by its name.
fn cookies(headers: &HeaderMap) -> impl Fn(&str) -> Option<String> {
    move |name| {
        let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = pairs.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(given, _)| *given == name).map(|(_, value)| value.to_owned())
    }
}

fn secret(text: Zeroizing<String>) -> SecretString {
    text.as_str().into()
}

/// The parameters of a query or a form; wiped when dropped.
struct Params(Vec<(String, Zeroizing<String>)>);

impl Params {
    fn of(text: &str) -> Self {
        let pairs = form_urlencoded::parse(text.as_bytes());
        Self(pairs.map(|(name, value)| (name.into_owned(), Zeroizing::new(value.into_owned()))).collect())
    }

    /// The first value of a name that is not empty; it is there once less then.
    fn take(&mut self, name: &str) -> Option<Zeroizing<String>> {
        let at = self.0.iter().position(|(given, value)| given == name && !value.is_empty())?;
        Some(self.0.remove(at).1)
    }

    /// Whether one of these is there twice: readers would not agree which counts (RFC 6749, 3.1).
    fn is_ambiguous(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.0.iter().filter(|(given, _)| given == name).count() > 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_is_there_twice_is_no_answer() {
        let mut params = Params::of("state=a%26&code=&state=b&x");
        assert!(params.is_ambiguous(&["state"]) && !params.is_ambiguous(&["code", "x"]));
        assert_eq!(params.take("state").unwrap().as_str(), "a&");
        assert_eq!(params.take("state").unwrap().as_str(), "b");
        assert!(params.take("state").is_none() && params.take("code").is_none());
    }

    #[test]
    fn cookies_are_found_by_their_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; __Host-crier-login-x=y=z"));
        headers.append(COOKIE, HeaderValue::from_static("b=2"));
        let find = cookies(&headers);
        assert_eq!(find("__Host-crier-login-x").as_deref(), Some("y=z"));
        assert_eq!((find("b").as_deref(), find("crier-login-x")), (Some("2"), None));
    }

    #[test]
    fn a_cookie_is_for_this_host_alone() {
        let cookie = |secure| Cookie { name: "n".into(), value: "v".into(), secure };
        let text = |secure| set_cookie(&cookie(secure)).unwrap().to_str().unwrap().to_owned();
        assert_eq!(text(true), "n=v; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure");
        assert!(!text(false).contains("Secure"));
    }
}
