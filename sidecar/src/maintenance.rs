//! What has to be done now and then: the maintenance of the database where pg_cron does not do it, noting what of the log is
//! dealt with, noticing a pause.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::db::{Db, Task};

/// How often the database is asked whether something is due.
const DUE: Duration = Duration::from_secs(60);
/// Tasks run before the state is looked at again.
const AT_ONCE: usize = 20;
/// How often the days of the queue's log are looked through.
const DAYS: Duration = Duration::from_secs(60 * 60);
/// How often the state is looked at.
const STATUS: Duration = Duration::from_secs(15);
/// How often a state that stops everything is said again.
const REMIND: Duration = Duration::from_secs(5 * 60);

/// Runs for ever.
pub(crate) async fn run(db: Db) {
    let (mut due_at, mut days_at) = (Instant::now(), Instant::now());
    let mut left_to = None;
    let mut said: Option<(String, Instant)> = None;
    loop {
        if Instant::now() >= due_at && do_what_is_due(&db, &mut left_to).await {
            due_at = Instant::now() + DUE;
        }
        if Instant::now() >= days_at && checkpoint_queue(&db).await {
            days_at = Instant::now() + DAYS;
        }
        look(&db, &mut said).await;
        tokio::time::sleep(STATUS).await;
    }
}

/// Has the database do what is due, one thing a transaction: one session does it, whoever else asks. Whether that was
/// all; otherwise it is asked again soon. `left_to` is who does it instead, as it was said last.
async fn do_what_is_due(db: &Db, left_to: &mut Option<String>) -> bool {
    for _ in 0..AT_ONCE {
        let task = match db.run_maintenance().await {
            Ok(task) => task,
            // The loop tells of a database that is away.
            Err(error) if error.is_passing() => return false,
            Err(error) => {
                warn!(%error, "the maintenance could not be run");
                return false;
            }
        };
        let other = task.as_ref().and_then(|task| task.did["left_to"].as_str().map(str::to_owned));
        if other != *left_to {
            match &other {
                Some(other) => info!(other, "the maintenance is left to somebody else"),
                None => info!("the maintenance is done from here"),
            }
            left_to.clone_from(&other);
        }
        match task {
            Some(task) if other.is_none() && task.did["busy"] != true => tell(&task),
            _ => return true,
        }
    }
    false
}

fn tell(task: &Task) {
    let name = &task.name;
    match &task.error {
        Some(error) => warn!(task = name, error, "a task of the maintenance failed; it is tried again later"),
        None => debug!(task = name, did = %task.did, "a task of the maintenance was run"),
    }
    for matter in task.did["attention"].as_array().into_iter().flatten() {
        warn!(matter = matter.as_str().unwrap_or_default(), "the database needs attention");
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
