//! `crier.key_usage`: which keys of the key file are still needed.

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::error::Result;
use crate::plans::{Statement, statement};

const USAGE: Statement = statement!(up "keys/usage");

/// What each key of the key file wraps: data keys, active and retired, and the values that retired ones sealed; and what
/// versions before had sealed with it directly. Without a key id: values whose data key is not in the database. Reads every
/// sealed value.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn key_usage() -> Result<
    TableIterator<
        'static,
        (
            name!(key_id, Option<i64>),
            name!(active_keys, i64),
            name!(retired_keys, i64),
            name!(direct_values, i64),
            name!(retired_values, i64),
            name!(lost_values, i64),
        ),
    >,
    ErrorReport,
> {
    let rows = USAGE.read(&[], |row| {
        Ok((row.get(1)?, row.need(2)?, row.need(3)?, row.need(4)?, row.need(5)?, row.need(6)?))
    })?;
    Ok(TableIterator::new(rows))
}
