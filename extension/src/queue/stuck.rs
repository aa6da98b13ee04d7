//! `crier.stuck_jobs` and `crier.backlog`: what an operator asks the working set.

use std::collections::HashMap;

use crier_working_set::State;
use pgrx::Uuid;
use pgrx::datum::Interval;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::memory;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::queue::held::{some_uuid, uuid_of};
use crate::queue::load;

const SETTING: Statement = statement!(up "queue/setting");
const WORKERS_OF: Statement = statement!(up "queue/workers_of");

/// Jobs that run for longer than this; null: than the setting `stuck_after`. Their worker keeps their leases up, or
/// they would have been handed out again. The oldest first.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn stuck_jobs(
    p_older: default!(Option<Interval>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(job_id, Uuid),
            name!(workspace_id, Option<Uuid>),
            name!(account_id, Option<Uuid>),
            name!(kind, String),
            name!(attempt, i32),
            name!(worker, Option<String>),
            name!(running_since, Timestamptz),
            name!(lease_expires_at, Timestamptz),
        ),
    >,
    ErrorReport,
> {
    let older = older_than(p_older)?;
    load::warm()?;
    let since = older.map_or(i64::MIN, |older| clock::now().0.saturating_sub(older));
    let mut stuck = Vec::new();
    memory::with(|memory| {
        memory.set.leased(memory.db, |ix, node| {
            // a token is the time of its claim
            if node.state == State::Leased && node.token < since {
                let set = &memory.set;
                let (workspace, account) = (some_uuid(set.workspace(ix)), some_uuid(set.account(ix)));
                stuck.push((*node, workspace, account, set.kind(ix).to_owned()));
            }
        });
    })?;
    stuck.sort_unstable_by_key(|(node, ..)| node.token);
    let ids: Vec<Uuid> = stuck.iter().map(|(node, ..)| uuid_of(node.id)).collect();
    let tokens: Vec<i64> = stuck.iter().map(|(node, ..)| node.token).collect();
    let workers = WORKERS_OF
        .read(&[ids.into(), tokens.into()], |row| Ok((row.need::<i32>(1)?, row.need::<String>(2)?)))?;
    let mut workers: HashMap<i32, String> = workers.into_iter().collect();
    let rows = (1..).zip(stuck).map(|(place, (node, workspace, account, kind))| {
        (
            uuid_of(node.id),
            workspace,
            account,
            kind,
            i32::from(node.attempt),
            workers.remove(&place),
            Timestamptz(node.token),
            Timestamptz(node.lease_until),
        )
    });
    Ok(TableIterator::new(rows.collect::<Vec<_>>()))
}

/// In microseconds; nothing where the setting is null.
fn older_than(older: Option<Interval>) -> Result<Option<i64>> {
    let Some(older) = older else {
        let setting = SETTING.read(&["stuck_after".into()], |row| row.get::<i64>(1))?;
        return Ok(setting.into_iter().flatten().next());
    };
    match clock::micros(&older) {
        Some(older @ 0..) => Ok(Some(older)),
        _ => Err(CrierError::invalid("p_older", "must not be negative", "Give for instance '30 minutes'.")),
    }
}

/// How many unfinished jobs are in memory: waiting for their time, waiting for a worker, running. Jobs that are due much
/// later, or had no room, are in the tables only.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn backlog() -> Result<
    TableIterator<'static, (name!(waiting, i64), name!(due, i64), name!(running, i64), name!(busy, i64))>,
    ErrorReport,
> {
    load::warm()?;
    let counts = memory::with(|memory| memory.set.counts(memory.db))?;
    let row = (counts.waiting.into(), counts.due.into(), counts.leased.into(), counts.locked.into());
    Ok(TableIterator::once(row))
}
