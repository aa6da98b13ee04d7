//! How a statement is run. pgrx lets the server choose the snapshot, which in a transaction of REPEATABLE READ is old;
//! what goes into the working set must be as new as the working set itself. And it looks every column up on its own.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{CString, c_char};
use std::ptr::NonNull;

use pgrx::datum::DatumWithOid;
use pgrx::pg_sys;
use pgrx::prelude::*;

use super::{Planned, Row, Statement};
use crate::error::{CrierError, Result};

/// What a statement sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sees {
    /// What the statement that called us sees, and what the transaction has written since.
    Statement,
    /// What is committed now, and what the transaction has written.
    Newest,
    /// What is committed now.
    Committed,
    /// As any statement of the transaction; it may write.
    Writes,
}

thread_local! {
    /// The plans, by the name of their statement: addresses of what the server keeps for the session.
    static PLANS: RefCell<HashMap<&'static str, usize>> = RefCell::default();
}

impl Statement {
    /// Runs it and reads all its rows.
    pub(super) fn run<T>(
        self,
        sees: Sees,
        args: &[DatumWithOid<'_>],
        row: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        // SAFETY: the caller's memory, which outlives the connection to SPI.
        let context = NonNull::new(unsafe { pg_sys::CurrentMemoryContext });
        let context = context.ok_or_else(|| CrierError::Internal("no memory context".into()))?;
        Spi::connect(|_| {
            let plan = self.plan(args)?;
            let _indexes = match self.planned {
                Planned::EachTime => None,
                Planned::AsTheServerChooses | Planned::Once => Some(Indexes::only()),
            };
            let code = execute(plan, sees, args);
            if code < 0 {
                return Err(CrierError::Internal(format!("{} ended with {code}", self.name)));
            }
            rows(context, row)
        })
    }

    fn plan(self, args: &[DatumWithOid<'_>]) -> Result<pg_sys::SPIPlanPtr> {
        if let Some(plan) = PLANS.with_borrow(|plans| plans.get(self.name).copied()) {
            return Ok(plan as pg_sys::SPIPlanPtr);
        }
        let text = CString::new(self.sql).map_err(|error| CrierError::Internal(error.to_string()))?;
        let mut types: Vec<pg_sys::Oid> = args.iter().map(DatumWithOid::oid).collect();
        let options = match self.planned {
            Planned::AsTheServerChooses => 0,
            Planned::Once => pg_sys::CURSOR_OPT_GENERIC_PLAN,
            Planned::EachTime => pg_sys::CURSOR_OPT_CUSTOM_PLAN,
        };
        // SAFETY: inside a connection to SPI; text and types live for the call.
        let plan = unsafe {
            let (types, count) = (types.as_mut_ptr(), types.len() as i32);
            let plan = pg_sys::SPI_prepare_cursor(text.as_ptr(), count, types, options as i32);
            if plan.is_null() || pg_sys::SPI_keepplan(plan) != 0 {
                return Err(CrierError::Internal(format!("{} can't be prepared", self.name)));
            }
            plan
        };
        PLANS.with_borrow_mut(|plans| plans.insert(self.name, plan as usize));
        Ok(plan)
    }
}

/// While it lives, plans are made without sequential scans where there is an index. A plan is kept for long: one that was
/// made when a table was empty would read all of it once it is full, until somebody analyzes it. A scan that can't be helped
/// looks so dear then that the server would compile the plan: it must not.
struct Indexes {
    seqscan: bool,
    jit: bool,
}

impl Indexes {
    fn only() -> Self {
        // SAFETY: a setting of this process, which runs one thread.
        unsafe {
            let before = Self { seqscan: pg_sys::enable_seqscan, jit: pg_sys::jit_enabled };
            pg_sys::enable_seqscan = false;
            pg_sys::jit_enabled = false;
            before
        }
    }
}

impl Drop for Indexes {
    fn drop(&mut self) {
        // SAFETY: as above; an error of the server unwinds to here too.
        unsafe {
            pg_sys::enable_seqscan = self.seqscan;
            pg_sys::jit_enabled = self.jit;
        }
    }
}

/// Locks the tables of a plan as running it would. A snapshot that is taken after that can't be older than a change of
/// the partitions: with one that is, a job that was moved while this session waited for the lock would be neither where
/// it was nor, for this snapshot, where it is.
///
/// # Safety
/// Inside a connection to SPI; the plan is one that is kept.
unsafe fn lock_tables(plan: pg_sys::SPIPlanPtr) {
    let lock = |tables: *mut pg_sys::List| {
        for table in cells(tables) {
            // SAFETY: a list of oids.
            unsafe { pg_sys::LockRelationOid(table.oid_value, pg_sys::AccessShareLock as i32) };
        }
    };
    // SAFETY: a plan has a list of sources, which live as long as itself.
    unsafe {
        for source in cells(pg_sys::SPI_plan_get_plan_sources(plan)) {
            lock((*source.ptr_value.cast::<pg_sys::CachedPlanSource>()).relationOids);
        }
    }
}

/// The cells of a list of the server's, which may be none.
fn cells(list: *mut pg_sys::List) -> Vec<pg_sys::ListCell> {
    // SAFETY: null, or a list; copied, because taking a lock may have the server rebuild what depends on a table.
    match unsafe { list.as_ref() } {
        None => vec![],
        Some(list) => unsafe { std::slice::from_raw_parts(list.elements, list.length as usize) }.to_vec(),
    }
}

fn execute(plan: pg_sys::SPIPlanPtr, sees: Sees, args: &[DatumWithOid<'_>]) -> i32 {
    let mut values: Vec<pg_sys::Datum> = args
        .iter()
        .map(|arg| arg.datum().map_or(pg_sys::Datum::null(), |datum| datum.sans_lifetime()))
        .collect();
    let nulls: Vec<c_char> =
        args.iter().map(|arg| if arg.datum().is_some() { b' ' } else { b'n' } as c_char).collect();
    // SAFETY: inside a connection to SPI; plan and arguments belong together. A snapshot of our own is taken back, or
    // an error's abort does it.
    unsafe {
        pg_sys::SPI_tuptable = std::ptr::null_mut();
        match sees {
            Sees::Newest | Sees::Committed => {
                lock_tables(plan);
                pg_sys::PushActiveSnapshot(pg_sys::GetLatestSnapshot());
                if sees == Sees::Committed {
                    // what the transaction itself has written is younger than its first command
                    (*pg_sys::GetActiveSnapshot()).curcid = 0;
                }
                let code = pg_sys::SPI_execute_plan(plan, values.as_mut_ptr(), nulls.as_ptr(), true, 0);
                pg_sys::PopActiveSnapshot();
                code
            }
            Sees::Statement => {
                let untouched = pg_sys::GetTopTransactionIdIfAny() == pg_sys::InvalidTransactionId;
                pg_sys::SPI_execute_plan(plan, values.as_mut_ptr(), nulls.as_ptr(), untouched, 0)
            }
            Sees::Writes => pg_sys::SPI_execute_plan(plan, values.as_mut_ptr(), nulls.as_ptr(), false, 0),
        }
    }
}

/// Reads the rows of the statement that has just been run.
fn rows<T>(
    context: NonNull<pg_sys::MemoryContextData>,
    row: impl Fn(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    // SAFETY: the answer lives until the connection to SPI ends.
    let Some(table) = (unsafe { pg_sys::SPI_tuptable.as_ref() }) else { return Ok(vec![]) };
    // SAFETY: as above.
    let (tuples, columns) = unsafe {
        let count = pg_sys::SPI_processed as usize;
        (std::slice::from_raw_parts(table.vals, count), (*table.tupdesc).natts as usize)
    };
    let (mut values, mut nulls) = (vec![pg_sys::Datum::null(); columns], vec![false; columns]);
    let mut read = Vec::with_capacity(tuples.len());
    for tuple in tuples {
        // SAFETY: room for every column.
        unsafe { pg_sys::heap_deform_tuple(*tuple, table.tupdesc, values.as_mut_ptr(), nulls.as_mut_ptr()) };
        read.push(row(&Row { values: &values, nulls: &nulls, context })?);
    }
    Ok(read)
}
