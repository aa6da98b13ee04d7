//! Leases that ran out, settled by whoever claims next.

use crier_core::retry;
use crier_working_set::Node;

use crate::actions;
use crate::error::Result;
use crate::memory::{self, me};
use crate::passed::Timestamptz;
use crate::publishing::follow;
use crate::queue::held::Held;
use crate::queue::settle::{self, Again, Fate, Said, Settled, reason};
use crate::transaction;

/// Bounded, so that a claim never pays for a large number of them.
const AT_ONCE: usize = 100;

/// A lost lease goes back to the queue at once; after three in a row, or with its attempts used up, the job is
/// given up. One whose post may be out has some more attempts, which look for it. One that was sending a message is given up
/// at once: nobody knows whether it was sent. Answers whether there were any.
pub(crate) fn settle(now: Timestamptz) -> Result<bool> {
    let mine = transaction::mine();
    let mut lost: Vec<(u32, Node)> = Vec::new();
    let jobs: Vec<Held> = memory::with(|memory| {
        memory.set.overdue(memory.db, me(), now.0, AT_ONCE, &mine, &mut lost);
        for (ix, before) in &lost {
            transaction::note(*ix, *before);
        }
        lost.iter().enumerate().map(|(place, (ix, _))| Held::new(memory, place, *ix)).collect()
    })?;
    if jobs.is_empty() {
        return Ok(false);
    }
    let publishing = jobs.iter().filter(|job| settle::publishes(&job.kind));
    let out = follow::may_be_out(publishing.map(|job| job.id).collect())?;
    let acting = jobs.iter().filter(|job| actions::is_action(&job.kind));
    let sending = actions::follow::being_sent(acting.map(|job| job.id).collect())?;
    let settled = jobs.into_iter().map(|job| {
        let (may_be_out, is_sending) = (out.contains(&job.id), sending.contains(&job.id));
        lost_lease(job, may_be_out, is_sending, now)
    });
    settle::settle(settled.collect(), now)?;
    Ok(true)
}

fn lost_lease(job: Held, may_be_out: bool, is_sending: bool, now: Timestamptz) -> Settled {
    let lost_leases = i32::from(job.node.lost_leases) + 1;
    let poison = !may_be_out && lost_leases >= retry::MAX_LOST_LEASES;
    let spent = poison || job.attempt() >= job.attempts_with_looks(may_be_out);
    let (fate, message) = if is_sending {
        (Fate::Failed, "the worker's lease ran out without an answer while it was sending")
    } else if spent {
        (Fate::Failed, "the leases of its workers ran out without an answer; the attempts are used up")
    } else {
        (Fate::Again(Again { lost_leases, ..job.again(now) }), "the worker's lease ran out without an answer")
    };
    Settled { job, said: Said::Nothing, fate, result: None, error: Some(reason("lease_lost", message)) }
}
