//! `crier.snooze_jobs`.

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::clock;
use crate::error::Result;
use crate::input;
use crate::passed::Timestamptz;
use crate::queue::held;
use crate::queue::settle::{self, Fate, Said, Settled};

/// Gives jobs back to the queue until a time, without using up an attempt. Answers with the jobs whose token
/// was the current one.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn snooze_jobs(
    job_ids: Option<Vec<Option<Uuid>>>,
    tokens: Option<Vec<Option<i64>>>,
    until: Option<Vec<Option<Timestamptz>>>,
) -> Result<TableIterator<'static, (name!(job_id, Uuid), name!(run_at, Timestamptz))>, ErrorReport> {
    let (ids, tokens) = input::leases(job_ids, tokens)?;
    let until = input::elements(until, "until")?;
    input::same_length(("job_ids", ids.len()), ("until", until.len()))?;
    let now = clock::now();
    let until = until.into_iter().map(|at| at.plausible("until", now)).collect::<Result<Vec<_>>>()?;
    let settled: Vec<_> = held::by_lease(&ids, &tokens)?
        .into_iter()
        .map(|job| Settled {
            fate: Fate::Again(job.again_untried(until[job.place])),
            job,
            said: Said::NotBegun,
            result: None,
            error: None,
        })
        .collect();
    let rows: Vec<_> = settled.iter().filter_map(|job| Some((job.job.id, job.fate.run_at()?))).collect();
    settle::settle(settled, now)?;
    Ok(TableIterator::new(rows))
}
