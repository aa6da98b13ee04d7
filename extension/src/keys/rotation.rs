//! `crier.list_data_keys` and `crier.rewrap_data_key`: data keys on their way to another key of the key file.

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use super::data_key::wrapping_key;
use crate::answer::TableIterator;
use crate::durable;
use crate::error::{CrierError, Result};
use crate::input;
use crate::plans::{Statement, statement};

const LIST: Statement = statement!(up "keys/list_data_keys");
const REWRAP: Statement = statement!(up "keys/rewrap_data_key");

/// Data keys that a key of the key file wraps, by their ids, after one of them.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn list_data_keys(
    p_key_id: Option<i64>,
    p_after: default!(Option<Uuid>, "NULL"),
    p_most: default!(Option<i32>, "200"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(id, Uuid),
            name!(workspace_id, Option<Uuid>),
            name!(wrapped, Vec<u8>),
            name!(state, String),
            name!(messages, i64),
        ),
    >,
    ErrorReport,
> {
    let key_id = input::required(p_key_id, "p_key_id")?;
    let args = [key_id.into(), from(p_after).into(), most(p_most)?.into()];
    let rows =
        LIST.read(&args, |row| Ok((row.need(1)?, row.get(2)?, row.need(3)?, row.need(4)?, row.need(5)?)))?;
    Ok(TableIterator::new(rows))
}

/// Puts a data key that is wrapped anew in the place of what it was. False: it is no longer what it was.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn rewrap_data_key(
    p_id: Option<Uuid>,
    p_old: Option<&[u8]>,
    p_new: Option<&[u8]>,
) -> Result<bool, ErrorReport> {
    let id = input::required(p_id, "p_id")?;
    let old = input::required(p_old, "p_old")?;
    let new = input::required(p_new, "p_new")?;
    let key_id = wrapping_key("p_new", new)?;
    durable::require_commit()?;
    let args = [id.into(), old.to_vec().into(), new.to_vec().into(), key_id.into()];
    Ok(!REWRAP.write(&args, |_| Ok(()))?.is_empty())
}

/// Where a listing begins.
pub(super) fn from(after: Option<Uuid>) -> Uuid {
    after.unwrap_or_else(|| Uuid::from_bytes([0; 16]))
}

/// How long a page is.
pub(super) fn most(most: Option<i32>) -> Result<i32> {
    let most = input::required(most, "p_most")?;
    if (1..=1_000).contains(&most) {
        return Ok(most);
    }
    Err(CrierError::invalid("p_most", format!("is {most}"), "Give a number from 1 to 1000."))
}
