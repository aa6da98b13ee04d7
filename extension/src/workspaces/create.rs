//! `crier.create_workspace` and `crier.rename_workspace`.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::error::Result;
use crate::identity::Caller;
use crate::input;
use crate::plans::{Statement, statement};
use crate::workspaces::new_id;

const INSERT: Statement = statement!(up "posts/insert_workspace");
const RENAME: Statement = statement!(up "workspaces/rename");
const MAX_NAME: usize = 200;

/// Makes a workspace and its owner; answers with its id.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn create_workspace(name: Option<&str>, owner_id: Option<Uuid>) -> Result<Uuid, ErrorReport> {
    let name = input::text(name, "name", MAX_NAME)?;
    let owner = input::required(owner_id, "owner_id")?;
    Caller::current()?.acts_as(Some(owner))?;
    let id = new_id();
    INSERT.run_only(&[id.into(), name.into(), owner.into()])?;
    Ok(id)
}

/// Gives a workspace another name.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn rename_workspace(p_workspace_id: Option<Uuid>, p_name: Option<&str>) -> Result<(), ErrorReport> {
    let workspace = input::required(p_workspace_id, "p_workspace_id")?;
    let name = input::text(p_name, "p_name", MAX_NAME)?;
    Caller::current()?.require(workspace, const { rights::least("rename_workspace") })?;
    Ok(RENAME.run_only(&[workspace.into(), name.into()])?)
}
