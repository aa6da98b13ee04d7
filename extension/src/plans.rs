//! The statements the extension runs: each planned once per session and kept.

mod snapshot;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;
use pgrx::spi::{OwnedPreparedStatement, SpiHeapTupleData, SpiTupleTable};
use pgrx::{PgOid, pg_sys};

use crate::error::{CrierError, Result};

/// One statement of `sql/queries/`, named by its path there.
#[derive(Clone, Copy)]
pub(crate) struct Statement {
    name: &'static str,
    sql: &'static str,
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
    /// By name and by whether the plan may write: a plan is one or the other.
    static PLANS: RefCell<HashMap<(&'static str, bool), Rc<OwnedPreparedStatement>>> = RefCell::default();
    static MIGRATED: Cell<bool> = const { Cell::new(false) };
}

const IS_MIGRATED: Statement = statement!("installation/is_migrated");

impl Statement {
    pub(crate) const fn new(name: &'static str, sql: &'static str) -> Self {
        Self { name, sql }
    }

    /// Runs it and reads all its rows. Writes nothing and assigns no transaction id, so that it works on a
    /// standby.
    pub(crate) fn read<T>(
        self,
        args: &[DatumWithOid<'_>],
        row: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        require_tables()?;
        Spi::connect(|client| {
            let plan =
                self.plan(false, args, |types| client.prepare(self.sql, types).map(|plan| plan.keep()))?;
            collect(client.select(&*plan, None, args)?, row)
        })
    }

    /// Runs it and reads all its rows as they are now, whatever the transaction has seen so far, its own changes
    /// included.
    pub(crate) fn newest<T>(
        self,
        args: &[DatumWithOid<'_>],
        row: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        require_tables()?;
        snapshot::read(self.name, self.sql, args, false, row)
    }

    /// Runs it and reads all its rows as others see them now: without what this transaction has not committed.
    pub(crate) fn committed<T>(
        self,
        args: &[DatumWithOid<'_>],
        row: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        require_tables()?;
        snapshot::read(self.name, self.sql, args, true, row)
    }

    /// Runs it and reads all its rows. May write.
    pub(crate) fn write<T>(
        self,
        args: &[DatumWithOid<'_>],
        row: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        require_tables()?;
        Spi::connect_mut(|client| {
            let plan =
                self.plan(true, args, |types| client.prepare_mut(self.sql, types).map(|plan| plan.keep()))?;
            collect(client.update(&*plan, None, args)?, row)
        })
    }

    /// Runs it for its effect.
    pub(crate) fn run(self, args: &[DatumWithOid<'_>]) -> Result<()> {
        self.write(args, |_| Ok(())).map(drop)
    }

    fn plan(
        self,
        writes: bool,
        args: &[DatumWithOid<'_>],
        prepare: impl FnOnce(&[PgOid]) -> pgrx::spi::SpiResult<OwnedPreparedStatement>,
    ) -> Result<Rc<OwnedPreparedStatement>> {
        let key = (self.name, writes);
        if let Some(plan) = PLANS.with_borrow(|plans| plans.get(&key).cloned()) {
            return Ok(plan);
        }
        let types: Vec<PgOid> = args.iter().map(|arg| PgOid::from(arg.oid())).collect();
        let plan = Rc::new(prepare(&types)?);
        PLANS.with_borrow_mut(|plans| plans.insert(key, Rc::clone(&plan)));
        Ok(plan)
    }
}

/// One row of an answer.
pub(crate) struct Row<'a>(SpiHeapTupleData<'a>);

impl Row<'_> {
    /// Column `n` (the first is 1), which may be null.
    pub(crate) fn get<T: IntoDatum + FromDatum>(&self, n: usize) -> Result<Option<T>> {
        Ok(self.0.get(n)?)
    }

    /// Column `n` (the first is 1), which our statement never leaves null.
    pub(crate) fn need<T: IntoDatum + FromDatum>(&self, n: usize) -> Result<T> {
        self.get(n)?.ok_or_else(|| CrierError::Internal(format!("column {n} of an answer is null")))
    }
}

fn collect<T>(table: SpiTupleTable<'_>, row: impl Fn(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
    table.map(|tuple| row(&Row(tuple))).collect()
}

/// Says what to do where `crier.migrate()` was not run yet, instead of naming a relation that is not there.
fn require_tables() -> Result<()> {
    if MIGRATED.get() {
        return Ok(());
    }
    let there =
        Spi::connect(|client| client.select(IS_MIGRATED.sql, Some(1), &[])?.first().get_one::<bool>())?;
    // Not kept while it may still be rolled back together with the tables.
    // SAFETY: reads the state of this session's transaction.
    let settled = unsafe { pg_sys::GetTopTransactionIdIfAny() } == pg_sys::InvalidTransactionId;
    MIGRATED.set(there == Some(true) && settled);
    if there == Some(true) { Ok(()) } else { Err(CrierError::NotMigrated) }
}
