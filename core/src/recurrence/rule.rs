//! A rule, as it was written.

use chrono::{NaiveDate, NaiveTime, Weekday};

use super::{Instant, RecurrenceError, Wall};

/// A rule fires at most so many times a day.
pub const MAX_TIMES_A_DAY: usize = 1_440;

/// How far one interval of a rule is from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Frequency {
    Hourly,
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// What ends a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// Nothing.
    Never,
    /// So many occurrences.
    Count(u32),
    /// A moment, itself included.
    Instant(Instant),
    /// A wall time, itself included.
    Wall(Wall),
}

/// A day of the week: every one (`0`), or the n-th of the month or year, from its end if negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day {
    pub(super) nth: i8,
    /// 0 is Monday.
    pub(super) weekday: u8,
}

/// A rule of RFC 5545.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub(super) frequency: Frequency,
    pub(super) interval: u32,
    pub(super) until: Until,
    pub(super) week_start: Weekday,
    pub(super) months: Vec<i16>,
    pub(super) week_numbers: Vec<i16>,
    pub(super) year_days: Vec<i16>,
    pub(super) month_days: Vec<i16>,
    pub(super) days: Vec<Day>,
    pub(super) hours: Vec<i16>,
    pub(super) minutes: Vec<i16>,
    pub(super) seconds: Vec<i16>,
    pub(super) positions: Vec<i16>,
    /// Times of the day, where hours, minutes and seconds can't say them: those of the plain form.
    pub(super) times: Vec<NaiveTime>,
}

impl Rule {
    pub(super) fn every(frequency: Frequency, interval: u32) -> Self {
        Self {
            frequency,
            interval,
            until: Until::Never,
            week_start: Weekday::Mon,
            months: Vec::new(),
            week_numbers: Vec::new(),
            year_days: Vec::new(),
            month_days: Vec::new(),
            days: Vec::new(),
            hours: Vec::new(),
            minutes: Vec::new(),
            seconds: Vec::new(),
            positions: Vec::new(),
            times: Vec::new(),
        }
    }

    /// Reads a rule such as `FREQ=WEEKLY;BYDAY=MO,FR;BYHOUR=9`, with or without `RRULE:` before it.
    ///
    /// Everything of RFC 5545 but what fires more often than a schedule of posts should: SECONDLY, MINUTELY, and more than
    /// [`MAX_TIMES_A_DAY`] times a day. A `UNTIL` that is a date includes that day.
    pub fn parse(text: &str) -> Result<Self, RecurrenceError> {
        super::parse::rule(text)
    }

    /// Whether it has any part that chooses days.
    pub(super) fn chooses_days(&self) -> bool {
        !(self.week_numbers.is_empty()
            && self.year_days.is_empty()
            && self.month_days.is_empty()
            && self.days.is_empty())
    }
}

/// The last moment of a day.
pub(super) fn end_of_day(day: NaiveDate) -> Wall {
    day.and_hms_opt(23, 59, 59).unwrap_or_else(|| day.and_time(NaiveTime::MIN))
}
