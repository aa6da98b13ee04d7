//! What must survive a crash of the server the moment it is committed.

use pgrx::pg_sys;

use crate::clock;
use crate::error::Result;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};

const REQUIRE: Statement = statement!("installation/require_durable_commit");

/// Where the last thing this session wrote ends in the log of the server.
pub(crate) fn written_up_to() -> u64 {
    // SAFETY: reads the session's state.
    unsafe { pg_sys::XactLastRecEnd }
}

/// Whether this transaction has written anything.
pub(crate) fn has_written() -> bool {
    // SAFETY: reads the state of this session's transaction.
    unsafe { pg_sys::GetTopTransactionIdIfAny() != pg_sys::InvalidTransactionId }
}

/// Now, for rows that statistics find by their time. The transaction has its id before it reads the clock: when all ids that
/// were given out before some instant have ended, nothing with a time before that instant can be committed any more.
pub(crate) fn time_on_record() -> Timestamptz {
    // SAFETY: inside a transaction that is about to write.
    unsafe { pg_sys::GetTopTransactionId() };
    clock::now()
}

/// Lets the commit that is about to happen be answered before it is on the disk. It is there a moment later, and
/// before everything that is committed after it.
pub(crate) fn relax_commit() {
    // SAFETY: static strings; the setting is put back at the end of the transaction.
    unsafe {
        pg_sys::set_config_option(
            c"synchronous_commit".as_ptr(),
            c"off".as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_LOCAL,
            true,
            0,
            false,
        );
    }
}

/// Has this transaction wait for the disk, even where the session does not (`synchronous_commit = off`): an
/// intent that a crash forgets would be recorded, and sent, a second time.
pub(crate) fn require_commit() -> Result<()> {
    REQUIRE.run_only(&[])
}
