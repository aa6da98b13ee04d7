//! Tells the database of requests, some hundred at a time. One that was told is not told again: where no answer comes it may have been
//! recorded all the same, and would count twice.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::waiting::{Answered, BATCH, Waiting};
use crate::db::Db;

/// How long a request waits at the most for others, and the database after it did not take some.
const EVERY: Duration = Duration::from_secs(5);
/// How long the last ones may take when the process ends.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// The task that does it.
pub(crate) struct Recording {
    task: JoinHandle<()>,
    ending: CancellationToken,
}

struct Recorder {
    db: Db,
    waiting: Arc<Waiting>,
    /// Whether it was said that the database does not take them.
    failing: bool,
}

impl Recording {
    pub(super) fn start(db: Db, waiting: Arc<Waiting>) -> Self {
        let ending = CancellationToken::new();
        let recorder = Recorder { db, waiting, failing: false };
        Self { task: tokio::spawn(recorder.run(ending.clone())), ending }
    }

    /// Tells what is left, for so long.
    pub(crate) async fn finish(mut self, limit: Duration) {
        self.ending.cancel();
        if timeout(limit.min(LAST_WORDS), &mut self.task).await.is_err() {
            self.task.abort();
            warn!("the last requests that were answered were not recorded in time");
        }
    }
}

impl Recorder {
    async fn run(mut self, ending: CancellationToken) {
        let mut may_be_early = true;
        while !ending.is_cancelled() {
            tokio::select! {
                () = self.waiting.full.notified(), if may_be_early => {}
                () = sleep(EVERY) => {}
                () = ending.cancelled() => {}
            }
            may_be_early = self.record_all().await;
        }
    }

    /// Whether the database took all. It goes on only while there is a whole batch: what strangers ask meanwhile waits its time.
    async fn record_all(&mut self) -> bool {
        let (db, waiting) = (&self.db, &self.waiting);
        while !waiting.is_empty() {
            let mut taken = 0;
            // only once there is a connection: what can't be told now waits
            let take = || {
                let batch = waiting.take();
                taken = batch.len();
                Value::Array(batch.iter().map(Answered::to_json).collect())
            };
            match db.record_api_metrics(take).await {
                Ok(()) => {
                    waiting.counts.recorded.inc_by(taken as u64);
                    if std::mem::take(&mut self.failing) {
                        info!("requests that were answered are recorded again");
                    }
                }
                Err(error) => {
                    waiting.counts.dropped.inc_by(taken as u64);
                    if !std::mem::replace(&mut self.failing, true) {
                        warn!(%error, "requests that were answered can't be recorded; alerts and figures of the API lack them");
                    }
                    return false;
                }
            }
            if taken < BATCH {
                break;
            }
        }
        true
    }
}
