use chrono::TimeZone;
use proptest::prelude::*;

use super::*;

const BERLIN: Tz = Tz::Europe__Berlin;

/// A Monday, 10:30 in Berlin.
fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 30, 9, 30, 0).unwrap()
}

fn at(text: &str) -> String {
    match read(text, now(), BERLIN) {
        Ok(when) => when.instant.with_timezone(&BERLIN).format("%a %Y-%m-%d %H:%M:%S").to_string(),
        Err(error) => panic!("{text}: {error}"),
    }
}

fn refusal(text: &str) -> String {
    read(text, now(), BERLIN).expect_err(text).to_string()
}

#[test]
fn times_as_people_write_them() {
    for (text, expected) in [
        ("2026-12-01 09:00", "Tue 2026-12-01 09:00:00"),
        ("2026-12-01T09:00", "Tue 2026-12-01 09:00:00"),
        ("2026-12-01T09:00:30Z", "Tue 2026-12-01 10:00:30"),
        ("2026-12-01T09:00-05:00", "Tue 2026-12-01 15:00:00"),
        ("2026-12-01 09:00:00 +01:00", "Tue 2026-12-01 09:00:00"),
        ("2026-12-01 at 9am", "Tue 2026-12-01 09:00:00"),
        ("tomorrow 9:00", "Tue 2026-12-01 09:00:00"),
        ("Tomorrow at 9 AM", "Tue 2026-12-01 09:00:00"),
        ("day after tomorrow 9:00", "Wed 2026-12-02 09:00:00"),
        ("today 18:30", "Mon 2026-11-30 18:30:00"),
        ("18:30", "Mon 2026-11-30 18:30:00"),
        ("at noon", "Mon 2026-11-30 12:00:00"),
        // its time is still to come, and has passed
        ("monday 18:30", "Mon 2026-11-30 18:30:00"),
        ("monday 10:30", "Mon 2026-12-07 10:30:00"),
        ("mon 8:00", "Mon 2026-12-07 08:00:00"),
        ("next monday 18:30", "Mon 2026-12-07 18:30:00"),
        ("next friday at 7pm", "Fri 2026-12-04 19:00:00"),
        ("this friday 7:15 p.m.", "Fri 2026-12-04 19:15:00"),
        ("on sunday, 12am", "Sun 2026-12-06 00:00:00"),
        ("1 december 12pm", "Tue 2026-12-01 12:00:00"),
        ("Dec 1st, 2027 at 9:00", "Wed 2027-12-01 09:00:00"),
        ("1 nov 9:00", "Mon 2027-11-01 09:00:00"),
        ("29 feb 9:00", "Tue 2028-02-29 09:00:00"),
        ("in 2 hours", "Mon 2026-11-30 12:30:00"),
        ("in an hour", "Mon 2026-11-30 11:30:00"),
        ("in 1h30m", "Mon 2026-11-30 12:00:00"),
        ("in 1 hour and 30 minutes", "Mon 2026-11-30 12:00:00"),
        ("in 90 min", "Mon 2026-11-30 12:00:00"),
        ("in 3 days", "Thu 2026-12-03 10:30:00"),
        ("in 2 weeks", "Mon 2026-12-14 10:30:00"),
        ("in 3 months", "Sun 2027-02-28 10:30:00"),
        ("now", "Mon 2026-11-30 10:30:00"),
    ] {
        assert_eq!(at(text), expected, "{text}");
    }
}

#[test]
fn what_is_not_clear_is_refused_with_what_to_write() {
    for (text, part) in [
        ("", "it is empty"),
        ("soon", "\"soon\" is not understood; write for instance"),
        ("tomorrow", "says no time of day"),
        ("2026-12-01", "says no time of day"),
        ("tomorrow 9", "write 9:00, 9am or 9pm"),
        ("tomorrow 13pm", "no time of day"),
        ("tomorrow 24:00", "no time of day"),
        ("tomorrow 9:60", "no time of day"),
        ("tomorrow 9:5", "not understood"),
        ("2026-02-30 9:00", "not understood"),
        ("12026-12-01 09:00", "not understood"),
        ("12026-12-01T09:00:00Z", "not understood"),
        ("01/12/2026 9:00", "not understood"),
        ("01.12.2026 9:00", "not understood"),
        ("next month 9:00", "not understood"),
        ("in", "not understood"),
        ("in 2", "not understood"),
        ("in hours", "not understood"),
        ("in -2 hours", "not understood"),
        ("in 99999999999 hours", "not understood"),
        ("in 2 fortnights", "not understood"),
    ] {
        let refusal = refusal(text);
        assert!(refusal.contains(part), "{text}: expected {part:?} in {refusal}");
    }
    assert!(refusal(&"x".repeat(1_000_000)).len() < 500);
}

#[test]
fn what_has_passed_is_refused_with_both_times() {
    for text in ["today 9:00", "9:00", "2026-11-29 09:00", "2020-01-01T00:00Z"] {
        let refusal = refusal(text);
        assert!(refusal.contains("has passed"), "{refusal}");
        assert!(refusal.contains("now it is Mon 2026-11-30 10:30 +01:00 (Europe/Berlin)"), "{refusal}");
    }
}

#[test]
fn a_change_of_the_clocks_is_said() {
    let when = |text| read(text, now(), BERLIN).unwrap();
    let skipped = when("2027-03-28 02:30");
    assert_eq!(skipped.to_string(), "Sun 2027-03-28 03:00 +02:00 (Europe/Berlin)");
    assert!(skipped.note().unwrap().contains("skip 2027-03-28 02:30"), "{:?}", skipped.note());
    let twice = when("2027-10-31 02:30");
    assert_eq!(twice.to_string(), "Sun 2027-10-31 02:30 +02:00 (Europe/Berlin)");
    assert!(twice.note().unwrap().contains("twice"), "{:?}", twice.note());
    assert_eq!(when("2027-03-28 03:30").note(), None);
    assert_eq!(when("2027-03-28 02:30+01:00").note(), None);
}

#[test]
fn hours_are_exact_and_days_keep_the_time_of_day() {
    // the night of the change: 27 March 2027, 10:30 in Berlin
    let before = Utc.with_ymd_and_hms(2027, 3, 27, 9, 30, 0).unwrap();
    let ahead = |text| read(text, before, BERLIN).unwrap().to_string();
    assert_eq!(ahead("in 24 hours"), "Sun 2027-03-28 11:30 +02:00 (Europe/Berlin)");
    assert_eq!(ahead("in 1 day"), "Sun 2027-03-28 10:30 +02:00 (Europe/Berlin)");
    assert_eq!(ahead("in 1 day 1 hour"), "Sun 2027-03-28 11:30 +02:00 (Europe/Berlin)");
}

#[test]
fn days_alone() {
    let today = NaiveDate::from_ymd_opt(2026, 11, 30).unwrap();
    let day = |text| read_day(text, today).map(|day| day.to_string());
    assert_eq!(day("today").unwrap(), "2026-11-30");
    assert_eq!(day("monday").unwrap(), "2026-11-30");
    assert_eq!(day("next monday").unwrap(), "2026-12-07");
    assert_eq!(day("2020-02-29").unwrap(), "2020-02-29");
    assert!(day("2026-12-01 09:00").is_err() && day("").is_err() && day("2021-02-29").is_err());
}

proptest! {
    /// What is printed is read as the same instant, in every zone.
    #[test]
    fn a_time_that_is_printed_is_read_again(seconds in 1_800_000_000_i64..4_000_000_000, zone in 0..chrono_tz::TZ_VARIANTS.len()) {
        let zone = chrono_tz::TZ_VARIANTS[zone];
        let instant = DateTime::from_timestamp(seconds, 0).unwrap();
        let text = instant.with_timezone(&zone).to_rfc3339();
        prop_assert_eq!(read(&text, now(), Tz::UTC).unwrap().instant, instant);
        prop_assert_eq!(read_absolute(&text, Tz::UTC).unwrap().instant, instant);
        // a wall time is that wall time, unless the clocks decided
        let wall = instant.with_timezone(&zone).naive_local();
        let when = read_absolute(&wall.format("%Y-%m-%d %H:%M:%S").to_string(), zone).unwrap();
        prop_assert_eq!(when.instant.with_timezone(&zone).naive_local(), wall);
        prop_assert!(when.instant == instant || when.decided.is_some());
    }

    /// Nothing that is typed brings it down.
    #[test]
    fn any_text_is_read_or_refused(text in "[ a-z0-9:+.,TZ-]{0,40}|\\PC{0,30}") {
        let _ = read(&text, now(), BERLIN);
        let _ = read_absolute(&text, BERLIN);
        let _ = read_day(&text, now().date_naive());
    }
}
