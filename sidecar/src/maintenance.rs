//! What has to be done now and then: make partitions ahead of time, note what is dealt with, notice a pause.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::db::Db;

/// How often the days of the queue's log are looked after.
const DAYS: Duration = Duration::from_secs(60 * 60);
/// How often the state is looked at.
const STATUS: Duration = Duration::from_secs(15);
/// How often a state that stops everything is said again.
const REMIND: Duration = Duration::from_secs(5 * 60);

/// Runs for ever.
pub(crate) async fn run(db: Db) {
    let mut days_at = Instant::now();
    let mut said: Option<(String, Instant)> = None;
    loop {
        if Instant::now() >= days_at && ensure_partitions(&db).await && checkpoint_queue(&db).await {
            days_at = Instant::now() + DAYS;
        }
        look(&db, &mut said).await;
        tokio::time::sleep(STATUS).await;
    }
}

/// Whether it was done; otherwise it is tried again soon.
async fn ensure_partitions(db: &Db) -> bool {
    match db.ensure_partitions().await {
        Ok(made) if made.is_empty() => true,
        Ok(made) => {
            info!(partitions = made.len(), "partitions made");
            true
        }
        // The loop tells of a database that is away.
        Err(error) if error.is_passing() => false,
        Err(error) => {
            warn!(%error, "partitions could not be made");
            false
        }
    }
}

/// Whether it was done to the end; otherwise it goes on soon.
async fn checkpoint_queue(db: &Db) -> bool {
    match db.checkpoint_queue().await {
        Ok(0) => true,
        Ok(days) => {
            debug!(days, "days of the queue's log noted as dealt with");
            false
        }
        Err(error) if error.is_passing() => false,
        Err(error) => {
            warn!(%error, "the days of the queue's log could not be looked through");
            false
        }
    }
}

/// Says once, and every few minutes, why nothing is handed out.
async fn look(db: &Db, said: &mut Option<(String, Instant)>) {
    let obstacle = match db.status().await {
        Ok(status) => status.obstacle(),
        Err(error) if error.is_passing() => return,
        Err(error) => Some(error.to_string()),
    };
    match (obstacle, said.as_ref()) {
        (Some(reason), Some((before, at))) if *before == reason && at.elapsed() < REMIND => {}
        (Some(reason), _) => {
            warn!(reason, "nothing is handed out");
            *said = Some((reason, Instant::now()));
        }
        (None, Some(_)) => {
            info!("work is handed out again");
            *said = None;
        }
        (None, None) => {}
    }
}
