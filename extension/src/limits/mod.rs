//! Limits: how often, how many at once and whether at all. What is limited is in the tables `platform_policy`,
//! `platform_limit`, `account_limit`, `platform_price` and `job_kind`; what was used is in memory, where claims take from it.

pub(crate) mod block;
mod breaker;
mod check;
mod custom;
mod record;
mod request;
pub(crate) mod rules;
pub(crate) mod spend;
pub(crate) mod usage;

use crier_working_set::Full;
use pgrx::Uuid;

use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::plans::{Statement, statement};
use crate::queue::held::id_of;

const ACCOUNT: Statement = statement!(up "limits/account");
const KNOWN_ACTION: Statement = statement!(up "limits/known_action");

/// An account whose limits somebody asks for.
struct Account {
    id: Uuid,
    workspace: Uuid,
    platform: String,
    host: String,
}

impl Account {
    /// The account with this id, if the caller may see it.
    fn find(id: Uuid, caller: Caller) -> Result<Self> {
        let found = ACCOUNT.read(&[id.into(), caller.readable()?.into()], |row| {
            Ok(Self { id, workspace: row.need(1)?, platform: row.need(2)?, host: row.need(3)? })
        })?;
        found.into_iter().next().ok_or(CrierError::NotFound { what: "account", id })
    }

    /// As the working set names it.
    fn number(&self) -> u128 {
        id_of(self.id)
    }
}

/// An action that some rule knows: names of others would only fill the memory.
fn known_action(action: String) -> Result<String> {
    const HINT: &str =
        "Use an action of crier.platform_limit or crier.job_kind, or spend where a platform has prices.";
    let known = KNOWN_ACTION.read(&[action.as_str().into()], |row| row.need::<bool>(1))?;
    if known.first() == Some(&true) {
        return Ok(action);
    }
    Err(CrierError::invalid(format!("p_action {action:?}"), "is nothing that is limited", HINT))
}

/// What it means that the working set has no room for one more limit.
pub(crate) fn no_room(_: Full) -> CrierError {
    CrierError::LimitsFull
}
