//! The tokens of an account, and their form inside the seal.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::bound::PlainBound;
use super::{Bound, DataKey, Place, Vault};
use crate::error::Error;

/// The tokens of one account. `Debug` shows none of them.
#[derive(Debug, Clone, Deserialize)]
pub struct Session {
    /// Sent with every call.
    #[serde(rename = "access_jwt")]
    pub access: SecretString,
    /// Buys the next pair.
    #[serde(rename = "refresh_jwt")]
    pub refresh: SecretString,
    /// When the access token ends, in seconds since 1970, where the token itself doesn't tell.
    #[serde(default)]
    pub expires_at: Option<u64>,
    /// When the refresh token ends, in seconds since 1970, where the platform has told.
    #[serde(default)]
    pub refresh_expires_at: Option<u64>,
    /// What the tokens are bound to, where they are of use with a proof only.
    #[serde(default)]
    pub bound: Option<Bound>,
}

/// Tokens as they were sealed.
#[derive(Debug)]
pub struct Opened {
    /// The tokens.
    pub session: Session,
    /// The server that they are for; none where a version sealed them that didn't say.
    pub server: Option<String>,
}

/// What stands beside the tokens inside the seal.
#[derive(Deserialize)]
struct Beside {
    #[serde(default)]
    server: Option<String>,
}

/// As it stands inside the seal.
#[derive(Serialize)]
pub(crate) struct Plain<'a> {
    server: &'a str,
    access_jwt: &'a str,
    refresh_jwt: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_expires_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bound: Option<PlainBound<'a>>,
}

impl Session {
    /// Tokens that tell by themselves when they end, or never do.
    pub fn new(access: SecretString, refresh: SecretString) -> Self {
        Self { access, refresh, expires_at: None, refresh_expires_at: None, bound: None }
    }

    /// What is sealed: to be read as a session again. `server`: the one that the tokens may be sent to.
    pub(crate) fn plain<'a>(&'a self, server: &'a str) -> Plain<'a> {
        Plain {
            server,
            access_jwt: self.access.expose_secret(),
            refresh_jwt: self.refresh.expose_secret(),
            expires_at: self.expires_at,
            refresh_expires_at: self.refresh_expires_at,
            bound: self.bound.as_ref().map(Bound::plain),
        }
    }

    /// Seals the tokens for their place, together with the server that they may be sent to.
    pub async fn seal(&self, vault: &Vault, place: Place, server: &str) -> Result<Vec<u8>, Error> {
        let key = vault.prepare(place.parts().workspace_id).await?;
        self.seal_with(&key, place, server)
    }

    /// The same with a key at hand: nothing is asked.
    pub(crate) fn seal_with(&self, key: &DataKey, place: Place, server: &str) -> Result<Vec<u8>, Error> {
        let plain = self.plain(server);
        // Large enough from the start: a buffer that grows leaves copies behind.
        let bound = plain.bound.as_ref().map_or(0, PlainBound::room);
        let tokens = plain.access_jwt.len() + plain.refresh_jwt.len();
        let room = 2 * (tokens + server.len()) + 160 + bound;
        let mut buffer = Zeroizing::new(Vec::with_capacity(room));
        serde_json::to_writer(&mut *buffer, &plain)
            .map_err(|_| Error::Sealed("the credential could not be written".into()))?;
        key.seal(&place.parts(), &buffer)
    }

    /// Opens tokens at their place. Whoever is to send them compares the server first.
    pub async fn open(vault: &Vault, place: Place, sealed: &[u8]) -> Result<Opened, Error> {
        let plain = vault.open(place, sealed).await?;
        // What the parser says could quote the content.
        let unread = |_| Error::Sealed("the opened credential is not a session of this version".into());
        let session = serde_json::from_slice(&plain).map_err(unread)?;
        let Beside { server } = serde_json::from_slice(&plain).map_err(unread)?;
        Ok(Opened { session, server })
    }

    /// The pair after a refresh. A platform that sends no new refresh token means that the old one stays good.
    #[must_use]
    pub fn renewed(&self, next: Self) -> Self {
        if next.refresh.expose_secret().is_empty() {
            let refresh_expires_at = next.refresh_expires_at.or(self.refresh_expires_at);
            Self { refresh: self.refresh.clone(), refresh_expires_at, ..next }
        } else {
            next
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Es256;
    use crate::secrets::memory::in_memory;
    use uuid::Uuid;

    fn session(access: &str, refresh: &str) -> Session {
        Session::new(access.into(), refresh.into())
    }

    const PLACE: Place =
        Place::Credential { workspace_id: Uuid::from_u128(1), account_id: Uuid::nil(), generation: 1 };

    const SERVER: &str = "https://pds.example";

    #[tokio::test]
    async fn tokens_survive_the_seal() {
        let vault = in_memory();
        let sealed = session("a\"1", "r1").seal(&vault, PLACE, SERVER).await.unwrap();
        let Opened { session: opened, server } = Session::open(&vault, PLACE, &sealed).await.unwrap();
        assert_eq!(server.as_deref(), Some(SERVER));
        assert_eq!((opened.access.expose_secret(), opened.refresh.expose_secret()), ("a\"1", "r1"));
        assert_eq!(opened.expires_at, None);
    }

    #[tokio::test]
    async fn what_another_version_sealed_is_opened() {
        let vault = in_memory();
        let open = async |plain: &[u8]| {
            let sealed = vault.seal(PLACE, plain).await.unwrap();
            let Opened { session, server } = Session::open(&vault, PLACE, &sealed).await.unwrap();
            assert_eq!(server, None);
            session
        };
        let older = open(br#"{"access_jwt":"a","refresh_jwt":"r"}"#).await;
        assert_eq!((older.access.expose_secret(), older.expires_at), ("a", None));
        assert!(older.bound.is_none());
        let newer = open(br#"{"access_jwt":"a","refresh_jwt":"r","expires_at":7,"more":1}"#).await;
        assert_eq!(newer.expires_at, Some(7));
        let timed = Session { expires_at: Some(9), ..session("a", "r") };
        let sealed = timed.seal(&vault, PLACE, SERVER).await.unwrap();
        assert_eq!(Session::open(&vault, PLACE, &sealed).await.unwrap().session.expires_at, Some(9));
    }

    #[tokio::test]
    async fn what_tokens_are_bound_to_is_sealed_with_them() {
        let vault = in_memory();
        let key = Es256::generate().unwrap();
        let bound = Bound {
            key: key.clone(),
            issuer: "https://pds.example".into(),
            client_id: "https://app.example/\"".into(),
            client_key: Some("k".into()),
            began_at: 7,
            issued_at: 8,
        };
        let plain = bound.plain();
        assert!(serde_json::to_string(&plain).unwrap().len() <= plain.room());
        let bound_session = Session { bound: Some(bound.clone()), ..session("a", "r") };
        let sealed = bound_session.seal(&vault, PLACE, SERVER).await.unwrap();
        let opened = Session::open(&vault, PLACE, &sealed).await.unwrap().session.bound.unwrap();
        assert_eq!(opened.key.jwk(), key.jwk());
        let fields = |bound: &Bound| {
            let Bound { issuer, client_id, client_key, began_at, issued_at, .. } = bound.clone();
            (issuer, client_id, client_key, began_at, issued_at)
        };
        assert_eq!(fields(&opened), fields(&bound));
        let shown = format!("{opened:?}");
        assert!(!shown.contains(&key.kept().expose_secret()[40..60]), "{shown}");
    }

    #[test]
    fn debug_shows_no_token() {
        let shown = format!("{:?}", session("canary-access", "canary-refresh"));
        assert!(!shown.contains("canary"), "{shown}");
    }

    #[test]
    fn an_empty_refresh_token_never_takes_the_place_of_one() {
        let renewed = session("a1", "r1").renewed(session("a2", ""));
        assert_eq!((renewed.access.expose_secret(), renewed.refresh.expose_secret()), ("a2", "r1"));
        assert_eq!(session("a1", "r1").renewed(session("a2", "r2")).refresh.expose_secret(), "r2");
    }
}
