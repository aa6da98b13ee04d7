//! Waits for notifications on a connection of its own. They are hints: what is missed, the poll finds.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use tokio_postgres::AsyncMessage;
use tokio_postgres_rustls::MakeRustlsConnect;
use tracing::{debug, warn};

use crate::backoff::Backoff;
use crate::config::Database;
use crate::db::{CHANNEL, LISTEN, pg_config};
use crate::error::Error;
use crate::tls;

/// How long connecting may take, and how long `LISTEN`: a server that accepts and says nothing is no listener.
const LIMIT: Duration = Duration::from_secs(15);
/// At most this long between tries.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// Listens for ever; wakes the loop at each notification and after each new connection.
pub(crate) async fn run(database: Database, wake: Arc<Notify>) {
    let mut backoff = Backoff::new(Duration::from_millis(200), MAX_PAUSE);
    loop {
        let error = match listen(&database, &wake, &mut backoff).await {
            Ok(()) => "the connection was closed".to_owned(),
            Err(error) => error.to_string(),
        };
        let pause = backoff.next();
        warn!(error, retry_ms = pause.as_millis() as u64, "not listening; polling goes on");
        tokio::time::sleep(pause).await;
    }
}

async fn listen(database: &Database, wake: &Notify, backoff: &mut Backoff) -> Result<(), Error> {
    let tls = MakeRustlsConnect::new(tls::client_config(database.ca_file.as_deref())?);
    let config = pg_config(&database.direct_url)?;
    let (client, mut connection) = timeout(LIMIT, config.connect(tls)).await.map_err(too_long)??;
    let mut begin = pin!(timeout(LIMIT, client.batch_execute(LISTEN)));
    let mut listening = false;
    loop {
        tokio::select! {
            begun = &mut begin, if !listening => {
                begun.map_err(too_long)??;
                listening = true;
                backoff.reset();
                debug!(channel = CHANNEL, "notifications are on");
                // What came in between was not heard.
                wake.notify_one();
            }
            message = poll_fn(|context| connection.poll_message(context)) => match message {
                Some(Ok(AsyncMessage::Notification(_))) => wake.notify_one(),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Ok(()),
            },
        }
    }
}

fn too_long(_: Elapsed) -> Error {
    Error::Unavailable(format!("listening did not begin within {} s", LIMIT.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_says_nothing_is_given_up() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: secrecy::SecretString =
            format!("postgres://u@{}/d?sslmode=disable", silent.local_addr().unwrap()).into();
        let database = Database { url: url.clone(), direct_url: url, ca_file: None };
        let (wake, mut backoff) = (Notify::new(), Backoff::database());
        let listening = listen(&database, &wake, &mut backoff);
        let kept_open = async {
            let accepted = silent.accept().await.unwrap();
            // From here on only the clock can end it.
            tokio::time::pause();
            std::future::pending::<()>().await;
            drop(accepted);
        };
        let error = tokio::select! {
            ended = listening => ended.unwrap_err(),
            () = kept_open => unreachable!("it waits for ever"),
        };
        assert!(error.is_unavailable() && error.to_string().contains("within"), "{error}");
    }
}
