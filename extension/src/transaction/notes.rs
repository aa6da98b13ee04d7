//! What a transaction says that holds for everybody once it has ended: blocks, limits, outcomes, uses.

use crier_working_set::{Gated, Ix, Own};
use pgrx::prelude::*;

use super::{LOG, Log, register};
use crate::error::Result;
use crate::limits::rules;
use crate::memory::Memory;

/// What counts in the limits at once, and does not if the transaction is undone.
pub(super) struct Used {
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
pub(super) enum Note {
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

impl Log {
    fn note(&mut self, note: Note) {
        // SAFETY: inside a transaction.
        self.notes.push((unsafe { pg_sys::GetCurrentSubTransactionId() }, note));
    }

    /// Takes back what was noted in a subtransaction and in those inside it; 0: everything.
    pub(super) fn forget_notes(
        &mut self,
        memory: &mut Memory<'_>,
        subtransaction: pg_sys::SubTransactionId,
        now: i64,
    ) {
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
    pub(super) fn follow_notes(&mut self, memory: &mut Memory<'_>, now: i64) -> usize {
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

    /// Whether somebody who waits may have something to do once what was noted holds.
    pub(super) fn notes_bring_work(&self) -> bool {
        self.notes.iter().any(|(_, note)| matches!(note, Note::Unblock(..) | Note::Own(..)))
    }
}
