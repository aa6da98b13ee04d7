//! What happens to jobs that left a worker's hands: the one place where they end or go back to the queue.

use crier_core::error_class::{Action, ErrorClass};
use crier_core::retry;
use crier_core::target::JobEnd;
use pgrx::Uuid;

use crate::error::Result;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};
use crate::publishing::follow;
use crate::queue::wake;

const ARCHIVE: Statement = statement!(up "queue/archive");
const RESCHEDULE: Statement = statement!(up "queue/reschedule");
const LOCK_LEASES: Statement = statement!(up "queue/lock_leases");

/// No limit is so short that the platform may be asked again in a tight loop.
const SHORTEST_WAIT: std::time::Duration = std::time::Duration::from_secs(1);
/// A job that waits for its account to be connected looks once a day; storing a credential wakes it at once.
const PARKED: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);
/// How long a job waits where a limit names no time.
const LIMIT_WAIT: std::time::Duration = std::time::Duration::from_secs(15 * 60);

/// The kind of the jobs that publish; their targets follow what becomes of them.
pub(crate) const PUBLISH: &str = "publish_post";

/// A job that is locked by this transaction.
pub(crate) struct Held {
    /// Its place in the caller's arrays; the first is 0.
    pub(crate) place: usize,
    pub(crate) id: Uuid,
    pub(crate) kind: String,
    pub(crate) attempt: i32,
    pub(crate) max_attempts: i32,
    /// Whether it acts for an account.
    pub(crate) has_account: bool,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    Completed,
    Failed,
    Canceled,
    Again { run_at: Timestamptz, attempt_back: bool, lease_lost: bool },
}

/// A job with its fate.
pub(crate) struct Settled {
    pub(crate) id: Uuid,
    pub(crate) kind: String,
    pub(crate) fate: Fate,
    pub(crate) result: Option<Jsonb>,
    pub(crate) error: Option<Jsonb>,
}

impl Fate {
    /// The state the job has then, as SQL calls it.
    pub(crate) fn state(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Again { .. } => "retrying",
        }
    }

    /// When it runs again, if it does.
    pub(crate) fn run_at(self) -> Option<Timestamptz> {
        match self {
            Self::Again { run_at, .. } => Some(run_at),
            _ => None,
        }
    }

    fn end(self) -> JobEnd {
        match self {
            Self::Again { .. } => JobEnd::Rescheduled,
            Self::Canceled => JobEnd::Canceled,
            Self::Completed | Self::Failed => JobEnd::Finished,
        }
    }
}

impl Held {
    /// What an error of `class` means for this job. `retry_at` is the time the platform or the worker named,
    /// `extra` the attempts it has beyond its own.
    pub(crate) fn after_error(
        &self,
        class: ErrorClass,
        retry_at: Option<Timestamptz>,
        extra: i32,
        now: Timestamptz,
    ) -> Fate {
        let again = |run_at, attempt_back| Fate::Again { run_at, attempt_back, lease_lost: false };
        match class.action() {
            Action::Stop => Fate::Failed,
            Action::Wait => {
                again(retry_at.unwrap_or_else(|| now.plus(LIMIT_WAIT)).max(now.plus(SHORTEST_WAIT)), true)
            }
            Action::Park if self.has_account => again(now.plus(PARKED), true),
            Action::Park => Fate::Failed,
            Action::Retry if self.attempt >= self.max_attempts.saturating_add(extra) => Fate::Failed,
            Action::Retry => again(retry_at.unwrap_or_else(|| now.plus(retry::delay(self.attempt))), false),
        }
    }
}

/// The jobs among those named whose token is the current one, locked. The others are left out: an answer with
/// a stale token changes nothing.
pub(crate) fn hold(job_ids: Vec<Uuid>, tokens: Vec<i64>) -> Result<Vec<Held>> {
    LOCK_LEASES.write(&[job_ids.into(), tokens.into()], |row| {
        let place: i32 = row.need(1)?;
        Ok(Held {
            place: usize::try_from(place - 1).unwrap_or_default(),
            id: row.need(2)?,
            kind: row.need(3)?,
            attempt: row.need(4)?,
            max_attempts: row.need(5)?,
            has_account: row.need(6)?,
        })
    })
}

/// Carries the fates out; targets of publish jobs follow.
pub(crate) fn settle(jobs: &[Settled], now: Timestamptz) -> Result<()> {
    let publishing: Vec<_> = jobs.iter().filter(|job| job.kind == PUBLISH).collect();
    if !publishing.is_empty() {
        follow::jobs(publishing.iter().map(|job| (job.id, job.fate.end(), job.error)), now)?;
    }
    archive(jobs, now)?;
    reschedule(jobs, now)
}

fn archive(jobs: &[Settled], now: Timestamptz) -> Result<()> {
    let ended: Vec<_> = jobs.iter().filter(|job| job.fate.run_at().is_none()).collect();
    if ended.is_empty() {
        return Ok(());
    }
    ARCHIVE.run(&[
        ended.iter().map(|job| job.id).collect::<Vec<_>>().into(),
        ended.iter().map(|job| job.fate.state()).collect::<Vec<_>>().into(),
        ended.iter().map(|job| job.result).collect::<Vec<_>>().into(),
        ended.iter().map(|job| job.error).collect::<Vec<_>>().into(),
        now.into(),
    ])
}

fn reschedule(jobs: &[Settled], now: Timestamptz) -> Result<()> {
    let (mut ids, mut times, mut backs, mut losses, mut errors) = (vec![], vec![], vec![], vec![], vec![]);
    for job in jobs {
        if let Fate::Again { run_at, attempt_back, lease_lost } = job.fate {
            ids.push(job.id);
            times.push(run_at);
            backs.push(attempt_back);
            losses.push(lease_lost);
            errors.push(job.error);
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    wake::if_soon(times.iter().copied(), now)?;
    RESCHEDULE.run(&[ids.into(), times.into(), backs.into(), losses.into(), errors.into()])
}
