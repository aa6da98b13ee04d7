//! `crier.cancel_post`.

use crier_core::rights;
use crier_core::target::{JobEnd, TargetState};
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use super::plan::{Plan, Target};
use super::store::Stage;
use crate::answer::TableIterator;
use crate::clock;
use crate::error::Result;
use crate::input;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};

const CANCEL_TARGETS: Statement = statement!(up "posts/cancel_targets");

/// Cancels what was not sent yet and answers with the state of every target: `canceled`, or the state in which
/// it was too late. What is in review or approved is a draft again.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn cancel_post(
    post_id: Option<Uuid>,
) -> Result<
    TableIterator<'static, (name!(target_id, Uuid), name!(account_id, Uuid), name!(state, &'static str))>,
    ErrorReport,
> {
    let id = input::required(post_id, "post_id")?;
    let mut plan = Plan::open(id, const { rights::least("cancel_post") })?;
    let now = clock::now();
    plan.cancel(now)?;
    if plan.stage != Stage::Scheduled {
        plan.set_plan(Stage::Draft, now)?;
    }
    plan.tell("post_canceled", json!({}), (None, None), now)?;
    Ok(TableIterator::new(plan.standing()))
}

impl Plan {
    /// Cancels what was not sent yet.
    pub(super) fn cancel(&mut self, now: Timestamptz) -> Result<()> {
        self.end_jobs(Target::can_be_canceled, now)?;
        let mut canceled = vec![];
        for target in self.targets.iter_mut().filter(|target| target.can_be_canceled()) {
            target.state = TargetState::Canceled;
            canceled.push(target.id);
        }
        self.cancel_targets(canceled, now)
    }

    /// Has targets be canceled whose jobs are ended.
    pub(super) fn cancel_targets(&self, ids: Vec<Uuid>, now: Timestamptz) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        cancel_targets(self.post.workspace, ids, now)
    }
}

/// Has targets be canceled, of whichever posts they are.
pub(crate) fn cancel_targets(workspace: Uuid, ids: Vec<Uuid>, now: Timestamptz) -> Result<()> {
    CANCEL_TARGETS.run_only(&[workspace.into(), ids.into(), now.into()])
}

impl Target {
    fn can_be_canceled(&self) -> bool {
        self.state != TargetState::Canceled && self.state.after_job(JobEnd::Canceled) == TargetState::Canceled
    }
}
