//! `crier.list_members`.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::error::CrierError;
use crate::identity::Caller;
use crate::input;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};

const LIST: Statement = statement!(up "workspaces/list_members");
const MAX_LIMIT: i32 = 1_000;

/// The members of a workspace by their ids, and since when they are. `p_after`: those beyond this id, for the next page.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn list_members(
    p_workspace_id: Option<Uuid>,
    p_after: default!(Option<Uuid>, "NULL"),
    p_limit: default!(Option<i32>, "1000"),
) -> Result<
    TableIterator<'static, (name!(user_id, Uuid), name!(role, String), name!(member_since, Timestamptz))>,
    ErrorReport,
> {
    let workspace = input::required(p_workspace_id, "p_workspace_id")?;
    let limit = input::required(p_limit, "p_limit")?;
    if !(1..=MAX_LIMIT).contains(&limit) {
        let hint = "Give a number from 1 to 1000.";
        return Err(CrierError::invalid("p_limit", format!("is {limit}"), hint).into());
    }
    Caller::current()?.require(workspace, const { rights::least("list_members") })?;
    let args = [workspace.into(), p_after.into(), limit.into()];
    let rows = LIST.read(&args, |row| Ok((row.need(1)?, row.need(2)?, row.need(3)?)))?;
    Ok(TableIterator::new(rows))
}
