//! The wall times of one rule, one interval after another.

use chrono::{Datelike as _, Months, NaiveDate, NaiveTime, TimeDelta, Timelike as _};

use super::Wall;
use super::dates::{Dates, days_in_month, week_begin};
use super::rule::{Frequency, Rule, Until};

/// A rule that has a start.
#[derive(Clone, Debug)]
pub(super) struct Started {
    frequency: Frequency,
    interval: i64,
    pub(super) until: Until,
    week_start: chrono::Weekday,
    start: Wall,
    dates: Dates,
    /// A bit per hour: those in which an hourly rule may fire.
    hours: u32,
    /// Seconds since the begin of the day; of an hourly rule since the begin of the hour.
    times: Vec<u32>,
    positions: Vec<i16>,
}

impl Started {
    pub(super) fn new(rule: &Rule, start: Wall) -> Self {
        let or_start = |part: &[i16], from_start: u32| -> Vec<u32> {
            if part.is_empty() {
                vec![from_start]
            } else {
                part.iter().map(|value| u32::from(value.unsigned_abs())).collect()
            }
        };
        let minutes = or_start(&rule.minutes, start.minute());
        let seconds = or_start(&rule.seconds, start.second());
        let is_hourly = rule.frequency == Frequency::Hourly;
        let hours = if is_hourly { vec![0] } else { or_start(&rule.hours, start.hour()) };
        let mut times: Vec<u32> = if rule.times.is_empty() {
            let hours =
                hours.iter().flat_map(|hour| minutes.iter().map(move |minute| hour * 3600 + minute * 60));
            hours.flat_map(|minute| seconds.iter().map(move |second| minute + second)).collect()
        } else {
            rule.times.iter().map(NaiveTime::num_seconds_from_midnight).collect()
        };
        times.sort_unstable();
        times.dedup();
        Self {
            frequency: rule.frequency,
            interval: rule.interval.into(),
            until: rule.until,
            week_start: rule.week_start,
            start,
            dates: Dates::new(rule, start.date()),
            hours: match &rule.hours[..] {
                [] => u32::MAX,
                hours => hours.iter().fold(0, |bits, hour| bits | 1 << hour),
            },
            times,
            positions: rule.positions.clone(),
        }
    }

    /// Its wall times from `low` to `high`, in order. What UNTIL says is left to the caller, who knows the zone.
    pub(super) fn between(&self, low: Wall, high: Wall) -> Walk<'_> {
        let low = low.max(self.start);
        let (left, number) = match self.until {
            // Those before count as well
            Until::Count(count) => (Some(count), 0),
            _ => (None, self.interval_of(low)),
        };
        Walk {
            rule: self,
            low,
            high,
            left,
            number,
            days: Vec::new(),
            hour: 0,
            chosen: Vec::new(),
            at: 0,
            size: 0,
        }
    }

    /// The number of the last interval that does not begin after `wall`, which is not before the start.
    fn interval_of(&self, wall: Wall) -> i64 {
        let units = match self.frequency {
            Frequency::Yearly => i64::from(wall.year() - self.start.year()),
            Frequency::Monthly => month_number(wall.date()) - month_number(self.start.date()),
            Frequency::Weekly => {
                let first = week_begin(self.start.date(), self.week_start);
                (wall.date() - first).num_days() / 7
            }
            Frequency::Daily => (wall.date() - self.start.date()).num_days(),
            Frequency::Hourly => hour_number(wall) - hour_number(self.start),
        };
        units / self.interval
    }
}

fn month_number(day: NaiveDate) -> i64 {
    i64::from(day.year()) * 12 + i64::from(day.month0())
}

fn hour_number(wall: Wall) -> i64 {
    wall.and_utc().timestamp().div_euclid(3600)
}

/// The wall times of a rule.
#[derive(Clone, Debug)]
pub(super) struct Walk<'a> {
    rule: &'a Started,
    /// Nothing before it is given,
    low: Wall,
    /// and nothing after it.
    high: Wall,
    /// How many there may still be.
    left: Option<u32>,
    /// Of the interval that comes next.
    number: i64,
    /// The days of this interval,
    days: Vec<NaiveDate>,
    /// the hour of that of an hourly rule,
    hour: u32,
    /// the places that BYSETPOS chooses among days and times, if it is given,
    chosen: Vec<usize>,
    /// the place that comes next,
    at: usize,
    /// and how many there are.
    size: usize,
}

impl Iterator for Walk<'_> {
    type Item = Wall;

    fn next(&mut self) -> Option<Wall> {
        loop {
            while self.at < self.size {
                let wall = self.place(self.at);
                self.at += 1;
                if wall < self.rule.start {
                    continue;
                }
                if wall > self.high {
                    return None;
                }
                if let Some(left) = &mut self.left {
                    *left = left.checked_sub(1)?;
                }
                if wall >= self.low {
                    return Some(wall);
                }
            }
            self.interval()?;
            self.skip_counted()?;
        }
    }
}

impl Walk<'_> {
    fn place(&self, at: usize) -> Wall {
        let place = if self.rule.positions.is_empty() { at } else { self.chosen[at] };
        let (day, time) = (place / self.rule.times.len(), place % self.rule.times.len());
        let seconds = self.hour * 3600 + self.rule.times[time];
        self.days[day].and_time(NaiveTime::MIN) + TimeDelta::seconds(seconds.into())
    }

    /// Steps over an interval all of which is before what is wanted, but counts it.
    fn skip_counted(&mut self) -> Option<()> {
        let Some(left) = &mut self.left else { return Some(()) };
        if self.size == 0 || self.number <= 1 {
            return Some(());
        }
        let size = self.size;
        if *left == 0 {
            return None;
        }
        let left = *left;
        if self.place(size - 1) < self.low {
            self.left = Some(left.saturating_sub(u32::try_from(size).unwrap_or(u32::MAX)));
            self.at = size;
        }
        Some(())
    }

    /// Fills in the interval that comes next; nothing if all of it is too late.
    fn interval(&mut self) -> Option<()> {
        let rule = self.rule;
        let units = self.number.checked_mul(rule.interval)?;
        self.number += 1;
        self.days.clear();
        self.hour = 0;
        let start = rule.start.date();
        match rule.frequency {
            Frequency::Yearly => {
                let year = i32::try_from(i64::from(start.year()) + units).ok();
                let year = year.filter(|year| *year <= self.high.year())?;
                for month in (1..=12).filter(|month| rule.dates.months & 1 << month != 0) {
                    self.month(NaiveDate::from_ymd_opt(year, month, 1)?);
                }
            }
            Frequency::Monthly => {
                let first = start.with_day(1)?.checked_add_months(Months::new(u32::try_from(units).ok()?))?;
                self.month(self.in_time(first)?);
            }
            Frequency::Weekly => {
                let first = self.later(week_begin(start, rule.week_start), units.checked_mul(7)?)?;
                self.run(first, 7);
            }
            Frequency::Daily => self.run(self.later(start, units)?, 1),
            Frequency::Hourly => self.one_hour(units)?,
        }
        self.choose();
        Some(())
    }

    fn month(&mut self, first: NaiveDate) {
        if self.rule.dates.months & 1 << first.month() != 0 {
            self.run(first, days_in_month(first));
        }
    }

    fn run(&mut self, first: NaiveDate, days: u32) {
        let days = first.iter_days().zip(0..days).map(|(day, _)| day);
        self.days.extend(days.filter(|day| self.rule.dates.have(*day)));
    }

    fn one_hour(&mut self, units: i64) -> Option<()> {
        let first = hour_number(self.rule.start);
        let number = first.checked_add(units)?;
        let day = self.later(NaiveDate::default(), number.div_euclid(24))?;
        if self.rule.dates.have(day) {
            self.hour = u32::try_from(number.rem_euclid(24)).ok()?;
            if self.rule.hours & 1 << self.hour != 0 {
                self.days.push(day);
            }
        } else {
            // On to the first interval of another day
            let midnight = (number.div_euclid(24) + 1) * 24 - first;
            let interval = self.rule.interval;
            self.number = midnight.div_euclid(interval) + i64::from(midnight.rem_euclid(interval) != 0);
        }
        Some(())
    }

    /// So many days later.
    fn later(&self, day: NaiveDate, days: i64) -> Option<NaiveDate> {
        self.in_time(day.checked_add_signed(TimeDelta::try_days(days)?)?)
    }

    fn in_time(&self, day: NaiveDate) -> Option<NaiveDate> {
        (day <= self.high.date()).then_some(day)
    }

    /// What BYSETPOS chooses.
    fn choose(&mut self) {
        self.at = 0;
        self.size = self.days.len() * self.rule.times.len();
        if self.rule.positions.is_empty() {
            return;
        }
        let size = self.size;
        self.chosen.clear();
        self.chosen.extend(self.rule.positions.iter().filter_map(|position| {
            let distance = usize::from(position.unsigned_abs());
            let place = if *position > 0 { distance.checked_sub(1) } else { size.checked_sub(distance) };
            place.filter(|place| *place < size)
        }));
        self.chosen.sort_unstable();
        self.chosen.dedup();
        self.size = self.chosen.len();
    }
}
