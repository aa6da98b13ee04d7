//! Connecting an account by OAuth: what a platform's part of it is. The flow itself, its states, its browsers and its
//! pages, is `crate::connect`'s.
//!
//! A platform's part is two calls. [`Connect::begin`] makes the address the person is sent to, [`Connect::finish`] turns the
//! answer that comes back into accounts with sessions. What has to be known in between is [`Kept`]: sealed, stored, opened
//! once.

use std::fmt;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use zeroize::Zeroizing;

use super::{App, Failure};
use crate::address::{Forbidden, check_base, check_public};
use crate::secrets::Session;

/// Where a connection may lead to that a tenant or a stranger's document has named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reach {
    /// Also to this machine, by plain http and any port: tests, and an installation next door.
    pub allow_loopback: bool,
}

/// What is asked for when a login begins.
#[derive(Debug)]
pub struct Ask<'a> {
    /// Where this sidecar is reached, without a slash at the end.
    pub public_url: &'a str,
    /// Where the platform sends the person back to. It is never another one for this flow, byte for byte.
    pub redirect_uri: &'a str,
    /// Comes back with the answer.
    pub state: &'a SecretString,
    /// What the application named, as it wrote it. Nothing when the answer comes.
    pub named: Option<&'a str>,
    /// The same, as [`Connect::server`] understood it.
    pub server: &'a str,
    /// The account that has to log in again, by its id on the platform: its name may be another one's by now.
    pub again: Option<&'a str>,
    /// The app: the operator's own, or the one that [`Connect::register`] made at this server.
    pub app: Option<&'a App>,
    /// Where the calls may lead to.
    pub reach: Reach,
}

/// A login that has begun.
#[derive(Debug)]
pub struct Begun {
    /// Where the person is sent to. It carries the state: never logged.
    pub authorize_url: SecretString,
    /// What [`Connect::finish`] needs.
    pub kept: Kept,
}

/// What came back with the person, besides the state. An answer that says `error` never comes so far.
#[derive(Debug)]
pub struct Callback<'a> {
    /// Good once.
    pub code: &'a SecretString,
    /// Who says so (RFC 9207).
    pub iss: Option<&'a str>,
    /// What the login began with.
    pub ask: Ask<'a>,
}

/// An account that was granted.
#[derive(Debug)]
pub struct Granted {
    /// The id on the platform.
    pub external_id: String,
    /// The name on the platform.
    pub handle: String,
    /// Where the account's server is.
    pub base_url: String,
    /// Its tokens. How long they live, `Provider::lifetime` reads from them.
    pub session: Session,
    /// What was not granted that something needs, by the platform's names: the account works without, except for that.
    /// Where nothing works without it, `finish` fails with [`ErrorClass::Permission`].
    pub missing: Vec<String>,
}

/// What must be remembered from `begin` to `finish`, and is secret: a PKCE verifier, the issuer, a DPoP key. Each platform
/// has its own shape of it.
#[derive(Clone)]
pub struct Kept(SecretString);

impl Kept {
    /// Writes down what `finish` will read.
    pub fn of(what: &impl Serialize) -> Result<Self, Failure> {
        let text = serde_json::to_string(what)
            .map_err(|_| Failure::new(ErrorClass::Config, "what a login needs can't be written down"))?;
        Ok(Self(text.into()))
    }

    /// What `begin` wrote down.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        // What the parser says could quote the content.
        serde_json::from_str(self.0.expose_secret())
            .map_err(|_| Failure::new(ErrorClass::Config, "the login was begun by another version of crierd"))
    }

    /// Every text in it, so that none is shown where a server says it back.
    pub(crate) fn secrets(&self) -> Vec<SecretString> {
        let kept: Value = serde_json::from_str(self.0.expose_secret()).unwrap_or_default();
        let texts = kept.as_object().into_iter().flat_map(|fields| fields.values());
        texts.filter_map(Value::as_str).map(SecretString::from).collect()
    }

    /// The bytes that are sealed.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }

    /// From the bytes that were sealed.
    pub(crate) fn from_bytes(bytes: &Zeroizing<Vec<u8>>) -> Result<Self, Failure> {
        let text = std::str::from_utf8(bytes);
        text.map(|text| Self(text.into()))
            .map_err(|_| Failure::new(ErrorClass::Config, "the login was begun by another version of crierd"))
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept([REDACTED])")
    }
}

impl Reach {
    /// Checks the base of a server that a tenant or a stranger's document named; without a slash at the end.
    pub fn check(self, url: &str) -> Result<String, Failure> {
        let found = match check_public(url) {
            Err(_) if self.allow_loopback && is_loopback(url) => check_base(url),
            Err(why) => Err(why),
            Ok(url) if url.query().is_some() || url.fragment().is_some() => Err(Forbidden::Extra),
            Ok(url) => Ok(url.as_str().trim_end_matches('/').to_owned()),
        };
        found.map_err(|why| {
            Failure::new(ErrorClass::Config, format!("the server's address can't be used: {why}"))
        })
    }

    /// The same of what a server names: an address that can't be used is its fault, not the operator's.
    pub(crate) fn check_found(self, url: &str) -> Result<String, Failure> {
        self.check(url).map_err(|failure| Failure { class: ErrorClass::Unsupported, ..failure })
    }
}

fn is_loopback(url: &str) -> bool {
    crate::address::check_loopback(url).is_ok()
}

/// A platform's part of connecting an account.
#[async_trait]
pub trait Connect: Send + Sync {
    /// The server that is meant by what the application named, in the form an account's `base_url` has; nothing named: the
    /// usual one. Whatever is named was written by a tenant: where the operator's app has a secret, only servers that the
    /// operator knows are accepted.
    fn server(&self, named: Option<&str>, reach: Reach) -> Result<String, Failure>;

    /// The operator's own app for this server, where one is needed and there is one.
    fn app(&self, _server: &str) -> Result<Option<&App>, Failure> {
        Ok(None)
    }

    /// Whether every server is a platform of its own, where an app has to be registered. Then each has a redirect URI of its
    /// own too, so that no server can pass off another one's code.
    fn registers(&self) -> bool {
        false
    }

    /// Registers an app at a server. Called once per server and redirect URI.
    async fn register(&self, _server: &str, _redirect_uri: &str, _reach: Reach) -> Result<App, Failure> {
        Err(Failure::new(ErrorClass::Unsupported, "apps can't be registered there"))
    }

    /// Whether a server still knows an app that was registered there.
    async fn knows(&self, _server: &str, _app: &App, _reach: Reach) -> Result<bool, Failure> {
        Ok(true)
    }

    /// Makes the address the person is sent to.
    async fn begin(&self, ask: &Ask<'_>) -> Result<Begun, Failure>;

    /// Exchanges the code and finds out whose accounts were granted: one, or several to choose from. Once this was called
    /// it must not be dropped: the code is used up. An `iss` that is not the expected one, or is missing where it was
    /// announced, is refused with [`wrong_issuer`].
    async fn finish(&self, kept: &Kept, callback: &Callback<'_>) -> Result<Vec<Granted>, Failure>;

    /// Takes back tokens that nobody will use: they must not stay open for the account's owner to wonder about. Whether that
    /// worked makes no difference to anyone. Where it would end what other workspaces have of the account, nothing is done.
    async fn revoke(&self, _server: &str, _app: Option<&App>, _session: &Session, _reach: Reach) {}
}

/// The code of a failure: the answer came from somebody else than the login began with.
pub(crate) const WRONG_ISSUER: &str = "wrong_issuer";
/// The code of a failure: the server does not know the app (RFC 6749, 5.2).
pub(crate) const UNKNOWN_APP: &str = "invalid_client";

/// The code of a failure: somebody logged in with another account than the one that was meant.
pub(crate) const WRONG_ACCOUNT: &str = "wrong_account";

/// The answer came from somebody else than the login began with.
pub(crate) fn wrong_issuer() -> Failure {
    let message = "the answer names another issuer than the login began with";
    Failure { code: Some(WRONG_ISSUER.into()), ..Failure::new(ErrorClass::PolicyBlocked, message) }
}
