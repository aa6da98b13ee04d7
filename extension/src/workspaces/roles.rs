//! `crier.add_member`, `crier.set_member_role` and `crier.remove_member`.

use crier_core::rights::{self, Role};
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use super::api_keys::require_person;
use super::seats::{Seats, require_above, role};
use crate::activity::{self, Object};
use crate::clock;
use crate::identity::Caller;
use crate::input;
use crate::plans::{Statement, statement};

const ADD: Statement = statement!(up "workspaces/add_member");
const CUT_INVITATIONS: Statement = statement!(up "workspaces/cut_invitations");

/// Makes a user a member at once, without asking them: for trusted callers. False: they are one already, and keep their role.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn add_member(
    p_workspace_id: Option<Uuid>,
    p_user_id: Option<Uuid>,
    p_role: default!(Option<&str>, "'viewer'"),
) -> Result<bool, ErrorReport> {
    let workspace = input::required(p_workspace_id, "p_workspace_id")?;
    let user = input::required(p_user_id, "p_user_id")?;
    let role = role(p_role)?;
    Caller::current()?.require_trusted("add members without inviting them: use crier.invite_member")?;
    require_person(user)?;
    let seats = Seats::lock(workspace, Role::Owner)?;
    let args = [seats.workspace.into(), user.into(), role.as_str().into(), clock::now().into()];
    let added = !ADD.write(&args, |_| Ok(()))?.is_empty();
    if added {
        activity::note(workspace, "member_added", Object::Member(user), json!({ "role": role.as_str() }))?;
    }
    Ok(added)
}

/// Gives a member another role. An admin decides about viewers and editors, and may step down; an owner decides about everybody.
/// The last owner stays one.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn set_member_role(
    p_workspace_id: Option<Uuid>,
    p_user_id: Option<Uuid>,
    p_role: Option<&str>,
) -> Result<(), ErrorReport> {
    let workspace = input::required(p_workspace_id, "p_workspace_id")?;
    let user = input::required(p_user_id, "p_user_id")?;
    let role = role(p_role)?;
    let seats = Seats::lock(workspace, const { rights::least("set_member_role") })?;
    let standing = seats.standing(user)?;
    let theirs = seats.member(user, &standing)?;
    let steps_down = Caller::current()?.is_user(user) && role < theirs;
    if !steps_down {
        require_above(workspace, standing.own, theirs)?;
        require_above(workspace, standing.own, role)?;
    }
    seats.set_role(user, &standing, role)?;
    // who is no longer an admin has nobody come in any more
    if role < Role::Admin {
        CUT_INVITATIONS.run_only(&[workspace.into(), user.into()])?;
    }
    let changes = json!({ "from": theirs.as_str(), "to": role.as_str() });
    Ok(activity::note(workspace, "role_changed", Object::Member(user), changes)?)
}

/// Takes a member out of a workspace: an admin viewers and editors, an owner everybody.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn remove_member(p_workspace_id: Option<Uuid>, p_user_id: Option<Uuid>) -> Result<(), ErrorReport> {
    let workspace = input::required(p_workspace_id, "p_workspace_id")?;
    let user = input::required(p_user_id, "p_user_id")?;
    let seats = Seats::lock(workspace, const { rights::least("remove_member") })?;
    let standing = seats.standing(user)?;
    let theirs = seats.member(user, &standing)?;
    if !Caller::current()?.is_user(user) {
        require_above(workspace, standing.own, theirs)?;
    }
    seats.remove(user, &standing)?;
    let changes = json!({ "role": theirs.as_str() });
    Ok(activity::note(workspace, "member_removed", Object::Member(user), changes)?)
}
