//! How often webhooks were refused. Whoever has no secret can make as many as they like: so the log hears of them now and then.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How often the log hears of an endpoint.
const QUIET: Duration = Duration::from_secs(10);

/// Counts, by endpoint: there are as many as are configured.
#[derive(Default)]
pub(super) struct Refusals(Mutex<HashMap<String, Count>>);

struct Count {
    refused: u64,
    told: Option<Instant>,
}

impl Refusals {
    /// One more; how many there were since the start, where it is time to tell.
    pub(super) fn count(&self, source: &str) -> Option<u64> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(source.to_owned()).or_insert(Count { refused: 0, told: None });
        count.refused += 1;
        let now = Instant::now();
        if count.told.is_some_and(|told| now.duration_since(told) < QUIET) {
            return None;
        }
        count.told = Some(now);
        Some(count.refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_log_hears_of_it_now_and_then() {
        let refusals = Refusals::default();
        let told: Vec<_> = (0..1_000).filter_map(|_| refusals.count("x")).collect();
        assert_eq!(told, [1]);
        assert_eq!(refusals.count("slack/a"), Some(1));
        tokio::time::advance(QUIET).await;
        assert_eq!(refusals.count("x"), Some(1_001));
    }
}
