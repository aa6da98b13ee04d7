//! Keeps leases alive while jobs run, in one call for all of them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use super::inflight::InFlight;
use crate::db::Db;

/// Extends every lease at a third of its length, and tells jobs whose lease is lost.
pub(super) async fn run(db: Db, inflight: Arc<InFlight>, lease: Duration) {
    let mut beat = tokio::time::interval(lease / 3);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        let (ids, tokens) = inflight.leases();
        if ids.is_empty() {
            continue;
        }
        match db.extend_jobs(&ids, &tokens, lease).await {
            Ok(kept) => {
                let kept: HashSet<_> = kept.into_iter().collect();
                let leases = ids.into_iter().zip(tokens);
                for (job_id, token) in leases.filter(|(job_id, _)| !kept.contains(job_id)) {
                    if inflight.lose(job_id, token) {
                        warn!(%job_id, "the lease is lost or the job was canceled");
                    }
                }
            }
            // Nobody else can claim through a database that is away: the jobs go on.
            Err(error) => warn!(%error, jobs = ids.len(), "leases could not be extended"),
        }
    }
}
