//! `crier.set_rate_limit`: limits of single accounts.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::datum::Interval;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use crate::activity::{self, Object};
use crate::clock;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::limits::{Account, known_action, rules};
use crate::plans::{Statement, statement};
use crate::transaction::{self, Scope};

const SET: Statement = statement!(up "limits/set_own_limit");
const DROP: Statement = statement!(up "limits/drop_own_limit");
const PLATFORM: Statement = statement!(up "limits/platform_limit");
const OWN_OF: Statement = statement!(up "limits/own_limits_of");
const LOCK: Statement = statement!(up "accounts/lock_account");

/// Windows that an action of an account can have, those of its platform included.
const MAX_WINDOWS: usize = 4;

const SECOND: i64 = 1_000_000;
const LONGEST: i64 = 31 * 24 * 60 * 60 * SECOND;

/// Limits an action of one account to `p_max` in a window of `p_per`, in the place of its platform's limit with the same
/// window; `p_max` null takes that back. A member of the workspace, who must be its admin or owner, may only be stricter than
/// the platform's limit with that window, now and when that is changed.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn set_rate_limit(
    p_account_id: Option<Uuid>,
    p_action: Option<&str>,
    p_per: Option<Interval>,
    p_max: Option<i32>,
) -> Result<(), ErrorReport> {
    let account = input::required(p_account_id, "p_account_id")?;
    let action = known_action(input::text(p_action, "p_action", 64)?)?;
    let per = input::required(p_per, "p_per")?;
    match clock::micros(&per) {
        Some(SECOND..=LONGEST) => {}
        _ => {
            let hint = "Give an interval from one second to 31 days, for instance '1 hour'.";
            return Err(CrierError::invalid("p_per", "is no length that a window can have", hint).into());
        }
    }
    if let Some(max @ ..=-1) = p_max {
        let hint = "Give 0 to allow none, or null to go back to the platform's limit.";
        return Err(CrierError::invalid("p_max", format!("is {max}"), hint).into());
    }
    let caller = Caller::current()?;
    let account = Account::find(account, caller)?;
    caller.require(account.workspace, const { rights::least("set_rate_limit") })?;
    // one at a time for an account: what each says of its limits has to be true at its commit
    LOCK.write(&[account.id.into()], |_| Ok(()))?;
    let trusted = matches!(caller, Caller::Trusted);
    if let (Some(max), false) = (p_max, trusted) {
        check_platform(&account, &action, per, max)?;
    }
    let key = [account.workspace.into(), account.id.into(), action.as_str().into(), per.into()];
    let limits = rules::saying_which(|| {
        match p_max {
            None => DROP.run_only(&key)?,
            Some(max) => {
                let [workspace, id, action, per] = key;
                SET.run_only(&[workspace, id, action, per, max.into(), trusted.into(), clock::now().into()])?;
            }
        }
        OWN_OF.newest(&[account.workspace.into(), account.id.into(), action.as_str().into()], |row| {
            rules::own_limit(row, 1)
        })
    })?;
    if limits.len() > MAX_WINDOWS {
        let (found, limit) = (limits.len(), MAX_WINDOWS);
        let what = "what the account has of its own for the action";
        return Err(CrierError::TooLarge { what, found, limit, unit: "windows" }.into());
    }
    let changes =
        json!({ "action": action, "per_seconds": clock::micros(&per).map(|per| per / SECOND), "max": p_max });
    activity::note(account.workspace, "limit_set", Object::Account(account.id), changes)?;
    let number = account.number();
    let scope = Scope { platform: account.platform, host: String::new(), account: number, action };
    transaction::note_own_limits(scope, limits)?;
    Ok(())
}

/// A member may be stricter than the platform's limit with the same window, and that only.
fn check_platform(account: &Account, action: &str, per: Interval, max: i32) -> Result<()> {
    const HINT: &str = "Only the operator may allow an account more, or limit it in other windows.";
    let args = [account.platform.as_str().into(), action.into(), per.into()];
    match PLATFORM.read(&args, |row| row.need::<i32>(1))?.first() {
        None => Err(CrierError::invalid(
            "p_per",
            "is no window that the platform's limits for the action have",
            HINT,
        )),
        Some(platform) if max > *platform => {
            let problem = format!("is {max}, and the platform's limit is {platform}");
            Err(CrierError::invalid("p_max", problem, HINT))
        }
        Some(_) => Ok(()),
    }
}
