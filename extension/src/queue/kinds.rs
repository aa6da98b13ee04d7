//! How jobs of a kind are treated, as the table `job_kind` says.

use std::collections::HashMap;
use std::time::Duration;

use crier_core::retry;
use pgrx::datum::Interval;

use crate::clock;
use crate::error::Result;
use crate::plans::{Statement, statement};

const KINDS: Statement = statement!(up "queue/kinds");

/// What is set for one kind; what is not follows the default.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kind {
    pub(crate) max_attempts: Option<i32>,
    first_delay: Option<Duration>,
    max_delay: Option<Duration>,
    jitter: bool,
    pub(crate) user_limit: Option<i32>,
}

/// The policies of some kinds.
#[derive(Debug, Default)]
pub(crate) struct Policies(HashMap<String, Kind>);

impl Policies {
    /// Of the kinds named. One statement, however many.
    pub(crate) fn of<'a>(kinds: impl Iterator<Item = &'a str>) -> Result<Self> {
        let mut names: Vec<&str> = kinds.collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            return Ok(Self::default());
        }
        let rows = KINDS.read(&[names.into()], |row| {
            let span = |n| -> Result<Option<Duration>> {
                let micros = row.get::<Interval>(n)?.and_then(|interval| clock::micros(&interval));
                Ok(micros.and_then(|micros| u64::try_from(micros).ok()).map(Duration::from_micros))
            };
            let kind = Kind {
                max_attempts: row.get(2)?,
                first_delay: span(3)?,
                max_delay: span(4)?,
                jitter: row.need(5)?,
                user_limit: row.get(6)?,
            };
            Ok((row.need(1)?, kind))
        })?;
        Ok(Self(rows.into_iter().collect()))
    }

    pub(crate) fn get(&self, kind: &str) -> Kind {
        self.0.get(kind).copied().unwrap_or_default()
    }

    /// How long a job of this kind waits after its attempt number `attempt`.
    pub(crate) fn delay(&self, kind: &str, attempt: i32) -> Duration {
        let kind = self.get(kind);
        let backoff = retry::Backoff {
            first: kind.first_delay.unwrap_or(retry::FIRST_DELAY),
            max: kind.max_delay.unwrap_or(retry::MAX_DELAY),
        };
        let delay = backoff.delay(attempt);
        if kind.jitter { retry::jittered(delay, random()) } else { delay }
    }
}

/// A number from 0 up to 1.
fn random() -> f64 {
    f64::from((uuid::Uuid::new_v4().as_u128() & 0xffff_ffff) as u32) / 4_294_967_296.0
}
