//! `crier.withdraw_intent`.

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::clock;
use crate::error::Result;
use crate::input;
use crate::plans::{Statement, statement};
use crate::publishing::hold_job;

const WITHDRAW: Statement = statement!(up "publishing/withdraw_intent");

/// Forgets an intent of which the platform said that nothing came and nothing can come, with what was prepared for it:
/// the next try prepares anew and sends another request under another key. Only for who knows that no send of it is
/// unclear. False: the lease is lost, or nothing was to be sent.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn withdraw_intent(job_id: Option<Uuid>, token: Option<i64>) -> Result<bool, ErrorReport> {
    let job_id = input::required(job_id, "job_id")?;
    let token = input::required(token, "token")?;
    if hold_job(job_id, token)?.is_none() {
        return Ok(false);
    }
    let withdrawn = WITHDRAW.write(&[job_id.into(), clock::now().into()], |_| Ok(()))?;
    Ok(!withdrawn.is_empty())
}
