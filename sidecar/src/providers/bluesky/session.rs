//! Sessions: opened with an app password, renewed with a refresh token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crier_core::error_class::ErrorClass;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use super::ENTRYWAY;

use super::oauth::server_of;
use super::syntax::{MAX_HANDLE, is_did};
use super::xrpc::{As, Xrpc, read};
use crate::address::{check_base, check_public};
use crate::providers::answer::{Phase, since_1970};
use crate::providers::failure::clean;
use crate::providers::{Caller, Failure, Lifetime, Login};
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
    refresh_jwt: SecretString,
    #[serde(default)]
    did_doc: Value,
    #[serde(default)]
    active: Option<bool>,
    #[serde(default)]
    status: Option<String>,
}

/// Only what a session needs: the old token is spent, so an odd field must not cost the new one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Renewed {
    access_jwt: SecretString,
    #[serde(default)]
    refresh_jwt: Option<SecretString>,
    #[serde(default)]
    did: Value,
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
    let answer = server.procedure(CREATE, As::Nobody, Some(("application/json", body))).await;
    let opened: Opened = read(Phase::Login, answer).map_err(second_factor)?;
    if opened.active == Some(false) {
        let status = opened.status.as_deref().unwrap_or("inactive");
        return Err(Failure::new(ErrorClass::AuthRevoked, format!("the account is {status}")));
    }
    let has_tokens = [&opened.access_jwt, &opened.refresh_jwt].iter().all(|t| !t.expose_secret().is_empty());
    if !is_did(&opened.did) || !has_tokens {
        return Err(unreadable("the answer names no account or no token"));
    }
    Ok(Login {
        base_url: home(base_url, &opened.did_doc)?,
        external_id: opened.did,
        handle: clean(&opened.handle, MAX_HANDLE),
        session: Session::new(opened.access_jwt, opened.refresh_jwt),
    })
}

/// Renews a session.
pub(super) async fn refresh(server: &Xrpc<'_>, caller: &Caller) -> Result<Session, Failure> {
    let answer = server.procedure(REFRESH, As::Token(&caller.session.refresh), None).await;
    renewed(caller, read(Phase::Refresh, answer)?)
}

fn renewed(caller: &Caller, answer: Renewed) -> Result<Session, Failure> {
    if answer.access_jwt.expose_secret().is_empty() {
        return Err(unreadable("the answer holds no token"));
    }
    if answer.did.as_str().is_some_and(|did| did != caller.account.external_id) {
        let message = "the server answered with the session of another account; connect the account again";
        return Err(Failure::new(ErrorClass::AuthRevoked, message));
    }
    let refresh = answer.refresh_jwt.unwrap_or_default();
    Ok(caller.session.renewed(Session::new(answer.access_jwt, refresh)))
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
fn home(base_url: &str, document: &Value) -> Result<String, Failure> {
    let endpoint = server_of(document).filter(|_| base_url == ENTRYWAY);
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::providers::Account;
    use serde_json::json;

    fn token(claims: &serde_json::Value) -> SecretString {
        format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims.to_string())).into()
    }

    #[test]
    fn tokens_tell_when_they_end() {
        let session = Session::new(
            token(&json!({ "iat": 1_000, "exp": 8_200, "scope": "x" })),
            token(&json!({ "exp": 9_000 })),
        );
        let seconds = |at| Some(UNIX_EPOCH + Duration::from_secs(at));
        let expected = Lifetime {
            issued_at: seconds(1_000),
            expires_at: seconds(8_200),
            refresh_expires_at: seconds(9_000),
        };
        assert_eq!(lifetime(&session), expected);
        for odd in ["", "a", "a.b", "a.!.c", "..", "e30.bnVsbA.x"] {
            let session = Session::new(odd.into(), odd.into());
            assert_eq!(lifetime(&session), Lifetime::default(), "{odd}");
        }
    }

    fn caller() -> Caller {
        let account = Account {
            id: uuid::Uuid::nil(),
            external_id: "did:plc:a".into(),
            handle: "a.test".into(),
            base_url: ENTRYWAY.into(),
            charges: Default::default(),
        };
        Caller { account, session: Session::new("a1".into(), "r1".into()) }
    }

    fn renew(answer: serde_json::Value) -> Result<(String, String), Failure> {
        let session = renewed(&caller(), serde_json::from_value(answer).unwrap())?;
        Ok((session.access.expose_secret().to_owned(), session.refresh.expose_secret().to_owned()))
    }

    #[test]
    fn a_refresh_needs_only_tokens() {
        let both = Ok(("a2".to_owned(), "r2".to_owned()));
        let tokens = json!({ "accessJwt": "a2", "refreshJwt": "r2" });
        assert_eq!(renew(tokens.clone()), both);
        for (name, value) in [
            ("did", json!("did:plc:a")),
            ("did", json!(null)),
            ("handle", json!(1)),
            ("didDoc", json!("x")),
            ("active", json!("yes")),
            ("status", json!({})),
        ] {
            let mut answer = tokens.clone();
            answer[name] = value;
            assert_eq!(renew(answer), both, "{name}");
        }
        let kept = renew(json!({ "accessJwt": "a2", "refreshJwt": null }));
        assert_eq!(kept, Ok(("a2".into(), "r1".into())));
    }

    #[test]
    fn a_session_of_another_account_is_refused() {
        let answer = json!({ "accessJwt": "a2", "refreshJwt": "r2", "did": "did:plc:b" });
        assert_eq!(renew(answer).unwrap_err().class, ErrorClass::AuthRevoked);
    }

    #[test]
    fn a_login_is_strict_about_tokens_only() {
        let answer = json!({ "did": "did:plc:a", "handle": "a.test", "accessJwt": "a", "refreshJwt": "r" });
        for (name, value, good) in [
            ("didDoc", json!({ "service": [{ "id": 7 }] }), true),
            ("didDoc", json!("x"), true),
            ("refreshJwt", json!(null), false),
            ("accessJwt", json!(1), false),
            ("did", json!(1), false),
        ] {
            let mut answer = answer.clone();
            answer[name] = value;
            assert_eq!(serde_json::from_value::<Opened>(answer).is_ok(), good, "{name}");
        }
    }

    #[test]
    fn only_the_entryway_sends_elsewhere() {
        let document = |endpoint: &str| {
            json!({ "service": [
                { "id": "#other", "serviceEndpoint": "https://no.example" },
                { "id": 1, "serviceEndpoint": {} },
                { "id": "did:plc:a#atproto_pds", "serviceEndpoint": endpoint },
            ] })
        };
        let public = document("https://morel.us-east.host.bsky.network/");
        let at_home = home(ENTRYWAY, &public).unwrap();
        assert_eq!(at_home, "https://morel.us-east.host.bsky.network");
        let named = home("http://127.0.0.1:2583", &public).unwrap();
        assert_eq!(named, "http://127.0.0.1:2583");
        for odd in [json!(null), json!("x"), json!({ "service": {} }), json!({ "service": [1, null] })] {
            assert_eq!(home(ENTRYWAY, &odd).unwrap(), ENTRYWAY, "{odd}");
        }
        for inward in
            ["http://127.0.0.1:1", "https://localhost", "https://10.0.0.1", "https://127.0.0.1", "x"]
        {
            assert!(home(ENTRYWAY, &document(inward)).is_err(), "{inward}");
        }
    }
}
