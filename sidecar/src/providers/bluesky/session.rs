//! Sessions: opened with an app password, renewed with a refresh token.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crier_core::error_class::ErrorClass;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::ENTRYWAY;
use super::classify::Phase;
use super::xrpc::{Xrpc, read};
use crate::address::{check_base, check_public};
use crate::providers::{Failure, Lifetime, Login};
use crate::secrets::Session;

const CREATE: &str = "com.atproto.server.createSession";
const REFRESH: &str = "com.atproto.server.refreshSession";

#[derive(Serialize)]
struct Credentials<'a> {
    identifier: &'a str,
    password: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Opened {
    did: String,
    handle: String,
    access_jwt: SecretString,
    #[serde(default)]
    refresh_jwt: SecretString,
    #[serde(default)]
    did_doc: Option<DidDocument>,
    #[serde(default)]
    active: Option<bool>,
    #[serde(default)]
    status: Option<String>,
}

#[derive(Deserialize)]
struct DidDocument {
    #[serde(default)]
    service: Vec<Service>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Service {
    id: String,
    #[serde(default)]
    service_endpoint: serde_json::Value,
}

/// Opens a session.
pub(super) async fn login(
    server: &Xrpc<'_>,
    base_url: &str,
    handle: &str,
    password: &SecretString,
) -> Result<Login, Failure> {
    let body = Credentials { identifier: handle.trim_start_matches('@'), password: password.expose_secret() };
    let body = serde_json::to_vec(&body).map_err(|_| unreadable("the credentials can't be written"))?;
    let answer = server.procedure(CREATE, None, Some(("application/json", body))).await;
    let opened: Opened = read(Phase::Login, answer).map_err(second_factor)?;
    if opened.active == Some(false) {
        let status = opened.status.as_deref().unwrap_or("inactive");
        return Err(Failure::new(ErrorClass::AuthRevoked, format!("the account is {status}")));
    }
    if !opened.did.starts_with("did:") || opened.access_jwt.expose_secret().is_empty() {
        return Err(unreadable("the answer names no account or no token"));
    }
    Ok(Login {
        base_url: home(base_url, opened.did_doc.as_ref())?,
        external_id: opened.did,
        handle: opened.handle,
        session: Session { access: opened.access_jwt, refresh: opened.refresh_jwt },
    })
}

/// Renews a session.
pub(super) async fn refresh(server: &Xrpc<'_>, session: &Session) -> Result<Session, Failure> {
    let answer = server.procedure(REFRESH, Some(&session.refresh), None).await;
    let opened: Opened = read(Phase::Refresh, answer)?;
    if opened.access_jwt.expose_secret().is_empty() {
        return Err(unreadable("the answer holds no token"));
    }
    Ok(session.renewed(Session { access: opened.access_jwt, refresh: opened.refresh_jwt }))
}

/// When tokens were made and when they end, as they say themselves. Nobody checks a signature here: the
/// server does, and a wrong time only makes a refresh early or late.
pub(super) fn lifetime(session: &Session) -> Lifetime {
    let access = claims(&session.access);
    Lifetime {
        issued_at: access.iat.map(since_1970),
        expires_at: access.exp.map(since_1970),
        refresh_expires_at: claims(&session.refresh).exp.map(since_1970),
    }
}

/// The server of the account. The entryway serves everyone, but the account lives on its own server.
/// Another server that was named is the one the operator wants.
fn home(base_url: &str, document: Option<&DidDocument>) -> Result<String, Failure> {
    let endpoint = document
        .filter(|_| base_url == ENTRYWAY)
        .and_then(|document| document.service.iter().find(|service| service.id.ends_with("#atproto_pds")))
        .and_then(|service| service.service_endpoint.as_str());
    let Some(endpoint) = endpoint else { return Ok(base_url.to_owned()) };
    // The account's owner wrote the document: it may not lead into our network, not even to loopback.
    let refused = |_| {
        Failure::new(
            ErrorClass::Config,
            "the account's document names a server that is not on the public internet",
        )
    };
    check_public(endpoint).and_then(|_| check_base(endpoint)).map_err(refused)
}

fn second_factor(failure: Failure) -> Failure {
    if failure.code.as_deref() != Some("AuthFactorTokenRequired") {
        return failure;
    }
    let message =
        "the account asks for a second factor; make an app password in the account's settings and use that";
    Failure { message: message.into(), ..failure }
}

fn unreadable(message: &str) -> Failure {
    Failure::new(ErrorClass::Transient, message)
}

#[derive(Default, Deserialize)]
struct Claims {
    iat: Option<u64>,
    exp: Option<u64>,
}

fn claims(token: &SecretString) -> Claims {
    let payload = token.expose_secret().split('.').nth(1).unwrap_or_default();
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).unwrap_or_default());
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn since_1970(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds.min(1 << 36))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn token(claims: &serde_json::Value) -> SecretString {
        format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims.to_string())).into()
    }

    #[test]
    fn tokens_tell_when_they_end() {
        let session = Session {
            access: token(&json!({ "iat": 1_000, "exp": 8_200, "scope": "x" })),
            refresh: token(&json!({ "exp": 9_000 })),
        };
        let seconds = |at| Some(UNIX_EPOCH + Duration::from_secs(at));
        let expected = Lifetime {
            issued_at: seconds(1_000),
            expires_at: seconds(8_200),
            refresh_expires_at: seconds(9_000),
        };
        assert_eq!(lifetime(&session), expected);
        for odd in ["", "a", "a.b", "a.!.c", "..", "e30.bnVsbA.x"] {
            let session = Session { access: odd.into(), refresh: odd.into() };
            assert_eq!(lifetime(&session), Lifetime::default(), "{odd}");
        }
    }

    #[test]
    fn only_the_entryway_sends_elsewhere() {
        let document = |endpoint: &str| DidDocument {
            service: vec![
                Service { id: "#other".into(), service_endpoint: json!("https://no.example") },
                Service { id: "did:plc:a#atproto_pds".into(), service_endpoint: json!(endpoint) },
            ],
        };
        let public = document("https://morel.us-east.host.bsky.network/");
        let at_home = home(ENTRYWAY, Some(&public)).unwrap();
        assert_eq!(at_home, "https://morel.us-east.host.bsky.network");
        let named = home("http://127.0.0.1:2583", Some(&public)).unwrap();
        assert_eq!(named, "http://127.0.0.1:2583");
        assert_eq!(home(ENTRYWAY, None).unwrap(), ENTRYWAY);
        for inward in
            ["http://127.0.0.1:1", "https://localhost", "https://10.0.0.1", "https://127.0.0.1", "x"]
        {
            assert!(home(ENTRYWAY, Some(&document(inward))).is_err(), "{inward}");
        }
    }
}
