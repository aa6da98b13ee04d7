//! What this transaction did to the working set. Others don't see it until the commit; an abort, also of a
//! savepoint, undoes it.
//!
//! A job that a transaction touched is locked by it, as a row would be, and its state before every change is kept
//! here. Callbacks of the server carry the end out. They can't fail: everything they need was reserved when the job
//! was touched.

mod end;
mod notes;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use crier_working_set::{Ix, NewJob, Node};
use pgrx::prelude::*;

use crate::durable;
use crate::error::{CrierError, Result};
use crate::memory::{self, Memory, me};
use notes::Note;

pub(crate) use notes::{Scope, note_block, note_own_limits, note_report, note_unblock, note_use};

/// A job that is noted in `job_scheduled`: it need not stay in memory while it is far.
pub(crate) const FAR: u8 = 1;
/// A job that holds a dedupe key.
pub(crate) const KEYED: u8 = 2;
/// A job that was in a worker's hands before.
pub(crate) const RETRIED: u8 = crier_working_set::MARKED;

/// Longer than a sidecar's poll: it learns by itself, and in time, of everything that is due later.
const SOON: i64 = 15_000_000;

/// What this session reads from the tables.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Loading {
    /// Unfinished jobs, from this one on; the number of the reading.
    From(u128, u32),
    /// Jobs that are no longer far; the time up to which they were before.
    Near(i64, u32),
    /// Some jobs.
    Some(u32),
}

struct Entry {
    subtransaction: pg_sys::SubTransactionId,
    ix: Ix,
    /// Nothing: the job was added.
    before: Option<Node>,
}

struct Log {
    entries: Vec<Entry>,
    /// In their order, with the subtransaction of each.
    notes: Vec<(pg_sys::SubTransactionId, Note)>,
    /// The jobs that are locked, with the number of their entries.
    held: HashMap<Ix, usize>,
    /// The first job that was added to the tables and not to memory.
    spilled: u128,
    /// The configuration of the queue was changed.
    reconfigured: bool,
    /// This session is reading jobs from the tables.
    loading: Option<Loading>,
    /// It waits for work.
    waiting: bool,
    /// It reads pauses and limits.
    configuring: bool,
    /// Where the log of the server ended when claims were all that was written.
    only_claims: Option<u64>,
    /// It took over to send the notification that is owed.
    notifies: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            notes: Vec::new(),
            held: HashMap::new(),
            spilled: u128::MAX,
            reconfigured: false,
            loading: None,
            waiting: false,
            configuring: false,
            only_claims: None,
            notifies: false,
        }
    }
}

thread_local! {
    static LOG: RefCell<Log> = RefCell::default();
    static REGISTERED: Cell<bool> = const { Cell::new(false) };
}

/// Adds a job that only this transaction sees. False: there was no room; the tables have it.
pub(crate) fn add(memory: &mut Memory<'_>, job: &NewJob<'_>) -> bool {
    let added = memory.set.add(memory.db, job, me(), 0);
    LOG.with_borrow_mut(|log| match added {
        Ok(ix) => log.push(ix, None),
        Err(_) => log.spilled = log.spilled.min(job.id),
    });
    added.is_ok()
}

/// Says that a job is in the tables only.
pub(crate) fn spill(id: u128) {
    LOG.with_borrow_mut(|log| log.spilled = log.spilled.min(id));
}

/// Locks a job for this transaction. False: another transaction has it.
pub(crate) fn lock(memory: &mut Memory<'_>, ix: Ix) -> bool {
    match memory.set.lock(ix, me()) {
        Some(before) => {
            LOG.with_borrow_mut(|log| log.push(ix, Some(before)));
            true
        }
        None => false,
    }
}

/// Notes what a job was before the set itself locked and changed it.
pub(crate) fn note(ix: Ix, before: Node) {
    LOG.with_borrow_mut(|log| log.push(ix, Some(before)));
}

/// Changes a job that this transaction has locked.
pub(crate) fn change(memory: &mut Memory<'_>, ix: Ix, to: &Node) {
    let before = memory.set.get(ix);
    note(ix, before);
    memory.set.change(ix, to);
}

/// Whether this transaction has changed pauses, limits or kinds.
pub(crate) fn is_reconfigured() -> bool {
    LOG.with_borrow(|log| log.reconfigured)
}

/// The jobs that this transaction has locked.
pub(crate) fn mine() -> Vec<Ix> {
    LOG.with_borrow(|log| log.held.keys().copied().collect())
}

/// Says that this session begins, goes on with, or has ended reading jobs from the tables.
pub(crate) fn set_loading(loading: Option<Loading>) {
    LOG.with_borrow_mut(|log| log.loading = loading);
}

/// Says whether this session is among those who wait.
pub(crate) fn set_waiting(waiting: bool) {
    LOG.with_borrow_mut(|log| log.waiting = waiting);
}

/// Says whether all that this transaction has written until now is claims.
pub(crate) fn set_wrote_only_claims(only: bool) {
    LOG.with_borrow_mut(|log| log.only_claims = only.then(durable::written_up_to));
}

/// Whether all that this transaction has written is claims.
pub(crate) fn wrote_only_claims() -> bool {
    LOG.with_borrow(|log| log.only_claims == Some(durable::written_up_to()))
}

/// Says whether this session is reading pauses and limits.
pub(crate) fn set_configuring(configuring: bool) {
    LOG.with_borrow_mut(|log| log.configuring = configuring);
}

/// Says that pauses or limits were changed: they are read again after the commit.
pub(crate) fn reconfigured() -> Result<()> {
    register()?;
    LOG.with_borrow_mut(|log| log.reconfigured = true);
    Ok(())
}

/// Has the server call this module at the end of transactions. Before anything is touched.
pub(crate) fn register() -> Result<()> {
    if !memory::is_there() {
        return Err(CrierError::NotPreloaded);
    }
    if !REGISTERED.replace(true) {
        // SAFETY: both are functions of this library, which is never unloaded.
        unsafe {
            pg_sys::RegisterXactCallback(Some(end::at_transaction_end), std::ptr::null_mut());
            pg_sys::RegisterSubXactCallback(Some(end::at_subtransaction_end), std::ptr::null_mut());
        }
    }
    Ok(())
}

impl Log {
    fn push(&mut self, ix: Ix, before: Option<Node>) {
        // SAFETY: inside a transaction.
        let subtransaction = unsafe { pg_sys::GetCurrentSubTransactionId() };
        self.entries.push(Entry { subtransaction, ix, before });
        *self.held.entry(ix).or_default() += 1;
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty()
            && self.notes.is_empty()
            && self.spilled == u128::MAX
            && !self.reconfigured
            && self.loading.is_none()
            && !self.waiting
            && !self.configuring
    }
}
