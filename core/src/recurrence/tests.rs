use chrono::TimeDelta;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn wall(text: &str) -> Wall {
    parse_wall(text).unwrap()
}

fn zone(name: &str) -> Zone {
    Zone::parse(name).unwrap()
}

fn instant(text: &str) -> Instant {
    chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn by(timing: Timing, starts: &str, name: &str) -> Recurrence {
    Recurrence::new(&Definition::new(timing, wall(starts), zone(name))).unwrap()
}

fn rule(text: &str, starts: &str, name: &str) -> Recurrence {
    by(Timing::rule(text).unwrap(), starts, name)
}

/// The first few occurrences after an instant, as the clock shows them, with offsets.
fn shown(recurrence: &Recurrence, after: Instant, count: usize) -> Vec<String> {
    let show = |occurrence: Occurrence| {
        let (wall, offset) = recurrence.zone().wall(occurrence.instant);
        format!("{} {}", wall.format("%Y-%m-%d %H:%M"), offset_text(offset))
    };
    recurrence.after(after).take(count).map(show).collect()
}

fn all(recurrence: &Recurrence, count: usize) -> Vec<String> {
    shown(recurrence, Instant::UNIX_EPOCH, count)
}

#[test]
fn nine_stays_nine_when_the_clocks_change() {
    let daily = rule("FREQ=DAILY", "2026-03-28 09:00", "Europe/Berlin");
    assert_eq!(
        all(&daily, 3),
        ["2026-03-28 09:00 +01:00", "2026-03-29 09:00 +02:00", "2026-03-30 09:00 +02:00"]
    );
}

#[test]
fn a_time_that_is_skipped_is_at_the_end_of_the_gap() {
    let daily = rule("FREQ=DAILY", "2026-03-28 02:30", "Europe/Berlin");
    assert_eq!(
        all(&daily, 3),
        ["2026-03-28 02:30 +01:00", "2026-03-29 03:00 +02:00", "2026-03-30 02:30 +02:00"]
    );
    // Half an hour; and the day that Samoa left out
    assert_eq!(
        zone("Australia/Lord_Howe").instant(wall("2026-10-04 02:15")),
        instant("2026-10-03T15:30:00Z")
    );
    assert_eq!(zone("Pacific/Apia").instant(wall("2011-12-30 12:00")), instant("2011-12-30T10:00:00Z"));
}

#[test]
fn a_time_that_exists_twice_is_the_first() {
    let daily = rule("FREQ=DAILY", "2026-10-24 02:30", "Europe/Berlin");
    assert_eq!(
        all(&daily, 3),
        ["2026-10-24 02:30 +02:00", "2026-10-25 02:30 +02:00", "2026-10-26 02:30 +01:00"]
    );
}

#[test]
fn wall_times_that_become_one_instant_are_one_occurrence() {
    let hourly = rule("FREQ=HOURLY", "2026-03-29 00:00", "Europe/Berlin");
    let expected = [
        "2026-03-29 00:00 +01:00",
        "2026-03-29 01:00 +01:00",
        "2026-03-29 03:00 +02:00",
        "2026-03-29 04:00 +02:00",
    ];
    assert_eq!(all(&hourly, 4), expected);
    let twice = by(
        Timing::plain(&json!({"daily": ["02:10", "02:40", "03:00"]})).unwrap(),
        "2026-03-29 00:00",
        "Europe/Berlin",
    );
    assert_eq!(all(&twice, 2), ["2026-03-29 03:00 +02:00", "2026-03-30 02:10 +02:00"]);
}

#[test]
fn what_comes_after_an_instant_does_not_depend_on_where_one_began() {
    for text in [
        "FREQ=HOURLY;INTERVAL=5",
        "FREQ=MONTHLY;BYDAY=-1FR;COUNT=90",
        "FREQ=YEARLY;BYWEEKNO=1,53;BYDAY=SU,MO",
    ] {
        let recurrence = rule(text, "2020-02-29 23:30", "America/St_Johns");
        let from_start: Vec<Occurrence> = recurrence.after(Instant::UNIX_EPOCH).take(80).collect();
        for (at, occurrence) in from_start.iter().enumerate() {
            for moment in [occurrence.instant, occurrence.instant + TimeDelta::milliseconds(1)] {
                let rest: Vec<Occurrence> = recurrence.after(moment).take(79 - at).collect();
                assert_eq!(rest, from_start[at + 1..], "{text} after {moment}");
            }
            let again = recurrence.after(occurrence.instant - TimeDelta::milliseconds(1)).next();
            assert_eq!(again, Some(*occurrence), "{text}");
        }
    }
}

#[test]
fn ends_exceptions_and_additions() {
    let mut definition = Definition::new(
        Timing::plain(&json!({"weekly": {"mon": ["09:00"], "fri": ["18:00", "09:00"]}, "every": 2})).unwrap(),
        wall("2026-01-01 00:00"), // a Thursday
        zone("Asia/Kathmandu"),
    );
    definition.ends = Some(wall("2026-01-30 09:00"));
    definition.exceptions =
        vec![Exception::parse("2026-01-16").unwrap(), Exception::parse("2026-01-02 18:00").unwrap()];
    definition.additions =
        ["2026-01-06 07:00", "2026-01-16 07:00", "2026-02-01 07:00", "2025-12-01 07:00"].map(wall).to_vec();
    let expected = [
        "2026-01-02 09:00 +05:45",
        "2026-01-06 07:00 +05:45",
        "2026-01-12 09:00 +05:45",
        "2026-01-26 09:00 +05:45",
        "2026-01-30 09:00 +05:45",
    ];
    assert_eq!(all(&Recurrence::new(&definition).unwrap(), 9), expected);
    let once = by(Timing::Once, "2026-05-05 12:00", "UTC");
    assert_eq!(all(&once, 2), ["2026-05-05 12:00 +00:00"]);
    assert_eq!(once.after(instant("2026-05-05T12:00:00Z")).next(), None);
}

#[test]
fn until_may_be_a_moment_a_wall_time_or_a_day() {
    for (until, last) in [
        ("20261025T003000Z", "2026-10-25 02:30 +02:00"),
        ("20261025T002959Z", "2026-10-24 02:30 +02:00"),
        ("20261025T023000", "2026-10-25 02:30 +02:00"),
        ("20261025T022959", "2026-10-24 02:30 +02:00"),
        ("20261025", "2026-10-25 02:30 +02:00"),
        // In the second of the two hours the clock shows less than in the first
        ("20261025T010500Z", "2026-10-25 02:30 +02:00"),
    ] {
        let daily = rule(&format!("rrule:freq=daily;until={until}"), "2026-10-20 02:30", "Europe/Berlin");
        assert_eq!(all(&daily, 99).last().unwrap(), last, "{until}");
    }
    assert_eq!(all(&rule("FREQ=YEARLY;UNTIL=99991231T235959Z", "2090-06-01 00:00", "UTC"), 99).len(), 10);
}

#[test]
fn slots_are_weekly() {
    let slots =
        WeeklySlots::parse(zone("Europe/Berlin"), &json!({"sun": ["02:30", "09:00"], "mon": ["09:00"]}))
            .unwrap();
    let found: Vec<Instant> =
        slots.after(instant("2026-03-23T12:00:00Z")).take(4).map(|slot| slot.instant).collect();
    let expected =
        ["2026-03-29T01:00:00Z", "2026-03-29T07:00:00Z", "2026-03-30T07:00:00Z", "2026-04-05T00:30:00Z"];
    assert_eq!(found, expected.map(instant));
    assert_eq!(WeeklySlots::new(Zone::UTC, &[]).after(Instant::UNIX_EPOCH).next(), None);
}

#[test]
fn rules_that_never_fire_end() {
    for text in [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;INTERVAL=24;BYHOUR=5",
        "FREQ=YEARLY;BYMONTHDAY=31;BYMONTH=4,6,9,11",
        "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6;BYDAY=MO",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6",
        "FREQ=YEARLY;INTERVAL=1000000",
        "FREQ=HOURLY;INTERVAL=1000000;COUNT=1000000;BYMONTH=1",
    ] {
        let recurrence = rule(text, "2026-01-01 00:00", "UTC");
        let after = recurrence.first().map(|first| first.instant);
        assert!(after.is_none_or(|after| recurrence.after(after).take(20).count() < 20), "{text}");
    }
}

#[test]
fn nothing_is_beyond_the_last_year() {
    let hourly = rule("FREQ=HOURLY", "1970-01-01 00:00", "Pacific/Kiritimati");
    assert_eq!(shown(&hourly, instant("2099-12-31T09:00:00Z"), 9), ["2099-12-31 24:00 +14:00"; 0]);
    assert_eq!(shown(&hourly, instant("2099-12-31T08:00:00Z"), 9), ["2099-12-31 23:00 +14:00"]);
    for moment in [Instant::MAX_UTC, Instant::MIN_UTC, Instant::UNIX_EPOCH] {
        assert_eq!(hourly.after(moment).next().is_some(), moment <= Instant::UNIX_EPOCH);
    }
}

#[test]
fn what_is_refused_is_named() {
    for (text, expected) in [
        ("", "NAME=VALUE"),
        ("BYDAY=MO", "no FREQ"),
        ("FREQ=MINUTELY", "HOURLY or slower"),
        ("FREQ=SECONDLY", "HOURLY or slower"),
        ("FREQ=FORTNIGHTLY", "\"FREQ=FORTNIGHTLY\" is not a frequency"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ twice"),
        ("FREQ=DAILY;", "the part \"\""),
        ("FREQ=DAILY;BYEASTER=1", "BYEASTER=1"),
        ("FREQ=DAILY;INTERVAL=0", "\"INTERVAL=0\" can't be read: write a whole number from 1"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL=-1"),
        ("FREQ=DAILY;COUNT=99999999999999999999", "COUNT=999"),
        ("FREQ=DAILY;COUNT=1;UNTIL=20260101", "not both"),
        ("FREQ=DAILY;UNTIL=20260230", "UNTIL=20260230"),
        ("FREQ=DAILY;UNTIL=00000101", "UNTIL=00000101"),
        ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL=TOMORROW"),
        ("FREQ=DAILY;BYHOUR=24", "numbers from 0 to 23"),
        ("FREQ=DAILY;BYHOUR=", "BYHOUR="),
        ("FREQ=DAILY;BYHOUR=9,", "BYHOUR=9,"),
        ("FREQ=DAILY;BYMONTH=-1", "from 1 to 12"),
        ("FREQ=YEARLY;BYYEARDAY=0", "or from -366 to -1"),
        ("FREQ=YEARLY;BYYEARDAY=367", "BYYEARDAY=367"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY=32"),
        ("FREQ=YEARLY;BYDAY=54MO", "BYDAY=54MO"),
        ("FREQ=MONTHLY;BYDAY=6MO", "beyond 5"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY=0MO"),
        ("FREQ=MONTHLY;BYDAY=XX", "BYDAY=XX"),
        ("FREQ=MONTHLY;BYDAY=é", "BYDAY=é"),
        ("FREQ=WEEKLY;BYDAY=2MO", "numbered BYDAY"),
        ("FREQ=WEEKLY;BYMONTHDAY=2", "does not go with FREQ=WEEKLY"),
        ("FREQ=MONTHLY;BYWEEKNO=2", "BYWEEKNO"),
        ("FREQ=DAILY;BYYEARDAY=2", "BYYEARDAY"),
        ("FREQ=DAILY;BYSETPOS=1", "BYSETPOS"),
        ("FREQ=DAILY;WKST=XX", "WKST=XX"),
        ("DTSTART:20260101T000000\nRRULE:FREQ=DAILY", "more than a rule"),
        (
            "FREQ=DAILY;BYHOUR=1,2,3,4,5,6,7,8,9,10,11,12,13;BYMINUTE=0,1,2,3,4,5,6,7,8,9,10;BYSECOND=0,1,2,3,4,5,6,7,8,9,10,11",
            "1716 times a day",
        ),
    ] {
        let error = Rule::parse(text).expect_err(text).to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert!(Rule::parse(&"FREQ=DAILY;".repeat(1_000)).unwrap_err().to_string().len() < 200);
    for (text, expected) in [
        ("2026-02-29 09:00", "no such day"),
        ("0000-01-01 09:00", "from 1970 to 2099"),
        ("10000-01-01 09:00", "from 1970 to 2099"),
        ("2100-01-01 00:00", "from 1970 to 2099"),
        ("infinity", "such as 2026"),
        ("2026-01-01", "such as 2026"),
        ("2026-01-01 24:00", "23:59:59"),
        ("2026-01-01 09:00:60", "23:59:59"),
        ("2026-01-01 9", "23:59:59"),
        ("٢٠٢٦-01-01 09:00", "such as 2026"),
    ] {
        let error = parse_wall(text).expect_err(text).to_string();
        assert!(error.contains(expected) && error.contains(text), "{text}: {error}");
    }
    for (name, expected) in [
        ("Europe/berlin", "write Europe/Berlin"),
        ("new york", "write America/New_York"),
        ("CEST", "Europe/Berlin, America/New_York or UTC"),
        ("", "IANA"),
        ("../../etc/passwd", "IANA"),
        ("+02:00", "IANA"),
    ] {
        let error = Zone::parse(name).expect_err(name).to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
    for (value, expected) in [
        (json!([]), "write {\"daily\""),
        (json!({}), "write {\"daily\""),
        (json!({"daily": ["09:00"], "weekly": {"mon": ["09:00"]}}), "write {\"daily\""),
        (json!({"weekly": {}}), "write {\"daily\""),
        (json!({"monthly": ["09:00"]}), "\"monthly\" is not known"),
        (json!({"daily": []}), "as an array"),
        (json!({"daily": "09:00"}), "as an array"),
        (json!({"daily": [9]}), "9 is not a time"),
        (json!({"daily": ["24:00"]}), "from 00:00 to 23:59"),
        (json!({"daily": ["0900"]}), "from 00:00 to 23:59"),
        (json!({"daily": vec!["09:00"; 289]}), "at most 288"),
        (json!({"daily": ["09:00"], "every": 0}), "\"every\": 0"),
        (json!({"daily": ["09:00"], "every": "2"}), "\"every\": \"2\""),
        (json!({"weekly": {"lundi": ["09:00"]}}), "\"lundi\""),
        (json!({"weekly": {"mon": ["09:00"], "monday": ["10:00"]}}), "name a day once"),
    ] {
        let error = Timing::plain(&value).expect_err(&value.to_string()).to_string();
        assert!(error.contains(expected), "{value}: {error}");
    }
    let mut definition = Definition::new(Timing::Once, wall("2026-01-01 00:00"), Zone::UTC);
    definition.ends = Some(wall("2025-01-01 00:00"));
    assert!(Recurrence::new(&definition).unwrap_err().to_string().contains("before it starts"));
    definition.ends = None;
    definition.exceptions = vec![Exception::parse("2026-01-01").unwrap(); MAX_DATES + 1];
    assert!(Recurrence::new(&definition).unwrap_err().to_string().contains("1001 exceptions"));
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in "\\PC{0,40}", value in "[A-Z0-9=;,:+-]{0,40}") {
        for text in [&text, &value, &format!("FREQ=DAILY;{value}"), &format!("FREQ=YEARLY;BYDAY={text}")] {
            let _ = Rule::parse(text);
            let _ = parse_wall(text);
            let _ = Exception::parse(text);
            let _ = Zone::parse(text);
        }
    }

    #[test]
    fn zones_go_there_and_back(number in 0..600_usize, seconds in 0..4_102_444_800_i64) {
        let zones: Vec<Zone> = Zone::all().collect();
        let zone = zones[number % zones.len()];
        let moment = Instant::from_timestamp(seconds, 0).unwrap();
        let (wall, _) = zone.wall(moment);
        let first = zone.instant(wall);
        prop_assert!(first <= moment);
        prop_assert_eq!(zone.wall(first).0, wall);
    }
}
