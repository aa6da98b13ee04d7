//! The client that every queue is measured with: the same code, connections and payload; only statements differ.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};
use uuid::Uuid;

use super::payload;
use crate::backdoor;
use crate::cluster::Database;
use crate::session::{Refusal, Session};

/// By which the server knows our connections.
pub(super) const APPLICATION: &str = "bench client";
/// Jobs in a call when a queue is filled.
const FILL: usize = 1_000;

/// A queue that is measured.
#[derive(Clone, Debug)]
pub(super) struct System {
    pub(super) name: &'static str,
    /// Where its tables are.
    pub(super) schema: &'static str,
    pub(super) adding: Adding,
    pub(super) taking: Taking,
    /// Empties it, indexes too; None for Crier, whose tables are not known here.
    pub(super) empty: Option<&'static str>,
}

/// How jobs are added.
#[derive(Clone, Copy, Debug)]
pub(super) struct Adding {
    /// `$1` is a payload.
    pub(super) one: &'static str,
    /// `$1` is what `form` says.
    pub(super) many: &'static str,
    pub(super) form: Form,
}

/// What many jobs are added as.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// One JSON array of Crier's jobs.
    CrierJobs,
    /// An SQL array of payloads.
    Payloads,
}

/// How workers take and finish jobs. Taken jobs are rows of key, payload and, where there is one, token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taking {
    /// `$1` is how many.
    pub(super) claim: &'static str,
    /// The same, but the server waits up to a second for a job.
    pub(super) claim_or_wait: Option<&'static str>,
    /// `$1` are keys, `$2` tokens; answers with a row for each.
    pub(super) finish: &'static str,
    /// Both in one call: `$1` how many, `$2` keys, `$3` tokens; a row without payload is a finished job.
    pub(super) exchange: Option<&'static str>,
    /// Whether keys are UUIDs with tokens, or plain numbers.
    pub(super) fenced: bool,
}

impl System {
    /// Leaves it as new; every workload does so at its end. On a connection of its own: what a TRUNCATE does to the
    /// statistics of its table is told when a connection ends, or much later.
    pub(super) async fn empty(&self, database: &Database) {
        let sql = connect(database).await;
        match self.empty {
            None => backdoor::empty_queue(&sql).await,
            Some(statements) => {
                sql.run(statements).await;
                sql.run("VACUUM ANALYZE").await;
            }
        }
    }
}

/// A connection that adds jobs.
#[derive(Debug)]
pub(super) struct Adder {
    sql: Session,
    adding: Adding,
    one: Statement,
    many: Statement,
}

impl Adder {
    pub(super) async fn open(database: &Database, adding: Adding) -> Self {
        let sql = connect(database).await;
        let (one, many) = (prepared(&sql, adding.one).await, prepared(&sql, adding.many).await);
        Self { sql, adding, one, many }
    }

    /// Adds one job, in a transaction of its own.
    pub(super) async fn add(&self, payload: &Value) {
        let rows = execute(&self.sql, &self.one, self.adding.one, &[payload]).await;
        assert_eq!(rows, 1, "expected one job to be added by\n{}", self.adding.one);
    }

    /// Adds many jobs in one transaction.
    pub(super) async fn add_many(&self, jobs: &Jobs) {
        let param: &(dyn ToSql + Sync) = match jobs {
            Jobs::Array(jobs, _) => jobs,
            Jobs::Payloads(payloads) => payloads,
        };
        let rows = execute(&self.sql, &self.many, self.adding.many, &[param]).await;
        assert_eq!(rows as usize, jobs.len(), "expected all jobs to be added by\n{}", self.adding.many);
    }
}

/// Jobs as the argument of a call.
#[derive(Debug)]
pub(super) enum Jobs {
    Array(Value, usize),
    Payloads(Vec<Value>),
}

impl Jobs {
    /// The jobs with these numbers.
    pub(super) fn new(form: Form, numbers: std::ops::Range<usize>) -> Self {
        let count = numbers.len();
        let payloads = numbers.map(payload::numbered);
        match form {
            Form::Payloads => Self::Payloads(payloads.collect()),
            Form::CrierJobs => Self::Array(
                payloads.map(|params| json!({"kind": "bench", "params": params})).collect(),
                count,
            ),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Array(_, count) => *count,
            Self::Payloads(payloads) => payloads.len(),
        }
    }
}

/// Adds jobs by some connections at once.
pub(super) async fn fill(database: &Database, adding: Adding, jobs: usize, connections: usize) {
    let starts: Vec<usize> = (0..jobs).step_by(FILL).collect();
    let shares = starts.chunks(starts.len().div_ceil(connections).max(1));
    join_all(shares.map(async |share| {
        let adder = Adder::open(database, adding).await;
        for start in share {
            adder.add_many(&Jobs::new(adding.form, *start..jobs.min(start + FILL))).await;
        }
    }))
    .await;
}

/// A connection that takes jobs and finishes them.
#[derive(Debug)]
pub(super) struct Taker {
    sql: Session,
    taking: Taking,
    claim: Statement,
    claim_or_wait: Option<Statement>,
    finish: Statement,
    exchange: Option<Statement>,
}

/// Jobs that a worker holds.
#[derive(Debug, Default)]
pub(super) struct Taken {
    keys: Keys,
    /// Their numbers.
    pub(super) numbers: Vec<usize>,
}

#[derive(Debug)]
enum Keys {
    Fenced(Vec<Uuid>, Vec<i64>),
    Numbers(Vec<i64>),
}

impl Default for Keys {
    fn default() -> Self {
        Self::Fenced(vec![], vec![])
    }
}

impl Taker {
    pub(super) async fn open(database: &Database, taking: Taking) -> Self {
        let sql = connect(database).await;
        let claim = prepared(&sql, taking.claim).await;
        let finish = prepared(&sql, taking.finish).await;
        let claim_or_wait = match taking.claim_or_wait {
            Some(statement) => Some(prepared(&sql, statement).await),
            None => None,
        };
        let exchange = match taking.exchange {
            Some(statement) => Some(prepared(&sql, statement).await),
            None => None,
        };
        Self { sql, taking, claim, claim_or_wait, finish, exchange }
    }

    pub(super) async fn claim(&self, max: i32) -> Taken {
        self.taken(query(&self.sql, &self.claim, self.taking.claim, &[&max]).await)
    }

    /// Waits up to a second in the server; None where it can't.
    pub(super) async fn claim_or_wait(&self, max: i32) -> Option<Taken> {
        let (statement, text) = (self.claim_or_wait.as_ref()?, self.taking.claim_or_wait?);
        Some(self.taken(query(&self.sql, statement, text, &[&max]).await))
    }

    /// Gives how many were accepted.
    pub(super) async fn finish(&self, jobs: &Taken) -> usize {
        let text = self.taking.finish;
        let rows = match &jobs.keys {
            Keys::Fenced(ids, tokens) => execute(&self.sql, &self.finish, text, &[ids, tokens]).await,
            Keys::Numbers(ids) => execute(&self.sql, &self.finish, text, &[ids]).await,
        };
        rows as usize
    }

    /// Finishes jobs and takes others in one call; gives how many were accepted.
    pub(super) async fn exchange(&self, jobs: &Taken, max: i32) -> (usize, Taken) {
        let (Some(statement), Some(text)) = (&self.exchange, self.taking.exchange) else {
            panic!("this queue has no call that finishes and claims");
        };
        let Keys::Fenced(ids, tokens) = &jobs.keys else { panic!("jobs without tokens can't be exchanged") };
        let rows = query(&self.sql, statement, text, &[&max, ids, tokens]).await;
        let (running, finished): (Vec<Row>, Vec<Row>) =
            rows.into_iter().partition(|row| row.get::<_, Option<i64>>(2).is_some());
        (finished.len(), self.taken(running))
    }

    fn taken(&self, rows: Vec<Row>) -> Taken {
        let number = |row: &Row| {
            let payload: Value = row.get(1);
            payload::number(&payload).unwrap_or_else(|| panic!("a payload without its number: {payload}"))
        };
        let numbers = rows.iter().map(number).collect();
        let keys = if self.taking.fenced {
            Keys::Fenced(
                rows.iter().map(|row| row.get(0)).collect(),
                rows.iter().map(|row| row.get(2)).collect(),
            )
        } else {
            Keys::Numbers(rows.iter().map(|row| row.get(0)).collect())
        };
        Taken { keys, numbers }
    }
}

pub(super) async fn connect(database: &Database) -> Session {
    let sql = database.connect().await;
    sql.rows("SELECT set_config('application_name', $1, false)", &[&APPLICATION]).await;
    sql
}

async fn prepared(sql: &Session, text: &str) -> Statement {
    sql.prepare(text).await.unwrap_or_else(|error| refused(text, error))
}

async fn query(sql: &Session, statement: &Statement, text: &str, params: &[&(dyn ToSql + Sync)]) -> Vec<Row> {
    sql.query(statement, params).await.unwrap_or_else(|error| refused(text, error))
}

async fn execute(sql: &Session, statement: &Statement, text: &str, params: &[&(dyn ToSql + Sync)]) -> u64 {
    sql.execute(statement, params).await.unwrap_or_else(|error| refused(text, error))
}

fn refused<T>(text: &str, error: tokio_postgres::Error) -> T {
    panic!("{}\n{text}", Refusal::from(error))
}
