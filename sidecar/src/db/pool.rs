//! Connections to Postgres: TLS, time limits, and one way to run a statement.

use std::net::IpAddr;
use std::time::Duration;

use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, Timeouts,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Config as PgConfig, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::backoff::Backoff;
use crate::config::Database;
use crate::error::{Error, chain};
use crate::tls;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a statement may take. All of them are short; one that isn't is a database in trouble.
const STATEMENT: Duration = Duration::from_secs(20);
/// Migrations may wait for a lock.
const LONG_STATEMENT: Duration = Duration::from_secs(30 * 60);
/// Connections kept: the loop, the heartbeat and reports share them with the jobs' short calls.
const CONNECTIONS: usize = 8;

/// A parameter with its type, so that no statement has to be prepared by name (PgBouncer).
pub(super) type Param<'a> = (&'a (dyn ToSql + Sync), Type);

/// The database, as a pool of connections.
#[derive(Clone)]
pub struct Db {
    pool: Pool,
}

impl Db {
    /// Makes the pool; it connects when it is first used.
    pub fn new(database: &Database) -> Result<Self, Error> {
        let tls = MakeRustlsConnect::new(tls::client_config(database.ca_file.as_deref())?);
        let config = pg_config(&database.url)?;
        let manager =
            Manager::from_config(config, tls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts { wait: Some(STATEMENT), create: Some(CONNECT), recycle: Some(CONNECT) })
            .build()
            .map_err(|error| Error::Refused(error.to_string()))?;
        Ok(Self { pool })
    }

    pub(super) async fn rows(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, Error> {
        self.rows_within(STATEMENT, sql, params).await
    }

    pub(super) async fn rows_slowly(&self, sql: &'static str) -> Result<Vec<Row>, Error> {
        self.rows_within(LONG_STATEMENT, sql, &[]).await
    }

    pub(super) async fn one(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Row, Error> {
        let rows = self.rows(sql, params).await?;
        rows.into_iter().next().ok_or_else(|| Error::Contract("a statement returned no row".into()))
    }

    pub(super) async fn optional(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Option<Row>, Error> {
        Ok(self.rows(sql, params).await?.into_iter().next())
    }

    async fn rows_within(
        &self,
        limit: Duration,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, Error> {
        let client = self.pool.get().await.map_err(unavailable)?;
        match tokio::time::timeout(limit, client.query_typed(sql, params)).await {
            Ok(rows) => Ok(rows?),
            Err(_) => {
                // The answer may still come; nobody else shall wait behind it.
                drop(Object::take(client));
                Err(Error::Unavailable(format!("a statement took longer than {} s", limit.as_secs())))
            }
        }
    }
}

/// Repeats a call while the database does not answer or is busy. Every statement of the sidecar may be repeated: it
/// states a token, or the first one wins.
pub(crate) async fn patiently<T, F>(patience: Duration, mut call: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let begun = Instant::now();
    let mut backoff = Backoff::database();
    loop {
        match call().await {
            Err(error) if error.is_passing() && begun.elapsed() < patience => {
                tokio::time::sleep(backoff.next()).await;
            }
            result => return result,
        }
    }
}

/// The URL with the limits that make a dead peer noticeable.
pub(crate) fn pg_config(url: &SecretString) -> Result<PgConfig, Error> {
    let mut config: PgConfig = url
        .expose_secret()
        .parse()
        .map_err(|_| Error::Config(vec!["database.url is not a connection string of Postgres".into()]))?;
    if config.get_application_name().is_none() {
        config.application_name("crierd");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(STATEMENT);
    }
    config.keepalives_idle(Duration::from_secs(30));
    // `prefer` promises nothing, and what a server on this machine shows is mostly a certificate that nobody
    // signed. Elsewhere a certificate that is shown has to be good.
    if config.get_ssl_mode() == SslMode::Prefer && config.get_hosts().iter().all(is_here) {
        config.ssl_mode(SslMode::Disable);
    }
    Ok(config)
}

fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()),
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

fn unavailable(error: PoolError) -> Error {
    match error {
        PoolError::Backend(error) => match Error::from(error) {
            // A wrong password is not an outage for a person, but it is for the loop: both try again.
            Error::Sql { message, state, .. } => Error::Unavailable(format!("{message} (SQLSTATE {state})")),
            other => other,
        },
        PoolError::Timeout(_) => Error::Unavailable("no connection within the time limit".into()),
        other => Error::Unavailable(chain(&other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_on_this_machine_is_reached_without_tls_by_default() {
        for (url, mode) in [
            ("postgres://u@localhost/d", SslMode::Disable),
            ("postgres://u@127.0.0.1,[::1]/d", SslMode::Disable),
            ("host=/run/postgresql user=u", SslMode::Disable),
            ("postgres://u@db.example/d", SslMode::Prefer),
            ("postgres://u@localhost,db.example/d", SslMode::Prefer),
            ("postgres://u@localhost/d?sslmode=require", SslMode::Require),
            ("postgres://u@db.example/d?sslmode=disable", SslMode::Disable),
        ] {
            assert_eq!(pg_config(&url.into()).unwrap().get_ssl_mode(), mode, "{url}");
        }
    }
}
