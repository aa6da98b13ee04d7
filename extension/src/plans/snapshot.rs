//! Statements that read with a snapshot of their own. pgrx lets SPI choose one, which in a transaction of REPEATABLE READ
//! is old; what goes into the working set must be as new as the working set itself.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{CString, c_char};

use pgrx::datum::DatumWithOid;
use pgrx::pg_sys;
use pgrx::prelude::*;
use pgrx::spi::SpiHeapTupleData;

use super::Row;
use crate::error::{CrierError, Result};

thread_local! {
    /// The plans, by the name of their statement: addresses of what the server keeps for the session.
    static PLANS: RefCell<HashMap<&'static str, usize>> = RefCell::default();
}

/// Runs a statement that only reads, and reads all its rows. `only_committed`: not what this transaction has done.
pub(super) fn read<T>(
    name: &'static str,
    sql: &'static str,
    args: &[DatumWithOid<'_>],
    only_committed: bool,
    row: impl Fn(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    Spi::connect(|_| {
        let plan = plan(name, sql, args)?;
        let mut values: Vec<pg_sys::Datum> = args
            .iter()
            .map(|arg| arg.datum().map_or(pg_sys::Datum::null(), |datum| datum.sans_lifetime()))
            .collect();
        let nulls: Vec<c_char> =
            args.iter().map(|arg| if arg.datum().is_some() { b' ' } else { b'n' } as c_char).collect();
        // SAFETY: inside a connection to SPI; plan and arguments belong together; the snapshot is taken back below, or by
        // the abort that an error brings.
        let code = unsafe {
            pg_sys::PushActiveSnapshot(pg_sys::GetLatestSnapshot());
            if only_committed {
                // what the transaction itself has written is younger than its first command
                (*pg_sys::GetActiveSnapshot()).curcid = 0;
            }
            pg_sys::SPI_tuptable = std::ptr::null_mut();
            let code = pg_sys::SPI_execute_plan(plan, values.as_mut_ptr(), nulls.as_ptr(), true, 0);
            pg_sys::PopActiveSnapshot();
            code
        };
        if code != pg_sys::SPI_OK_SELECT as i32 {
            return Err(CrierError::Internal(format!("{name} ended with {code}")));
        }
        rows(row)
    })
}

fn plan(name: &'static str, sql: &'static str, args: &[DatumWithOid<'_>]) -> Result<pg_sys::SPIPlanPtr> {
    if let Some(plan) = PLANS.with_borrow(|plans| plans.get(name).copied()) {
        return Ok(plan as pg_sys::SPIPlanPtr);
    }
    let text = CString::new(sql).map_err(|error| CrierError::Internal(error.to_string()))?;
    let mut types: Vec<pg_sys::Oid> = args.iter().map(|arg| arg.oid()).collect();
    // SAFETY: inside a connection to SPI; text and types live for the call.
    let plan = unsafe {
        let plan = pg_sys::SPI_prepare(text.as_ptr(), types.len() as i32, types.as_mut_ptr());
        if plan.is_null() || pg_sys::SPI_keepplan(plan) != 0 {
            return Err(CrierError::Internal(format!("{name} can't be prepared")));
        }
        plan
    };
    PLANS.with_borrow_mut(|plans| plans.insert(name, plan as usize));
    Ok(plan)
}

fn rows<T>(row: impl Fn(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
    // SAFETY: the answer of the statement that has just been run; it lives until the connection to SPI ends.
    unsafe {
        let Some(table) = pg_sys::SPI_tuptable.as_ref() else { return Ok(vec![]) };
        let tuples = std::slice::from_raw_parts(table.vals, pg_sys::SPI_processed as usize);
        let read = |tuple: &pg_sys::HeapTuple| {
            let data = SpiHeapTupleData::new(table.tupdesc, *tuple)?;
            row(&Row(data.ok_or_else(|| CrierError::Internal("a row without columns".into()))?))
        };
        tuples.iter().map(read).collect()
    }
}
