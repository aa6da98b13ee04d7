//! Callers' tokens: JSON Web Tokens of whoever knows the users, signed with a secret (HS256) or with a key whose public half is
//! known (RS256, ES256).
//!
//! The key decides by which algorithm it is used; what a token says of itself only chooses among keys of that kind. So no public
//! key is ever taken for a secret, and `none` is no algorithm.

mod keys;
#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::client::Client;
use crate::config::Tokens;
use crate::error::Error;
use keys::{Algorithm, Keys};

/// Longer ones are not read.
const MAX_LEN: usize = 8 * 1024;

/// Verifies tokens.
pub(in crate::http) struct Verifier {
    keys: Keys,
    issuer: Option<String>,
    audience: Option<String>,
    leeway: Duration,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) struct Identity {
    pub(in crate::http) user: Uuid,
    /// All claims of the token, as JSON.
    pub(in crate::http) claims: String,
}

/// Why a token says nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::http) enum Refused {
    #[error("the token is not a JSON Web Token of three parts")]
    Malformed,
    #[error("the token is signed by {0}, which is not accepted here")]
    Algorithm(String),
    #[error("the token names a key that is not known")]
    UnknownKey,
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token has no time of its end (exp)")]
    Endless,
    #[error("the token has ended")]
    Ended,
    #[error("the token is not valid yet")]
    Early,
    #[error("the token is for somebody else (aud)")]
    Audience,
    #[error("the token is from somebody else (iss)")]
    Issuer,
    #[error("the token names no user: its sub has to be a UUID")]
    Nobody,
    #[error("the API key is not known, was revoked, or has expired")]
    NoSuchKey,
    /// Not the caller's fault.
    #[error("the keys that tokens are verified by can't be fetched")]
    NoKeys,
}

/// What of a token's head is read.
#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    /// Extensions that must be understood: none is.
    crit: Option<Value>,
}

impl Verifier {
    /// Reads the files.
    pub(super) fn load(tokens: &Tokens, client: Client) -> Result<Self, Error> {
        Ok(Self {
            keys: Keys::load(tokens, client)?,
            issuer: tokens.issuer.clone(),
            audience: tokens.audience.clone(),
            leeway: tokens.leeway,
        })
    }

    /// Whom a token names.
    pub(in crate::http) async fn verify(&self, token: &str, now: SystemTime) -> Result<Identity, Refused> {
        let parts: Vec<&str> = if token.len() > MAX_LEN { Vec::new() } else { token.split('.').collect() };
        let [head, body, signature] = parts[..] else { return Err(Refused::Malformed) };
        let head: Head = serde_json::from_slice(&decoded(head)?).map_err(|_| Refused::Malformed)?;
        if head.crit.is_some() {
            return Err(Refused::Malformed);
        }
        let algorithm = Algorithm::named(&head.alg).ok_or_else(|| Refused::Algorithm(shown(&head.alg)))?;
        let key = self.keys.find(algorithm, head.kid.as_deref()).await?;
        let signed = &token[..token.len() - signature.len() - 1];
        if !key.verifies(signed.as_bytes(), &decoded(signature)?) {
            return Err(Refused::Signature);
        }
        let claims: Map<String, Value> =
            serde_json::from_slice(&decoded(body)?).map_err(|_| Refused::Malformed)?;
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.check(claims, since)
    }

    /// What its signature covers.
    fn check(&self, claims: Map<String, Value>, now: Duration) -> Result<Identity, Refused> {
        let (now, leeway) = (now.as_secs_f64(), self.leeway.as_secs_f64());
        // Times that are there and are no numbers are not taken for times that are not there.
        let time = |name: &str| match claims.get(name) {
            None => Ok(None),
            Some(value) => value.as_f64().map(Some).ok_or(Refused::Malformed),
        };
        if now >= time("exp")?.ok_or(Refused::Endless)? + leeway {
            return Err(Refused::Ended);
        }
        if time("nbf")?.is_some_and(|from| now + leeway < from) {
            return Err(Refused::Early);
        }
        if let Some(issuer) = &self.issuer
            && claims.get("iss").and_then(Value::as_str) != Some(issuer)
        {
            return Err(Refused::Issuer);
        }
        if let Some(audience) = &self.audience {
            let is_for_us = match claims.get("aud") {
                Some(Value::Array(list)) => list.iter().any(|one| one.as_str() == Some(audience)),
                Some(one) => one.as_str() == Some(audience),
                None => false,
            };
            if !is_for_us {
                return Err(Refused::Audience);
            }
        }
        // As it is written everywhere: the database reads the same text.
        let sub = claims.get("sub").and_then(Value::as_str).filter(|text| text.len() == 36);
        let user = sub.and_then(|text| Uuid::try_parse(text).ok());
        let user = user.ok_or(Refused::Nobody)?;
        // Written anew: the database reads what was read here, also where a claim stood there twice.
        Ok(Identity { user, claims: Value::Object(claims).to_string() })
    }
}

fn decoded(part: &str) -> Result<Vec<u8>, Refused> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Malformed)
}

/// What a stranger calls an algorithm, as far as it is shown.
fn shown(name: &str) -> String {
    name.chars().filter(char::is_ascii_graphic).take(20).collect()
}
