//! `crier.transfer_ownership`.

use crier_core::rights::{self, Role};
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use super::seats::Seats;
use crate::activity::{self, Object};
use crate::identity::Caller;
use crate::input;
use crate::plans::{Statement, statement};

const HAND_OVER: Statement = statement!(up "workspaces/hand_over");

/// Makes another member the owner, and the owner who calls an admin. Where a trusted caller does it, every other owner becomes
/// an admin.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn transfer_ownership(p_workspace_id: Option<Uuid>, p_user_id: Option<Uuid>) -> Result<(), ErrorReport> {
    let workspace = input::required(p_workspace_id, "p_workspace_id")?;
    let user = input::required(p_user_id, "p_user_id")?;
    let seats = Seats::lock(workspace, const { rights::least("transfer_ownership") })?;
    let standing = seats.standing(user)?;
    seats.member(user, &standing)?;
    let from = match Caller::current()? {
        Caller::Trusted => None,
        Caller::User(own) => own,
    };
    // the new one first: there is never none
    seats.set_role(user, &standing, Role::Owner)?;
    HAND_OVER.run_only(&[workspace.into(), user.into(), from.into()])?;
    Ok(activity::note(workspace, "ownership_transferred", Object::Member(user), json!({}))?)
}
