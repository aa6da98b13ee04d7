//! `crier.retry_jobs`: dead jobs get another life, waiting ones are due now.

use crier_core::rights;
use crier_working_set::State;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::activity;
use crate::answer::SetOfIterator;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::queue::checkpoint;
use crate::queue::held::{self, Held};
use crate::queue::load;
use crate::queue::settle::{self, Again, Fate, Said, Settled};

const REVIVABLE: Statement = statement!(up "queue/revivable");
const REVIVE: Statement = statement!(up "queue/revive");
const RETRY_TARGETS: Statement = statement!(up "publishing/retry");

/// Runs jobs again: dead (failed) ones with all their attempts, waiting ones at once. Answers with those it did that
/// to. A post that certainly was not published is prepared anew. Left alone are running, completed and canceled jobs, jobs
/// of posts that may be out, and dead jobs whose dedupe key another unfinished job has.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn retry_jobs(job_ids: Option<Vec<Option<Uuid>>>) -> Result<SetOfIterator<'static, Uuid>, ErrorReport> {
    let ids = input::elements(job_ids, "job_ids")?;
    let ids = held::in_scope(ids, Caller::current()?, const { rights::least("retry_jobs") })?;
    let now = clock::now();
    let mut done = revive(&ids, now)?;
    done.extend(hasten(&ids, now)?);
    activity::note_jobs_by_id("jobs_retried", &done)?;
    Ok(SetOfIterator::new(done))
}

/// Makes waiting jobs due now.
pub(crate) fn hasten(ids: &[Uuid], now: Timestamptz) -> Result<Vec<Uuid>> {
    let waiting = |job: &Held| job.node.state == State::Waiting && job.node.run_at > now.0;
    let settled: Vec<_> = held::unfinished(ids)?
        .into_iter()
        .filter(waiting)
        .map(|job| {
            let lost_leases = i32::from(job.node.lost_leases);
            let fate = Fate::Again(Again { lost_leases, ..job.again(now) });
            Settled { job, said: Said::Nothing, fate, result: None, error: None }
        })
        .collect();
    let ids = settled.iter().map(|job| job.job.id).collect();
    settle::settle_jobs(settled, now)?;
    Ok(ids)
}

/// Takes the outcomes of dead jobs back.
fn revive(ids: &[Uuid], now: Timestamptz) -> Result<Vec<Uuid>> {
    load::warm()?;
    let dead = REVIVABLE.write(&[ids.to_vec().into(), now.into()], |row| row.need::<Uuid>(1))?;
    // The job first, the target second: the order in which everything that touches both locks them.
    let revived = bring_back(dead, now)?;
    if !revived.is_empty() {
        RETRY_TARGETS.run_only(&[revived.clone().into(), now.into()])?;
    }
    Ok(revived)
}

/// Sends anew what a person says was not sent. The job is gone where its retention has passed: then `instead` says what to do.
pub(crate) fn send_again(
    job: Option<Uuid>,
    what: String,
    instead: &'static str,
    now: Timestamptz,
) -> Result<()> {
    load::warm()?;
    if bring_back(job.into_iter().collect(), now)?.is_empty() {
        return Err(CrierError::invalid(what, "has no job any more that could send it again", instead));
    }
    Ok(())
}

/// Has dead jobs begin again that may, with all their attempts. The queue is in memory already: nothing is locked while it is
/// read.
pub(crate) fn bring_back(dead: Vec<Uuid>, now: Timestamptz) -> Result<Vec<Uuid>> {
    if dead.is_empty() {
        return Ok(dead);
    }
    let revived = REVIVE.write(&[dead.into(), now.into()], |row| row.need::<Uuid>(1))?;
    checkpoint::note_reopened(&revived, now)?;
    load::add_own(&revived)?;
    Ok(revived)
}
