//! How jobs of a kind are treated, as the table `job_kind` says.

use std::collections::HashMap;
use std::time::Duration;

use crier_core::retry;
use crier_working_set::KindPolicy;

use crate::error::Result;
use crate::limits::rules::Kind;
use crate::memory;
use crate::queue::{configure, load};
use crate::transaction;

/// The policies of some kinds; what is not set follows the default.
#[derive(Debug, Default)]
pub(crate) struct Policies(HashMap<String, KindPolicy>);

impl Policies {
    /// Of the kinds named: from memory, except where this transaction has changed the table.
    pub(crate) fn of<'a>(kinds: impl Iterator<Item = &'a str>) -> Result<Self> {
        let mut names: Vec<&str> = kinds.collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            return Ok(Self::default());
        }
        if transaction::is_reconfigured() {
            let rows = Kind::all(true)?;
            return Ok(Self(rows.into_iter().map(|row| (row.kind, row.policy)).collect()));
        }
        load::warm()?;
        configure::current()?;
        let policies = memory::with(|memory| {
            names.iter().map(|name| memory.set.kind_policy(memory.db, name)).collect::<Vec<_>>()
        })?;
        Ok(Self(names.into_iter().map(str::to_owned).zip(policies).collect()))
    }

    fn get(&self, kind: &str) -> KindPolicy {
        self.0.get(kind).copied().unwrap_or_default()
    }

    /// The attempts that a job of this kind has.
    pub(crate) fn max_attempts(&self, kind: &str) -> Option<i32> {
        some(self.get(kind).max_attempts)
    }

    /// How many unfinished jobs of this kind a user may have.
    pub(crate) fn user_limit(&self, kind: &str) -> Option<i32> {
        some(self.get(kind).user_limit)
    }

    /// How long a job of this kind waits after its attempt number `attempt`.
    pub(crate) fn delay(&self, kind: &str, attempt: i32) -> Duration {
        let policy = self.get(kind);
        let span =
            |micros: i64| u64::try_from(micros).ok().filter(|micros| *micros > 0).map(Duration::from_micros);
        let backoff = retry::Backoff {
            first: span(policy.first_delay).unwrap_or(retry::FIRST_DELAY),
            max: span(policy.max_delay).unwrap_or(retry::MAX_DELAY),
        };
        let delay = backoff.delay(attempt);
        if policy.jitter { retry::jittered(delay, random()) } else { delay }
    }
}

fn some(count: u32) -> Option<i32> {
    i32::try_from(count).ok().filter(|count| *count > 0)
}

/// A number from 0 up to 1.
fn random() -> f64 {
    f64::from((uuid::Uuid::new_v4().as_u128() & 0xffff_ffff) as u32) / 4_294_967_296.0
}
