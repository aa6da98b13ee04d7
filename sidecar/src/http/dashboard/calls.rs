//! Calls of functions as the person who asks.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Dashboard;
use super::data::Page;
use super::stop::Stop;
use crate::db::api::{Function, Terms};
use crate::error::Error;
use crate::http::api::{AROUND, Identity};

impl Dashboard {
    /// Calls what only reads.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        who: &Identity,
        function: &Function,
        given: Value,
    ) -> Result<Vec<T>, Stop> {
        let rows = self.call(who, function, &given, true).await?;
        rows.into_iter()
            .map(|row| serde_json::from_value(row).map_err(|error| unexpected(function, &error)))
            .collect()
    }

    /// The only row, if there is one.
    pub(super) async fn read_one<T: DeserializeOwned>(
        &self,
        who: &Identity,
        function: &Function,
        given: Value,
    ) -> Result<Option<T>, Stop> {
        let rows: Vec<Option<T>> = self.read(who, function, given).await?;
        Ok(rows.into_iter().flatten().next())
    }

    /// A page of what has pages.
    pub(super) async fn read_page<T: DeserializeOwned>(
        &self,
        who: &Identity,
        function: &Function,
        given: Value,
    ) -> Result<Page<T>, Stop> {
        let page = self.read(who, function, given).await?.into_iter().next();
        page.ok_or_else(|| unexpected(function, &"no row"))
    }

    /// Calls what changes something.
    pub(super) async fn write(
        &self,
        who: &Identity,
        function: &Function,
        given: Value,
    ) -> Result<Vec<Value>, Stop> {
        self.call(who, function, &given, false).await
    }

    async fn call(
        &self,
        who: &Identity,
        function: &Function,
        given: &Value,
        reads: bool,
    ) -> Result<Vec<Value>, Stop> {
        let limit = self.api.bounds.statement;
        let terms = Terms { claims: &who.claims, reads, limit };
        match timeout(limit + AROUND, self.api.db.call(terms, function, given)).await {
            Ok(rows) => Ok(rows?),
            Err(_) => Err(Stop::TooSlow),
        }
    }
}

/// Arguments of which some are left out.
pub(super) fn given<const N: usize>(arguments: [(&str, Option<&str>); N]) -> Value {
    let there = arguments.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?))));
    Value::Object(there.collect())
}

fn unexpected(function: &Function, why: &dyn std::fmt::Display) -> Stop {
    Stop::Failed(Error::Refused(format!("an answer of crier.{} can't be read: {why}", function.name)))
}
