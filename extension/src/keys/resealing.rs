//! `crier.list_sealed` and `crier.reseal`: values on their way to the active data key of their workspace.

use crier_core::sealed::AnySealed;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use super::rotation::{from, most};
use crate::accounts::check_sealed;
use crate::answer::TableIterator;
use crate::durable;
use crate::error::{CrierError, Result};
use crate::input;
use crate::plans::{Statement, statement};

/// A column of sealed values.
struct Column {
    /// As the sidecar binds values to it.
    name: &'static str,
    list: Statement,
    reseal: Statement,
}

/// All of them: a line each, and one in `keys/usage.sql`. What lives for minutes only need not be here.
const COLUMNS: [Column; 2] = [
    Column {
        name: "credential.sealed",
        list: statement!(up "keys/list_credentials"),
        reseal: statement!(up "keys/reseal_credential"),
    },
    Column {
        name: "alert_endpoint.sealed",
        list: statement!(up "keys/list_alert_endpoints"),
        reseal: statement!(up "keys/reseal_alert_endpoint"),
    },
];

fn column(name: Option<&str>) -> Result<Column> {
    let name = input::required(name, "p_column")?;
    COLUMNS.into_iter().find(|column| column.name == name).ok_or_else(|| {
        let shown: String = name.chars().take(80).collect();
        CrierError::invalid(
            format!("p_column {shown:?}"),
            "has no sealed values",
            "Give credential.sealed or alert_endpoint.sealed.",
        )
    })
}

/// A page of a column's values, by their rows' ids, after one of them. `sealed` is null where the workspace's active data key
/// has sealed it: then there is nothing to do.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn list_sealed(
    p_column: Option<&str>,
    p_after: default!(Option<Uuid>, "NULL"),
    p_most: default!(Option<i32>, "200"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(workspace_id, Option<Uuid>),
            name!(row_id, Uuid),
            name!(generation, i64),
            name!(sealed, Option<Vec<u8>>),
        ),
    >,
    ErrorReport,
> {
    let column = column(p_column)?;
    let args = [from(p_after).into(), most(p_most)?.into()];
    let rows = column.list.read(&args, |row| Ok((row.get(1)?, row.need(2)?, row.need(3)?, row.get(4)?)))?;
    Ok(TableIterator::new(rows))
}

/// Puts a value that is sealed anew in the place of what it was. False: it is no longer what it was, a newer one is there.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn reseal(
    p_column: Option<&str>,
    p_workspace_id: Option<Uuid>,
    p_row_id: Option<Uuid>,
    p_generation: Option<i64>,
    p_old: Option<&[u8]>,
    p_new: Option<&[u8]>,
) -> Result<bool, ErrorReport> {
    let column = column(p_column)?;
    let row_id = input::required(p_row_id, "p_row_id")?;
    let generation = input::required(p_generation, "p_generation")?;
    let old = input::required(p_old, "p_old")?;
    let new = input::required(p_new, "p_new")?;
    check_sealed("p_new", new)?;
    if !matches!(AnySealed::parse(new), Ok(AnySealed::Enveloped(_))) {
        let hint = "Seal values with a data key of their workspace.";
        return Err(CrierError::invalid("p_new", "is of an older format", hint).into());
    }
    durable::require_commit()?;
    let args =
        [p_workspace_id.into(), row_id.into(), generation.into(), old.to_vec().into(), new.to_vec().into()];
    Ok(!column.reseal.write(&args, |_| Ok(()))?.is_empty())
}
