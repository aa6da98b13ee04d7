//! The statements the extension runs: each planned once per session and kept.

mod run;

use std::cell::Cell;
use std::ptr::NonNull;

use pgrx::PgMemoryContexts;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::error::{CrierError, Result};
use run::Sees;

/// One statement of `sql/queries/`, named by its path there.
#[derive(Clone, Copy)]
pub(crate) struct Statement {
    name: &'static str,
    sql: &'static str,
    planned: Planned,
}

/// When a statement is planned.
#[derive(Clone, Copy, Debug)]
enum Planned {
    /// As the server thinks best: for the values of each call, or once for all.
    AsTheServerChooses,
    /// Once: a walk along an index is the same for all values, and planning it takes longer than doing it.
    Once,
    /// For the values of each call: whether an index is worth it depends on how rare they are.
    EachTime,
}

/// The statement in the file `sql/queries/<path>.sql`.
macro_rules! statement {
    ($path:literal) => {
        $crate::plans::Statement::new($path, include_str!(concat!("../../sql/queries/", $path, ".sql")))
    };
    (up $path:literal) => {
        $crate::plans::Statement::new($path, include_str!(concat!("../../../sql/queries/", $path, ".sql")))
    };
}
pub(crate) use statement;

thread_local! {
    static MIGRATED: Cell<bool> = const { Cell::new(false) };
}

const IS_MIGRATED: Statement = statement!("installation/is_migrated");

impl Statement {
    pub(crate) const fn new(name: &'static str, sql: &'static str) -> Self {
        Self { name, sql, planned: Planned::AsTheServerChooses }
    }

    /// The same, planned once for all values.
    pub(crate) const fn planned_once(self) -> Self {
        Self { planned: Planned::Once, ..self }
    }

    /// The same, planned for the values of each call.
    pub(crate) const fn planned_each_time(self) -> Self {
        Self { planned: Planned::EachTime, ..self }
    }

    /// Runs it and reads all its rows. Writes nothing and assigns no transaction id, so that it works on a
    /// standby.
    pub(crate) fn read<T>(
        self,
        args: &[DatumWithOid<'_>],
        row: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        require_tables()?;
        self.run(Sees::Statement, args, row)
    }

    /// Runs it and reads all its rows as they are now, whatever the transaction has seen so far, its own changes
    /// included. It must only read.
    pub(crate) fn newest<T>(
        self,
        args: &[DatumWithOid<'_>],
        row: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        require_tables()?;
        self.run(Sees::Newest, args, row)
    }

    /// Runs it and reads all its rows as others see them now: without what this transaction has not committed. It
    /// must only read.
    pub(crate) fn committed<T>(
        self,
        args: &[DatumWithOid<'_>],
        row: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        require_tables()?;
        self.run(Sees::Committed, args, row)
    }

    /// Runs it and reads all its rows. May write.
    pub(crate) fn write<T>(
        self,
        args: &[DatumWithOid<'_>],
        row: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        require_tables()?;
        self.run(Sees::Writes, args, row)
    }

    /// Runs it for its effect.
    pub(crate) fn run_only(self, args: &[DatumWithOid<'_>]) -> Result<()> {
        self.write(args, |_| Ok(())).map(drop)
    }
}

/// One row of an answer.
pub(crate) struct Row<'a> {
    values: &'a [pg_sys::Datum],
    nulls: &'a [bool],
    /// Where what is kept of it is copied to.
    context: NonNull<pg_sys::MemoryContextData>,
}

impl Row<'_> {
    /// Column `n` (the first is 1), which may be null. Its type is the one the statement gives.
    pub(crate) fn get<T: FromDatum>(&self, n: usize) -> Result<Option<T>> {
        let (Some(value), Some(null)) = (self.values.get(n - 1), self.nulls.get(n - 1)) else {
            return Err(CrierError::Internal(format!("an answer has no column {n}")));
        };
        let context = PgMemoryContexts::For(self.context.as_ptr());
        // SAFETY: a value of the row that is being read; what outlives it is copied.
        Ok(unsafe { T::from_datum_in_memory_context(context, *value, *null, pg_sys::InvalidOid) })
    }

    /// Column `n` (the first is 1), which our statement never leaves null.
    pub(crate) fn need<T: FromDatum>(&self, n: usize) -> Result<T> {
        self.get(n)?.ok_or_else(|| CrierError::Internal(format!("column {n} of an answer is null")))
    }
}

/// Says what to do where `crier.migrate()` was not run yet, instead of naming a relation that is not there.
fn require_tables() -> Result<()> {
    if MIGRATED.get() {
        return Ok(());
    }
    let there = IS_MIGRATED.run(Sees::Statement, &[], |row| row.need::<bool>(1))?.first() == Some(&true);
    // Not kept while it may still be rolled back together with the tables.
    // SAFETY: reads the state of this session's transaction.
    let settled = unsafe { pg_sys::GetTopTransactionIdIfAny() } == pg_sys::InvalidTransactionId;
    MIGRATED.set(there && settled);
    if there { Ok(()) } else { Err(CrierError::NotMigrated) }
}
