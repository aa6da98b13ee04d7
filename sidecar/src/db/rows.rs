//! What the database's functions return.

use std::time::SystemTime;

use serde_json::Value;
use tokio_postgres::Row;
use tracing::Span;
use uuid::Uuid;

use crate::error::Error;
use crate::providers::{Account, Charges, Failure};
use crate::webhook::Endpoint;

/// A job this worker holds the lease of.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The job.
    pub job_id: Uuid,
    /// The fencing token: every later call states it.
    pub token: i64,
    /// The first is 1.
    pub attempt: i32,
    /// Which job of the registry runs it.
    pub kind: String,
    /// The account it works for, if any.
    pub account_id: Option<Uuid>,
    /// How many seconds ago it was due, by the database's clock.
    pub waited: f64,
}

/// What `start_target` says about the target of a publish job.
#[derive(Debug, Clone)]
pub struct Target {
    /// The target.
    pub target_id: Uuid,
    /// The post it is a target of.
    pub post_id: Uuid,
    /// The account it is published with.
    pub account_id: Uuid,
    /// The account's platform.
    pub platform: String,
    /// A state of `crier_core::target`.
    pub state: String,
    /// The text.
    pub content: String,
    /// The images, see `crier_core::media`.
    pub media: Value,
    /// What the application set.
    pub settings: Value,
    /// What earlier tries prepared.
    pub prepared: Option<Value>,
    /// The key that was frozen by the first try.
    pub platform_key: Option<String>,
    /// The bytes that were frozen by the first try.
    pub request: Option<String>,
    /// The first is 1.
    pub attempt: i32,
    /// How many seconds ago the last intent was recorded, by the database's clock.
    pub since_intent: Option<f64>,
    /// How many seconds ago the key and the bytes were frozen, by the database's clock.
    pub since_draft: Option<f64>,
    /// The platform's id of the account.
    pub external_id: String,
    /// The account's name on the platform.
    pub handle: String,
    /// Where the account's server is.
    pub base_url: String,
    /// `active`, or why not.
    pub account_status: String,
    /// Whether it was ever unclear what became of a send.
    pub was_unclear: bool,
    /// Its number in a thread; the post itself is 0.
    pub part: i32,
    /// What a later part answers, by the platform's id or address.
    pub reply_to: Option<String>,
}

/// A stored credential, still sealed.
#[derive(Debug, Clone)]
pub struct StoredCredential {
    /// The tenant.
    pub workspace_id: Uuid,
    /// Counts the refreshes.
    pub generation: i64,
    /// See `crier_core::sealed`.
    pub sealed: Vec<u8>,
    /// Until when another sidecar refreshes it.
    pub refresh_leased_until: Option<SystemTime>,
    /// `active`, or why not.
    pub account_status: String,
    /// How many seconds ago a refresh of this generation was sent of which nobody knows what became, if one was; by the
    /// database's clock.
    pub refresh_unclear_for: Option<f64>,
}

/// An account whose tokens are to be renewed.
#[derive(Debug, Clone)]
pub(crate) struct Expiring {
    /// The account's platform.
    pub(crate) platform: String,
    /// Who it is.
    pub(crate) account: Account,
    /// Which of its credentials.
    pub(crate) generation: i64,
    /// Until when nobody else is given it.
    pub(crate) held_until: SystemTime,
}

impl TryFrom<Row> for Expiring {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            platform: row.try_get("platform").map_err(contract)?,
            account: account(&row)?,
            generation: row.try_get("generation").map_err(contract)?,
            held_until: row.try_get("held_until").map_err(contract)?,
        })
    }
}

/// An outcome of one job, for `report_targets`.
#[derive(Debug, Clone)]
pub struct Report {
    /// The job.
    pub job_id: Uuid,
    /// Its token.
    pub token: i64,
    /// `published` or an error class.
    pub outcome: &'static str,
    /// What happened.
    pub details: Value,
    /// When to try again, where the platform named a time.
    pub retry_at: Option<SystemTime>,
    /// What lines about it in the log belong to.
    pub span: Span,
}

/// What came of a job that says itself how it ended.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// `done` or an error class.
    pub(crate) outcome: &'static str,
    /// What happened.
    pub(crate) details: Value,
    /// When to try again, where the platform named a time.
    pub(crate) retry_at: Option<SystemTime>,
}

impl Outcome {
    /// That of a failure.
    pub(crate) fn of(failure: &Failure) -> Self {
        let (outcome, details) = (failure.class.as_str(), failure.details());
        Self { outcome, details, retry_at: failure.retry_at }
    }
}

/// An account that a job acts for.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    /// The account's platform.
    pub(crate) platform: String,
    /// Who it is.
    pub(crate) account: Account,
    /// `active`, or why not.
    pub(crate) status: String,
}

impl Actor {
    fn of(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            platform: row.try_get("platform").map_err(contract)?,
            account: account(row)?,
            status: row.try_get("account_status").map_err(contract)?,
        })
    }
}

fn account(row: &Row) -> Result<Account, Error> {
    Ok(Account {
        id: row.try_get("account_id").map_err(contract)?,
        external_id: row.try_get("external_id").map_err(contract)?,
        handle: row.try_get("handle").map_err(contract)?,
        base_url: row.try_get("base_url").map_err(contract)?,
        charges: Charges::default(),
    })
}

/// Something that an account is to do.
#[derive(Debug, Clone)]
pub(crate) struct Action {
    /// Its id, a UUIDv7: the same at every try.
    pub(crate) id: Uuid,
    /// The kind of its job.
    pub(crate) kind: String,
    /// With which post or account, as the platform calls it.
    pub(crate) subject: String,
    /// What is written.
    pub(crate) text: Option<String>,
    /// Who does it.
    pub(crate) actor: Actor,
}

impl TryFrom<Row> for Action {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.try_get("action_id").map_err(contract)?,
            kind: row.try_get("kind").map_err(contract)?,
            subject: row.try_get("subject").map_err(contract)?,
            text: row.try_get("text").map_err(contract)?,
            actor: Actor::of(&row)?,
        })
    }
}

/// A post whose figures are to be read.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    /// Its id on the platform.
    pub(crate) post: String,
    /// Whose it is.
    pub(crate) actor: Actor,
}

impl TryFrom<Row> for Reading {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self { post: row.try_get("post").map_err(contract)?, actor: Actor::of(&row)? })
    }
}

/// What `report_targets` accepted.
#[derive(Debug, Clone)]
pub struct Reported {
    /// The job.
    pub job_id: Uuid,
    /// Where the target stands now.
    pub target_state: String,
    /// Where the job stands now.
    pub job_status: String,
}

/// An alert to deliver.
pub(crate) struct Alert {
    pub(crate) endpoint: Endpoint,
    /// For the log.
    pub(crate) kind: String,
    /// What is sent, to the byte.
    pub(crate) body: String,
}

/// An endpoint that alerts go to, as an administrator sees it.
#[derive(Debug, Clone)]
pub struct AlertEndpoint {
    /// Its id.
    pub id: Uuid,
    /// The tenant; none for an endpoint of the operator.
    pub workspace_id: Option<Uuid>,
    /// Where it is.
    pub url: String,
    /// What it hears; none for everything.
    pub kinds: Option<Vec<String>>,
    /// Why it is disabled, if it is.
    pub disabled_because: Option<String>,
    /// Whether its last delivery did not arrive.
    pub failing: bool,
    /// What went wrong then.
    pub last_error: Option<String>,
    /// Undelivered alerts.
    pub waiting: i64,
}

/// The state of Crier in this database.
#[derive(Debug, Clone)]
pub struct Status {
    /// Whether claims are refused.
    pub paused: bool,
    /// Why.
    pub reason: Option<String>,
    /// The version of the extension's library.
    pub library_version: String,
    /// The newest migration applied.
    pub schema_version: i32,
    /// Whether the tables are those of the library.
    pub schema_current: bool,
}

impl Status {
    /// Why no work is handed out, if so.
    pub fn obstacle(&self) -> Option<String> {
        if self.paused {
            return Some(format!("paused: {}", self.reason.as_deref().unwrap_or("no reason given")));
        }
        (!self.schema_current).then(|| {
            format!(
                "the tables (migration {}) are not those of the extension's library {}: run `crierd migrate`",
                self.schema_version, self.library_version
            )
        })
    }
}

macro_rules! from_row {
    ($type:ident { $($field:ident),* $(,)? }) => {
        impl TryFrom<Row> for $type {
            type Error = Error;

            fn try_from(row: Row) -> Result<Self, Error> {
                Ok(Self { $($field: row.try_get(stringify!($field)).map_err(contract)?),* })
            }
        }
    };
}

pub(super) use from_row;

from_row!(Claim { job_id, token, attempt, kind, account_id, waited });
from_row!(Target {
    target_id,
    post_id,
    account_id,
    platform,
    state,
    content,
    media,
    settings,
    prepared,
    platform_key,
    request,
    attempt,
    since_intent,
    since_draft,
    external_id,
    handle,
    base_url,
    account_status,
    was_unclear,
    part,
    reply_to,
});
from_row!(StoredCredential {
    workspace_id,
    generation,
    sealed,
    refresh_leased_until,
    account_status,
    refresh_unclear_for,
});
from_row!(AlertEndpoint { id, workspace_id, url, kinds, disabled_because, failing, last_error, waiting });
from_row!(Reported { job_id, target_state, job_status });
from_row!(Status { paused, reason, library_version, schema_version, schema_current });

impl TryFrom<Row> for Alert {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let endpoint = Endpoint {
            id: row.try_get("endpoint_id").map_err(contract)?,
            workspace_id: row.try_get("workspace_id").map_err(contract)?,
            url: row.try_get("url").map_err(contract)?,
            sealed: row.try_get("sealed").map_err(contract)?,
        };
        Ok(Self {
            endpoint,
            kind: row.try_get("kind").map_err(contract)?,
            body: row.try_get("body").map_err(contract)?,
        })
    }
}

/// A column that is missing or of another type: extension and sidecar are not of one version.
pub(super) fn contract(error: tokio_postgres::Error) -> Error {
    Error::Contract(crate::error::chain(&error))
}
