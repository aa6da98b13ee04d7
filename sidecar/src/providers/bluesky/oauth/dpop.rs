//! Calls with a proof that the caller has the key of the session (RFC 9449). A token that somebody steals is of no use without.

use std::time::SystemTime;

use reqwest::header::{HeaderName, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::nonces::{Nonces, Side};
use crate::client::{Answer, CallError, Client};
use crate::error::Error;
use crate::providers::answer::seconds_since_1970;
use crate::providers::redact::Secrets;
use crate::secrets::Es256;
use crate::secrets::unguessable::{digest, unguessable};

const DPOP: HeaderName = HeaderName::from_static("dpop");
/// The error by which a server asks for its nonce.
pub(in crate::providers::bluesky) const USE_NONCE: &str = "use_dpop_nonce";
/// What is larger is no error of a server that could say a proof back.
const MAX_SAID_BACK: usize = 64 * 1024;

/// Who proves what to whom.
#[derive(Clone, Copy)]
pub(in crate::providers::bluesky) struct Prover<'a> {
    pub(in crate::providers::bluesky) client: &'a Client,
    pub(in crate::providers::bluesky) nonces: &'a Nonces,
    pub(in crate::providers::bluesky) side: Side,
    pub(in crate::providers::bluesky) key: &'a Es256,
    /// The access token that goes with the proof.
    pub(in crate::providers::bluesky) access: Option<&'a SecretString>,
}

impl Prover<'_> {
    /// Sends what `build` makes of a request, and once more where the server asks for its nonce: it has done nothing then.
    /// `build` gives nothing where it can't build another time: then the first answer stands.
    pub(in crate::providers::bluesky) async fn call(
        &self,
        method: Method,
        url: &str,
        mut build: impl FnMut(RequestBuilder) -> Option<RequestBuilder>,
    ) -> Result<Answer, CallError> {
        let mut asked = self.nonces.of(self.side, url);
        let mut first = None;
        for _ in 0..2 {
            let Some(request) = build(self.client.request(method.clone(), url)) else { break };
            let proof = self.proof(&method, url, asked.as_deref(), SystemTime::now());
            // nothing was sent: there is no proof to send
            let proof = proof.map_err(|error| CallError::NotSent(error.to_string()))?;
            let mut answer = self.client.send(self.proven(request, &proof)).await?;
            hide(&proof, &mut answer);
            let told = self.nonces.learn(self.side, url, &answer.headers);
            if !wants_nonce(self.side, &answer) || told.is_none() || told == asked {
                return Ok(answer);
            }
            (asked, first) = (told, Some(answer));
        }
        first.ok_or_else(|| CallError::NotSent("there is nothing to send".into()))
    }

    /// A proof for one call: good once, for a short time, for this method and address.
    fn proof(
        &self,
        method: &Method,
        url: &str,
        nonce: Option<&str>,
        now: SystemTime,
    ) -> Result<SecretString, Error> {
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.key.jwk() });
        let mut claims = json!({
            "jti": unguessable()?,
            "htm": method.as_str(),
            "htu": url.split(['?', '#']).next().unwrap_or_default(),
            "iat": seconds_since_1970(now),
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        if let Some(access) = self.access {
            claims["ath"] = digest(access.expose_secret()).into();
        }
        self.key.sign(&header, &claims)
    }

    /// The request with the proof, and the token if there is one. No debug output shows either.
    fn proven(&self, request: RequestBuilder, proof: &SecretString) -> RequestBuilder {
        let request = match sensitive(proof.expose_secret()) {
            Some(value) => request.header(DPOP, value),
            None => request,
        };
        let token = self.access.map(|access| Zeroizing::new(format!("DPoP {}", access.expose_secret())));
        match token.and_then(|token| sensitive(&token)) {
            Some(value) => request.header(reqwest::header::AUTHORIZATION, value),
            None => request,
        }
    }
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Whether the server has refused a call for its nonce alone. The issuer says so with 400, the account's server with 401.
fn wants_nonce(side: Side, answer: &Answer) -> bool {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let by_body = body["error"] == USE_NONCE;
    match side {
        Side::Issuer => answer.status == 400 && by_body,
        Side::Account => answer.status == 401 && (by_body || is_challenge(answer)),
    }
}

/// `WWW-Authenticate: DPoP error="use_dpop_nonce", …`
fn is_challenge(answer: &Answer) -> bool {
    let named = format!("error=\"{USE_NONCE}\"");
    let mut challenges =
        answer.headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    challenges.any(|text| {
        text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("dpop ")) && text.contains(&named)
    })
}

/// A server that says a signed token back shows it to nobody.
pub(super) fn hide(proof: &SecretString, answer: &mut Answer) {
    if answer.body.len() > MAX_SAID_BACK {
        return;
    }
    let signature = proof.expose_secret().rsplit('.').next().unwrap_or_default();
    let Ok(text) = std::str::from_utf8(&answer.body) else { return };
    let mut text = Zeroizing::new(text.to_owned());
    Secrets::of(&signature.into()).hide(&mut text);
    if text.as_bytes() != answer.body.as_slice() {
        answer.body = Zeroizing::new(text.as_bytes().to_vec());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::answer::fixtures::{answer, now};
    use crate::secrets::es256::verified;

    fn proof(url: &str, nonce: Option<&str>, access: Option<&str>) -> (Value, Value) {
        let (client, nonces, key) = (Client::new().unwrap(), Nonces::default(), Es256::generate().unwrap());
        let access = access.map(SecretString::from);
        let prover = Prover {
            client: &client,
            nonces: &nonces,
            side: Side::Account,
            key: &key,
            access: access.as_ref(),
        };
        let proof = prover.proof(&Method::POST, url, nonce, now()).unwrap();
        let (header, claims) = verified(proof.expose_secret(), &key.jwk());
        assert_eq!(header, json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": key.jwk() }));
        assert!(header["jwk"].get("d").is_none());
        let request = prover.proven(client.request(Method::POST, url), &proof);
        let shown = format!("{request:?}");
        assert!(!shown.contains(proof.expose_secret()) && !shown.contains("canary"), "{shown}");
        (header, claims)
    }

    #[test]
    fn a_proof_names_the_call_and_nothing_of_its_query() {
        let (_, claims) = proof("https://pds.example/xrpc/a.b?c=d#e", None, None);
        assert_eq!(claims["htm"], "POST");
        assert_eq!(claims["htu"], "https://pds.example/xrpc/a.b");
        assert_eq!(claims["iat"], 1_795_000_000);
        assert!(claims.get("nonce").is_none() && claims.get("ath").is_none());
        let (_, other) = proof("https://pds.example/xrpc/a.b", None, None);
        assert_ne!(claims["jti"], other["jti"]);
    }

    #[test]
    fn a_proof_goes_with_its_nonce_and_its_token() {
        let (_, claims) =
            proof("https://pds.example/", Some("n"), Some("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"));
        assert_eq!(claims["nonce"], "n");
        assert_eq!(claims["ath"], "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
        proof("https://pds.example/", None, Some("canary-token"));
    }

    #[test]
    fn a_nonce_is_asked_for_in_two_ways() {
        let named = r#"{"error":"use_dpop_nonce","error_description":"x"}"#;
        let challenge =
            [("www-authenticate".to_owned(), r#"DPoP error="use_dpop_nonce", algs="ES256""#.to_owned())];
        let bearer = [("www-authenticate".to_owned(), r#"Bearer error="use_dpop_nonce""#.to_owned())];
        for (side, answer, wants) in [
            (Side::Issuer, answer(400, &[], named), true),
            (Side::Issuer, answer(401, &[], named), false),
            (Side::Issuer, answer(400, &challenge, "{}"), false),
            (Side::Account, answer(401, &[], named), true),
            (Side::Account, answer(401, &challenge, "{}"), true),
            (Side::Account, answer(401, &bearer, "{}"), false),
            (Side::Account, answer(400, &challenge, named), false),
            (Side::Account, answer(200, &challenge, named), false),
            (Side::Account, answer(401, &[], r#"{"error":"invalid_token"}"#), false),
        ] {
            assert_eq!(wants_nonce(side, &answer), wants, "{side:?} {}", answer.status);
        }
    }

    #[test]
    fn a_proof_that_is_said_back_is_hidden() {
        let key = Es256::generate().unwrap();
        let proof = key.sign(&json!({}), &json!({})).unwrap();
        let signature = proof.expose_secret().rsplit('.').next().unwrap();
        let body = json!({ "error": "x", "message": format!("not {}", proof.expose_secret()) }).to_string();
        let mut said = answer(400, &[], &body);
        hide(&proof, &mut said);
        let text = String::from_utf8(said.body.to_vec()).unwrap();
        assert!(!text.contains(signature) && text.contains("[redacted]"), "{text}");
        assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
        let mut other = answer(200, &[], "\u{e9} other");
        hide(&proof, &mut other);
        assert_eq!(other.body.as_slice(), "\u{e9} other".as_bytes());
    }
}
