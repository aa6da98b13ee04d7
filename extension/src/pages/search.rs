//! Searches: what a walk can't find because it is too rare. Days that are over have indexes for it, made by
//! `crier.index_history()`; the rest is walked through, as everything else.

use std::time::{Duration, Instant};

use pgrx::Uuid;

use super::span::Span;
use super::walk::{Filling, Found, Source};
use crate::error::{CrierError, Result};
use crate::plans::{Statement, statement};

const MUST_OCCUR: Statement = statement!(up "pages/must_occur");
const DAYS_INDEXED: Statement = statement!(up "pages/days_indexed");
/// The most indexed days that one call searches.
const MAX_DAYS: usize = 31;
/// No further day is begun after this time: what is in most rows has no better plan than to read them.
const ENOUGH: Duration = Duration::from_millis(250);

/// Rows that can be searched for by an index.
pub(super) trait Search: Source {
    /// Which table's partitions have the index, and how its name ends.
    fn index(&self) -> (&'static str, &'static str);

    /// The newest rows of a span of an indexed day that pass all filters, `count` of them at most.
    fn search(&self, span: Span, count: usize) -> Result<Vec<Uuid>>;
}

/// Refuses a search that names no word which must occur: it would read everything.
pub(super) fn check_words(words: Option<&str>) -> Result<()> {
    let Some(words) = words else { return Ok(()) };
    if MUST_OCCUR.read(&[words.into()], |row| row.need(1))?.first() == Some(&true) {
        return Ok(());
    }
    let shown: String = words.chars().take(80).collect();
    Err(CrierError::invalid(
        "p_search",
        format!("names no word that must occur: {shown:?}"),
        "Give at least one word without a minus before it.",
    ))
}

/// A page of what was found in a span.
pub(super) fn page(source: &impl Search, span: Span, limit: usize) -> Result<Found> {
    let mut filling = Filling::new(limit);
    let next = if span.is_empty() { None } else { fill(&mut filling, source, span)? };
    Ok(Found { ids: filling.ids, next })
}

fn fill(filling: &mut Filling, source: &impl Search, mut span: Span) -> Result<Option<Uuid>> {
    let (table, ending) = source.index();
    let days = DAYS_INDEXED.read(&[table.into(), ending.into()], |row| row.need::<i32>(1))?;
    let (mut searched, began) = (0, Instant::now());
    for day in days.into_iter().map(Span::of_day) {
        // what lies between the indexed days
        let between = span.not_below(day.before);
        if !between.is_empty()
            && let Some(end) = filling.walk(source, between)?
        {
            return Ok(Some(end));
        }
        let part = span.below(day.before).not_below(day.from);
        span = span.below(day.from);
        if part.is_empty() {
            continue;
        }
        if searched == MAX_DAYS || (searched > 0 && began.elapsed() > ENOUGH) {
            return Ok(Some(part.before));
        }
        searched += 1;
        if let Some(end) = filling.add(source.search(part, filling.missing())?) {
            return Ok(Some(end));
        }
    }
    if span.is_empty() { Ok(None) } else { filling.walk(source, span) }
}
