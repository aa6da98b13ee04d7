//! `crier.create_workspace` and `crier.rename_workspace`.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use crate::activity::{self, Object};
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::plans::{Statement, statement};
use crate::queue::tenant_limits;
use crate::workspaces::api_keys::require_person;
use crate::workspaces::new_id;

const INSERT: Statement = statement!(up "posts/insert_workspace");
const COUNT_OWNED: Statement = statement!(up "workspaces/count_owned");
const RENAME: Statement = statement!(up "workspaces/rename");
const MAX_NAME: usize = 200;

/// Makes a workspace and its owner; answers with its id.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn create_workspace(name: Option<&str>, owner_id: Option<Uuid>) -> Result<Uuid, ErrorReport> {
    let name = input::text(name, "name", MAX_NAME)?;
    let owner = input::required(owner_id, "owner_id")?;
    let caller = Caller::current()?;
    caller.acts_as(Some(owner))?;
    require_person(owner)?;
    if matches!(caller, Caller::User(_)) {
        require_room(owner)?;
    }
    let id = new_id();
    INSERT.run_only(&[id.into(), name.into(), owner.into()])?;
    activity::note_for(Some(owner), id, "workspace_created", Object::Workspace, json!({}))?;
    Ok(id)
}

/// Refuses a user who owns as many workspaces as one may: what is bounded for each would be bounded for nobody.
fn require_room(owner: Uuid) -> Result<()> {
    const HINT: &str = "Delete some, or hand them over. The operator sets the bound, workspaces_per_user in crier.tenant_limit.";
    let Some(max) = tenant_limits::limit("workspaces_per_user")? else { return Ok(()) };
    let owned = COUNT_OWNED.newest(&[owner.into(), max.into()], |row| row.need::<i64>(1))?;
    if owned.into_iter().next().unwrap_or_default() < max {
        return Ok(());
    }
    let problem = format!("owns {max} workspaces already");
    Err(CrierError::Limit { what: format!("user {owner}"), problem, hint: HINT })
}

/// Gives a workspace another name.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn rename_workspace(p_workspace_id: Option<Uuid>, p_name: Option<&str>) -> Result<(), ErrorReport> {
    let workspace = input::required(p_workspace_id, "p_workspace_id")?;
    let name = input::text(p_name, "p_name", MAX_NAME)?;
    Caller::current()?.require(workspace, const { rights::least("rename_workspace") })?;
    RENAME.run_only(&[workspace.into(), name.into()])?;
    Ok(activity::note(workspace, "workspace_renamed", Object::Workspace, json!({}))?)
}
