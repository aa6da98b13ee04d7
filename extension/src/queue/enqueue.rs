//! `crier.enqueue` and `crier.enqueue_many`.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::SetOfIterator;
use crate::clock;
use crate::elements::{self, Element};
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};
use crate::queue::job::{self, NewJob};

const ACCOUNTS_ELSEWHERE: Statement = statement!(up "queue/accounts_elsewhere");
const MAX_USER_PRIORITY: u32 = 100;
const MAX_JOBS_BYTES: usize = 64 * 1024 * 1024;
const JOBS: elements::Kind = elements::Kind {
    list: "jobs",
    one: "a job",
    fields: &[
        "kind",
        "params",
        "workspace_id",
        "user_id",
        "account_id",
        "priority",
        "run_at",
        "max_attempts",
        "expires_at",
        "dedupe_key",
    ],
    hint: "Use kind, params, workspace_id, user_id, account_id, priority, run_at, max_attempts, \
           expires_at and dedupe_key.",
};

/// Adds one job in the caller's transaction; answers with its id.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn enqueue(
    kind: Option<&str>,
    params: default!(Option<Jsonb>, "'{}'"),
    workspace_id: default!(Option<Uuid>, "NULL"),
    user_id: default!(Option<Uuid>, "NULL"),
    account_id: default!(Option<Uuid>, "NULL"),
    priority: default!(Option<i32>, "0"),
    run_at: default!(Option<Timestamptz>, "NULL"),
    max_attempts: default!(Option<i32>, "NULL"),
    expires_at: default!(Option<Timestamptz>, "NULL"),
    dedupe_key: default!(Option<&str>, "NULL"),
) -> Result<Uuid, ErrorReport> {
    let kind = input::required(kind, "kind")?.to_owned();
    let params = input::required(params, "params")?.to_text()?;
    let job = NewJob {
        workspace_id,
        user_id,
        account_id,
        priority: input::required(priority, "priority")?,
        run_at,
        max_attempts,
        expires_at,
        dedupe_key: dedupe_key.map(str::to_owned),
        ..NewJob::new(kind, params)
    };
    let added = add(vec![job], |_, error| error)?;
    Ok(added.into_iter().next().ok_or_else(|| CrierError::Internal("no id for the job".into()))?)
}

/// Adds many jobs in the caller's transaction: an array of objects with the fields of `enqueue`. Answers with
/// their ids in the order of the array.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn enqueue_many(jobs: Option<Jsonb>) -> Result<SetOfIterator<'static, Uuid>, ErrorReport> {
    let jobs = input::required(jobs, "jobs")?;
    let jobs = parse(&jobs.to_text_within("jobs", MAX_JOBS_BYTES)?)?;
    let ids = add(jobs, |at, error| match error {
        CrierError::Invalid { what, problem, hint } => {
            CrierError::Invalid { what: format!("jobs[{at}].{what}"), problem, hint }
        }
        other => other,
    })?;
    Ok(SetOfIterator::new(ids))
}

/// Checks the jobs and what the caller may add, then adds them.
fn add(mut jobs: Vec<NewJob>, blame: impl Fn(usize, CrierError) -> CrierError) -> Result<Vec<Uuid>> {
    let now = clock::now();
    for (at, job) in jobs.iter().enumerate() {
        job.check(now).map_err(|error| blame(at, error))?;
    }
    let caller = Caller::current()?;
    for job in &mut jobs {
        job.user_id = caller.acts_as(job.user_id)?;
        job.of_user = matches!(caller, Caller::User(_));
    }
    check_rights(&jobs, caller)?;
    job::insert(&jobs, now)
}

/// An application user adds work to workspaces they may write in, and only for accounts of those. Its priority
/// stays in a range above which the operator's own work has room.
fn check_rights(jobs: &[NewJob], caller: Caller) -> Result<()> {
    const HINT: &str = "Application users may give priorities from -100 to 100.";
    if matches!(caller, Caller::Trusted) {
        return Ok(());
    }
    for job in jobs {
        job::require_own_kind(&job.kind)?;
        if job.priority.unsigned_abs() > MAX_USER_PRIORITY {
            return Err(CrierError::invalid("priority", format!("is {}", job.priority), HINT));
        }
    }
    let mut workspaces: Vec<_> = jobs.iter().map(|job| job.workspace_id.map(|id| *id.as_bytes())).collect();
    workspaces.sort_unstable();
    workspaces.dedup();
    for workspace in workspaces {
        let workspace = workspace.ok_or(CrierError::Null("workspace_id"))?;
        caller.require(Uuid::from_bytes(workspace), const { rights::least("enqueue") })?;
    }
    let of_workspace: Vec<_> = jobs.iter().map(|job| job.workspace_id).collect();
    let accounts: Vec<_> = jobs.iter().map(|job| job.account_id).collect();
    match ACCOUNTS_ELSEWHERE.read(&[of_workspace.into(), accounts.into()], |row| row.need(1))?.first() {
        Some(id) => Err(CrierError::NotFound { what: "account", id: *id }),
        None => Ok(()),
    }
}

fn parse(text: &str) -> Result<Vec<NewJob>> {
    JOBS.parse(text)?.iter().map(job).collect()
}

/// The job that an element of `jobs` says.
fn job(element: &Element<'_>) -> Result<NewJob> {
    let kind = element.required("kind", element.read::<String>("kind", "a string")?)?;
    // An explicit null counts as given: it is the JSON value null.
    let params = element.raw("params").unwrap_or("{}");
    Ok(NewJob {
        workspace_id: element.uuid("workspace_id")?,
        user_id: element.uuid("user_id")?,
        account_id: element.uuid("account_id")?,
        priority: element.read("priority", "a 32-bit integer")?.unwrap_or(0),
        run_at: element.time("run_at")?,
        max_attempts: element.read("max_attempts", "a 32-bit integer")?,
        expires_at: element.time("expires_at")?,
        dedupe_key: element.read("dedupe_key", "a string")?,
        ..NewJob::new(kind, params.to_owned())
    })
}
