//! What is read for everybody who asks: one reads, and the others wait for the same and have it for a while.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// What was read last, and when.
#[derive(Debug)]
pub(super) struct Recent<T>(Mutex<Option<(Instant, T)>>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> Recent<T> {
    /// What was read within `fresh`, or what is read now. What could not be read is read again by the next who asks.
    pub(super) async fn or_read<E>(
        &self,
        fresh: Duration,
        read: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let mut last = self.0.lock().await;
        match last.as_ref() {
            Some((at, found)) if at.elapsed() < fresh => Ok(found.clone()),
            _ => {
                let found = read().await?;
                Ok(last.insert((Instant::now(), found)).1.clone())
            }
        }
    }

    /// Has it read anew: it has become another.
    pub(super) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_read_once_for_a_while_and_again_when_it_failed_or_is_another() {
        const FRESH: Duration = Duration::from_secs(5);
        let (recent, reads) = (Recent::default(), Cell::new(0));
        let ask = async |result: Result<(), &'static str>| {
            let read = async || {
                reads.set(reads.get() + 1);
                result.map(|()| reads.get())
            };
            recent.or_read(FRESH, read).await
        };
        assert_eq!(ask(Err("away")).await, Err("away"));
        assert_eq!((ask(Ok(())).await, ask(Err("unasked")).await), (Ok(2), Ok(2)));
        tokio::time::advance(FRESH).await;
        assert_eq!(ask(Ok(())).await, Ok(3));
        recent.forget().await;
        assert_eq!(ask(Ok(())).await, Ok(4));
    }
}
