//! What a schedule made ahead of time and would make otherwise now.

use crier_core::rights::Role;
use pgrx::Uuid;

use super::plan::Plan;
use super::store::Stage;
use crate::error::{CrierError, Result};
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};

const DELETE_POST: Statement = statement!(up "posts/delete_post");

/// What has become of a post that was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TakenBack {
    /// It is gone, as if it had never been made.
    Gone,
    /// It will not be published; whoever has changed it finds it canceled, or as a draft.
    Canceled,
    /// It is out already, or may be.
    Out,
}

/// Takes a post back of which nothing is out. `keep`: it stays, canceled, because somebody has changed it.
pub(crate) fn take_back(id: Uuid, keep: bool, least: Role, now: Timestamptz) -> Result<TakenBack> {
    let mut plan = match Plan::open(id, least) {
        Err(CrierError::NotFound { .. }) => return Ok(TakenBack::Gone),
        plan => plan?,
    };
    if plan.stage == Stage::Scheduled {
        plan.cancel(now)?;
    }
    if !plan.closed().is_empty() {
        return Ok(TakenBack::Out);
    }
    if keep {
        if plan.stage != Stage::Scheduled {
            plan.set_plan(Stage::Draft, now)?;
        }
        return Ok(TakenBack::Canceled);
    }
    DELETE_POST.run_only(&[plan.post.workspace.into(), id.into()])?;
    Ok(TakenBack::Gone)
}
