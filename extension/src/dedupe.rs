//! `crier.find_or_create_job` and `crier.get_cached_job_result`: the same work is not done twice.

use crier_core::canonical;
use crier_core::rights;
use pgrx::Uuid;
use pgrx::datum::Interval;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};
use crate::queue::job::{self, NewJob};
use crate::queue::kinds::Policies;

const TAKE_KEY_OVER: Statement = statement!("queue/take_key_over");
const FIND_KEYS: Statement = statement!("queue/find_keys");
const STATE_OF: Statement = statement!("queue/state_of");
const CACHED: Statement = statement!("queue/cached_result");
/// Tries to find or make a job while others finish theirs.
const MAX_ROUNDS: usize = 10;
const MAX_WINDOW: i64 = 366 * 24 * 60 * 60 * 1_000_000;

/// Answers with the unfinished job of the same user, type and params that was made within the window, or makes one.
/// Params are compared by value: the order of keys and the spelling of numbers and strings do not matter. However
/// many callers ask at once, one job is made.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn find_or_create_job(
    p_user_id: Option<Uuid>,
    p_job_type: Option<&str>,
    p_params: Option<Jsonb>,
    p_dedupe_window: default!(Option<Interval>, "'5 minutes'"),
) -> Result<
    TableIterator<
        'static,
        (name!(job_id, Uuid), name!(is_new, bool), name!(existing_status, Option<&'static str>)),
    >,
    ErrorReport,
> {
    let named = input::required(p_user_id, "p_user_id")?;
    let kind = input::text(p_job_type, "p_job_type", 100)?;
    let params = input::required(p_params, "p_params")?.to_text()?;
    let window = span(p_dedupe_window, "p_dedupe_window")?;
    let caller = Caller::current()?;
    let user = caller.acts_as(Some(named))?;
    let workspace = match caller {
        Caller::Trusted => None,
        Caller::User(_) => {
            job::require_own_kind(&kind)?;
            Some(only_workspace(caller)?)
        }
    };
    let now = clock::now();
    let job = NewJob {
        user_id: user,
        workspace_id: workspace,
        dedupe_key: Some(key(named, &params)?),
        of_user: matches!(caller, Caller::User(_)),
        ..NewJob::new(kind, params)
    };
    job.check(now)?;
    for _ in 0..MAX_ROUNDS {
        if let Some(found) = find(&job, window, now)? {
            return Ok(TableIterator::once((found.0, false, Some(found.1))));
        }
        if take(&job, window, now)? {
            job::append(&[&job], &Policies::of([job.kind.as_str()].into_iter())?, now)?;
            return Ok(TableIterator::once((job.id, true, None)));
        }
    }
    Err(CrierError::Busy("the same job is made and finished faster than it can be found".into()).into())
}

/// The result of the job of the same user, type and params that was completed last, if that was within the time. No
/// row: there is none.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn get_cached_job_result(
    p_user_id: Option<Uuid>,
    p_job_type: Option<&str>,
    p_params: Option<Jsonb>,
    p_cache_ttl: default!(Option<Interval>, "'1 hour'"),
) -> Result<
    TableIterator<
        'static,
        (name!(job_id, Uuid), name!(result, Option<Jsonb>), name!(completed_at, Timestamptz)),
    >,
    ErrorReport,
> {
    let user = input::required(p_user_id, "p_user_id")?;
    let kind = input::text(p_job_type, "p_job_type", 100)?;
    let params = input::required(p_params, "p_params")?;
    let ttl = span(p_cache_ttl, "p_cache_ttl")?;
    let caller = Caller::current()?;
    caller.acts_as(Some(user))?;
    let now = clock::now();
    let args =
        [user.into(), kind.into(), params.into(), Timestamptz(now.0 - ttl).into(), caller.readable()?.into()];
    let found = CACHED.read(&args, |row| Ok((row.need(1)?, row.get(2)?, row.need(3)?)))?;
    Ok(TableIterator::new(found))
}

fn span(interval: Option<Interval>, name: &'static str) -> Result<i64> {
    match clock::micros(&interval.ok_or(CrierError::Null(name))?) {
        Some(span @ 0..=MAX_WINDOW) => Ok(span),
        _ => Err(CrierError::invalid(
            name,
            "must be between nothing and a year",
            "Give for instance '5 minutes'.",
        )),
    }
}

/// What tells two jobs of a kind apart: the user and the value of the params.
fn key(user: Uuid, params: &str) -> Result<String> {
    let hash = canonical::hash(params).map_err(|error| {
        CrierError::invalid("p_params", format!("can't be compared: {error}"), "Give a simpler value.")
    })?;
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("user {user} params {hex}"))
}

/// Where an application user's job belongs: the one workspace they may write in.
fn only_workspace(caller: Caller) -> Result<Uuid> {
    match caller.within(const { rights::least("find_or_create_job") })?.as_deref() {
        Some([only]) => Ok(*only),
        Some([]) => Err(CrierError::NotAllowed("this session may write in no workspace".into())),
        _ => Err(CrierError::invalid(
            "this user",
            "may write in several workspaces",
            "Use crier.enqueue with workspace_id and dedupe_key.",
        )),
    }
}

fn find(job: &NewJob, window: i64, now: Timestamptz) -> Result<Option<(Uuid, &'static str)>> {
    let args = [
        vec![job.key_space()].into(),
        vec![job.kind.as_str()].into(),
        vec![job.dedupe_key.as_deref()].into(),
    ];
    let found = FIND_KEYS.write(&args, |row| Ok((row.need::<Uuid>(2)?, row.need::<Timestamptz>(3)?)))?;
    match found.first() {
        Some((id, since)) if since.0 > now.0.saturating_sub(window) => {
            let state = STATE_OF.write(&[(*id).into()], |row| row.need::<String>(1))?;
            Ok(match state.first().map(String::as_str) {
                Some("running") => Some((*id, "running")),
                Some("retrying") => Some((*id, "retrying")),
                Some("pending") => Some((*id, "pending")),
                // it has ended since its key was read
                _ => None,
            })
        }
        _ => Ok(None),
    }
}

fn take(job: &NewJob, window: i64, now: Timestamptz) -> Result<bool> {
    let taken = TAKE_KEY_OVER.write(
        &[
            job.key_space().into(),
            job.kind.as_str().into(),
            job.dedupe_key.as_deref().into(),
            job.id.into(),
            now.into(),
            Timestamptz(now.0.saturating_sub(window)).into(),
        ],
        |_| Ok(()),
    )?;
    Ok(!taken.is_empty())
}
