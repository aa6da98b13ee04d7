//! The right to refresh an account, and until when something may be sent under it: its answer has to come before somebody else may
//! have the right.

use std::time::Duration;

use tokio::time::Instant;

use crate::client::CALL;

/// How long the right lasts: what is read before the call, a call, and another one where its answer was lost.
pub(super) const LEASE: Duration = Duration::from_secs(150);
/// A provider makes up to three calls for a refresh: it looks for the server of a login, and is told to prove anew who it is.
const LONGEST: Duration = Duration::from_secs(3 * CALL.as_secs());
/// For what a busy machine does in between.
const MARGIN: Duration = Duration::from_secs(10);

/// The right to refresh an account once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lease {
    /// What the database knows it by.
    pub(super) token: i64,
    asked: Instant,
}

impl Lease {
    /// The one that was asked for at this time: the database began to count later.
    pub(super) fn new(token: i64, asked: Instant) -> Self {
        Self { token, asked }
    }

    /// Whether what is sent now is answered, or given up, while the right lasts.
    pub(super) fn has_time(&self) -> bool {
        self.asked.elapsed() + LONGEST + MARGIN <= LEASE
    }
}
