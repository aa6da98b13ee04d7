//! `crier.dead_jobs` and `crier.purge_jobs`: the dead letter queue.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::activity;
use crate::answer::{SetOfIterator, TableIterator};
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};
use crate::queue::held;

const DEAD: Statement = statement!(up "queue/dead_jobs");
const DEAD_OF: Statement = statement!(up "queue/dead_jobs_of");
const PURGE: Statement = statement!(up "queue/purge_jobs");
const MAX_LIST: i32 = 10_000;
/// Reasons of the queue's own, beside the classes of errors.
const OWN_CLASSES: [&str; 2] = ["expired", "lease_lost"];

/// The dead letters the caller may see: jobs that failed for good, the newest first. `classes`: only those with one
/// of these error classes. `before`: only ids below this one, for the next page.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn dead_jobs(
    kinds: default!(Option<Vec<Option<String>>>, "NULL"),
    classes: default!(Option<Vec<Option<String>>>, "NULL"),
    max: default!(Option<i32>, "100"),
    before: default!(Option<Uuid>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(job_id, Uuid),
            name!(workspace_id, Option<Uuid>),
            name!(user_id, Option<Uuid>),
            name!(account_id, Option<Uuid>),
            name!(platform, Option<String>),
            name!(kind, String),
            name!(params, Jsonb),
            name!(attempt, i32),
            name!(error, Option<Jsonb>),
            name!(created_at, Timestamptz),
            name!(finished_at, Timestamptz),
        ),
    >,
    ErrorReport,
> {
    let kinds = input::filter(kinds, "kinds")?;
    let classes = input::filter(classes, "classes")?;
    for class in classes.iter().flatten().filter(|class| !OWN_CLASSES.contains(&class.as_str())) {
        super::fail::parse_class(class)?;
    }
    let max = input::required(max, "max")?;
    if !(1..=MAX_LIST).contains(&max) {
        return Err(CrierError::invalid("max", format!("is {max}"), "Give a number from 1 to 10000.").into());
    }
    let scope = Caller::current()?.readable()?;
    let mut args = vec![kinds.into(), classes.into(), i64::from(max).into(), before.into()];
    let dead = match scope {
        None => DEAD,
        Some(workspaces) => {
            args.push(workspaces.into());
            DEAD_OF
        }
    };
    let rows = dead.read(&args, |row| {
        Ok((
            row.need(1)?,
            row.get(2)?,
            row.get(3)?,
            row.get(4)?,
            row.get(5)?,
            row.need(6)?,
            row.need(7)?,
            row.need(8)?,
            row.get(9)?,
            row.need(10)?,
            row.need(11)?,
        ))
    })?;
    Ok(TableIterator::new(rows))
}

/// Deletes dead jobs for good; answers with those it deleted. Jobs of posts stay, as part of the posts' history.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn purge_jobs(job_ids: Option<Vec<Option<Uuid>>>) -> Result<SetOfIterator<'static, Uuid>, ErrorReport> {
    let ids = input::elements(job_ids, "job_ids")?;
    let ids = held::in_scope(ids, Caller::current()?, const { rights::least("purge_jobs") })?;
    let purged = PURGE.write(&[ids.into()], |row| Ok((row.get::<Uuid>(2)?, row.need::<Uuid>(1)?)))?;
    activity::note_jobs("jobs_purged", purged.iter().copied())?;
    Ok(SetOfIterator::new(purged.into_iter().map(|(_, id)| id)))
}
