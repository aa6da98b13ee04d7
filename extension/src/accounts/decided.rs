//! An account about which somebody decides, locked.

use crier_core::rights::Role;
use pgrx::Uuid;

use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::plans::{Statement, statement};

const FIND: Statement = statement!(up "accounts/find");
const LOCK: Statement = statement!(up "accounts/lock_to_decide");

pub(super) struct Decided {
    pub(super) workspace: Uuid,
    pub(super) status: String,
    pub(super) platform: String,
    pub(super) handle: String,
}

impl Decided {
    /// Locks it, for a caller who has at least this role in its workspace.
    pub(super) fn lock(id: Uuid, least: Role) -> Result<Self> {
        let (_, workspace) = Caller::find("account", id, FIND, least)?;
        let found = LOCK.write(&[workspace.into(), id.into()], |row| {
            Ok(Self { workspace, status: row.need(1)?, platform: row.need(2)?, handle: row.need(3)? })
        })?;
        found.into_iter().next().ok_or(CrierError::NotFound { what: "account", id })
    }
}
