//! Targets follow their jobs: whatever ends or reschedules a publish job says what that means for its target.

use std::collections::HashMap;

use crier_core::target::{JobEnd, TargetState};
use pgrx::Uuid;
use serde_json::json;

use crate::alerts::{self, Alert};
use crate::error::{CrierError, Result};
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Row, Statement, statement};
use crate::publishing::thread::{self, Published};
use crate::workspaces::new_id;

const LOCK_TARGETS: Statement = statement!(up "publishing/lock_targets");
const SET_STATES: Statement = statement!(up "publishing/set_states");

/// A target's next state, by its job.
pub(crate) struct Next {
    pub(crate) job_id: Uuid,
    pub(crate) state: TargetState,
    /// The outcome of a published target, otherwise the error.
    pub(crate) detail: Option<Jsonb>,
}

/// Moves the targets of jobs that came to an end nobody reported about the target itself.
pub(crate) fn jobs(
    ends: impl Iterator<Item = (Uuid, JobEnd, Option<Jsonb>)>,
    now: Timestamptz,
) -> Result<()> {
    let ends: Vec<_> = ends.collect();
    let states = lock(ends.iter().map(|(id, ..)| *id).collect())?;
    let next: Vec<_> = ends
        .into_iter()
        .filter_map(|(job_id, end, detail)| {
            let before = *states.get(&job_id)?;
            let state = before.counts().after_job(end);
            (state != before.state).then_some(Next { job_id, state, detail })
        })
        .collect();
    set(&next, now)
}

/// The jobs among those named whose target the platform may have.
pub(crate) fn may_be_out(job_ids: Vec<Uuid>) -> Result<Vec<Uuid>> {
    let out = lock(job_ids)?.into_iter().filter(|(_, target)| target.counts().may_be_out());
    Ok(out.map(|(id, _)| id).collect())
}

/// Where a target stands.
#[derive(Clone, Copy)]
pub(crate) struct Stands {
    pub(crate) state: TargetState,
    /// Whether it was ever unclear what became of a send.
    pub(crate) was_unclear: bool,
}

impl Stands {
    /// The state as it counts for what may become of it.
    pub(crate) fn counts(self) -> TargetState {
        self.state.in_doubt(self.was_unclear)
    }
}

/// Where the targets of these jobs stand, locked.
pub(crate) fn lock(job_ids: Vec<Uuid>) -> Result<HashMap<Uuid, Stands>> {
    if job_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = LOCK_TARGETS.write(&[job_ids.into()], |row| {
        let state = parse(&row.need::<String>(2)?)?;
        Ok((row.need(1)?, Stands { state, was_unclear: row.need(3)? }))
    })?;
    Ok(rows.into_iter().collect())
}

/// Writes states and their events, alerts administrators of what ended without a post, and has the parts that waited for a
/// published one go on.
pub(crate) fn set(next: &[Next], now: Timestamptz) -> Result<()> {
    if next.is_empty() {
        return Ok(());
    }
    let args = [
        next.iter().map(|next| next.job_id).collect::<Vec<_>>().into(),
        next.iter().map(|next| next.state.as_str()).collect::<Vec<_>>().into(),
        next.iter().map(|next| next.detail).collect::<Vec<_>>().into(),
        now.into(),
        next.iter().map(|_| new_id()).collect::<Vec<_>>().into(),
    ];
    let (mut alerts, mut published) = (vec![], vec![]);
    for told in SET_STATES.write(&args, told)? {
        match told {
            Told::Lost(alert) => alerts.push(alert),
            Told::Published(part) => published.push(part),
        }
    }
    alerts::raise(&alerts, now)?;
    thread::advance(&published, now)
}

/// What is to be done about a target that has changed.
enum Told {
    Lost(Alert),
    Published(Published),
}

fn told(row: &Row<'_>) -> Result<Told> {
    if row.need::<String>(3)? != TargetState::Published.as_str() {
        return lost(row).map(Told::Lost);
    }
    Ok(Told::Published(Published {
        workspace_id: row.need(1)?,
        post_id: row.need(4)?,
        account_id: row.need(7)?,
        platform: row.need(8)?,
        part: row.need(11)?,
    }))
}

/// What is told of a target that ended without a post.
fn lost(row: &Row<'_>) -> Result<Alert> {
    let (workspace, event, state) = (row.need::<Uuid>(1)?, row.need::<Uuid>(2)?, row.need::<String>(3)?);
    let id = |n| row.need::<Uuid>(n).map(|id| id.to_string());
    let data = json!({
        "workspace_id": workspace.to_string(),
        "post_id": id(4)?,
        "target_id": id(5)?,
        "job_id": id(6)?,
        "account_id": id(7)?,
        "platform": row.need::<String>(8)?,
        "handle": row.get::<String>(9)?,
        "state": state,
        "error": alerts::told_error(row.get(10)?),
    });
    let kind = if state == "unconfirmed" { alerts::POST_UNCONFIRMED } else { alerts::POST_FAILED };
    Ok(Alert { workspace: Some(workspace), kind, key: event.to_string(), data })
}

/// A state as it stands in a table.
pub(crate) fn parse(state: &str) -> Result<TargetState> {
    state
        .parse()
        .map_err(|error: crier_core::target::UnknownTargetState| CrierError::Internal(error.to_string()))
}
