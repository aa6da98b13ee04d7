//! `crier.set_rate_limit`: limits of single accounts.

use pgrx::Uuid;
use pgrx::datum::Interval;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::clock;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::limits::Account;
use crate::plans::{Statement, statement};
use crate::transaction;

const SET: Statement = statement!(up "limits/set_own_limit");
const DROP: Statement = statement!(up "limits/drop_own_limit");
const LOOSEST: Statement = statement!(up "limits/loosest");

const SECOND: i64 = 1_000_000;
const LONGEST: i64 = 31 * 24 * 60 * 60 * SECOND;

/// Limits an action of one account to `p_max` in a window of `p_per`, in the place of its platform's limit with the same
/// window; `p_max` null takes that back. A member of the workspace, who must be its admin or owner, may only be stricter than
/// the platform's limit.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn set_rate_limit(
    p_account_id: Option<Uuid>,
    p_action: Option<&str>,
    p_per: Option<Interval>,
    p_max: Option<i32>,
) -> Result<(), ErrorReport> {
    let account = input::required(p_account_id, "p_account_id")?;
    let action = input::text(p_action, "p_action", 64)?;
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
    caller.require_admin(account.workspace)?;
    let key = [account.workspace.into(), account.id.into(), action.as_str().into(), per.into()];
    let Some(max) = p_max else {
        DROP.run_only(&key)?;
        transaction::reconfigured()?;
        return Ok(());
    };
    if !matches!(caller, Caller::Trusted) {
        let args = [account.platform.as_str().into(), action.as_str().into(), per.into()];
        let loosest = LOOSEST.read(&args, |row| row.need::<i32>(1))?.into_iter().next();
        if let Some(loosest) = loosest.filter(|loosest| max > *loosest) {
            let problem = format!("is {max}, and the platform's limit is {loosest}");
            let hint = "Give at most that; only the operator may allow an account more.";
            return Err(CrierError::invalid("p_max", problem, hint).into());
        }
    }
    let [workspace, id, action, per] = key;
    SET.run_only(&[workspace, id, action, per, max.into(), clock::now().into()])?;
    transaction::reconfigured()?;
    Ok(())
}
