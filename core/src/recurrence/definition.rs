//! What recurs, and its occurrences.

use std::collections::BTreeSet;

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use serde_json::Value;

use super::rule::{Rule, Until};
use super::walk::{Started, Walk};
use super::wall::{date_of, last_wall, parse_wall, wall_in_range};
use super::{Instant, RecurrenceError, Wall, Zone};

/// The most exceptions, and the most additions.
pub const MAX_DATES: usize = 1_000;

/// When something happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timing {
    /// At its start and never again.
    Once,
    /// By rules; at what more than one of them gives it happens once.
    Rules(Vec<Rule>),
}

impl Timing {
    /// One rule of RFC 5545.
    pub fn rule(text: &str) -> Result<Self, RecurrenceError> {
        Rule::parse(text).map(|rule| Self::Rules(vec![rule]))
    }

    /// The plain form: `{"daily": ["09:00", "17:30"]}` or `{"weekly": {"mon": ["09:00"], "fri": ["18:00"]}}`, with
    /// `"every": 2` for every other day or week, counted from the start.
    pub fn plain(value: &Value) -> Result<Self, RecurrenceError> {
        super::plain::rules(value).map(Self::Rules)
    }
}

/// What does not happen though a rule says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exception {
    /// What would be at this wall time.
    At(Wall),
    /// What would be on this day.
    On(NaiveDate),
}

impl Exception {
    /// Reads `2026-12-24 09:00`, or `2026-12-24` for all of that day.
    pub fn parse(text: &str) -> Result<Self, RecurrenceError> {
        let trimmed = text.trim();
        if trimmed.contains([':', 'T', 't', ' ']) {
            return parse_wall(text).map(Self::At);
        }
        let day = date_of(trimmed, text)?;
        wall_in_range(day.and_time(NaiveTime::MIN))?;
        Ok(Self::On(day))
    }
}

/// Everything that says when something happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// How often.
    pub timing: Timing,
    /// From when on; the rules take from it what they don't say.
    pub starts: Wall,
    /// Where the clock hangs.
    pub zone: Zone,
    /// Nothing happens after it.
    pub ends: Option<Wall>,
    /// What is left out, of the additions too.
    pub exceptions: Vec<Exception>,
    /// What happens besides; between start and end.
    pub additions: Vec<Wall>,
}

impl Definition {
    /// Without end, exceptions and additions.
    pub fn new(timing: Timing, starts: Wall, zone: Zone) -> Self {
        Self { timing, starts, zone, ends: None, exceptions: Vec::new(), additions: Vec::new() }
    }
}

/// Something that recurs.
#[derive(Clone, Debug)]
pub struct Recurrence {
    zone: Zone,
    starts: Wall,
    /// Its end, or that of all time.
    ends: Wall,
    rules: Vec<Started>,
    additions: BTreeSet<Wall>,
    without: BTreeSet<Wall>,
    without_days: BTreeSet<NaiveDate>,
}

/// One time at which it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// The moment.
    pub instant: Instant,
    /// The wall time that the rule gives. In a gap the clock shows another one at the moment: see [`Zone::wall`].
    pub planned: Wall,
}

impl Recurrence {
    /// Takes a definition, after a look at its dates.
    pub fn new(definition: &Definition) -> Result<Self, RecurrenceError> {
        wall_in_range(definition.starts)?;
        if let Some(ends) = definition.ends {
            wall_in_range(ends)?;
            if ends < definition.starts {
                return Err(RecurrenceError::Backwards {
                    starts: definition.starts.to_string(),
                    ends: ends.to_string(),
                });
            }
        }
        for (what, found) in
            [("exceptions", definition.exceptions.len()), ("additions", definition.additions.len())]
        {
            if found > MAX_DATES {
                return Err(RecurrenceError::TooMany { what, found, limit: MAX_DATES });
            }
        }
        for wall in &definition.additions {
            wall_in_range(*wall)?;
        }
        Ok(Self::started(definition))
    }

    /// Takes a definition that is known to be good.
    pub(super) fn started(definition: &Definition) -> Self {
        let starts = definition.starts;
        let mut additions: BTreeSet<Wall> = definition.additions.iter().copied().collect();
        let rules = match &definition.timing {
            Timing::Once => {
                additions.insert(starts);
                Vec::new()
            }
            Timing::Rules(rules) => rules.iter().map(|rule| Started::new(rule, starts)).collect(),
        };
        let mut without = BTreeSet::new();
        let mut without_days = BTreeSet::new();
        for exception in &definition.exceptions {
            match exception {
                Exception::At(wall) => without.insert(*wall),
                Exception::On(day) => without_days.insert(*day),
            };
        }
        let ends = definition.ends.unwrap_or_else(last_wall);
        Self { zone: definition.zone, starts, ends, rules, additions, without, without_days }
    }

    /// Its zone.
    pub fn zone(&self) -> Zone {
        self.zone
    }

    /// Its first occurrence.
    pub fn first(&self) -> Option<Occurrence> {
        self.after(self.zone.instant(self.starts) - TimeDelta::seconds(1)).next()
    }

    /// Its occurrences after an instant, in order, each instant once. They are found one by one, and asking for another
    /// costs what lies between the two: ask for many at once rather than for one many times.
    pub fn after(&self, instant: Instant) -> Occurrences<'_> {
        // A wall time that the clock has shown is not after the instant
        let low = self.zone.wall(instant).0.max(self.starts);
        let sources = self.rules.iter().map(|rule| Source::new(self, rule, low)).collect();
        let additions = self.additions.range(low..);
        Occurrences { of: self, last: instant, sources, additions: additions.peekable() }
    }

    fn is_excepted(&self, wall: Wall) -> bool {
        self.without.contains(&wall) || self.without_days.contains(&wall.date())
    }
}

/// What is still to come of one rule.
#[derive(Clone, Debug)]
struct Source<'a> {
    walk: std::iter::Peekable<Walk<'a>>,
    until: Option<Instant>,
}

impl<'a> Source<'a> {
    fn new(of: &Recurrence, rule: &'a Started, low: Wall) -> Self {
        let (until, high) = match rule.until {
            Until::Never | Until::Count(_) => (None, of.ends),
            Until::Wall(until) => (None, of.ends.min(until)),
            // The clock may have shown a later time before
            Until::Instant(until) => (Some(until), of.ends.min(of.zone.wall(until).0 + TimeDelta::days(2))),
        };
        Self { walk: rule.between(low, high).peekable(), until }
    }

    fn peek(&mut self) -> Option<Wall> {
        self.walk.peek().copied()
    }
}

/// Occurrences, in order.
#[derive(Clone, Debug)]
pub struct Occurrences<'a> {
    of: &'a Recurrence,
    /// Only what is after it is still to come.
    last: Instant,
    sources: Vec<Source<'a>>,
    additions: std::iter::Peekable<std::collections::btree_set::Range<'a, Wall>>,
}

impl Occurrences<'_> {
    /// The next wall time of any source, with its instant.
    fn wall(&mut self) -> Option<(Wall, Instant)> {
        loop {
            let added = self.additions.peek().map(|wall| **wall);
            let ruled = self.sources.iter_mut().filter_map(Source::peek).min();
            let wall = [added, ruled].into_iter().flatten().min()?;
            let instant = self.of.zone.instant(wall);
            let mut is_wanted = added == Some(wall);
            if is_wanted {
                self.additions.next();
            }
            for source in &mut self.sources {
                if source.walk.next_if_eq(&wall).is_some() {
                    is_wanted |= source.until.is_none_or(|until| instant <= until);
                }
            }
            if is_wanted {
                return Some((wall, instant));
            }
        }
    }
}

impl Iterator for Occurrences<'_> {
    type Item = Occurrence;

    fn next(&mut self) -> Option<Occurrence> {
        loop {
            let (planned, instant) = self.wall()?;
            if planned > self.of.ends {
                return None;
            }
            if instant > self.last && !self.of.is_excepted(planned) {
                self.last = instant;
                return Some(Occurrence { instant, planned });
            }
        }
    }
}
