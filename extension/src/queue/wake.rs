//! The hint that wakes sidecars. Polling is the guarantee.

use std::time::Duration;

use crate::error::Result;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};

const WAKE: Statement = statement!(up "queue/wake");

/// Longer than a sidecar's poll: it learns by itself, and in time, of everything that is due later.
const SOON: Duration = Duration::from_secs(15);

/// Wakes the sidecars when the transaction commits, if any of the jobs is due soon. A woken sidecar looks for
/// work and asks when the next job is due.
pub(crate) fn if_soon(mut run_at: impl Iterator<Item = Timestamptz>, now: Timestamptz) -> Result<()> {
    if run_at.any(|at| at <= now.plus(SOON)) { self::now() } else { Ok(()) }
}

/// Wakes the sidecars when the transaction commits.
pub(crate) fn now() -> Result<()> {
    WAKE.run(&[])
}
