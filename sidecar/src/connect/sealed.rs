//! What a login needs for its next step, as it is sealed: what the platform's part remembers, and the app.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::Reason;
use super::apps::Registered;
use crate::db::Login;
use crate::providers::{App, Kept};
use crate::secrets::{Place, Vault};

/// The steps of a login, for the seal.
const LOGIN: i64 = 1;
const CHOICE: i64 = 2;
const GRANTED: i64 = 3;

/// What the answer is taken with.
pub(super) struct Remembered {
    pub(super) kept: Kept,
    pub(super) redirect_uri: String,
    /// The app as it was when the login began, where one was registered: a code is good for that one only.
    pub(super) registered: Option<Registered>,
}

#[derive(Serialize)]
struct Written<'a> {
    kept: &'a str,
    redirect_uri: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<WrittenApp<'a>>,
}

#[derive(Serialize)]
struct WrittenApp<'a> {
    id: Uuid,
    generation: i64,
    client_id: &'a str,
    client_secret: Option<&'a str>,
}

#[derive(Deserialize)]
struct Read {
    kept: SecretString,
    redirect_uri: String,
    #[serde(default)]
    app: Option<ReadApp>,
}

#[derive(Deserialize)]
struct ReadApp {
    id: Uuid,
    generation: i64,
    client_id: String,
    client_secret: Option<SecretString>,
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remembered({})", self.redirect_uri)
    }
}

impl Remembered {
    pub(super) async fn seal(&self, vault: &Vault, login: &Login) -> Result<Vec<u8>, Reason> {
        let app = self.registered.as_ref().map(|registered| WrittenApp {
            id: registered.id,
            generation: registered.generation,
            client_id: &registered.app.client_id,
            client_secret: registered.app.client_secret.as_ref().map(|secret| secret.expose_secret()),
        });
        let kept = std::str::from_utf8(self.kept.as_bytes()).map_err(|_| Reason::Internal)?;
        let written = Written { kept, redirect_uri: &self.redirect_uri, app };
        Ok(vault.seal(place(login, LOGIN), &write(&written)?).await?)
    }

    pub(super) async fn open(vault: &Vault, login: &Login) -> Result<Self, Reason> {
        let read: Read = open(vault, login, LOGIN).await?;
        let bytes = Zeroizing::new(read.kept.expose_secret().as_bytes().to_vec());
        let registered = read.app.map(|app| Registered {
            id: app.id,
            generation: app.generation,
            app: App { client_id: app.client_id, client_secret: app.client_secret },
        });
        let kept = Kept::from_bytes(&bytes).map_err(|_| Reason::Expired)?;
        Ok(Self { kept, redirect_uri: read.redirect_uri, registered })
    }
}

/// Seals what a choice is made from.
pub(super) async fn seal_choice(
    vault: &Vault,
    login: &Login,
    choice: &impl Serialize,
) -> Result<Vec<u8>, Reason> {
    Ok(vault.seal(place(login, CHOICE), &write(choice)?).await?)
}

/// Seals what was granted, until it is confirmed.
pub(super) async fn seal_granted(
    vault: &Vault,
    login: &Login,
    granted: &impl Serialize,
) -> Result<Vec<u8>, Reason> {
    Ok(vault.seal(place(login, GRANTED), &write(granted)?).await?)
}

/// Opens what was granted.
pub(super) async fn open_granted<T: for<'a> Deserialize<'a>>(
    vault: &Vault,
    login: &Login,
) -> Result<T, Reason> {
    open(vault, login, GRANTED).await
}

/// Opens what a choice is made from.
pub(super) async fn open_choice<T: for<'a> Deserialize<'a>>(
    vault: &Vault,
    login: &Login,
) -> Result<T, Reason> {
    open(vault, login, CHOICE).await
}

fn place(login: &Login, step: i64) -> Place {
    Place::OAuthState { workspace_id: login.workspace_id, state_id: login.id, step }
}

fn write(what: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, Reason> {
    // Large enough from the start, mostly: a buffer that grows leaves copies behind.
    let mut buffer = Zeroizing::new(Vec::with_capacity(64 * 1024));
    serde_json::to_writer(&mut *buffer, what).map_err(|_| Reason::Internal)?;
    Ok(buffer)
}

async fn open<T: for<'a> Deserialize<'a>>(vault: &Vault, login: &Login, step: i64) -> Result<T, Reason> {
    let sealed = login.sealed.as_deref().ok_or(Reason::Expired)?;
    let plain = vault.open(place(login, step), sealed).await?;
    // Of another version: the person begins again.
    serde_json::from_slice(&plain).map_err(|_| Reason::Expired)
}
