//! Requests that the database is yet to be told: so many and no more.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Notify;
use uuid::Uuid;

use super::Counts;

/// How many wait. The newest tell more than the oldest.
const MOST: usize = 10_000;
/// How many of nobody that is known wait: so strangers neither drive out those of users nor fill the disk.
const MOST_OF_STRANGERS: usize = 250;
/// How many are told at a time.
pub(super) const BATCH: usize = 500;
/// What is older the database does not take.
const TOO_OLD: Duration = Duration::from_secs(23 * 60 * 60);

/// A request that was answered.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) route: String,
    pub(super) method: &'static str,
    pub(super) status: u16,
    pub(super) took: Duration,
    /// When the answer began.
    pub(super) at: Instant,
    pub(super) user: Option<Uuid>,
}

/// Those that wait.
#[derive(Debug)]
pub(super) struct Waiting {
    queue: Mutex<Queue>,
    /// A batch is full.
    pub(super) full: Notify,
    pub(super) counts: Counts,
}

#[derive(Debug, Default)]
struct Queue {
    all: VecDeque<Answered>,
    of_strangers: usize,
}

impl Answered {
    /// As `Db::record_api_metrics` takes it.
    pub(super) fn to_json(&self) -> Value {
        let Self { route, method, status, took, at, user } = self;
        let (ms, age) = (took.as_secs_f64() * 1_000.0, at.elapsed().as_secs_f64());
        let mut row = json!({ "endpoint": route, "method": method, "status": status, "ms": ms, "age": age });
        if let Some(user) = user {
            row["user_id"] = json!(user);
        }
        row
    }
}

impl Waiting {
    pub(super) fn new(counts: Counts) -> Self {
        Self { queue: Mutex::default(), full: Notify::new(), counts }
    }

    /// Adds one; where there are too many, the oldest goes.
    pub(super) fn add(&self, answered: Answered) {
        let mut queue = self.queue();
        let is_stranger = answered.user.is_none();
        if is_stranger && queue.of_strangers >= MOST_OF_STRANGERS {
            self.counts.dropped.inc();
            return;
        }
        if queue.all.len() >= MOST && queue.pop().is_some() {
            self.counts.dropped.inc();
        }
        queue.of_strangers += usize::from(is_stranger);
        queue.all.push_back(answered);
        if queue.all.len() >= BATCH {
            self.full.notify_one();
        }
    }

    /// The oldest ones, which no longer wait.
    pub(super) fn take(&self) -> Vec<Answered> {
        let mut queue = self.queue();
        let mut taken = Vec::new();
        while taken.len() < BATCH
            && let Some(answered) = queue.pop()
        {
            if answered.at.elapsed() < TOO_OLD {
                taken.push(answered);
            } else {
                self.counts.dropped.inc();
            }
        }
        taken
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue().all.is_empty()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn pop(&mut self) -> Option<Answered> {
        let oldest = self.all.pop_front();
        self.of_strangers -= usize::from(oldest.as_ref().is_some_and(|oldest| oldest.user.is_none()));
        oldest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(ms: u64, user: Option<u128>) -> Answered {
        Answered {
            route: "/v1/posts/{id}".into(),
            method: "GET",
            status: 200,
            took: Duration::from_millis(ms),
            at: Instant::now(),
            user: user.map(Uuid::from_u128),
        }
    }

    fn of_users(waiting: &Waiting, count: usize) {
        (0..count).for_each(|ms| waiting.add(answered(ms as u64, Some(1))));
    }

    #[test]
    fn the_newest_wait_and_the_oldest_are_told_first() {
        let waiting = Waiting::new(Counts::default());
        of_users(&waiting, MOST + 3);
        assert_eq!(waiting.counts.dropped.get(), 3);
        let taken = waiting.take();
        assert_eq!((taken.len(), taken[0].took.as_millis(), taken[1].took.as_millis()), (BATCH, 3, 4));
        let rest = std::iter::from_fn(|| Some(waiting.take().len()).filter(|taken| *taken > 0));
        assert_eq!(rest.sum::<usize>(), MOST - BATCH);
        assert!(waiting.is_empty() && waiting.counts.dropped.get() == 3);
    }

    #[test]
    fn strangers_drive_out_nobody() {
        let waiting = Waiting::new(Counts::default());
        of_users(&waiting, 1);
        (0..2 * MOST).for_each(|_| waiting.add(answered(0, None)));
        of_users(&waiting, 1);
        let taken = waiting.take();
        assert_eq!(taken.len(), MOST_OF_STRANGERS + 2);
        assert_eq!(waiting.counts.dropped.get(), (2 * MOST - MOST_OF_STRANGERS) as u64);
        // there is room for them again
        waiting.add(answered(0, None));
        assert_eq!(waiting.take().len(), 1);
        assert_eq!(taken.iter().filter(|answered| answered.user.is_some()).count(), 2);
    }

    #[test]
    fn what_is_too_old_is_not_told() {
        let waiting = Waiting::new(Counts::default());
        let Some(long_ago) = Instant::now().checked_sub(TOO_OLD) else { return };
        waiting.add(Answered { at: long_ago, ..answered(0, Some(1)) });
        of_users(&waiting, 1);
        assert_eq!((waiting.take().len(), waiting.counts.dropped.get()), (1, 1));
    }

    #[test]
    fn a_request_is_told_without_what_is_not_known_of_it() {
        let told = answered(1500, None).to_json();
        assert_eq!((&told["endpoint"], &told["ms"]), (&json!("/v1/posts/{id}"), &json!(1500.0)));
        assert!(told.get("user_id").is_none() && told["age"].as_f64().unwrap() < 60.0, "{told}");
        assert_eq!(answered(0, Some(1)).to_json()["user_id"], "00000000-0000-0000-0000-000000000001");
    }
}
