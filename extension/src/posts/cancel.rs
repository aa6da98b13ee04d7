//! `crier.cancel_post`.

use std::collections::HashMap;

use crier_core::rights;
use crier_core::target::{JobEnd, TargetState};
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::plans::{Statement, statement};
use crate::publishing::follow;
use crate::queue::held::{self, Held};
use crate::queue::settle::{self, Fate, Said, Settled};

const WORKSPACE_OF: Statement = statement!(up "posts/workspace_of");
const JOB_IDS: Statement = statement!(up "posts/job_ids");
const LOCK_TARGETS: Statement = statement!(up "posts/lock_targets");
const CANCEL_WAITING: Statement = statement!(up "posts/cancel_waiting");

struct Target {
    id: Uuid,
    account_id: Uuid,
    /// Nothing for a part that waits.
    job_id: Option<Uuid>,
    state: TargetState,
}

/// Cancels what was not sent yet and answers with the state of every target: `canceled`, or the state in which
/// it was too late.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn cancel_post(
    post_id: Option<Uuid>,
) -> Result<
    TableIterator<'static, (name!(target_id, Uuid), name!(account_id, Uuid), name!(state, &'static str))>,
    ErrorReport,
> {
    let id = input::required(post_id, "post_id")?;
    let caller = Caller::current()?;
    let missing = CrierError::NotFound { what: "post", id };
    let workspace = WORKSPACE_OF
        .read(&[id.into(), caller.readable()?.into()], |row| row.need::<Uuid>(1))?
        .into_iter()
        .next()
        .ok_or(missing)?;
    caller.require(workspace, const { rights::least("cancel_post") })?;

    // Jobs first, targets second: the order in which everything that touches both locks them.
    let jobs = JOB_IDS.read(&[workspace.into(), id.into()], |row| row.need::<Uuid>(1))?;
    let mut jobs: HashMap<Uuid, Held> =
        held::unfinished(&jobs)?.into_iter().map(|job| (job.id, job)).collect();
    let targets = LOCK_TARGETS.write(&[workspace.into(), id.into()], |row| {
        // One that may be out for an earlier send counts as unknown, whatever it waits for now.
        let state = follow::parse(&row.need::<String>(4)?)?.in_doubt(row.need(5)?);
        Ok(Target { id: row.need(1)?, account_id: row.need(2)?, job_id: row.get(3)?, state })
    })?;
    let now = clock::now();
    if targets.iter().any(|target| target.state == TargetState::Waiting) {
        CANCEL_WAITING.run_only(&[workspace.into(), id.into(), now.into()])?;
    }
    let canceled: Vec<_> = targets.iter().filter(|target| target.can_be_canceled()).collect();
    let ended = canceled.iter().filter_map(|target| target.job_id);
    follow::jobs(ended.clone().map(|job_id| (job_id, JobEnd::Canceled, None)), now)?;
    // A part that got its job just now, when the others were locked already, is canceled too: its job finds nothing to do.
    let settled = ended.filter_map(|job_id| jobs.remove(&job_id)).map(|job| Settled {
        job,
        said: Said::Nothing,
        fate: Fate::Canceled,
        result: None,
        error: None,
    });
    settle::settle_jobs(settled.collect(), now)?;
    Ok(TableIterator::new(targets.into_iter().map(|target| {
        let state = if target.can_be_canceled() { TargetState::Canceled } else { target.state };
        (target.id, target.account_id, state.as_str())
    })))
}

impl Target {
    fn can_be_canceled(&self) -> bool {
        self.state.after_job(JobEnd::Canceled) == TargetState::Canceled
    }
}
