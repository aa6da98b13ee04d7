//! Renews tokens before anybody needs them: in a loop of every `crierd run`, and when an operator asks.
//!
//! The database says which are due and gives each to one sidecar. How many are under way at a time is bounded for each platform
//! and for all of them, whoever asked.

mod servers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crier_core::error_class::ErrorClass;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::{debug, info, warn};

use crate::credentials::{Credentials, Renewal};
use crate::db::{Db, Expiring};
use crate::error::Error;
use crate::journal::Journal;
use crate::providers::Providers;
use crate::shutdown::Shutdown;
use servers::Servers;

/// How many are asked for at a time.
pub(crate) const BATCH: i32 = 100;
/// How many of a platform are under way at a time.
const AT_ONCE: usize = 5;
/// How many of all platforms are.
const AT_ONCE_IN_ALL: usize = 20;

/// Renews what is due.
pub(crate) struct Refresher {
    db: Db,
    credentials: Arc<Credentials>,
    providers: Providers,
    lanes: BTreeMap<&'static str, Semaphore>,
    all: Semaphore,
    servers: Servers,
    shutdown: Shutdown,
}

/// What came of a batch.
#[derive(Debug, Default, Clone, PartialEq, Serialize)]
pub(crate) struct Summary {
    /// How many the database gave.
    pub(crate) given: usize,
    /// Those that have new tokens.
    pub(crate) refreshed: usize,
    /// Those that the platform did not renew.
    pub(crate) failed: usize,
    /// Those that somebody else has renewed or is renewing, and those that are better renewed later.
    pub(crate) skipped: usize,
    /// Those among the failed that need a new login.
    pub(crate) need_login: usize,
    /// How long it took.
    pub(crate) seconds: f64,
}

/// What came of one.
enum Came {
    Refreshed,
    Skipped,
    Failed(ErrorClass),
}

impl Refresher {
    pub(crate) fn new(
        db: Db,
        credentials: Arc<Credentials>,
        providers: Providers,
        shutdown: Shutdown,
    ) -> Arc<Self> {
        let lanes = providers.iter().map(|provider| (provider.platform().name, Semaphore::new(AT_ONCE)));
        let lanes = lanes.collect();
        let (all, servers) = (Semaphore::new(AT_ONCE_IN_ALL), Servers::default());
        Arc::new(Self { db, credentials, providers, lanes, all, servers, shutdown })
    }

    /// Whether there is such a platform.
    pub(crate) fn knows(&self, platform: &str) -> bool {
        self.lanes.contains_key(platform)
    }

    /// Renews up to `limit` that are due, of one platform or of all. What has begun goes on even if nobody waits for it.
    pub(crate) async fn batch(
        self: &Arc<Self>,
        limit: i32,
        platform: Option<&str>,
    ) -> Result<Summary, Error> {
        let begun = Instant::now();
        let given = self.db.refresh_expiring_tokens(limit, platform).await?;
        let mut summary = Summary { given: given.len(), ..Summary::default() };
        let mut tasks = JoinSet::new();
        for expiring in given {
            let this = Arc::clone(self);
            tasks.spawn(async move { this.renew(expiring).await });
        }
        while let Some(came) = tasks.join_next().await {
            match came {
                Ok(Came::Refreshed) => summary.refreshed += 1,
                Ok(Came::Skipped) => summary.skipped += 1,
                Ok(Came::Failed(class)) => {
                    summary.failed += 1;
                    summary.need_login += usize::from(class == ErrorClass::AuthRevoked);
                }
                Err(error) => {
                    warn!(%error, "a refresh was interrupted");
                    summary.failed += 1;
                }
            }
        }
        summary.seconds = begun.elapsed().as_secs_f64();
        if summary.given > 0 {
            let Summary { given, refreshed, failed, skipped, need_login, seconds } = summary;
            info!(
                platform = platform.unwrap_or("all"),
                given, refreshed, failed, skipped, need_login, seconds, "expiring tokens were refreshed"
            );
        }
        Ok(summary)
    }

    /// Renews one when it is its turn.
    async fn renew(&self, expiring: Expiring) -> Came {
        let Expiring { platform, account, generation } = expiring;
        let (Some(provider), Some(lane)) = (self.providers.get(&platform), self.lanes.get(platform.as_str()))
        else {
            debug!(platform, "no provider for a token that ends");
            return Came::Skipped;
        };
        // Neither is ever closed.
        let (Ok(_lane), Ok(_one_of_all)) = (lane.acquire().await, self.all.acquire().await) else {
            return Came::Skipped;
        };
        // Those that are not begun are given again a few minutes later.
        if self.shutdown.begun() || !self.servers.may_be_asked(&account.base_url) {
            return Came::Skipped;
        }
        let renewed = self.credentials.renew_ahead(provider, &account, generation).await;
        self.servers.note(&account.base_url, renewed.as_ref().err());
        match renewed {
            Ok(Renewal::Bought(_)) => Came::Refreshed,
            Ok(Renewal::Found(_) | Renewal::PutOff(_)) => Came::Skipped,
            Err(failure) => Came::Failed(failure.class),
        }
    }
}

/// Renews what is due, of each platform for itself, until the process is to end; and stores what the journal has left.
pub(crate) async fn run(refresher: Arc<Refresher>, journal: Option<Arc<Journal>>, every: Duration) {
    let mut loops = JoinSet::new();
    for platform in refresher.lanes.keys().copied() {
        loops.spawn(keep_fresh(Arc::clone(&refresher), platform, every));
    }
    if let Some(journal) = journal {
        loops.spawn(keep_empty(Arc::clone(&refresher), journal, every));
    }
    while loops.join_next().await.is_some() {}
}

async fn keep_fresh(refresher: Arc<Refresher>, platform: &'static str, every: Duration) {
    let mut said = None;
    while !refresher.shutdown.begun() {
        let more = match refresher.batch(BATCH, Some(platform)).await {
            Ok(summary) => {
                said = None;
                // where all were skipped their server rests: taking more would only put them off
                summary.given >= BATCH as usize && summary.skipped < summary.given
            }
            // The loop tells of a database that is away.
            Err(error) if error.is_passing() => false,
            Err(error) => {
                let error = error.to_string();
                // once for each reason
                if said.as_ref() != Some(&error) {
                    warn!(platform, error, "expiring tokens can't be asked for");
                    said = Some(error);
                }
                false
            }
        };
        if !more {
            refresher.pause(every).await;
        }
    }
}

/// A database that came back, or was adopted, takes what waits.
async fn keep_empty(refresher: Arc<Refresher>, journal: Arc<Journal>, every: Duration) {
    let mut said = None;
    while !refresher.shutdown.begun() {
        refresher.pause(every).await;
        match journal.replay(&refresher.db).await {
            Err(error) if !error.is_passing() => {
                let error = error.to_string();
                // once for each reason
                if said.as_ref() != Some(&error) {
                    warn!(error, "the journal of refreshes could not be replayed");
                    said = Some(error);
                }
            }
            _ => said = None,
        }
    }
}

impl Refresher {
    async fn pause(&self, pause: Duration) {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.shutdown.wait() => {}
        }
    }
}
