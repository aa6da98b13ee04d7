//! Which database this is, and whether it may publish.
//!
//! A dump restored elsewhere holds posts that its origin publishes. Until someone says that this database is
//! the one, nothing is handed out.

use std::cell::Cell;

use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::error::Result;
use crate::limits::usage;
use crate::memory;
use crate::migrate;
use crate::plans::{Statement, statement};
use crate::queue::load;

const IS_OURS: Statement = statement!("installation/is_ours");
const ADOPT: Statement = statement!("installation/adopt");
const IDS: Statement = statement!("installation/ids");
const SCHEMA_VERSIONS: Statement = statement!("installation/schema_versions");

thread_local! {
    static WARNED: Cell<bool> = const { Cell::new(false) };
}

/// The version of the library.
#[pg_extern(immutable, parallel_safe)]
#[search_path(pg_catalog, pg_temp)]
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Whether jobs are handed out here, and whether the tables fit the library: every migration was applied, and no other.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn status() -> Result<
    TableIterator<
        'static,
        (
            name!(paused, bool),
            name!(reason, Option<&'static str>),
            name!(library_version, &'static str),
            name!(schema_version, i32),
            name!(schema_current, bool),
        ),
    >,
    ErrorReport,
> {
    let paused = !is_ours()?;
    let reason = paused.then_some(
        "this database is a copy: it was restored from a dump, moved to another cluster, or takes its rows by a \
         subscription; once its origin no longer publishes, drop the subscription, if there is one, and run \
         SELECT crier.adopt_database()",
    );
    let applied = SCHEMA_VERSIONS.read(&[], |row| row.need::<i32>(1))?;
    let at = applied.last().copied().unwrap_or(0);
    Ok(TableIterator::once((paused, reason, version(), at, migrate::are_all(&applied))))
}

/// Says that this database is the one that publishes. Ends the pause of a restored copy, and of a subscriber once its
/// subscription is dropped.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn adopt_database() -> Result<(), ErrorReport> {
    adopt()?;
    // rows may have come in past the functions, by a subscription or a restore of the data alone
    if memory::is_there() {
        load::reload()?;
        // what the origin used of the limits came with its rows; here nothing was handed out until now
        memory::with(|memory| memory.set.db_mut(memory.db).usage = false)?;
        usage::load()?;
    }
    Ok(())
}

/// Names this database: first by what it is now, then by what it was before it was adopted. Empty: it is a copy that nobody has
/// adopted. What a sidecar writes down for a database outside of it carries the first name.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn installation_ids() -> Result<Vec<String>, ErrorReport> {
    if !is_ours()? {
        return Ok(Vec::new());
    }
    Ok(IDS.read(&[], |row| row.need::<Vec<String>>(1))?.into_iter().flatten().collect())
}

pub(crate) fn adopt() -> Result<()> {
    let (system, database) = identity();
    ADOPT.run_only(&[system.into(), database.into()])
}

/// Whether jobs may be handed out. Says why not once per session.
pub(crate) fn may_hand_out() -> Result<bool> {
    let ours = is_ours()?;
    if !ours && !WARNED.replace(true) {
        ereport!(
            PgLogLevel::WARNING,
            PgSqlErrorCode::ERRCODE_WARNING,
            "crier is paused: this database is a copy of another one",
            "Run SELECT crier.adopt_database(); once its origin no longer publishes. Drop a subscription to it before."
        );
    }
    Ok(ours)
}

fn is_ours() -> Result<bool> {
    let (system, database) = identity();
    let rows = IS_OURS.read(&[system.into(), database.into()], |row| row.need::<bool>(1))?;
    Ok(rows.into_iter().next() == Some(true))
}

fn identity() -> (String, pg_sys::Oid) {
    // SAFETY: both are set when the session starts.
    unsafe { (pg_sys::GetSystemIdentifier().to_string(), pg_sys::MyDatabaseId) }
}
