//! `crier.duplicate_post`.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use super::plan::Plan;
use super::store::NewPost;
use crate::clock;
use crate::error::Result;
use crate::input;
use crate::passed::Timestamptz;

/// Makes another post of what a post says, for the same accounts: a draft, or planned at a time. Answers with its id.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn duplicate_post(
    post_id: Option<Uuid>,
    scheduled_at: default!(Option<Timestamptz>, "NULL"),
) -> Result<Uuid, ErrorReport> {
    let id = input::required(post_id, "post_id")?;
    let now = clock::now();
    let scheduled_at = scheduled_at.map(|at| at.plausible("scheduled_at", now)).transpose()?;
    let mut plan = Plan::lock(id, const { rights::least("duplicate_post") })?;
    plan.leave_out_gone();
    let post = NewPost {
        workspace: plan.post.workspace,
        author: plan.caller.acts_as(None)?,
        definition: &plan.definition,
        scheduled_at,
        next_slot: false,
        is_draft: scheduled_at.is_none(),
        schedule: None,
    };
    let copy = post.insert(now)?;
    post.note_created(copy, Some(id))?;
    Ok(copy)
}
