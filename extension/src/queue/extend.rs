//! `crier.extend_jobs`.

use pgrx::Uuid;
use pgrx::datum::Interval;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crier_working_set::State;

use crate::answer::TableIterator;
use crate::clock;
use crate::error::Result;
use crate::input;
use crate::memory;
use crate::passed::{Jsonb, JsonbArray, Timestamptz};
use crate::plans::{Statement, statement};
use crate::queue::held::{self, Held};
use crate::queue::{live, load};
use crate::transaction;

const SET_PROGRESS: Statement = statement!(up "queue/set_progress");

/// A lease that is kept up for so long beyond what is written down is written down again.
const UNWRITTEN: i64 = 12 * 60 * 60 * 1_000_000;

/// Renews the leases of running jobs and may record their progress. A job that is missing in the answer is no
/// longer the worker's: its lease was lost or it was canceled, and the worker stops.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn extend_jobs(
    job_ids: Option<Vec<Option<Uuid>>>,
    tokens: Option<Vec<Option<i64>>>,
    lease: Option<Interval>,
    progress: default!(Option<JsonbArray>, "NULL"),
) -> Result<TableIterator<'static, (name!(job_id, Uuid), name!(lease_expires_at, Timestamptz))>, ErrorReport>
{
    let (ids, tokens) = input::leases(job_ids, tokens)?;
    let until = clock::lease_end(lease, clock::now())?;
    let progress = match progress {
        Some(progress) => progress.elements("progress", ids.len())?,
        None => vec![None; ids.len()],
    };
    load::warm()?;
    let now = clock::now().0;
    let jobs: Vec<Held> = memory::with(|memory| {
        let mut jobs = Vec::with_capacity(ids.len());
        for (place, id) in ids.iter().enumerate() {
            let Some(ix) = memory.set.find(memory.db, held::id_of(*id)) else { continue };
            let node = memory.set.get(ix);
            // One that another transaction holds, such as a cancel that is not committed, is not waited for: until that
            // is committed the lease is what it was, unless it had run out.
            let held = node.locker != 0 && node.locker != memory::me() && node.lease_until > now;
            if (held || node.state == State::Leased) && node.token == tokens[place] {
                memory.set.extend(ix, until.0);
                jobs.push(Held::new(memory, place, ix));
            }
        }
        jobs
    })?;
    report(&jobs, &progress)?;
    write_down(&jobs)?;
    let rows: Vec<_> = jobs.iter().map(|job| (job.id, Timestamptz(job.node.lease_until))).collect();
    Ok(TableIterator::new(rows))
}

/// Keeps progress where some is given.
fn report(jobs: &[Held], progress: &[Option<Jsonb>]) -> Result<()> {
    let given: Vec<(&Held, Jsonb)> =
        jobs.iter().filter_map(|job| progress[job.place].map(|progress| (job, progress))).collect();
    if given.is_empty() {
        return Ok(());
    }
    SET_PROGRESS.run_only(&[
        given.iter().map(|(job, _)| job.id).collect::<Vec<_>>().into(),
        given.iter().map(|(job, _)| job.workspace).collect::<Vec<_>>().into(),
        given.iter().map(|(_, progress)| *progress).collect::<Vec<_>>().into(),
        clock::now().into(),
    ])
}

/// A job that runs for many hours must be found after a crash, which looks at what was written in the last day only.
fn write_down(jobs: &[Held]) -> Result<()> {
    let now = clock::now().0;
    let old: Vec<&Held> =
        jobs.iter().filter(|job| now.saturating_sub(job.node.claimed_at) > UNWRITTEN).collect();
    if old.is_empty() {
        return Ok(());
    }
    transaction::register()?;
    for job in old {
        // one that another transaction holds gets its turn at the next heartbeat
        let locked = memory::with(|memory| {
            // looked for again: it may have ended since
            let Some(ix) = memory.set.find(memory.db, held::id_of(job.id)) else { return false };
            let node = memory.set.get(ix);
            let same = node.state == State::Leased && node.token == job.node.token;
            let locked = same && transaction::lock(memory, ix);
            if locked {
                held::alter(memory, ix, |node| node.claimed_at = now);
            }
            locked
        })?;
        let worker = live::worker_of(job.id, job.node.token, None)?;
        if let (true, Some(worker)) = (locked, worker) {
            let until = Timestamptz(job.node.lease_until);
            live::record_claim(now, job.node.token, &worker, until, vec![job.id], vec![job.attempt()])?;
        }
    }
    Ok(())
}
