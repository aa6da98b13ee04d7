//! `crier.token_status(account_ids)`: how long the tokens of accounts live, for those who own the accounts.

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::identity::Caller;
use crate::input;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};

const TOKEN_STATUS: Statement = statement!(up "accounts/token_status");

/// The life of the tokens of accounts, at most ten thousand: when each ends (null: nobody knows, or never), until when the next one can
/// be had, since when it is stored, when it is renewed (null: not by itself), and how renewing it failed since. No row for what has no
/// token and for what is of other workspaces.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn token_status(
    p_account_ids: Option<Vec<Option<Uuid>>>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(account_id, Uuid),
            name!(expires_at, Option<Timestamptz>),
            name!(refresh_expires_at, Option<Timestamptz>),
            name!(updated_at, Timestamptz),
            name!(refresh_at, Option<Timestamptz>),
            name!(refresh_failures, i32),
            name!(failed_with, Option<String>),
            name!(failed_at, Option<Timestamptz>),
        ),
    >,
    ErrorReport,
> {
    let accounts = input::elements(p_account_ids, "p_account_ids")?;
    let args = [accounts.into(), Caller::current()?.readable()?.into()];
    let rows = TOKEN_STATUS.read(&args, |row| {
        Ok((
            row.need(1)?,
            row.get(2)?,
            row.get(3)?,
            row.need(4)?,
            row.get(5)?,
            row.need(6)?,
            row.get(7)?,
            row.get(8)?,
        ))
    })?;
    Ok(TableIterator::new(rows))
}
