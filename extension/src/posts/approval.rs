//! Who approves posts: `crier.set_approval`, `crier.submit_post`, `crier.approve_post`, `crier.reject_post`.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use super::plan::Plan;
use super::store::Stage;
use crate::activity::{self, Object};
use crate::clock;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};

const SET_APPROVAL: Statement = statement!(up "posts/set_approval");
const MAX_REASON: usize = 2_000;

/// Has the posts of a workspace approved from now on before they are planned, by members of this role or a higher one: `admin` or
/// `owner`; null: no longer. What is planned already stays so.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn set_approval(workspace_id: Option<Uuid>, role: Option<&str>) -> Result<(), ErrorReport> {
    let workspace = input::required(workspace_id, "workspace_id")?;
    if let Some(other) = role.filter(|role| !["admin", "owner"].contains(role)) {
        let shown: String = other.chars().take(80).collect();
        let hint = "Say admin or owner, or null where posts need no approval.";
        return Err(CrierError::invalid("role", format!("is {shown:?}"), hint).into());
    }
    Caller::current()?.require(workspace, const { rights::least("set_approval") })?;
    SET_APPROVAL.run_only(&[workspace.into(), role.into()])?;
    Ok(activity::note(workspace, "approval_set", Object::Workspace, json!({ "role": role }))?)
}

/// A draft is finished: it is in review, or planned at its time where nobody has to approve it. Answers with its stage.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn submit_post(post_id: Option<Uuid>) -> Result<&'static str, ErrorReport> {
    let id = input::required(post_id, "post_id")?;
    let mut plan = Plan::open(id, const { rights::least("submit_post") })?;
    plan.require(&[Stage::Draft])?;
    let now = clock::now();
    plan.enter(now)?;
    plan.tell("post_submitted", json!({}), (None, plan.scheduled_at), now)?;
    Ok(plan.stage.as_str())
}

/// Approves what is in review: it is planned at its time, or waits for one. `read_at`: `updated_at` of the post as it was read; where it
/// has changed since, it is not approved unread. Answers with its stage.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn approve_post(
    post_id: Option<Uuid>,
    read_at: default!(Option<Timestamptz>, "NULL"),
) -> Result<&'static str, ErrorReport> {
    let id = input::required(post_id, "post_id")?;
    let mut plan = Plan::open_as_approver(id)?;
    plan.require(&[Stage::InReview])?;
    if read_at.is_some_and(|read_at| read_at != plan.read_at) {
        let hint = "Read it again: crier.get_post() has updated_at.";
        return Err(CrierError::invalid(format!("post {id}"), "was changed since it was read", hint).into());
    }
    let now = clock::now();
    if plan.scheduled_at.is_some() || plan.next_slot {
        plan.schedule(now)?;
    } else {
        plan.set_plan(Stage::Approved, now)?;
    }
    plan.tell("post_approved", json!({}), (None, plan.scheduled_at), now)?;
    Ok(plan.stage.as_str())
}

/// Sends what is in review, or was approved and has no time yet, back to its author, with the reason: it is a draft again.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn reject_post(post_id: Option<Uuid>, reason: Option<&str>) -> Result<(), ErrorReport> {
    let id = input::required(post_id, "post_id")?;
    let reason = input::text(reason, "reason", MAX_REASON)?;
    let mut plan = Plan::open_as_approver(id)?;
    plan.require(&[Stage::InReview, Stage::Approved])?;
    let now = clock::now();
    // threads of which the beginning was out before it came to review
    plan.cancel(now)?;
    plan.set_plan(Stage::Draft, now)?;
    Ok(plan.tell("post_rejected", json!({ "reason": reason }), (None, None), now)?)
}

impl Plan {
    fn open_as_approver(id: Uuid) -> Result<Self> {
        let plan = Self::open(id, const { rights::least("approve_post") })?;
        if let Some(role) = plan.approval {
            plan.caller.require(plan.post.workspace, role)?;
        }
        Ok(plan)
    }

    /// Refuses a post that is at another stage.
    pub(super) fn require(&self, stages: &[Stage]) -> Result<()> {
        if stages.contains(&self.stage) {
            return Ok(());
        }
        let wanted = match stages {
            [Stage::Draft] => "a draft",
            [Stage::Scheduled] => "scheduled",
            _ => "in review",
        };
        Err(CrierError::invalid(
            format!("post {}", self.post.id),
            format!("is {}, not {wanted}", self.stage.as_str()),
            "crier.get_post() tells the stage of a post.",
        ))
    }
}
