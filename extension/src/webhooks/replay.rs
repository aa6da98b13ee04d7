//! `crier.replay_webhook` and `crier.replay_webhooks`: what was received is processed again.

use crier_core::rights::{self, Role};
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use super::processing;
use crate::activity::{self, Object};
use crate::answer::SetOfIterator;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::queue::job;

const WORKSPACE_OF: Statement = statement!(up "webhooks/workspace_of").planned_once();
const IN_RANGE_ALL: Statement = statement!(up "webhooks/in_range_all").planned_once();
const IN_RANGE: Statement = statement!(up "webhooks/in_range_of_workspaces").planned_once();
const COUNT: Statement = statement!(up "webhooks/count_replays").planned_once();

const MAX_REPLAYS: i32 = 10_000;

/// Has a received webhook processed again. Answers with the id of the job: that of one that is to process it already, where
/// there is one.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn replay_webhook(p_webhook_id: Option<Uuid>) -> Result<Uuid, ErrorReport> {
    let id = input::required(p_webhook_id, "p_webhook_id")?;
    let caller = Caller::current()?;
    let found = WORKSPACE_OF.read(&[id.into(), caller.readable()?.into()], |row| row.get::<Uuid>(1))?;
    // that of another tenant, and the installation's, look like none
    let missing = CrierError::NotFound { what: "webhook", id };
    let workspace = found.into_iter().next().ok_or(missing)?;
    if let Some(workspace) = workspace {
        caller.require(workspace, const { rights::least("replay_webhook") })?;
    }
    let added = replay(&[(id, workspace)])?;
    Ok(added.into_iter().next().ok_or_else(|| CrierError::Internal("no id for the job".into()))?)
}

/// Has webhooks processed again that were received from a time on and before another, the oldest first, `p_limit` of them at
/// most; answers with their ids. No workspace: all that the caller decides about.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn replay_webhooks(
    p_since: Option<Timestamptz>,
    p_until: default!(Option<Timestamptz>, "NULL"),
    p_workspace_id: default!(Option<Uuid>, "NULL"),
    p_platform: default!(Option<&str>, "NULL"),
    p_limit: default!(Option<i32>, "1000"),
) -> Result<SetOfIterator<'static, Uuid>, ErrorReport> {
    let since = input::required(p_since, "p_since")?;
    let limit = input::required(p_limit, "p_limit")?;
    if !(1..=MAX_REPLAYS).contains(&limit) {
        let problem = format!("is {limit}");
        return Err(CrierError::invalid("p_limit", problem, "Give a number from 1 to 10000.").into());
    }
    const NEEDS: Role = rights::least("replay_webhooks");
    let caller = Caller::current()?;
    let workspaces = match p_workspace_id {
        Some(workspace) => {
            caller.require(workspace, NEEDS)?;
            Some(vec![workspace])
        }
        None => caller.within(NEEDS)?,
    };
    let mut args = vec![since.into(), p_until.into(), p_platform.into(), i64::from(limit).into()];
    let row = |row: &crate::plans::Row<'_>| Ok((row.need::<Uuid>(1)?, row.get::<Uuid>(2)?));
    let found = match workspaces {
        None => IN_RANGE_ALL.read(&args, row)?,
        Some(workspaces) => {
            args.push(workspaces.into());
            IN_RANGE.read(&args, row)?
        }
    };
    replay(&found)?;
    Ok(SetOfIterator::new(found.into_iter().map(|(id, _)| id)))
}

/// Adds a job for each; their ids.
fn replay(webhooks: &[(Uuid, Option<Uuid>)]) -> Result<Vec<Uuid>> {
    if webhooks.is_empty() {
        return Ok(vec![]);
    }
    let ids: Vec<Uuid> = webhooks.iter().map(|(id, _)| *id).collect();
    COUNT.run_only(&[ids.into()])?;
    for (id, workspace) in webhooks {
        if let Some(workspace) = workspace {
            activity::note(*workspace, "webhook_replayed", Object::Webhook(*id), json!({}))?;
        }
    }
    let jobs: Vec<_> = webhooks.iter().map(|(id, workspace)| processing(*id, *workspace)).collect();
    job::insert(&jobs, clock::now())
}
