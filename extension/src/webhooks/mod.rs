//! Webhooks that platforms send to `crierd`: stored once, processed by the queue, kept for a month. `docs/webhooks.md` explains
//! them. What Crier sends itself are alerts.

mod process;
mod receive;
mod replay;

use pgrx::Uuid;
use serde_json::json;

use crate::queue::job::NewJob;

/// The kind of the jobs that process. Nobody but this module makes them.
pub(crate) const PROCESS: &str = "process_webhook";

/// The job that processes a received webhook. It acts for no account: neither the limits nor the pauses of one hold it up.
fn processing(id: Uuid, workspace_id: Option<Uuid>) -> NewJob {
    let params = json!({ "webhook_id": id.to_string() }).to_string();
    NewJob { workspace_id, dedupe_key: Some(id.to_string()), ..NewJob::new(PROCESS.to_owned(), params) }
}
