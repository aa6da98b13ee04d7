//! `crier.complete_jobs`.

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::SetOfIterator;
use crate::clock;
use crate::error::Result;
use crate::input;
use crate::passed::{Jsonb, JsonbArray, Timestamptz};
use crate::queue::held;
use crate::queue::settle::{self, Fate, Said, Settled};

/// Ends jobs as completed, with a result each or none. Answers with those whose token was the current one.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn complete_jobs(
    job_ids: Option<Vec<Option<Uuid>>>,
    tokens: Option<Vec<Option<i64>>>,
    results: default!(Option<JsonbArray>, "NULL"),
) -> Result<SetOfIterator<'static, Uuid>, ErrorReport> {
    let (ids, tokens) = input::leases(job_ids, tokens)?;
    let results = results.map(|results| results.elements("results", ids.len())).transpose()?;
    Ok(SetOfIterator::new(complete(&ids, &tokens, results.as_deref(), clock::now())?))
}

/// Ends the jobs whose token is the current one.
pub(crate) fn complete(
    ids: &[Uuid],
    tokens: &[i64],
    results: Option<&[Option<Jsonb>]>,
    now: Timestamptz,
) -> Result<Vec<Uuid>> {
    let jobs = held::by_lease(ids, tokens)?;
    let done = jobs.iter().map(|job| job.id).collect();
    let settled = jobs.into_iter().map(|job| {
        let result = results.and_then(|results| results[job.place]);
        Settled { job, said: Said::Done, fate: Fate::Completed, result, error: None }
    });
    settle::settle(settled.collect(), now)?;
    Ok(done)
}
