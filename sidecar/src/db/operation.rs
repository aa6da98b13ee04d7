//! Operation: migrations, maintenance, and what the doctor asks.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::pool::Db;
use super::rows::contract;
use super::{Status, all, first};
use crate::error::Error;

const CHECKPOINT_QUEUE: &str = "SELECT crier.checkpoint_queue()";
const RUN_MAINTENANCE: &str = "SELECT task, did, error FROM crier.run_maintenance('crierd', p_most => 1)";
const METRICS: &str = "SELECT name, labels, value FROM crier.metrics()";
const QUEUE_FIGURES: &str = "SELECT pg_catalog.to_jsonb(s) FROM crier.get_queue_stats() AS s";
const WORKER_FIGURES: &str = "SELECT pg_catalog.to_jsonb(s) FROM crier.get_worker_stats() AS s";
const RUN_DUE: &str = "SELECT targets, occurrences, more FROM crier.run_due()";
const STATUS: &str =
    "SELECT paused, reason, library_version, schema_version, schema_current FROM crier.status()";
const MIGRATE: &str = "SELECT name, action FROM crier.migrate()";
const SERVER: &str = "SELECT pg_catalog.current_setting('server_version'), \
     pg_catalog.current_setting('server_version_num')::int, current_user::text, pg_catalog.clock_timestamp()";
const VERSION: &str = "SELECT crier.version()";
const MAY_CLAIM: &str = "SELECT pg_catalog.has_function_privilege(\
     'crier.claim_jobs(text,integer,text[],text[],uuid[],interval,interval)', 'EXECUTE')";

/// What a person wants to know about the server.
#[derive(Debug)]
pub(crate) struct Server {
    /// As it calls itself, for instance `15.20`.
    pub(crate) version: String,
    /// For comparisons, for instance 150020.
    pub(crate) version_num: i32,
    /// The role of this connection.
    pub(crate) role: String,
    /// Its clock.
    pub(crate) now: SystemTime,
}

/// A figure of the database, for those who watch it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    /// In the words of Prometheus.
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

impl TryFrom<Row> for Figure {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let Json(labels) = row.try_get(1).map_err(contract)?;
        Ok(Self { name: row.try_get(0).map_err(contract)?, labels, value: row.try_get(2).map_err(contract)? })
    }
}

/// What operators ask about the queue and who works on it.
#[derive(Debug)]
pub(crate) struct WorkerFigures {
    /// The columns of `crier.get_queue_stats()`.
    pub(crate) queue: Value,
    /// Those of `crier.get_worker_stats()`, for each.
    pub(crate) workers: Vec<Value>,
}

/// A task of the maintenance that was run.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) name: String,
    /// What it says that it did: an object, or null after an error.
    pub(crate) did: Value,
    pub(crate) error: Option<String>,
}

/// What a look for due work did.
#[derive(Debug)]
pub(crate) struct Due {
    /// Targets that got jobs.
    pub(crate) targets: i64,
    /// Posts that schedules made.
    pub(crate) occurrences: i64,
    /// More is due already.
    pub(crate) more: bool,
}

impl Db {
    /// What the database knows in numbers.
    pub(crate) async fn metrics(&self) -> Result<Vec<Figure>, Error> {
        all(self.rows(METRICS, &[]).await?)
    }

    /// What waits, what ended within a day, and who works.
    pub(crate) async fn worker_figures(&self) -> Result<WorkerFigures, Error> {
        let queue = first(&self.one(QUEUE_FIGURES, &[]).await?)?;
        let workers = self.rows(WORKER_FIGURES, &[]).await?;
        Ok(WorkerFigures { queue, workers: workers.iter().map(first).collect::<Result<_, _>>()? })
    }

    /// Has the database give some of what is due soon its jobs.
    pub(crate) async fn run_due(&self) -> Result<Due, Error> {
        let row = self.one(RUN_DUE, &[]).await?;
        let field = |at| row.try_get(at).map_err(contract);
        Ok(Due { targets: field(0)?, occurrences: field(1)?, more: row.try_get(2).map_err(contract)? })
    }

    /// Has the database do one thing that is due, in a transaction of its own; what it did, or who does it instead.
    pub(crate) async fn run_maintenance(&self) -> Result<Option<Task>, Error> {
        let row = self.optional(RUN_MAINTENANCE, &[]).await?;
        row.map(|row| {
            let did: Option<Value> = row.try_get(1).map_err(contract)?;
            Ok(Task {
                name: row.try_get(0).map_err(contract)?,
                did: did.unwrap_or_default(),
                error: row.try_get(2).map_err(contract)?,
            })
        })
        .transpose()
    }

    /// Notes what a start of the database need not read again; returns the number of days.
    pub async fn checkpoint_queue(&self) -> Result<i32, Error> {
        let rows = self.rows_slowly(CHECKPOINT_QUEUE).await?;
        rows.first().map_or(Ok(0), first)
    }

    /// Whether work is handed out, and the versions.
    pub async fn status(&self) -> Result<Status, Error> {
        self.one(STATUS, &[]).await?.try_into()
    }

    /// Creates or upgrades the tables; returns what was done, name by name.
    pub async fn migrate(&self) -> Result<Vec<(String, String)>, Error> {
        let rows = self.rows_slowly(MIGRATE).await?;
        rows.iter()
            .map(|row| Ok((row.try_get(0).map_err(contract)?, row.try_get(1).map_err(contract)?)))
            .collect()
    }

    /// The server, its clock and the role of this connection.
    pub(crate) async fn server(&self) -> Result<Server, Error> {
        let row = self.one(SERVER, &[]).await?;
        Ok(Server {
            version: row.try_get(0).map_err(contract)?,
            version_num: row.try_get(1).map_err(contract)?,
            role: row.try_get(2).map_err(contract)?,
            now: row.try_get(3).map_err(contract)?,
        })
    }

    /// The version of the extension's functions.
    pub(crate) async fn version(&self) -> Result<String, Error> {
        first(&self.one(VERSION, &[]).await?)
    }

    /// Whether this role may take jobs.
    pub(crate) async fn may_claim(&self) -> Result<bool, Error> {
        first(&self.one(MAY_CLAIM, &[]).await?)
    }
}
