//! Walks: a page is found by going from a place to the next rows, never by counting or sorting what lies before.
//!
//! Where a filter has no index, the walk looks at a bounded number of rows, however few of them pass. Then the page
//! ends there, short or even empty, and says that there may be more.

use pgrx::Uuid;

use super::span::Span;
use crate::error::Result;
use crate::plans::Statement;

/// The most rows that one call looks at where a filter has no index.
pub(super) const MAX_LOOKED_AT: usize = 1_000;
/// Rows that a filter is asked about at a time.
const CHUNK: usize = 100;

/// Rows of one kind under some filters.
pub(super) trait Source {
    /// The newest rows of a span, `count` of them at most, filters aside.
    fn look(&self, span: Span, count: usize) -> Result<Vec<Uuid>>;

    /// Those that pass the filters, in the same order; nothing where there are no filters to pass.
    fn choose(&self, ids: Vec<Uuid>) -> Option<Result<Vec<Uuid>>>;

    /// Whether there are filters.
    fn chooses(&self) -> bool;
}

/// The statements that walk through rows of one kind: through all of them, and through those of some workspaces.
#[derive(Clone, Copy)]
pub(super) struct Walks {
    all: Statement,
    of_workspaces: Statement,
}

impl Walks {
    pub(super) const fn new(all: Statement, of_workspaces: Statement) -> Self {
        Self { all: all.planned_once(), of_workspaces: of_workspaces.planned_once() }
    }

    /// The newest rows of a span; nothing as workspaces stands for all rows.
    pub(super) fn look(self, workspaces: Option<&Vec<Uuid>>, span: Span, count: usize) -> Result<Vec<Uuid>> {
        let (from, before, count) = (span.from.into(), span.before.into(), (count as i64).into());
        match workspaces {
            Some(ids) => {
                self.of_workspaces.read(&[from, before, count, ids.clone().into()], |row| row.need(1))
            }
            None => self.all.read(&[from, before, count], |row| row.need(1)),
        }
    }
}

/// The rows of a page.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) ids: Vec<Uuid>,
    /// The last row of the page, or the last one looked at; nothing where the listing has ended.
    pub(super) next: Option<Uuid>,
}

/// A page that is being filled.
#[derive(Debug)]
pub(super) struct Filling {
    pub(super) ids: Vec<Uuid>,
    limit: usize,
    /// How many more rows may be looked at.
    pub(super) budget: usize,
}

impl Filling {
    pub(super) fn new(limit: usize) -> Self {
        Self { ids: Vec::new(), limit, budget: MAX_LOOKED_AT.max(limit + 1) }
    }

    /// How many rows are missing: one beyond the page shows that there are more.
    pub(super) fn missing(&self) -> usize {
        (self.limit + 1).saturating_sub(self.ids.len())
    }

    /// Adds rows; answers with the end of the page where it is full.
    pub(super) fn add(&mut self, ids: impl IntoIterator<Item = Uuid>) -> Option<Uuid> {
        self.ids.extend(ids);
        if self.ids.len() <= self.limit {
            return None;
        }
        self.ids.truncate(self.limit);
        self.ids.last().copied()
    }

    /// Walks through a span until the page is full, the span ends or enough was looked at; answers with where it
    /// stopped, or with nothing where the span ended.
    pub(super) fn walk(&mut self, source: &impl Source, mut span: Span) -> Result<Option<Uuid>> {
        while self.budget > 0 {
            let wanted = if source.chooses() { CHUNK.max(self.missing()) } else { self.missing() };
            let wanted = wanted.min(self.budget);
            let ids = source.look(span, wanted)?;
            self.budget -= ids.len().min(self.budget);
            let ended = ids.len() < wanted;
            let last = ids.last().copied();
            let passed = match source.choose(ids.clone()) {
                Some(passed) => passed?,
                None => ids,
            };
            if let Some(end) = self.add(passed) {
                return Ok(Some(end));
            }
            match last {
                Some(last) if !ended => span = span.below(last),
                _ => return Ok(None),
            }
        }
        Ok(Some(span.before))
    }
}

/// A page of the rows of a span.
pub(super) fn page(source: &impl Source, span: Span, limit: usize) -> Result<Found> {
    let mut filling = Filling::new(limit);
    let next = if span.is_empty() { None } else { filling.walk(source, span)? };
    Ok(Found { ids: filling.ids, next })
}
