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

/// The wait after attempt number `attempt` (the first is 1): 1, 2, 4, … minutes, at most an hour.
///
/// ```
/// # use crier_core::retry::delay;
/// let minutes: Vec<u64> = (1..=4).map(|attempt| delay(attempt).as_secs() / 60).collect();
/// assert_eq!(minutes, [1, 2, 4, 8]);
/// ```
pub fn delay(attempt: i32) -> Duration {
    let doublings = attempt.saturating_sub(1).clamp(0, 16);
    (FIRST_DELAY * 2_u32.pow(doublings.unsigned_abs())).min(MAX_DELAY)
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
    }
}
