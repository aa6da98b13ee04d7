//! What the queue's memory knows: jobs by class, its own size, who has what.

use std::collections::HashMap;

use pgrx::Uuid;
use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::error::Result;
use crate::memory;
use crate::passed::Timestamptz;
use crate::queue::held::uuid_of;
use crate::queue::load;

/// Looked at under the lock at once.
const AT_ONCE: u32 = 10_000;

/// Unfinished jobs in memory by kind and platform. `changing`: touched by transactions that have not ended, and counted
/// nowhere else. `oldest_due_at`: of the jobs that are first in the line of their account or user. `due`: those pending and retrying
/// ones whose time has come. No row on a standby.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn unfinished_jobs() -> Result<
    TableIterator<
        'static,
        (
            name!(kind, String),
            name!(platform, Option<String>),
            name!(pending, i64),
            name!(retrying, i64),
            name!(running, i64),
            name!(changing, i64),
            name!(oldest_due_at, Option<Timestamptz>),
            name!(due, i64),
        ),
    >,
    ErrorReport,
> {
    if !is_known()? {
        return Ok(TableIterator::empty());
    }
    let mut oldest: HashMap<(String, String), i64> = HashMap::new();
    let mut from = Some(0);
    while let Some(at) = from {
        // what is shown under the lock is put down first and sorted out afterwards
        let mut seen = Vec::new();
        from = memory::with(|memory| {
            memory.set.firsts(memory.db, at, AT_ONCE, |kind, platform, run_at| {
                seen.push((kind.to_owned(), platform.to_owned(), run_at));
            })
        })?;
        for (kind, platform, run_at) in seen {
            oldest
                .entry((kind, platform))
                .and_modify(|oldest| *oldest = run_at.min(*oldest))
                .or_insert(run_at);
        }
        pgrx::check_for_interrupts!();
    }
    let mut classes = Vec::new();
    memory::with(|memory| {
        memory.set.classes(memory.db, |kind, platform, counts| {
            classes.push((kind.to_owned(), platform.to_owned(), counts));
        });
    })?;
    Ok(TableIterator::new(classes.into_iter().map(|(kind, platform, counts)| {
        let waiting = i64::from(counts.waiting) + i64::from(counts.due);
        let marked = i64::from(counts.marked);
        let class = (kind, platform);
        let first = oldest.get(&class).copied().map(Timestamptz);
        let (kind, platform) = class;
        let (running, changing) = (i64::from(counts.leased), i64::from(counts.locked));
        let platform = Some(platform).filter(|platform| !platform.is_empty());
        (kind, platform, waiting - marked, marked, running, changing, first, counts.due.into())
    })))
}

/// How full the queue's memory is, which all databases of the server share; whether all unfinished jobs of this database
/// that are due before `horizon` are in it. No row on a standby.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn queue_memory() -> Result<
    TableIterator<
        'static,
        (name!(used, i64), name!(capacity, i64), name!(complete, bool), name!(horizon, Timestamptz)),
    >,
    ErrorReport,
> {
    if !is_known()? {
        return Ok(TableIterator::empty());
    }
    let (free, capacity, db) =
        memory::with(|memory| (memory.set.free_nodes(), memory.set.capacity(), *memory.set.db(memory.db)))?;
    let used = i64::from(capacity) - i64::from(free);
    Ok(TableIterator::once((used, i64::from(capacity), db.cursor == u128::MAX, Timestamptz(db.far))))
}

/// How many jobs are in workers' hands by each claim, for each workspace. Looks at all jobs in memory, piece by piece. No row
/// on a standby.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn running_claims() -> Result<
    TableIterator<'static, (name!(token, i64), name!(workspace_id, Option<Uuid>), name!(jobs, i64))>,
    ErrorReport,
> {
    if !is_known()? {
        return Ok(TableIterator::empty());
    }
    let mut claims: HashMap<(i64, u128), i64> = HashMap::new();
    let mut from = Some(0);
    while let Some(at) = from {
        let mut leases = Vec::new();
        from = memory::with(|memory| {
            memory.set.leases(memory.db, at, AT_ONCE, |token, workspace| leases.push((token, workspace)))
        })?;
        for lease in leases {
            *claims.entry(lease).or_default() += 1;
        }
        pgrx::check_for_interrupts!();
    }
    let row = |((token, workspace), jobs)| (token, (workspace != 0).then(|| uuid_of(workspace)), jobs);
    Ok(TableIterator::new(claims.into_iter().map(row)))
}

/// Whether this server has the memory and works with it; reads it from the tables where that was not done yet.
fn is_known() -> Result<bool> {
    // SAFETY: reads the state of the server.
    if !memory::is_there() || unsafe { pg_sys::RecoveryInProgress() } {
        return Ok(false);
    }
    load::warm()?;
    Ok(true)
}
