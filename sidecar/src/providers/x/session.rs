//! Sessions: tokens that were made for the operator's app, renewed with a refresh token that is good once.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crier_core::error_class::ErrorClass;
use crier_core::platform::x::PLATFORM;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded;

use super::api::{Api, is_id, read};
use super::tweet::is_handle;
use crate::client::basic;
use crate::providers::answer::{Phase, since_1970};
use crate::providers::{App, Caller, Failure, Lifetime, Login};
use crate::secrets::Session;

/// No access token is believed to be good for longer.
const MAX_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Deserialize)]
struct Me {
    data: User,
}

#[derive(Deserialize)]
struct User {
    id: String,
    username: String,
}

/// Only what a session needs: the old token is spent, so an odd field must not cost the new one.
#[derive(Deserialize)]
struct Renewed {
    access_token: SecretString,
    #[serde(default)]
    refresh_token: Option<SecretString>,
    #[serde(default)]
    expires_in: Value,
}

/// Finds out whose tokens these are.
pub(super) async fn login(
    server: &Api<'_>,
    base_url: &str,
    handle: &str,
    secret: &SecretString,
) -> Result<Login, Failure> {
    let (access, refresh) = match secret.expose_secret().split_once(':') {
        Some((access, refresh)) => (access, refresh),
        None => (secret.expose_secret(), ""),
    };
    let session = Session::new(access.into(), refresh.into());
    let (id, username) = whose(&server.with(&session)).await?;
    if !username.eq_ignore_ascii_case(handle.trim_start_matches('@')) {
        let message = format!("the access token is of @{username}");
        return Err(Failure::new(ErrorClass::Config, message));
    }
    // When it was made is not known: it ends at the latest so much later.
    let session = lasting(session, PLATFORM.token_life.unwrap_or(MAX_LIFE), SystemTime::now());
    Ok(Login { external_id: id, handle: username, base_url: base_url.to_owned(), session })
}

/// The id and the name of the account that the session is of.
pub(super) async fn whose(server: &Api<'_>) -> Result<(String, String), Failure> {
    let me: Me = read(Phase::Login, server.get("users/me", &[]).await)?;
    let User { id, username } = me.data;
    if !is_id(&id) || !is_handle(&username) {
        return Err(Failure::new(ErrorClass::Transient, "the answer names no account"));
    }
    Ok((id, username))
}

/// Tokens that were made now, with what the platform says of their life.
pub(super) fn made(session: Session, expires_in: &Value, now: SystemTime) -> Session {
    let life = expires_in.as_u64().map(Duration::from_secs).or(PLATFORM.token_life);
    lasting(session, life.unwrap_or(MAX_LIFE), now)
}

/// Buys new tokens.
pub(super) async fn refresh(
    server: &Api<'_>,
    app: Option<&App>,
    caller: &Caller,
) -> Result<Session, Failure> {
    if caller.session.refresh.expose_secret().is_empty() {
        let message = "the account has no refresh token: connect it again with `crierd account add x` and \
                       both tokens, `access token:refresh token`";
        return Err(Failure::new(ErrorClass::AuthRevoked, message));
    }
    let app = app.ok_or_else(|| {
        let message = "X renews tokens only for the app they were made for: set platforms.x.client_id \
                       (CRIER_X_CLIENT_ID) and, if the app has one, platforms.x.client_secret_file";
        Failure::new(ErrorClass::Config, message)
    })?;
    let request = server.request(Method::POST, "oauth2/token");
    let request = match &app.client_secret {
        Some(secret) => basic(request, &app.client_id, secret),
        None => request,
    };
    let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let answer = server.send(request.body(form(app, &caller.session.refresh))).await;
    Ok(renewed(&caller.session, read(Phase::Refresh, answer)?, SystemTime::now()))
}

/// An app with a secret says who it is by that, one without in the form.
fn form(app: &App, refresh: &SecretString) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "refresh_token").append_pair("refresh_token", refresh.expose_secret());
    if app.client_secret.is_none() {
        form.append_pair("client_id", &app.client_id);
    }
    form.finish()
}

fn renewed(old: &Session, answer: Renewed, now: SystemTime) -> Session {
    let new = Session::new(answer.access_token, answer.refresh_token.unwrap_or_default());
    old.renewed(made(new, &answer.expires_in, now))
}

/// Tokens are opaque: when they end is written beside them.
fn lasting(session: Session, life: Duration, now: SystemTime) -> Session {
    let ends = now + life.min(MAX_LIFE);
    Session { expires_at: ends.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs()), ..session }
}

/// When they end. X doesn't say how long a refresh token is good.
pub(super) fn lifetime(session: &Session) -> Lifetime {
    Lifetime { expires_at: session.expires_at.map(since_1970), ..Lifetime::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn now() -> SystemTime {
        since_1970(1_795_000_000)
    }

    fn renew(answer: Value) -> (String, String, Option<u64>) {
        let old = Session::new("a1".into(), "r1".into());
        let new = renewed(&old, serde_json::from_value(answer).unwrap(), now());
        let shown = |token: &SecretString| token.expose_secret().to_owned();
        (shown(&new.access), shown(&new.refresh), new.expires_at)
    }

    #[test]
    fn a_refresh_needs_only_an_access_token() {
        let all = json!({ "access_token": "a2", "refresh_token": "r2", "expires_in": 60, "scope": 1 });
        assert_eq!(renew(all), ("a2".into(), "r2".into(), Some(1_795_000_060)));
        for odd in [json!(null), json!("7200"), json!(-1), json!({})] {
            let answer = json!({ "access_token": "a2", "expires_in": odd });
            assert_eq!(renew(answer), ("a2".into(), "r1".into(), Some(1_795_007_200)), "{odd}");
        }
        let long = json!({ "access_token": "a2", "expires_in": u64::MAX });
        assert_eq!(renew(long).2, Some(1_795_086_400));
        assert!(serde_json::from_value::<Renewed>(json!({ "refresh_token": "r2" })).is_err());
    }

    #[test]
    fn an_opaque_token_tells_when_it_ends_by_what_stands_beside_it() {
        let session = lasting(Session::new("a".into(), "r".into()), Duration::from_secs(7_200), now());
        let expected = Lifetime { expires_at: Some(since_1970(1_795_007_200)), ..Lifetime::default() };
        assert_eq!(lifetime(&session), expected);
        assert_eq!(lifetime(&Session::new("a".into(), "r".into())), Lifetime::default());
    }

    #[test]
    fn only_an_app_without_a_secret_names_itself_in_the_form() {
        let app = |client_secret| App { client_id: "i&d".into(), client_secret };
        let refresh = "r=1".into();
        assert_eq!(form(&app(Some("s".into())), &refresh), "grant_type=refresh_token&refresh_token=r%3D1");
        assert_eq!(
            form(&app(None), &refresh),
            "grant_type=refresh_token&refresh_token=r%3D1&client_id=i%26d"
        );
    }
}
