//! `crier.start_webhook` and `crier.report_webhook`: what a sidecar calls to process one that was received.

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::{Value, json};

use super::PROCESS;
use crate::accounts::add_event;
use crate::alerts;
use crate::answer::TableIterator;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::input;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};
use crate::queue::fail::parse_class;
use crate::queue::held::{self, Held};
use crate::queue::kinds::Policies;
use crate::queue::retry;
use crate::queue::settle::{self, Fate, Said, Settled};

const EVENT_OF: Statement = statement!(up "webhooks/event_of").planned_once();
const START: Statement = statement!(up "webhooks/start").planned_once();
const LOCK: Statement = statement!(up "webhooks/lock_event").planned_once();
const SET_PROCESSED: Statement = statement!(up "webhooks/set_processed").planned_once();
const REVOKE: Statement = statement!(up "webhooks/revoke").planned_once();
/// Why an account asks for a new login.
const TAKEN_BACK: &str = "the platform says that access was taken back there";
const POLLING: Statement = statement!(up "webhooks/polling_jobs").planned_once();

const MAX_ERROR_BYTES: usize = 65_536;
/// Of a payload that an event shows; a larger one is in `crier.list_webhooks` alone.
const MAX_SHOWN_BYTES: usize = 65_536;
const MAX_KINDS: usize = 100;
const MAX_KIND_CHARS: usize = 100;
const MAX_IDS: usize = 100;
const MAX_ID_CHARS: usize = 500;

/// A job that processes and whose lease is still the caller's; it stays locked until the end of the transaction.
fn hold(job_id: Uuid, token: i64) -> Result<Option<Held>> {
    held::one_by_lease(job_id, token, |kind| kind == PROCESS)
}

/// There is nothing left to process.
fn cancel(job: Held, now: Timestamptz) -> Result<()> {
    let gone = Settled { job, said: Said::Nothing, fate: Fate::Canceled, result: None, error: None };
    settle::settle(vec![gone], now)
}

fn event_of(job_id: Uuid) -> Result<Option<Uuid>> {
    Ok(EVENT_OF.read(&[job_id.into()], |row| row.need(1))?.into_iter().next())
}

/// What a received webhook says. No row: the lease is lost, or it is kept no longer; then the job is canceled.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn start_webhook(
    p_job_id: Option<Uuid>,
    p_token: Option<i64>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(webhook_id, Uuid),
            name!(platform, String),
            name!(source, String),
            name!(external_id, Option<String>),
            name!(account_id, Option<Uuid>),
            name!(payload, Jsonb),
            name!(received_at, Timestamptz),
        ),
    >,
    ErrorReport,
> {
    let job_id = input::required(p_job_id, "p_job_id")?;
    let token = input::required(p_token, "p_token")?;
    let Some(job) = hold(job_id, token)? else { return Ok(TableIterator::empty()) };
    let webhook = event_of(job_id)?;
    let rows = START.read(&[job_id.into(), webhook.into()], |row| {
        Ok((row.need(1)?, row.need(2)?, row.get(3)?, row.get(4)?, row.need(5)?, row.need(6)?))
    })?;
    let rows: Vec<_> = rows
        .into_iter()
        .filter_map(|(platform, source, external, account, payload, at)| {
            Some((webhook?, platform, source, external, account, payload, at))
        })
        .collect();
    if rows.is_empty() {
        cancel(job, clock::now())?;
    }
    Ok(TableIterator::new(rows))
}

/// What a webhook was found to be about.
struct Findings {
    kinds: Vec<String>,
    revoked_at: Option<Timestamptz>,
    publish_ids: Vec<String>,
}

impl Findings {
    fn read(
        kinds: Option<Vec<Option<String>>>,
        revoked_at: Option<Timestamptz>,
        publish_ids: Option<Vec<Option<String>>>,
    ) -> Result<Self> {
        let read = |values, name, most, chars| -> Result<Vec<String>> {
            let values = input::filter(values, name)?.unwrap_or_default();
            if values.len() > most {
                let found = values.len();
                return Err(CrierError::TooLarge { what: name, found, limit: most, unit: "elements" });
            }
            values.iter().map(|value: &String| input::text(Some(value), name, chars)).collect()
        };
        Ok(Self {
            kinds: read(kinds, "p_kinds", MAX_KINDS, MAX_KIND_CHARS)?,
            revoked_at,
            publish_ids: read(publish_ids, "p_publish_ids", MAX_IDS, MAX_ID_CHARS)?,
        })
    }
}

/// Says how the processing came out: `done`, with what the webhook was about, or the class of an error. Everything that it
/// causes is done in this transaction, and its job ends or is rescheduled. `p_revoked_at`: since when the account's grant is
/// no longer there; a credential that was stored after that proves otherwise. `p_publish_ids`: what the platform calls posts
/// that came on; jobs that wait to look at one look now. Answers with the state of the job; null: the lease is lost.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn report_webhook(
    p_job_id: Option<Uuid>,
    p_token: Option<i64>,
    p_outcome: Option<&str>,
    p_kinds: default!(Option<Vec<Option<String>>>, "NULL"),
    p_revoked_at: default!(Option<Timestamptz>, "NULL"),
    p_publish_ids: default!(Option<Vec<Option<String>>>, "NULL"),
    p_error: default!(Option<Jsonb>, "NULL"),
) -> Result<Option<String>, ErrorReport> {
    let job_id = input::required(p_job_id, "p_job_id")?;
    let token = input::required(p_token, "p_token")?;
    let class = match input::required(p_outcome, "p_outcome")? {
        "done" => None,
        class => Some(parse_class(class)?),
    };
    let findings = Findings::read(p_kinds, p_revoked_at, p_publish_ids)?;
    if let Some(error) = p_error {
        error.parse("p_error", MAX_ERROR_BYTES)?;
    }
    let Some(job) = hold(job_id, token)? else { return Ok(None) };
    let now = clock::now();
    if let Some(class) = class {
        let policies = Policies::of([PROCESS].into_iter())?;
        let fate = job.after_error(class, None, false, &policies, now);
        let error = p_error.map(|error| error.with_class(class));
        settle::settle(vec![Settled { job, said: Said::Failed(class), fate, result: None, error }], now)?;
        return Ok(Some(fate.state().to_owned()));
    }
    let webhook = event_of(job_id)?;
    let event = LOCK.write(&[webhook.into(), job.workspace.into()], |row| {
        Ok(Received {
            account: row.get(1)?,
            platform: row.need(2)?,
            source: row.need(3)?,
            external_id: row.get(4)?,
            payload: row.need(5)?,
            received_at: row.need(6)?,
            replays: row.need(7)?,
        })
    })?;
    let (Some(webhook), Some(event)) = (webhook, event.into_iter().next()) else {
        cancel(job, now)?;
        return Ok(Some(Fate::Canceled.state().to_owned()));
    };
    let mut result = json!({ "kinds": findings.kinds });
    if let (Some(workspace), Some(account)) = (job.workspace, event.account) {
        let payload = event.told(webhook, &findings.kinds);
        add_event(workspace, "webhook_received", account, &payload, now)?;
        if let Some(at) = findings.revoked_at {
            result["revoked"] = event.revoke(webhook, workspace, account, at, now)?.into();
        }
        if !findings.publish_ids.is_empty() {
            let args = [workspace.into(), account.into(), findings.publish_ids.into()];
            let polling = POLLING.read(&args, |row| row.need::<Uuid>(1))?;
            result["hastened"] = retry::hasten(&polling, now)?.len().into();
        }
    }
    SET_PROCESSED.run_only(&[webhook.into(), findings.kinds.into(), now.into()])?;
    let result = Some(Jsonb::from_value(&result));
    settle::settle(vec![Settled { job, said: Said::Done, fate: Fate::Completed, result, error: None }], now)?;
    Ok(Some(Fate::Completed.state().to_owned()))
}

/// A webhook that is being processed.
struct Received {
    account: Option<Uuid>,
    platform: String,
    source: String,
    external_id: Option<String>,
    payload: Jsonb,
    received_at: Timestamptz,
    replays: i32,
}

impl Received {
    /// What the event of it says.
    fn told(&self, webhook: Uuid, kinds: &[String]) -> Value {
        let mut told = json!({
            "webhook_id": webhook.to_string(),
            "source": self.source,
            "platform": self.platform,
            "external_id": self.external_id,
            "kinds": kinds,
        });
        match self.payload.parse("payload", MAX_SHOWN_BYTES) {
            Ok(data) => told["data"] = data,
            // too large, or nothing that Rust can read: crier.list_webhooks shows it
            Err(_) => told["left_out"] = true.into(),
        }
        if self.replays > 0 {
            told["replay"] = self.replays.into();
        }
        told
    }

    /// Has the account ask for a new login, unless it has a newer credential; whether it does now.
    fn revoke(
        &self,
        webhook: Uuid,
        workspace: Uuid,
        account: Uuid,
        at: Timestamptz,
        now: Timestamptz,
    ) -> Result<bool> {
        // what was told cannot have happened later
        let at = at.min(self.received_at);
        let args = [workspace.into(), account.into(), at.into(), now.into(), TAKEN_BACK.into()];
        if REVOKE.write(&args, |_| Ok(()))?.is_empty() {
            return Ok(false);
        }
        let payload = json!({ "webhook_id": webhook.to_string(), "platform": self.platform });
        add_event(workspace, "account_revoked", account, &payload, now)?;
        alerts::account::need_login([account].into_iter(), Some(&json!({ "message": TAKEN_BACK })), now)?;
        Ok(true)
    }
}
