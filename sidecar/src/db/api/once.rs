//! Calls that are made once, however often they are asked for: what a caller names with a key is carried out under it, in one
//! transaction with the note that it was, and with what it gave.

use serde_json::Value;
use tokio_postgres::types::{Json, Type};

use super::super::pool::{Db, Param};
use super::super::rows::contract;
use super::{CallError, Function, ROLLBACK, Refusal, Terms, read};
use crate::error::Error;

const BEGIN_ONCE: &str = "SELECT state, rows FROM crier.begin_idempotent($1, $2)";
const END_ONCE: &str = "SELECT crier.end_idempotent($1, $2)";
/// Somebody is at it, and was waited for.
const IN_USE: &str = "55P03";

/// Under which name a call is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Once<'a> {
    /// The caller's.
    pub(crate) key: &'a str,
    /// The SHA-256 of what is asked for.
    pub(crate) request: [u8; 32],
    /// Whether the answer may be kept: some hold a secret.
    pub(crate) keeps: bool,
}

/// What came of a call.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It was made, and gave this.
    Rows(Vec<Value>),
    /// It was made before, and gave this.
    Before(Vec<Value>),
    /// It was not made.
    Clash(Clash),
}

/// Why a key is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clash {
    /// A call under it is being made.
    UnderWay,
    /// It stands for another call.
    OtherRequest,
    /// It was done, and what it gave is not kept.
    NotKept,
}

impl Db {
    /// Calls a function for a user under a key, unless it was called under it before.
    pub(crate) async fn call_once(
        &self,
        terms: Terms<'_>,
        once: Once<'_>,
        function: &Function,
        given: &Value,
    ) -> Result<Outcome, CallError> {
        let connection = self.become_caller(terms).await.map_err(CallError::NotBegun)?;
        let request = &once.request[..];
        let params: [Param<'_>; 2] = [(&once.key, Type::TEXT), (&request, Type::BYTEA)];
        let (connection, begun) = match self.step(connection, BEGIN_ONCE, &params).await {
            Err(CallError::Refused(Refusal { state, .. })) if state == IN_USE => {
                return Ok(Outcome::Clash(Clash::UnderWay));
            }
            begun => begun?,
        };
        let begun = begun.first().ok_or_else(|| Error::Contract("a statement returned no row".into()))?;
        let state: &str = begun.try_get(0).map_err(contract)?;
        if state != "new" {
            self.rows_on(&connection, ROLLBACK, &[]).await?;
            connection.give_back();
            return Ok(match (state, begun.try_get(1).map_err(contract)?) {
                ("done", Some(Value::Array(rows))) => Outcome::Before(rows),
                ("done", _) => Outcome::Clash(Clash::NotKept),
                _ => Outcome::Clash(Clash::OtherRequest),
            });
        }
        let (mut connection, rows) =
            self.step(connection, function.statement, &[(given, Type::JSONB)]).await?;
        let rows: Vec<Value> = rows.iter().map(read).collect::<Result<_, _>>()?;
        if once.keeps {
            let kept = Json(&rows);
            (connection, _) =
                self.step(connection, END_ONCE, &[(&once.key, Type::TEXT), (&kept, Type::JSONB)]).await?;
        }
        self.commit(connection).await?;
        Ok(Outcome::Rows(rows))
    }
}
