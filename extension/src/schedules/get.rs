//! `crier.get_schedule`.

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::passed::Jsonb;
use crate::plans::{Statement, statement};

const GET: Statement = statement!(up "schedules/get");

/// A schedule with what became of its last occurrences.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn get_schedule(schedule_id: Option<Uuid>) -> Result<Jsonb, ErrorReport> {
    let id = input::required(schedule_id, "schedule_id")?;
    let scope = Caller::current()?.readable()?;
    let found = GET.read(&[id.into(), scope.into()], |row| row.need(1))?;
    Ok(found.into_iter().next().ok_or(CrierError::NotFound { what: "schedule", id })?)
}
