//! Points and spans of time as Postgres counts them.
//!
//! Statements take the time as a parameter: an index can be used for it, which a call of `clock_timestamp()`
//! inside the statement would prevent.

use pgrx::datum::Interval;
use pgrx::pg_sys;

use crate::error::{CrierError, Result};
use crate::passed::Timestamptz;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 24 * 60 * 60 * SECOND;

/// The longest lease a worker may ask for.
const MAX_LEASE: i64 = DAY;
/// How far ahead work may be planned, and how far back a time given by a caller may lie.
const MAX_AHEAD: i64 = 5 * 366 * DAY;
const MAX_BEHIND: i64 = DAY;

/// Now, by the database's clock: not the start of the transaction.
pub(crate) fn now() -> Timestamptz {
    // SAFETY: reads the clock; no arguments, no state.
    Timestamptz(unsafe { pg_sys::GetCurrentTimestamp() })
}

impl Timestamptz {
    /// This point plus a span.
    pub(crate) fn plus(self, span: std::time::Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` it is; nothing if it is not.
    pub(crate) fn since(self, earlier: Self) -> std::time::Duration {
        std::time::Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Accepts a point that a person could mean: finite, not over a day ago, not over five years ahead.
    pub(crate) fn plausible(self, name: &str, now: Self) -> Result<Self> {
        const HINT: &str = "Give a time between one day ago and five years ahead.";
        let problem = match self.0 {
            i64::MIN | i64::MAX => "is infinite",
            at if at < now.0.saturating_sub(MAX_BEHIND) => "lies more than a day in the past",
            at if at > now.0.saturating_add(MAX_AHEAD) => "lies more than five years ahead",
            _ => return Ok(self),
        };
        Err(CrierError::invalid(name, problem, HINT))
    }
}

/// An interval in microseconds, with months of 30 days; nothing where it is out of all range.
pub(crate) fn micros(interval: &Interval) -> Option<i64> {
    let micros = i128::from(interval.months()) * i128::from(30 * DAY)
        + i128::from(interval.days()) * i128::from(DAY)
        + i128::from(interval.micros());
    i64::try_from(micros).ok()
}

/// A span of microseconds as an interval, in days and what is left of them.
pub(crate) fn interval(micros: i64) -> Interval {
    let days = i32::try_from(micros / DAY).unwrap_or(i32::MAX);
    Interval::new(0, days, micros % DAY).unwrap_or_else(|_| Interval::from_days(days))
}

/// How long a worker waits for work: nothing up to a second.
pub(crate) fn wait(wait: Option<Interval>) -> Result<i64> {
    match micros(&wait.ok_or(CrierError::Null("wait"))?) {
        Some(span @ 0..=SECOND) => Ok(span),
        _ => Err(CrierError::invalid(
            "wait",
            "must be between nothing and one second",
            "Ask again after a second: a longer wait would keep a snapshot open, and with it old rows.",
        )),
    }
}

/// The end of a lease that begins now.
pub(crate) fn lease_end(lease: Option<Interval>, now: Timestamptz) -> Result<Timestamptz> {
    Ok(Timestamptz(now.0 + self::lease(lease)?))
}

/// The length of a lease: more than nothing, at most a day.
pub(crate) fn lease(lease: Option<Interval>) -> Result<i64> {
    match micros(&lease.ok_or(CrierError::Null("lease"))?) {
        Some(span @ 1..=MAX_LEASE) => Ok(span),
        _ => Err(CrierError::invalid(
            "lease",
            "must be longer than nothing and at most one day",
            "Take about the time one job needs, for instance '1 minute', and extend it while working.",
        )),
    }
}
