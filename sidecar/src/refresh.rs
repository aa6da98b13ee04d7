//! Renews tokens before anybody needs them: in a loop of every `crierd run`, and when an operator asks.
//!
//! The database says which are due and gives each to one sidecar. How many are under way at a time is bounded for each platform
//! and for all of them, whoever asked.

mod servers;
mod stretch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crier_core::error_class::ErrorClass;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::{debug, warn};

use crate::credentials::{Credentials, Renewal};
use crate::db::{Db, Expiring};
use crate::error::Error;
use crate::journal::Journal;
use crate::providers::Providers;
use crate::shutdown::Shutdown;
pub(crate) use servers::Servers;
use stretch::Stretch;

/// How many an operator asks for at the most, and after how many a loop says what came of them.
pub(crate) const BATCH: i32 = 100;
/// How many of a platform are under way at a time.
const AT_ONCE: usize = 5;
/// How many of all platforms are.
const AT_ONCE_IN_ALL: usize = 20;
/// The most servers that the database is told of.
const MAX_RESTING: usize = 1_000;

/// Renews what is due.
pub(crate) struct Refresher {
    db: Db,
    credentials: Arc<Credentials>,
    providers: Providers,
    lanes: BTreeMap<&'static str, Semaphore>,
    all: Semaphore,
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
    /// It was not begun, and is due at this time.
    NotBegun(Box<Expiring>, SystemTime),
}

impl Refresher {
    pub(crate) fn new(
        db: Db,
        credentials: Arc<Credentials>,
        providers: Providers,
        shutdown: Shutdown,
    ) -> Arc<Self> {
        let lanes = providers.iter().map(|provider| (provider.platform().name, Semaphore::new(AT_ONCE)));
        let (lanes, all) = (lanes.collect(), Semaphore::new(AT_ONCE_IN_ALL));
        Arc::new(Self { db, credentials, providers, lanes, all, shutdown })
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
        Stretch::new(self, platform).run(usize::try_from(limit).unwrap_or_default()).await
    }

    /// Asks the database for so many that are due, on servers that may be asked.
    async fn due(&self, limit: usize, platform: Option<&str>) -> Result<Vec<Expiring>, Error> {
        let mut resting = self.credentials.servers.resting();
        resting.truncate(MAX_RESTING);
        let resting: Vec<_> =
            resting.into_iter().map(|(server, until)| (server, by_the_clock(until))).collect();
        let limit = i32::try_from(limit).unwrap_or(BATCH).min(BATCH);
        self.db.refresh_expiring_tokens(limit, platform, &resting).await
    }

    /// When one that was given should be begun, if not now.
    fn better_time(&self, expiring: &Expiring) -> Option<SystemTime> {
        if self.shutdown.begun() {
            return Some(SystemTime::now());
        }
        self.credentials.servers.not_before(&expiring.account.base_url).map(by_the_clock)
    }

    /// Renews one when it is its turn.
    async fn renew(&self, expiring: Expiring) -> Came {
        let platform = expiring.platform.as_str();
        let (Some(provider), Some(lane)) = (self.providers.get(platform), self.lanes.get(platform)) else {
            debug!(platform, "no provider for a token that ends");
            return Came::Skipped;
        };
        // Neither is ever closed.
        let (Ok(_lane), Ok(_one_of_all)) = (lane.acquire().await, self.all.acquire().await) else {
            return Came::Skipped;
        };
        if let Some(until) = self.better_time(&expiring) {
            return Came::NotBegun(Box::new(expiring), until);
        }
        match self.credentials.renew_ahead(provider, &expiring.account, expiring.generation).await {
            Ok(Renewal::Bought(_)) => Came::Refreshed,
            Ok(Renewal::Found(_) | Renewal::PutOff(_)) => Came::Skipped,
            Err(failure) => Came::Failed(failure.class),
        }
    }

    /// How long a loop waits that has nothing to do: a server that rested is asked when that has ended.
    fn wait(&self, every: Duration) -> Duration {
        let ends = self.credentials.servers.resting().into_iter().map(|(_, until)| until).min();
        let rest = ends.map(|end| end.saturating_duration_since(Instant::now()));
        rest.map_or(every, |rest| rest.clamp(Duration::from_secs(1), every.max(Duration::from_secs(1))))
    }
}

/// A time of this process as the database knows it.
fn by_the_clock(at: Instant) -> SystemTime {
    SystemTime::now() + at.saturating_duration_since(Instant::now())
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
        match Stretch::new(&refresher, Some(platform)).run(usize::MAX).await {
            Ok(_) => said = None,
            // The loop tells of a database that is away.
            Err(error) if error.is_passing() => {}
            Err(error) => {
                let error = error.to_string();
                // once for each reason
                if said.as_ref() != Some(&error) {
                    warn!(platform, error, "expiring tokens can't be asked for");
                    said = Some(error);
                }
            }
        }
        refresher.pause(refresher.wait(every)).await;
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
