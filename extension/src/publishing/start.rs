//! `crier.start_target`.

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::clock;
use crate::error::Result;
use crate::input;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};
use crate::publishing::hold_job;
use crate::queue::settle::{self, Fate, Said, Settled};

const START: Statement = statement!(up "publishing/start").planned_once();

/// Begins, or resumes, the publishing of a job's target and answers with all that is needed for it. No row: the
/// lease is lost, or the job publishes nothing any more and is canceled. State `unknown`: an earlier try may have been published, so the platform is asked first, as where it
/// `was_unclear` before. A final state: nothing is left to do. `reply_to`: what the part of a thread answers, by the
/// platform's id or address.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn start_target(
    job_id: Option<Uuid>,
    token: Option<i64>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(target_id, Uuid),
            name!(post_id, Uuid),
            name!(workspace_id, Uuid),
            name!(account_id, Uuid),
            name!(platform, String),
            name!(state, String),
            name!(content, String),
            name!(media, Jsonb),
            name!(settings, Jsonb),
            name!(prepared, Option<Jsonb>),
            name!(platform_key, Option<String>),
            name!(request, Option<String>),
            name!(attempt, i32),
            name!(intent_at, Option<Timestamptz>),
            name!(external_id, String),
            name!(handle, String),
            name!(base_url, String),
            name!(account_status, String),
            name!(url, Option<String>),
            name!(was_unclear, bool),
            name!(drafted_at, Option<Timestamptz>),
            name!(part, i32),
            name!(reply_to, Option<String>),
        ),
    >,
    ErrorReport,
> {
    let job_id = input::required(job_id, "job_id")?;
    let Some(job) = hold_job(job_id, input::required(token, "token")?)? else {
        return Ok(TableIterator::empty());
    };
    let rows = START.write(&[job_id.into(), job.attempt().into(), clock::now().into()], |row| {
        Ok((
            row.need(1)?,
            row.need(2)?,
            row.need(3)?,
            row.need(4)?,
            row.need(5)?,
            row.need(6)?,
            row.need(7)?,
            row.need(8)?,
            row.need(9)?,
            row.get(10)?,
            row.get(11)?,
            row.get(12)?,
            row.need(13)?,
            row.get(14)?,
            row.need(15)?,
            row.need(16)?,
            row.need(17)?,
            row.need(18)?,
            row.get(19)?,
            row.need(20)?,
            row.get(21)?,
            row.need(22)?,
            row.get(23)?,
        ))
    })?;
    if rows.is_empty() {
        // The post was planned anew or deleted since, and this job is no longer the one that publishes it; or its account is
        // disconnected.
        let gone = Settled { job, said: Said::Nothing, fate: Fate::Canceled, result: None, error: None };
        settle::settle(vec![gone], clock::now())?;
    }
    Ok(TableIterator::new(rows))
}
