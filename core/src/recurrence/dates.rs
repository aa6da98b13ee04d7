//! The days that a rule chooses.

use chrono::{Datelike as _, Days, NaiveDate, Weekday};

use super::rule::{Day, Frequency, Rule};

/// The parts of a rule that choose days, ready to be asked about each day. Without a part, every day is chosen.
#[derive(Clone, Debug)]
pub(super) struct Dates {
    /// A bit per month, from bit 1.
    pub(super) months: u16,
    week_numbers: Vec<i16>,
    week_start: Weekday,
    year_days: Vec<i16>,
    /// A bit per day of the month, from bit 1.
    month_days: u32,
    /// The same, counted from the end of the month.
    last_days: u32,
    /// A bit per weekday, from Monday.
    weekdays: u8,
    nth: Vec<Day>,
    nth_in_month: bool,
}

const ALL_MONTHS: u16 = 0x1FFE;

impl Dates {
    /// What the rule does not say follows from the day it starts, as RFC 5545 has it.
    pub(super) fn new(rule: &Rule, start: NaiveDate) -> Self {
        let months = rule.months.iter().fold(0, |bits, month| bits | 1_u16 << month);
        let mut dates = Self {
            months: if months == 0 { ALL_MONTHS } else { months },
            week_numbers: rule.week_numbers.clone(),
            week_start: rule.week_start,
            year_days: rule.year_days.clone(),
            month_days: 0,
            last_days: 0,
            weekdays: 0,
            nth: rule.days.iter().copied().filter(|day| day.nth != 0).collect(),
            nth_in_month: rule.frequency == Frequency::Monthly || !rule.months.is_empty(),
        };
        for day in rule.days.iter().filter(|day| day.nth == 0) {
            dates.weekdays |= 1 << day.weekday;
        }
        for day in &rule.month_days {
            let bits = if *day > 0 { &mut dates.month_days } else { &mut dates.last_days };
            *bits |= 1 << day.unsigned_abs();
        }
        let only_weeks = rule.year_days.is_empty() && rule.month_days.is_empty() && rule.days.is_empty();
        if !rule.chooses_days() {
            match rule.frequency {
                Frequency::Yearly => {
                    if months == 0 {
                        dates.months = 1 << start.month();
                    }
                    dates.month_days = 1 << start.day();
                }
                Frequency::Monthly => dates.month_days = 1 << start.day(),
                Frequency::Weekly => dates.weekdays = weekday_bit(start),
                Frequency::Daily | Frequency::Hourly => {}
            }
        } else if only_weeks {
            dates.weekdays = weekday_bit(start);
        }
        dates
    }

    /// Whether the day is chosen.
    pub(super) fn have(&self, day: NaiveDate) -> bool {
        self.months & 1 << day.month() != 0
            && self.have_month_day(day)
            && self.have_weekday(day)
            && self.have_year_day(day)
            && self.have_week(day)
    }

    fn have_month_day(&self, day: NaiveDate) -> bool {
        (self.month_days == 0 && self.last_days == 0)
            || self.month_days & 1 << day.day() != 0
            || self.last_days != 0 && self.last_days & 1 << (days_in_month(day) - day.day() + 1) != 0
    }

    fn have_weekday(&self, day: NaiveDate) -> bool {
        if self.weekdays == 0 && self.nth.is_empty() || self.weekdays & weekday_bit(day) != 0 {
            return true;
        }
        let weekday = day.weekday().num_days_from_monday();
        self.nth.iter().any(|wanted| {
            let (before, length) = if self.nth_in_month {
                (day.day0(), days_in_month(day))
            } else {
                (day.ordinal0(), days_in_year(day.year()))
            };
            let weeks = if wanted.nth > 0 { before / 7 } else { (length - 1 - before) / 7 };
            u32::from(wanted.weekday) == weekday && u32::from(wanted.nth.unsigned_abs()) == weeks + 1
        })
    }

    fn have_year_day(&self, day: NaiveDate) -> bool {
        if self.year_days.is_empty() {
            return true;
        }
        let from_start = signed(day.ordinal());
        let from_end = from_start - signed(days_in_year(day.year())) - 1;
        self.year_days.iter().any(|wanted| *wanted == from_start || *wanted == from_end)
    }

    /// A week belongs to the year that has four or more of its days, and so does its number.
    fn have_week(&self, day: NaiveDate) -> bool {
        if self.week_numbers.is_empty() {
            return true;
        }
        let fourth = week_begin(day, self.week_start).checked_add_days(Days::new(3)).unwrap_or(day);
        let (before, length) = (fourth.ordinal0(), days_in_year(fourth.year()));
        let from_start = signed(before / 7) + 1;
        let from_end = -(signed((length - 1 - before) / 7) + 1);
        self.week_numbers.iter().any(|wanted| *wanted == from_start || *wanted == from_end)
    }
}

/// A number of days, of a year at most.
fn signed(number: u32) -> i16 {
    i16::try_from(number).unwrap_or(i16::MAX)
}

fn weekday_bit(day: NaiveDate) -> u8 {
    1 << day.weekday().num_days_from_monday()
}

/// The first day of its week.
pub(super) fn week_begin(day: NaiveDate, start: Weekday) -> NaiveDate {
    let since = day.weekday().days_since(start);
    day.checked_sub_days(Days::new(since.into())).unwrap_or(day)
}

pub(super) fn days_in_month(day: NaiveDate) -> u32 {
    u32::from(day.num_days_in_month())
}

fn days_in_year(year: i32) -> u32 {
    if NaiveDate::from_yo_opt(year, 366).is_some() { 366 } else { 365 }
}
