//! `crier.record_action`: what an account did without a job of the queue.

use crier_working_set::Gated;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::clock;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::limits::usage::{self, Use};
use crate::limits::{Account, no_room};
use crate::memory;
use crate::queue::{configure, load};
use crate::transaction;

const MAX_COUNT: i32 = 10_000;

/// Counts that an account did something, beside what its jobs do. False: it is over a limit, or blocked. Then it counts
/// all the same, unless `p_within_limits` says that it is done only if it may be.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn record_action(
    p_account_id: Option<Uuid>,
    p_action: Option<&str>,
    p_count: default!(Option<i32>, "1"),
    p_within_limits: default!(Option<bool>, "false"),
) -> Result<bool, ErrorReport> {
    let account = input::required(p_account_id, "p_account_id")?;
    let action = input::text(p_action, "p_action", 64)?;
    let count = input::required(p_count, "p_count")?;
    if !(1..=MAX_COUNT).contains(&count) {
        let hint = "Give a number from 1 to 10000.";
        return Err(CrierError::invalid("p_count", format!("is {count}"), hint).into());
    }
    let within = input::required(p_within_limits, "p_within_limits")?;
    let caller = Caller::current()?;
    let account = Account::find(account, caller)?;
    caller.require_editor(account.workspace)?;
    transaction::register()?;
    load::warm()?;
    configure::current()?;
    let now = clock::now().0;
    let many = count.unsigned_abs();
    let (fits, counted) = memory::with(|memory| {
        let (set, db) = (&mut memory.set, memory.db);
        let what = Gated::Action(account.number(), &account.platform, &action);
        let shared = Gated::Shared(&account.platform, &action);
        let account_blocked = set.status(db, Gated::Account(account.number(), &account.platform), now);
        let room = |set: &mut crier_working_set::Set<'_>, what| {
            let status = set.status(db, what, now);
            let fits = status.windows.iter().all(|window| window.max.saturating_sub(window.used) >= many);
            fits && status.blocked_until <= now
        };
        let fits = account_blocked.blocked_until <= now && room(set, what) && room(set, shared);
        if !fits && within {
            return Ok((false, false));
        }
        set.record(db, what, many, false, now)?;
        set.record(db, shared, many, false, now)?;
        transaction::note_use(account.number(), &account.platform, &action, now, many);
        Ok((fits, true))
    })?
    .map_err(no_room)?;
    if counted {
        usage::record(vec![Use::new(account.id, &action, now, count)])?;
    }
    Ok(fits)
}
