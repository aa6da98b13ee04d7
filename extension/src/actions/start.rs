//! `crier.start_action` and `crier.record_sending`: what a sidecar calls before it does something.

use crier_core::action::ActionState;
use pgrx::Uuid;
use pgrx::datum::Interval;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::actions::{follow, hold};
use crate::answer::TableIterator;
use crate::clock;
use crate::durable;
use crate::error::Result;
use crate::input;
use crate::memory;
use crate::plans::{Statement, statement};
use crate::queue::settle::{self, Fate, Said, Settled, reason};

const START: Statement = statement!(up "actions/start");
const RECORD: Statement = statement!(up "actions/record_sending");

/// Begins, or begins anew, what an account is to do and answers with all that is needed for it. No row: the lease is lost, or
/// nothing is left to do and the job has ended. A message that was being sent is never begun anew.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn start_action(
    job_id: Option<Uuid>,
    token: Option<i64>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(action_id, Uuid),
            name!(workspace_id, Uuid),
            name!(kind, String),
            name!(subject, String),
            name!(text, Option<String>),
            name!(account_id, Uuid),
            name!(platform, String),
            name!(external_id, String),
            name!(handle, String),
            name!(base_url, String),
            name!(account_status, String),
        ),
    >,
    ErrorReport,
> {
    let job_id = input::required(job_id, "job_id")?;
    let Some(job) = hold(job_id, input::required(token, "token")?)? else {
        return Ok(TableIterator::empty());
    };
    let now = clock::now();
    let state = follow::lock(vec![job_id])?.remove(&job_id);
    let end = match state {
        Some(ActionState::Waiting | ActionState::Running) => None,
        Some(ActionState::Done) => Some((Fate::Completed, None)),
        Some(ActionState::Canceled) => Some((Fate::Canceled, None)),
        // Its job has never the say over one that ended, and one that is being sent is nobody's to begin.
        Some(ActionState::Sending | ActionState::Failed | ActionState::Unconfirmed) => {
            Some((Fate::Failed, None))
        }
        None => {
            let message = "the job belongs to no action: crier.act() makes both";
            Some((Fate::Failed, Some(reason("config", message))))
        }
    };
    if let Some((fate, error)) = end {
        settle::settle(vec![Settled { job, said: Said::Nothing, fate, result: None, error }], now)?;
        return Ok(TableIterator::empty());
    }
    let rows = START.write(&[job_id.into(), job.attempt().into(), now.into()], |row| {
        Ok((
            row.need(1)?,
            row.need(2)?,
            row.need(3)?,
            row.need(4)?,
            row.get(5)?,
            row.need(6)?,
            row.need(7)?,
            row.need(8)?,
            row.need(9)?,
            row.need(10)?,
            row.need(11)?,
        ))
    })?;
    Ok(TableIterator::new(rows))
}

/// Records, before a message is sent, that it will be: from then on it can't be canceled, and unless a clear answer is reported
/// it ends as `unconfirmed`. Renews the lease, which must outlast the call. False: the lease is lost or the message was
/// canceled, and nothing may be sent.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn record_sending(
    job_id: Option<Uuid>,
    token: Option<i64>,
    lease: default!(Option<Interval>, "'2 minutes'"),
) -> Result<bool, ErrorReport> {
    let job_id = input::required(job_id, "job_id")?;
    let token = input::required(token, "token")?;
    clock::lease_end(lease, clock::now())?;
    let Some(job) = hold(job_id, token)? else { return Ok(false) };
    // From when the lock was had: waiting for it must not use up the lease.
    let now = clock::now();
    let until = clock::lease_end(lease, now)?;
    if RECORD.write(&[job_id.into(), now.into()], |_| Ok(()))?.is_empty() {
        return Ok(false);
    }
    durable::require_commit()?;
    memory::with(|memory| memory.set.extend(job.ix, until.0))?;
    Ok(true)
}
