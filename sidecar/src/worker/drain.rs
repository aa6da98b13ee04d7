//! The end: finish what is being sent, give back what isn't.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tracing::{info, warn};

use super::Worker;
use crate::db::Claim;

/// How long a job that is told to stop may take to do so.
const STOP: Duration = Duration::from_secs(2);

impl Worker {
    /// Waits for what runs, gives back what has not come to its commit.
    /// What is still being sent then stays under its lease: the next worker asks the platform about it.
    pub(super) async fn drain(&mut self) {
        let deadline = Instant::now() + self.settings.drain;
        info!(running = self.tasks.len(), "draining");
        self.join_until(deadline).await;
        let stopped = self.inflight.stop_preparing();
        if !stopped.is_empty() {
            self.join_until(Instant::now() + STOP).await;
            self.give_back_now(&stopped).await;
        }
        if !self.tasks.is_empty() {
            warn!(
                jobs = self.tasks.len(),
                "left while being sent; the next worker looks what became of them"
            );
            self.tasks.shutdown().await;
        }
    }

    async fn give_back_now(&self, claims: &[Claim]) {
        if !claims.is_empty() {
            self.give_back(claims, &vec![Duration::ZERO; claims.len()]).await;
            claims.iter().for_each(|claim| self.inflight.remove(claim));
        }
    }

    async fn join_until(&mut self, deadline: Instant) {
        while let Ok(Some(ended)) = timeout_at(deadline, self.tasks.join_next()).await {
            if let Ok((claim, _)) = ended {
                self.inflight.remove(&claim);
            }
        }
    }
}
