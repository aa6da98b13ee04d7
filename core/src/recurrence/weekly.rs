//! Slots: the same times every week.

use chrono::{NaiveDate, NaiveTime, Weekday};
use serde_json::Value;

use super::definition::{Definition, Occurrences, Recurrence, Timing};
use super::rule::{Day, Frequency, Rule};
use super::wall::FIRST_YEAR;
use super::{Instant, RecurrenceError, Zone};

/// Times of the week in a zone.
#[derive(Clone, Debug)]
pub struct WeeklySlots(Recurrence);

impl WeeklySlots {
    /// The slots given as days and times; without any there is never one.
    pub fn new(zone: Zone, slots: &[(Weekday, NaiveTime)]) -> Self {
        let mut rules = Vec::new();
        for weekday in (0..7).filter_map(|number| Weekday::try_from(number).ok()) {
            let times: Vec<NaiveTime> =
                slots.iter().filter(|(day, _)| *day == weekday).map(|(_, time)| *time).collect();
            if times.is_empty() {
                continue;
            }
            let mut rule = Rule::every(Frequency::Weekly, 1);
            rule.days = vec![Day {
                nth: 0,
                weekday: u8::try_from(weekday.num_days_from_monday()).unwrap_or_default(),
            }];
            rule.times = times;
            rules.push(rule);
        }
        let first = NaiveDate::from_ymd_opt(FIRST_YEAR, 1, 1).unwrap_or_default().and_time(NaiveTime::MIN);
        Self(Recurrence::started(&Definition::new(Timing::Rules(rules), first, zone)))
    }

    /// Reads `{"mon": ["09:00", "17:30"], "fri": ["18:00"]}`.
    pub fn parse(zone: Zone, value: &Value) -> Result<Self, RecurrenceError> {
        let days = value.as_object().ok_or_else(|| {
            RecurrenceError::plain(
                value.to_string(),
                r#"write {"mon": ["09:00", "17:30"], "fri": ["18:00"]}"#,
            )
        })?;
        let week = super::plain::read_week(days)?;
        let slots: Vec<_> = week
            .into_iter()
            .flat_map(|(day, times)| times.into_iter().map(move |time| (day, time)))
            .collect();
        Ok(Self::new(zone, &slots))
    }

    /// The slots after an instant, in order.
    pub fn after(&self, instant: Instant) -> Occurrences<'_> {
        self.0.after(instant)
    }
}
