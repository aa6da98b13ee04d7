//! Who adds the jobs: one by one, in batches, with keys that others use too, and in transactions that are rolled back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use uuid::Uuid;

use super::check::limits;
use super::client::{Client, ENQUEUE, ENQUEUE_MANY, ids};
use super::dice::Dice;
use super::history::{Answer, Ask, Wish, now};

const KINDS: [&str; 3] = ["soak_a", "soak_b", limits::KIND];
/// So few that they are often taken.
const KEYS: u64 = 300;
const LARGEST_BATCH: i64 = 100;

/// Whom the jobs are for.
#[derive(Clone, Debug)]
pub(crate) struct Owners {
    pub(crate) workspace: Uuid,
    pub(crate) accounts: Vec<Uuid>,
    pub(crate) users: Vec<Uuid>,
}

/// One producer.
pub(crate) struct Producer {
    pub(crate) client: Client,
    pub(crate) dice: Dice,
    pub(crate) owners: Arc<Owners>,
    /// The numbers of the jobs, shared by all producers.
    pub(crate) next: Arc<AtomicU64>,
    pub(crate) jobs: u64,
    /// The longest pause between two calls, once a third of the jobs are added.
    pub(crate) pause: Duration,
}

impl Producer {
    /// Adds jobs until all numbers are given out.
    pub(crate) async fn run(mut self) {
        loop {
            let size = if self.dice.percent(20) { 1 } else { self.dice.between(2, LARGEST_BATCH) as u64 };
            let first = self.next.fetch_add(size, Ordering::Relaxed);
            if first >= self.jobs {
                return;
            }
            self.add(first..(first + size).min(self.jobs)).await;
            // at first they come faster than anybody can work, so that there is a choice
            if first > self.jobs / 3 {
                let pause = self.dice.below(u64::try_from(self.pause.as_micros()).unwrap_or(u64::MAX));
                tokio::time::sleep(Duration::from_micros(pause)).await;
            }
        }
    }

    async fn add(&mut self, numbers: std::ops::Range<u64>) {
        let (wishes, jobs): (Vec<Wish>, Vec<Value>) = numbers.map(|n| self.job(n)).unzip();
        let keep = !self.dice.percent(3);
        let call = self.client.history.asked(Ask::Enqueue { jobs: wishes, keep });
        let result = if !keep {
            self.client.take_back(&Value::Array(jobs)).await
        } else if let [job] = &jobs[..] {
            self.client.query(ENQUEUE, &[job]).await.map(|rows| ids(&rows, 0))
        } else {
            self.client.query(ENQUEUE_MANY, &[&Value::Array(jobs)]).await.map(|rows| ids(&rows, 0))
        };
        match result {
            Ok(ids) => self.client.history.answered(call, Answer::Added { ids }),
            Err(trouble) => self.client.history.line(&trouble.line(call)),
        }
    }

    fn job(&mut self, n: u64) -> (Wish, Value) {
        let dice = &mut self.dice;
        let kind = dice.pick(&KINDS).copied().unwrap_or_default();
        let key = dice.percent(10).then(|| format!("key {}", dice.below(KEYS)));
        let mut job = json!({
            "kind": kind,
            "params": {"n": n},
            "priority": dice.between(-3, 3),
            "max_attempts": dice.between(3, 20),
        });
        if let Some(key) = &key {
            job["dedupe_key"] = json!(key);
        }
        let due = dice.percent(15).then(|| now() + dice.between(0, 3_000_000));
        if let Some(due) = due {
            let at = UNIX_EPOCH + Duration::from_micros(due.unsigned_abs());
            job["run_at"] = json!(humantime::format_rfc3339_micros(at).to_string());
        }
        match dice.below(10) {
            // half of it for one account: the others must not wait for it
            0..4 => {
                let account = if dice.percent(50) { self.owners.accounts.first() } else { None };
                let account = account.or_else(|| dice.pick(&self.owners.accounts));
                job["workspace_id"] = json!(self.owners.workspace);
                job["account_id"] = json!(account);
            }
            4 => job["workspace_id"] = json!(self.owners.workspace),
            5 => job["user_id"] = json!(dice.pick(&self.owners.users)),
            _ => {}
        }
        (Wish { n, keyed: key.is_some(), due }, job)
    }
}
