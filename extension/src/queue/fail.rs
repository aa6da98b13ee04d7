//! `crier.fail_jobs`.

use crier_core::error_class::ErrorClass;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::input;
use crate::passed::{Jsonb, JsonbArray, Timestamptz};
use crate::queue::held;
use crate::queue::kinds::Policies;
use crate::queue::settle::{self, Said, Settled};

/// Says that jobs failed, with the class of the error each. The class decides whether a job runs again
/// (after 1, 2, 4 minutes, or at `retry_at`), waits without using up an attempt, or ends as failed.
/// Answers with the jobs whose token was the current one.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn fail_jobs(
    job_ids: Option<Vec<Option<Uuid>>>,
    tokens: Option<Vec<Option<i64>>>,
    classes: Option<Vec<Option<String>>>,
    errors: Option<JsonbArray>,
    retry_at: default!(Option<Vec<Option<Timestamptz>>>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (name!(job_id, Uuid), name!(status, &'static str), name!(run_at, Option<Timestamptz>)),
    >,
    ErrorReport,
> {
    let (ids, tokens) = input::leases(job_ids, tokens)?;
    let classes = classes_of(classes, ids.len())?;
    let errors = input::required(errors, "errors")?.elements("errors", ids.len())?;
    let now = clock::now();
    let retry_at = retry_times(retry_at, ids.len(), now)?;
    let answers = Answers { classes, errors, retry_at };
    let rows = fail(&ids, &tokens, &answers, now)?;
    Ok(TableIterator::new(rows))
}

/// What workers say of jobs that failed, one of each per job.
pub(crate) struct Answers {
    pub(crate) classes: Vec<ErrorClass>,
    pub(crate) errors: Vec<Option<Jsonb>>,
    pub(crate) retry_at: Vec<Option<Timestamptz>>,
}

/// Settles the jobs whose token is the current one; their states then, and when they run again.
pub(crate) fn fail(
    ids: &[Uuid],
    tokens: &[i64],
    answers: &Answers,
    now: Timestamptz,
) -> Result<Vec<(Uuid, &'static str, Option<Timestamptz>)>> {
    let jobs = held::by_lease(ids, tokens)?;
    let policies = Policies::of(jobs.iter().map(|job| job.kind.as_str()))?;
    let settled: Vec<_> = jobs
        .into_iter()
        .map(|job| {
            let class = answers.classes[job.place];
            let fate = job.after_error(class, answers.retry_at[job.place], false, &policies, now);
            let error = answers.errors[job.place].map(|error| error.with_class(class));
            Settled { job, said: Said::Failed(class), fate, result: None, error }
        })
        .collect();
    let rows = settled.iter().map(|job| (job.job.id, job.fate.state(), job.fate.run_at())).collect();
    settle::settle(settled, now)?;
    Ok(rows)
}

pub(crate) fn classes_of(classes: Option<Vec<Option<String>>>, expected: usize) -> Result<Vec<ErrorClass>> {
    let classes = input::elements(classes, "classes")?;
    input::same_length(("job_ids", expected), ("classes", classes.len()))?;
    classes.iter().map(|class| parse_class(class)).collect()
}

/// The class with this name, or an error that lists them all.
pub(crate) fn parse_class(name: &str) -> Result<ErrorClass> {
    const HINT: &str = "Use transient, rate_limited, quota_exhausted, auth_expired, auth_revoked, permission, \
                        content_invalid, duplicate, policy_blocked, target_missing, outcome_unknown, config or \
                        unsupported.";
    let shown: String = name.chars().take(80).collect();
    name.parse().map_err(|_| CrierError::invalid(format!("class {shown:?}"), "is not an error class", HINT))
}

/// The times named, one per job, nothing where none is. One that has passed means now: the clocks of a platform,
/// a worker and the database differ.
pub(crate) fn retry_times(
    times: Option<Vec<Option<Timestamptz>>>,
    expected: usize,
    now: Timestamptz,
) -> Result<Vec<Option<Timestamptz>>> {
    let Some(times) = times else { return Ok(vec![None; expected]) };
    input::same_length(("job_ids", expected), ("retry_at", times.len()))?;
    let read = |time: Timestamptz| match time {
        Timestamptz(i64::MIN) => time.plausible("retry_at", now),
        past if past < now => Ok(now),
        _ => time.plausible("retry_at", now),
    };
    times.into_iter().map(|time| time.map(read).transpose()).collect()
}
