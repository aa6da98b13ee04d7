//! Pauses and limits, from the tables into memory.

use crier_working_set::Scope;

use crate::error::{CrierError, Result};
use crate::limits::rules;
use crate::memory;
use crate::plans::{Statement, statement};
use crate::queue::held::{id_of, nap};
use crate::transaction;

const PAUSES: Statement = statement!(up "queue/pauses");

/// The configuration in memory is what it should be.
const CURRENT: u32 = 1;
/// Somebody reads it.
const BEING_READ: u32 = 2;

/// Reads the configuration if it was changed since it was read last.
pub(crate) fn current() -> Result<()> {
    loop {
        match memory::with(|memory| memory.set.db(memory.db).config)? {
            CURRENT => return Ok(()),
            // by another session
            BEING_READ => nap(),
            _ => read()?,
        }
    }
}

/// Reads the configuration, unless somebody else does.
pub(crate) fn read() -> Result<()> {
    let mine = memory::with(|memory| {
        let config = &mut memory.set.db_mut(memory.db).config;
        // Said before it is read: a change that is committed meanwhile has it read once more.
        let mine = *config != BEING_READ;
        *config = BEING_READ;
        transaction::set_configuring(mine);
        mine
    })?;
    if !mine {
        return Ok(());
    }
    rules::read()?;
    pauses()?;
    memory::with(|memory| {
        let config = &mut memory.set.db_mut(memory.db).config;
        if *config == BEING_READ {
            *config = CURRENT;
        }
    })?;
    transaction::set_configuring(false);
    Ok(())
}

/// What is paused, as the working set names it.
enum Paused {
    All,
    Kind(String),
    Platform(String),
    Account(u128),
    Workspace(u128),
}

impl Paused {
    fn scope(&self) -> Scope<'_> {
        match self {
            Self::All => Scope::All,
            Self::Kind(name) => Scope::Kind(name),
            Self::Platform(name) => Scope::Platform(name),
            Self::Account(id) => Scope::Account(*id),
            Self::Workspace(id) => Scope::Workspace(*id),
        }
    }
}

fn pauses() -> Result<()> {
    let paused = PAUSES.committed(&[], |row| {
        let name: String = row.need(2)?;
        let id = || {
            let uuid: uuid::Uuid =
                name.parse().map_err(|_| CrierError::Internal(format!("{name:?} is paused")))?;
            Ok::<u128, CrierError>(id_of(pgrx::Uuid::from_bytes(*uuid.as_bytes())))
        };
        Ok(match row.need::<String>(1)?.as_str() {
            "kind" => Paused::Kind(name),
            "platform" => Paused::Platform(name),
            "account" => Paused::Account(id()?),
            "workspace" => Paused::Workspace(id()?),
            _ => Paused::All,
        })
    })?;
    let fits = memory::with(|memory| {
        memory.set.resume_all(memory.db);
        paused.iter().all(|paused| memory.set.pause(memory.db, paused.scope(), true))
    })?;
    if fits { Ok(()) } else { Err(CrierError::Busy("too much is paused one by one".into())) }
}
