//! `crier.fail_jobs`.

use crier_core::error_class::ErrorClass;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::clock;
use crate::error::{CrierError, Result};
use crate::input;
use crate::passed::{JsonbArray, Timestamptz};
use crate::queue::settle::{self, Settled};

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
    let settled: Vec<_> = settle::hold(ids, tokens)?
        .into_iter()
        .map(|job| Settled {
            id: job.id,
            fate: job.after_error(classes[job.place], retry_at[job.place], 0, now),
            result: None,
            error: errors[job.place].map(|error| error.with_class(classes[job.place])),
            kind: job.kind,
        })
        .collect();
    settle::settle(&settled, now)?;
    Ok(TableIterator::new(settled.into_iter().map(|job| (job.id, job.fate.state(), job.fate.run_at()))))
}

fn classes_of(classes: Option<Vec<Option<String>>>, expected: usize) -> Result<Vec<ErrorClass>> {
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
