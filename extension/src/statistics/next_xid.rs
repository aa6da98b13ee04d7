//! `crier.next_transaction_id`: for the sums, which have to know who may still write.

use pgrx::pg_sys;
use pgrx::prelude::*;

/// The next transaction id that the server gives out: all that were given out so far are below it.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn next_transaction_id() -> i64 {
    // SAFETY: reads a counter in shared memory.
    let next = unsafe { pg_sys::ReadNextFullTransactionId() };
    i64::try_from(next.value).unwrap_or(i64::MAX)
}
