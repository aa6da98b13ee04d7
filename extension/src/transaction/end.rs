//! The end of a transaction: callbacks of the server carry out or undo what it did.

use std::ffi::{c_char, c_void};

use crier_working_set::State;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use super::{FAR, LOG, Loading, Log, SOON, wrote_only_claims};
use crate::clock;
use crate::durable;
use crate::error::CrierError;
use crate::memory::{self, Memory};

unsafe extern "C-unwind" {
    fn Async_Notify(channel: *const c_char, payload: *const c_char);
}

impl Log {
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
        self.forget_notes(memory, subtransaction, now);
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
            || self.notes_bring_work();
        self.notifies = brings_work && std::mem::take(&mut memory.set.db_mut(memory.db).armed);
        self.notifies
    }
}

#[pg_guard]
pub(super) unsafe extern "C-unwind" fn at_transaction_end(
    event: pg_sys::XactEvent::Type,
    _argument: *mut c_void,
) {
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
pub(super) unsafe extern "C-unwind" fn at_subtransaction_end(
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
