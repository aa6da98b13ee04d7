//! Spans of ids, and of the time that is in them.

use pgrx::Uuid;

use crate::error::{CrierError, Result};
use crate::passed::Timestamptz;

pub(super) const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// Milliseconds from 1970, where the time of a UUIDv7 begins, to 2000, where that of Postgres does.
const EPOCH_MS: i64 = 10_957 * DAY_MS;
/// What fits into the 48 bits of a UUIDv7.
const MAX_MS: i64 = (1 << 48) - 1;

/// The ids from one on and below another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: Uuid,
    pub(super) before: Uuid,
}

impl Span {
    /// What was made from a time on and before another; nothing stands for no bound.
    pub(super) fn of_times(since: Option<Timestamptz>, until: Option<Timestamptz>) -> Result<Self> {
        Ok(Self {
            from: since.map_or_else(|| Ok(Uuid::from_bytes([0; 16])), |at| first_at(at, "p_since"))?,
            before: until.map_or_else(|| Ok(Uuid::from_bytes([0xff; 16])), |at| first_at(at, "p_until"))?,
        })
    }

    /// A day, counted from 1970.
    pub(super) fn of_day(day: i32) -> Self {
        let start = i64::from(day) * DAY_MS;
        Self { from: id_at(start), before: id_at(start + DAY_MS) }
    }

    /// The part of it below an id.
    pub(super) fn below(self, id: Uuid) -> Self {
        Self { before: if key(id) < key(self.before) { id } else { self.before }, ..self }
    }

    /// The part of it from an id on.
    pub(super) fn not_below(self, id: Uuid) -> Self {
        Self { from: if key(id) > key(self.from) { id } else { self.from }, ..self }
    }

    pub(super) fn is_empty(self) -> bool {
        key(self.from) >= key(self.before)
    }
}

/// The id that all ids from a time on follow.
pub(super) fn first_at(at: Timestamptz, name: &'static str) -> Result<Uuid> {
    match at.0.div_euclid(1_000).checked_add(EPOCH_MS) {
        Some(ms @ 0..=MAX_MS) => Ok(id_at(ms)),
        _ => Err(CrierError::invalid(
            name,
            "is infinite or out of range",
            "Give a time between 1970 and 10889, or null for no bound.",
        )),
    }
}

fn id_at(ms: i64) -> Uuid {
    Uuid::from_bytes(((ms.clamp(0, MAX_MS) as u128) << 80).to_be_bytes())
}

fn key(id: Uuid) -> u128 {
    u128::from_be_bytes(*id.as_bytes())
}
