//! Some refreshes after each other, so many at a time: more is asked for as room comes free, so that none that is slow holds up what
//! comes after it, and nothing is held for long that is not begun.

use std::mem;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crier_core::error_class::ErrorClass;
use tokio::task::{JoinError, JoinSet};
use tracing::{info, warn};

use super::{AT_ONCE, AT_ONCE_IN_ALL, BATCH, Came, Refresher, Summary};
use crate::db::Expiring;
use crate::error::Error;

pub(super) struct Stretch<'a> {
    refresher: &'a Arc<Refresher>,
    platform: Option<&'a str>,
    tasks: JoinSet<Came>,
    /// What was given and is not begun.
    back: Vec<(Expiring, SystemTime)>,
    summary: Summary,
    begun: Instant,
}

impl<'a> Stretch<'a> {
    pub(super) fn new(refresher: &'a Arc<Refresher>, platform: Option<&'a str>) -> Self {
        let (tasks, back, summary) = (JoinSet::new(), Vec::new(), Summary::default());
        Self { refresher, platform, tasks, back, summary, begun: Instant::now() }
    }

    /// Renews up to so many, or all that is due, and says what came of it since it said so last.
    pub(super) async fn run(mut self, mut left: usize) -> Result<Summary, Error> {
        let room = 2 * if self.platform.is_some() { AT_ONCE } else { AT_ONCE_IN_ALL };
        let (mut more, mut refused) = (true, None);
        loop {
            let wanted = (room - self.tasks.len().min(room)).min(left);
            // not one at a time
            if more && wanted >= left.clamp(1, AT_ONCE) && !self.refresher.shutdown.begun() {
                match self.refresher.due(wanted, self.platform).await {
                    Ok(given) => {
                        more = given.len() == wanted;
                        left -= given.len();
                        self.begin(given);
                    }
                    Err(error) => {
                        more = false;
                        refused = Some(error);
                    }
                }
            }
            match self.tasks.join_next().await {
                Some(came) => self.count(came),
                None if more && left > 0 && !self.refresher.shutdown.begun() => {}
                None => break,
            }
            if left > BATCH as usize && self.summary.given >= BATCH as usize {
                self.hand_back().await;
                self.tell();
            }
        }
        self.hand_back().await;
        let summary = self.tell();
        match refused {
            Some(error) if summary.given == 0 => Err(error),
            Some(error) => {
                warn!(%error, "not all that is due could be asked for");
                Ok(summary)
            }
            None => Ok(summary),
        }
    }

    fn begin(&mut self, given: Vec<Expiring>) {
        for expiring in given {
            match self.refresher.better_time(&expiring) {
                Some(until) => self.not_begun(expiring, until),
                None => {
                    let refresher = Arc::clone(self.refresher);
                    self.tasks.spawn(async move { refresher.renew(expiring).await });
                }
            }
        }
    }

    fn count(&mut self, came: Result<Came, JoinError>) {
        match came {
            Ok(Came::NotBegun(expiring, until)) => return self.not_begun(*expiring, until),
            Ok(Came::Refreshed) => self.summary.refreshed += 1,
            Ok(Came::Skipped) => self.summary.skipped += 1,
            Ok(Came::Failed(class)) => {
                self.summary.failed += 1;
                self.summary.need_login += usize::from(class == ErrorClass::AuthRevoked);
            }
            Err(error) => {
                warn!(%error, "a refresh was interrupted");
                self.summary.failed += 1;
            }
        }
        self.summary.given += 1;
    }

    fn not_begun(&mut self, expiring: Expiring, until: SystemTime) {
        self.summary.given += 1;
        self.summary.skipped += 1;
        self.back.push((expiring, until));
    }

    /// In one call. What can't be handed back comes again a few minutes later.
    async fn hand_back(&mut self) {
        let back = mem::take(&mut self.back);
        if back.is_empty() {
            return;
        }
        match self.refresher.db.hand_back_refreshes(&back).await {
            Err(error) if !error.is_passing() => warn!(%error, "refreshes could not be handed back"),
            _ => {}
        }
    }

    /// What came of those that have ended since this was told last.
    fn tell(&mut self) -> Summary {
        let begun = mem::replace(&mut self.begun, Instant::now());
        let summary = Summary { seconds: begun.elapsed().as_secs_f64(), ..mem::take(&mut self.summary) };
        let Summary { given, refreshed, failed, skipped, need_login, seconds } = summary;
        if given > 0 {
            info!(
                platform = self.platform.unwrap_or("all"),
                given, refreshed, failed, skipped, need_login, seconds, "expiring tokens were refreshed"
            );
        }
        summary
    }
}
