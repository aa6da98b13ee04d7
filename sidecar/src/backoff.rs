//! Waits between tries: doubled, capped, and jittered so that a fleet does not come back as one.

use std::time::Duration;

/// A growing wait. Each call of [`Backoff::next`] doubles it up to the cap.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    cap: Duration,
    failures: u32,
}

impl Backoff {
    /// Starts at `first` and never exceeds `cap`.
    pub(crate) const fn new(first: Duration, cap: Duration) -> Self {
        Self { first, cap, failures: 0 }
    }

    /// For the database: soon at first, at most every 15 seconds.
    pub(crate) const fn database() -> Self {
        Self::new(Duration::from_millis(200), Duration::from_secs(15))
    }

    /// The wait before the next try: between half of the step and the whole step.
    pub(crate) fn next(&mut self) -> Duration {
        let step = self.first.saturating_mul(2_u32.saturating_pow(self.failures.min(31))).min(self.cap);
        self.failures = self.failures.saturating_add(1);
        step / 2 + (step / 2).mul_f64(unit())
    }

    /// It worked: the next failure starts from the beginning.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures since the last success.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }
}

/// A random number in [0, 1). Without entropy it is the middle: jitter is a courtesy, not a promise.
fn unit() -> f64 {
    getrandom::u32().map_or(0.5, |random| f64::from(random) / (f64::from(u32::MAX) + 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_wait_is_within_its_step(first in 1_u64..5_000, cap in 1_u64..60_000, tries in 1_u32..80) {
            let (first, cap) = (Duration::from_millis(first), Duration::from_millis(cap));
            let mut backoff = Backoff::new(first, cap);
            for failed in 0..tries {
                let step = first.saturating_mul(2_u32.saturating_pow(failed.min(31))).min(cap);
                let wait = backoff.next();
                prop_assert!(wait >= step / 2 && wait <= step, "{wait:?} of {step:?}");
            }
            backoff.reset();
            prop_assert!(backoff.next() <= first);
        }
    }
}
