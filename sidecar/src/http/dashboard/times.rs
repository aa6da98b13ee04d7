//! Times as people read and write them, in their zone.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use maud::{Markup, html};

use crate::people::zone;

/// How a browser's field for a time writes one.
pub(super) const FIELD: &str = "%Y-%m-%dT%H:%M";

/// A time, for people and for machines.
pub(super) fn shown(at: DateTime<Utc>, zone: Tz) -> Markup {
    let local = at.with_timezone(&zone);
    html! { time datetime=(at.to_rfc3339()) { (local.format("%a %-d %b %Y, %H:%M")) } }
}

/// A time of day.
pub(super) fn clock(at: DateTime<Utc>, zone: Tz) -> Markup {
    html! { time datetime=(at.to_rfc3339()) { (at.with_timezone(&zone).format("%H:%M")) } }
}

/// A time that may be endless or none that can be read.
pub(super) fn shown_text(text: &str, zone: Tz) -> Markup {
    match text.parse::<DateTime<Utc>>() {
        Ok(at) => shown(at, zone),
        Err(_) if text == "infinity" => html! { "further notice" },
        Err(_) => html! { (text) },
    }
}

/// A length of time as SQL writes it, in words.
pub(super) fn span(text: &str) -> String {
    let parts: Vec<u64> = text.split(':').map_while(|part| part.parse().ok()).collect();
    let [hours, minutes, seconds] = parts[..] else { return text.to_owned() };
    let (number, unit) = match (hours, minutes, seconds) {
        (_, 0, 0) => (hours, "hour"),
        (_, _, 0) => (hours * 60 + minutes, "minute"),
        _ => ((hours * 60 + minutes) * 60 + seconds, "second"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// What stands in a field for a time.
pub(super) fn field(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format(FIELD).to_string()
}

/// Reads what a field for a time brings: the instant of a time on the clocks of a zone.
pub(super) fn read(text: &str, zone: Tz) -> Result<DateTime<Utc>, String> {
    let text = text.trim();
    let wall = [FIELD, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|shape| NaiveDateTime::parse_from_str(text, shape).ok());
    let wall = wall.filter(|wall| (1970..=2100).contains(&wall.year()));
    let wall = wall.ok_or_else(|| {
        format!(
            "{:?} is no time: write for instance 2026-12-01 09:00",
            text.chars().take(40).collect::<String>()
        )
    })?;
    Ok(zone::instant(wall, zone).instant)
}

/// The first moment of a day.
pub(super) fn begin(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    zone::instant(day.and_time(NaiveTime::MIN), zone).instant
}

/// The day of a moment.
pub(super) fn day(at: DateTime<Utc>, zone: Tz) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// The Monday of a day's week.
pub(super) fn monday(day: NaiveDate) -> NaiveDate {
    let since = u64::from(day.weekday().num_days_from_monday());
    day.checked_sub_days(Days::new(since)).unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERLIN: Tz = Tz::Europe__Berlin;

    #[test]
    fn a_time_is_read_on_the_clocks_of_the_zone() {
        let at = read("2026-12-01T09:00", BERLIN).unwrap();
        assert_eq!(at.to_rfc3339(), "2026-12-01T08:00:00+00:00");
        assert_eq!(field(at, BERLIN), "2026-12-01T09:00");
        assert!(shown(at, BERLIN).into_string().contains(">Tue 1 Dec 2026, 09:00<"));
        // left out in spring, there twice in autumn
        assert_eq!(read("2026-03-29T02:30", BERLIN).unwrap().to_rfc3339(), "2026-03-29T01:00:00+00:00");
        assert_eq!(read("2026-10-25T02:30", BERLIN).unwrap().to_rfc3339(), "2026-10-25T00:30:00+00:00");
        for bad in ["", "soon", "2026-13-01T00:00", "9999-01-01T00:00", "<script>"] {
            assert!(read(bad, BERLIN).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_length_is_said_in_words() {
        for (text, words) in [
            ("01:00:00", "1 hour"),
            ("24:00:00", "24 hours"),
            ("00:15:00", "15 minutes"),
            ("00:00:01", "1 second"),
            ("30 days", "30 days"),
            ("1 mon 02:00:00", "1 mon 02:00:00"),
            ("", ""),
        ] {
            assert_eq!(span(text), words);
        }
    }

    #[test]
    fn days_begin_at_midnight_in_the_zone() {
        let day = NaiveDate::from_ymd_opt(2026, 12, 2).unwrap();
        assert_eq!(begin(day, BERLIN).to_rfc3339(), "2026-12-01T23:00:00+00:00");
        assert_eq!(monday(day).to_string(), "2026-11-30");
        assert_eq!(super::day("2026-12-01T23:30:00Z".parse().unwrap(), BERLIN), day);
        assert!(shown_text("infinity", BERLIN).into_string().contains("further notice"));
    }
}
