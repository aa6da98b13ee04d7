//! A batch that somebody has asked for: up to so many jobs, and what came of them.

use std::collections::HashSet;

use serde::Serialize;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::control::Refused;
use crate::db::Claim;

/// What came of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// It was done, or published.
    Done,
    /// It went wrong. It may be tried again.
    Failed,
    /// The job has said itself what came of it, or nobody could tell.
    Other,
}

/// What came of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    pub(crate) claimed: usize,
    pub(crate) done: usize,
    pub(crate) failed: usize,
    /// Those that have said themselves what came of them: `crier.jobs` has it.
    pub(crate) reported: usize,
}

/// A batch that is under way.
pub(super) struct Batch {
    /// How many may still be claimed for it.
    left: usize,
    running: HashSet<(Uuid, i64)>,
    summary: Summary,
    answer: oneshot::Sender<Result<Summary, Refused>>,
}

impl Batch {
    pub(super) fn new(max: usize, answer: oneshot::Sender<Result<Summary, Refused>>) -> Self {
        Self { left: max, running: HashSet::new(), summary: Summary::default(), answer }
    }

    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// A claim begins, for the batch if it has room for it.
    pub(super) fn began(&mut self, claim: &Claim) {
        if self.left > 0 {
            self.left -= 1;
            self.summary.claimed += 1;
            self.running.insert((claim.job_id, claim.token));
        }
    }

    /// A claim has ended; one that is not the batch's doesn't count.
    pub(super) fn ended(&mut self, claim: &Claim, came: Came) {
        if self.running.remove(&(claim.job_id, claim.token)) {
            match came {
                Came::Done => self.summary.done += 1,
                Came::Failed => self.summary.failed += 1,
                Came::Other => self.summary.reported += 1,
            }
        }
    }

    /// Whether all of it has ended. `more`: something may be due that it could take.
    pub(super) fn is_over(&self, more: bool) -> bool {
        self.running.is_empty() && !(more && self.left > 0)
    }

    /// Answers; who has asked may be gone.
    pub(super) fn answer(self) {
        let _ = self.answer.send(Ok(self.summary));
    }

    /// The same where it can't go on; what runs of it ends without it.
    pub(super) fn give_up(self) {
        let _ = self.answer.send(Err(Refused::NoDatabase));
    }
}

#[cfg(test)]
mod tests {
    use super::super::claim;
    use super::*;

    #[test]
    fn only_its_own_claims_count_and_it_ends_with_the_last_one() {
        let (answer, mut answered) = oneshot::channel();
        let mut batch = Batch::new(2, answer);
        assert!(!batch.is_over(true) && batch.is_over(false));
        batch.ended(&claim(9, 1, None), Came::Done);
        for job in [1, 2, 3] {
            batch.began(&claim(job, 7, None));
        }
        assert_eq!(batch.left(), 0);
        batch.ended(&claim(1, 7, None), Came::Done);
        batch.ended(&claim(2, 6, None), Came::Done);
        assert!(!batch.is_over(true), "the newer claim of the second job runs");
        batch.ended(&claim(2, 7, None), Came::Failed);
        batch.ended(&claim(3, 7, None), Came::Done);
        assert!(batch.is_over(true));
        batch.answer();
        let summary = Summary { claimed: 2, done: 1, failed: 1, reported: 0 };
        assert_eq!(answered.try_recv().unwrap(), Ok(summary));
    }
}
