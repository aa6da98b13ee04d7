//! When a failed job runs again.

use std::time::Duration;

/// The wait before the first retry; each further one doubles it.
pub const FIRST_DELAY: Duration = Duration::from_secs(60);
/// No retry waits longer than this.
pub const MAX_DELAY: Duration = Duration::from_secs(60 * 60);
/// Attempts of a job that states none.
pub const DEFAULT_MAX_ATTEMPTS: i32 = 3;
/// Leases that may run out without an answer before a job counts as poison.
pub const MAX_LOST_LEASES: i32 = 3;

/// Attempts beyond the maximum for a publish that may be out: they look, and send only what is proven absent.
pub const EXTRA_LOOKS: i32 = 5;

/// How the waits between retries grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The wait before the first retry; each further one doubles it.
    pub first: Duration,
    /// No retry waits longer than this.
    pub max: Duration,
}

/// What holds where nothing else is said: 1, 2, 4, … minutes, at most an hour.
pub const DEFAULT_BACKOFF: Backoff = Backoff { first: FIRST_DELAY, max: MAX_DELAY };

impl Backoff {
    /// The wait after attempt number `attempt` (the first is 1).
    pub fn delay(self, attempt: i32) -> Duration {
        let doublings = attempt.saturating_sub(1).clamp(0, 30);
        self.first.saturating_mul(2_u32.pow(doublings.unsigned_abs())).min(self.max)
    }
}

/// The wait after attempt number `attempt` (the first is 1): 1, 2, 4, … minutes, at most an hour.
///
/// ```
/// # use crier_core::retry::delay;
/// let minutes: Vec<u64> = (1..=4).map(|attempt| delay(attempt).as_secs() / 60).collect();
/// assert_eq!(minutes, [1, 2, 4, 8]);
/// ```
pub fn delay(attempt: i32) -> Duration {
    DEFAULT_BACKOFF.delay(attempt)
}

/// A wait somewhere between nothing and `delay` ("full jitter"), so that what failed together does not come back
/// together. `random` is from 0 up to 1.
pub fn jittered(delay: Duration, random: f64) -> Duration {
    if random.is_finite() { delay.mul_f64(random.clamp(0.0, 1.0)) } else { delay }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_delay_never_shrinks_and_stays_in_bounds(attempt in any::<i32>()) {
            let this = delay(attempt);
            prop_assert!(this >= FIRST_DELAY && this <= MAX_DELAY);
            prop_assert!(delay(attempt.saturating_add(1)) >= this);
        }

        #[test]
        fn jitter_only_shortens(seconds in 0..1_000_000_u64, random in any::<f64>()) {
            let delay = Duration::from_secs(seconds);
            prop_assert!(jittered(delay, random) <= delay);
        }
    }
}
