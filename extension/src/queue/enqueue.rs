//! `crier.enqueue` and `crier.enqueue_many`.

use std::collections::HashMap;
use std::str::FromStr;

use crier_core::rights;
use pgrx::Uuid;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::value::RawValue;

use crate::answer::SetOfIterator;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input::{self, MAX_BATCH};
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};
use crate::queue::job::{self, NewJob};

const ACCOUNTS_ELSEWHERE: Statement = statement!(up "queue/accounts_elsewhere");
const MAX_USER_PRIORITY: u32 = 100;
const MAX_JOBS_BYTES: usize = 64 * 1024 * 1024;
const FIELDS: &str = "Use kind, params, workspace_id, user_id, account_id, priority, run_at, max_attempts, \
                      expires_at and dedupe_key.";

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
    let shape = |problem: String| CrierError::invalid("jobs", problem, FIELDS);
    let objects: Vec<HashMap<String, &RawValue>> = serde_json::from_str(text)
        .map_err(|error| shape(format!("must be a JSON array of objects: {error}")))?;
    if objects.len() > MAX_BATCH {
        return Err(CrierError::TooLarge {
            what: "jobs",
            found: objects.len(),
            limit: MAX_BATCH,
            unit: "elements",
        });
    }
    objects.iter().enumerate().map(|(at, fields)| Fields { at, fields }.job()).collect()
}

/// The fields of one element of `jobs`.
struct Fields<'a> {
    at: usize,
    fields: &'a HashMap<String, &'a RawValue>,
}

impl Fields<'_> {
    fn job(&self) -> Result<NewJob> {
        const KNOWN: [&str; 10] = [
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
        ];
        if let Some(name) = self.fields.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            let name: String = name.chars().take(80).collect();
            return Err(CrierError::invalid(self.name(&name), "is not a field of a job", FIELDS));
        }
        let kind = self.read::<String>("kind", "a string")?;
        let kind = kind.ok_or_else(|| CrierError::invalid(self.name("kind"), "is missing", FIELDS))?;
        // An explicit null counts as given: it is the JSON value null.
        let params = self.fields.get("params").map_or("{}", |raw| raw.get());
        Ok(NewJob {
            workspace_id: self.uuid("workspace_id")?,
            user_id: self.uuid("user_id")?,
            account_id: self.uuid("account_id")?,
            priority: self.read("priority", "a 32-bit integer")?.unwrap_or(0),
            run_at: self.time("run_at")?,
            max_attempts: self.read("max_attempts", "a 32-bit integer")?,
            expires_at: self.time("expires_at")?,
            dedupe_key: self.read("dedupe_key", "a string")?,
            ..NewJob::new(kind, params.to_owned())
        })
    }

    fn name(&self, field: &str) -> String {
        format!("jobs[{}].{field}", self.at)
    }

    fn read<T: serde::de::DeserializeOwned>(&self, field: &str, form: &str) -> Result<Option<T>> {
        let Some(raw) = self.fields.get(field) else { return Ok(None) };
        serde_json::from_str(raw.get()).map_err(|_| {
            let shown: String = raw.get().chars().take(80).collect();
            CrierError::invalid(self.name(field), format!("must be {form}, not {shown}"), FIELDS)
        })
    }

    fn uuid(&self, field: &str) -> Result<Option<Uuid>> {
        let Some(text) = self.read::<String>(field, "a uuid")? else { return Ok(None) };
        let uuid = uuid::Uuid::from_str(&text).map_err(|_| {
            let shown: String = text.chars().take(80).collect();
            CrierError::invalid(self.name(field), format!("is not a uuid: {shown:?}"), FIELDS)
        })?;
        Ok(Some(Uuid::from_bytes(*uuid.as_bytes())))
    }

    fn time(&self, field: &str) -> Result<Option<Timestamptz>> {
        const HINT: &str = "Write it like 2026-11-22T09:00:00Z.";
        let Some(text) = self.read::<String>(field, "a time in quotes")? else { return Ok(None) };
        let time = TimestampWithTimeZone::from_str(&text).map_err(|_| {
            let shown: String = text.chars().take(80).collect();
            CrierError::invalid(self.name(field), format!("is not a time: {shown:?}"), HINT)
        })?;
        Ok(Some(Timestamptz(time.into_inner())))
    }
}
