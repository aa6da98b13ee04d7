//! Who has what: what a claim writes down, and what the view of jobs shows of it (`crier.job_lease`, `crier.job_worker`).

use crier_working_set::State;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::error::Result;
use crate::identity::Caller;
use crate::memory;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::queue::held::{id_of, some_uuid};
use crate::queue::load;

const WORKER_OF: Statement = statement!(up "queue/worker_of");
const RECORD_CLAIM: Statement = statement!(up "queue/record_claim");

/// The lease of a running job of a workspace that the caller may read; no row for any other job. On a standby, and
/// where the library was not preloaded, nothing is known of leases.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn job_lease(
    job_id: Option<Uuid>,
    workspace_id: Option<Uuid>,
) -> Result<
    TableIterator<'static, (name!(token, i64), name!(attempt, i32), name!(lease_expires_at, Timestamptz))>,
    ErrorReport,
> {
    let Some(id) = job_id else { return Ok(TableIterator::empty()) };
    // SAFETY: reads the state of the server.
    if !memory::is_there() || unsafe { pg_sys::RecoveryInProgress() } {
        return Ok(TableIterator::empty());
    }
    load::warm()?;
    let found = memory::with(|memory| {
        let ix = memory.set.find(memory.db, id_of(id))?;
        let node = memory.set.get(ix);
        let same = some_uuid(memory.set.workspace(ix)) == workspace_id;
        (same && node.state == State::Leased).then_some(node)
    })?;
    let Some(node) = found else { return Ok(TableIterator::empty()) };
    if let Some(readable) = Caller::current()?.readable()?
        && !workspace_id.is_some_and(|id| readable.contains(&id))
    {
        return Ok(TableIterator::empty());
    }
    Ok(TableIterator::once((node.token, i32::from(node.attempt), Timestamptz(node.lease_until))))
}

/// The worker that has, or had, a job by a claim; null where it is not the caller's to know.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn job_worker(job_id: Option<Uuid>, token: Option<i64>) -> Result<Option<String>, ErrorReport> {
    let (Some(id), Some(token)) = (job_id, token) else { return Ok(None) };
    Ok(worker_of(id, token, Caller::current()?.readable()?)?)
}

/// Writes down who was given what, so that leases and tokens survive a crash. `recorded_at`: the token's own time, or a later
/// one where a lease is kept up for long.
pub(crate) fn record_claim(
    recorded_at: i64,
    token: i64,
    worker: &str,
    until: Timestamptz,
    jobs: Vec<Uuid>,
    attempts: Vec<i32>,
) -> Result<()> {
    RECORD_CLAIM.run_only(&[
        recorded_at.into(),
        token.into(),
        worker.into(),
        until.into(),
        jobs.into(),
        attempts.into(),
    ])
}

/// The worker of a claim, if its job belongs to one of the workspaces, or to any where none are given.
pub(crate) fn worker_of(id: Uuid, token: i64, workspaces: Option<Vec<Uuid>>) -> Result<Option<String>> {
    let found = WORKER_OF.read(&[token.into(), id.into(), workspaces.into()], |row| row.need(1))?;
    Ok(found.into_iter().next())
}
