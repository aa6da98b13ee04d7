//! `crier.get_user_stats`. What works it out is `sql/install/s290_user_statistics.sql`.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::identity::Caller;
use crate::input;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};

const USERS: Statement = statement!(up "statistics/users");

/// What users have published in a workspace, or one of them, as it was worked out last: `refreshed_at`, at most an hour ago or so. The
/// first thousand by their ids. For its members.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn get_user_stats(
    p_workspace_id: Option<Uuid>,
    p_user_id: default!(Option<Uuid>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(user_id, Uuid),
            name!(posts, i64),
            name!(drafts, i64),
            name!(scheduled, i64),
            name!(published, i64),
            name!(failed, i64),
            name!(unconfirmed, i64),
            name!(canceled, i64),
            name!(last_post_at, Timestamptz),
            name!(refreshed_at, Timestamptz),
        ),
    >,
    ErrorReport,
> {
    let workspace = input::required(p_workspace_id, "p_workspace_id")?;
    Caller::current()?.require(workspace, const { rights::least("get_user_stats") })?;
    let rows = USERS.read(&[workspace.into(), p_user_id.into()], |row| {
        Ok((
            row.need(1)?,
            row.need(2)?,
            row.need(3)?,
            row.need(4)?,
            row.need(5)?,
            row.need(6)?,
            row.need(7)?,
            row.need(8)?,
            row.need(9)?,
            row.need(10)?,
        ))
    })?;
    Ok(TableIterator::new(rows))
}
