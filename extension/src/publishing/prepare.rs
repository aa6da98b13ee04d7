//! `crier.save_prepared`.

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::clock;
use crate::error::Result;
use crate::input;
use crate::passed::Jsonb;
use crate::plans::{Statement, statement};
use crate::publishing::hold_job;

const SAVE: Statement = statement!(up "publishing/save_prepared");

/// Keeps what was prepared (uploaded media, resolved names), so that a retry resumes there. False: the lease is
/// lost or the target was canceled.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn save_prepared(
    job_id: Option<Uuid>,
    token: Option<i64>,
    prepared: Option<Jsonb>,
) -> Result<bool, ErrorReport> {
    let job_id = input::required(job_id, "job_id")?;
    let token = input::required(token, "token")?;
    let prepared = input::required(prepared, "prepared")?;
    if hold_job(job_id, token)?.is_none() {
        return Ok(false);
    }
    let saved = SAVE.write(&[job_id.into(), prepared.into(), clock::now().into()], |_| Ok(()))?;
    Ok(!saved.is_empty())
}
