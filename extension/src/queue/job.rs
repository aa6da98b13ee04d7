//! A job before it is in the queue.

use crier_core::retry;
use pgrx::Uuid;

use crate::error::{CrierError, Result};
use crate::input;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::queue::wake;
use crate::workspaces::new_id;

const INSERT: Statement = statement!(up "queue/insert_jobs");

const MAX_KIND_CHARS: usize = 100;
const MAX_KEY_BYTES: usize = 500;
const MAX_PARAMS_BYTES: usize = 1_048_576;
const MAX_ATTEMPTS: i32 = 100;

/// A job to be added.
pub(crate) struct NewJob {
    pub(crate) id: Uuid,
    pub(crate) kind: String,
    /// JSON as text.
    pub(crate) params: String,
    pub(crate) workspace_id: Option<Uuid>,
    pub(crate) user_id: Option<Uuid>,
    pub(crate) account_id: Option<Uuid>,
    pub(crate) priority: i32,
    /// Nothing means now.
    pub(crate) run_at: Option<Timestamptz>,
    pub(crate) max_attempts: Option<i32>,
    pub(crate) expires_at: Option<Timestamptz>,
    pub(crate) dedupe_key: Option<String>,
}

impl NewJob {
    /// A job with defaults.
    pub(crate) fn new(kind: String, params: String) -> Self {
        Self {
            id: new_id(),
            kind,
            params,
            workspace_id: None,
            user_id: None,
            account_id: None,
            priority: 0,
            run_at: None,
            max_attempts: None,
            expires_at: None,
            dedupe_key: None,
        }
    }

    /// Refuses what could never run or what no index can hold.
    pub(crate) fn check(&self, now: Timestamptz) -> Result<()> {
        input::text(Some(&self.kind), "kind", MAX_KIND_CHARS)?;
        if self.params.len() > MAX_PARAMS_BYTES {
            let found = self.params.len();
            return Err(CrierError::TooLarge {
                what: "params",
                found,
                limit: MAX_PARAMS_BYTES,
                unit: "bytes",
            });
        }
        if !(1..=MAX_ATTEMPTS).contains(&self.attempts()) {
            return Err(CrierError::invalid(
                "max_attempts",
                format!("is {}", self.attempts()),
                "Give a number from 1 to 100.",
            ));
        }
        let run_at = self.run_at.unwrap_or(now).plausible("run_at", now)?;
        if let Some(expires_at) = self.expires_at
            && (expires_at.plausible("expires_at", now)? <= run_at || expires_at <= now)
        {
            return Err(CrierError::invalid(
                "expires_at",
                "lies before the job could run",
                "Let it lie after run_at and in the future.",
            ));
        }
        match self.dedupe_key.as_deref() {
            Some("") => Err(CrierError::invalid(
                "dedupe_key",
                "must not be empty",
                "Leave it null to allow duplicates.",
            )),
            Some(key) if key.len() > MAX_KEY_BYTES => {
                let found = key.len();
                Err(CrierError::TooLarge { what: "dedupe_key", found, limit: MAX_KEY_BYTES, unit: "bytes" })
            }
            _ => Ok(()),
        }
    }

    fn attempts(&self) -> i32 {
        self.max_attempts.unwrap_or(retry::DEFAULT_MAX_ATTEMPTS)
    }
}

/// Adds jobs that were checked; answers with an id per job, in order.
pub(crate) fn insert(jobs: &[NewJob], now: Timestamptz) -> Result<Vec<Uuid>> {
    fn column<T>(jobs: &[NewJob], of: impl Fn(&NewJob) -> T) -> Vec<T> {
        jobs.iter().map(of).collect()
    }
    if jobs.is_empty() {
        return Ok(vec![]);
    }
    let run_at = column(jobs, |job| job.run_at.unwrap_or(now));
    wake::if_soon(run_at.iter().copied(), now)?;
    INSERT.write(
        &[
            column(jobs, |job| job.id).into(),
            column(jobs, |job| job.kind.clone()).into(),
            column(jobs, |job| job.params.clone()).into(),
            column(jobs, |job| job.workspace_id).into(),
            column(jobs, |job| job.user_id).into(),
            column(jobs, |job| job.account_id).into(),
            column(jobs, |job| job.priority).into(),
            run_at.into(),
            column(jobs, NewJob::attempts).into(),
            column(jobs, |job| job.expires_at).into(),
            column(jobs, |job| job.dedupe_key.clone()).into(),
            now.into(),
        ],
        |row| row.need(1),
    )
}
