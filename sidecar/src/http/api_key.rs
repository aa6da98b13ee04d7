//! Who may call the API: whoever shows a key of the file `http.api_key_file`.

use std::path::Path;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::problem::Problem;
use crate::error::Error;
use crate::secrets::private_file;

/// Shorter ones can be guessed.
const MIN_LEN: usize = 24;

/// The keys that are accepted, as hashes. None: nobody may call.
#[derive(Clone, Default)]
pub(crate) struct ApiKeys(Arc<[[u8; 32]]>);

impl ApiKeys {
    /// Reads a file that nobody but its owner can read: one key a line, so that an old one can stay until nobody uses it;
    /// `#` begins a comment.
    pub(crate) fn load(path: &Path) -> Result<Self, Error> {
        let refused = |problem: String| Error::Refused(format!("API keys {}: {problem}", path.display()));
        let bytes = private_file::read(path, "read the API keys", refused)?;
        Self::parse(&bytes).map_err(refused)
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "they are not text".to_owned())?;
        let mut hashes = Vec::new();
        for (at, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line.len() < MIN_LEN || !line.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(format!(
                    "line {}: a key has at least {MIN_LEN} letters, digits or signs and no blank; `openssl rand -hex 32` \
                     makes one",
                    at + 1
                ));
            }
            hashes.push(hash(line));
        }
        if hashes.is_empty() {
            return Err("there is no key in it; `openssl rand -hex 32` makes one".into());
        }
        Ok(Self(hashes.into()))
    }

    /// Lets nobody through to a route who shows no key.
    pub(super) fn guard<S: Clone + Send + Sync + 'static>(&self, route: MethodRouter<S>) -> MethodRouter<S> {
        self.guard_by(Scheme::Bearer, route)
    }

    /// The same for a page: the browser asks for the key, as a password, and shows it from then on. The page has it as [`ShownKey`].
    pub(super) fn guard_page<S: Clone + Send + Sync + 'static>(
        &self,
        route: MethodRouter<S>,
    ) -> MethodRouter<S> {
        self.guard_by(Scheme::Basic, route)
    }

    fn guard_by<S: Clone + Send + Sync + 'static>(
        &self,
        scheme: Scheme,
        route: MethodRouter<S>,
    ) -> MethodRouter<S> {
        let keys = self.clone();
        route.route_layer(from_fn(move |mut request: Request, next: Next| {
            let admitted = keys.admit(scheme, request.headers());
            async move {
                match admitted {
                    Ok(key) => {
                        request.extensions_mut().insert(key);
                        next.run(request).await
                    }
                    Err(refusal) => refusal.into_response(),
                }
            }
        }))
    }

    /// Whether a request may be answered, and by which key.
    fn admit(&self, scheme: Scheme, headers: &HeaderMap) -> Result<ShownKey, Refusal> {
        if self.0.is_empty() {
            return Err(Refusal::NoKeys);
        }
        let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (name, key) = shown.and_then(|shown| scheme.read(shown)).unwrap_or_default();
        let shown = hash(&key);
        // All are compared, and whole: how long it takes tells nothing.
        let known = self.0.iter().fold(Choice::from(0), |known, hash| known | hash.ct_eq(&shown));
        if bool::from(known) { Ok(ShownKey { name, key: key.into() }) } else { Err(Refusal::Unknown(scheme)) }
    }
}

/// The key that a request showed, one of those that are accepted.
#[derive(Debug, Clone)]
pub(super) struct ShownKey {
    /// What the person behind a browser calls themselves: anything.
    pub(super) name: String,
    pub(super) key: SecretString,
}

/// How a key is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    /// By a program.
    Bearer,
    /// By a browser, as a password.
    Basic,
}

impl Scheme {
    /// The name and the key in the value of `Authorization`.
    fn read(self, shown: &str) -> Option<(String, String)> {
        let (scheme, value) = shown.split_once(' ')?;
        match self {
            Self::Bearer if scheme.eq_ignore_ascii_case("bearer") => {
                Some((String::new(), value.trim().to_owned()))
            }
            Self::Basic if scheme.eq_ignore_ascii_case("basic") => {
                let text = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
                text.split_once(':').map(|(name, key)| (name.to_owned(), key.to_owned()))
            }
            _ => None,
        }
    }

    /// What is said to those who show none, to their program and to them.
    fn asks(self) -> (&'static str, &'static str) {
        match self {
            Self::Bearer => ("Bearer", "send a key of http.api_key_file as `Authorization: Bearer KEY`"),
            Self::Basic => (
                "Basic realm=\"Crier, for operators\", charset=\"UTF-8\"",
                "sign in with a key of http.api_key_file as the password, and any name",
            ),
        }
    }
}

/// Why a request is not answered.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    NoKeys,
    Unknown(Scheme),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::NoKeys => Problem::new(
                StatusCode::FORBIDDEN,
                "no API key is set: name a file with one in http.api_key_file (CRIER_API_KEY_FILE)",
            )
            .into_response(),
            Self::Unknown(scheme) => {
                let (challenge, detail) = scheme.asks();
                let mut response = Problem::new(StatusCode::UNAUTHORIZED, detail).into_response();
                let challenge = HeaderValue::from_static(challenge);
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
                response
            }
        }
    }
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const OLD: &str = "canary-key-of-last-year-0123";
    const NEW: &str = "canary-key-of-this-year-4567";

    fn admit(keys: &ApiKeys, authorization: Option<&str>) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        if let Some(text) = authorization {
            headers.insert(AUTHORIZATION, HeaderValue::from_str(text).unwrap());
        }
        keys.admit(Scheme::Bearer, &headers).map(drop)
    }

    #[test]
    fn a_browser_shows_a_key_as_a_password() {
        let keys = ApiKeys::parse(OLD.as_bytes()).unwrap();
        let admit = |authorization: &str| {
            let value = HeaderValue::from_str(authorization).unwrap();
            keys.admit(Scheme::Basic, &HeaderMap::from_iter([(AUTHORIZATION, value)]))
        };
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        for name in ["", "operator"] {
            let shown = admit(&basic(&format!("{name}:{OLD}"))).unwrap();
            assert_eq!((shown.name.as_str(), shown.key.expose_secret()), (name, OLD));
            assert!(!format!("{shown:?}").contains(OLD));
        }
        let bearer = format!("Bearer {OLD}");
        for bad in ["Basic", "Basic x", &basic(OLD), &basic(&format!("{OLD}:")), &basic(":x"), &bearer] {
            assert_eq!(admit(bad).map(drop), Err(Refusal::Unknown(Scheme::Basic)), "{bad}");
        }
    }

    #[test]
    fn only_whole_keys_of_the_file_are_admitted() {
        let keys = ApiKeys::parse(format!("# two\n{OLD}\n\n  {NEW}  \n").as_bytes()).unwrap();
        for good in [OLD, NEW] {
            assert_eq!(admit(&keys, Some(&format!("Bearer {good}"))), Ok(()));
            assert_eq!(admit(&keys, Some(&format!("bearer  {good} "))), Ok(()));
        }
        let part = format!("Bearer {}", &OLD[1..]);
        let both = format!("Bearer {OLD}{NEW}");
        let basic = format!("Basic {OLD}");
        for bad in [
            None,
            Some(""),
            Some("Bearer"),
            Some("Bearer "),
            Some(OLD),
            Some(&part),
            Some(&both),
            Some(&basic),
        ] {
            assert_eq!(admit(&keys, bad), Err(Refusal::Unknown(Scheme::Bearer)), "{bad:?}");
        }
        assert_eq!(admit(&ApiKeys::default(), Some("Bearer x")), Err(Refusal::NoKeys));
        // what hashes to nothing of the file
        assert_eq!(admit(&ApiKeys::default(), None), Err(Refusal::NoKeys));
    }

    #[test]
    fn a_file_without_good_keys_is_refused_and_shows_none() {
        for bad in [
            "",
            "# none\n",
            "short",
            "canary key with blanks in it that is long",
            "canary\u{e9}-0123456789-0123456789",
        ] {
            let Err(problem) = ApiKeys::parse(bad.as_bytes()) else { panic!("{bad:?} was accepted") };
            assert!(!problem.contains("canary"), "{problem}");
        }
        assert!(ApiKeys::parse(&[0xff; 40]).is_err());
    }
}
