//! A part of the transaction that may fail by itself.

use std::panic::AssertUnwindSafe;

use pgrx::PgTryBuilder;
use pgrx::pg_sys;
use pgrx::pg_sys::errcodes::PgSqlErrorCode;
use pgrx::pg_sys::panic::CaughtError;

use crate::error::{CrierError, Result};

/// Why a part was undone.
pub(crate) enum Undone {
    /// What the library refused.
    Refused(CrierError),
    /// What the server refused about a value: the class of its SQLSTATE is one that the same call would have again.
    Server(String),
}

/// Does something of which everything is undone where it fails. What the server says is not the fault of a value (an interrupt,
/// a lock, a full disk) goes on to the caller of the function.
pub(crate) fn attempt<T>(work: impl FnOnce() -> Result<T>) -> Result<T, Undone> {
    // SAFETY: inside a transaction; every way out of the block below ends the subtransaction.
    let (memory, owner) = unsafe {
        let before = (pg_sys::CurrentMemoryContext, pg_sys::CurrentResourceOwner);
        pg_sys::BeginInternalSubTransaction(std::ptr::null());
        pg_sys::MemoryContextSwitchTo(before.0);
        before
    };
    let end = |keep: bool| {
        // SAFETY: the subtransaction that was begun above is the innermost one: whatever was begun in it has ended.
        unsafe {
            if keep {
                pg_sys::ReleaseCurrentSubTransaction();
            } else {
                pg_sys::RollbackAndReleaseCurrentSubTransaction();
            }
            pg_sys::MemoryContextSwitchTo(memory);
            pg_sys::CurrentResourceOwner = owner;
        }
    };
    let end = AssertUnwindSafe(end);
    PgTryBuilder::new(AssertUnwindSafe(|| {
        let done = work();
        end(done.is_ok());
        done.map_err(Undone::Refused)
    }))
    .catch_others(|caught| {
        end(false);
        match caught {
            CaughtError::PostgresError(report) if is_about_values(report.sql_error_code()) => {
                Err(Undone::Server(report.message().to_owned()))
            }
            other => other.rethrow(),
        }
    })
    .execute()
}

/// Data that can't be (22), a constraint (23), a limit of the server (54).
fn is_about_values(code: PgSqlErrorCode) -> bool {
    const CLASS: i32 = 0xFFF;
    [
        PgSqlErrorCode::ERRCODE_DATA_EXCEPTION,
        PgSqlErrorCode::ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION,
        PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
    ]
    .iter()
    .any(|class| *class as i32 & CLASS == code as i32 & CLASS)
}
