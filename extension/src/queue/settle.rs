//! What happens to jobs that left a worker's hands: the one place where they end or go back to the queue.

use crier_core::action::ActionEnd;
use crier_core::error_class::{Action, ErrorClass};
use crier_core::retry;
use crier_core::target::JobEnd;
use crier_working_set::{State, USED_UP};
use pgrx::Uuid;

use crate::actions;
use crate::alerts;
use crate::durable;
use crate::error::Result;
use crate::limits::block::{self, Block, Blocked, SetBy};
use crate::limits::spend;
use crate::limits::usage::{self, Use};
use crate::memory;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};
use crate::publishing::follow;
use crate::queue::held::{Held, after, alter};
use crate::queue::kinds::Policies;
use crate::queue::load::HORIZON;
use crate::queue::stored::small;
use crate::transaction::{self, FAR, KEYED, RETRIED};

const INSERT_COMPLETED: Statement = statement!(up "queue/insert_completed");
const INSERT_COMPLETED_ONE: Statement = statement!(up "queue/insert_completed_one");
const LAST_ERRORS: Statement = statement!(up "queue/last_errors");
const NOTE_TIMES: Statement = statement!(up "queue/note_times");
const INSERT_OUTCOMES: Statement = statement!(up "queue/insert_outcomes");
const INSERT_RETRIES: Statement = statement!(up "queue/insert_retries");
const FREE_KEYS: Statement = statement!(up "queue/free_keys");

/// No limit is so short that the platform may be asked again in a tight loop.
const SHORTEST_WAIT: std::time::Duration = std::time::Duration::from_secs(1);
/// A job that waits for its account to be connected looks once a day; storing a credential wakes it at once.
const PARKED: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);
/// How long a job waits where a limit names no time.
const LIMIT_WAIT: std::time::Duration = std::time::Duration::from_secs(15 * 60);

/// How long an account is left alone that its platform blocks by its policy.
const COOL_DOWN: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// The kind of the jobs that publish; their targets follow what becomes of them.
pub(crate) const PUBLISH: &str = "publish_post";
/// The same for what is a comment to the platform, and counts as one.
pub(crate) const PUBLISH_COMMENT: &str = "publish_comment";

/// Whether jobs of a kind publish a target.
pub(crate) fn publishes(kind: &str) -> bool {
    [PUBLISH, PUBLISH_COMMENT].contains(&kind)
}

/// What becomes of a job.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    Completed,
    Failed,
    Canceled,
    Again(Again),
}

/// How a job goes back to the queue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Again {
    pub(crate) run_at: Timestamptz,
    /// The attempts it has used up then.
    pub(crate) attempt: i32,
    /// The leases it has lost in a row.
    pub(crate) lost_leases: i32,
    /// It waits for its account to be connected again.
    pub(crate) parked: bool,
}

/// What its worker said of a job.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Said {
    /// Nothing: it is gone, or somebody else decided.
    Nothing,
    /// It was done.
    Done,
    /// It was not begun.
    NotBegun,
    /// It went wrong.
    Failed(ErrorClass),
    /// It went wrong, and what it did before that may have been done.
    Unclear(ErrorClass),
}

/// A job with its fate.
pub(crate) struct Settled {
    pub(crate) job: Held,
    pub(crate) said: Said,
    pub(crate) fate: Fate,
    pub(crate) result: Option<Jsonb>,
    pub(crate) error: Option<Jsonb>,
}

impl Said {
    /// Whether the job certainly did nothing, so that the limits of its account have back what it took.
    pub(crate) fn gives_back(self) -> bool {
        match self {
            Self::Nothing | Self::Done | Self::Unclear(_) => false,
            Self::NotBegun => true,
            Self::Failed(class) => !class.may_have_acted(),
        }
    }

    /// What the job then has of the limits of its account. A publish that may be out is looked for before it is sent again,
    /// so that it has one place for all its attempts; whatever else may have been done may be done once more.
    fn keeps(self, job: &Held, used_at: i64) -> i64 {
        match used_at {
            0 => 0,
            _ if self.gives_back() => 0,
            _ if publishes(&job.kind) => used_at,
            _ => USED_UP,
        }
    }

    /// Whether its platform works, as far as this tells.
    fn works(self) -> Option<bool> {
        match self {
            Self::Nothing | Self::NotBegun => None,
            Self::Done => Some(true),
            Self::Failed(class) | Self::Unclear(class) => Some(!class.is_outage()),
        }
    }
}

impl Fate {
    /// The state the job has then, as SQL calls it.
    pub(crate) fn state(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Again(_) => "retrying",
        }
    }

    /// When it runs again, if it does.
    pub(crate) fn run_at(self) -> Option<Timestamptz> {
        self.again().map(|again| again.run_at)
    }

    fn again(self) -> Option<Again> {
        match self {
            Self::Again(again) => Some(again),
            _ => None,
        }
    }

    fn end(self) -> JobEnd {
        match self {
            Self::Again(_) => JobEnd::Rescheduled,
            Self::Canceled => JobEnd::Canceled,
            Self::Completed | Self::Failed => JobEnd::Finished,
        }
    }

    fn action_end(self) -> ActionEnd {
        match self {
            Self::Again(_) => ActionEnd::Rescheduled,
            Self::Completed => ActionEnd::Completed,
            Self::Canceled => ActionEnd::Canceled,
            Self::Failed => ActionEnd::Failed,
        }
    }
}

impl Held {
    /// The attempts it has. One whose post may be out has some more, which look for it.
    pub(crate) fn attempts_with_looks(&self, may_be_out: bool) -> i32 {
        self.max_attempts().saturating_add(if may_be_out { retry::EXTRA_LOOKS } else { 0 })
    }

    /// Back to the queue with this attempt used up.
    pub(crate) fn again(&self, run_at: Timestamptz) -> Again {
        Again { run_at, attempt: self.attempt(), lost_leases: 0, parked: false }
    }

    /// Back to the queue as if it had not been tried.
    pub(crate) fn again_untried(&self, run_at: Timestamptz) -> Again {
        Again { attempt: (self.attempt() - 1).max(0), ..self.again(run_at) }
    }

    /// What an error of `class` means for this job. `retry_at` is the time the platform or the worker named.
    pub(crate) fn after_error(
        &self,
        class: ErrorClass,
        retry_at: Option<Timestamptz>,
        may_be_out: bool,
        policies: &Policies,
        now: Timestamptz,
    ) -> Fate {
        match class.action() {
            Action::Stop => Fate::Failed,
            Action::Wait => {
                let run_at = retry_at.unwrap_or_else(|| now.plus(LIMIT_WAIT)).max(now.plus(SHORTEST_WAIT));
                Fate::Again(self.again_untried(run_at))
            }
            Action::Park if self.account.is_some() => {
                Fate::Again(Again { parked: true, ..self.again_untried(now.plus(PARKED)) })
            }
            Action::Park => Fate::Failed,
            Action::Retry if self.attempt() >= self.attempts_with_looks(may_be_out) => Fate::Failed,
            Action::Retry => {
                let delay = policies.delay(&self.kind, self.attempt());
                Fate::Again(self.again(retry_at.unwrap_or_else(|| now.plus(delay))))
            }
        }
    }
}

/// Carries the fates out; targets of publish jobs and actions follow.
pub(crate) fn settle(jobs: Vec<Settled>, now: Timestamptz) -> Result<()> {
    let publishing: Vec<_> = jobs.iter().filter(|job| publishes(&job.job.kind)).collect();
    if !publishing.is_empty() {
        follow::jobs(publishing.iter().map(|job| (job.job.id, job.fate.end(), job.error)), now)?;
    }
    let acting: Vec<_> = jobs.iter().filter(|job| actions::is_action(&job.job.kind)).collect();
    if !acting.is_empty() {
        actions::follow::jobs(acting.iter().map(|job| (job.job.id, job.fate.action_end(), job.error)), now)?;
    }
    settle_jobs(jobs, now)
}

/// Carries the fates out for jobs whose targets or actions were already spoken of.
pub(crate) fn settle_jobs(jobs: Vec<Settled>, now: Timestamptz) -> Result<()> {
    let given_back = jobs.iter().filter(|job| job.said.gives_back()).filter_map(|job| {
        let (used_at, account) = (job.job.node.used_at, job.job.account?);
        let limited = job.job.limited.as_ref().filter(|_| used_at != 0)?;
        Some(Use::new(account, limited, used_at, -1))
    });
    usage::record(&given_back.collect::<Vec<_>>())?;
    spend::settle(&jobs, now)?;
    block::set(jobs.iter().filter_map(|job| block_of(job, now)).collect(), now)?;
    for job in jobs.iter().filter(|job| job.job.limited.is_some()) {
        if let Some(works) = job.said.works() {
            transaction::note_report(job.job.ix, works);
        }
    }
    let (back, ended): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.fate.again().is_some());
    memory::with(|memory| {
        for Settled { job, said, .. } in &ended {
            alter(memory, job.ix, |node| {
                node.state = State::Gone;
                (node.used_at, node.cost) = (said.keeps(job, node.used_at), 0);
            });
        }
        for Settled { job, said, fate, .. } in &back {
            let Some(again) = fate.again() else { continue };
            alter(memory, job.ix, |node| {
                node.state = State::Waiting;
                (node.used_at, node.cost) = (said.keeps(job, node.used_at), 0);
                node.run_at = again.run_at.0;
                node.attempt = small(again.attempt);
                node.lost_leases = small(again.lost_leases);
                node.flags |= RETRIED;
                node.flags = if is_far(again.run_at, now) { node.flags | FAR } else { node.flags & !FAR };
            });
        }
    })?;
    append_outcomes(ended)?;
    let parked = back.iter().filter(|job| job.fate.again().is_some_and(|again| again.parked));
    alerts::account::need_login(parked.filter_map(|job| job.job.account), None, now)?;
    append_retries(back, now)
}

/// What a platform's answer to a job blocks: exactly the scope it names, `action` (of the account) where it names none.
fn block_of(job: &Settled, now: Timestamptz) -> Option<Block> {
    let (Said::Failed(class) | Said::Unclear(class)) = job.said else { return None };
    let limited = job.job.limited.as_ref()?;
    let account = job.job.account;
    let scope = job.error.and_then(|error| error.text_field("scope"));
    let (until, of) = match (class, scope.as_deref()) {
        (ErrorClass::PolicyBlocked, _) => (now.plus(COOL_DOWN), Blocked::Account),
        (ErrorClass::RateLimited | ErrorClass::QuotaExhausted, scope) => {
            let of = match scope {
                Some("job") => return None,
                Some("server") => Blocked::Server,
                Some("account") => Blocked::Account,
                _ => Blocked::Action(limited.clone()),
            };
            (job.fate.run_at()?, of)
        }
        _ => return None,
    };
    let reason = Some(format!("the platform answered {class}"));
    Some(Block { account: account?, of, until, reason, set_by: SetBy::Platform })
}

/// Whether a job is noted by its time, and need not be kept in memory.
pub(crate) fn is_far(run_at: Timestamptz, now: Timestamptz) -> bool {
    run_at.0 > now.0.saturating_add(HORIZON)
}

fn column<T>(jobs: &[Settled], of: impl Fn(&Settled) -> T) -> Vec<T> {
    jobs.iter().map(of).collect()
}

/// Notes those that are far by their times.
pub(crate) fn note_far(jobs: impl Iterator<Item = (Timestamptz, Uuid)>, now: Timestamptz) -> Result<()> {
    let (times, ids): (Vec<_>, Vec<_>) = jobs.filter(|(run_at, _)| is_far(*run_at, now)).unzip();
    if ids.is_empty() { Ok(()) } else { NOTE_TIMES.run_only(&[times.into(), ids.into()]) }
}

fn append_outcomes(jobs: Vec<Settled>) -> Result<()> {
    if jobs.is_empty() {
        return Ok(());
    }
    let now = durable::time_on_record();
    let keyed: Vec<_> =
        jobs.iter().filter(|job| job.job.node.flags & KEYED != 0).map(|job| job.job.id).collect();
    let (mut done, others): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.fate == Fate::Completed);
    // in the order of their key: those of many accounts are far from each other
    done.sort_unstable_by_key(|job| *job.job.id.as_bytes());
    if let [job] = &done[..] {
        INSERT_COMPLETED_ONE.run_only(&[
            job.job.id.into(),
            job.job.workspace.into(),
            job.job.run_at().into(),
            job.job.attempt().into(),
            i32::from(job.job.node.lost_leases).into(),
            job.job.token().into(),
            job.result.into(),
            now.into(),
        ])?;
    } else if !done.is_empty() {
        INSERT_COMPLETED.run_only(&[
            column(&done, |job| job.job.id).into(),
            column(&done, |job| job.job.workspace).into(),
            column(&done, |job| job.job.run_at()).into(),
            column(&done, |job| job.job.attempt()).into(),
            column(&done, |job| i32::from(job.job.node.lost_leases)).into(),
            column(&done, |job| job.job.token()).into(),
            column(&done, |job| job.result).into(),
            now.into(),
        ])?;
    }
    if !others.is_empty() {
        INSERT_OUTCOMES.run_only(&[
            column(&others, |job| job.job.id).into(),
            column(&others, |job| job.job.workspace).into(),
            column(&others, |job| job.fate.state()).into(),
            column(&others, |job| job.job.run_at()).into(),
            column(&others, |job| job.job.attempt()).into(),
            column(&others, |job| i32::from(job.job.node.lost_leases)).into(),
            column(&others, |job| job.job.token()).into(),
            column(&others, |job| job.error).into(),
            now.into(),
        ])?;
    }
    if keyed.is_empty() { Ok(()) } else { FREE_KEYS.run_only(&[keyed.into()]) }
}

fn append_retries(mut jobs: Vec<Settled>, now: Timestamptz) -> Result<()> {
    if jobs.is_empty() {
        return Ok(());
    }
    // an earlier error stays where no new one is given
    let without: Vec<usize> = (0..jobs.len())
        .filter(|at| jobs[*at].error.is_none() && jobs[*at].job.node.flags & RETRIED != 0)
        .collect();
    if !without.is_empty() {
        let ids: Vec<_> = without.iter().map(|at| jobs[*at].job.id).collect();
        let found =
            LAST_ERRORS.write(&[ids.into()], |row| Ok((row.need::<i32>(1)?, row.need::<Jsonb>(2)?)))?;
        for (place, error) in found {
            if let Some(at) = usize::try_from(place - 1).ok().and_then(|place| without.get(place)) {
                jobs[*at].error = Some(error);
            }
        }
    }
    let again = |job: &Settled| job.fate.again().unwrap_or_else(|| job.job.again(now));
    INSERT_RETRIES.run_only(&[
        column(&jobs, |job| job.job.id).into(),
        column(&jobs, |job| job.job.workspace).into(),
        column(&jobs, |job| again(job).run_at).into(),
        column(&jobs, |job| again(job).attempt).into(),
        column(&jobs, |job| again(job).lost_leases).into(),
        column(&jobs, |job| job.error).into(),
        column(&jobs, |job| job.job.account.filter(|_| again(job).parked)).into(),
        column(&jobs, |job| after(&job.job.node)).into(),
    ])?;
    note_far(jobs.iter().map(|job| (again(job).run_at, job.job.id)), now)
}

/// An error that the queue itself gives.
pub(crate) fn reason(class: &str, message: &str) -> Jsonb {
    Jsonb::from_value(&serde_json::json!({ "class": class, "message": message }))
}
