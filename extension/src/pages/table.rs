//! `crier.get_paginated_data`: pages of any table under row security, as the caller sees it. The statement is put
//! together by `sql/install/s160_table_page.sql`.

use crier_core::cursor::{Cursor, CursorError, Listing, Order, Position};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use super::input;
use super::listing::Filters;
use crate::answer::TableIterator;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input::{filter, required};
use crate::passed::{Jsonb, Regclass};
use crate::plans::{Statement, statement};

const TABLE_PAGE: Statement = statement!(up "pages/table_page");
/// Tables have at most 1,600 columns.
const MAX_FILTER_BYTES: usize = 65_536;

/// Rows of any table or view that is under row security, as the caller sees it. SECURITY INVOKER: it has no rights of
/// its own.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn get_paginated_data(
    p_table: Option<Regclass>,
    p_cursor: default!(Option<&str>, "NULL"),
    p_limit: default!(Option<i32>, "50"),
    p_order_by: default!(Option<&str>, "NULL"),
    p_order_dir: default!(Option<&str>, "'desc'"),
    p_filter: default!(Option<Jsonb>, "'{}'"),
    p_columns: default!(Option<Vec<Option<String>>>, "NULL"),
    p_key: default!(Option<&str>, "NULL"),
) -> Result<
    TableIterator<'static, (name!(items, Jsonb), name!(next_cursor, Option<String>), name!(has_more, bool))>,
    ErrorReport,
> {
    let table = required(p_table, "p_table")?;
    let limit = input::limit(p_limit)?;
    let direction = required(p_order_dir, "p_order_dir")?.to_ascii_lowercase();
    let direction = input::one_of(Some(&direction), "p_order_dir", &["asc", "desc"], "Use asc or desc.")?;
    let order = if direction == Some("desc") { Order::Descending } else { Order::Ascending };
    let filters = required(p_filter, "p_filter")?;
    if !filters.to_text_within("p_filter", MAX_FILTER_BYTES)?.starts_with('{') {
        let hint = "Give an object of columns and values, for instance {\"state\": \"failed\"}.";
        return Err(CrierError::invalid("p_filter", "is not an object", hint).into());
    }
    let columns = filter(p_columns, "p_columns")?;
    let binding = Filters::of(Caller::current()?)
        .text("table", Some(&u32::from(table.0).to_string()))
        .text("order", p_order_by)
        .text("key", p_key)
        .json("filter", Some(filters))?
        .bind();
    let after = match p_cursor.map(|text| Cursor::resume(text, Listing::Table, order, binding)) {
        None => None,
        Some(Ok(Position::Values(values))) if values.len() == 2 && values[1].is_some() => Some(values),
        Some(Ok(_)) => return Err(CrierError::from(CursorError::Malformed).into()),
        Some(Err(error)) => return Err(CrierError::from(error).into()),
    };
    let args = [
        table.into(),
        columns.into(),
        filters.into(),
        p_order_by.into(),
        p_key.into(),
        (order == Order::Descending).into(),
        after.into(),
        (limit as i32).into(),
    ];
    let pages = TABLE_PAGE
        .read(&args, |row| Ok((row.need(1)?, row.get::<Vec<Option<String>>>(2)?, row.need::<bool>(3)?)))?;
    let page = pages.into_iter().next().ok_or_else(|| CrierError::Internal("no page".into()))?;
    let (items, last, more) = page;
    let next = match last {
        Some(values) if more => Some(next(values, order, binding)?),
        _ => None,
    };
    Ok(TableIterator::once((items, next, more)))
}

fn next(values: Vec<Option<String>>, order: Order, binding: crier_core::cursor::Binding) -> Result<String> {
    if values.get(1).is_none_or(Option::is_none) {
        let hint = "Name a column that has another value in each row, and no null.";
        return Err(CrierError::invalid("p_key", "is null in a row of the page", hint));
    }
    let cursor = Cursor { listing: Listing::Table, order, binding, position: Position::Values(values) };
    cursor.encode().map_err(|error| match error {
        CursorError::TooLong(bytes) => CrierError::TooLarge {
            what: "the value that a row is ordered by",
            found: bytes,
            limit: crier_core::cursor::MAX_CHARS,
            unit: "bytes",
        },
        other => other.into(),
    })
}
