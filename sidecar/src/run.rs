//! `crierd run`: puts the parts together and waits for the end.

use std::sync::Arc;

use tokio::sync::Notify;
use tracing::{info, warn};

use crate::backoff::Backoff;
use crate::client::Client;
use crate::config::Config;
use crate::connect::Connector;
use crate::credentials::Credentials;
use crate::db::Db;
use crate::error::Error;
use crate::http::{
    self, ApiKeys, ClientDocuments, Connecting, Health, Intake, Operator, RefreshBatch, WorkerRoutes,
};
use crate::jobs::Environment;
use crate::journal::Journal;
use crate::media::Fetcher;
use crate::metrics::Metrics;
use crate::providers::Providers;
use crate::refresh::{self, Refresher};
use crate::secrets::{self, Vault};
use crate::shutdown::Shutdown;
use crate::traces::{self, Exporter};
use crate::webhook::Webhooks;
use crate::worker::{self, Worker};
use crate::{due, listen, logging, maintenance};

/// Runs until SIGTERM or SIGINT. The database may come later; a key file or an address that can't be used
/// is an error now.
pub(crate) async fn run(config: Config) -> Result<(), Error> {
    let (metrics, name) = (Metrics::default(), worker_name());
    let traces =
        config.traces.as_ref().map(|traces| traces::new(traces, &name, metrics.traces())).transpose()?;
    let (recorder, exporter) = traces.unzip();
    logging::start(&config.log, recorder);
    secrets::forbid_core_dumps();
    let shutdown = Shutdown::on_signals()?;
    let db = Db::new(&config.database)?;
    let vault = Arc::new(Vault::load(&config.keys, Arc::new(db.clone())).await?);
    let (keys, active_key) = (vault.keys().count(), vault.keys().active());
    info!(version = env!("CARGO_PKG_VERSION"), keys, active_key, "starting");
    let journal = open_journal(&config);
    let credentials = Credentials::new(db.clone(), Arc::clone(&vault), journal.clone(), shutdown.clone());
    let credentials = Arc::new(credentials);
    let client = Client::new()?.measured_by(metrics.clone());
    let apps = config.apps()?;
    let documents = ClientDocuments::new(config.oauth.public_url.as_deref(), apps.bluesky());
    let providers = Providers::new(&client, &Fetcher::new()?, &apps);
    let api = match &config.api {
        Some(api) => {
            let connecting = Connecting::new(config.oauth.clone(), &providers);
            let (client, metrics) = (Client::new()?, metrics.clone());
            Some(http::serve_api(api, &config.database, db.clone(), client, metrics, connecting).await?)
        }
        None => None,
    };
    let webhooks = Webhooks::new(client, Arc::clone(&vault), config.alerts_allow_loopback);
    let connector =
        Connector::new(db.clone(), vault, providers.clone(), config.oauth.clone(), shutdown.clone());
    let refresher = Refresher::new(db.clone(), Arc::clone(&credentials), providers.clone(), shutdown.clone());
    let api_keys = config.api_key_file.as_deref().map(ApiKeys::load).transpose()?.unwrap_or_default();
    let health = Health { db: db.clone(), shutdown: shutdown.clone() };
    let (control, orders) = worker::control();
    let worker_routes = WorkerRoutes { control, db: db.clone(), keys: api_keys.clone(), name: name.clone() };
    let refresh_batch = RefreshBatch { refresher: Arc::clone(&refresher), keys: api_keys };
    let intake = Intake::new(db.clone(), config.webhooks()?);
    let operator = Operator { refresh_batch, worker: worker_routes };
    let served = http::serve(config.http_listen, health, connector.clone(), documents, operator, intake);
    let connections = served.await?;
    if let Some(listen) = config.metrics_listen {
        http::serve_metrics(listen, db.clone(), metrics.clone()).await?;
    }
    if let Some(journal) = &journal {
        replay(journal, &db, &shutdown).await;
    }

    let exporting = exporter.map(Exporter::start);
    let wake = Arc::new(Notify::new());
    let listener = tokio::spawn(listen::run(config.database, Arc::clone(&wake)));
    let maintenance = tokio::spawn(maintenance::run(db.clone()));
    let due = tokio::spawn(due::run(db.clone()));
    let refreshing = tokio::spawn(refresh::run(refresher, journal, config.refresh.every));
    let environment = Environment { db, providers, credentials: Arc::clone(&credentials), webhooks, metrics };
    let drain = config.worker.drain;
    let worker = Worker::new(Arc::new(environment), config.worker, name, orders);
    let worked = worker.run(wake, shutdown.clone()).await;

    listener.abort();
    maintenance.abort();
    due.abort();
    refreshing.abort();
    // A refresh that was sent must be stored: the old refresh token may be used up.
    credentials.finish().await;
    // Nor a code that was exchanged: it is used up.
    connector.finish().await;
    // And the person's way back to the application is in the answer.
    connections.finish().await;
    if let Some(api) = api {
        api.finish(drain.saturating_sub(shutdown.lasts())).await;
    }
    if let Some(exporting) = exporting {
        exporting.finish(drain.saturating_sub(shutdown.lasts())).await;
    }
    info!("ended");
    worked
}

/// Where refreshed tokens are written down first. Where that can't be done it goes without and says so; what is there is stored all
/// the same.
fn open_journal(config: &Config) -> Option<Arc<Journal>> {
    let journal = Journal::open(config.refresh.journal.as_deref()?);
    if let Err(error) = journal.try_out() {
        warn!(
            %error,
            "there is no journal of refreshes that can be written to: tokens that are refreshed while the database is away are lost if \
             this process is killed; set refresh.journal (CRIER_REFRESH_JOURNAL) to a directory of its own"
        );
    }
    Some(journal)
}

/// Before any token is used: a refresh token that the journal has the successor of must not be sent again. Waits for the
/// database as long as it takes.
async fn replay(journal: &Arc<Journal>, db: &Db, shutdown: &Shutdown) {
    let mut backoff = Backoff::database();
    while let Err(error) = journal.replay(db).await {
        if !error.is_passing() {
            // what is wrong the loop says once more; nothing of the journal is lost
            return warn!(%error, "the journal of refreshes could not be replayed");
        }
        tokio::select! {
            () = tokio::time::sleep(backoff.next()) => {}
            () = shutdown.wait() => return,
        }
    }
}

/// Host and process, for the view of jobs.
fn worker_name() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{host}:{}", std::process::id())
}
