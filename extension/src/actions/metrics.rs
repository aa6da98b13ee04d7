//! `crier.read_metrics`, `crier.start_reading` and `crier.report_metrics`: how a post does.

use crier_core::platform::Action;
use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use crate::actions::delete::Published;
use crate::actions::report::Report;
use crate::answer::TableIterator;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::input;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};
use crate::queue::held::{self, Held};
use crate::queue::job::{self, NewJob};
use crate::queue::kinds::Policies;
use crate::queue::settle::{self, Fate, Said, Settled};

const START: Statement = statement!(up "actions/start_reading").planned_once();
const STORE: Statement = statement!(up "actions/store_metrics").planned_once();

const MAX_METRICS_BYTES: usize = 65_536;

/// Has the figures of a published target read now. `crier.get_post` shows the newest ones. Answers with the job's id: that of
/// one that is at it already, where there is one.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn read_metrics(target_id: Option<Uuid>) -> Result<Uuid, ErrorReport> {
    let id = input::required(target_id, "target_id")?;
    let target = Published::find(id, Action::Metrics, const { rights::least("read_metrics") })?;
    let params = json!({ "target_id": id.to_string() }).to_string();
    let job = NewJob {
        workspace_id: Some(target.workspace),
        user_id: target.user,
        account_id: Some(target.account),
        dedupe_key: Some(id.to_string()),
        ..NewJob::new(target.kind.to_owned(), params)
    };
    let added = job::insert(&[job], clock::now())?;
    Ok(added.into_iter().next().ok_or_else(|| CrierError::Internal("no id for the job".into()))?)
}

/// A job that reads and whose lease is still the caller's.
fn hold(job_id: Uuid, token: i64) -> Result<Option<Held>> {
    held::one_by_lease(job_id, token, |kind| Action::of_kind(kind) == Some(Action::Metrics))
}

/// Which post is to be read, and as whom. No row: the lease is lost, or the post is not there any more; then the job is
/// canceled.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn start_reading(
    job_id: Option<Uuid>,
    token: Option<i64>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(post, String),
            name!(account_id, Uuid),
            name!(platform, String),
            name!(external_id, String),
            name!(handle, String),
            name!(base_url, String),
            name!(account_status, String),
        ),
    >,
    ErrorReport,
> {
    let job_id = input::required(job_id, "job_id")?;
    let token = input::required(token, "token")?;
    let Some(job) = hold(job_id, token)? else { return Ok(TableIterator::empty()) };
    let rows = START.read(&[job_id.into()], |row| {
        Ok((row.need(1)?, row.need(2)?, row.need(3)?, row.need(4)?, row.need(5)?, row.need(6)?, row.need(7)?))
    })?;
    if rows.is_empty() {
        let gone = Settled { job, said: Said::Nothing, fate: Fate::Canceled, result: None, error: None };
        settle::settle(vec![gone], clock::now())?;
    }
    Ok(TableIterator::new(rows))
}

/// Says what was read: `done`, with `views`, `likes`, `replies` and `shares` as far as the platform tells, or the class of an
/// error. Ends or reschedules the job. Answers with its state; null: the lease is lost.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn report_metrics(
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
    let (fate, result) = match report.class {
        None => {
            store(job_id, detail, now)?;
            (Fate::Completed, detail)
        }
        Some(class) => {
            let policies = Policies::of([job.kind.as_str()].into_iter())?;
            (job.after_error(class, report.retry_at, false, &policies, now), None)
        }
    };
    let (said, error) = (report.said(), report.error());
    settle::settle(vec![Settled { job, said, fate, result, error }], now)?;
    Ok(Some(fate.state().to_owned()))
}

/// Keeps what was read. What is no count, or too large for one, is not told.
fn store(job_id: Uuid, detail: Option<Jsonb>, now: Timestamptz) -> Result<()> {
    let detail = input::required(detail, "detail")?.parse("detail", MAX_METRICS_BYTES)?;
    let count = |name: &str| detail[name].as_i64().filter(|count| *count >= 0);
    STORE.run_only(&[
        job_id.into(),
        count("views").into(),
        count("likes").into(),
        count("replies").into(),
        count("shares").into(),
        now.into(),
    ])
}
