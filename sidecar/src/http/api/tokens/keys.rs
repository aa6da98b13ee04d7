//! The keys that tokens are verified by: a secret of a file, public keys of a file, or public keys that are fetched.
//!
//! Those that are fetched are kept. One request at a time asks for them: when they are old, or when a token names a key that is not
//! among them, and not again at once, whoever sends such tokens.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use ring::hmac;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tracing::warn;

use super::Refused;
use crate::client::Client;
use crate::config::Tokens;
use crate::error::Error;
use crate::secrets::private_file;

/// Shorter secrets can be guessed: RFC 7518, 3.2.
const MIN_SECRET: usize = 32;
/// Keys are asked for again after that time, so that one that is taken back is not believed for long.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// And are believed no longer, where nobody answers.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long it takes at least from one question to the next.
const PAUSE: Duration = Duration::from_secs(30);
/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(5);
/// More are not looked at.
const MAX_KEYS: usize = 100;

/// By what a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Hs256,
    Rs256,
    Es256,
}

impl Algorithm {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "HS256" => Some(Self::Hs256),
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            _ => None,
        }
    }
}

/// A key, which fits one algorithm.
#[derive(Clone)]
pub(super) enum Key {
    Secret(hmac::Key),
    Rsa {
        n: Arc<[u8]>,
        e: Arc<[u8]>,
    },
    /// An uncompressed point of P-256.
    Ec(Arc<[u8]>),
}

impl Key {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Secret(_) => Algorithm::Hs256,
            Self::Rsa { .. } => Algorithm::Rs256,
            Self::Ec(_) => Algorithm::Es256,
        }
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Secret(key) => hmac::verify(key, message, signature).is_ok(),
            Self::Rsa { n, e } => {
                let key = RsaPublicKeyComponents { n, e };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
            Self::Ec(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
        }
    }
}

/// A public key with its name.
struct Named {
    id: Option<String>,
    key: Key,
}

/// Public keys of one moment.
#[derive(Default)]
struct Published {
    keys: Vec<Named>,
    at: Option<Instant>,
}

pub(super) struct Keys {
    secret: Option<Key>,
    published: RwLock<Published>,
    source: Option<Source>,
}

/// Where they are published.
struct Source {
    url: String,
    client: Client,
    /// When it was asked last.
    asked: Mutex<Option<Instant>>,
}

impl Keys {
    pub(super) fn load(tokens: &Tokens, client: Client) -> Result<Self, Error> {
        let secret = tokens.secret_file.as_deref().map(secret).transpose()?;
        let mut published = Published::default();
        if let Some(path) = &tokens.jwks_file {
            let refused = |problem: &str| Error::Refused(format!("API keys {}: {problem}", path.display()));
            let bytes = std::fs::read(path).map_err(Error::file("read the public keys", path))?;
            published.keys = parse(&bytes).ok_or_else(|| refused("they are no JSON Web Key Set"))?;
            if published.keys.is_empty() {
                return Err(refused("there is no key for RS256 or ES256 among them"));
            }
        }
        let source = tokens.jwks_url.clone().map(|url| Source { url, client, asked: Mutex::default() });
        Ok(Self { secret, published: RwLock::new(published), source })
    }

    /// The key of an algorithm, and of a name where one is given.
    pub(super) async fn find(&self, algorithm: Algorithm, id: Option<&str>) -> Result<Key, Refused> {
        if algorithm == Algorithm::Hs256 {
            return self.secret.clone().ok_or_else(|| Refused::Algorithm("HS256".into()));
        }
        let (found, age) = self.known(algorithm, id);
        let Some(source) = &self.source else { return found.ok_or(Refused::UnknownKey) };
        match found {
            Some(key) if age.is_some_and(|age| age < FRESH) => return Ok(key),
            // Somebody asks already: what is known does until then.
            Some(key) if age.is_some_and(|age| age < STALE) && source.asked.try_lock().is_err() => {
                return Ok(key);
            }
            _ => self.ask(source, algorithm, id).await,
        }
        match self.known(algorithm, id) {
            (Some(key), Some(age)) if age < STALE => Ok(key),
            (_, Some(age)) if age < STALE => Err(Refused::UnknownKey),
            _ => Err(Refused::NoKeys),
        }
    }

    /// What is known already, and how old that is.
    fn known(&self, algorithm: Algorithm, id: Option<&str>) -> (Option<Key>, Option<Duration>) {
        let published = self.published.read().unwrap_or_else(PoisonError::into_inner);
        let mut fitting = published.keys.iter().filter(|named| {
            named.key.algorithm() == algorithm && (id.is_none() || named.id.as_deref() == id)
        });
        let found = fitting.next();
        // Without a name there must be no choice.
        let found = found.filter(|_| id.is_some() || fitting.next().is_none());
        (found.map(|named| named.key.clone()), published.at.map(|at| at.elapsed()))
    }

    /// Fetches the keys, where nobody has just done so.
    async fn ask(&self, source: &Source, algorithm: Algorithm, id: Option<&str>) {
        let mut asked = source.asked.lock().await;
        let (found, age) = self.known(algorithm, id);
        if found.is_some() && age.is_some_and(|age| age < FRESH) {
            return;
        }
        if asked.is_some_and(|at| at.elapsed() < PAUSE) {
            return;
        }
        *asked = Some(Instant::now());
        match source.fetch().await {
            Ok(keys) => {
                let mut published = self.published.write().unwrap_or_else(PoisonError::into_inner);
                *published = Published { keys, at: Some(Instant::now()) };
            }
            Err(problem) => warn!(url = source.url, problem, "the keys of callers' tokens can't be fetched"),
        }
    }
}

impl Source {
    async fn fetch(&self) -> Result<Vec<Named>, String> {
        let request = self.client.request(Method::GET, &self.url);
        let answer = match timeout(LIMIT, self.client.send(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(format!("{error:?}")),
            Err(_) => return Err("no answer in time".into()),
        };
        if answer.status != 200 {
            return Err(format!("status {}", answer.status));
        }
        parse(&answer.body).ok_or_else(|| "the answer is no JSON Web Key Set".into())
    }
}

fn secret(path: &Path) -> Result<Key, Error> {
    let refused = |problem: String| Error::Refused(format!("API secret {}: {problem}", path.display()));
    let bytes = private_file::read(path, "read the API's secret", refused)?;
    let secret = bytes.trim_ascii();
    if secret.len() < MIN_SECRET {
        return Err(refused(format!("it has {} bytes; at least {MIN_SECRET} are needed", secret.len())));
    }
    Ok(Key::Secret(hmac::Key::new(hmac::HMAC_SHA256, secret)))
}

/// The keys of a set (RFC 7517) that verify one of our algorithms. Secrets have no place there.
fn parse(bytes: &[u8]) -> Option<Vec<Named>> {
    let set: Value = serde_json::from_slice(bytes).ok()?;
    Some(set.get("keys")?.as_array()?.iter().take(MAX_KEYS).filter_map(named).collect())
}

fn named(jwk: &Value) -> Option<Named> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
    if text("use").is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let key = match text("kty")? {
        "RSA" => Key::Rsa { n: bytes("n")?.into(), e: bytes("e")?.into() },
        "EC" if text("crv") == Some("P-256") => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            (x.len() == 32 && y.len() == 32)
                .then(|| Key::Ec([4].into_iter().chain(x).chain(y).collect::<Vec<u8>>().into()))?
        }
        _ => return None,
    };
    let fits = text("alg").is_none_or(|alg| Algorithm::named(alg) == Some(key.algorithm()));
    fits.then(|| Named { id: text("kid").map(str::to_owned), key })
}

#[cfg(test)]
impl Keys {
    /// When keys were asked for last, to be forgotten.
    pub(super) async fn source_asked(&self) -> tokio::sync::MutexGuard<'_, Option<Instant>> {
        self.source.as_ref().expect("a source").asked.lock().await
    }
}
