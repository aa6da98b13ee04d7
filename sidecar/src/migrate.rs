//! `crierd migrate`: creates or upgrades the tables.

use crate::config::Config;
use crate::db::Db;
use crate::error::Error;

/// Prints what was done, one line each.
pub(crate) async fn run(config: &Config) -> Result<(), Error> {
    let db = Db::new(&config.database)?;
    let done = db.migrate().await.map_err(explain)?;
    for (name, action) in &done {
        println!("{action:<10} {name}");
    }
    Ok(())
}

fn explain(error: Error) -> Error {
    match error {
        missing if missing.is_missing_function() => Error::Refused(
            "the extension is not installed in this database\n\
             hint: as a superuser, run CREATE EXTENSION crier in it; if Postgres does not know the extension, install \
             it on the server first (make install)"
                .into(),
        ),
        Error::Sql { state, message, hint } if state == "42501" => Error::Sql {
            state,
            message,
            hint: hint.or_else(|| {
                Some("connect as a superuser or a member of crier_owner: --database-url, or CRIER_DATABASE_URL".into())
            }),
        },
        other => other,
    }
}
