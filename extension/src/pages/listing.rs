//! What the cursor functions have in common: arguments become a binding, a cursor a place, and rows a page.

use crier_core::cursor::{Binding, Cursor, CursorError, Listing, Order, Position};
use pgrx::Uuid;
use pgrx::datum::DatumWithOid;

use super::span::Span;
use super::walk::Found;
use crate::answer::TableIterator;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::Statement;

/// A page as SQL has it: an array of objects, where the next one begins, whether there may be one.
pub(super) type Page = (Jsonb, Option<String>, bool);

/// A listing under its filters.
pub(super) struct Under {
    listing: Listing,
    binding: Binding,
}

/// The filters of a listing as text, each with its name.
#[derive(Default)]
pub(super) struct Filters(Vec<(&'static str, Option<String>)>);

impl Filters {
    pub(super) fn of(caller: Caller) -> Self {
        let caller = match caller {
            Caller::Trusted => "trusted".to_owned(),
            Caller::User(user) => user.map_or_else(String::new, |user| user.to_string()),
        };
        Self(vec![("caller", Some(caller))])
    }

    pub(super) fn text(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.0.push((name, value.map(str::to_owned)));
        self
    }

    pub(super) fn id(self, name: &'static str, value: Option<Uuid>) -> Self {
        let value = value.map(|id| id.to_string());
        self.text(name, value.as_deref())
    }

    pub(super) fn times(self, since: Option<Timestamptz>, until: Option<Timestamptz>) -> Self {
        self.time("since", since).time("until", until)
    }

    pub(super) fn time(self, name: &'static str, value: Option<Timestamptz>) -> Self {
        let value = value.map(|at| at.0.to_string());
        self.text(name, value.as_deref())
    }

    pub(super) fn json(self, name: &'static str, value: Option<Jsonb>) -> Result<Self> {
        let value = value.map(Jsonb::to_text).transpose()?;
        Ok(self.text(name, value.as_deref()))
    }

    pub(super) fn bind(&self) -> Binding {
        Binding::of(self.0.iter().map(|(name, value)| (*name, value.as_deref())))
    }
}

impl Under {
    pub(super) fn new(listing: Listing, filters: &Filters) -> Self {
        Self { listing, binding: filters.bind() }
    }

    /// What was made between two times and follows the place of a cursor.
    pub(super) fn span(
        &self,
        cursor: Option<&str>,
        since: Option<Timestamptz>,
        until: Option<Timestamptz>,
    ) -> Result<Span> {
        let span = Span::of_times(since, until)?;
        match self.position(cursor)? {
            None => Ok(span),
            Some(Position::Id(id)) => Ok(span.below(Uuid::from_bytes(id))),
            Some(_) => Err(CursorError::Malformed.into()),
        }
    }

    pub(super) fn position(&self, cursor: Option<&str>) -> Result<Option<Position>> {
        let read = |text| Cursor::resume(text, self.listing, Order::Descending, self.binding);
        Ok(cursor.map(read).transpose()?)
    }

    pub(super) fn cursor(&self, position: Position) -> Result<String> {
        let Self { listing, binding } = *self;
        Ok(Cursor { listing, order: Order::Descending, binding, position }.encode()?)
    }

    /// The page as the function answers it.
    pub(super) fn page(&self, found: Found, items: Statement) -> Result<TableIterator<'static, Page>> {
        self.page_of(found, |ids| objects(items, ids))
    }

    /// The same where it takes more than ids to find the rows.
    pub(super) fn page_of(
        &self,
        found: Found,
        items: impl FnOnce(Vec<Uuid>) -> Result<Jsonb>,
    ) -> Result<TableIterator<'static, Page>> {
        let next = found.next.map(|id| self.cursor(Position::Id(*id.as_bytes()))).transpose()?;
        let more = next.is_some();
        Ok(TableIterator::once((items(found.ids)?, next, more)))
    }
}

/// Rows as an array of objects.
pub(super) fn objects(items: Statement, ids: Vec<Uuid>) -> Result<Jsonb> {
    objects_by(items, &[ids.into()])
}

/// The same by more than their ids.
pub(super) fn objects_by(items: Statement, args: &[DatumWithOid<'_>]) -> Result<Jsonb> {
    let rows = items.read(args, |row| row.need(1))?;
    rows.into_iter().next().ok_or_else(|| CrierError::Internal("no page".into()))
}
