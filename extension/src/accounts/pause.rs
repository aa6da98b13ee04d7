//! `crier.pause_account` and `crier.resume_account`.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use super::decided::Decided;
use crate::activity::{self, Object};
use crate::clock;
use crate::error::{CrierError, Result};
use crate::input;
use crate::limits::block;
use crate::plans::{Statement, statement};
use crate::queue::retry;

const PAUSE: Statement = statement!(up "accounts/pause");
const RESUME: Statement = statement!(up "accounts/resume");
const PARKED: Statement = statement!(up "accounts/parked");

/// Lets an account rest until somebody resumes it: what it is to publish and to do waits, and nothing more is planned with it.
/// What is being sent is sent. False: it rests already. For an admin of its workspace.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn pause_account(
    account_id: Option<Uuid>,
    reason: default!(Option<&str>, "NULL"),
) -> Result<bool, ErrorReport> {
    let id = input::required(account_id, "account_id")?;
    let reason = reason.map(|reason| input::text(Some(reason), "reason", 1_000)).transpose()?;
    let account = Decided::lock(id, const { rights::least("pause_account") })?;
    match account.status.as_str() {
        "paused" => return Ok(false),
        "active" | "reauth_required" => {}
        _ => return Err(not_connected(id).into()),
    }
    let now = clock::now();
    PAUSE.run_only(&[account.workspace.into(), id.into(), now.into()])?;
    block::pause(id, reason, now)?;
    activity::note(account.workspace, "account_paused", Object::Account(id), json!({}))?;
    Ok(true)
}

/// Has an account that rests go on: what waited for it goes out, one after the other. False: it does not rest. For an admin of its
/// workspace.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn resume_account(account_id: Option<Uuid>) -> Result<bool, ErrorReport> {
    let id = input::required(account_id, "account_id")?;
    let account = Decided::lock(id, const { rights::least("resume_account") })?;
    if account.status != "paused" {
        return Ok(false);
    }
    let now = clock::now();
    RESUME.run_only(&[account.workspace.into(), id.into(), now.into()])?;
    block::resume(id, account.platform, now)?;
    let parked = PARKED.write(&[id.into()], |row| row.need::<Uuid>(1))?;
    if !parked.is_empty() {
        retry::hasten(&parked, now)?;
    }
    activity::note(account.workspace, "account_resumed", Object::Account(id), json!({}))?;
    Ok(true)
}

fn not_connected(account: Uuid) -> CrierError {
    let reason = "is not connected: there is nothing to pause".to_owned();
    CrierError::Account { account, reason, hint: "Connect it first, with crier.begin_connect()." }
}
