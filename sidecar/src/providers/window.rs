//! From when on a post can be there that is looked for.
//!
//! A platform tells by its own clock when a post was made. Ours may be wrong, and the post may have been written down by another
//! sidecar with another clock. So the database says how long ago that was, and the answer what time it is there.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::client::{Answer, CallError};

/// How far the clocks of one platform may be apart: that of who answers, and that of who makes posts.
const THEIRS: Duration = Duration::from_secs(15);
/// How far its clock and ours may be apart where an answer tells no time.
const OURS: Duration = Duration::from_secs(60);

/// The time in which what was sent appeared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// When it was written down, by the clock of the sidecar that did.
    written: SystemTime,
    /// The same by a clock that only counts, where the database told.
    drafted: Option<Instant>,
}

impl Window {
    pub(super) fn new(written: SystemTime, drafted: Option<Instant>) -> Self {
        Self { written, drafted }
    }

    /// Its begin by our clock. Of what two clocks say, the earlier: a post that is hidden is sent twice.
    pub(super) fn guess(&self) -> SystemTime {
        let counted = self.drafted.and_then(|drafted| SystemTime::now().checked_sub(drafted.elapsed()));
        let begin = counted.map_or(self.written, |counted| counted.min(self.written));
        begin.checked_sub(OURS).unwrap_or(UNIX_EPOCH)
    }

    /// Its begin by the clock of who answered just now, if that and the database tell enough.
    pub(super) fn told(&self, answered_at: Option<SystemTime>) -> Option<SystemTime> {
        answered_at?.checked_sub(self.drafted?.elapsed() + THEIRS)
    }

    /// The best of these.
    pub(super) fn begin(&self, answered_at: Option<SystemTime>) -> SystemTime {
        self.told(answered_at).unwrap_or_else(|| self.guess())
    }
}

/// What time it was at the server when it answered.
pub(super) fn answered_at(answer: &Result<Answer, CallError>) -> Option<SystemTime> {
    let date = answer.as_ref().ok()?.header(&reqwest::header::DATE)?;
    httpdate::parse_http_date(date).ok()
}

#[cfg(test)]
mod tests;
