//! `crier.report_action`.

use crier_core::action::ActionState;
use crier_core::error_class::ErrorClass;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::actions::follow::{self, Next};
use crate::actions::hold;
use crate::clock;
use crate::error::Result;
use crate::input;
use crate::passed::{Jsonb, Timestamptz};
use crate::queue::fail::{parse_class, retry_times};
use crate::queue::kinds::Policies;
use crate::queue::settle::{self, Fate, Said, Settled};

const MAX_DETAIL_BYTES: usize = 65_536;

/// What a worker says of a job that it reports by itself.
pub(super) struct Report {
    /// Nothing: it was done.
    pub(super) class: Option<ErrorClass>,
    pub(super) detail: Option<Jsonb>,
    pub(super) retry_at: Option<Timestamptz>,
}

impl Report {
    /// `done`, or the class of an error.
    pub(super) fn read(
        outcome: Option<&str>,
        detail: Option<Jsonb>,
        retry_at: Option<Timestamptz>,
        now: Timestamptz,
    ) -> Result<Self> {
        let class = match input::required(outcome, "outcome")? {
            "done" => None,
            class => Some(parse_class(class)?),
        };
        if let Some(detail) = detail {
            detail.parse("detail", MAX_DETAIL_BYTES)?;
        }
        let retry_at = retry_times(Some(vec![retry_at]), 1, now)?.into_iter().next().flatten();
        Ok(Self { class, detail, retry_at })
    }

    pub(super) fn said(&self) -> Said {
        self.class.map_or(Said::Done, Said::Failed)
    }

    /// What is kept of an error.
    pub(super) fn error(&self) -> Option<Jsonb> {
        self.class.and_then(|class| self.detail.map(|detail| detail.with_class(class)))
    }
}

/// Says how an action came out: `done`, with `external_id` and `url` of what was made, or the class of an error. Ends or
/// reschedules its job. A message of which nobody knows whether it was sent is `unconfirmed` and not sent again. Answers with
/// the state of the action; null: the lease is lost.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn report_action(
    job_id: Option<Uuid>,
    token: Option<i64>,
    outcome: Option<&str>,
    detail: default!(Option<Jsonb>, "NULL"),
    retry_at: default!(Option<Timestamptz>, "NULL"),
) -> Result<Option<String>, ErrorReport> {
    let job_id = input::required(job_id, "job_id")?;
    let token = input::required(token, "token")?;
    let now = clock::now();
    let report = Report::read(outcome, detail, retry_at, now)?;
    let Some(job) = hold(job_id, token)? else { return Ok(None) };
    let Some(before) = follow::lock(vec![job_id])?.remove(&job_id) else { return Ok(None) };
    let (fate, state) = match report.class {
        None if before.is_final() => (Fate::Completed, before),
        None => (Fate::Completed, ActionState::Done),
        Some(class) => {
            let fate = if before.is_final() || before.is_unclear(class) {
                Fate::Failed
            } else {
                let policies = Policies::of([job.kind.as_str()].into_iter())?;
                job.after_error(class, report.retry_at, false, &policies, now)
            };
            (fate, before.after_error(class, fate.run_at().is_some()))
        }
    };
    let (said, error) = (report.said(), report.error());
    let (result, detail) = if report.class.is_none() { (detail, detail) } else { (None, error) };
    follow::set(&[Next { job_id, state, detail }], now)?;
    settle::settle_jobs(vec![Settled { job, said, fate, result, error }], now)?;
    Ok(Some(state.as_str().to_owned()))
}
