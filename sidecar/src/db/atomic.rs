//! Several statements that count all or none, on one connection.

use super::pool::{Borrowed, Db, Param};
use crate::error::Error;
use tokio_postgres::Row;

/// A transaction. Dropped without [`Atomic::commit`] nothing of it has happened.
pub(crate) struct Atomic<'d> {
    db: &'d Db,
    connection: Borrowed,
}

impl Db {
    /// Begins a transaction.
    pub(crate) async fn begin(&self) -> Result<Atomic<'_>, Error> {
        let atomic = Atomic { db: self, connection: self.borrow().await? };
        atomic.run("BEGIN").await?;
        Ok(atomic)
    }
}

impl Atomic<'_> {
    pub(super) async fn rows(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, Error> {
        self.db.rows_on(&self.connection, sql, params).await
    }

    pub(super) async fn one(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Row, Error> {
        let rows = self.rows(sql, params).await?;
        rows.into_iter().next().ok_or_else(|| Error::Contract("a statement returned no row".into()))
    }

    async fn run(&self, sql: &'static str) -> Result<(), Error> {
        self.rows(sql, &[]).await.map(drop)
    }

    /// Does something that counts only if it succeeds, within what counts together. A connection that is lost is lost for all.
    pub(crate) async fn attempt<T>(&self, what: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.run("SAVEPOINT attempt").await?;
        let result = what.await;
        match &result {
            Ok(_) => self.run("RELEASE SAVEPOINT attempt").await?,
            Err(error) if error.is_unavailable() => {}
            Err(_) => {
                self.run("ROLLBACK TO SAVEPOINT attempt").await?;
                self.run("RELEASE SAVEPOINT attempt").await?;
            }
        }
        result
    }

    /// Has all of it count.
    pub(crate) async fn commit(self) -> Result<(), Error> {
        self.run("COMMIT").await?;
        self.connection.give_back();
        Ok(())
    }

    /// Has none of it count.
    pub(crate) async fn give_up(self) -> Result<(), Error> {
        self.run("ROLLBACK").await?;
        self.connection.give_back();
        Ok(())
    }
}
