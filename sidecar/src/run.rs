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
use crate::http::{self, Health};
use crate::jobs::Environment;
use crate::media::Fetcher;
use crate::providers::Providers;
use crate::secrets::{self, Vault};
use crate::shutdown::Shutdown;
use crate::webhook::Webhooks;
use crate::worker::Worker;
use crate::{listen, maintenance};

/// Runs until SIGTERM or SIGINT. The database may come later; a key file or an address that can't be used
/// is an error now.
pub(crate) async fn run(config: Config) -> Result<(), Error> {
    secrets::forbid_core_dumps();
    let shutdown = Shutdown::on_signals()?;
    let db = Db::new(&config.database)?;
    let vault = Arc::new(Vault::load(&config.keys, Arc::new(db.clone())).await?);
    let (keys, active_key) = (vault.keys().count(), vault.keys().active());
    info!(version = env!("CARGO_PKG_VERSION"), keys, active_key, "starting");
    let credentials = Arc::new(Credentials::new(db.clone(), Arc::clone(&vault)));
    let client = Client::new()?;
    let providers = Providers::new(&client, &Fetcher::new()?, &config.apps()?);
    let webhooks = Webhooks::new(client, Arc::clone(&vault), config.alerts_allow_loopback);
    let connector = Connector::new(db.clone(), vault, providers.clone(), config.oauth);
    let health = Health { db: db.clone(), shutdown: shutdown.clone() };
    http::serve(config.http_listen, health, connector.clone()).await?;

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
