//! `crier.preview_schedule`.

use crier_core::recurrence::{Instant, Occurrence, Zone, offset_text};
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use super::stored::Schedule;
use super::when::When;
use crate::answer::TableIterator;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::passed::{Jsonb, Timestamp, Timestamptz};
use crate::plans::{Statement, statement};

const READ: Statement = statement!(up "schedules/read");

const MAX: i32 = 1_000;
const MAX_BYTES: usize = 1024 * 1024;

/// The coming times of a schedule, or of a definition (`starts`, `zone`, `rule`, `ends`, `exceptions`, `additions`) that is none yet: the moment,
/// what the clock of the zone shows then and how far it is from universal time, and a note where the clocks are changed. Those of
/// a paused schedule are what they would be if it were resumed now.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn preview_schedule(
    schedule_id: default!(Option<Uuid>, "NULL"),
    definition: default!(Option<Jsonb>, "NULL"),
    n: default!(Option<i32>, "10"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(occurs_at, Timestamptz),
            name!(wall_time, Timestamp),
            name!(utc_offset, String),
            name!(note, Option<String>),
        ),
    >,
    ErrorReport,
> {
    let count = input::required(n, "n")?;
    if !(1..=MAX).contains(&count) {
        return Err(CrierError::invalid("n", format!("is {count}"), "Give a number from 1 to 1000.").into());
    }
    let caller = Caller::current()?;
    let when = match (schedule_id, definition) {
        (Some(id), None) => match of_schedule(id, caller)? {
            Some(when) => when,
            None => return Ok(TableIterator::empty()),
        },
        (None, Some(definition)) => When::read(definition.parse("definition", MAX_BYTES)?)?,
        _ => {
            const HINT: &str = "Give the id of a schedule, or a definition.";
            return Err(CrierError::invalid(
                "schedule_id",
                "or definition must be given, and not both",
                HINT,
            )
            .into());
        }
    };
    let recurrence = when.recurrence()?;
    let zone = recurrence.zone();
    let coming = recurrence.after(clock::now().instant()).take(count as usize);
    Ok(TableIterator::new(coming.map(|occurrence| {
        let (wall, offset) = zone.wall(occurrence.instant);
        (
            Timestamptz::of(occurrence.instant),
            Timestamp::of(wall),
            offset_text(offset),
            note(zone, occurrence),
        )
    })))
}

/// The times of a schedule; nothing of one that has ended.
fn of_schedule(id: Uuid, caller: Caller) -> Result<Option<When>> {
    let found = READ.read(&[id.into(), caller.readable()?.into()], Schedule::read)?;
    let schedule = found.into_iter().next().ok_or(CrierError::NotFound { what: "schedule", id })?;
    Ok((schedule.state != "ended").then_some(schedule.settings.when))
}

/// Says where the clock does not show the time that was meant, or shows it twice.
fn note(zone: Zone, Occurrence { instant, planned }: Occurrence) -> Option<String> {
    const A_DAY: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);
    let (wall, offset) = zone.wall(instant);
    if wall != planned {
        return Some(format!("{} is left out when the clock is put forward", planned.format("%H:%M:%S")));
    }
    // The same time comes again when the clock is put back within a day by more than what is left until then.
    let again = |later: Instant| (zone.wall(later).0 == wall).then(|| offset_text(zone.wall(later).1));
    let after = zone.wall(instant + A_DAY).1;
    let back = u64::try_from(offset - after).ok().filter(|back| *back > 0)?;
    let second = again(instant + std::time::Duration::from_secs(back))?;
    Some(format!("the first of two: it comes again at {second}"))
}
