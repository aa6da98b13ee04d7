//! Limits: how often, how many at once and whether at all. What is limited is in the tables `platform_policy`,
//! `platform_limit`, `account_limit` and `job_kind`; what was used is in memory, where claims take from it.

pub(crate) mod block;
mod breaker;
mod check;
mod custom;
mod record;
mod request;
pub(crate) mod rules;
pub(crate) mod usage;

use crier_working_set::Full;
use pgrx::Uuid;

use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::plans::{Statement, statement};
use crate::queue::held::id_of;

const ACCOUNT: Statement = statement!(up "limits/account");

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

/// What it means that the working set has no room for one more limit.
pub(crate) fn no_room(_: Full) -> CrierError {
    CrierError::LimitsFull
}
