//! Jobs that this transaction has locked: a worker's by their leases, anybody's by their ids.

use std::collections::HashSet;
use std::time::Duration;

use crier_core::rights::Role;
use crier_working_set::{Ix, Node, State};
use pgrx::Uuid;
use pgrx::pg_sys;

use crate::alerts::DELIVER;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::latch;
use crate::memory::{self, Memory, me};
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::queue::load;
use crate::transaction;
use crate::webhooks::PROCESS;

const IN_SCOPE: Statement = statement!(up "queue/in_scope");

/// How long a job that another transaction holds is waited for where the session names no lock_timeout.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same where a worker that holds it may wait for this transaction.
pub(crate) const MOMENT: Duration = Duration::from_millis(200);
/// How long one look at it lasts.
const LOOK: i64 = 5;

/// A job that is locked by this transaction.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// Its place in the caller's arrays; the first is 0.
    pub(crate) place: usize,
    pub(crate) ix: Ix,
    pub(crate) id: Uuid,
    pub(crate) kind: String,
    pub(crate) workspace: Option<Uuid>,
    /// Nothing for a job that acts for no account.
    pub(crate) account: Option<Uuid>,
    /// The action that it does, where that is limited.
    pub(crate) limited: Option<String>,
    /// As it is now.
    pub(crate) node: Node,
}

impl Held {
    pub(crate) fn new(memory: &Memory<'_>, place: usize, ix: Ix) -> Self {
        let node = memory.set.get(ix);
        Self {
            place,
            ix,
            id: uuid_of(node.id),
            kind: memory.set.kind(ix).to_owned(),
            workspace: some_uuid(memory.set.workspace(ix)),
            account: some_uuid(memory.set.account(ix)),
            limited: memory.set.limited(ix).map(str::to_owned),
            node,
        }
    }

    pub(crate) fn run_at(&self) -> Timestamptz {
        Timestamptz(self.node.run_at)
    }

    pub(crate) fn attempt(&self) -> i32 {
        i32::from(self.node.attempt)
    }

    pub(crate) fn max_attempts(&self) -> i32 {
        i32::from(self.node.max_attempts)
    }

    /// The token of the claim that has it, if one has.
    pub(crate) fn token(&self) -> Option<i64> {
        (self.node.state == State::Leased).then_some(self.node.token)
    }
}

/// The jobs among those named whose token is the current one, locked. The others are left out: an answer with
/// a stale token changes nothing.
pub(crate) fn by_lease(ids: &[Uuid], tokens: &[i64]) -> Result<Vec<Held>> {
    load::warm()?;
    hold(ids, patience(), |node, place| node.state == State::Leased && node.token == tokens[place])
}

/// A job of the wanted kinds whose lease is still the caller's; it stays locked until the end of the transaction. Nothing
/// where the lease is lost.
pub(crate) fn one_by_lease(id: Uuid, token: i64, wanted: impl Fn(&str) -> bool) -> Result<Option<Held>> {
    Ok(by_lease(&[id], &[token])?.into_iter().find(|job| wanted(&job.kind)))
}

/// The unfinished jobs among those named, locked.
pub(crate) fn unfinished(ids: &[Uuid]) -> Result<Vec<Held>> {
    unfinished_within(ids, patience())
}

/// The same where whoever holds one of them may wait for what this transaction has locked.
pub(crate) fn unfinished_within(ids: &[Uuid], patience: Duration) -> Result<Vec<Held>> {
    load::warm()?;
    load::bring_in(ids)?;
    hold(ids, patience, |node, _| node.state != State::Gone)
}

/// The jobs among those named that belong to workspaces in which the caller has this role; all of them for who is bound to none.
/// Nobody can lock, not even for a moment, what is not theirs. Alerts and webhooks are for admins to decide about:
/// who could cancel them, or have their attempts used up in a moment, could keep an admin from hearing what was done.
pub(crate) fn in_scope(ids: Vec<Uuid>, caller: Caller, least: Role) -> Result<Vec<Uuid>> {
    let Some(workspaces) = caller.within(least)? else { return Ok(ids) };
    let deciding = caller.within(least.max(Role::Admin))?.unwrap_or_default();
    let args = [ids.into(), workspaces.into(), vec![DELIVER, PROCESS].into(), deciding.into()];
    IN_SCOPE.read(&args, |row| row.need(1))
}

fn hold(ids: &[Uuid], patience: Duration, wanted: impl Fn(&Node, usize) -> bool) -> Result<Vec<Held>> {
    transaction::register()?;
    let mut held = Vec::with_capacity(ids.len());
    let mut rest: Vec<usize> = (0..ids.len()).collect();
    let mut seen = HashSet::new();
    let started = std::time::Instant::now();
    loop {
        let mut busy = Vec::new();
        memory::with(|memory| {
            for place in rest.drain(..) {
                let Some(ix) = memory.set.find(memory.db, id_of(ids[place])) else { continue };
                let node = memory.set.get(ix);
                // what another transaction has changed is not known until that ends
                if node.locker != 0 && node.locker != me() {
                    busy.push(place);
                } else if wanted(&node, place) && seen.insert(ix) && transaction::lock(memory, ix) {
                    held.push(Held::new(memory, place, ix));
                }
            }
        })?;
        let Some(first) = busy.first().copied() else { break };
        // one is looked at until it is free, not all of them
        while is_busy(ids[first])? {
            if started.elapsed() >= patience {
                return Err(CrierError::Busy(format!("job {} is held by another transaction", ids[first])));
            }
            nap();
        }
        rest = busy;
    }
    held.sort_unstable_by_key(|job: &Held| job.place);
    Ok(held)
}

fn is_busy(id: Uuid) -> Result<bool> {
    memory::with(|memory| {
        let locker = memory.set.find(memory.db, id_of(id)).map_or(0, |ix| memory.set.get(ix).locker);
        locker != 0 && locker != me()
    })
}

fn patience() -> Duration {
    // SAFETY: a setting of the session, in milliseconds; 0 stands for none.
    match unsafe { pg_sys::LockTimeout } {
        ..=0 => PATIENCE,
        limit => Duration::from_millis(limit.unsigned_abs().into()).min(PATIENCE),
    }
}

/// Waits a moment, or less: a cancel or a shutdown is obeyed.
pub(crate) fn nap() {
    latch::wait(LOOK);
    pgrx::check_for_interrupts!();
}

/// Changes a job in memory as `change` says. What the tables say of it is written by the caller.
pub(crate) fn alter(memory: &mut Memory<'_>, ix: Ix, change: impl FnOnce(&mut Node)) {
    let mut node = memory.set.get(ix);
    change(&mut node);
    transaction::change(memory, ix, &node);
}

/// A uuid as the working set has it.
pub(crate) fn id_of(uuid: Uuid) -> u128 {
    u128::from_be_bytes(*uuid.as_bytes())
}

pub(crate) fn uuid_of(id: u128) -> Uuid {
    Uuid::from_bytes(id.to_be_bytes())
}

pub(crate) fn some_uuid(id: u128) -> Option<Uuid> {
    (id != 0).then(|| uuid_of(id))
}

/// A time later than everything that was said of the job before, also where the clock was put back.
pub(crate) fn after(node: &Node) -> Timestamptz {
    Timestamptz(clock::now().0.max(node.token.saturating_add(1)))
}
