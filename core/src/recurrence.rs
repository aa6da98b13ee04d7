//! When a schedule fires: rules of RFC 5545 over the wall time of a zone.
//!
//! A rule is evaluated in wall time, as if there were no time zones, and every wall time that comes out is then looked
//! up in the zone. So "at 9:00" stays at 9:00 through every change of the clocks. Where a change leaves no such time, the
//! occurrence is at the first instant after the gap; where there are two, it is the first of them. Two wall times that
//! become one instant are one occurrence.
//!
//! Work is bounded: nothing is before [`FIRST_YEAR`] or after [`LAST_YEAR`], no rule goes in smaller steps than an hour,
//! and days on which an hourly rule can't fire are stepped over. The most that one answer takes is therefore some 700,000
//! steps, tens of milliseconds (every hour until the last year, none of which fires); a rule without COUNT begins at the
//! time that is asked for, not at its start, so that a usual one answers in a microsecond.
//!
//! The crate `rrule` is not what evaluates them: it always walks from the start of the rule, gives up after 100,000
//! steps as if the rule had ended, leaves out what falls into a gap, and takes `MO,2TU` for the days that are both.

mod dates;
mod definition;
mod error;
mod parse;
mod plain;
mod rule;
#[cfg(test)]
mod tests;
mod walk;
mod wall;
mod weekly;
mod zone;

pub use definition::{Definition, Exception, MAX_DATES, Occurrence, Occurrences, Recurrence, Timing};
pub use error::RecurrenceError;
pub use rule::{MAX_TIMES_A_DAY, Rule};
pub use wall::{FIRST_YEAR, LAST_YEAR, parse_time, parse_wall, wall_in_range};
pub use weekly::WeeklySlots;
pub use zone::{Zone, offset_text, tz_version};

/// A wall time: what a clock on the wall shows, without a zone.
pub type Wall = chrono::NaiveDateTime;
/// A moment, the same everywhere.
pub type Instant = chrono::DateTime<chrono::Utc>;
