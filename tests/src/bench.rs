//! Measures the queue through its functions, as a client does: rates of enqueue and of a drain, and how long a job
//! waits until a worker has it.

mod drain;
mod enqueue;
mod pick_up;
mod report;

use std::time::Duration;

use crate::cluster::Database;

pub use report::Report;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How long each enqueue rate and the pick-up are measured.
    pub time: Duration,
    /// How many jobs a drain empties.
    pub jobs: usize,
}

/// Jobs per second of the steady load.
const STEADY: u32 = 200;

/// Measures everything on a database of its own.
pub async fn run(plan: Plan) -> Report {
    // as in production: a commit is on the disk before it is answered
    let settings = [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("shared_buffers", "256MB"),
        ("max_wal_size", "2GB"),
    ];
    let database = Database::private_with(&settings).await;
    let sql = database.connect().await;
    let mut report = Report::new(&sql, plan).await;
    for batch in [1, 100, 1_000] {
        report.rates.push(enqueue::measure(&database, batch, plan.time).await);
    }
    for (workers, batch) in [(1, 1), (1, 100), (1, 500), (2, 1), (2, 100), (2, 500)] {
        // one at a time is slow: a smaller backlog gives the same rate
        let jobs = if batch == 1 { plan.jobs / 10 } else { plan.jobs };
        report.rates.push(drain::measure(&database, workers, batch, jobs).await);
    }
    report.pick_up = Some(pick_up::measure(&database, STEADY, plan.time).await);
    report
}
