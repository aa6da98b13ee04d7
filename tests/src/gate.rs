//! Answers that are held back until a test lets them go.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Holds whoever waits at it until [`Gate::release`].
#[derive(Debug)]
pub struct Gate {
    releases: watch::Sender<u64>,
    waiting: Mutex<Waiting>,
}

/// Those who came since the last release.
#[derive(Debug, Default)]
struct Waiting {
    release: u64,
    held: usize,
}

impl Default for Gate {
    fn default() -> Self {
        Self { releases: watch::Sender::new(0), waiting: Mutex::default() }
    }
}

impl Gate {
    /// Waits for the next release.
    pub async fn hold(&self) {
        let (mut releases, _held) = {
            let mut waiting = self.waiting();
            waiting.held += 1;
            // a guard: the wait also ends when the other side hangs up and this future is dropped
            (self.releases.subscribe(), Held { gate: self, release: waiting.release })
        };
        // the sender lives as long as `self`, so this can't fail
        let _ = releases.changed().await;
    }

    /// Lets go everyone who waits now. They are not counted from here on: whoever is, has come later.
    pub fn release(&self) {
        let mut waiting = self.waiting();
        *waiting = Waiting { release: waiting.release + 1, held: 0 };
        self.releases.send_replace(waiting.release);
    }

    /// How many wait now.
    pub fn held(&self) -> usize {
        self.waiting().held
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Held<'a> {
    gate: &'a Gate,
    release: u64,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut waiting = self.gate.waiting();
        if waiting.release == self.release {
            waiting.held -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::wait::wait_until;

    #[tokio::test]
    async fn who_comes_after_a_release_waits_for_the_next_one() {
        let gate = Arc::new(Gate::default());
        let hold = || {
            let gate = Arc::clone(&gate);
            tokio::spawn(async move { gate.hold().await })
        };
        let first = hold();
        wait_until("the number of those who wait", 1, async || gate.held()).await;
        gate.release();
        assert_eq!(gate.held(), 0, "expected nobody, though the first one has not gone on yet");
        let (second, dropped) = (hold(), hold());
        wait_until("the number of those who wait", 2, async || gate.held()).await;
        dropped.abort();
        wait_until("the number of those who wait", 1, async || gate.held()).await;
        first.await.expect("the first one goes on");
        assert!(!second.is_finished());
        gate.release();
        second.await.expect("the second one goes on");
    }
}
