//! What the user who calls belongs to: `crier.my_workspaces`, `crier.my_workspace_ids`, `crier.my_workspace_ids_as`,
//! `crier.is_workspace_member_fast` and `crier.has_workspace_role`. Policies ask these, ours and those of an application.

use crier_core::rights::Role;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use super::seats::role;
use crate::answer::TableIterator;
use crate::error::{CrierError, Result};
use crate::identity::{current_user_id, workspaces_of};
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};

const MINE: Statement = statement!(up "workspaces/mine").planned_once();
const IS_MEMBER: Statement = statement!(up "workspaces/is_member").planned_once();
const MAX_WORKSPACES: i64 = 1_000;

/// The workspaces of the user who calls. Row security asks this once per query.
#[pg_extern(stable, parallel_safe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn my_workspace_ids() -> Result<Vec<Uuid>, ErrorReport> {
    Ok(ids(None)?)
}

/// Those in which the user has a role, or a higher one.
#[pg_extern(stable, parallel_safe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn my_workspace_ids_as(p_role: Option<&str>) -> Result<Vec<Uuid>, ErrorReport> {
    Ok(ids(Some(role(p_role)?))?)
}

fn ids(least: Option<Role>) -> Result<Vec<Uuid>> {
    match current_user_id()? {
        Some(user) => workspaces_of(user, least),
        None => Ok(vec![]),
    }
}

/// Whether the user who calls is a member of a workspace, with whatever role. Null is nobody's workspace.
#[pg_extern(stable, parallel_safe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn is_workspace_member_fast(p_workspace_id: Option<Uuid>) -> Result<bool, ErrorReport> {
    Ok(is_member(p_workspace_id, Role::Viewer)?)
}

/// Whether the user who calls has a role in a workspace, or a higher one.
#[pg_extern(stable, parallel_safe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn has_workspace_role(p_workspace_id: Option<Uuid>, p_role: Option<&str>) -> Result<bool, ErrorReport> {
    Ok(is_member(p_workspace_id, role(p_role)?)?)
}

fn is_member(workspace: Option<Uuid>, least: Role) -> Result<bool> {
    let (Some(workspace), Some(user)) = (workspace, current_user_id()?) else { return Ok(false) };
    let args = [workspace.into(), user.into(), least.and_above().into()];
    Ok(!IS_MEMBER.read(&args, |_| Ok(()))?.is_empty())
}

/// The workspaces of the user who calls, with the role in each; the first thousand by their ids.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn my_workspaces() -> Result<
    TableIterator<
        'static,
        (
            name!(workspace_id, Uuid),
            name!(name, String),
            name!(role, String),
            name!(member_since, Timestamptz),
        ),
    >,
    ErrorReport,
> {
    let Some(user) = current_user_id()? else { return Ok(TableIterator::empty()) };
    let args = [user.into(), MAX_WORKSPACES.into()];
    let rows = MINE.read(&args, |row| Ok((row.need(1)?, row.need(2)?, row.need(3)?, row.need(4)?)))?;
    Ok(TableIterator::new(rows))
}

/// The user in whose name something is done that only a user can do.
pub(super) fn required_user() -> Result<Uuid> {
    current_user_id()?.ok_or_else(|| CrierError::NotAllowed("this session names no user".into()))
}
