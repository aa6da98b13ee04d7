//! The one error type of the extension and its mapping to SQLSTATE, message, detail and hint.
//!
//! The detail begins with a stable word (`content_invalid`, `not_found`, …) that a client can test.

use crier_core::cursor::CursorError;
use crier_core::platform;
use crier_core::recurrence::RecurrenceError;
use crier_core::thread::Refusal;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// Everything a function of the extension can refuse.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CrierError {
    #[error("{0} must not be null")]
    Null(&'static str),
    #[error("{what} {problem}")]
    Invalid { what: String, problem: String, hint: &'static str },
    #[error("{what} has {found} {unit}; at most {limit} are accepted")]
    TooLarge { what: &'static str, found: usize, limit: usize, unit: &'static str },
    #[error("{name} has {found} elements and {first} has {expected}; both must have one per job")]
    Lengths { first: &'static str, expected: usize, name: &'static str, found: usize },
    #[error("there is no {what} {id}")]
    NotFound { what: &'static str, id: pgrx::Uuid },
    #[error("{0}")]
    NotAllowed(String),
    #[error("account {account}: {reason}")]
    Account { account: pgrx::Uuid, reason: String, hint: &'static str },
    #[error("account {account}: {}", refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Content { account: pgrx::Uuid, refusals: Vec<Refusal> },
    #[error("account {account}: {platform} does not offer {kind}, but {offers}")]
    Unsupported { account: pgrx::Uuid, platform: &'static str, kind: &'static str, offers: String },
    #[error("user {user} has {active} unfinished jobs of kind {kind}; at most {limit} are accepted")]
    UserLimit { user: pgrx::Uuid, kind: String, limit: i32, active: i64 },
    #[error("{what} {problem}")]
    Limit { what: String, problem: String, hint: &'static str },
    #[error("there is no room in memory for one more limit")]
    LimitsFull,
    #[error("p_cursor {0}")]
    Cursor(#[from] CursorError),
    #[error("{0}")]
    Recurrence(#[from] RecurrenceError),
    #[error("{0}")]
    Busy(String),
    #[error(
        "the library crier was not loaded at the start of the server, so that the queue has no shared memory"
    )]
    NotPreloaded,
    #[error("too many databases of this server have a queue")]
    TooManyDatabases,
    #[error("a transaction that has worked on the queue can't be prepared")]
    Prepared,
    #[error("the server is a standby: its queue can be read only")]
    Standby,
    #[error("the database has encoding {0}; crier needs UTF8")]
    Encoding(String),
    #[error("the tables of crier are not there yet")]
    NotMigrated,
    #[error("the database has migration {found}, which this library does not know; it knows up to {known}")]
    NewerDatabase { found: i32, known: i32 },
    #[error("migration {0} was changed after it had been applied")]
    ChangedMigration(String),
    #[error("the database has migration {newest}, but not {name}, which comes before it")]
    MissingMigration { name: &'static str, newest: i32 },
    #[error("crier: {0}")]
    Internal(String),
}

/// The result of everything that can be refused.
pub(crate) type Result<T, E = CrierError> = std::result::Result<T, E>;

impl CrierError {
    /// A value that is not acceptable, with a hint that says what would be.
    pub(crate) fn invalid(what: impl Into<String>, problem: impl Into<String>, hint: &'static str) -> Self {
        Self::Invalid { what: what.into(), problem: problem.into(), hint }
    }

    /// Whether it says what is wrong with what was asked for, not that it could not be done now.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Null(_)
                | Self::Invalid { .. }
                | Self::TooLarge { .. }
                | Self::Lengths { .. }
                | Self::NotFound { .. }
                | Self::NotAllowed(_)
                | Self::Account { .. }
                | Self::Content { .. }
                | Self::Unsupported { .. }
                | Self::UserLimit { .. }
                | Self::Recurrence(_)
        )
    }

    fn code(&self) -> PgSqlErrorCode {
        match self {
            Self::Null(_) => PgSqlErrorCode::ERRCODE_NULL_VALUE_NOT_ALLOWED,
            Self::Invalid { .. }
            | Self::Lengths { .. }
            | Self::Account { .. }
            | Self::Content { .. }
            | Self::Unsupported { .. }
            | Self::Recurrence(_)
            | Self::Cursor(_) => PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            Self::TooLarge { .. } => PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            Self::NotFound { .. } => PgSqlErrorCode::ERRCODE_NO_DATA_FOUND,
            Self::NotAllowed(_) => PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            Self::UserLimit { .. } | Self::Limit { .. } => {
                PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED
            }
            Self::Busy(_) => PgSqlErrorCode::ERRCODE_LOCK_NOT_AVAILABLE,
            Self::TooManyDatabases | Self::LimitsFull => PgSqlErrorCode::ERRCODE_INSUFFICIENT_RESOURCES,
            Self::Prepared => PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            Self::Standby => PgSqlErrorCode::ERRCODE_READ_ONLY_SQL_TRANSACTION,
            Self::Encoding(_)
            | Self::NotPreloaded
            | Self::NotMigrated
            | Self::NewerDatabase { .. }
            | Self::ChangedMigration(_)
            | Self::MissingMigration { .. } => PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            Self::Internal(_) => PgSqlErrorCode::ERRCODE_INTERNAL_ERROR,
        }
    }

    /// A stable word.
    pub(crate) fn detail(&self) -> &'static str {
        match self {
            Self::Null(_) => "null_argument",
            Self::Invalid { .. } => "invalid_argument",
            Self::Lengths { .. } => "array_lengths",
            Self::TooLarge { .. } => "too_large",
            Self::NotFound { .. } => "not_found",
            Self::NotAllowed(_) => "not_allowed",
            Self::Account { .. } => "account_unusable",
            Self::Content { .. } => "content_invalid",
            Self::Unsupported { .. } => "unsupported",
            Self::UserLimit { .. } => "user_limit",
            Self::Limit { .. } => "tenant_limit",
            Self::Cursor(_) => "invalid_cursor",
            Self::Recurrence(_) => "invalid_recurrence",
            Self::Busy(_) => "busy",
            Self::NotPreloaded => "not_preloaded",
            Self::TooManyDatabases => "too_many_databases",
            Self::LimitsFull => "limits_full",
            Self::Prepared => "prepared_transaction",
            Self::Standby => "standby",
            Self::Encoding(_) => "encoding",
            Self::NotMigrated => "not_migrated",
            Self::NewerDatabase { .. } => "newer_database",
            Self::ChangedMigration(_) => "changed_migration",
            Self::MissingMigration { .. } => "missing_migration",
            Self::Internal(_) => "internal",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Null(name) => format!("Give a value for {name}."),
            Self::Invalid { hint, .. } | Self::Account { hint, .. } | Self::Limit { hint, .. } => {
                (*hint).to_owned()
            }
            Self::Lengths { .. } => "Pass arrays of the same length, one element per job.".to_owned(),
            Self::TooLarge { .. } => "Split it up, or make it smaller.".to_owned(),
            Self::NotFound { what, .. } => {
                format!("Check the id, and that the {what} belongs to a workspace of yours.")
            }
            Self::NotAllowed(_) => {
                "Set crier.user_id to a member with that right, or ask an owner of the workspace.".to_owned()
            }
            Self::Content { .. } => "Change the post, or leave that account out.".to_owned(),
            Self::Unsupported { .. } => "Leave that account out, or do something that it offers.".to_owned(),
            Self::UserLimit { .. } => "Wait until some of them are done, or cancel some.".to_owned(),
            Self::Cursor(CursorError::Binding) => {
                "Give all pages of a listing the same arguments, or begin again without p_cursor.".to_owned()
            }
            Self::Cursor(_) => {
                "Give next_cursor as the page before had it, or begin again without p_cursor.".to_owned()
            }
            Self::Recurrence(_) => {
                "crier.preview_schedule(definition => …) shows what times come of it; docs/scheduling.md has all forms."
                    .to_owned()
            }
            Self::Busy(_) => "Try again.".to_owned(),
            Self::NotPreloaded => {
                "Add crier to shared_preload_libraries in postgresql.conf and restart the server.".to_owned()
            }
            Self::TooManyDatabases => {
                "Restart the server, which forgets databases that were dropped.".to_owned()
            }
            Self::LimitsFull => {
                "Raise crier.queue_capacity, which the room for limits grows with, and restart the server."
                    .to_owned()
            }
            Self::Prepared => "Use COMMIT instead of PREPARE TRANSACTION.".to_owned(),
            Self::Standby => "Connect to the primary.".to_owned(),
            Self::Encoding(_) => "Make the database with ENCODING 'UTF8'.".to_owned(),
            Self::NotMigrated => {
                "Run SELECT * FROM crier.migrate(); as a superuser or as crier_owner.".to_owned()
            }
            Self::NewerDatabase { .. } => {
                "Install the newer version of crier and restart the session.".to_owned()
            }
            Self::ChangedMigration(_) => {
                "Install the version of crier that made these tables, or a newer release.".to_owned()
            }
            Self::MissingMigration { .. } => {
                "Put the row of crier.migration back if it was deleted. Tables that never had this migration were made \
                 by a library that is no release: restore a backup, or begin with a new database."
                    .to_owned()
            }
            Self::Internal(_) => {
                "This is a defect of crier. Please report it with the server log.".to_owned()
            }
        }
    }
}

impl From<CrierError> for ErrorReport {
    fn from(error: CrierError) -> Self {
        ErrorReport::new(error.code(), error.to_string(), function_name!())
            .set_detail(error.detail())
            .set_hint(error.hint())
    }
}

impl From<pgrx::spi::Error> for CrierError {
    fn from(error: pgrx::spi::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

/// The platform with this name, or an error that lists those there are.
pub(crate) fn find_platform(name: &str) -> Result<&'static platform::Platform> {
    platform::find(name).ok_or_else(|| {
        let known: Vec<_> = platform::ALL.iter().map(|platform| platform.name).collect();
        CrierError::invalid(
            format!("platform {:?}", name.chars().take(80).collect::<String>()),
            format!("is not one that this version knows ({})", known.join(", ")),
            "Use one of the platforms named, in lower case.",
        )
    })
}
