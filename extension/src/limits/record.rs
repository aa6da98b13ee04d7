//! `crier.record_action`: what an account did without a job of the queue.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::clock;
use crate::durable;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::limits::usage::{self, Use};
use crate::limits::{Account, known_action, no_room};
use crate::memory;
use crate::queue::{configure, load};
use crate::transaction;

const MAX_COUNT: i32 = 10_000;

/// Counts that an account did something, beside what its jobs do. False: it is over a limit, or blocked. Then it counts
/// all the same, unless `p_within_limits` says that it is done only if it may be. Only what trusted callers record counts in the
/// limits that all accounts of a platform share.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn record_action(
    p_account_id: Option<Uuid>,
    p_action: Option<&str>,
    p_count: default!(Option<i32>, "1"),
    p_within_limits: default!(Option<bool>, "false"),
) -> Result<bool, ErrorReport> {
    let account = input::required(p_account_id, "p_account_id")?;
    let action = known_action(input::text(p_action, "p_action", 64)?)?;
    let count = input::required(p_count, "p_count")?;
    if !(1..=MAX_COUNT).contains(&count) {
        let hint = "Give a number from 1 to 10000.";
        return Err(CrierError::invalid("p_count", format!("is {count}"), hint).into());
    }
    let within = input::required(p_within_limits, "p_within_limits")?;
    let caller = Caller::current()?;
    let account = Account::find(account, caller)?;
    caller.require(account.workspace, const { rights::least("record_action") })?;
    transaction::register()?;
    load::warm()?;
    configure::current()?;
    let now = clock::now().0;
    let many = count.unsigned_abs();
    // what a tenant says of its own accounts must not use up what all share
    let shared = matches!(caller, Caller::Trusted);
    let (fits, counted) = memory::with(|memory| {
        let what = (account.number(), account.platform.as_str(), action.as_str());
        let fits = memory.set.record(memory.db, what, many, (shared, within), now)?;
        if fits || !within {
            transaction::note_use(account.number(), &account.platform, &action, now, many, shared);
        }
        Ok((fits, fits || !within))
    })?
    .map_err(no_room)?;
    if counted {
        usage::record(&[Use::new(account.id, &action, now, count)])?;
        durable::require_commit()?;
    }
    Ok(fits)
}
