//! Actions follow their jobs: whatever ends or reschedules the job of one says what that means for it.

use std::collections::HashMap;

use crier_core::action::{ActionEnd, ActionState, UnknownActionState};
use pgrx::Uuid;
use serde_json::json;

use crate::alerts::{self, Alert};
use crate::durable;
use crate::error::{CrierError, Result};
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Row, Statement, statement};
use crate::workspaces::new_id;

const LOCK: Statement = statement!(up "actions/lock");
const SET_STATES: Statement = statement!(up "actions/set_states");

/// An action's next state, by its job.
pub(super) struct Next {
    pub(super) job_id: Uuid,
    pub(super) state: ActionState,
    /// What a done one made, otherwise the error.
    pub(super) detail: Option<Jsonb>,
}

/// Moves the actions of jobs that came to an end nobody reported about the action itself.
pub(crate) fn jobs(
    ends: impl Iterator<Item = (Uuid, ActionEnd, Option<Jsonb>)>,
    now: Timestamptz,
) -> Result<()> {
    let ends: Vec<_> = ends.collect();
    let states = lock(ends.iter().map(|(id, ..)| *id).collect())?;
    let next: Vec<_> = ends
        .into_iter()
        .filter_map(|(job_id, end, detail)| {
            let before = *states.get(&job_id)?;
            let state = before.after_job(end);
            (state != before).then_some(Next { job_id, state, detail })
        })
        .collect();
    set(&next, now)
}

/// The jobs among those named whose message is being sent.
pub(crate) fn being_sent(job_ids: Vec<Uuid>) -> Result<Vec<Uuid>> {
    let sending = lock(job_ids)?.into_iter().filter(|(_, state)| *state == ActionState::Sending);
    Ok(sending.map(|(id, _)| id).collect())
}

/// The states of the actions of these jobs, locked.
pub(super) fn lock(job_ids: Vec<Uuid>) -> Result<HashMap<Uuid, ActionState>> {
    if job_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = LOCK.write(&[job_ids.into()], |row| Ok((row.need(1)?, parse(&row.need::<String>(2)?)?)))?;
    Ok(rows.into_iter().collect())
}

/// Writes states and their events, and alerts administrators of what ended without being done.
pub(super) fn set(next: &[Next], now: Timestamptz) -> Result<()> {
    if next.is_empty() {
        return Ok(());
    }
    durable::require_commit()?;
    let args = [
        next.iter().map(|next| next.job_id).collect::<Vec<_>>().into(),
        next.iter().map(|next| next.state.as_str()).collect::<Vec<_>>().into(),
        next.iter().map(|next| next.detail).collect::<Vec<_>>().into(),
        now.into(),
        next.iter().map(|_| new_id()).collect::<Vec<_>>().into(),
    ];
    alerts::raise(&SET_STATES.write(&args, lost)?, now)
}

/// What is told of an action that was not done, or of which nobody knows.
fn lost(row: &Row<'_>) -> Result<Alert> {
    let (workspace, event, state) = (row.need::<Uuid>(1)?, row.need::<Uuid>(2)?, row.need::<String>(3)?);
    let id = |n| row.need::<Uuid>(n).map(|id| id.to_string());
    let data = json!({
        "workspace_id": workspace.to_string(),
        "action_id": id(4)?,
        "action": row.need::<String>(5)?,
        "job_id": id(6)?,
        "account_id": id(7)?,
        "platform": row.get::<String>(8)?,
        "handle": row.get::<String>(9)?,
        "subject": row.get::<String>(10)?,
        "state": state,
        "error": alerts::told_error(row.get(11)?),
    });
    let unclear = state == ActionState::Unconfirmed.as_str();
    let kind = if unclear { alerts::ACTION_UNCONFIRMED } else { alerts::ACTION_FAILED };
    Ok(Alert { workspace: Some(workspace), kind, key: event.to_string(), data })
}

/// A state as it stands in a table.
pub(super) fn parse(state: &str) -> Result<ActionState> {
    state.parse().map_err(|error: UnknownActionState| CrierError::Internal(error.to_string()))
}
