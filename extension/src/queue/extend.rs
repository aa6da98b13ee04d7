//! `crier.extend_jobs`.

use pgrx::Uuid;
use pgrx::datum::Interval;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::clock;
use crate::error::Result;
use crate::input;
use crate::passed::{JsonbArray, Timestamptz};
use crate::plans::{Statement, statement};

const EXTEND: Statement = statement!(up "queue/extend");

/// Renews the leases of running jobs and may record their progress. A job that is missing in the answer is no
/// longer the worker's: its lease was lost or it was canceled, and the worker stops.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn extend_jobs(
    job_ids: Option<Vec<Option<Uuid>>>,
    tokens: Option<Vec<Option<i64>>>,
    lease: Option<Interval>,
    progress: default!(Option<JsonbArray>, "NULL"),
) -> Result<TableIterator<'static, (name!(job_id, Uuid), name!(lease_expires_at, Timestamptz))>, ErrorReport>
{
    let (ids, tokens) = input::leases(job_ids, tokens)?;
    let until = clock::lease_end(lease, clock::now())?;
    let progress = match progress {
        Some(progress) => progress.elements("progress", ids.len())?,
        None => vec![None; ids.len()],
    };
    let rows = EXTEND.write(&[ids.into(), tokens.into(), until.into(), progress.into()], |row| {
        Ok((row.need(1)?, row.need(2)?))
    })?;
    Ok(TableIterator::new(rows))
}
