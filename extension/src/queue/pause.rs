//! `crier.pause_jobs` and `crier.resume_jobs`.

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use crate::activity::{self, Object};
use crate::clock;
use crate::error::{CrierError, Result};
use crate::input;
use crate::plans::{Statement, statement};
use crate::transaction;

const PAUSE: Statement = statement!(up "queue/pause");
const RESUME: Statement = statement!(up "queue/resume");
const WORKSPACE_OF: Statement = statement!(up "activity/workspace_of_pause");
/// More than this one by one is better paused as a whole.
const MAX_PAUSES: i64 = 100;

/// Stops handing out jobs of a kind, of a platform, of an account or of a workspace, or all jobs where nothing is
/// named. Running jobs go on. False: it was stopped already.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn pause_jobs(
    kind: default!(Option<&str>, "NULL"),
    platform: default!(Option<&str>, "NULL"),
    account_id: default!(Option<Uuid>, "NULL"),
    workspace_id: default!(Option<Uuid>, "NULL"),
    reason: default!(Option<&str>, "NULL"),
) -> Result<bool, ErrorReport> {
    let (scope, name) = scope(kind, platform, account_id, workspace_id)?;
    let reason = reason.map(|reason| input::text(Some(reason), "reason", 1_000)).transpose()?;
    let args = [scope.into(), name.into(), reason.into(), clock::now().into(), MAX_PAUSES.into()];
    let count = PAUSE.write(&args, |row| Ok((row.need::<bool>(1)?, row.need::<i64>(2)?)))?;
    transaction::reconfigured()?;
    match count.first() {
        Some((true, _)) => {
            note("jobs_paused", account_id, workspace_id)?;
            Ok(true)
        }
        Some((false, count)) if *count >= MAX_PAUSES => {
            let what = "what is paused one by one";
            let (found, limit) = (MAX_PAUSES as usize + 1, MAX_PAUSES as usize);
            Err(CrierError::TooLarge { what, found, limit, unit: "elements" }.into())
        }
        _ => Ok(false),
    }
}

/// Hands out again what was stopped with the same arguments. False: it was not stopped.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn resume_jobs(
    kind: default!(Option<&str>, "NULL"),
    platform: default!(Option<&str>, "NULL"),
    account_id: default!(Option<Uuid>, "NULL"),
    workspace_id: default!(Option<Uuid>, "NULL"),
) -> Result<bool, ErrorReport> {
    let (scope, name) = scope(kind, platform, account_id, workspace_id)?;
    let resumed = !RESUME.write(&[scope.into(), name.into()], |_| Ok(()))?.is_empty();
    transaction::reconfigured()?;
    if resumed {
        note("jobs_resumed", account_id, workspace_id)?;
    }
    Ok(resumed)
}

/// Notes it in the activity log of the workspace that it is about; that of a kind, a platform or everything is in none.
fn note(action: &'static str, account: Option<Uuid>, workspace: Option<Uuid>) -> Result<()> {
    if account.is_none() && workspace.is_none() {
        return Ok(());
    }
    let found = WORKSPACE_OF
        .read(&[account.into(), workspace.into()], |row| Ok((row.need::<Uuid>(1)?, row.get::<Uuid>(2)?)))?;
    found.into_iter().try_for_each(|(workspace, account)| {
        activity::note(workspace, action, account.map_or(Object::Workspace, Object::Account), json!({}))
    })
}

fn scope(
    kind: Option<&str>,
    platform: Option<&str>,
    account: Option<Uuid>,
    workspace: Option<Uuid>,
) -> Result<(&'static str, String)> {
    match (kind, platform, account, workspace) {
        (None, None, None, None) => Ok(("all", String::new())),
        (kind @ Some(_), None, None, None) => Ok(("kind", input::text(kind, "kind", 100)?)),
        (None, platform @ Some(_), None, None) => Ok(("platform", input::text(platform, "platform", 60)?)),
        (None, None, Some(id), None) => Ok(("account", id.to_string())),
        (None, None, None, Some(id)) => Ok(("workspace", id.to_string())),
        _ => Err(CrierError::invalid(
            "kind, platform, account_id and workspace_id",
            "must not be given together",
            "Give one of them, or none to stop everything; call it once for each.",
        )),
    }
}
