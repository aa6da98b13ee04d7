//! `crier.claim_jobs` and `crier.next_run_at`.

use pgrx::Uuid;
use pgrx::datum::Interval;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::clock;
use crate::error::{CrierError, Result};
use crate::input;
use crate::installation;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};
use crate::queue::overdue;

const CLAIM: Statement = statement!(up "queue/claim");
const NEXT: Statement = statement!(up "queue/next_run_at");
const MAX_CLAIM: i32 = 10_000;

/// Hands due jobs to a worker under a lease: highest priority first, then run_at, then id. No job is handed
/// to two workers. Every answer about the job states the token.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn claim_jobs(
    worker: Option<&str>,
    max: default!(Option<i32>, "1"),
    kinds: default!(Option<Vec<Option<String>>>, "NULL"),
    platforms: default!(Option<Vec<Option<String>>>, "NULL"),
    workspaces: default!(Option<Vec<Option<Uuid>>>, "NULL"),
    lease: default!(Option<Interval>, "'1 minute'"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(job_id, Uuid),
            name!(token, i64),
            name!(attempt, i32),
            name!(kind, String),
            name!(params, Jsonb),
            name!(workspace_id, Option<Uuid>),
            name!(user_id, Option<Uuid>),
            name!(account_id, Option<Uuid>),
            name!(run_at, Timestamptz),
            name!(lease_expires_at, Timestamptz),
        ),
    >,
    ErrorReport,
> {
    let worker = input::text(worker, "worker", 200)?;
    let max = input::required(max, "max")?;
    if !(1..=MAX_CLAIM).contains(&max) {
        return Err(CrierError::invalid("max", format!("is {max}"), "Give a number from 1 to 10000.").into());
    }
    let kinds = input::filter(kinds, "kinds")?;
    let platforms = input::filter(platforms, "platforms")?;
    let workspaces = input::filter(workspaces, "workspaces")?;
    let now = clock::now();
    let until = clock::lease_end(lease, now)?;
    if !installation::may_hand_out()? {
        return Ok(TableIterator::empty());
    }
    overdue::settle(now)?;
    let rows = CLAIM.write(
        &[
            now.into(),
            worker.into(),
            until.into(),
            i64::from(max).into(),
            kinds.into(),
            platforms.into(),
            workspaces.into(),
        ],
        |row| {
            Ok((
                row.need(1)?,
                row.need(2)?,
                row.need(3)?,
                row.need(4)?,
                row.need(5)?,
                row.get(6)?,
                row.get(7)?,
                row.get(8)?,
                row.need(9)?,
                row.need(10)?,
            ))
        },
    )?;
    Ok(TableIterator::new(rows))
}

/// When the next waiting job is due: a worker that found nothing sleeps until then, or until it is notified.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn next_run_at(
    kinds: default!(Option<Vec<Option<String>>>, "NULL"),
) -> Result<Option<Timestamptz>, ErrorReport> {
    let kinds = input::filter(kinds, "kinds")?;
    Ok(NEXT.read(&[kinds.into()], |row| row.get(1))?.into_iter().flatten().next())
}
