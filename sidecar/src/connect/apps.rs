//! The apps that are registered at servers: one per server and redirect URI, registered by one sidecar while the others wait,
//! asked after now and then, and registered again where a server has forgotten it.

use std::time::{Duration, SystemTime};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tracing::{Instrument, info, warn};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Connector, Reason, redirect_uri, refused};
use crate::address::Origin;
use crate::db::{Login, Registration};
use crate::error::Error;
use crate::providers::{App, Connect};
use crate::secrets::{Place, Vault};

/// Longer than a registration may take.
const LEASE: Duration = Duration::from_secs(60);
/// How often to look whether another sidecar has finished.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// How long a person waits for that.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a server's word is believed that it knows the app.
const BELIEVED: Duration = Duration::from_secs(60 * 60);

/// An app that is registered at a server.
#[derive(Debug, Clone)]
pub(super) struct Registered {
    pub(super) id: Uuid,
    pub(super) generation: i64,
    pub(super) app: App,
}

#[derive(Serialize)]
struct Plain<'a> {
    client_id: &'a str,
    client_secret: Option<&'a str>,
}

#[derive(Deserialize)]
struct Opened {
    client_id: String,
    client_secret: Option<SecretString>,
}

impl Connector {
    /// The app at a server, registered now if there is none that it knows.
    pub(super) async fn app_at(
        &self,
        connect: &dyn Connect,
        login: &Login,
        server: &str,
        redirect_uri: &str,
    ) -> Result<Registered, Reason> {
        let platform = &login.platform;
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let found = self.db.get_app_registration(platform, server, redirect_uri).await?;
            let generation = found.as_ref().map_or(0, |found| found.generation);
            if let Some(known) = self.known(connect, login, server, found).await? {
                return Ok(known);
            }
            let begun =
                self.db.begin_app_registration(platform, server, redirect_uri, generation, LEASE).await?;
            if let Some((id, generation)) = begun {
                return self.register(connect, login, (server, redirect_uri), id, generation).await;
            }
            if tokio::time::Instant::now() > deadline {
                return Err(Reason::Unavailable);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The app that tokens of a login were granted to, as far as it is known any more.
    pub(super) async fn app_of(&self, login: &Login) -> Option<App> {
        let connect = self.part(&login.platform).ok()?;
        let (server, public_url) = (login.server.as_deref()?, self.settings.public_url.as_deref()?);
        if !connect.registers() {
            return connect.app(server).ok()?.cloned();
        }
        let redirect_uri = redirect_uri(public_url, &login.platform, server, true);
        let found = self.db.get_app_registration(&login.platform, server, &redirect_uri).await.ok()??;
        Some(open(&self.vault, &found).await.ok()?.app)
    }

    /// The app that is stored, if the server knows it, or knew it a moment ago.
    async fn known(
        &self,
        connect: &dyn Connect,
        login: &Login,
        server: &str,
        found: Option<Registration>,
    ) -> Result<Option<Registered>, Reason> {
        let Some(found) = found else { return Ok(None) };
        let registered = match open(&self.vault, &found).await {
            Ok(registered) => registered,
            // It is only an app: another one does as well.
            Err(error) => {
                warn!(server = %Origin(server), %error, "the stored app does not open and is registered again");
                return Ok(None);
            }
        };
        let Some(checked_at) = found.checked_at else { return Ok(None) };
        if SystemTime::now().duration_since(checked_at).is_ok_and(|age| age < BELIEVED) {
            return Ok(Some(registered));
        }
        let knows = connect.knows(server, &registered.app, self.settings.reach).await;
        let knows = knows.map_err(|failure| refused(login, &failure))?;
        self.note_app(&registered, knows).await;
        Ok(knows.then_some(registered))
    }

    async fn register(
        &self,
        connect: &dyn Connect,
        login: &Login,
        (server, redirect_uri): (&str, &str),
        id: Uuid,
        generation: i64,
    ) -> Result<Registered, Reason> {
        let lease = Lease { connector: self, id, generation, kept: true };
        let app = connect.register(server, redirect_uri, self.settings.reach).await;
        let app = app.map_err(|failure| refused(login, &failure))?;
        let registered = Registered { id, generation, app };
        let sealed = seal(&self.vault, &registered).await?;
        lease.end();
        if !self.db.store_app_registration(id, generation, &sealed).await? {
            // Whoever was faster has stored another one, which serves as well the next time; this one is good too.
            warn!(server = %Origin(server), "an app was registered twice");
        }
        info!(platform = login.platform, server = %Origin(server), generation, "an app was registered");
        Ok(registered)
    }

    /// Notes whether a server knows an app. A note that is lost costs a question.
    pub(super) async fn note_app(&self, app: &Registered, known: bool) {
        if let Err(error) = self.db.note_app_registration(app.id, app.generation, known).await {
            warn!(%error, "whether a server knows its app could not be noted");
        }
    }
}

/// The right to register. Where nothing comes of it, the next one need not wait for its end.
struct Lease<'a> {
    connector: &'a Connector,
    id: Uuid,
    generation: i64,
    kept: bool,
}

impl Lease<'_> {
    /// What is stored ends it.
    fn end(mut self) {
        self.kept = false;
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if !self.kept {
            return;
        }
        let (connector, id, generation) = (self.connector.clone(), self.id, self.generation);
        let release = async move {
            if let Err(error) = connector.db.release_app_registration(id, generation).await {
                warn!(%error, "the right to register an app could not be given back, and ends within a minute");
            }
        };
        self.connector.tasks.spawn(release.in_current_span());
    }
}

fn place(id: Uuid, generation: i64) -> Place {
    Place::AppRegistration { id, generation }
}

async fn seal(vault: &Vault, registered: &Registered) -> Result<Vec<u8>, Error> {
    let secret = registered.app.client_secret.as_ref().map(|secret| secret.expose_secret());
    let plain = Plain { client_id: &registered.app.client_id, client_secret: secret };
    let mut buffer = Zeroizing::new(Vec::with_capacity(2_048));
    serde_json::to_writer(&mut *buffer, &plain)
        .map_err(|_| Error::Sealed("the registered app could not be written".into()))?;
    vault.seal(place(registered.id, registered.generation), &buffer).await
}

async fn open(vault: &Vault, found: &Registration) -> Result<Registered, Error> {
    let plain = vault.open(place(found.id, found.generation), &found.sealed).await?;
    let opened: Opened = serde_json::from_slice(&plain)
        .map_err(|_| Error::Sealed("the registered app is not one of this version".into()))?;
    let app = App { client_id: opened.client_id, client_secret: opened.client_secret };
    Ok(Registered { id: found.id, generation: found.generation, app })
}
