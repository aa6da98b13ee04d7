//! `crier.set_metrics_reading`. What reads is `sql/install/s265_readings.sql`.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use crate::activity::{self, Object};
use crate::identity::Caller;
use crate::input;
use crate::plans::{Statement, statement};

const SET: Statement = statement!(up "analytics/set_reading");

/// Has the figures of what a workspace has published read by themselves, or not. They still are when somebody asks.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn set_metrics_reading(p_workspace_id: Option<Uuid>, p_enabled: Option<bool>) -> Result<(), ErrorReport> {
    let workspace = input::required(p_workspace_id, "p_workspace_id")?;
    let enabled = input::required(p_enabled, "p_enabled")?;
    Caller::current()?.require(workspace, const { rights::least("set_metrics_reading") })?;
    SET.run_only(&[workspace.into(), enabled.into()])?;
    let changes = json!({ "enabled": enabled });
    Ok(activity::note(workspace, "metrics_reading_set", Object::Workspace, changes)?)
}
