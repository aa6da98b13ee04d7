//! Waiting: for this session's latch, so that a cancel or a shutdown is obeyed.

use pgrx::pg_sys;

/// Waits so many milliseconds, or less: whoever sets the latch of this session ends it.
pub(crate) fn wait(milliseconds: i64) {
    let events = pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH;
    // SAFETY: the latch of this process.
    unsafe {
        if milliseconds > 0 {
            pg_sys::WaitLatch(pg_sys::MyLatch, events as i32, milliseconds as _, pg_sys::PG_WAIT_EXTENSION);
        }
        pg_sys::ResetLatch(pg_sys::MyLatch);
    }
}
