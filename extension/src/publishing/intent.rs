//! `crier.record_intent`: the step that makes a publish happen once.

use pgrx::Uuid;
use pgrx::datum::Interval;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::clock;
use crate::durable;
use crate::error::{CrierError, Result};
use crate::input;
use crate::memory;
use crate::plans::{Statement, statement};
use crate::publishing::hold_job;
use crate::queue::settle::{self, Fate, Said, Settled};

const RECORD: Statement = statement!(up "publishing/record_intent").planned_once();
const IS_DELETED: Statement = statement!(up "publishing/is_deleted").planned_once();
const MAX_REQUEST_BYTES: usize = 1_048_576;

/// Records, before anything visible is sent, that it will be sent: the key and the exact request. The first
/// ones win and are answered; every try sends those bytes under that key. Renews the lease, which must outlast
/// the call. No row: the lease is lost or the post was canceled, and nothing may be sent.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn record_intent(
    job_id: Option<Uuid>,
    token: Option<i64>,
    platform_key: Option<&str>,
    request: Option<&str>,
    lease: default!(Option<Interval>, "'2 minutes'"),
) -> Result<TableIterator<'static, (name!(platform_key, String), name!(request, String))>, ErrorReport> {
    let job_id = input::required(job_id, "job_id")?;
    let token = input::required(token, "token")?;
    let key = input::text(platform_key, "platform_key", 500)?;
    let request = input::required(request, "request")?;
    if request.len() > MAX_REQUEST_BYTES {
        let (found, limit) = (request.len(), MAX_REQUEST_BYTES);
        return Err(CrierError::TooLarge { what: "request", found, limit, unit: "bytes" }.into());
    }
    clock::lease_end(lease, clock::now())?;
    let Some(job) = hold_job(job_id, token)? else { return Ok(TableIterator::empty()) };
    // From when the lock was had: waiting for it must not use up the lease.
    let now = clock::now();
    let until = clock::lease_end(lease, now)?;
    let args = [job_id.into(), key.into(), request.into(), now.into()];
    let frozen = RECORD.write(&args, |row| Ok((row.need(1)?, row.need(2)?)))?;
    if !frozen.is_empty() {
        durable::require_commit()?;
        memory::with(|memory| memory.set.extend(job.ix, until.0))?;
    } else if IS_DELETED.read(&[job_id.into()], |row| row.need::<bool>(1))?.contains(&true) {
        // Deleted while an earlier send of it was looked for: nobody sends it again.
        let gone = Settled { job, said: Said::Nothing, fate: Fate::Canceled, result: None, error: None };
        settle::settle(vec![gone], now)?;
    }
    Ok(TableIterator::new(frozen))
}
