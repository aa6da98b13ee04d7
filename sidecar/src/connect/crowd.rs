//! How much is under way at a time: whoever floods the addresses of logins, or names servers that never answer, must not take
//! what the work needs, nor keep other people waiting without end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::timeout;
use tracing::warn;

use super::Reason;

/// Of the eight connections to the database.
const LOOKED_UP: usize = 2;
/// How long a secret waits to be looked up.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many logins begin at a time, and how many answers are taken: those who are coming back don't wait for those who begin.
const AT_A_TIME: usize = 32;

/// The places.
#[derive(Debug, Clone)]
pub(super) struct Crowd {
    turns: Arc<Semaphore>,
    begins: Arc<Semaphore>,
    ends: Arc<Semaphore>,
}

impl Default for Crowd {
    fn default() -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        Self { turns: places(LOOKED_UP), begins: places(AT_A_TIME), ends: places(AT_A_TIME) }
    }
}

impl Crowd {
    /// A turn at the database.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'_>, Reason> {
        let turn = timeout(PATIENCE, self.turns.acquire()).await;
        turn.ok().and_then(Result::ok).ok_or_else(|| crowded("looked up"))
    }

    /// A place for a login that begins.
    pub(super) fn begin(&self) -> Result<OwnedSemaphorePermit, Reason> {
        Arc::clone(&self.begins).try_acquire_owned().map_err(|_| crowded("begun"))
    }

    /// A place for a step of one that has begun.
    pub(super) fn go_on(&self) -> Result<OwnedSemaphorePermit, Reason> {
        Arc::clone(&self.ends).try_acquire_owned().map_err(|_| crowded("ended"))
    }
}

fn crowded(what: &str) -> Reason {
    warn!("too many logins are being {what} at this moment");
    Reason::Database
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn places_are_bounded_and_nobody_waits_for_ever() {
        let crowd = Crowd::default();
        let begun: Vec<_> = (0..AT_A_TIME).map(|_| crowd.begin().unwrap()).collect();
        assert_eq!(crowd.begin().err(), Some(Reason::Database));
        assert!(crowd.go_on().is_ok(), "who comes back does not wait for who begins");
        drop(begun);
        assert!(crowd.begin().is_ok());
        let turns = (crowd.turn().await.unwrap(), crowd.turn().await.unwrap());
        assert_eq!(crowd.turn().await.err(), Some(Reason::Database));
        drop(turns);
        assert!(crowd.turn().await.is_ok());
    }
}
