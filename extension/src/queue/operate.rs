//! `crier.expire_leases` and `crier.reload_queue`: what an operator does by hand.

use crier_working_set::State;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use std::collections::HashSet;

use crate::clock;
use crate::error::Result;
use crate::input;
use crate::memory;
use crate::plans::{Statement, statement};
use crate::queue::{checkpoint, load};

const TOKENS_OF: Statement = statement!(up "queue/tokens_of");

/// Ends the leases of a worker that is known to be dead, or of all where none is named: what they held is handed out
/// again at once, as after leases that ran out. Not undone by a rollback. Answers with their number.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn expire_leases(worker: default!(Option<&str>, "NULL")) -> Result<i64, ErrorReport> {
    let tokens: Option<HashSet<i64>> = match worker {
        None => None,
        worker => {
            let worker = input::text(worker, "worker", 200)?;
            let since = checkpoint::claims_from(clock::now().0)?;
            let tokens = TOKENS_OF.read(&[since.into(), worker.into()], |row| row.need(1))?;
            Some(tokens.into_iter().collect())
        }
    };
    load::warm()?;
    let now = clock::now().0;
    let expired = memory::with(|memory| {
        let mut leased = Vec::new();
        memory.set.leased(memory.db, |ix, node| {
            let named = tokens.as_ref().is_none_or(|tokens| tokens.contains(&node.token));
            if named && node.state == State::Leased && node.lease_until > now {
                leased.push(ix);
            }
        });
        for ix in &leased {
            memory.set.expire(*ix, now);
        }
        memory.waiters.wake(memory.db, leased.len());
        leased.len()
    })?;
    Ok(expired as i64)
}

/// Forgets what is in memory and reads it from the tables again, as after a crash of the server. Answers with the
/// number of unfinished jobs that are in memory then.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn reload_queue() -> Result<i64, ErrorReport> {
    Ok(load::reload()?)
}
