//! `crier.resolve_action`: a person says what nobody else could find out.

use crier_core::action::ActionState;
use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use crate::actions::follow;
use crate::activity::{self, Object};
use crate::clock;
use crate::durable;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::plans::{Statement, statement};
use crate::queue::retry;
use crate::workspaces::new_id;

const FIND: Statement = statement!(up "actions/find");
const RESOLVE: Statement = statement!(up "actions/resolve");

/// Says of an `unconfirmed` message whether it was sent: `done` or `absent`. An absent one is sent again at once. Answers with
/// the action's state.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn resolve_action(action_id: Option<Uuid>, outcome: Option<&str>) -> Result<&'static str, ErrorReport> {
    let id = input::required(action_id, "action_id")?;
    let state = state_of(input::required(outcome, "outcome")?)?;
    let caller = Caller::current()?;
    let found = FIND.read(&[id.into(), caller.readable()?.into()], |row| {
        Ok((row.need::<Uuid>(1)?, row.need::<Uuid>(2)?, follow::parse(&row.need::<String>(3)?)?))
    })?;
    let missing = CrierError::NotFound { what: "action", id };
    let (workspace, job, before) = found.into_iter().next().ok_or(missing)?;
    caller.require(workspace, const { rights::least("resolve_action") })?;
    let now = clock::now();
    if before == ActionState::Unconfirmed {
        // The job first, the action second: the order in which everything that touches both locks them.
        if state == ActionState::Waiting {
            retry::send_again(Some(job), format!("action {id}"), "Call crier.act() anew.", now)?;
        }
        let args = [
            workspace.into(),
            id.into(),
            state.as_str().into(),
            caller.acts_as(None)?.into(),
            now.into(),
            new_id().into(),
        ];
        if !RESOLVE.write(&args, |row| row.need::<Uuid>(1))?.is_empty() {
            durable::require_commit()?;
            let changes = json!({ "state": state.as_str() });
            activity::note(workspace, "action_resolved", Object::Action(id), changes)?;
            return Ok(state.as_str());
        }
    }
    // Whoever says the same twice, or too late, learns what it is by now.
    Err(CrierError::invalid(
        format!("action {id}"),
        format!("is {before}, not unconfirmed"),
        "Only an unconfirmed action waits for a person's word.",
    ))?
}

fn state_of(outcome: &str) -> Result<ActionState> {
    match outcome {
        "done" => Ok(ActionState::Done),
        "absent" => Ok(ActionState::Waiting),
        other => Err(CrierError::invalid(
            "outcome",
            format!("is {:?}", other.chars().take(80).collect::<String>()),
            "Say done or absent.",
        )),
    }
}
