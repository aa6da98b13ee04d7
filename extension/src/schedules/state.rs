//! `crier.pause_schedule`, `crier.resume_schedule` and `crier.end_schedule`.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use super::stored::Schedule;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::input;
use crate::passed::Timestamptz;

/// Stops a schedule until it is resumed. What it has made for times that have not come yet is taken back. Occurrences until then do
/// not happen.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn pause_schedule(schedule_id: Option<Uuid>) -> Result<(), ErrorReport> {
    Ok(stop(schedule_id, "paused", "schedule_paused", const { rights::least("pause_schedule") })?)
}

/// Ends a schedule for good. What it has made for times that have not come yet is taken back.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn end_schedule(schedule_id: Option<Uuid>) -> Result<(), ErrorReport> {
    Ok(stop(schedule_id, "ended", "schedule_ended", const { rights::least("end_schedule") })?)
}

fn stop(id: Option<Uuid>, state: &'static str, event: &'static str, least: rights::Role) -> Result<()> {
    let id = input::required(id, "schedule_id")?;
    let (caller, schedule) = Schedule::open(id, least)?;
    if schedule.state == state || schedule.state == "ended" {
        return if schedule.state == state { Ok(()) } else { schedule.require_open() };
    }
    let now = clock::now();
    schedule.take_back(true, least, now)?;
    schedule.set_state(state, schedule.cursor_at.min(now), None, now)?;
    schedule.tell_of(caller, event, json!({}), now)
}

/// Has a paused schedule go on, with the next occurrence from now on. Answers with when that is.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn resume_schedule(schedule_id: Option<Uuid>) -> Result<Timestamptz, ErrorReport> {
    let id = input::required(schedule_id, "schedule_id")?;
    let (caller, mut schedule) = Schedule::open(id, const { rights::least("resume_schedule") })?;
    schedule.require_open()?;
    if let Some(next) = schedule.next_at {
        return Ok(next);
    }
    let now = clock::now();
    schedule.cursor_at = now;
    schedule.cursor_wall = None;
    let next = schedule.next(&schedule.settings.when.recurrence()?).ok_or_else(|| nothing_comes(id))?;
    schedule.set_state("active", now, Some(next), now)?;
    schedule.tell_of(caller, "schedule_resumed", json!({}), now)?;
    schedule.state = "active".to_owned();
    schedule.begin(now)?;
    Ok(next)
}

fn nothing_comes(id: Uuid) -> CrierError {
    CrierError::invalid(
        format!("schedule {id}"),
        "has no occurrence from now on",
        "Change its times with crier.update_schedule(), or end it.",
    )
}
