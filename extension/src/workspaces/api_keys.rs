//! API keys: `crier.create_api_key`, `crier.list_api_keys` and `crier.revoke_api_key`. A key is a member of its workspace, so what it
//! may see and do is decided where that of people is, and ends with the membership.

use crier_core::rights::{self, Role};
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use super::seats::{Seats, require_above, role};
use crate::activity::{self, Object};
use crate::answer::TableIterator;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::identity::{Caller, current_user_id};
use crate::input;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::queue::tenant_limits;
use crate::workspaces::new_id;

const FORGET: Statement = statement!(up "api_keys/forget");
const COUNT: Statement = statement!(up "api_keys/count");
const CREATE: Statement = statement!(up "api_keys/create");
const LIST: Statement = statement!(up "api_keys/list");
const WORKSPACE_OF: Statement = statement!(up "api_keys/workspace_of");
const REVOKE: Statement = statement!(up "api_keys/revoke");
const IS_ONE: Statement = statement!(up "api_keys/is_one");

const MAX_NAME: usize = 200;

/// Makes a key for a machine, which acts in the workspace with a role below its maker's, as invited members do. The answer is the
/// only place where the key ever stands.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn create_api_key(
    p_workspace_id: Option<Uuid>,
    p_name: Option<&str>,
    p_role: default!(Option<&str>, "'viewer'"),
    p_expires_at: default!(Option<Timestamptz>, "NULL"),
) -> Result<TableIterator<'static, (name!(id, Uuid), name!(key, String))>, ErrorReport> {
    let workspace = input::required(p_workspace_id, "p_workspace_id")?;
    let name = input::text(p_name, "p_name", MAX_NAME)?;
    let role = role(p_role)?;
    if role == Role::Owner {
        let hint = "Give viewer, editor or admin: people own workspaces.";
        return Err(CrierError::invalid("p_role", "is owner", hint).into());
    }
    let now = clock::now();
    if let Some(ends) = p_expires_at
        && ends.plausible("p_expires_at", now)?.0 <= now.0
    {
        let hint = "Give a time that is to come, or none.";
        return Err(CrierError::invalid("p_expires_at", "is over", hint).into());
    }
    if let Caller::User(Some(user)) = Caller::current()? {
        // who has copied one can't make another that outlives it
        require_person(user)?;
    }
    let id = new_id();
    let seats = Seats::lock(workspace, const { rights::least("create_api_key") })?;
    require_above(workspace, seats.standing(id)?.own, role)?;
    FORGET.run_only(&[workspace.into(), now.into()])?;
    require_room(workspace, now)?;
    let args = [
        workspace.into(),
        id.into(),
        name.into(),
        role.as_str().into(),
        current_user_id()?.into(),
        now.into(),
        p_expires_at.into(),
    ];
    let key = CREATE.write(&args, |row| row.need::<String>(1))?;
    let key = key.into_iter().next().ok_or_else(|| CrierError::Internal("no key was made".into()))?;
    activity::note(workspace, "api_key_created", Object::ApiKey(id), json!({ "role": role.as_str() }))?;
    Ok(TableIterator::once((id, key)))
}

fn require_room(workspace: Uuid, now: Timestamptz) -> Result<()> {
    const HINT: &str =
        "Revoke some. The operator sets the bound, api_keys_per_workspace in crier.tenant_limit.";
    let Some(max) = tenant_limits::limit("api_keys_per_workspace")? else { return Ok(()) };
    let found = COUNT.newest(&[workspace.into(), now.into()], |row| row.need::<i64>(1))?;
    if found.into_iter().next().unwrap_or_default() < max {
        return Ok(());
    }
    let problem = format!("has {max} API keys already");
    Err(CrierError::Limit { what: format!("workspace {workspace}"), problem, hint: HINT })
}

/// The keys of a workspace, the newest first, without what they are shown by. Of those that have ended some stay.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn list_api_keys(
    p_workspace_id: Option<Uuid>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(id, Uuid),
            name!(name, String),
            name!(role, String),
            name!(made_by, Option<Uuid>),
            name!(created_at, Timestamptz),
            name!(expires_at, Option<Timestamptz>),
            name!(last_used_at, Option<Timestamptz>),
            name!(revoked_at, Option<Timestamptz>),
        ),
    >,
    ErrorReport,
> {
    let workspace = input::required(p_workspace_id, "p_workspace_id")?;
    Caller::current()?.require(workspace, const { rights::least("list_api_keys") })?;
    let rows = LIST.read(&[workspace.into()], |row| {
        Ok((
            row.need(1)?,
            row.need(2)?,
            row.need(3)?,
            row.get(4)?,
            row.need(5)?,
            row.get(6)?,
            row.get(7)?,
            row.get(8)?,
        ))
    })?;
    Ok(TableIterator::new(rows))
}

/// Ends a key, whatever its role: from the commit on it is no member. False: it was revoked before.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn revoke_api_key(p_key_id: Option<Uuid>) -> Result<bool, ErrorReport> {
    let id = input::required(p_key_id, "p_key_id")?;
    let least = const { rights::least("revoke_api_key") };
    let (_, workspace) = Caller::find("API key", id, WORKSPACE_OF, least)?;
    let args = [workspace.into(), id.into(), clock::now().into()];
    let revoked = !REVOKE.write(&args, |_| Ok(()))?.is_empty();
    if revoked {
        activity::note(workspace, "api_key_revoked", Object::ApiKey(id), json!({}))?;
    }
    Ok(revoked)
}

/// Refuses what only a person may do, or be.
pub(super) fn require_person(user: Uuid) -> Result<()> {
    if IS_ONE.newest(&[user.into()], |_| Ok(()))?.is_empty() {
        return Ok(());
    }
    Err(CrierError::NotAllowed(format!(
        "{user} is an API key: it acts in its own workspace, and makes no keys"
    )))
}
