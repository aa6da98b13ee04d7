//! What a session of OAuth with DPoP is bound to (RFC 9449): without the key its tokens are of no use to anybody.

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::Es256;

/// The key of a session, and what it was made with: a refresh by another app, or with another key of the app, would end it.
#[derive(Debug, Clone, Deserialize)]
pub struct Bound {
    /// Signs the proof that goes with every call.
    pub key: Es256,
    /// The server that made the session.
    pub issuer: String,
    /// The app that it was made for.
    pub client_id: String,
    /// The name of the key by which the app said who it is; none for an app that keeps no secret.
    #[serde(default)]
    pub client_key: Option<String>,
    /// When the session was made, in seconds since 1970.
    pub began_at: u64,
    /// When the access token was made, in seconds since 1970.
    pub issued_at: u64,
}

/// As it stands inside the seal.
#[derive(Serialize)]
pub(super) struct PlainBound<'a> {
    key: &'a str,
    issuer: &'a str,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_key: Option<&'a str>,
    began_at: u64,
    issued_at: u64,
}

impl Bound {
    pub(super) fn plain(&self) -> PlainBound<'_> {
        PlainBound {
            key: self.key.kept().expose_secret(),
            issuer: &self.issuer,
            client_id: &self.client_id,
            client_key: self.client_key.as_deref(),
            began_at: self.began_at,
            issued_at: self.issued_at,
        }
    }
}

impl PlainBound<'_> {
    /// The most bytes it has as JSON.
    pub(super) fn room(&self) -> usize {
        let texts = [self.key, self.issuer, self.client_id, self.client_key.unwrap_or_default()];
        2 * texts.iter().map(|text| text.len()).sum::<usize>() + 160
    }
}
