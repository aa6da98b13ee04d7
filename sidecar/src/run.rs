//! `crierd run`: puts the parts together and waits for the end.

use std::sync::Arc;

use tokio::sync::Notify;
use tracing::info;

use crate::client::Client;
use crate::config::Config;
use crate::connect::Connector;
use crate::credentials::Credentials;
use crate::db::Db;
use crate::error::Error;
use crate::http::{self, ClientDocuments, Health};
use crate::jobs::Environment;
use crate::media::Fetcher;
use crate::providers::Providers;
use crate::secrets::{self, Keyring};
use crate::shutdown::Shutdown;
use crate::webhook::Webhooks;
use crate::worker::Worker;
use crate::{listen, maintenance};

/// Runs until SIGTERM or SIGINT. The database may come later; a key file or an address that can't be used
/// is an error now.
pub(crate) async fn run(config: Config) -> Result<(), Error> {
    secrets::forbid_core_dumps();
    let shutdown = Shutdown::on_signals()?;
    let keys = Arc::new(Keyring::load(&config.key_file)?);
    info!(version = env!("CARGO_PKG_VERSION"), keys = keys.count(), active_key = keys.active(), "starting");
    let db = Db::new(&config.database)?;
    let credentials = Arc::new(Credentials::new(db.clone(), Arc::clone(&keys)));
    let client = Client::new()?;
    let apps = config.apps()?;
    let documents = ClientDocuments::new(config.oauth.public_url.as_deref(), apps.bluesky());
    let providers = Providers::new(&client, &Fetcher::new()?, &apps);
    let webhooks = Webhooks::new(client, Arc::clone(&keys), config.alerts_allow_loopback);
    let connector = Connector::new(db.clone(), keys, providers.clone(), config.oauth);
    let health = Health { db: db.clone(), shutdown: shutdown.clone() };
    http::serve(config.http_listen, health, connector.clone(), documents).await?;

    let wake = Arc::new(Notify::new());
    let listener = tokio::spawn(listen::run(config.database, Arc::clone(&wake)));
    let maintenance = tokio::spawn(maintenance::run(db.clone()));
    let environment = Environment { db, providers, credentials: Arc::clone(&credentials), webhooks };
    let worker = Worker::new(Arc::new(environment), config.worker, worker_name());
    let worked = worker.run(wake, shutdown).await;

    listener.abort();
    maintenance.abort();
    // A refresh that was sent must be stored: the old refresh token may be used up.
    credentials.finish().await;
    // Nor a code that was exchanged: it is used up.
    connector.finish().await;
    info!("ended");
    worked
}

/// Host and process, for the view of jobs.
fn worker_name() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{host}:{}", std::process::id())
}
