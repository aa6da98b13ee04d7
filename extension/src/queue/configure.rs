//! Pauses and limits, from the tables into memory.

use crier_working_set::Scope;

use crate::error::{CrierError, Result};
use crate::limits::rules;
use crate::memory::{self, me};
use crate::plans::{Statement, statement};
use crate::queue::held::{id_of, nap};
use crate::transaction;

const PAUSES: Statement = statement!(up "queue/pauses");

/// Reads the configuration if it was changed since it was read last.
pub(crate) fn current() -> Result<()> {
    loop {
        let current = memory::with(|memory| {
            let db = memory.set.db(memory.db);
            db.config_applied == db.config_wanted
        })?;
        if current {
            return Ok(());
        }
        if !read()? {
            nap();
        }
    }
}

/// Reads the configuration again, even where it seems to be current.
pub(crate) fn anew() -> Result<()> {
    memory::with(|memory| memory.set.db_mut(memory.db).config_wanted += 1)?;
    current()
}

/// Reads the configuration. False: another session does. One at a time: what was read earlier must not be applied later.
fn read() -> Result<bool> {
    transaction::register()?;
    let wanted = memory::with(|memory| {
        let db = memory.set.db_mut(memory.db);
        if db.config_reader != 0 {
            return None;
        }
        db.config_reader = me();
        transaction::set_configuring(true);
        // what is committed from now on has it read once more
        Some(db.config_wanted)
    })?;
    let Some(wanted) = wanted else { return Ok(false) };
    rules::read()?;
    pauses()?;
    memory::with(|memory| {
        let db = memory.set.db_mut(memory.db);
        (db.config_reader, db.config_applied) = (0, wanted);
    })?;
    transaction::set_configuring(false);
    Ok(true)
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
