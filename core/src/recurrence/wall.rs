//! Wall times as text.

use chrono::{Datelike as _, NaiveDate, NaiveTime};

use super::rule::end_of_day;
use super::{RecurrenceError, Wall};

/// Nothing recurs before this year.
pub const FIRST_YEAR: i32 = 1970;
/// Nothing recurs after this year: the rules of the zones are not known further.
pub const LAST_YEAR: i32 = 2099;

const FORM: &str = "write a date and a time, such as 2026-03-29 09:00";

/// Reads `2026-03-29 09:00`, `2026-03-29T09:00:00` or `20260329T090000`.
pub fn parse_wall(text: &str) -> Result<Wall, RecurrenceError> {
    let bytes = text.trim();
    let (date, time) = bytes.split_once(['T', 't', ' ']).ok_or_else(|| RecurrenceError::wall(text, FORM))?;
    let wall = date_of(date, text)?.and_time(time_of(time, text)?);
    wall_in_range(wall)
}

/// The same wall time, if it is in a year in which something may recur.
pub fn wall_in_range(wall: Wall) -> Result<Wall, RecurrenceError> {
    if (FIRST_YEAR..=LAST_YEAR).contains(&wall.year()) {
        Ok(wall)
    } else {
        Err(out_of_range(&wall.to_string()))
    }
}

/// The last one in which something may recur.
pub(super) fn last_wall() -> Wall {
    NaiveDate::from_ymd_opt(LAST_YEAR, 12, 31).map_or(Wall::MAX, end_of_day)
}

fn out_of_range(text: &str) -> RecurrenceError {
    RecurrenceError::wall(text, format!("write a year from {FIRST_YEAR} to {LAST_YEAR}"))
}

/// Reads `09:00` or `09:00:30`.
pub fn parse_time(text: &str) -> Result<NaiveTime, RecurrenceError> {
    const TIME: &str = "write a time of the day from 00:00 to 23:59, such as 09:00 or 17:30:15";
    let found = if text.contains(':') { time(text.trim()) } else { None };
    found.ok_or_else(|| RecurrenceError::wall(text, TIME))
}

/// A date in a year from 1 to 9999; `whole` is what an error shows.
pub(super) fn date_of(text: &str, whole: &str) -> Result<NaiveDate, RecurrenceError> {
    let parts: Vec<&str> = match text.len() {
        8 if text.is_ascii() && !text.contains('-') => vec![&text[..4], &text[4..6], &text[6..]],
        _ => text.split('-').collect(),
    };
    let &[year, month, day] = &parts[..] else { return Err(RecurrenceError::wall(whole, FORM)) };
    let malformed = || RecurrenceError::wall(whole, FORM);
    let year = digits(year, 4..=9).ok_or_else(malformed)?;
    let month = digits(month, 1..=2).ok_or_else(malformed)?;
    let day = digits(day, 1..=2).ok_or_else(malformed)?;
    if !(1..=9999).contains(&year) {
        return Err(out_of_range(whole));
    }
    NaiveDate::from_ymd_opt(i32::try_from(year).unwrap_or_default(), month, day)
        .ok_or_else(|| RecurrenceError::wall(whole, "the calendar has no such day"))
}

pub(super) fn time_of(text: &str, whole: &str) -> Result<NaiveTime, RecurrenceError> {
    time(text).ok_or_else(|| {
        RecurrenceError::wall(whole, "write its time from 00:00 to 23:59:59, such as 2026-03-29 09:00")
    })
}

fn time(text: &str) -> Option<NaiveTime> {
    let parts: Vec<&str> = match text.len() {
        6 if text.is_ascii() && !text.contains(':') => vec![&text[..2], &text[2..4], &text[4..]],
        _ => text.split(':').collect(),
    };
    let (hour, minute, second) = match &parts[..] {
        [hour, minute] => (hour, minute, "00"),
        [hour, minute, second] => (hour, minute, *second),
        _ => return None,
    };
    NaiveTime::from_hms_opt(digits(hour, 1..=2)?, digits(minute, 2..=2)?, digits(second, 2..=2)?)
}

/// A number of so many digits and nothing else.
fn digits(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let fits = length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}
