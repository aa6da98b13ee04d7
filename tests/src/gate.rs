//! Answers that are held back until a test lets them go.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

/// Holds whoever waits at it until [`Gate::release`].
#[derive(Debug)]
pub struct Gate {
    releases: watch::Sender<u64>,
    held: AtomicUsize,
}

impl Default for Gate {
    fn default() -> Self {
        Self { releases: watch::Sender::new(0), held: AtomicUsize::new(0) }
    }
}

impl Gate {
    /// Waits for the next release.
    pub async fn hold(&self) {
        let mut releases = self.releases.subscribe();
        // counted by a guard: the wait also ends when the other side hangs up and this future is dropped
        let _held = Held::new(&self.held);
        // the sender lives as long as `self`, so this can't fail
        let _ = releases.changed().await;
    }

    /// Lets go everyone who waits now.
    pub fn release(&self) {
        self.releases.send_modify(|count| *count += 1);
    }

    /// How many wait now.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::SeqCst)
    }
}

struct Held<'a>(&'a AtomicUsize);

impl<'a> Held<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
