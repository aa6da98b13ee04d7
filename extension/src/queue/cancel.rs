//! `crier.cancel_jobs`.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::actions;
use crate::activity;
use crate::answer::SetOfIterator;
use crate::clock;
use crate::error::Result;
use crate::identity::Caller;
use crate::input;
use crate::publishing::follow;
use crate::queue::held;
use crate::queue::settle::{self, Fate, Said, Settled};

/// Cancels waiting and running jobs; answers with those it canceled. The worker of a running one learns it at
/// its next heartbeat, and its answer changes nothing. A publish that the platform may have received already
/// is not canceled: its job finds out what became of it. Nor is a message that is being sent.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn cancel_jobs(job_ids: Option<Vec<Option<Uuid>>>) -> Result<SetOfIterator<'static, Uuid>, ErrorReport> {
    let ids = input::elements(job_ids, "job_ids")?;
    let ids = held::in_scope(ids, Caller::current()?, const { rights::least("cancel_jobs") })?;
    let jobs = held::unfinished(&ids)?;
    let publishing = jobs.iter().filter(|job| settle::publishes(&job.kind));
    // Looked at after the jobs are locked: an intent that was being recorded meanwhile counts.
    let mut out = follow::may_be_out(publishing.map(|job| job.id).collect())?;
    let acting = jobs.iter().filter(|job| actions::is_action(&job.kind));
    out.extend(actions::follow::being_sent(acting.map(|job| job.id).collect())?);
    let settled: Vec<_> = jobs
        .into_iter()
        .filter(|job| !out.contains(&job.id))
        .map(|job| Settled { job, said: Said::Nothing, fate: Fate::Canceled, result: None, error: None })
        .collect();
    let canceled: Vec<_> = settled.iter().map(|job| (job.job.workspace, job.job.id)).collect();
    settle::settle(settled, clock::now())?;
    activity::note_jobs("jobs_canceled", canceled.iter().copied())?;
    Ok(SetOfIterator::new(canceled.into_iter().map(|(_, id)| id)))
}
