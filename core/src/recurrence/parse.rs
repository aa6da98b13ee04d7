//! Rules as text.

use std::ops::RangeInclusive;

use chrono::Weekday;

use super::RecurrenceError;
use super::rule::{Day, Frequency, MAX_TIMES_A_DAY, Rule, Until, end_of_day};
use super::wall::{date_of, time_of};

type Result<T> = std::result::Result<T, RecurrenceError>;

const MAX_CHARS: usize = 2_000;
const WEEKDAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

pub(super) fn rule(text: &str) -> Result<Rule> {
    if text.chars().count() > MAX_CHARS {
        return Err(RecurrenceError::rule(text, format!("has more than {MAX_CHARS} characters")));
    }
    let upper = text.trim().to_ascii_uppercase();
    let body = upper.strip_prefix("RRULE:").unwrap_or(&upper);
    if body.contains(['\n', '\r', ':']) {
        return Err(RecurrenceError::rule(
            text,
            "is more than a rule: give the start, the zone, exceptions and additions each by itself",
        ));
    }
    let mut parts = Vec::new();
    for part in body.split(';') {
        let (name, value) = part.split_once('=').ok_or_else(|| {
            RecurrenceError::rule(
                text,
                format!("has the part {part:?}: write NAME=VALUE, separated by semicolons"),
            )
        })?;
        if parts.iter().any(|(other, _)| *other == name) {
            return Err(RecurrenceError::rule(
                text,
                format!("has {name} twice: write it once, with commas between values"),
            ));
        }
        parts.push((name, value));
    }
    let frequency = parts.iter().find(|(name, _)| *name == "FREQ");
    let (_, frequency) = frequency
        .ok_or_else(|| RecurrenceError::rule(text, "has no FREQ: begin with one, such as FREQ=DAILY"))?;
    let mut rule = Rule::every(self::frequency(frequency)?, 1);
    for (name, value) in &parts {
        read_part(&mut rule, name, value)?;
    }
    check(&rule, body)?;
    Ok(rule)
}

fn frequency(value: &str) -> Result<Frequency> {
    Ok(match value {
        "HOURLY" => Frequency::Hourly,
        "DAILY" => Frequency::Daily,
        "WEEKLY" => Frequency::Weekly,
        "MONTHLY" => Frequency::Monthly,
        "YEARLY" => Frequency::Yearly,
        "SECONDLY" | "MINUTELY" => {
            return Err(RecurrenceError::rule(
                format!("FREQ={value}"),
                "fires too often: write HOURLY or slower; BYMINUTE gives several times an hour",
            ));
        }
        _ => {
            return Err(RecurrenceError::rule(
                format!("FREQ={value}"),
                "is not a frequency: write HOURLY, DAILY, WEEKLY, MONTHLY or YEARLY",
            ));
        }
    })
}

fn read_part(rule: &mut Rule, name: &str, value: &str) -> Result<()> {
    match name {
        "FREQ" => {}
        "INTERVAL" => rule.interval = positive(name, value)?,
        "COUNT" => set_until(rule, Until::Count(positive(name, value)?), value)?,
        "UNTIL" => {
            let until = until(value)?;
            set_until(rule, until, value)?;
        }
        "WKST" => {
            let weekday =
                weekday(value).ok_or_else(|| bad(name, value, "write one of MO, TU, WE, TH, FR, SA, SU"))?;
            rule.week_start = weekday;
        }
        "BYMONTH" => rule.months = numbers(name, value, 1..=12, false)?,
        "BYWEEKNO" => rule.week_numbers = numbers(name, value, 1..=53, true)?,
        "BYYEARDAY" => rule.year_days = numbers(name, value, 1..=366, true)?,
        "BYMONTHDAY" => rule.month_days = numbers(name, value, 1..=31, true)?,
        "BYHOUR" => rule.hours = numbers(name, value, 0..=23, false)?,
        "BYMINUTE" => rule.minutes = numbers(name, value, 0..=59, false)?,
        "BYSECOND" => rule.seconds = numbers(name, value, 0..=59, false)?,
        "BYSETPOS" => rule.positions = numbers(name, value, 1..=366, true)?,
        "BYDAY" => rule.days = days(value)?,
        _ => {
            return Err(RecurrenceError::rule(
                format!("{name}={value}"),
                "has a part that is not known: the parts are FREQ, INTERVAL, COUNT, UNTIL, WKST, BYMONTH, BYWEEKNO, \
                 BYYEARDAY, BYMONTHDAY, BYDAY, BYHOUR, BYMINUTE, BYSECOND and BYSETPOS",
            ));
        }
    }
    Ok(())
}

fn bad(name: &str, value: &str, advice: impl std::fmt::Display) -> RecurrenceError {
    RecurrenceError::rule(format!("{name}={value}"), format!("can't be read: {advice}"))
}

fn set_until(rule: &mut Rule, until: Until, value: &str) -> Result<()> {
    if rule.until != Until::Never {
        return Err(bad("COUNT or UNTIL", value, "a rule has one of the two, not both"));
    }
    rule.until = until;
    Ok(())
}

fn positive(name: &str, value: &str) -> Result<u32> {
    let all_digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let number = if all_digits { value.parse::<u32>().ok() } else { None };
    number
        .filter(|number| *number > 0 && *number <= 1_000_000)
        .ok_or_else(|| bad(name, value, "write a whole number from 1 to 1000000"))
}

/// The years may go to 9999, because `UNTIL=99991231T235959Z` is what many programs write for "never".
fn until(value: &str) -> Result<Until> {
    const FORM: &str = "write 20261231T230000Z (universal time), 20261231T230000 (wall time) or 20261231 (that day included)";
    let malformed = |_| bad("UNTIL", value, FORM);
    if !value.contains(['T', ' ']) {
        return Ok(Until::Wall(end_of_day(date_of(value, value).map_err(malformed)?)));
    }
    let (text, is_utc) = match value.strip_suffix('Z') {
        Some(text) => (text, true),
        None => (value, false),
    };
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, ""));
    let wall = date_of(date, value).map_err(malformed)?.and_time(time_of(time, value).map_err(malformed)?);
    Ok(if is_utc { Until::Instant(wall.and_utc()) } else { Until::Wall(wall) })
}

/// Numbers in order, each once. `signed`: their negatives count from the end.
fn numbers(name: &str, value: &str, range: RangeInclusive<i16>, signed: bool) -> Result<Vec<i16>> {
    let mut found = Vec::new();
    for text in value.split(',') {
        let number =
            number(text).filter(|number| range.contains(number) || signed && range.contains(&-number));
        let (first, last) = (range.start(), range.end());
        found.push(number.ok_or_else(|| {
            let from_the_end = if signed { format!(", or from -{last} to -{first}") } else { String::new() };
            bad(
                name,
                value,
                format!("write numbers from {first} to {last}{from_the_end}, separated by commas"),
            )
        })?);
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// A number with at most three digits and a sign.
fn number(text: &str) -> Option<i16> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let fits = (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.strip_prefix('+').unwrap_or(text).parse().ok() } else { None }
}

fn weekday(text: &str) -> Option<Weekday> {
    let at = WEEKDAYS.iter().position(|name| *name == text)?;
    Weekday::try_from(u8::try_from(at).ok()?).ok()
}

fn days(value: &str) -> Result<Vec<Day>> {
    let read = |text: &str| {
        let at = text.len().checked_sub(2).filter(|at| text.is_char_boundary(*at))?;
        let (nth, name) = text.split_at(at);
        let weekday = weekday(name)?.num_days_from_monday();
        let nth = if nth.is_empty() { 0 } else { number(nth).filter(|nth| (1..=53).contains(&nth.abs()))? };
        Some(Day { nth: i8::try_from(nth).ok()?, weekday: u8::try_from(weekday).ok()? })
    };
    let mut days = Vec::new();
    for text in value.split(',') {
        days.push(read(text).ok_or_else(|| {
            bad(
                "BYDAY",
                value,
                "write MO, TU, WE, TH, FR, SA or SU, or the n-th of them (2MO, -1FR), separated by commas",
            )
        })?);
    }
    days.sort_unstable();
    days.dedup();
    Ok(days)
}

/// What the parts may not be together.
fn check(rule: &Rule, text: &str) -> Result<()> {
    use Frequency::{Hourly, Monthly, Weekly, Yearly};
    let refuse = |problem: &str| Err(RecurrenceError::rule(text, problem));
    let frequency = rule.frequency;
    if !rule.week_numbers.is_empty() && frequency != Yearly {
        return refuse("has BYWEEKNO, which goes with FREQ=YEARLY only");
    }
    if !rule.year_days.is_empty() && !matches!(frequency, Hourly | Yearly) {
        return refuse(
            "has BYYEARDAY, which goes with FREQ=YEARLY or HOURLY only: BYMONTHDAY may be what is meant",
        );
    }
    if !rule.month_days.is_empty() && frequency == Weekly {
        return refuse(
            "has BYMONTHDAY, which does not go with FREQ=WEEKLY: FREQ=MONTHLY or DAILY may be what is meant",
        );
    }
    if let Some(day) = rule.days.iter().find(|day| day.nth != 0) {
        if !matches!(frequency, Monthly | Yearly) || !rule.week_numbers.is_empty() {
            return refuse(
                "has a numbered BYDAY, which goes with FREQ=MONTHLY or YEARLY only, and not with BYWEEKNO",
            );
        }
        if day.nth.abs() > 5 && (frequency == Monthly || !rule.months.is_empty()) {
            return refuse("numbers a weekday beyond 5 in BYDAY: no month has more of them");
        }
    }
    let chooses = rule.chooses_days()
        || ![&rule.months, &rule.hours, &rule.minutes, &rule.seconds].iter().all(|part| part.is_empty());
    if !rule.positions.is_empty() && !chooses {
        return refuse(
            "has BYSETPOS, which chooses among what another part (BYDAY, BYMONTHDAY, BYHOUR, …) gives: add one",
        );
    }
    let hours = if frequency == Hourly { 24 } else { rule.hours.len().max(1) };
    let times = hours * rule.minutes.len().max(1) * rule.seconds.len().max(1);
    if times > MAX_TIMES_A_DAY {
        return refuse(&format!(
            "fires {times} times a day; at most {MAX_TIMES_A_DAY} are accepted: give fewer of BYHOUR, BYMINUTE, BYSECOND"
        ));
    }
    Ok(())
}
