//! What people say who are asked whether an app may act for them, and the codes that come of it: the same on every platform.
//! Nobody clicks here: a setting says who is logged in and what they answer.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use hyper::header::{HeaderValue, LOCATION};
use hyper::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a test can set.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Consent {
    /// The handle of who is logged in and says yes. Without one, the page stays as it is.
    pub(super) approve_as: Option<String>,
    /// They say no.
    pub(super) deny: bool,
    /// The scopes they take out.
    pub(super) withhold: BTreeSet<String>,
    /// Who the answer says that it comes from.
    pub(super) iss: Option<String>,
    /// What the answer says in the place of its state.
    pub(super) state: Option<String>,
    /// How long a code is good; 0: as long as the platform's.
    pub(super) code_seconds: f64,
}

/// What an app asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) client: String,
    pub(super) redirect_uri: String,
    pub(super) state: String,
    pub(super) scopes: Vec<String>,
    /// S256, where the app sends one.
    pub(super) challenge: Option<String>,
}

/// A code that was given.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) account: String,
    pub(super) scopes: Vec<String>,
    client: String,
    redirect_uri: String,
    challenge: Option<String>,
    ends: SystemTime,
    used: bool,
}

/// The codes that were given.
#[derive(Default)]
pub(super) struct Codes(HashMap<String, Code>);

/// Why a code is not good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// It never was, is too old, or belongs to another app, address or verifier.
    Unknown,
    /// It was used before: what it gave ends.
    Used {
        /// Whose.
        account: String,
    },
}

impl Codes {
    /// Sends the person back with the answer that is set; nothing where nobody is logged in.
    pub(super) fn answer(
        &mut self,
        consent: &Consent,
        asked: &Asked,
        account: Option<&str>,
        life: Duration,
    ) -> Response<Bytes> {
        let state = consent.state.as_ref().unwrap_or(&asked.state);
        let mut answer = vec![("state", state.clone())];
        match account {
            _ if consent.deny => answer.push(("error", "access_denied".into())),
            None => return page(StatusCode::OK, "Log in to continue."),
            Some(account) => {
                let code = random();
                let life = if consent.code_seconds > 0.0 {
                    Duration::from_secs_f64(consent.code_seconds)
                } else {
                    life
                };
                let given = |scope: &&String| !consent.withhold.contains(*scope);
                self.0.insert(
                    code.clone(),
                    Code {
                        account: account.to_owned(),
                        scopes: asked.scopes.iter().filter(given).cloned().collect(),
                        client: asked.client.clone(),
                        redirect_uri: asked.redirect_uri.clone(),
                        challenge: asked.challenge.clone(),
                        ends: SystemTime::now() + life,
                        used: false,
                    },
                );
                answer.push(("code", code));
            }
        }
        answer.extend(consent.iss.clone().map(|iss| ("iss", iss)));
        let query: Vec<_> = answer.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let sign = if asked.redirect_uri.contains('?') { '&' } else { '?' };
        let to = format!("{}{sign}{}", asked.redirect_uri, query.join("&"));
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::FOUND;
        if let Ok(to) = HeaderValue::try_from(to) {
            response.headers_mut().insert(LOCATION, to);
        }
        response
    }

    /// Uses a code up.
    pub(super) fn take(
        &mut self,
        code: &str,
        client: &str,
        redirect_uri: &str,
        verifier: Option<&str>,
    ) -> Result<Code, Bad> {
        let found = self.0.get_mut(code).filter(|code| code.ends > SystemTime::now()).ok_or(Bad::Unknown)?;
        if found.used {
            return Err(Bad::Used { account: found.account.clone() });
        }
        let proven = match (&found.challenge, verifier) {
            (Some(challenge), Some(verifier)) => {
                *challenge == URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
            }
            (Some(_), None) => false,
            (None, _) => true,
        };
        if found.client != client || found.redirect_uri != redirect_uri || !proven {
            return Err(Bad::Unknown);
        }
        found.used = true;
        Ok(found.clone())
    }

    /// Every code that was given.
    pub(super) fn issued(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

/// What a person sees instead of being sent back.
pub(super) fn page(status: StatusCode, text: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(format!("<!doctype html><p>{text}</p>\n")));
    *response.status_mut() = status;
    response
}

fn random() -> String {
    let bytes = [uuid::Uuid::new_v4().into_bytes(), uuid::Uuid::new_v4().into_bytes()].concat();
    URL_SAFE_NO_PAD.encode(bytes)
}

fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(codes: &mut Codes, challenge: Option<&str>) -> String {
        let asked = Asked {
            client: "app".into(),
            redirect_uri: "https://c.example/cb".into(),
            state: "s t".into(),
            scopes: vec!["a".into(), "b".into()],
            challenge: challenge.map(str::to_owned),
        };
        let consent = Consent { withhold: BTreeSet::from(["b".to_owned()]), ..Consent::default() };
        let answer = codes.answer(&consent, &asked, Some("alice"), Duration::from_secs(60));
        let to = answer.headers()[LOCATION].to_str().expect("text").to_owned();
        assert!(to.starts_with("https://c.example/cb?state=s%20t&code="), "{to}");
        to.rsplit_once('=').expect("a code").1.to_owned()
    }

    #[test]
    fn a_code_is_good_once_for_whom_it_was_given() {
        let mut codes = Codes::default();
        // RFC 7636, appendix B
        let verifier = Some("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        let code = given(&mut codes, Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
        let here = "https://c.example/cb";
        for (client, uri, verifier) in [
            ("other", here, verifier),
            ("app", "https://c.example/", verifier),
            ("app", here, None),
            ("app", here, Some("x")),
        ] {
            assert_eq!(codes.take(&code, client, uri, verifier).err(), Some(Bad::Unknown));
        }
        assert_eq!(codes.take(&code, "app", here, verifier).expect("good").scopes, ["a"]);
        let again = codes.take(&code, "app", here, verifier).err();
        assert_eq!(again, Some(Bad::Used { account: "alice".into() }));
    }
}
