//! `crier.cancel_post`.

use crier_core::target::{JobEnd, TargetState};
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::clock;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::plans::{Statement, statement};
use crate::publishing::follow;
use crate::queue::settle::{self, Fate, PUBLISH, Settled};

const WORKSPACE_OF: Statement = statement!(up "posts/workspace_of");
const LOCK_JOBS: Statement = statement!(up "posts/lock_jobs");
const LOCK_TARGETS: Statement = statement!(up "posts/lock_targets");

struct Target {
    id: Uuid,
    account_id: Uuid,
    job_id: Uuid,
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
    caller.require_editor(workspace)?;

    LOCK_JOBS.run(&[workspace.into(), id.into()])?;
    let targets = LOCK_TARGETS.write(&[workspace.into(), id.into()], |row| {
        let state = follow::parse(&row.need::<String>(4)?)?;
        Ok(Target { id: row.need(1)?, account_id: row.need(2)?, job_id: row.need(3)?, state })
    })?;
    let settled: Vec<_> =
        targets.iter().filter(|target| target.can_be_canceled()).map(Target::canceled).collect();
    settle::settle(&settled, clock::now())?;
    Ok(TableIterator::new(targets.into_iter().map(|target| {
        let state = if target.can_be_canceled() { TargetState::Canceled } else { target.state };
        (target.id, target.account_id, state.as_str())
    })))
}

impl Target {
    fn can_be_canceled(&self) -> bool {
        self.state.after_job(JobEnd::Canceled) == TargetState::Canceled
    }

    fn canceled(&self) -> Settled {
        Settled { id: self.job_id, kind: PUBLISH.to_owned(), fate: Fate::Canceled, result: None, error: None }
    }
}
