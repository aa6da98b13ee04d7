//! Every statement the sidecar sends, one function each: a file for each part of the contract.
//!
//! It calls functions of schema `crier` and touches no table: they are the contract with the extension.

mod accounts;
mod actions;
mod alerts;
pub(crate) mod api;
mod atomic;
mod connecting;
pub(crate) mod dashboard;
mod keys;
mod operation;
mod operator;
mod people;
mod pool;
mod publishing;
mod queue;
mod rows;
mod webhooks;

use tokio_postgres::Row;

use crate::error::Error;

pub(crate) use atomic::Atomic;
pub(crate) use connecting::{Login, Registration, Step};
pub(crate) use keys::{KeyUsage, Swap};
pub(crate) use operation::{Figure, Server, Task};
pub(crate) use operator::{MOST_BLOCKS, Remedy, Scope};
pub(crate) use people::{CALENDAR_ROWS, FoundAccount, NewPost, PublishingStatus};
pub use pool::Db;
pub(crate) use pool::{patiently, patiently_if, pg_config};
use rows::contract;
pub(crate) use rows::{Action, Actor, Alert, Expiring, Outcome, Reading};
pub use rows::{AlertEndpoint, Claim, Report, Reported, Status, StoredCredential, Target};
pub(crate) use webhooks::{NewWebhook, StoredWebhook, WebhookReport};

/// The channel that says that there may be work.
pub(crate) const CHANNEL: &str = "crier_jobs";
/// Sent on the listening connection, by the simple protocol.
pub(crate) const LISTEN: &str = "LISTEN crier_jobs";

fn all<T: TryFrom<Row, Error = Error>>(rows: Vec<Row>) -> Result<Vec<T>, Error> {
    rows.into_iter().map(T::try_from).collect()
}

fn first<T: for<'a> tokio_postgres::types::FromSql<'a>>(row: &Row) -> Result<T, Error> {
    row.try_get(0).map_err(contract)
}
