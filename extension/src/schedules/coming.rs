//! Which occurrences of a schedule are to be made.

use std::time::Duration;

use crier_core::recurrence::{Instant, Occurrence, Recurrence};

use super::stored::{Missed, Schedule};
use crate::error::Result;
use crate::passed::Timestamptz;

/// What is late by no more than this was not missed.
const GRACE: Duration = Duration::from_secs(5 * 60);
/// What is missed is counted so far.
const MAX_COUNTED: usize = 1_000;

/// What is to be made of a schedule, and what comes after it.
pub(super) struct Coming {
    pub(super) wanted: Vec<Occurrence>,
    pub(super) next: Option<Occurrence>,
    pub(super) passed_over: Option<PassedOver>,
}

/// Occurrences that are not made because their time is over.
pub(super) struct PassedOver {
    /// At most a thousand are counted.
    pub(super) count: usize,
    pub(super) first: Instant,
    /// Everything before it is decided by that.
    pub(super) before: Instant,
}

impl Schedule {
    /// What comes after everything that is decided.
    pub(super) fn next(&self, recurrence: &Recurrence) -> Option<Timestamptz> {
        self.undecided(recurrence, self.cursor_at.instant()).next().map(|next| Timestamptz::of(next.instant))
    }

    pub(super) fn undecided<'a>(
        &self,
        recurrence: &'a Recurrence,
        after: Instant,
    ) -> impl Iterator<Item = Occurrence> + use<'a> {
        let decided = self.cursor_wall;
        recurrence.after(after).filter(move |next| decided.is_none_or(|wall| next.planned > wall))
    }

    /// What is to be made by `until`, at most `most` of it, where it is `as_of` now.
    pub(super) fn coming(&self, as_of: Instant, until: Instant, most: usize) -> Result<Coming> {
        let recurrence = self.settings.when.recurrence()?;
        let limit = as_of - GRACE;
        let mut after = self.cursor_at.instant();
        let (mut wanted, mut passed_over) = (Vec::new(), None);
        let first = self.undecided(&recurrence, after).next().filter(|first| first.instant < limit);
        if let (Some(first), Missed::Skip | Missed::Latest) = (first, self.settings.missed) {
            let missed = self.undecided(&recurrence, after).take(MAX_COUNTED);
            let mut count = missed.take_while(|missed| missed.instant < limit).count();
            after = limit - Duration::from_micros(1);
            let newer = self.undecided(&recurrence, after).next().is_some_and(|newer| newer.instant <= as_of);
            if self.settings.missed == Missed::Latest && !newer {
                wanted.push(last_before(&recurrence, first, limit));
                count -= 1;
            }
            passed_over = Some(PassedOver { count, first: first.instant, before: limit });
        }
        let mut rest = self.undecided(&recurrence, after).peekable();
        while wanted.len() < most
            && let Some(next) = rest.next_if(|next| next.instant <= until)
        {
            wanted.push(next);
        }
        Ok(Coming { wanted, next: rest.peek().copied(), passed_over })
    }
}

/// The last occurrence before a time, where `last` is one. Found by halves: there may be very many.
fn last_before(recurrence: &Recurrence, mut last: Occurrence, limit: Instant) -> Occurrence {
    const A_DAY: i64 = 24 * 60 * 60;
    let mut none_after = limit;
    while (none_after - last.instant).num_seconds() > A_DAY {
        let middle = last.instant + (none_after - last.instant) / 2;
        match recurrence.after(middle).next().filter(|next| next.instant < limit) {
            Some(next) => last = next,
            None => none_after = middle,
        }
    }
    recurrence.after(last.instant).take_while(|next| next.instant < limit).last().unwrap_or(last)
}
