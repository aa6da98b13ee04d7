//! `crier.delete_post`.

use crier_core::rights;
use crier_core::target::TargetState;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use super::plan::Plan;
use crate::actions;
use crate::answer::TableIterator;
use crate::clock;
use crate::input;
use crate::plans::{Statement, statement};

const DELETE_POST: Statement = statement!(up "posts/delete_post");
const HIDE_POST: Statement = statement!(up "posts/hide_post");

/// Deletes a post: what was not sent is canceled. One of which platforms have something only leaves the lists, so that nothing is
/// ever published twice in its place. `on_platforms`: what is published is taken back there as well, each by an action of its
/// own. Answers with every target's state, and that action.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn delete_post(
    post_id: Option<Uuid>,
    on_platforms: default!(Option<bool>, "false"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(target_id, Uuid),
            name!(account_id, Uuid),
            name!(state, &'static str),
            name!(action_id, Option<Uuid>),
        ),
    >,
    ErrorReport,
> {
    let id = input::required(post_id, "post_id")?;
    let on_platforms = input::required(on_platforms, "on_platforms")?;
    let mut plan = Plan::open(id, const { rights::least("delete_post") })?;
    let now = clock::now();
    if on_platforms {
        plan.require_settled()?;
    }
    plan.cancel(now)?;
    let mut rows = vec![];
    for target in &plan.targets {
        let taken_back = on_platforms && target.state == TargetState::Published;
        let action = if taken_back { actions::take_back(target.id)? } else { None };
        rows.push((target.id, target.account, target.state.as_str(), action));
    }
    // What failed stays so, and is never tried again: nothing of a deleted post is sent.
    let args = [plan.post.workspace.into(), id.into(), now.into()];
    if plan.closed().is_empty() {
        DELETE_POST.run_only(&args[..2])?;
    } else {
        HIDE_POST.run_only(&args)?;
    }
    plan.tell("post_deleted", json!({}), (None, None), now)?;
    Ok(TableIterator::new(rows))
}
