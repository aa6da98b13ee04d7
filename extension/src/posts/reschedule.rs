//! `crier.reschedule_post`.

use crier_core::rights;
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

/// Plans a post for another time: everything of it that is not out and can't be, what failed or was canceled included. A draft is
/// planned by that for the first time; where posts have to be approved it is in review then. `next_slot`: each account
/// at the next of its slots from `scheduled_at` on. Answers with the state of every target: `scheduled` or `waiting`, or the state in
/// which it was too late.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn reschedule_post(
    post_id: Option<Uuid>,
    scheduled_at: default!(Option<Timestamptz>, "now()"),
    next_slot: default!(Option<bool>, "false"),
) -> Result<
    TableIterator<'static, (name!(target_id, Uuid), name!(account_id, Uuid), name!(state, &'static str))>,
    ErrorReport,
> {
    let id = input::required(post_id, "post_id")?;
    let now = clock::now();
    let at = input::required(scheduled_at, "scheduled_at")?.plausible("scheduled_at", now)?;
    let next_slot = input::required(next_slot, "next_slot")?;
    let mut plan = Plan::open(id, const { rights::least("reschedule_post") })?;
    if plan.stage == Stage::Scheduled && !plan.targets.iter().any(Target::is_open) {
        // Nothing moves any more, and the answer says why.
        return Ok(TableIterator::new(plan.standing()));
    }
    let before = plan.scheduled_at;
    plan.scheduled_at = Some(at);
    plan.next_slot = next_slot;
    let standing = match plan.stage {
        Stage::Scheduled => plan.move_targets(now)?,
        // what was approved without a time has one now
        Stage::Approved => plan.schedule(now)?,
        Stage::Draft | Stage::InReview => plan.enter(now)?,
    };
    plan.tell("post_rescheduled", json!({}), (before, plan.scheduled_at), now)?;
    Ok(TableIterator::new(standing))
}
