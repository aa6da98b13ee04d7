//! `crier.cancel_jobs`.

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::clock;
use crate::error::Result;
use crate::identity::Caller;
use crate::input;
use crate::plans::{Statement, statement};
use crate::publishing::follow;
use crate::queue::settle::{self, Fate, PUBLISH, Settled};

const LOCK_UNFINISHED: Statement = statement!(up "queue/lock_unfinished");

/// Cancels waiting and running jobs; answers with those it canceled. The worker of a running one learns it at
/// its next heartbeat, and its answer changes nothing. A publish that the platform may have received already
/// is not canceled: its job finds out what became of it.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn cancel_jobs(job_ids: Option<Vec<Option<Uuid>>>) -> Result<SetOfIterator<'static, Uuid>, ErrorReport> {
    let ids = input::elements(job_ids, "job_ids")?;
    let scope = Caller::current()?.writable()?;
    let jobs = LOCK_UNFINISHED
        .write(&[ids.into(), scope.into()], |row| Ok((row.need::<Uuid>(1)?, row.need::<String>(2)?)))?;
    let publishing: Vec<_> = jobs.iter().filter(|(_, kind)| kind == PUBLISH).map(|(id, _)| *id).collect();
    // Looked at after the jobs are locked: an intent that was being recorded meanwhile counts.
    let out = follow::may_be_out(publishing)?;
    let settled: Vec<_> = jobs
        .into_iter()
        .filter(|(id, _)| !out.contains(id))
        .map(|(id, kind)| Settled { id, kind, fate: Fate::Canceled, result: None, error: None })
        .collect();
    settle::settle(&settled, clock::now())?;
    Ok(SetOfIterator::new(settled.into_iter().map(|job| job.id)))
}
