//! `crier.exchange`: answers and asks in one round trip and one transaction.

use pgrx::Uuid;
use pgrx::datum::Interval;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::clock;
use crate::error::Result;
use crate::input;
use crate::passed::{Jsonb, JsonbArray, Timestamptz};
use crate::queue::complete::complete;
use crate::queue::fail::{Answers, classes_of, fail, retry_times};
use crate::queue::hand_out::{self, HandedOut, Wanted};

/// Completes jobs, fails jobs and claims the next ones. One row for each answer that was accepted (status completed,
/// failed or retrying) and one for each job that was handed out (status running).
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn exchange(
    worker: Option<&str>,
    max: default!(Option<i32>, "1"),
    completed: default!(Option<Vec<Option<Uuid>>>, "'{}'"),
    completed_tokens: default!(Option<Vec<Option<i64>>>, "'{}'"),
    results: default!(Option<JsonbArray>, "NULL"),
    failed: default!(Option<Vec<Option<Uuid>>>, "'{}'"),
    failed_tokens: default!(Option<Vec<Option<i64>>>, "'{}'"),
    classes: default!(Option<Vec<Option<String>>>, "'{}'"),
    errors: default!(Option<JsonbArray>, "NULL"),
    retry_at: default!(Option<Vec<Option<Timestamptz>>>, "NULL"),
    kinds: default!(Option<Vec<Option<String>>>, "NULL"),
    platforms: default!(Option<Vec<Option<String>>>, "NULL"),
    workspaces: default!(Option<Vec<Option<Uuid>>>, "NULL"),
    lease: default!(Option<Interval>, "'1 minute'"),
    wait: default!(Option<Interval>, "'0'"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(status, &'static str),
            name!(job_id, Uuid),
            name!(token, Option<i64>),
            name!(attempt, Option<i32>),
            name!(kind, Option<String>),
            name!(params, Option<Jsonb>),
            name!(workspace_id, Option<Uuid>),
            name!(user_id, Option<Uuid>),
            name!(account_id, Option<Uuid>),
            name!(run_at, Option<Timestamptz>),
            name!(lease_expires_at, Option<Timestamptz>),
        ),
    >,
    ErrorReport,
> {
    let mut wanted = Wanted::read(worker, max, kinds, platforms, workspaces, lease, wait)?;
    let (completed, completed_tokens) = input::leases(completed, completed_tokens)?;
    let (failed, failed_tokens) = input::leases(failed, failed_tokens)?;
    let results = results.map(|results| results.elements("results", completed.len())).transpose()?;
    let now = clock::now();
    let answers = Answers {
        classes: classes_of(classes, failed.len())?,
        errors: match errors {
            Some(errors) => errors.elements("errors", failed.len())?,
            None => vec![None; failed.len()],
        },
        retry_at: retry_times(retry_at, failed.len(), now)?,
    };
    let answered = |status, id, run_at| (status, id, None, None, None, None, None, None, None, run_at, None);
    let mut rows = Vec::new();
    if !completed.is_empty() {
        let done = complete(&completed, &completed_tokens, results.as_deref(), now)?;
        rows.extend(done.into_iter().map(|id| answered("completed", id, None)));
    }
    if !failed.is_empty() {
        let done = fail(&failed, &failed_tokens, &answers, now)?;
        rows.extend(done.into_iter().map(|(id, status, run_at)| answered(status, id, run_at)));
    }
    // The answers must not wait for their commit until there is work.
    if !rows.is_empty() {
        wanted.wait = 0;
    }
    for job in hand_out::claim(&wanted)? {
        let HandedOut { id, token, attempt, kind, params, workspace, user, account, run_at, until } = job;
        rows.push((
            "running",
            id,
            Some(token),
            Some(attempt),
            Some(kind),
            Some(params),
            workspace,
            user,
            account,
            Some(run_at),
            Some(until),
        ));
    }
    Ok(TableIterator::new(rows))
}
