//! `crier.taken_posts` and its counterpart in reports: a post on a platform is that of one target.

use std::collections::HashSet;

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::error::Result;
use crate::input;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};

const TAKEN: Statement = statement!(up "publishing/taken_posts");
const LOCK: Statement = statement!(up "publishing/lock_posts");
const CONTESTED: Statement = statement!(up "publishing/contested").planned_once();

/// Which of the posts that a look found, by their ids on the platform, belong to another target of the job's account: they
/// are not what is looked for. `intent_at` is when the other one was sent last: of two that read the same, one is published
/// and the other's send may still become visible.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn taken_posts(
    job_id: Option<Uuid>,
    external_ids: Option<Vec<Option<String>>>,
) -> Result<
    TableIterator<'static, (name!(external_id, String), name!(intent_at, Option<Timestamptz>))>,
    ErrorReport,
> {
    let job_id = input::required(job_id, "job_id")?;
    let ids = input::elements(external_ids, "external_ids")?;
    let rows = TAKEN.read(&[job_id.into(), ids.into()], |row| Ok((row.need(1)?, row.get(2)?)))?;
    Ok(TableIterator::new(rows))
}

/// The jobs among these whose post is another target's: two looks can find the same one, and the first to say so has it.
pub(super) fn contested(published: &[(Uuid, Option<Jsonb>)]) -> Result<HashSet<Uuid>> {
    if published.is_empty() {
        return Ok(HashSet::new());
    }
    let (ids, details): (Vec<_>, Vec<_>) = published.iter().copied().unzip();
    LOCK.write(&[details.clone().into()], |_| Ok(()))?;
    let found = CONTESTED.write(&[ids.into(), details.into()], |row| row.need::<Uuid>(1))?;
    Ok(found.into_iter().collect())
}
