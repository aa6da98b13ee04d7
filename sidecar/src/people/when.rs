//! Times as people write them: "tomorrow 9:00", "in 2 hours", "next friday at 7pm", "2026-12-01 09:00".

use std::fmt;

use chrono::{DateTime, Datelike, Days, Duration, Months, NaiveDate, NaiveDateTime, NaiveTime, Utc, Weekday};
use chrono_tz::Tz;

use super::zone::{self, Decided, Found};
use crate::error::Error;

/// The longest text that is read.
const MAX_CHARS: usize = 100;
const FORMS: &str = "write for instance \"2026-12-01 09:00\", \"tomorrow 9:00\", \"in 2 hours\", \"monday 18:30\" or \
                     \"next friday at 7pm\"";

/// A time that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct When {
    pub(crate) instant: DateTime<Utc>,
    zone: Tz,
    /// The wall time that was asked for, where the clocks decided otherwise.
    decided: Option<(NaiveDateTime, Decided)>,
}

/// Reads a time. What has passed is refused; a wall time that the clocks skip or show twice is told of by [`When::note`].
pub(crate) fn read(text: &str, now: DateTime<Utc>, zone: Tz) -> Result<When, Error> {
    let when = understand(text, now, zone)
        .map_err(|why| Error::Refused(format!("the time {:?}: {why}", shown(text))))?;
    if when.instant < now {
        return Err(Error::Refused(format!(
            "the time {:?} has passed: it was {when}, and now it is {}",
            shown(text),
            local(now, zone)
        )));
    }
    Ok(when)
}

/// Reads a time that may have passed: for tables and calendars, where `now` tells nothing.
pub(crate) fn read_absolute(text: &str, zone: Tz) -> Result<When, String> {
    let words = words(text)?;
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    if let Some(instant) = with_offset(text) {
        return Ok(When { instant, zone, decided: None });
    }
    let (date, rest) = iso_date(&words).ok_or_else(|| "it is not of the form 2026-12-01 09:00".to_owned())?;
    Ok(at_wall(date.and_time(clock(rest)?), zone))
}

/// Reads a day.
pub(crate) fn read_day(text: &str, today: NaiveDate) -> Result<NaiveDate, Error> {
    let refused = |why: &str| Error::Refused(format!("the day {:?}: {why}", shown(text)));
    let words = words(text).map_err(|why| refused(&why))?;
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match day(&words, today) {
        Some((Day::Date(date) | Day::Named(date), [])) => Ok(date),
        _ => Err(refused("write for instance 2026-12-01, today, tomorrow or monday")),
    }
}

fn shown(text: &str) -> String {
    text.chars().take(MAX_CHARS).collect()
}

fn words(text: &str) -> Result<Vec<String>, String> {
    if text.chars().count() > MAX_CHARS {
        return Err(format!("it has more than {MAX_CHARS} characters; {FORMS}"));
    }
    let lower = text.to_lowercase().replace(',', " ").replace("a.m.", "am").replace("p.m.", "pm");
    let mut words: Vec<_> = lower.split_whitespace().map(str::to_owned).collect();
    // 2026-12-01t09:00
    let time = words
        .first_mut()
        .filter(|first| first.as_bytes().get(10) == Some(&b't'))
        .map(|first| first.split_off(10));
    if let Some(time) = time {
        words.insert(1, time[1..].to_owned());
    }
    Ok(words)
}

fn understand(text: &str, now: DateTime<Utc>, zone: Tz) -> Result<When, String> {
    if let Some(instant) = with_offset(text) {
        return Ok(When { instant, zone, decided: None });
    }
    let words = words(text)?;
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let here = now.with_timezone(&zone).naive_local();
    match words.as_slice() {
        [] => Err(format!("it is empty; {FORMS}")),
        ["now"] => Ok(When { instant: now, zone, decided: None }),
        ["in", rest @ ..] => ahead(rest, now, zone),
        all => match day(all, here.date()) {
            Some((Day::Date(date), rest)) => Ok(at_wall(date.and_time(clock(rest)?), zone)),
            Some((Day::Named(date), rest)) => Ok(at_wall(coming(date, clock(rest)?, here), zone)),
            None => clock(all).map(|time| at_wall(here.date().and_time(time), zone)),
        },
    }
}

/// An instant with its offset, as RFC 3339 writes it; a blank may stand for the T, and the seconds may be left out.
fn with_offset(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim().replacen(' ', "T", 1).replace(' ', "");
    let text = text.strip_suffix(['Z', 'z']).map_or_else(|| text.clone(), |text| format!("{text}+00:00"));
    let forms = ["%Y-%m-%dT%H:%M:%S%.f%:z", "%Y-%m-%dT%H:%M%:z"];
    // a year of more than four digits would be taken, too
    let four_digits = text.as_bytes().get(4) == Some(&b'-') && text.starts_with(|c: char| c.is_ascii_digit());
    let read = |form| DateTime::parse_from_str(&text, form).ok();
    forms.into_iter().find_map(read).filter(|_| four_digits).map(|at| at.to_utc())
}

/// A weekday without "next" is today while its time is still to come.
fn coming(date: NaiveDate, time: NaiveTime, here: NaiveDateTime) -> NaiveDateTime {
    let at = date.and_time(time);
    if at <= here && date == here.date() { at + Days::new(7) } else { at }
}

enum Day {
    Date(NaiveDate),
    /// The next one of this weekday, today included.
    Named(NaiveDate),
}

/// The day that the words begin with, and the words after it.
fn day<'a, 'w>(words: &'a [&'w str], today: NaiveDate) -> Option<(Day, &'a [&'w str])> {
    let plus = |days| today.checked_add_days(Days::new(days)).map(Day::Date);
    match words {
        ["today", rest @ ..] => Some((plus(0)?, rest)),
        ["tomorrow", rest @ ..] => Some((plus(1)?, rest)),
        ["day", "after", "tomorrow", rest @ ..] => Some((plus(2)?, rest)),
        // the first one after today, whichever week that is in: what was understood is printed
        ["next", name, rest @ ..] => {
            let ahead = until(name, today)?;
            Some((plus(if ahead == 0 { 7 } else { ahead })?, rest))
        }
        ["on" | "this", name, rest @ ..] => named(name, today).map(|day| (day, rest)),
        [name, rest @ ..] if until(name, today).is_some() => named(name, today).map(|day| (day, rest)),
        _ => {
            let found = iso_date(words).or_else(|| spelled_date(words, today));
            found.map(|(date, rest)| (Day::Date(date), rest))
        }
    }
}

fn named(name: &str, today: NaiveDate) -> Option<Day> {
    today.checked_add_days(Days::new(until(name, today)?)).map(Day::Named)
}

/// How many days from today to a weekday.
fn until(name: &str, today: NaiveDate) -> Option<u64> {
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || name.len() < 3 {
        return None;
    }
    let wanted: Weekday = name.parse().ok()?;
    Some(u64::from((wanted.num_days_from_monday() + 7 - today.weekday().num_days_from_monday()) % 7))
}

/// `2026-12-01`, also with the time after a T.
fn iso_date<'a, 'w>(words: &'a [&'w str]) -> Option<(NaiveDate, &'a [&'w str])>
where
    'w: 'a,
{
    let (first, rest) = words.split_first()?;
    let parts: Vec<_> = first.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return None };
    let date = NaiveDate::from_ymd_opt(digits(year, 4)?, digits(month, 2)?, digits(day, 2)?)?;
    Some((date, rest))
}

/// `1 december 2026`, `dec 1`, `december 1st`; without a year the next one.
fn spelled_date<'a, 'w>(words: &'a [&'w str], today: NaiveDate) -> Option<(NaiveDate, &'a [&'w str])> {
    let (one, rest) = words.split_first()?;
    let (two, rest) = rest.split_first()?;
    let (month, day) = match (month(one), month(two)) {
        (Some(month), None) => (month, ordinal(two)?),
        (None, Some(month)) => (month, ordinal(one)?),
        _ => return None,
    };
    if let Some((year, rest)) = rest.split_first().and_then(|(year, rest)| Some((digits(year, 4)?, rest))) {
        return Some((NaiveDate::from_ymd_opt(year, month, day)?, rest));
    }
    // a 29 February is at most eight years away
    let years = today.year()..=today.year() + 8;
    let date =
        years.filter_map(|year| NaiveDate::from_ymd_opt(year, month, day)).find(|date| *date >= today)?;
    Some((date, rest))
}

fn month(word: &str) -> Option<u32> {
    let is_name = word.len() >= 3 && word.starts_with(|c: char| c.is_ascii_alphabetic());
    is_name.then(|| word.parse::<chrono::Month>().ok()).flatten().map(|month| month.number_from_month())
}

fn ordinal(word: &str) -> Option<u32> {
    let number = ["st", "nd", "rd", "th", "."].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word);
    (number.len() <= 2).then(|| number.parse().ok()).flatten()
}

/// A number of exactly, or for two digits at most, so many digits.
fn digits<T: std::str::FromStr>(word: &str, count: usize) -> Option<T> {
    let fits = if count == 2 { (1..=2).contains(&word.len()) } else { word.len() == count };
    (fits && word.bytes().all(|byte| byte.is_ascii_digit())).then(|| word.parse().ok()).flatten()
}

/// The time of day that all of the words are.
fn clock(words: &[&str]) -> Result<NaiveTime, String> {
    let words = words.strip_prefix(&["at"]).unwrap_or(words);
    let (text, half) = match words {
        [] => return Err("it says no time of day: add for instance 9:00 or 9am".into()),
        ["noon"] => ("12:00", None),
        [text, half @ ("am" | "pm")] => (*text, Some(*half)),
        [text] => match (text.strip_suffix("am"), text.strip_suffix("pm")) {
            (Some(text), _) => (text, Some("am")),
            (_, Some(text)) => (text, Some("pm")),
            _ => (*text, None),
        },
        _ => return Err(unknown(words)),
    };
    let parts: Vec<_> = text.split(':').collect();
    let two = |word: &str| (word.len() == 2).then(|| digits::<u32>(word, 2)).flatten();
    let (hour, minute, second) = match (parts.as_slice(), half) {
        ([hour], Some(_)) => (digits(hour, 2), Some(0), Some(0)),
        ([hour], None) if digits::<u32>(hour, 2).is_some() => {
            return Err(format!("{hour:?} is no time of day: write {hour}:00, {hour}am or {hour}pm"));
        }
        ([hour, minute], _) => (digits(hour, 2), two(minute), Some(0)),
        ([hour, minute, second], _) => (digits(hour, 2), two(minute), two(second)),
        _ => return Err(unknown(words)),
    };
    let (Some(hour), Some(minute), Some(second)) = (hour, minute, second) else { return Err(unknown(words)) };
    let hour = match half {
        None => hour,
        Some(_) if !(1..=12).contains(&hour) => {
            return Err(format!("{:?} is no time of day", words.join(" ")));
        }
        Some("pm") => hour % 12 + 12,
        Some(_) => hour % 12,
    };
    NaiveTime::from_hms_opt(hour, minute, second)
        .ok_or_else(|| format!("{:?} is no time of day", words.join(" ")))
}

fn unknown(words: &[&str]) -> String {
    format!("{:?} is not understood; {FORMS}", words.join(" "))
}

/// `2 hours`, `an hour`, `1 day 3 hours`, `90m`, `1h30m`. Days, weeks and months keep the time of day.
fn ahead(words: &[&str], now: DateTime<Utc>, zone: Tz) -> Result<When, String> {
    const HINT: &str = "write for instance \"in 90 minutes\", \"in 2 hours\" or \"in 3 days\"";
    let refused = || format!("\"in {}\" is not understood; {HINT}", words.join(" "));
    let (mut days, mut months, mut exact) = (0_u64, 0_u32, Duration::zero());
    let mut parts = pieces(words).into_iter();
    let mut any = false;
    while let Some(number) = parts.next() {
        let number: u32 = match number.as_str() {
            "and" if any => continue,
            "a" | "an" => 1,
            number => number.parse().ok().filter(|number| *number <= 100_000).ok_or_else(refused)?,
        };
        match parts.next().as_deref() {
            Some("s" | "sec" | "secs" | "second" | "seconds") => exact += Duration::seconds(number.into()),
            Some("m" | "min" | "mins" | "minute" | "minutes") => exact += Duration::minutes(number.into()),
            Some("h" | "hr" | "hrs" | "hour" | "hours") => exact += Duration::hours(number.into()),
            Some("d" | "day" | "days") => days += u64::from(number),
            Some("w" | "week" | "weeks") => days += 7 * u64::from(number),
            Some("month" | "months") => months += number,
            _ => return Err(refused()),
        }
        any = true;
    }
    if !any {
        return Err(refused());
    }
    let from = if days == 0 && months == 0 {
        When { instant: now, zone, decided: None }
    } else {
        let here = now.with_timezone(&zone).naive_local();
        let wall = here.checked_add_months(Months::new(months));
        let wall = wall.and_then(|wall| wall.checked_add_days(Days::new(days))).ok_or_else(refused)?;
        at_wall(wall, zone)
    };
    let instant = from.instant.checked_add_signed(exact).ok_or_else(refused)?;
    Ok(When { instant, decided: from.decided.filter(|_| exact.is_zero()), ..from })
}

/// Words with numbers and letters apart: `1h30m` is four.
fn pieces(words: &[&str]) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for word in words {
        let mut before = None;
        for character in word.chars() {
            let kind = character.is_ascii_digit();
            match pieces.last_mut() {
                Some(last) if before == Some(kind) => last.push(character),
                _ => pieces.push(character.to_string()),
            }
            before = Some(kind);
        }
    }
    pieces
}

fn at_wall(wall: NaiveDateTime, zone: Tz) -> When {
    let Found { instant, decided } = zone::instant(wall, zone);
    When { instant, zone, decided: decided.map(|decided| (wall, decided)) }
}

/// A time in a zone, for instance `Tue 2026-12-01 09:00 +01:00 (Europe/Berlin)`; with seconds where there are some.
pub(crate) fn local(at: DateTime<Utc>, zone: Tz) -> String {
    format!("{} ({})", with_its_offset(at, zone), zone.name())
}

/// The same without the zone's name.
pub(crate) fn with_its_offset(at: DateTime<Utc>, zone: Tz) -> String {
    let at = at.with_timezone(&zone);
    let form = if at.timestamp() % 60 == 0 { "%a %Y-%m-%d %H:%M %:z" } else { "%a %Y-%m-%d %H:%M:%S %:z" };
    at.format(form).to_string()
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&local(self.instant, self.zone))
    }
}

impl When {
    /// What a change of the clocks made of it, in a sentence.
    pub(crate) fn note(&self) -> Option<String> {
        let (asked, decided) = self.decided?;
        Some(decision(asked, decided, self.instant, self.zone))
    }
}

/// What a change of the clocks made of a wall time, in a sentence.
pub(super) fn decision(asked: NaiveDateTime, decided: Decided, instant: DateTime<Utc>, zone: Tz) -> String {
    let (asked, name, at) = (asked.format("%Y-%m-%d %H:%M"), zone.name(), local(instant, zone));
    match decided {
        Decided::Skipped => {
            format!("the clocks of {name} skip {asked}: it is the first time after that, {at}")
        }
        Decided::Twice => {
            format!("the clocks of {name} show {asked} twice: it is the first of the two, {at}")
        }
    }
}

#[cfg(test)]
#[path = "when_tests.rs"]
mod tests;
