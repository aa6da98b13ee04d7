//! How jobs get into a worker's hands: chosen in memory, written down as one row, read from the log.

use std::cell::Cell;
use std::collections::HashMap;

use crier_working_set::{Filter, Ix, Picked, State};
use pgrx::Uuid;

use crate::clock;
use crate::durable;
use crate::error::Result;
use crate::installation;
use crate::latch;
use crate::limits::usage::{self, Use};
use crate::memory::{self, Memory, me};
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};
use crate::queue::held::Held;
use crate::queue::settle::{self, Fate, Said, Settled, reason};
use crate::queue::{configure, live, load, overdue};
use crate::transaction;

const GET_JOBS: Statement = statement!(up "queue/get_jobs").planned_once();

/// What a worker asks for.
pub(crate) struct Wanted {
    pub(crate) worker: String,
    pub(crate) max: usize,
    pub(crate) kinds: Option<Vec<String>>,
    pub(crate) platforms: Option<Vec<String>>,
    pub(crate) workspaces: Option<Vec<u128>>,
    /// Microseconds.
    pub(crate) lease: i64,
    /// Microseconds.
    pub(crate) wait: i64,
}

/// A job in a worker's hands.
pub(crate) struct HandedOut {
    pub(crate) id: Uuid,
    pub(crate) token: i64,
    pub(crate) attempt: i32,
    pub(crate) kind: String,
    pub(crate) params: Jsonb,
    pub(crate) workspace: Option<Uuid>,
    pub(crate) user: Option<Uuid>,
    pub(crate) account: Option<Uuid>,
    pub(crate) run_at: Timestamptz,
    pub(crate) until: Timestamptz,
}

/// Hands jobs out, in order. Waits for work as long as asked where there is none.
pub(crate) fn claim(wanted: &Wanted) -> Result<Vec<HandedOut>> {
    if !installation::may_hand_out()? {
        return Ok(vec![]);
    }
    load::warm()?;
    transaction::register()?;
    let deadline = clock::now().0 + wanted.wait;
    loop {
        configure::current()?;
        load::refill(false)?;
        let mut settled = overdue::settle(clock::now())?;
        let jobs = take(wanted, &mut settled)?;
        if jobs.len() < wanted.max {
            load::refill(true)?;
        }
        // what was settled must not wait for its commit until there is work
        if !jobs.is_empty() || settled || !wait_until(wanted, deadline)? {
            return Ok(jobs);
        }
    }
}

/// Chooses, records and reads jobs. `settled`: some of them were too late and ended.
fn take(wanted: &Wanted, settled: &mut bool) -> Result<Vec<HandedOut>> {
    let now = clock::now().0;
    let (token, until) = (new_token(now), now + wanted.lease);
    let mut picked = Vec::new();
    let mine = transaction::mine();
    let (taken, expired, uses) = memory::with(|memory| {
        wanted.with_filter(|filter| {
            memory.set.claim(memory.db, me(), now, filter, wanted.max, token, until, &mine, &mut picked);
        });
        for pick in &picked {
            transaction::note(pick.ix, pick.before);
        }
        let limited = picked.iter().filter(|pick| pick.limited);
        let uses: Vec<Use> = limited.flat_map(|pick| Use::of_claim(memory, pick.ix, &pick.before)).collect();
        let taken = picked.iter().filter(|pick| !pick.expired).count();
        // one who does not wait here and goes away with less than he can carry needs to be called
        memory.set.db_mut(memory.db).armed |= taken < wanted.max && wanted.wait == 0;
        let held = |expired: bool| -> Vec<Held> {
            let which = picked.iter().filter(|pick| pick.expired == expired);
            which.enumerate().map(|(place, Picked { ix, .. })| Held::new(memory, place, *ix)).collect()
        };
        (held(false), held(true), uses)
    })?;
    *settled |= !expired.is_empty();
    settle_expired(expired, Timestamptz(now))?;
    if taken.is_empty() {
        return Ok(vec![]);
    }
    let jobs = read(&taken, token, until)?;
    if !jobs.is_empty() {
        record(wanted, &jobs, uses, token, until)?;
    }
    Ok(jobs)
}

impl Wanted {
    fn with_filter<T>(&self, work: impl FnOnce(&Filter<'_>) -> T) -> T {
        let kinds: Option<Vec<&str>> =
            self.kinds.as_ref().map(|names| names.iter().map(String::as_str).collect());
        let platforms: Option<Vec<&str>> =
            self.platforms.as_ref().map(|names| names.iter().map(String::as_str).collect());
        work(&Filter {
            kinds: kinds.as_deref(),
            platforms: platforms.as_deref(),
            workspaces: self.workspaces.as_deref(),
        })
    }

    fn is_picky(&self) -> bool {
        self.kinds.is_some() || self.platforms.is_some() || self.workspaces.is_some()
    }
}

/// The jobs as the log has them. One that this transaction can't see, or that somebody deleted from the log, is let
/// go again.
fn read(taken: &[Held], token: i64, until: i64) -> Result<Vec<HandedOut>> {
    let mut ids: Vec<Uuid> = taken.iter().map(|job| job.id).collect();
    // in the order in which they are stored: those of many accounts are far from each other
    ids.sort_unstable_by_key(|id| *id.as_bytes());
    let (Some(first), Some(last)) = (ids.first().copied(), ids.last().copied()) else { return Ok(vec![]) };
    let rows = GET_JOBS.newest(&[ids.into(), first.into(), last.into()], |row| {
        Ok((row.need::<Uuid>(1)?, (row.need(2)?, row.need(3)?, row.get(4)?, row.get(5)?, row.get(6)?)))
    })?;
    let mut rows: HashMap<Uuid, (String, Jsonb, Option<Uuid>, Option<Uuid>, Option<Uuid>)> =
        rows.into_iter().collect();
    let (mut jobs, mut gone) = (Vec::with_capacity(taken.len()), Vec::new());
    for job in taken {
        match rows.remove(&job.id) {
            Some((kind, params, workspace, user, account)) => jobs.push(HandedOut {
                id: job.id,
                token,
                attempt: job.attempt(),
                kind,
                params,
                workspace,
                user,
                account,
                run_at: job.run_at(),
                until: Timestamptz(until),
            }),
            None => gone.push(job.ix),
        }
    }
    if !gone.is_empty() {
        memory::with(|memory| gone.iter().for_each(|ix| forget(memory, *ix)))?;
    }
    Ok(jobs)
}

fn forget(memory: &mut Memory<'_>, ix: Ix) {
    super::held::alter(memory, ix, |node| node.state = State::Gone);
}

/// Writes the claim down, so that lease and token survive a crash. A claim that a crash forgets has been given to
/// nobody who could answer: its token is not known then. So the row need not be on the disk before the answer, where
/// it is all that the transaction writes. What was used of a limit must be: the worker may use it, answer or not.
fn record(wanted: &Wanted, jobs: &[HandedOut], uses: Vec<Use>, token: i64, until: i64) -> Result<()> {
    let unlimited = uses.is_empty();
    let alone = unlimited && (!durable::has_written() || transaction::wrote_only_claims());
    let (ids, attempts) = jobs.iter().map(|job| (job.id, job.attempt)).unzip();
    live::record_claim(token, token, &wanted.worker, Timestamptz(until), ids, attempts)?;
    if !unlimited {
        usage::record(&uses)?;
        durable::require_commit()?;
    }
    transaction::set_wrote_only_claims(alone);
    Ok(())
}

fn settle_expired(expired: Vec<Held>, now: Timestamptz) -> Result<()> {
    if expired.is_empty() {
        return Ok(());
    }
    let error = reason("expired", "the job expired before it was done");
    let settled: Vec<_> = expired
        .into_iter()
        .map(|job| Settled { job, said: Said::Nothing, fate: Fate::Failed, result: None, error: Some(error) })
        .collect();
    settle::settle(settled, now)
}

/// A token that no other claim of a job has: the microsecond, counted up where two claims of this session share it.
fn new_token(now: i64) -> i64 {
    thread_local!(static LAST: Cell<i64> = const { Cell::new(0) });
    let token = now.max(LAST.get() + 1);
    LAST.set(token);
    token
}

/// Waits for a commit that brings work, for the next job to fall due or for the deadline. False: the time is up.
fn wait_until(wanted: &Wanted, deadline: i64) -> Result<bool> {
    let now = clock::now().0;
    if now >= deadline {
        return Ok(false);
    }
    let until = memory::with(|memory| {
        let next = wanted.with_filter(|filter| memory.set.next_due(memory.db, me(), now, filter, &[]));
        let entered = memory.waiters.enter(memory.db, wanted.is_picky());
        transaction::set_waiting(entered);
        // without a place on the list it looks more often
        let look = if entered { deadline } else { now + 10_000 };
        next.unwrap_or(i64::MAX).min(look).min(deadline)
    })?;
    // a job that fell due meanwhile
    let rest = (until - now).max(0);
    latch::wait((rest + 999) / 1_000);
    memory::with(|memory| memory.waiters.leave())?;
    transaction::set_waiting(false);
    pgrx::check_for_interrupts!();
    Ok(true)
}
