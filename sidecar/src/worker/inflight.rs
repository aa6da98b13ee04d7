//! The claims this process holds, and how far each is.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::db::Claim;
use crate::jobs::Work;
use crate::providers::Charges;

/// Whether a job has come to the point from which something may be visible outside, or was stopped before it.
/// It is one or the other, once and for all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Phase(Arc<AtomicU8>);

const PREPARING: u8 = 0;
const COMMITTING: u8 = 1;
const STOPPED: u8 = 2;

impl Phase {
    /// From here on the job is finished, whatever happens to its lease. `false` if it was stopped: then it is
    /// given back, and nothing may become visible.
    #[must_use]
    pub(crate) fn commit(&self) -> bool {
        self.leave_for(COMMITTING)
    }

    /// Stops a job that is still preparing; `false` if it is past that.
    #[must_use]
    pub(super) fn stop(&self) -> bool {
        self.leave_for(STOPPED)
    }

    pub(crate) fn is_committing(&self) -> bool {
        self.0.load(Ordering::Acquire) == COMMITTING
    }

    fn leave_for(&self, phase: u8) -> bool {
        match self.0.compare_exchange(PREPARING, phase, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(now) => now == phase,
        }
    }
}

struct Entry {
    claim: Claim,
    lost: CancellationToken,
    phase: Phase,
}

/// Every claim between `claim_jobs` and its answer.
#[derive(Default)]
pub(super) struct InFlight {
    entries: Mutex<HashMap<Uuid, Entry>>,
}

impl InFlight {
    fn entries(&self) -> MutexGuard<'_, HashMap<Uuid, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a claim; a claim that waited keeps what it had.
    pub(super) fn add(&self, claim: &Claim) -> Work {
        let mut entries = self.entries();
        let fresh =
            || Entry { claim: claim.clone(), lost: CancellationToken::new(), phase: Phase::default() };
        let entry = entries.entry(claim.job_id).or_insert_with(fresh);
        if entry.claim.token != claim.token {
            *entry = fresh();
        }
        Work {
            claim: claim.clone(),
            lost: entry.lost.clone(),
            phase: entry.phase.clone(),
            charges: Charges::default(),
        }
    }

    pub(super) fn remove(&self, claim: &Claim) {
        let mut entries = self.entries();
        if entries.get(&claim.job_id).is_some_and(|entry| entry.claim.token == claim.token) {
            entries.remove(&claim.job_id);
        }
    }

    /// Jobs and tokens, for a heartbeat.
    pub(super) fn leases(&self) -> (Vec<Uuid>, Vec<i64>) {
        self.entries().values().map(|entry| (entry.claim.job_id, entry.claim.token)).unzip()
    }

    /// The lease is gone: tells the job, unless it has been claimed anew. Returns whether it was told.
    pub(super) fn lose(&self, job_id: Uuid, token: i64) -> bool {
        match self.entries().get(&job_id) {
            Some(entry) if entry.claim.token == token && !entry.lost.is_cancelled() => {
                entry.lost.cancel();
                true
            }
            _ => false,
        }
    }

    /// Tells every job that has not come to its commit to stop, and returns those.
    pub(super) fn stop_preparing(&self) -> Vec<Claim> {
        let entries = self.entries();
        let preparing = entries.values().filter(|entry| entry.phase.stop());
        preparing
            .map(|entry| {
                entry.lost.cancel();
                entry.claim.clone()
            })
            .collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn claim(job: u128, token: i64, account: Option<u128>) -> Claim {
        Claim {
            job_id: Uuid::from_u128(job),
            token,
            attempt: 1,
            kind: "publish_post".into(),
            account_id: account.map(Uuid::from_u128),
            waited: 0.25,
        }
    }

    #[test]
    fn a_late_loss_does_not_reach_a_newer_claim() {
        let inflight = InFlight::default();
        let old = inflight.add(&claim(1, 1, None));
        let new = inflight.add(&claim(1, 2, None));
        assert!(!inflight.lose(old.claim.job_id, 1));
        assert!(!new.lost.is_cancelled());
        inflight.remove(&old.claim);
        assert_eq!(inflight.leases(), (vec![new.claim.job_id], vec![2]));
        assert!(inflight.lose(new.claim.job_id, 2));
        assert!(new.lost.is_cancelled());
        assert!(!inflight.lose(new.claim.job_id, 2), "told twice");
    }

    #[test]
    fn a_claim_that_waited_learns_of_its_loss() {
        let inflight = InFlight::default();
        drop(inflight.add(&claim(1, 1, None)));
        inflight.lose(Uuid::from_u128(1), 1);
        assert!(inflight.add(&claim(1, 1, None)).lost.is_cancelled());
    }

    #[test]
    fn what_is_being_sent_is_not_stopped() {
        let inflight = InFlight::default();
        let sending = inflight.add(&claim(1, 1, None));
        let preparing = inflight.add(&claim(2, 1, None));
        assert!(sending.phase.commit());
        let stopped: Vec<_> = inflight.stop_preparing().iter().map(|claim| claim.job_id).collect();
        assert_eq!(stopped, [preparing.claim.job_id]);
        assert!(preparing.lost.is_cancelled() && !sending.lost.is_cancelled());
        assert!(!preparing.phase.commit(), "it was given back and goes on");
        assert!(!preparing.phase.is_committing());
        assert!(sending.phase.commit(), "what is being sent may come here again");
    }

    #[test]
    fn a_job_is_either_stopped_or_sent() {
        for _ in 0..500 {
            let phase = Phase::default();
            let (stopped, committed) = std::thread::scope(|scope| {
                let stop = scope.spawn(|| phase.stop());
                let commit = scope.spawn(|| phase.commit());
                (stop.join().unwrap(), commit.join().unwrap())
            });
            assert!(stopped != committed, "both or none: {phase:?}");
        }
    }
}
