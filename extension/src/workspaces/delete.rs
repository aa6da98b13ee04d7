//! `crier.delete_workspace`, and what `crier.purge_workspaces` (`sql/install/s136_purge_workspaces.sql`) ends jobs with.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use super::seats::Seats;
use crate::activity::{self, Object};
use crate::clock;
use crate::identity::Caller;
use crate::input;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::queue::held;
use crate::queue::settle::{self, Fate, Said, Settled};

const CLOSE: Statement = statement!(up "workspaces/close");
const NEWEST_JOBS: Statement = statement!(up "workspaces/newest_jobs");
/// Unfinished jobs that end in the transaction itself; the maintenance ends the others.
const AT_ONCE: i64 = 1_000;

/// Deletes a workspace: from the commit on nobody is a member, and its tokens, invitations and alert endpoints are gone. Its newest
/// unfinished jobs are canceled; the maintenance cancels the others and deletes everything, some at a time.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn delete_workspace(p_workspace_id: Option<Uuid>) -> Result<(), ErrorReport> {
    let workspace = input::required(p_workspace_id, "p_workspace_id")?;
    let seats = Seats::lock(workspace, const { rights::least("delete_workspace") })?;
    if let Caller::User(Some(user)) = Caller::current()? {
        seats.standing(user)?;
    }
    let now = clock::now();
    CLOSE.run_only(&[workspace.into(), now.into()])?;
    let jobs = NEWEST_JOBS.newest(&[workspace.into(), AT_ONCE.into()], |row| row.need::<Uuid>(1))?;
    end(&jobs, now)?;
    Ok(activity::note(workspace, "workspace_deleted", Object::Workspace, json!({}))?)
}

/// Cancels the unfinished among these jobs, whatever they are at: for workspaces that are deleted. Answers with their number.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn end_jobs(p_job_ids: Option<Vec<Option<Uuid>>>) -> Result<i64, ErrorReport> {
    let ids = input::elements(p_job_ids, "p_job_ids")?;
    Caller::current()?.require_trusted("end jobs in this way")?;
    Ok(end(&ids, clock::now())? as i64)
}

fn end(ids: &[Uuid], now: Timestamptz) -> crate::error::Result<usize> {
    let settled: Vec<_> = held::unfinished(ids)?
        .into_iter()
        .map(|job| Settled { job, said: Said::Nothing, fate: Fate::Canceled, result: None, error: None })
        .collect();
    let count = settled.len();
    settle::settle(settled, now)?;
    Ok(count)
}
