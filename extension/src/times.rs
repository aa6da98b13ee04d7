//! Times as Postgres counts them, and as rules do.

use crier_core::recurrence::{Instant, RecurrenceError, Wall, wall_in_range};

use crate::error::Result;
use crate::passed::{Timestamp, Timestamptz};

/// Microseconds from 1970 to 2000.
const EPOCH: i64 = 946_684_800_000_000;

impl Timestamptz {
    /// The same moment; one that is out of all range is at its end.
    pub(crate) fn instant(self) -> Instant {
        let end = if self.0 < 0 { Instant::MIN_UTC } else { Instant::MAX_UTC };
        self.0.checked_add(EPOCH).and_then(Instant::from_timestamp_micros).unwrap_or(end)
    }

    /// As it is written in JSON.
    pub(crate) fn to_text(self) -> String {
        self.instant().to_rfc3339()
    }

    pub(crate) fn of(instant: Instant) -> Self {
        Self(instant.timestamp_micros().saturating_sub(EPOCH))
    }
}

impl Timestamp {
    /// The same wall time in whole seconds, if something may recur then.
    pub(crate) fn wall(self) -> Result<Wall> {
        if matches!(self.0, i64::MIN | i64::MAX) {
            return Err(RecurrenceError::Wall {
                found: if self.0 < 0 { "-infinity" } else { "infinity" }.to_owned(),
                advice: "write a date and a time, such as 2026-03-29 09:00".to_owned(),
            }
            .into());
        }
        let whole = self.0.div_euclid(1_000_000).checked_mul(1_000_000);
        let wall =
            whole.and_then(|micros| micros.checked_add(EPOCH)).and_then(Instant::from_timestamp_micros);
        Ok(wall_in_range(wall.map_or(Wall::MAX, |wall| wall.naive_utc()))?)
    }

    pub(crate) fn of(wall: Wall) -> Self {
        Self(wall.and_utc().timestamp_micros().saturating_sub(EPOCH))
    }
}
