//! A connection to a test database, with calls that say what went wrong.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, PoisonError};

use futures_util::stream::poll_fn;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{Mutex, mpsc};
use tokio_postgres::types::{FromSqlOwned, ToSql};
use tokio_postgres::{AsyncMessage, Client, NoTls, Notification, Row, SimpleQueryMessage};

/// The parameters of a statement.
pub type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// One connection.
#[derive(Debug)]
pub struct Session {
    client: Client,
    notifications: Mutex<mpsc::UnboundedReceiver<Notification>>,
    notices: Arc<std::sync::Mutex<Vec<String>>>,
}

impl Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Session {
    /// Connects.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn connect(url: &str) -> Self {
        Self::try_connect(url).await.unwrap_or_else(|error| panic!("can't connect to {url}: {error}"))
    }

    /// Connects, or tells why not.
    pub async fn try_connect(url: &str) -> Result<Self, Refusal> {
        let (client, mut connection) = tokio_postgres::connect(url, NoTls).await.map_err(Refusal::from)?;
        let (sender, receiver) = mpsc::unbounded_channel();
        let notices = Arc::new(std::sync::Mutex::new(Vec::new()));
        let noticed = Arc::clone(&notices);
        tokio::spawn(async move {
            let mut messages = poll_fn(move |context| connection.poll_message(context));
            while let Some(Ok(message)) = messages.next().await {
                match message {
                    // nobody listens any more when the session is gone
                    AsyncMessage::Notification(notification) => drop(sender.send(notification)),
                    AsyncMessage::Notice(notice) => {
                        noticed.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{notice:?}"));
                    }
                    _ => {}
                }
            }
        });
        Ok(Self { client, notifications: Mutex::new(receiver), notices })
    }

    /// Runs statements that give nothing.
    pub async fn run(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap_or_else(|error| fail(sql, error));
    }

    /// The rows of a query.
    pub async fn rows(&self, sql: &str, params: Params<'_>) -> Vec<Row> {
        self.client.query(sql, params).await.unwrap_or_else(|error| fail(sql, error))
    }

    /// The only row of a query.
    pub async fn row(&self, sql: &str, params: Params<'_>) -> Row {
        let mut rows = self.rows(sql, params).await;
        assert_eq!(rows.len(), 1, "expected one row of\n{sql}");
        rows.remove(0)
    }

    /// The first column of a query.
    pub async fn column<T: FromSqlOwned>(&self, sql: &str, params: Params<'_>) -> Vec<T> {
        self.rows(sql, params).await.iter().map(|row| row.get(0)).collect()
    }

    /// The only value of a query.
    pub async fn value<T: FromSqlOwned>(&self, sql: &str, params: Params<'_>) -> T {
        self.row(sql, params).await.get(0)
    }

    /// What a query without parameters gives, every value as text (NULL as `∅`), rows and columns joined: short to
    /// compare in a test.
    pub async fn text(&self, sql: &str) -> String {
        self.try_text(sql).await.unwrap_or_else(|refusal| panic!("{refusal}\n{sql}"))
    }

    /// The same, or the refusal.
    pub async fn try_text(&self, sql: &str) -> Result<String, Refusal> {
        let messages = self.client.simple_query(sql).await.map_err(Refusal::from)?;
        let lines = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                let values: Vec<_> = (0..row.len()).map(|column| row.get(column).unwrap_or("∅")).collect();
                Some(values.join("|"))
            }
            _ => None,
        });
        Ok(lines.collect::<Vec<_>>().join("\n"))
    }

    /// How the server refuses statements.
    ///
    /// # Panics
    /// When it accepts them.
    pub async fn refusal(&self, sql: &str) -> Refusal {
        match self.try_text(sql).await {
            Ok(given) => panic!("expected an error, but the server gave {given:?} for\n{sql}"),
            Err(refusal) => refusal,
        }
    }

    /// The notices and warnings that have arrived since this was asked last, with all that they say.
    pub fn notices(&self) -> Vec<String> {
        std::mem::take(&mut *self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The notifications that have arrived. A round trip goes first, so that all that the server has sent are in.
    pub async fn notifications(&self) -> Vec<String> {
        self.run("SELECT 1").await;
        let mut receiver = self.notifications.lock().await;
        let mut channels = Vec::new();
        while let Some(Some(notification)) = receiver.recv().now_or_never() {
            channels.push(notification.channel().to_owned());
        }
        channels
    }

    /// The next notification, whenever it comes.
    pub async fn next_notification(&self) -> Option<Notification> {
        self.notifications.lock().await.recv().await
    }
}

fn fail<T>(sql: &str, error: tokio_postgres::Error) -> T {
    panic!("{}\n{sql}", Refusal::from(error))
}

/// An error of the server, in parts. All empty but the message when the connection broke.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The SQLSTATE.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// The stable token for programs.
    pub detail: String,
    /// What to do.
    pub hint: String,
}

impl From<tokio_postgres::Error> for Refusal {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            None => Self { message: error.to_string(), ..Self::default() },
            Some(error) => Self {
                code: error.code().code().to_owned(),
                message: error.message().to_owned(),
                detail: error.detail().unwrap_or_default().to_owned(),
                hint: error.hint().unwrap_or_default().to_owned(),
            },
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} (detail: {}; hint: {})", self.code, self.message, self.detail, self.hint)
    }
}
