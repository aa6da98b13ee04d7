//! `crier.start_alert` and `crier.report_alert`: what a sidecar calls to deliver one.

use crier_core::error_class::ErrorClass;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::alerts::DELIVER;
use crate::answer::TableIterator;
use crate::clock;
use crate::error::Result;
use crate::input;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};
use crate::queue::fail::parse_class;
use crate::queue::held::{self, Held};
use crate::queue::kinds::Policies;
use crate::queue::settle::{self, Fate, Said, Settled};

const ENDPOINT_OF: Statement = statement!(up "alerts/endpoint_of").planned_once();
const START: Statement = statement!(up "alerts/start").planned_once();
const NOTE: Statement = statement!(up "alerts/note_delivery");
const SETTING: Statement = statement!(up "queue/setting");

const MAX_ERROR_BYTES: usize = 65_536;
/// Of an error that is shown with the endpoint.
const MAX_SHOWN_CHARS: usize = 500;

/// An alert whose lease is still the caller's; it stays locked until the end of the transaction.
fn hold(job_id: Uuid, token: i64) -> Result<Option<Held>> {
    held::one_by_lease(job_id, token, |kind| kind == DELIVER)
}

/// What an alert says, to the byte, and where it goes. No row: the lease is lost, or there is nothing to deliver any more
/// because its endpoint was removed or disabled; then the job is canceled.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn start_alert(
    p_job_id: Option<Uuid>,
    p_token: Option<i64>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(endpoint_id, Uuid),
            name!(workspace_id, Option<Uuid>),
            name!(url, String),
            name!(sealed, Vec<u8>),
            name!(kind, String),
            name!(body, String),
        ),
    >,
    ErrorReport,
> {
    let job_id = input::required(p_job_id, "p_job_id")?;
    let token = input::required(p_token, "p_token")?;
    let Some(job) = hold(job_id, token)? else { return Ok(TableIterator::empty()) };
    let endpoint = endpoint_of(job_id)?;
    let rows = START.read(&[job_id.into(), endpoint.into()], |row| {
        Ok((endpoint, row.get(1)?, row.need(2)?, row.need(3)?, row.need(4)?, row.need(5)?))
    })?;
    let rows: Vec<_> = rows
        .into_iter()
        .filter_map(|(endpoint, workspace, url, sealed, kind, body)| {
            Some((endpoint?, workspace, url, sealed, kind, body))
        })
        .collect();
    if rows.is_empty() {
        let gone = Settled { job, said: Said::Nothing, fate: Fate::Canceled, result: None, error: None };
        settle::settle(vec![gone], clock::now())?;
    }
    Ok(TableIterator::new(rows))
}

fn endpoint_of(job_id: Uuid) -> Result<Option<Uuid>> {
    Ok(ENDPOINT_OF.read(&[job_id.into()], |row| row.need(1))?.into_iter().next())
}

/// Says how a delivery came out: `delivered`, or the class of an error. Ends or reschedules its job and notes it with the
/// endpoint. Two errors disable that at once: `target_missing`, its own word that it is gone, and `config`, with which nothing
/// can be sent to it. Answers with the state of the job; null: the lease is lost.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn report_alert(
    p_job_id: Option<Uuid>,
    p_token: Option<i64>,
    p_outcome: Option<&str>,
    p_error: default!(Option<Jsonb>, "NULL"),
) -> Result<Option<String>, ErrorReport> {
    let job_id = input::required(p_job_id, "p_job_id")?;
    let token = input::required(p_token, "p_token")?;
    let class = match input::required(p_outcome, "p_outcome")? {
        "delivered" => None,
        class => Some(parse_class(class)?),
    };
    if let Some(error) = p_error {
        error.parse("p_error", MAX_ERROR_BYTES)?;
    }
    let Some(job) = hold(job_id, token)? else { return Ok(None) };
    let now = clock::now();
    note(&job, class, p_error, now)?;
    let (said, fate) = match class {
        None => (Said::Done, Fate::Completed),
        Some(class) => {
            let policies = Policies::of([DELIVER].into_iter())?;
            (Said::Failed(class), job.after_error(class, None, false, &policies, now))
        }
    };
    let error = class.and_then(|class| p_error.map(|error| error.with_class(class)));
    settle::settle(vec![Settled { job, said, fate, result: None, error }], now)?;
    Ok(Some(fate.state().to_owned()))
}

/// Why an endpoint takes nothing any more, where an error says so: no other attempt can help.
fn hopeless(class: ErrorClass) -> Option<&'static str> {
    match class {
        ErrorClass::TargetMissing => Some("gone"),
        ErrorClass::Config => Some("config"),
        _ => None,
    }
}

/// Notes with the endpoint what became of a delivery to it.
fn note(job: &Held, class: Option<ErrorClass>, error: Option<Jsonb>, now: Timestamptz) -> Result<()> {
    let message = error.and_then(|error| error.text_field("message"));
    let shown = class.map(|class| {
        let text = message.map_or_else(|| class.to_string(), |message| format!("{message} ({class})"));
        text.chars().take(MAX_SHOWN_CHARS).collect::<String>()
    });
    let patience = SETTING.read(&["disable_alerts_after".into()], |row| row.get::<i64>(1))?;
    let too_long = patience.into_iter().flatten().next().map(|span| Timestamptz(now.0 - span));
    NOTE.run_only(&[
        endpoint_of(job.id)?.into(),
        job.workspace.into(),
        now.into(),
        shown.into(),
        class.and_then(hopeless).into(),
        too_long.into(),
    ])
}
