//! Functions that are called for users: as their role, with their claims, in one transaction each.
//!
//! What a user may see and do is decided in there, by row-level security and by the functions themselves, and by nothing here.

mod function;
mod once;
pub(crate) mod only;

use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::error::DbError;
use tokio_postgres::types::Type;
use uuid::Uuid;

pub(crate) use function::{Argument, Function, Kind, function};
pub(crate) use once::{Clash, Once, Outcome};

use super::pool::{Borrowed, Db, Param};
use super::rows::contract;
use crate::error::Error;

const BEGIN: &str = "BEGIN";
/// For what only reads: then nothing is written, whatever is called.
const BEGIN_READING: &str = "BEGIN READ ONLY";
/// Who calls, until the end of the transaction. The role before the claims: they count as soon as they stand there.
const BECOME: &str = "SELECT pg_catalog.set_config('role', 'crier_app', true), \
     pg_catalog.set_config('request.jwt.claims', $1, true), pg_catalog.set_config('statement_timeout', $2, true), \
     pg_catalog.set_config('TimeZone', 'UTC', true), pg_catalog.set_config('IntervalStyle', 'postgres', true)";
/// By a worker's role, beside the call: a request counts whatever becomes of it.
/// A request says how long ago it was answered: the clock of the database is the one that counts.
const RECORD_API_METRICS: &str = "SELECT crier.record_api_metrics((\
     SELECT coalesce(pg_catalog.jsonb_agg(given - 'age' || pg_catalog.jsonb_build_object(\
         'at', extract(epoch FROM pg_catalog.clock_timestamp()) - (given ->> 'age')::numeric)), '[]') \
     FROM pg_catalog.jsonb_array_elements($1) AS given))";
const COUNT_REQUEST: &str = "SELECT allowed, max, remaining, resets_at, crier.use_api_key($1) \
     FROM crier.check_rate_limit($1, $2, NULL)";
const FIND_API_KEY: &str = "SELECT crier.find_api_key($1)";
const USE_API_KEY: &str = "SELECT crier.use_api_key($1)";
const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";

/// Why a call had no answer.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The function, or the database, refused it.
    Refused(Refusal),
    /// It was not called.
    NotBegun(Error),
    /// Nobody knows what became of it.
    Failed(Error),
}

/// A refusal by SQL, in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The SQLSTATE.
    pub(crate) state: String,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// The stable word with which Crier's own errors begin their detail.
    pub(crate) reason: Option<String>,
}

/// What is left of the requests of a minute.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    /// Whether this one may be answered.
    pub(crate) allowed: bool,
    pub(crate) max: i64,
    pub(crate) remaining: i64,
    /// When there is room again, where there is none.
    pub(crate) resets_at: Option<SystemTime>,
    /// Whether the user is an API key that counts; nothing: a person.
    pub(crate) api_key: Option<bool>,
}

impl Refusal {
    /// Of an error that is one: what a function says of what it was asked.
    pub(crate) fn of(error: &Error) -> Option<Self> {
        match error {
            // not what is missing in a schema or in rights: that is ours
            Error::Sql { state, message, hint } if !state.starts_with("42") => {
                let (state, message, hint) = (state.clone(), message.clone(), hint.clone());
                Some(Self { state, message, hint, reason: None })
            }
            _ => None,
        }
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// How a call is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms<'a> {
    /// The caller's claims, verified: JSON.
    pub(crate) claims: &'a str,
    /// Whether it reads only.
    pub(crate) reads: bool,
    /// How long its statement may take.
    pub(crate) limit: Duration,
}

impl Db {
    /// Calls a function for a user; answers with its rows as JSON.
    pub(crate) async fn call(
        &self,
        terms: Terms<'_>,
        function: &Function,
        given: &Value,
    ) -> Result<Vec<Value>, CallError> {
        let connection = self.become_caller(terms).await.map_err(CallError::NotBegun)?;
        let (connection, rows) = self.step(connection, function.statement, &[(given, Type::JSONB)]).await?;
        self.commit(connection).await?;
        rows.iter().map(read).collect()
    }

    /// A statement of a call. Where it is refused nothing of the call has happened. What is dropped halfway takes its connection,
    /// and so its transaction, along: see `Borrowed`.
    async fn step(
        &self,
        connection: Borrowed,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<(Borrowed, Vec<Row>), CallError> {
        match self.ask_on(&connection, sql, params).await? {
            Ok(rows) => Ok((connection, rows)),
            Err(error) => {
                let refused = refusal(error);
                self.rows_on(&connection, ROLLBACK, &[]).await?;
                connection.give_back();
                Err(refused)
            }
        }
    }

    async fn commit(&self, connection: Borrowed) -> Result<(), CallError> {
        match self.ask_on(&connection, COMMIT, &[]).await? {
            Ok(_) => {
                connection.give_back();
                Ok(())
            }
            // What is checked at the end: nothing has happened then.
            Err(error) => Err(refusal(error)),
        }
    }

    /// Whose API key has this hash, if anybody's.
    pub(crate) async fn find_api_key(&self, hash: &[u8; 32]) -> Result<Option<Uuid>, Error> {
        let row = self.one(FIND_API_KEY, &[(&&hash[..], Type::BYTEA)]).await?;
        row.try_get(0).map_err(contract)
    }

    /// Whether a user is no person but an API key.
    pub(crate) async fn is_api_key(&self, user: Uuid) -> Result<bool, Error> {
        let row = self.one(USE_API_KEY, &[(&user, Type::UUID)]).await?;
        Ok(row.try_get::<_, Option<bool>>(0).map_err(contract)?.is_some())
    }

    /// Counts a request of a user.
    pub(crate) async fn count_request(&self, user: Uuid, endpoint: &str) -> Result<Allowance, Error> {
        let row = self.one(COUNT_REQUEST, &[(&user, Type::UUID), (&endpoint, Type::TEXT)]).await?;
        Ok(Allowance {
            allowed: row.try_get(0).map_err(contract)?,
            max: row.try_get(1).map_err(contract)?,
            remaining: row.try_get(2).map_err(contract)?,
            resets_at: row.try_get(3).map_err(contract)?,
            api_key: row.try_get(4).map_err(contract)?,
        })
    }

    /// Records requests that were answered: objects with `endpoint`, `method`, `status`, `ms`, `age` in seconds and `user_id`. They are
    /// taken once there is a connection. It must not be repeated: what was sent may have been recorded.
    pub(crate) async fn record_api_metrics(&self, take: impl FnOnce() -> Value) -> Result<(), Error> {
        let connection = self.borrow().await?;
        self.rows_on(&connection, RECORD_API_METRICS, &[(&take(), Type::JSONB)]).await?;
        connection.give_back();
        Ok(())
    }

    /// Whether calls can be made for users.
    pub(crate) async fn may_call(&self) -> Result<(), Error> {
        let terms = Terms { claims: "", reads: true, limit: Duration::from_secs(1) };
        let connection = self.become_caller(terms).await?;
        self.rows_on(&connection, ROLLBACK, &[]).await?;
        connection.give_back();
        Ok(())
    }

    async fn become_caller(&self, terms: Terms<'_>) -> Result<Borrowed, Error> {
        let connection = self.borrow().await?;
        // One after the other: where the transaction does not begin, nothing may be done by the role of this connection.
        self.rows_on(&connection, if terms.reads { BEGIN_READING } else { BEGIN }, &[]).await?;
        let limit = terms.limit.as_millis().to_string();
        let set =
            self.rows_on(&connection, BECOME, &[(&terms.claims, Type::TEXT), (&limit, Type::TEXT)]).await;
        if let Err(error) = set {
            self.rows_on(&connection, ROLLBACK, &[]).await?;
            connection.give_back();
            return Err(error);
        }
        Ok(connection)
    }
}

fn read(row: &Row) -> Result<Value, CallError> {
    let value: Option<Value> = row.try_get(0).map_err(|error| CallError::Failed(contract(error)))?;
    Ok(value.unwrap_or_default())
}

fn refusal(error: tokio_postgres::Error) -> CallError {
    match error.as_db_error() {
        Some(db) => CallError::Refused(Refusal {
            state: db.code().code().to_owned(),
            message: db.message().to_owned(),
            hint: db.hint().map(str::to_owned),
            reason: reason(db),
        }),
        None => CallError::Failed(error.into()),
    }
}

/// The rest of a detail is not for everybody: a constraint's prints the values of a row.
fn reason(error: &DbError) -> Option<String> {
    let word = error.detail()?.split([' ', ':', '\n']).next()?;
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    (!word.is_empty() && word.len() <= 40 && word.bytes().all(is_word)).then(|| word.to_owned())
}
