//! `crier.complete_jobs`.

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::clock;
use crate::error::Result;
use crate::input;
use crate::passed::JsonbArray;
use crate::queue::settle::{self, Fate, Settled};

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
    let now = clock::now();
    let settled: Vec<_> = settle::hold(ids, tokens)?
        .into_iter()
        .map(|job| Settled {
            id: job.id,
            fate: Fate::Completed,
            result: results.as_ref().and_then(|results| results[job.place]),
            error: None,
            kind: job.kind,
        })
        .collect();
    settle::settle(&settled, now)?;
    Ok(SetOfIterator::new(settled.into_iter().map(|job| job.id)))
}
