//! `crier.claim_jobs` and `crier.next_run_at`.

use crier_working_set::Filter;
use pgrx::Uuid;
use pgrx::datum::Interval;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::input;
use crate::memory::{self, me};
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::queue::hand_out::{self, HandedOut, Wanted};
use crate::queue::load;
use crate::transaction;

const NEXT: Statement = statement!(up "queue/next_scheduled");
const MAX_CLAIM: i32 = 10_000;

/// Hands due jobs to a worker under a lease: highest priority first, then run_at, then id, in turns for accounts and
/// users. No job is handed to two workers. Every answer about the job states the token. Where nothing is due, waits
/// for work for up to `wait`, at most a second.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn claim_jobs(
    worker: Option<&str>,
    max: default!(Option<i32>, "1"),
    kinds: default!(Option<Vec<Option<String>>>, "NULL"),
    platforms: default!(Option<Vec<Option<String>>>, "NULL"),
    workspaces: default!(Option<Vec<Option<Uuid>>>, "NULL"),
    lease: default!(Option<Interval>, "'1 minute'"),
    wait: default!(Option<Interval>, "'0'"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(job_id, Uuid),
            name!(token, i64),
            name!(attempt, i32),
            name!(kind, String),
            name!(params, crate::passed::Jsonb),
            name!(workspace_id, Option<Uuid>),
            name!(user_id, Option<Uuid>),
            name!(account_id, Option<Uuid>),
            name!(run_at, Timestamptz),
            name!(lease_expires_at, Timestamptz),
        ),
    >,
    ErrorReport,
> {
    let wanted = Wanted::read(worker, max, kinds, platforms, workspaces, lease, wait)?;
    let rows = hand_out::claim(&wanted)?.into_iter().map(
        |HandedOut { id, token, attempt, kind, params, workspace, user, account, run_at, until }| {
            (id, token, attempt, kind, params, workspace, user, account, run_at, until)
        },
    );
    Ok(TableIterator::new(rows.collect::<Vec<_>>()))
}

impl Wanted {
    /// Checks what a worker asks for.
    pub(crate) fn read(
        worker: Option<&str>,
        max: Option<i32>,
        kinds: Option<Vec<Option<String>>>,
        platforms: Option<Vec<Option<String>>>,
        workspaces: Option<Vec<Option<Uuid>>>,
        lease: Option<Interval>,
        wait: Option<Interval>,
    ) -> Result<Self> {
        let worker = input::text(worker, "worker", 200)?;
        let max = input::required(max, "max")?;
        if !(1..=MAX_CLAIM).contains(&max) {
            return Err(CrierError::invalid("max", format!("is {max}"), "Give a number from 1 to 10000."));
        }
        let workspaces = input::filter(workspaces, "workspaces")?;
        Ok(Self {
            worker,
            max: max.unsigned_abs() as usize,
            kinds: input::filter(kinds, "kinds")?,
            platforms: input::filter(platforms, "platforms")?,
            workspaces: workspaces.map(|ids| ids.into_iter().map(super::held::id_of).collect()),
            lease: clock::lease(lease)?,
            wait: clock::wait(wait)?,
        })
    }
}

/// When the next waiting job is due: a worker that found nothing sleeps until then, or until it is notified.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn next_run_at(
    kinds: default!(Option<Vec<Option<String>>>, "NULL"),
) -> Result<Option<Timestamptz>, ErrorReport> {
    let kinds = input::filter(kinds, "kinds")?;
    load::warm()?;
    let names: Option<Vec<&str>> = kinds.as_ref().map(|kinds| kinds.iter().map(String::as_str).collect());
    let filter = Filter { kinds: names.as_deref(), platforms: None, workspaces: None };
    let (now, mine) = (clock::now().0, transaction::mine());
    let (near, far) = memory::with(|memory| {
        let db = memory.db;
        // whoever asks is about to sleep
        memory.set.db_mut(db).armed = true;
        (memory.set.next_due(db, me(), now, &filter, &mine), memory.set.db(db).far)
    })?;
    if let Some(near) = near.filter(|near| *near <= far) {
        return Ok(Some(Timestamptz(near)));
    }
    // one that was brought into memory may be farther than one that was not
    let noted = NEXT.read(&[Timestamptz(far).into(), kinds.into()], |row| row.get::<Timestamptz>(1))?;
    Ok(noted.into_iter().flatten().chain(near.map(Timestamptz)).min())
}
