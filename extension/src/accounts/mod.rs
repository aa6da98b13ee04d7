//! Social accounts and their sealed credentials. The sidecar calls these; no token is ever seen here in clear.

mod connect;
mod credential;
mod decided;
mod delete;
mod expiring;
mod pause;
mod refresh;
mod token_status;

pub(crate) use credential::check_sealed;
use pgrx::Uuid;

use crate::error::Result;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};
use crate::workspaces::new_id;

const ADD_EVENT: Statement = statement!(up "accounts/add_event");

/// Tells what happened to an account.
pub(crate) fn add_event(
    workspace: Uuid,
    kind: &'static str,
    account: Uuid,
    payload: &serde_json::Value,
    now: Timestamptz,
) -> Result<()> {
    let payload = Jsonb::from_value(payload);
    ADD_EVENT.run_only(&[
        workspace.into(),
        new_id().into(),
        kind.into(),
        account.into(),
        payload.into(),
        now.into(),
    ])
}
