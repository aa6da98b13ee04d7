//! What a sidecar calls to publish a target: prepare, record the intent, commit, reconcile.
//! `docs/architecture.md` draws the states.

pub(crate) mod follow;
mod intent;
mod prepare;
mod report;
mod start;

use pgrx::Uuid;

use crate::error::Result;
use crate::plans::{Statement, statement};

const LOCK_JOB: Statement = statement!(up "publishing/lock_job");

/// The attempt of a publish job whose lease is still the caller's; the job stays locked until the end of the
/// transaction. Nothing where the lease is lost.
fn hold_job(job_id: Uuid, token: i64) -> Result<Option<i32>> {
    Ok(LOCK_JOB.write(&[job_id.into(), token.into()], |row| row.need(1))?.into_iter().next())
}
