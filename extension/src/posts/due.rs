//! `crier.run_due`: what is due soon gets its jobs. What is due later waits in the tables, where a change of plan costs nothing
//! but the change.

use pgrx::Uuid;
use pgrx::datum::Interval;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use super::store::Post;
use crate::answer::TableIterator;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::publishing::thread::Job;
use crate::queue::job;
use crate::schedules;
use crate::workspaces::new_id;

const TAKE: Statement = statement!(up "posts/take_due").planned_once();
const PLACE: Statement = statement!(up "posts/place").planned_once();
const NEXT: Statement = statement!(up "posts/next_due").planned_once();

/// What is due within this has its job: also what crier.run_due() looks for.
pub(crate) const AHEAD: i64 = 60 * 60 * 1_000_000;
/// The furthest that jobs are made ahead.
const MAX_AHEAD: i64 = 24 * AHEAD;
const MAX_LIMIT: i32 = 10_000;

/// Whether a target that is due then has its job at once.
pub(super) fn is_near(at: Timestamptz, now: Timestamptz) -> bool {
    at.0 <= now.0.saturating_add(AHEAD)
}

/// A target with the job it gets.
pub(super) struct Placed {
    pub(super) job: Uuid,
    pub(super) target: Uuid,
    pub(super) account: Uuid,
    pub(super) is_comment: bool,
    pub(super) run_at: Timestamptz,
    pub(super) post: Post,
}

/// Has targets that are stored name the jobs they get.
pub(super) fn name_jobs(placed: &[Placed], now: Timestamptz) -> Result<()> {
    if placed.is_empty() {
        return Ok(());
    }
    PLACE.run_only(&[
        placed.iter().map(|placed| placed.post.workspace).collect::<Vec<_>>().into(),
        placed.iter().map(|placed| placed.target).collect::<Vec<_>>().into(),
        placed.iter().map(|placed| placed.job).collect::<Vec<_>>().into(),
        now.into(),
    ])
}

/// Adds the jobs, whose targets name them. `goes_on`: the posts were accepted before.
pub(super) fn add_jobs(placed: &[Placed], goes_on: bool, now: Timestamptz) -> Result<()> {
    if placed.is_empty() {
        return Ok(());
    }
    let jobs: Vec<_> = placed
        .iter()
        .map(|placed| {
            let Placed { job: id, target: target_id, account, is_comment, run_at, post } = *placed;
            let job = Job { id, target_id, is_comment, run_at };
            let job = job.of_post(post.workspace, post.id, account, post.author);
            job::NewJob { priority: post.priority, goes_on, ..job }
        })
        .collect();
    job::insert(&jobs, now).map(drop)
}

/// Gives what is due soon its jobs, in the order of their times, and makes the posts of schedules whose time has come. Any number
/// may call it at once: each target gets one job. Answers with how many it did that for, and when the next is due that has none;
/// call it again at once while `more` says so. `p_now`: as if it were then, for tests and replays.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn run_due(
    p_limit: default!(Option<i32>, "1000"),
    p_ahead: default!(Option<Interval>, "'1 hour'"),
    p_now: default!(Option<Timestamptz>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(targets, i64),
            name!(occurrences, i64),
            name!(next_due, Option<Timestamptz>),
            name!(more, bool),
        ),
    >,
    ErrorReport,
> {
    let limit = input::required(p_limit, "p_limit")?;
    if !(1..=MAX_LIMIT).contains(&limit) {
        let problem = format!("is {limit}");
        return Err(CrierError::invalid("p_limit", problem, "Give a number from 1 to 10000.").into());
    }
    let ahead =
        clock::micros(&input::required(p_ahead, "p_ahead")?).filter(|span| (0..=MAX_AHEAD).contains(span));
    let ahead = ahead.ok_or_else(|| {
        CrierError::invalid("p_ahead", "must be between nothing and a day", "Leave it out: it is an hour.")
    })?;
    Caller::current()?.require_trusted("run what is due")?;
    let now = clock::now();
    let as_of = match p_now {
        Some(at) if matches!(at.0, i64::MIN | i64::MAX) => {
            return Err(CrierError::invalid("p_now", "is infinite", "Give a time, or leave it out.").into());
        }
        at => at.unwrap_or(now),
    };
    let until = Timestamptz(as_of.0.saturating_add(ahead));
    let made = schedules::run_due(as_of, until, limit as usize, now)?;
    let placed = take(until, limit, as_of, now)?;
    let target = NEXT.newest(&[until.into()], |row| row.get::<Timestamptz>(1))?.into_iter().flatten().next();
    let next = target.into_iter().chain(schedules::next_due(as_of, until)?).min();
    let more = made.more || placed == limit as usize;
    Ok(TableIterator::once((placed as i64, made.occurrences as i64, next, more)))
}

fn take(until: Timestamptz, limit: i32, as_of: Timestamptz, now: Timestamptz) -> Result<usize> {
    let placed = TAKE.write(&[until.into(), i64::from(limit).into()], |row| {
        let post =
            Post { workspace: row.need(1)?, id: row.need(3)?, author: row.get(6)?, priority: row.need(7)? };
        let due: Timestamptz = row.need(8)?;
        // Where the time is not the clock's, what is due by it is due.
        let run_at = if due <= as_of { due.min(now) } else { due };
        Ok(Placed {
            job: new_id(),
            target: row.need(2)?,
            account: row.need(4)?,
            is_comment: row.need(5)?,
            run_at,
            post,
        })
    })?;
    name_jobs(&placed, now)?;
    add_jobs(&placed, true, now)?;
    Ok(placed.len())
}
