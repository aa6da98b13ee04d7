//! Leases that ran out and jobs that expired, settled by whoever claims next.

use crier_core::retry;

use crate::error::Result;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};
use crate::publishing::follow;
use crate::queue::settle::{self, Fate, PUBLISH, Settled};

const OVERDUE: Statement = statement!(up "queue/overdue");

struct Overdue {
    id: pgrx::Uuid,
    kind: String,
    attempt: i32,
    max_attempts: i32,
    lost_leases: i32,
    lease_lost: bool,
}

/// A lost lease goes back to the queue at once; after three in a row, or with its attempts used up, the job is
/// given up. One whose post may be out has some more attempts, which look for it. An expired job ends.
pub(crate) fn settle(now: Timestamptz) -> Result<()> {
    let overdue = OVERDUE.write(&[now.into()], |row| {
        Ok(Overdue {
            id: row.need(1)?,
            kind: row.need(2)?,
            attempt: row.need(3)?,
            max_attempts: row.need(4)?,
            lost_leases: row.need(5)?,
            lease_lost: row.need(6)?,
        })
    })?;
    if overdue.is_empty() {
        return Ok(());
    }
    let publishing = overdue.iter().filter(|job| job.lease_lost && job.kind == PUBLISH);
    let out = follow::may_be_out(publishing.map(|job| job.id).collect())?;
    let settled: Vec<_> = overdue.iter().map(|job| job.settled(out.contains(&job.id), now)).collect();
    settle::settle(&settled, now)
}

impl Overdue {
    fn settled(&self, may_be_out: bool, now: Timestamptz) -> Settled {
        let spent = if may_be_out {
            self.attempt >= self.max_attempts.saturating_add(retry::EXTRA_LOOKS)
        } else {
            self.lost_leases + 1 >= retry::MAX_LOST_LEASES || self.attempt >= self.max_attempts
        };
        let (fate, error) = match (self.lease_lost, spent) {
            (true, false) => (
                Fate::Again { run_at: now, attempt_back: false, lease_lost: true },
                reason("lease_lost", "the worker's lease ran out without an answer"),
            ),
            (true, true) => (
                Fate::Failed,
                reason(
                    "lease_lost",
                    "the leases of its workers ran out without an answer; the attempts are used up",
                ),
            ),
            (false, _) => (Fate::Failed, reason("expired", "the job expired before it was done")),
        };
        Settled { id: self.id, kind: self.kind.clone(), fate, result: None, error: Some(error) }
    }
}

fn reason(class: &str, message: &str) -> Jsonb {
    Jsonb::from_value(&serde_json::json!({ "class": class, "message": message }))
}
