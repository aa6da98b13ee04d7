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
use tokio_postgres::{CancelToken, Config as PgConfig, Row};
use tokio_postgres_rustls::MakeRustlsConnect;
use tracing::debug;

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
/// How long a request to cancel may take.
const CANCEL: Duration = Duration::from_secs(5);
/// Connections kept: the loop, the heartbeat and reports share them with the jobs' short calls.
const CONNECTIONS: usize = 8;

/// A parameter with its type, so that no statement has to be prepared by name (PgBouncer).
pub(super) type Param<'a> = (&'a (dyn ToSql + Sync), Type);

/// The database, as a pool of connections.
#[derive(Clone)]
pub struct Db {
    pool: Pool,
    tls: MakeRustlsConnect,
}

/// A connection that goes back to the pool only once its statement has ended. A call that is dropped halfway, by a
/// lost lease or a shutdown, leaves one behind on which the statement still runs: nobody else shall wait behind it.
pub(super) struct Borrowed(Option<Object>);

impl Borrowed {
    fn client(&self) -> Result<&Object, Error> {
        self.0.as_ref().ok_or_else(|| Error::Unavailable("the connection was given back".into()))
    }

    /// The statement has ended: the pool may have it.
    pub(super) fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            drop(Object::take(client));
        }
    }
}

impl Db {
    /// Makes the pool; it connects when it is first used.
    pub fn new(database: &Database) -> Result<Self, Error> {
        Self::with_connections(database, CONNECTIONS, STATEMENT)
    }

    /// The same with so many connections at the most, for one of which a call waits so long.
    pub(crate) fn with_connections(
        database: &Database,
        connections: usize,
        wait: Duration,
    ) -> Result<Self, Error> {
        let tls = MakeRustlsConnect::new(tls::client_config(database.ca_file.as_deref())?);
        let config = pg_config(&database.url)?;
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config, tls.clone(), recycling);
        let pool = Pool::builder(manager)
            .max_size(connections)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts { wait: Some(wait), create: Some(CONNECT), recycle: Some(CONNECT) })
            .build()
            .map_err(|error| Error::Refused(error.to_string()))?;
        Ok(Self { pool, tls })
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
        let borrowed = self.borrow().await?;
        let answer = self.ask(&borrowed, limit, sql, params).await?;
        borrowed.give_back();
        Ok(answer?)
    }

    /// A connection for several statements.
    pub(super) async fn borrow(&self) -> Result<Borrowed, Error> {
        Ok(Borrowed(Some(self.pool.get().await.map_err(unavailable)?)))
    }

    /// One of several statements on a connection.
    pub(super) async fn rows_on(
        &self,
        borrowed: &Borrowed,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, Error> {
        Ok(self.ask_on(borrowed, sql, params).await??)
    }

    /// The same for those who want to know how the server refused it.
    pub(super) async fn ask_on(
        &self,
        borrowed: &Borrowed,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Result<Vec<Row>, tokio_postgres::Error>, Error> {
        self.ask(borrowed, STATEMENT, sql, params).await
    }

    /// The server's answer; an error outside of that where none came in time, and the statement may still run.
    async fn ask(
        &self,
        borrowed: &Borrowed,
        limit: Duration,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Result<Vec<Row>, tokio_postgres::Error>, Error> {
        let client = borrowed.client()?;
        match tokio::time::timeout(limit, client.query_typed(sql, params)).await {
            Ok(answer) => Ok(answer),
            Err(_) => {
                self.cancel(client.cancel_token());
                Err(Error::Unavailable(format!("a statement took longer than {} s", limit.as_secs())))
            }
        }
    }

    /// Asks the server to end a statement nobody waits for any more, so that it holds no locks. A courtesy: if it
    /// does not arrive, the statement ends by itself.
    fn cancel(&self, statement: CancelToken) {
        let tls = self.tls.clone();
        tokio::spawn(async move {
            match tokio::time::timeout(CANCEL, statement.cancel_query(tls)).await {
                Ok(Ok(())) => debug!("asked to cancel a statement that took too long"),
                Ok(Err(error)) => debug!(error = chain(&error), "a statement could not be canceled"),
                Err(_) => debug!("a statement could not be canceled in time"),
            }
        });
    }
}

/// Repeats a call while the database does not answer or is busy. Every statement of the sidecar may be repeated: it
/// states a token, or the first one wins.
pub(crate) async fn patiently<T, F>(patience: Duration, call: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    patiently_if(patience, Error::is_passing, call).await
}

/// The same for errors of one's choice.
pub(crate) async fn patiently_if<T, F>(
    patience: Duration,
    may_pass: impl Fn(&Error) -> bool,
    mut call: impl FnMut() -> F,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let begun = Instant::now();
    let mut backoff = Backoff::database();
    loop {
        match call().await {
            Err(error) if may_pass(&error) && begun.elapsed() < patience => {
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
            // There was no statement yet whose answer could be of another version.
            Error::Contract(text) => Error::Unavailable(text),
            other => other,
        },
        PoolError::Timeout(_) => Error::Unavailable("no connection within the time limit".into()),
        other => Error::Unavailable(chain(&other)),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;

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

    #[tokio::test(start_paused = true)]
    async fn waits_only_for_what_may_pass() {
        let sql = |state: &str| Error::Sql { state: state.into(), message: String::new(), hint: None };
        let tries = async |state: &str| {
            let calls = std::cell::Cell::new(0);
            let call = || {
                calls.set(calls.get() + 1);
                std::future::ready(if calls.get() < 5 { Err(sql(state)) } else { Ok(()) })
            };
            let stored = patiently_if(Duration::from_secs(600), |error| !error.is_callers(), call).await;
            (stored.is_ok(), calls.get())
        };
        // A full disk, a server that only reads, a server's own limits.
        for state in ["53100", "25006", "54000", "XX000"] {
            assert_eq!(tries(state).await, (true, 5), "{state}");
        }
        for state in ["22023", "42883", "P0002"] {
            assert_eq!(tries(state).await, (false, 1), "{state}");
        }
    }

    /// A server that lets everyone in and answers no statement. Tells of connections, of the first
    /// byte of a statement, and of requests to cancel.
    async fn silent_server() -> (Db, mpsc::UnboundedReceiver<&'static str>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: SecretString =
            format!("postgres://u@{}/d?sslmode=disable", listener.local_addr().unwrap()).into();
        let database = Database { url: url.clone(), direct_url: url, ca_file: None };
        let (events, seen) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let events = events.clone();
                tokio::spawn(async move {
                    let length = stream.read_u32().await.unwrap() as usize;
                    let code = stream.read_u32().await.unwrap();
                    if code == CANCEL_REQUEST {
                        events.send("cancel").unwrap();
                        return;
                    }
                    stream.read_exact(&mut vec![0; length - 8]).await.unwrap();
                    // Authenticated; the key to cancel with; ready.
                    stream
                        .write_all(b"R\0\0\0\x08\0\0\0\0K\0\0\0\x0c\0\0\0\x01\0\0\0\x02Z\0\0\0\x05I")
                        .await
                        .unwrap();
                    events.send("connected").unwrap();
                    stream.read_u8().await.unwrap();
                    events.send("asked").unwrap();
                    while stream.read_u8().await.is_ok() {}
                });
            }
        });
        (Db::new(&database).unwrap(), seen)
    }

    const CANCEL_REQUEST: u32 = 80_877_102;

    #[tokio::test]
    async fn a_call_that_is_dropped_takes_its_connection_along() {
        let (db, mut seen) = silent_server().await;
        tokio::select! {
            answer = db.rows("SELECT 1", &[]) => panic!("{answer:?}"),
            () = async { while seen.recv().await != Some("asked") {} } => {}
        }
        assert_eq!(db.pool.status().size, 0);
    }

    #[tokio::test]
    async fn a_statement_that_takes_too_long_is_canceled() {
        let (db, mut seen) = silent_server().await;
        let limit = Duration::from_millis(50);
        let error = db.rows_within(limit, "SELECT 1", &[]).await.unwrap_err();
        assert!(error.is_unavailable(), "{error}");
        assert_eq!(db.pool.status().size, 0);
        while seen.recv().await.unwrap() != "cancel" {}
    }
}
