//! `crier.retry_post`.

use crier_core::rights;
use crier_core::target::TargetState;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use super::plan::Plan;
use super::store::Stage;
use crate::answer::TableIterator;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::input;

/// Tries at once again what failed of a post, with all attempts; what went out, waits or was canceled stays as it is. Answers with
/// the state of every target.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn retry_post(
    post_id: Option<Uuid>,
) -> Result<
    TableIterator<'static, (name!(target_id, Uuid), name!(account_id, Uuid), name!(state, &'static str))>,
    ErrorReport,
> {
    let id = input::required(post_id, "post_id")?;
    let mut plan = Plan::open(id, const { rights::least("retry_post") })?;
    plan.require(&[Stage::Scheduled])?;
    if plan.targets.iter().all(|target| target.state != TargetState::Failed) {
        let hint = "crier.get_post() tells the state of each target; crier.reschedule_post() plans what was canceled.";
        return Err(CrierError::invalid(format!("post {id}"), "has nothing that failed", hint).into());
    }
    let now = clock::now();
    plan.move_to(|target| target.state == TargetState::Failed, |_| now, now)?;
    plan.tell("post_retried", json!({}), (None, None), now)?;
    Ok(TableIterator::new(plan.standing()))
}
