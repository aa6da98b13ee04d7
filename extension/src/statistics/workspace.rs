//! `crier.get_workspace_stats`.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::error::Result;
use crate::identity::Caller;
use crate::input;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};

const WORKSPACE: Statement = statement!(up "statistics/workspace");

/// Posts and jobs that are looked at.
const MOST: i64 = 5_000;

/// A workspace at a glance: posts, jobs and accounts by state, members, and when something happened last. Of posts and jobs
/// the newest 5,000 are counted; `complete`: there are no more. For its members.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn get_workspace_stats(
    p_workspace_id: Option<Uuid>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(posts, Jsonb),
            name!(jobs, Jsonb),
            name!(accounts, Jsonb),
            name!(members, i64),
            name!(last_activity_at, Option<Timestamptz>),
            name!(complete, bool),
        ),
    >,
    ErrorReport,
> {
    let workspace = input::required(p_workspace_id, "p_workspace_id")?;
    Caller::current()?.require(workspace, const { rights::least("get_workspace_stats") })?;
    let rows = WORKSPACE.read(&[workspace.into(), MOST.into()], |row| {
        Ok((row.need(1)?, row.need(2)?, row.need(3)?, row.need(4)?, row.get(5)?, row.need(6)?))
    })?;
    Ok(TableIterator::new(rows))
}
