//! What must survive a crash of the server the moment it is committed.

use crate::error::Result;
use crate::plans::{Statement, statement};

const REQUIRE: Statement = statement!("installation/require_durable_commit");

/// Has this transaction wait for the disk, even where the session does not (`synchronous_commit = off`): an
/// intent that a crash forgets would be recorded, and sent, a second time.
pub(crate) fn require_commit() -> Result<()> {
    REQUIRE.run(&[])
}
