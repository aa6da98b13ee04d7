//! Waits for notifications on a connection of its own. They are hints: what is missed, the poll finds.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_postgres::AsyncMessage;
use tokio_postgres_rustls::MakeRustlsConnect;
use tracing::{debug, warn};

use crate::backoff::Backoff;
use crate::config::Database;
use crate::db::{CHANNEL, LISTEN, pg_config};
use crate::error::Error;
use crate::tls;

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
    let (client, mut connection) = pg_config(&database.direct_url)?.connect(tls).await?;
    let mut begin = pin!(client.batch_execute(LISTEN));
    let mut listening = false;
    loop {
        tokio::select! {
            begun = &mut begin, if !listening => {
                begun?;
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
