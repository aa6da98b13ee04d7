//! Zones: from what the clock on the wall shows to the moment, and back.

use chrono::{DateTime, MappedLocalTime, NaiveDate, Offset as _, TimeDelta, TimeZone as _, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};

use super::wall::{FIRST_YEAR, LAST_YEAR};
use super::{Instant, RecurrenceError, Wall};

/// The edition of the time zone database that is compiled in, such as `2025b`.
pub fn tz_version() -> &'static str {
    chrono_tz::IANA_TZDB_VERSION
}

/// A time zone of the IANA database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone(Tz);

impl Zone {
    /// Universal time.
    pub const UTC: Self = Self(Tz::UTC);

    /// Reads a name such as `Europe/Berlin`.
    pub fn parse(name: &str) -> Result<Self, RecurrenceError> {
        if let Ok(zone) = name.parse::<Tz>() {
            return Ok(Self(zone));
        }
        let wanted = name.trim().replace(' ', "_");
        let near = TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(&wanted));
        let city = TZ_VARIANTS.iter().find(|zone| {
            !wanted.is_empty()
                && zone.name().rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(&wanted))
        });
        Err(RecurrenceError::zone(
            name,
            match near.or(city) {
                Some(zone) => format!("write {}", zone.name()),
                None => format!(
                    "write a name of the IANA database (edition {}), such as Europe/Berlin, America/New_York or UTC",
                    tz_version()
                ),
            },
        ))
    }

    /// Every zone there is.
    pub fn all() -> impl Iterator<Item = Self> {
        TZ_VARIANTS.iter().map(|zone| Self(*zone))
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The moment at which the clock shows `wall`: the first one if there are two; if the clock was set forward over it, the
    /// moment at which it was.
    pub fn instant(self, wall: Wall) -> Instant {
        match self.0.from_local_datetime(&wall) {
            MappedLocalTime::Single(moment) => moment.to_utc(),
            MappedLocalTime::Ambiguous(one, other) => one.min(other).to_utc(),
            MappedLocalTime::None => self.after_gap(wall),
        }
    }

    /// The first moment at which the clock shows `wall` or later. No clock was ever set forward by more than a day.
    fn after_gap(self, wall: Wall) -> Instant {
        let mut before = wall - TimeDelta::hours(40);
        let mut after = wall + TimeDelta::hours(40);
        while after - before > TimeDelta::seconds(1) {
            let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
            if self.wall(middle.and_utc()).0 >= wall { after = middle } else { before = middle }
        }
        after.and_utc()
    }

    /// What the clock shows at a moment, and by how many seconds it is ahead of universal time.
    pub fn wall(self, instant: Instant) -> (Wall, i32) {
        let instant = instant.clamp(earliest(), latest());
        let offset = self.0.offset_from_utc_datetime(&instant.naive_utc()).fix().local_minus_utc();
        (instant.naive_utc() + TimeDelta::seconds(offset.into()), offset)
    }
}

/// Before everything that recurs, in every zone.
fn earliest() -> Instant {
    new_year(FIRST_YEAR - 1)
}

/// After everything that recurs, in every zone.
fn latest() -> Instant {
    new_year(LAST_YEAR + 2)
}

fn new_year(year: i32) -> Instant {
    NaiveDate::from_ymd_opt(year, 1, 1)
        .map_or(DateTime::<Utc>::UNIX_EPOCH, |day| day.and_time(chrono::NaiveTime::MIN).and_utc())
}

/// An offset as people write it: `+02:00`, `-00:44:30`.
pub fn offset_text(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let all = seconds.unsigned_abs();
    let (hours, minutes, rest) = (all / 3600, all / 60 % 60, all % 60);
    if rest == 0 {
        format!("{sign}{hours:02}:{minutes:02}")
    } else {
        format!("{sign}{hours:02}:{minutes:02}:{rest:02}")
    }
}
