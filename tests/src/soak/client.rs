//! The queue's functions as the soak calls them, over connections that break.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;
use tokio_postgres::error::Severity;
use tokio_postgres::{Row, Statement};
use uuid::Uuid;

use super::history::{Line, Micros, Writer, now};
use crate::session::{Params, Session};

pub(crate) const ENQUEUE: &str = "\
    SELECT crier.enqueue(j ->> 'kind', params => j -> 'params', workspace_id => (j ->> 'workspace_id')::uuid, \
        user_id => (j ->> 'user_id')::uuid, account_id => (j ->> 'account_id')::uuid, \
        priority => (j ->> 'priority')::int, run_at => (j ->> 'run_at')::timestamptz, \
        max_attempts => (j ->> 'max_attempts')::int, dedupe_key => j ->> 'dedupe_key') \
    FROM (SELECT $1::jsonb AS j) one";
pub(crate) const ENQUEUE_MANY: &str = "SELECT crier.enqueue_many($1)";
pub(crate) const CLAIM: &str = "\
    SELECT job_id, token, attempt, (extract(epoch FROM lease_expires_at) * 1000000)::bigint \
    FROM crier.claim_jobs($1, $2, lease => make_interval(secs => $3))";
pub(crate) const CLAIM_WAIT: &str = "\
    SELECT job_id, token, attempt, (extract(epoch FROM lease_expires_at) * 1000000)::bigint \
    FROM crier.claim_jobs($1, $2, lease => make_interval(secs => $3), wait => make_interval(secs => $4))";
pub(crate) const COMPLETE: &str = "SELECT id FROM crier.complete_jobs($1, $2, $3) AS id";
/// Due again at once.
pub(crate) const FAIL: &str = "\
    SELECT job_id FROM crier.fail_jobs($1, $2, $3, $4, \
        array_fill(clock_timestamp(), ARRAY[cardinality($1::uuid[])]))";
pub(crate) const SNOOZE: &str = "\
    SELECT job_id FROM crier.snooze_jobs($1, $2, \
        array_fill(clock_timestamp() + make_interval(secs => $3), ARRAY[cardinality($1::uuid[])]))";
pub(crate) const EXTEND: &str = "\
    SELECT job_id, (extract(epoch FROM lease_expires_at) * 1000000)::bigint \
    FROM crier.extend_jobs($1, $2, make_interval(secs => $3))";
pub(crate) const EXCHANGE: &str = "\
    SELECT status, job_id, token, attempt, (extract(epoch FROM lease_expires_at) * 1000000)::bigint \
    FROM crier.exchange($1, $2, completed => $3, completed_tokens => $4, results => $5, failed => $6, \
        failed_tokens => $7, classes => $8, errors => $9, \
        retry_at => array_fill(clock_timestamp(), ARRAY[cardinality($6::uuid[])]), \
        lease => make_interval(secs => $10), wait => make_interval(secs => $11))";
/// What the library can do: calls that not every version has.
const ABILITIES: &str = "\
    SELECT bool_or(proname = 'exchange'), bool_or(proname = 'claim_jobs' AND 'wait' = ANY (proargnames)), \
        bool_or(proname = 'expire_leases') \
    FROM pg_proc WHERE pronamespace = 'crier'::regnamespace";

/// Whoever waits longer for an answer than this gives it up as lost.
const PATIENCE: Duration = Duration::from_secs(30);
const BETWEEN_CONNECTS: Duration = Duration::from_millis(50);

/// What the library can do.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Abilities {
    pub(crate) exchange: bool,
    pub(crate) wait: bool,
    pub(crate) expire_leases: bool,
}

impl Abilities {
    pub(crate) async fn of(session: &Session) -> Self {
        let row = session.row(ABILITIES, &[]).await;
        Self { exchange: row.get(0), wait: row.get(1), expire_leases: row.get(2) }
    }
}

/// Why a call gave nothing.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It has not happened.
    Refused { code: String, error: String },
    /// Nobody knows.
    Lost { error: String },
}

impl Trouble {
    pub(crate) fn of(error: &tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            // a session that is ended may have committed before
            Some(db)
                if !db.code().code().starts_with("57P")
                    && !matches!(db.parsed_severity(), Some(Severity::Fatal | Severity::Panic)) =>
            {
                Self::Refused { code: db.code().code().to_owned(), error: db.message().to_owned() }
            }
            Some(db) => Self::Lost { error: db.message().to_owned() },
            None => Self::Lost { error: error.to_string() },
        }
    }

    /// The line that says so.
    pub(crate) fn line(&self, call: u64) -> Line {
        match self {
            Self::Refused { code, error } => {
                Line::Refused { at: now(), call, code: code.clone(), error: error.clone() }
            }
            Self::Lost { error } => Line::Lost { at: now(), call, error: error.clone() },
        }
    }
}

/// A session that connects anew when it broke, and its history.
#[derive(Debug)]
pub(crate) struct Client {
    url: String,
    session: Option<Session>,
    prepared: HashMap<&'static str, Statement>,
    pub(crate) history: Writer,
}

impl Client {
    pub(crate) fn new(url: String, history: Writer) -> Self {
        Self { url, session: None, prepared: HashMap::new(), history }
    }

    /// Connects if need be, however long it takes.
    pub(crate) async fn connected(&mut self) -> &Session {
        while self.session.as_ref().is_none_or(|session| session.is_closed()) {
            self.prepared.clear();
            self.session = Session::try_connect(&self.url).await.ok();
            if self.session.is_none() {
                tokio::time::sleep(BETWEEN_CONNECTS).await;
            }
        }
        self.session.as_ref().unwrap_or_else(|| unreachable!("it was just made"))
    }

    /// Runs a statement. A connection that broke is not used again.
    pub(crate) async fn query(&mut self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>, Trouble> {
        let result = tokio::time::timeout(PATIENCE, self.attempt(sql, params)).await;
        let result = match result {
            Ok(result) => result.map_err(|error| Trouble::of(&error)),
            Err(_) => Err(Trouble::Lost { error: "no answer in time".to_owned() }),
        };
        if matches!(result, Err(Trouble::Lost { .. })) {
            self.session = None;
        }
        result
    }

    async fn attempt(
        &mut self,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        self.connected().await;
        let session = self.session.as_ref().unwrap_or_else(|| unreachable!("it was just made"));
        let statement = match self.prepared.get(sql) {
            Some(statement) => statement,
            None => {
                let statement = session.prepare(sql).await?;
                self.prepared.entry(sql).or_insert(statement)
            }
        };
        session.query(statement, params).await
    }

    /// Adds jobs in a transaction that is rolled back. All in one session: another one would commit.
    pub(crate) async fn take_back(&mut self, jobs: &Value) -> Result<Vec<Uuid>, Trouble> {
        let session = self.connected().await;
        let result = async {
            session.batch_execute("BEGIN").await?;
            let rows = session.query(ENQUEUE_MANY, &[jobs]).await?;
            session.batch_execute("ROLLBACK").await?;
            Ok(ids(&rows, 0))
        };
        let result = result.await.map_err(|error: tokio_postgres::Error| Trouble::of(&error));
        if result.is_err() {
            // whatever state its transaction is in
            self.session = None;
        }
        result
    }
}

/// A span as Postgres' make_interval takes it.
pub(crate) fn seconds(span: Micros) -> f64 {
    span as f64 / 1_000_000.0
}

/// The result that a completed job gets: whose completion it was.
pub(crate) fn results(session: &str, tokens: &[i64]) -> Vec<Value> {
    tokens.iter().map(|token| serde_json::json!({"by": session, "token": token})).collect()
}

/// The first columns of rows.
pub(crate) fn ids(rows: &[Row], column: usize) -> Vec<Uuid> {
    rows.iter().map(|row| row.get(column)).collect()
}
