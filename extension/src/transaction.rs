//! What this transaction did to the working set. Others don't see it until the commit; an abort, also of a
//! savepoint, undoes it.
//!
//! A job that a transaction touched is locked by it, as a row would be, and its state before every change is kept
//! here. Callbacks of the server carry the end out. They can't fail: everything they need was reserved when the job
//! was touched.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::{c_char, c_void};

use crier_working_set::{Gated, Ix, NewJob, Node, Own, State};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::clock;
use crate::durable;
use crate::error::{CrierError, Result};
use crate::limits::rules;
use crate::memory::{self, Memory, me};

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

/// What counts in the limits at once, and does not if the transaction is undone.
struct Used {
    account: u128,
    platform: String,
    action: String,
    at: i64,
    count: u32,
    /// Also in what all accounts of the platform share.
    shared: bool,
}

/// A server (account 0), an account (no action), or an action of an account.
#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) platform: String,
    /// Of a server.
    pub(crate) host: String,
    pub(crate) account: u128,
    pub(crate) action: String,
}

impl Scope {
    fn gated(&self) -> Gated<'_> {
        rules::blocked(&self.platform, &self.host, self.account, &self.action)
    }
}

/// What holds for everybody once this transaction has ended.
enum Note {
    /// A job shows that its platform works, or that it does not.
    Report(Ix, bool),
    /// Something is blocked until a time.
    Block(Scope, i64),
    /// A block is lifted; what is left of others ends at that time.
    Unblock(Scope, i64),
    /// An account has these limits of its own for an action.
    Own(Scope, Vec<Own>),
    /// Something was used.
    Used(Used),
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

unsafe extern "C-unwind" {
    fn Async_Notify(channel: *const c_char, payload: *const c_char);
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

/// Says what became of a job, for the circuit breakers of its account and server.
pub(crate) fn note_report(ix: Ix, worked: bool) {
    LOG.with_borrow_mut(|log| log.note(Note::Report(ix, worked)));
}

/// Says that something is blocked until a time.
pub(crate) fn note_block(what: Scope, until: i64) -> Result<()> {
    note_down(Note::Block(what, until))
}

/// Says that a block is lifted; what is left of others ends at that time.
pub(crate) fn note_unblock(what: Scope, left: i64) -> Result<()> {
    note_down(Note::Unblock(what, left))
}

/// Says what limits an account has of its own for an action.
pub(crate) fn note_own_limits(what: Scope, limits: Vec<Own>) -> Result<()> {
    note_down(Note::Own(what, limits))
}

fn note_down(note: Note) -> Result<()> {
    register()?;
    LOG.with_borrow_mut(|log| log.note(note));
    Ok(())
}

/// Says what was counted in the limits of an account.
pub(crate) fn note_use(account: u128, platform: &str, action: &str, at: i64, count: u32, shared: bool) {
    let used = Used { account, platform: platform.to_owned(), action: action.to_owned(), at, count, shared };
    LOG.with_borrow_mut(|log| log.note(Note::Used(used)));
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
            pg_sys::RegisterXactCallback(Some(at_transaction_end), std::ptr::null_mut());
            pg_sys::RegisterSubXactCallback(Some(at_subtransaction_end), std::ptr::null_mut());
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

    fn note(&mut self, note: Note) {
        // SAFETY: inside a transaction.
        self.notes.push((unsafe { pg_sys::GetCurrentSubTransactionId() }, note));
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

    /// Takes back what was done in a subtransaction and in those inside it; 0: everything.
    fn undo(&mut self, memory: &mut Memory<'_>, subtransaction: pg_sys::SubTransactionId, now: i64) {
        while let Some(entry) = self.entries.pop_if(|entry| entry.subtransaction >= subtransaction) {
            let left = self.held.get_mut(&entry.ix).map_or(0, |count| {
                *count -= 1;
                *count
            });
            if left == 0 {
                self.held.remove(&entry.ix);
            }
            match entry.before {
                Some(before) => memory.set.restore(entry.ix, &before, left > 0, now),
                None => memory.set.discard(entry.ix, now),
            }
        }
        while let Some((_, note)) = self.notes.pop_if(|(of, _)| *of >= subtransaction) {
            if let Note::Used(Used { account, platform, action, at, count, shared }) = note {
                let both = [Gated::Action(account, &platform, &action), Gated::Shared(&platform, &action)];
                for what in both.into_iter().take(1 + usize::from(shared)) {
                    memory.set.take_back(memory.db, what, at, count, now);
                }
            }
        }
    }

    /// Does what was noted. How many lanes may look again.
    fn follow_notes(&mut self, memory: &mut Memory<'_>, now: i64) -> usize {
        let (mut opened, db) = (0, memory.db);
        for (_, note) in self.notes.drain(..) {
            let rules = matches!(note, Note::Block(..) | Note::Unblock(..) | Note::Own(..));
            if rules && memory.set.db(db).config_reader != 0 {
                // somebody has read the tables as they were before this
                memory.set.db_mut(db).config_wanted += 1;
            }
            // Where there is no room for one, nobody waits at it; whoever reads the rules again says so.
            opened += match note {
                Note::Report(ix, worked) => memory.set.report(ix, worked, now),
                Note::Block(what, until) => memory.set.block(db, what.gated(), until, now).unwrap_or(0),
                Note::Unblock(what, left) => memory.set.unblock(db, what.gated(), left, now),
                Note::Own(Scope { platform, account, action, .. }, limits) => {
                    memory.set.set_own_limits(db, account, (&platform, &action), &limits, now).unwrap_or(0)
                }
                Note::Used(_) => 0,
            } as usize;
        }
        opened
    }

    /// Lets everyone see what was done, and wakes who waits for it.
    fn publish(&mut self, memory: &mut Memory<'_>, now: i64) {
        let db = memory.db;
        let far = memory.set.db(db).far;
        // while the log is read, a job that left would be taken for one that has ended
        let may_leave = !memory.set.is_loading(db);
        let mut due = self.follow_notes(memory, now);
        for ix in std::mem::take(&mut self.held).into_keys() {
            let mut node = memory.set.get(ix);
            if node.state == State::Waiting {
                if may_leave && node.flags & FAR != 0 && node.run_at > far {
                    // it comes back when its time is near
                    node.state = State::Gone;
                    memory.set.change(ix, &node);
                } else if node.run_at <= now + SOON {
                    due += 1;
                }
            }
            due += memory.set.release(ix, now) as usize;
        }
        self.entries.clear();
        let entry = memory.set.db_mut(db);
        if self.spilled < entry.cursor {
            entry.cursor = self.spilled;
            due += 1;
        }
        if self.reconfigured {
            entry.config_wanted += 1;
            due = usize::MAX;
        }
        if due > 0 {
            memory.waiters.wake(db, due);
        }
    }

    /// What is undone whatever else happens: this session neither reads from the tables nor waits any more.
    fn stop(&mut self, memory: &mut Memory<'_>) {
        if let Some(loading) = self.loading.take() {
            let db = memory.set.db_mut(memory.db);
            let load = match loading {
                Loading::From(from, load) => {
                    db.cursor = db.cursor.min(from);
                    db.loader = 0;
                    load
                }
                Loading::Near(far, load) => {
                    db.far = far;
                    db.loader = 0;
                    load
                }
                Loading::Some(load) => load,
            };
            memory.set.end_load(memory.db, load);
        }
        if std::mem::take(&mut self.configuring) {
            memory.set.db_mut(memory.db).config_reader = 0;
        }
        if std::mem::take(&mut self.waiting) {
            memory.waiters.leave();
        }
    }

    /// Whether a sidecar that waits for a notification has one coming: the first commit that brings work after the
    /// queue was found empty sends it, the others need not.
    fn wants_notification(&mut self, memory: &mut Memory<'_>, now: i64) -> bool {
        let brings_work = self.spilled != u128::MAX
            || self.reconfigured
            || self.held.keys().any(|ix| {
                let node = memory.set.get(*ix);
                (node.state == State::Waiting && node.run_at <= now + SOON) || memory.set.is_waited_for(*ix)
            })
            || self.notes.iter().any(|(_, note)| matches!(note, Note::Unblock(..) | Note::Own(..)));
        self.notifies = brings_work && std::mem::take(&mut memory.set.db_mut(memory.db).armed);
        self.notifies
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn at_transaction_end(event: pg_sys::XactEvent::Type, _argument: *mut c_void) {
    if LOG.with_borrow(Log::is_empty) {
        return;
    }
    let now = clock::now().0;
    match event {
        pg_sys::XactEvent::XACT_EVENT_PRE_COMMIT => {
            let wanted =
                memory::with(|memory| LOG.with_borrow_mut(|log| log.wants_notification(memory, now)));
            if wrote_only_claims() {
                durable::relax_commit();
            }
            if matches!(wanted, Ok(true)) {
                // SAFETY: before the server collects the notifications of this transaction; static strings.
                unsafe { Async_Notify(c"crier_jobs".as_ptr(), c"".as_ptr()) };
            }
        }
        pg_sys::XactEvent::XACT_EVENT_COMMIT => end(|log, memory| log.publish(memory, now)),
        pg_sys::XactEvent::XACT_EVENT_ABORT => end(|log, memory| {
            log.undo(memory, 0, now);
            memory.set.db_mut(memory.db).armed |= log.notifies;
        }),
        pg_sys::XactEvent::XACT_EVENT_PRE_PREPARE => {
            ErrorReport::from(CrierError::Prepared).report(PgLogLevel::ERROR);
        }
        _ => {}
    }
}

fn end(what: impl FnOnce(&mut Log, &mut Memory<'_>)) {
    let mut log = LOG.take();
    // Without memory nothing can have been noted.
    let _ = memory::with(|memory| {
        log.stop(memory);
        what(&mut log, memory);
    });
}

#[pg_guard]
unsafe extern "C-unwind" fn at_subtransaction_end(
    event: pg_sys::SubXactEvent::Type,
    subtransaction: pg_sys::SubTransactionId,
    _parent: pg_sys::SubTransactionId,
    _argument: *mut c_void,
) {
    if event != pg_sys::SubXactEvent::SUBXACT_EVENT_ABORT_SUB || LOG.with_borrow(Log::is_empty) {
        return;
    }
    let now = clock::now().0;
    let _ = memory::with(|memory| {
        LOG.with_borrow_mut(|log| {
            log.stop(memory);
            log.undo(memory, subtransaction, now);
        });
    });
}
