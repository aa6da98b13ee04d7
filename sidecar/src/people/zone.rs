//! Time zones: which one is meant, and which instant a wall time is in it.

use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};
use chrono_tz::{GapInfo, TZ_VARIANTS, Tz};

use crate::error::Error;

/// The zone that somebody named, else the system's, else UTC.
pub(crate) fn choose(named: Option<&str>) -> Result<Tz, Error> {
    let variable = std::env::var("TZ").ok();
    resolve(named, variable.as_deref(), || iana_time_zone::get_timezone().ok())
}

fn resolve(
    named: Option<&str>,
    variable: Option<&str>,
    system: impl FnOnce() -> Option<String>,
) -> Result<Tz, Error> {
    if let Some(name) = named {
        return parse(name);
    }
    // ":Europe/Berlin" and "Europe/Berlin" mean the same, and an empty value UTC: see tzset(3)
    match variable.map(|value| value.strip_prefix(':').unwrap_or(value)) {
        Some("") => Ok(Tz::UTC),
        Some(name) => parse(name).map_err(|error| {
            Error::Refused(format!("the variable TZ: {error}\nhint: name a zone with --zone"))
        }),
        None => Ok(system().and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC)),
    }
}

/// A zone by its IANA name.
pub(crate) fn parse(name: &str) -> Result<Tz, Error> {
    let trimmed = name.trim();
    trimmed.parse().map_err(|_| {
        let wanted = trimmed.replace(' ', "_").to_lowercase();
        let city = format!("/{wanted}");
        let like = TZ_VARIANTS.iter().map(|zone| zone.name()).find(|name| {
            let known = name.to_lowercase();
            !wanted.is_empty() && (known == wanted || known.ends_with(&city))
        });
        let hint = like.map_or_else(
            || "name it as IANA does, for instance Europe/Berlin or UTC".to_owned(),
            |like| format!("perhaps {like}?"),
        );
        let shown: String = name.chars().take(80).collect();
        Error::Refused(format!("there is no time zone {shown:?}: {hint}"))
    })
}

/// An instant, and what had to be decided to find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) instant: DateTime<Utc>,
    pub(crate) decided: Option<Decided>,
}

/// What a change of the clocks made of a wall time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decided {
    /// The clocks skip it: it is the first valid time after the gap.
    Skipped,
    /// The clocks show it twice: it is the first of the two.
    Twice,
}

/// The instant of a wall time.
pub(crate) fn instant(wall: NaiveDateTime, zone: Tz) -> Found {
    use chrono::offset::LocalResult::{Ambiguous, None as Gap, Single};
    match zone.from_local_datetime(&wall) {
        Single(at) => Found { instant: at.to_utc(), decided: None },
        Ambiguous(one, other) => Found { instant: one.min(other).to_utc(), decided: Some(Decided::Twice) },
        Gap => Found { instant: after_gap(wall, zone), decided: Some(Decided::Skipped) },
    }
}

fn after_gap(wall: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    let end = GapInfo::new(&wall, &zone).and_then(|gap| gap.end);
    // A gap without an end is none: nothing is known of the zone after that.
    end.map_or_else(|| wall.and_utc(), |end| end.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
    }

    fn found(text: &str, zone: &str) -> (String, Option<Decided>) {
        let found = instant(wall(text), zone.parse().unwrap());
        (found.instant.format("%Y-%m-%d %H:%M").to_string(), found.decided)
    }

    #[test]
    fn the_zone_that_is_named_wins_then_the_variable_then_the_system() {
        let system = || Some("Asia/Tokyo".to_owned());
        let name = |named, variable| resolve(named, variable, system).map(|zone| zone.name());
        assert_eq!(name(Some("Europe/Berlin"), Some("America/New_York")).unwrap(), "Europe/Berlin");
        assert_eq!(name(None, Some(":America/New_York")).unwrap(), "America/New_York");
        assert_eq!(name(None, Some("")).unwrap(), "UTC");
        assert_eq!(name(None, None).unwrap(), "Asia/Tokyo");
        assert_eq!(resolve(None, None, || None).unwrap(), Tz::UTC);
        assert!(name(None, Some("CET-1CEST")).unwrap_err().to_string().contains("variable TZ"));
    }

    #[test]
    fn an_unknown_zone_is_refused_with_a_guess() {
        let refusal = |name: &str| parse(name).unwrap_err().to_string();
        assert!(refusal("europe/berlin").contains("perhaps Europe/Berlin?"));
        assert!(refusal("new york").contains("perhaps America/New_York?"));
        assert!(refusal("").contains("Europe/Berlin or UTC"));
        assert!(refusal("Mars/Olympus").contains("\"Mars/Olympus\""));
    }

    #[test]
    fn a_skipped_time_is_the_end_of_the_gap_and_a_double_one_its_first() {
        let berlin = |text| found(text, "Europe/Berlin");
        assert_eq!(berlin("2027-03-28 01:59"), ("2027-03-28 00:59".into(), None));
        assert_eq!(berlin("2027-03-28 02:00"), ("2027-03-28 01:00".into(), Some(Decided::Skipped)));
        assert_eq!(berlin("2027-03-28 02:59"), ("2027-03-28 01:00".into(), Some(Decided::Skipped)));
        assert_eq!(berlin("2027-03-28 03:00"), ("2027-03-28 01:00".into(), None));
        assert_eq!(berlin("2027-10-31 02:30"), ("2027-10-31 00:30".into(), Some(Decided::Twice)));
        // the clocks change at midnight, and by half an hour
        assert_eq!(
            found("2024-04-26 00:30", "Africa/Cairo"),
            ("2024-04-25 22:00".into(), Some(Decided::Skipped))
        );
        assert_eq!(
            found("2027-10-03 02:10", "Australia/Lord_Howe"),
            ("2027-10-02 15:30".into(), Some(Decided::Skipped))
        );
        // a day that was not
        assert_eq!(
            found("2011-12-30 12:00", "Pacific/Apia"),
            ("2011-12-30 10:00".into(), Some(Decided::Skipped))
        );
    }
}
