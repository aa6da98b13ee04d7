//! Waiting for a condition, with a deadline and with what was seen last.

use std::fmt::Debug;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// How long a test waits for what should happen at once. Long, because the machine may be busy: a test that
/// passes never waits for it.
pub const SOON: Duration = Duration::from_secs(60);

const POLL: Duration = Duration::from_millis(20);

/// Asks `probe` until it gives `Ok`, which is returned.
///
/// # Panics
/// When the deadline has passed, also while the probe hangs; the message names what was waited for and the last
/// value seen.
pub async fn wait_for<T, E: Debug>(
    what: &str,
    deadline: Duration,
    mut probe: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let until = Instant::now() + deadline;
    let mut last = None;
    loop {
        let asked = Instant::now();
        match timeout_at(until, probe()).await {
            Ok(Ok(value)) => return value,
            Ok(Err(seen)) if Instant::now() >= until => {
                panic!("waited {deadline:?} for {what}; last seen: {seen:?}")
            }
            Ok(Err(seen)) => last = Some(seen),
            Err(_) => {
                let silent = asked.elapsed();
                panic!("waited {deadline:?} for {what}; last seen: {last:?}; then no answer for {silent:?}")
            }
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Waits until `probe` gives a value that is equal to `expected`.
///
/// # Panics
/// As [`wait_for`].
pub async fn wait_until<T: Debug + PartialEq>(what: &str, expected: T, mut probe: impl AsyncFnMut() -> T) {
    wait_for(&format!("{what} to be {expected:?}"), SOON, async || {
        let seen = probe().await;
        if seen == expected { Ok(()) } else { Err(seen) }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[should_panic(expected = "waited 50ms for the moon; last seen: 3")]
    async fn the_last_value_is_told() {
        let mut count = 0;
        wait_for("the moon", Duration::from_millis(50), async || {
            count = 3.min(count + 1);
            Err::<(), _>(count)
        })
        .await;
    }

    #[tokio::test]
    #[should_panic(expected = "waited 50ms for the moon; last seen: Some(1); then no answer for ")]
    async fn a_probe_that_hangs_is_inside_the_deadline() {
        let mut count = 0;
        wait_for("the moon", Duration::from_millis(50), async || {
            count += 1;
            if count > 1 {
                std::future::pending::<()>().await;
            }
            Err::<(), _>(count)
        })
        .await;
    }
}
