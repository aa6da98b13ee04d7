//! The one error of the crate: what went wrong, for a person, without a secret in it.

use std::path::{Path, PathBuf};

use crate::providers::Failure;

/// Everything that can go wrong outside a job.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration; every problem at once.
    #[error("the configuration has {} problem(s):\n  - {}", .0.len(), .0.join("\n  - "))]
    Config(Vec<String>),
    /// A file could not be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// For instance "read" or "create".
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The keys are not usable.
    #[error("{from}: {problem}")]
    Keys {
        /// Where they come from: which file, or else what.
        from: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A sealed credential can't be opened here.
    #[error("{0}")]
    Sealed(String),
    /// A key is needed that is not there. It may come: the keys are read again.
    #[error("{0}")]
    KeyMissing(String),
    /// The database does not answer: nothing is known about what it did.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// The database gave up a statement because of others that run at the same time. Nothing was done.
    #[error("the database is busy: {0}")]
    Busy(String),
    /// The database refused a statement.
    #[error("{message} (SQLSTATE {state}){}", hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default())]
    Sql {
        /// The SQLSTATE.
        state: String,
        /// The message.
        message: String,
        /// What to do, where the server says it.
        hint: Option<String>,
    },
    /// The database answered in a shape this version does not know.
    #[error(
        "the database's answer does not fit this version of crierd: {0}\nhint: run `crierd doctor`; extension and crierd must be of one version"
    )]
    Contract(String),
    /// TLS could not be set up.
    #[error("TLS: {0}")]
    Tls(String),
    /// A platform's answer.
    #[error(transparent)]
    Platform(#[from] Failure),
    /// Anything else a person has to mend.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    /// For `map_err`: a file operation that failed.
    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::File { doing, path: path.to_owned(), source }
    }

    /// A key file that is not usable.
    pub(crate) fn keys(path: &Path, problem: String) -> Self {
        Self::Keys { from: format!("key file {}", path.display()), problem }
    }

    /// Whether the database could not be asked at all, so that asking again later is right.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Whether the same statement may well pass in a moment.
    pub(crate) fn is_passing(&self) -> bool {
        self.is_unavailable() || matches!(self, Self::Busy(_))
    }

    /// Whether asking again can't help, because the call itself or the two versions are wrong.
    pub(crate) fn is_callers(&self) -> bool {
        match self {
            // Data exceptions, syntax errors and access rules, what a function raises.
            Self::Sql { state, .. } => ["22", "42", "P0"].iter().any(|class| state.starts_with(class)),
            Self::Contract(_) => true,
            _ => false,
        }
    }

    /// Whether the function asked for does not exist in the database.
    pub(crate) fn is_missing_function(&self) -> bool {
        // undefined_function, invalid_schema_name, undefined_table
        matches!(self, Self::Sql { state, .. } if ["42883", "3F000", "42P01"].contains(&state.as_str()))
    }

    /// Whether what was asked about is not there.
    pub(crate) fn is_not_found(&self) -> bool {
        // no_data_found
        matches!(self, Self::Sql { state, .. } if state == "P0002")
    }

    /// The process's exit status: 2 for what the caller got wrong, 1 for everything else.
    pub fn exit_code(&self) -> u8 {
        if matches!(self, Self::Config(_)) { 2 } else { 1 }
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(db) = error.as_db_error() else { return outside_sql(&error) };
        let state = db.code().code();
        // Connection exceptions, shutdowns, crashes, too many connections: the statement may be repeated.
        if state.starts_with("08") || state.starts_with("57P") || state == "53300" {
            return Self::Unavailable(db.message().to_owned());
        }
        // A lock that another transaction holds, a deadlock, a serialization failure.
        if ["55P03", "40P01", "40001"].contains(&state) {
            return Self::Busy(db.message().to_owned());
        }
        // DETAIL stays out: a constraint's detail prints the values of a row.
        Self::Sql {
            state: state.to_owned(),
            message: db.message().to_owned(),
            hint: db.hint().map(str::to_owned),
        }
    }
}

/// An error of the connection; or one of what was to be sent or of what came, which would come again.
fn outside_sql(error: &tokio_postgres::Error) -> Error {
    let text = chain(error);
    if error.is_closed() || is_io(error) || text == TIMEOUT {
        return Error::Unavailable(text);
    }
    Error::Contract(text)
}

/// How `tokio_postgres` calls a timeout; it has no other mark.
const TIMEOUT: &str = "timeout waiting for server";

/// Whether the connection is the cause. Messages that can't be encoded are also called an error of input.
fn is_io(error: &tokio_postgres::Error) -> bool {
    std::iter::successors(std::error::Error::source(error), |cause| cause.source())
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|io| io.kind() != std::io::ErrorKind::InvalidInput)
}

/// An error with its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_postgres::NoTls;

    #[tokio::test]
    async fn only_an_error_of_the_connection_is_an_outage() {
        assert!(Error::from(tokio_postgres::Error::__private_api_timeout()).is_unavailable());
        // Nobody listens there.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = format!("postgres://u@{free}/d");
        let error = tokio_postgres::connect(&url, NoTls).await.err().unwrap();
        assert!(Error::from(error).is_unavailable());
        // Somebody hangs up.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("postgres://u@{}/d", listener.local_addr().unwrap());
        let (connected, accepted) = tokio::join!(tokio_postgres::connect(&url, NoTls), async {
            drop(listener.accept().await.unwrap());
        });
        let () = accepted;
        assert!(Error::from(connected.err().unwrap()).is_unavailable());

        let error = "port=many".parse::<tokio_postgres::Config>().err().unwrap();
        assert!(matches!(Error::from(error), Error::Contract(_)));
    }
}
