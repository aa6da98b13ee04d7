//! A job before it is in the queue.

use std::collections::HashSet;

use crier_core::retry;
use pgrx::Uuid;

use crate::error::{CrierError, Result};
use crate::input;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::queue::wake;
use crate::workspaces::new_id;

const INSERT: Statement = statement!(up "queue/insert_jobs");
const FIND_DUPLICATES: Statement = statement!(up "queue/find_duplicates");

const MAX_KIND_CHARS: usize = 100;
const MAX_KEY_BYTES: usize = 500;
const MAX_PARAMS_BYTES: usize = 1_048_576;
const MAX_ATTEMPTS: i32 = 100;
/// Tries to add a job while others take and free its dedupe key.
const MAX_ROUNDS: usize = 10;

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
    wake::if_soon(jobs.iter().map(|job| job.run_at.unwrap_or(now)), now)?;
    let mut ids: Vec<Option<Uuid>> = vec![None; jobs.len()];
    // Looked for before anything is added: what is answered so takes part in no wait for others' keys. A key that
    // is freed while it is waited for needs a further round, and only there can callers come to wait for each
    // other in a circle, which the server ends with 40P01.
    for _ in 0..MAX_ROUNDS {
        find_duplicates(jobs, &mut ids)?;
        let missing: Vec<&NewJob> =
            jobs.iter().zip(&ids).filter(|(_, id)| id.is_none()).map(|(job, _)| job).collect();
        if missing.is_empty() {
            break;
        }
        let added = add(&missing, now)?;
        for (job, id) in jobs.iter().zip(&mut ids).filter(|(job, _)| added.contains(&job.id)) {
            *id = Some(job.id);
        }
    }
    // Each round lost its key to a job that was finished a moment later.
    let give_up =
        || CrierError::Busy("the dedupe key is taken and freed faster than a job can be added".into());
    ids.into_iter().map(|id| id.ok_or_else(give_up)).collect()
}

fn column<'a, T>(jobs: &[&'a NewJob], of: impl Fn(&'a NewJob) -> T) -> Vec<T> {
    jobs.iter().copied().map(of).collect()
}

/// Adds the jobs whose dedupe key is free; answers with their ids.
fn add(jobs: &[&NewJob], now: Timestamptz) -> Result<HashSet<Uuid>> {
    let ids = INSERT.write(
        &[
            column(jobs, |job| job.id).into(),
            column(jobs, |job| job.kind.as_str()).into(),
            column(jobs, |job| job.params.as_str()).into(),
            column(jobs, |job| job.workspace_id).into(),
            column(jobs, |job| job.user_id).into(),
            column(jobs, |job| job.account_id).into(),
            column(jobs, |job| job.priority).into(),
            column(jobs, |job| job.run_at.unwrap_or(now)).into(),
            column(jobs, NewJob::attempts).into(),
            column(jobs, |job| job.expires_at).into(),
            column(jobs, |job| job.dedupe_key.as_deref()).into(),
            now.into(),
        ],
        |row| row.need(1),
    )?;
    Ok(ids.into_iter().collect())
}

/// Fills in the ids of the unfinished jobs that have the keys of those that have no id yet.
fn find_duplicates(jobs: &[NewJob], ids: &mut [Option<Uuid>]) -> Result<()> {
    let is_missing = |at: &usize| ids[*at].is_none() && jobs[*at].dedupe_key.is_some();
    let missing: Vec<usize> = (0..jobs.len()).filter(is_missing).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let keyed: Vec<&NewJob> = missing.iter().map(|at| &jobs[*at]).collect();
    let found = FIND_DUPLICATES.write(
        &[
            column(&keyed, |job| job.workspace_id).into(),
            column(&keyed, |job| job.kind.as_str()).into(),
            column(&keyed, |job| job.dedupe_key.as_deref()).into(),
        ],
        |row| Ok((row.need::<i32>(1)?, row.need::<Uuid>(2)?)),
    )?;
    for (place, id) in found {
        let at = usize::try_from(place - 1).ok().and_then(|place| missing.get(place));
        if let Some(at) = at {
            ids[*at] = Some(id);
        }
    }
    Ok(())
}
