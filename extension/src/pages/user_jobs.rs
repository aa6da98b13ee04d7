//! `crier.get_user_jobs`: a user's jobs with their number, in any order, near the front of the list.

use std::cmp::Ordering;

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use super::input;
use super::jobs::{STATES, STATES_HINT, failed_among};
use crate::answer::TableIterator;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input::required;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};

const NEWEST: Statement = statement!(up "pages/user_jobs").planned_once();
const CHOOSE: Statement = statement!(up "pages/user_jobs_choose").planned_once();
const PAGE: Statement = statement!(up "pages/user_jobs_page").planned_once();

const MAX_OFFSET: i32 = 1_000;
/// The newest jobs of a user that are counted and ordered.
const MAX_COUNTED: usize = 10_000;

/// A user's jobs. `total_count` is the number of those that pass the filters among the user's newest 10,000 jobs;
/// `total_is_exact` says that there are no older ones.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn get_user_jobs(
    p_user_id: Option<Uuid>,
    p_status: default!(Option<&str>, "NULL"),
    p_job_type: default!(Option<&str>, "NULL"),
    p_limit: default!(Option<i32>, "50"),
    p_offset: default!(Option<i32>, "0"),
    p_order_by: default!(Option<&str>, "'created_at'"),
    p_order_dir: default!(Option<&str>, "'desc'"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(id, Uuid),
            name!(workspace_id, Option<Uuid>),
            name!(user_id, Option<Uuid>),
            name!(account_id, Option<Uuid>),
            name!(platform, Option<String>),
            name!(kind, String),
            name!(params, Jsonb),
            name!(priority, i32),
            name!(state, String),
            name!(run_at, Timestamptz),
            name!(attempt, i32),
            name!(max_attempts, i32),
            name!(progress, Option<Jsonb>),
            name!(result, Option<Jsonb>),
            name!(error, Option<Jsonb>),
            name!(created_at, Timestamptz),
            name!(finished_at, Option<Timestamptz>),
            name!(total_count, i64),
            name!(total_is_exact, bool),
        ),
    >,
    ErrorReport,
> {
    let user = required(p_user_id, "p_user_id")?;
    let status = input::one_of(p_status, "p_status", &STATES, STATES_HINT)?;
    let limit = input::limit(p_limit)?;
    let offset = offset(p_offset)?;
    let order = Order::of(p_order_by, p_order_dir)?;
    let caller = Caller::current()?;
    caller.acts_as(Some(user))?;
    let scope = caller.readable()?;
    let newest = NEWEST.read(&[user.into(), scope.into(), (MAX_COUNTED as i64 + 1).into()], |row| {
        Ok((row.need::<Uuid>(1)?, row.need::<bool>(2)?))
    })?;
    let exact = newest.len() <= MAX_COUNTED;
    let visible = newest.into_iter().take(MAX_COUNTED).filter(|(_, visible)| *visible);
    let mut ids: Vec<Uuid> = visible.map(|(id, _)| id).collect();
    if status == Some("failed") {
        ids = failed_among(ids)?;
    }
    if status.is_none() && p_job_type.is_none() && order.by == By::Created {
        if !order.descending {
            ids.reverse();
        }
    } else {
        ids = order.sort(choose(ids, p_job_type, status)?);
    }
    let total = ids.len() as i64;
    let ids: Vec<Uuid> = ids.into_iter().skip(offset).take(limit).collect();
    let rows = PAGE.read(&[ids.into()], |row| {
        Ok((
            row.need(1)?,
            row.get(2)?,
            row.get(3)?,
            row.get(4)?,
            row.get(5)?,
            row.need(6)?,
            row.need(7)?,
            row.need(8)?,
            row.need(9)?,
            row.need(10)?,
            row.need(11)?,
            row.need(12)?,
            row.get(13)?,
            row.get(14)?,
            row.get(15)?,
            row.need(16)?,
            row.get(17)?,
            total,
            exact,
        ))
    })?;
    Ok(TableIterator::new(rows))
}

fn offset(offset: Option<i32>) -> Result<usize> {
    match required(offset, "p_offset")? {
        offset @ 0..=MAX_OFFSET => Ok(offset as usize),
        other => Err(CrierError::invalid(
            "p_offset",
            format!("is {other}"),
            "Give a number from 0 to 1000. crier.list_jobs goes on from any place with its next_cursor.",
        )),
    }
}

/// What the jobs are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Created,
    RunAt,
    Finished,
    Priority,
    Kind,
    State,
}

struct Order {
    by: By,
    descending: bool,
}

/// A job with what it may be ordered by.
struct Job {
    id: Uuid,
    kind: String,
    state: String,
    priority: i32,
    run_at: Timestamptz,
    /// Nothing while it is unfinished; such jobs count as the latest.
    finished_at: Option<Timestamptz>,
}

fn choose(ids: Vec<Uuid>, kind: Option<&str>, status: Option<&'static str>) -> Result<Vec<Job>> {
    CHOOSE.read(&[ids.into(), kind.into(), status.into()], |row| {
        Ok(Job {
            id: row.need(1)?,
            kind: row.need(2)?,
            state: row.need(3)?,
            priority: row.need(4)?,
            run_at: row.need(5)?,
            finished_at: row.get(6)?,
        })
    })
}

impl Order {
    fn of(by: Option<&str>, direction: Option<&str>) -> Result<Self> {
        const COLUMNS: [&str; 6] = ["created_at", "run_at", "finished_at", "priority", "kind", "state"];
        const HINT: &str = "Use created_at, run_at, finished_at, priority, kind or state.";
        let by = required(by, "p_order_by")?;
        let direction = required(direction, "p_order_dir")?.to_ascii_lowercase();
        let direction = input::one_of(Some(&direction), "p_order_dir", &["asc", "desc"], "Use asc or desc.")?;
        let by = match input::one_of(Some(by), "p_order_by", &COLUMNS, HINT)? {
            Some("run_at") => By::RunAt,
            Some("finished_at") => By::Finished,
            Some("priority") => By::Priority,
            Some("kind") => By::Kind,
            Some("state") => By::State,
            _ => By::Created,
        };
        Ok(Self { by, descending: direction == Some("desc") })
    }

    fn sort(&self, mut jobs: Vec<Job>) -> Vec<Uuid> {
        jobs.sort_unstable_by(|one, two| {
            let order = self.compare(one, two).then_with(|| one.id.as_bytes().cmp(two.id.as_bytes()));
            if self.descending { order.reverse() } else { order }
        });
        jobs.into_iter().map(|job| job.id).collect()
    }

    fn compare(&self, one: &Job, two: &Job) -> Ordering {
        let end = |job: &Job| job.finished_at.unwrap_or(Timestamptz(i64::MAX));
        match self.by {
            By::Created => Ordering::Equal,
            By::RunAt => one.run_at.cmp(&two.run_at),
            By::Finished => end(one).cmp(&end(two)),
            By::Priority => one.priority.cmp(&two.priority),
            By::Kind => one.kind.cmp(&two.kind),
            By::State => one.state.cmp(&two.state),
        }
    }
}
