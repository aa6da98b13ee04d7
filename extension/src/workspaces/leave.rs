//! `crier.leave_workspace`.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use super::mine::required_user;
use super::seats::Seats;
use crate::activity::{self, Object};
use crate::input;

/// Takes the user who calls out of a workspace. The last owner stays.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn leave_workspace(p_workspace_id: Option<Uuid>) -> Result<(), ErrorReport> {
    let workspace = input::required(p_workspace_id, "p_workspace_id")?;
    let user = required_user()?;
    let seats = Seats::lock(workspace, const { rights::least("leave_workspace") })?;
    let standing = seats.standing(user)?;
    seats.member(user, &standing)?;
    seats.remove(user, &standing)?;
    Ok(activity::note(workspace, "member_left", Object::Member(user), json!({}))?)
}
