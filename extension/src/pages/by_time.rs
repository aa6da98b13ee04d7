//! `crier.list_by_time`: the rows of a day, a week or a month, in pages with numbers.

use crier_core::cursor::{CursorError, Listing, Position};
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use super::events::{self, Events};
use super::input;
use super::jobs::{self, Jobs};
use super::listing::{Filters, Under, objects};
use super::logs::{self, Logs};
use super::posts::{self, Posts};
use super::span::{Span, first_at};
use super::walk::{self, Source};
use crate::answer::TableIterator;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input::required;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};

const BUCKET: Statement = statement!(up "pages/bucket");
/// The most rows that are counted, and that a page without a cursor may lie behind.
const MAX_COUNTED: usize = 10_000;
/// Numbers of pages are integers in SQL.
const MAX_PAGE: u32 = i32::MAX.unsigned_abs();

/// The rows of a day, a week (from Monday) or a month, the newest first, in pages with numbers. `pages` is null where
/// there are more than 10,000 rows: they are not counted.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn list_by_time(
    p_listing: Option<&str>,
    p_bucket: Option<&str>,
    p_time: default!(Option<Timestamptz>, "NULL"),
    p_page: default!(Option<i32>, "1"),
    p_cursor: default!(Option<&str>, "NULL"),
    p_limit: default!(Option<i32>, "50"),
    p_workspace_id: default!(Option<Uuid>, "NULL"),
    p_time_zone: default!(Option<&str>, "'UTC'"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(items, Jsonb),
            name!(page, i32),
            name!(pages, Option<i32>),
            name!(bucket_start, Timestamptz),
            name!(bucket_end, Timestamptz),
            name!(next_cursor, Option<String>),
            name!(has_more, bool),
        ),
    >,
    ErrorReport,
> {
    const LISTINGS: [&str; 4] = ["jobs", "posts", "logs", "events"];
    const BUCKETS: [&str; 3] = ["day", "week", "month"];
    let listing = required(p_listing, "p_listing")?;
    let listing = input::one_of(Some(listing), "p_listing", &LISTINGS, "Use jobs, posts, logs or events.")?;
    let bucket = required(p_bucket, "p_bucket")?;
    let bucket = input::one_of(Some(bucket), "p_bucket", &BUCKETS, "Use day, week or month.")?;
    let limit = input::limit(p_limit)?;
    let page = match required(p_page, "p_page")? {
        page @ 1.. => page as u32,
        page => {
            return Err(CrierError::invalid("p_page", format!("is {page}"), "The first page is 1.").into());
        }
    };
    let zone = time_zone(p_time_zone)?;
    let time = p_time.unwrap_or_else(clock::now);
    first_at(time, "p_time")?;
    let (start, end) = bounds(bucket, time, zone)?;
    let caller = Caller::current()?;
    let filters = Filters::of(caller)
        .text("listing", listing)
        .text("bucket", bucket)
        .time("start", Some(start))
        .time("end", Some(end))
        .text("limit", Some(&limit.to_string()))
        .id("workspace", p_workspace_id);
    let under = Under::new(Listing::Time, &filters);
    let (page, after) = match under.position(p_cursor)? {
        // what a cursor says need not be true
        Some(Position::Page(page @ 1..MAX_PAGE, id)) => (page, Some(Uuid::from_bytes(id))),
        Some(_) => return Err(CrierError::from(CursorError::Malformed).into()),
        None => (page, None),
    };
    let span = Span { from: first_at(start, "p_time")?, before: first_at(end, "p_time")? };
    let wanted = Wanted { span, after, page, limit };
    let paged = match listing {
        Some("jobs") => wanted.of(&Jobs::of(caller, p_workspace_id, None)?, jobs::ITEMS)?,
        Some("posts") => wanted.of(&Posts::of(caller, p_workspace_id)?, posts::ITEMS)?,
        Some("logs") => wanted.of(&Logs::of(caller, p_workspace_id)?, logs::ITEMS)?,
        _ => wanted.of(&Events::of(caller, p_workspace_id)?, events::ITEMS)?,
    };
    let next = paged.next.map(|id| under.cursor(Position::Page(page + 1, *id.as_bytes()))).transpose()?;
    let more = next.is_some();
    Ok(TableIterator::once((paged.items, page as i32, paged.pages, start, end, next, more)))
}

/// The name of a time zone, as the setting `timezone` takes it.
fn time_zone(name: Option<&str>) -> Result<&str> {
    let name = required(name, "p_time_zone")?;
    let text = std::ffi::CString::new(name).map_err(|error| CrierError::Internal(error.to_string()))?;
    // SAFETY: looks a name up; nothing where there is none.
    if unsafe { pgrx::pg_sys::pg_tzset(text.as_ptr()) }.is_null() {
        let shown: String = name.chars().take(80).collect();
        let hint = "Use a name of pg_timezone_names, for instance 'Europe/Berlin'.";
        return Err(CrierError::invalid("p_time_zone", format!("is {shown:?}"), hint));
    }
    Ok(name)
}

fn bounds(bucket: Option<&str>, time: Timestamptz, zone: &str) -> Result<(Timestamptz, Timestamptz)> {
    let rows =
        BUCKET.read(&[bucket.into(), time.into(), zone.into()], |row| Ok((row.need(1)?, row.need(2)?)))?;
    rows.into_iter().next().ok_or_else(|| CrierError::Internal("no bucket".into()))
}

/// A page of a bucket.
struct Wanted {
    span: Span,
    /// The id below which it begins, where it is known.
    after: Option<Uuid>,
    page: u32,
    limit: usize,
}

struct Paged {
    items: Jsonb,
    pages: Option<i32>,
    next: Option<Uuid>,
}

impl Wanted {
    fn of(&self, source: &impl Source, items: Statement) -> Result<Paged> {
        let all = source.look(self.span, MAX_COUNTED + 1)?;
        let pages = (all.len() <= MAX_COUNTED).then(|| all.len().div_ceil(self.limit) as i32);
        let place = (self.page as usize - 1) * self.limit;
        let span = match self.after {
            Some(id) => self.span.below(id),
            None if place == 0 => self.span,
            None if place > MAX_COUNTED => {
                return Err(CrierError::invalid(
                    "p_page",
                    format!("is {}, behind the first 10000 rows", self.page),
                    "Go on with next_cursor as p_cursor, or take a smaller bucket.",
                ));
            }
            None => match all.get(place - 1) {
                Some(last) => self.span.below(*last),
                None => Span { before: self.span.from, ..self.span },
            },
        };
        let found = walk::page(source, span, self.limit)?;
        Ok(Paged { items: objects(items, found.ids)?, pages, next: found.next })
    }
}
