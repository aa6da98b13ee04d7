//! `crier.migrate()`: makes and upgrades the tables as ordinary objects.

use pgrx::datum::DatumWithOid;
use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::spi::SpiClient;

use crate::answer::TableIterator;
use crate::error::{CrierError, Result};
use crate::installation;

/// A released script is never changed: each has a new number.
const MIGRATIONS: &[(i32, &str, &str)] = &[
    (1, "0001_first_post", include_str!("../../sql/migrations/0001_first_post.sql")),
    (2, "0002_queue", include_str!("../../sql/migrations/0002_queue.sql")),
    (3, "0003_limits", include_str!("../../sql/migrations/0003_limits.sql")),
    (4, "0004_recovery", include_str!("../../sql/migrations/0004_recovery.sql")),
    (5, "0005_maintenance", include_str!("../../sql/migrations/0005_maintenance.sql")),
    (6, "0006_pages", include_str!("../../sql/migrations/0006_pages.sql")),
    (7, "0007_statistics", include_str!("../../sql/migrations/0007_statistics.sql")),
    (8, "0008_goes_on", include_str!("../../sql/migrations/0008_goes_on.sql")),
    (9, "0009_alerts", include_str!("../../sql/migrations/0009_alerts.sql")),
    (10, "0010_publishing", include_str!("../../sql/migrations/0010_publishing.sql")),
    (11, "0011_threads", include_str!("../../sql/migrations/0011_threads.sql")),
    (12, "0012_actions", include_str!("../../sql/migrations/0012_actions.sql")),
    (13, "0013_looks", include_str!("../../sql/migrations/0013_looks.sql")),
    (14, "0014_alert_endpoints", include_str!("../../sql/migrations/0014_alert_endpoints.sql")),
    (15, "0015_budgets", include_str!("../../sql/migrations/0015_budgets.sql")),
    (16, "0016_keys", include_str!("../../sql/migrations/0016_keys.sql")),
    (17, "0017_refresh", include_str!("../../sql/migrations/0017_refresh.sql")),
    (18, "0018_oauth", include_str!("../../sql/migrations/0018_oauth.sql")),
    (19, "0019_tenancy", include_str!("../../sql/migrations/0019_tenancy.sql")),
    (20, "0020_webhooks_in", include_str!("../../sql/migrations/0020_webhooks_in.sql")),
    (21, "0021_plans", include_str!("../../sql/migrations/0021_plans.sql")),
    (22, "0022_schedules", include_str!("../../sql/migrations/0022_schedules.sql")),
    (23, "0023_slots", include_str!("../../sql/migrations/0023_slots.sql")),
    (24, "0024_confirm", include_str!("../../sql/migrations/0024_confirm.sql")),
    (25, "0025_imports", include_str!("../../sql/migrations/0025_imports.sql")),
    (26, "0026_bounds", include_str!("../../sql/migrations/0026_bounds.sql")),
    (27, "0027_more_platforms", include_str!("../../sql/migrations/0027_more_platforms.sql")),
    (28, "0028_metrics", include_str!("../../sql/migrations/0028_metrics.sql")),
    (29, "0029_more_limits", include_str!("../../sql/migrations/0029_more_limits.sql")),
    (30, "0030_activity", include_str!("../../sql/migrations/0030_activity.sql")),
    (31, "0031_analytics", include_str!("../../sql/migrations/0031_analytics.sql")),
    (32, "0032_api", include_str!("../../sql/migrations/0032_api.sql")),
    (33, "0033_api_keys", include_str!("../../sql/migrations/0033_api_keys.sql")),
    (34, "0034_accounts", include_str!("../../sql/migrations/0034_accounts.sql")),
    (35, "0035_watched", include_str!("../../sql/migrations/0035_watched.sql")),
    (36, "0036_by_post", include_str!("../../sql/migrations/0036_by_post.sql")),
];

/// Run by every migrate, in this order: they replace what they made before.
const REPEATABLE: &[(&str, &str)] = &[
    ("005_storage", include_str!("../../sql/views/005_storage.sql")),
    ("010_policies", include_str!("../../sql/views/010_policies.sql")),
    ("020_views", include_str!("../../sql/views/020_views.sql")),
    ("025_monitoring", include_str!("../../sql/views/025_monitoring.sql")),
    ("030_grants", include_str!("../../sql/views/030_grants.sql")),
    ("040_triggers", include_str!("../../sql/views/040_triggers.sql")),
];

const LOCK: &str = include_str!("../../sql/queries/installation/migration_lock.sql");
const TABLE: &str = include_str!("../../sql/queries/installation/migration_table.sql");
const APPLIED: &str = include_str!("../../sql/queries/installation/migrations_applied.sql");
const CHECKSUM: &str = include_str!("../../sql/queries/installation/checksum.sql");
const RECORD: &str = include_str!("../../sql/queries/installation/record_migration.sql");
const PARTITIONS: &str = include_str!("../../sql/queries/installation/partitions.sql");

/// The newest migration of this library.
fn latest() -> i32 {
    MIGRATIONS.last().map_or(0, |(version, ..)| *version)
}

/// Whether these are the migrations of this library, in order.
pub(crate) fn are_all(applied: &[i32]) -> bool {
    MIGRATIONS.iter().map(|(version, ..)| version).eq(applied)
}

/// Makes or upgrades the tables, views and policies, and lists what it did. Safe to run twice and at once.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn migrate() -> Result<TableIterator<'static, (name!(name, String), name!(action, &'static str))>, ErrorReport>
{
    let (mut done, first) = Spi::connect_mut(|client| -> Result<_> {
        require_utf8()?;
        client.update(LOCK, None, &[])?;
        client.update(TABLE, None, &[])?;
        let applied = applied(client)?;
        check(client, &applied)?;
        let mut done = Vec::new();
        let is_new = |version: i32| !applied.iter().any(|(known, ..)| *known == version);
        for (version, name, sql) in MIGRATIONS.iter().filter(|(version, ..)| is_new(*version)) {
            client.update(*sql, None, &[])?;
            let sum = checksum(client, sql)?;
            client.update(RECORD, None, &[(*version).into(), (*name).into(), sum.into()])?;
            done.push(((*name).to_owned(), "applied"));
        }
        Ok((done, applied.is_empty()))
    })?;
    if first {
        installation::adopt()?;
    }
    Spi::connect_mut(|client| -> Result<()> {
        for (name, sql) in REPEATABLE {
            client.update(*sql, None, &[])?;
            done.push(((*name).to_owned(), "refreshed"));
        }
        for row in client.update(PARTITIONS, None, &[])? {
            done.extend(row.get::<String>(1)?.map(|name| (name, "created")));
        }
        Ok(())
    })?;
    Ok(TableIterator::new(done))
}

/// Text passes through Rust, which knows UTF-8 only.
fn require_utf8() -> Result<()> {
    // SAFETY: both read the database's own encoding; the name is a static C string.
    let (encoding, name) = unsafe {
        let encoding = pg_sys::GetDatabaseEncoding();
        (encoding, core::ffi::CStr::from_ptr(pg_sys::GetDatabaseEncodingName()))
    };
    if encoding == pg_sys::pg_enc::PG_UTF8 as i32 {
        return Ok(());
    }
    Err(CrierError::Encoding(name.to_string_lossy().into_owned()))
}

/// Version, name and checksum of each migration that is in the database.
fn applied(client: &SpiClient<'_>) -> Result<Vec<(i32, String, String)>> {
    client
        .select(APPLIED, None, &[])?
        .map(|row| {
            let (version, name, sum) = (row.get(1)?, row.get(2)?, row.get(3)?);
            Ok((version.unwrap_or_default(), name.unwrap_or_default(), sum.unwrap_or_default()))
        })
        .collect()
}

/// Refuses a database that is newer than the library, whose scripts were others, or that lacks one below its newest: later ones
/// were written for tables that have it, and nobody has tried it after them.
fn check(client: &SpiClient<'_>, applied: &[(i32, String, String)]) -> Result<()> {
    for (version, name, sum) in applied {
        let Some((_, _, sql)) = MIGRATIONS.iter().find(|(known, ..)| known == version) else {
            return Err(CrierError::NewerDatabase { found: *version, known: latest() });
        };
        if checksum(client, sql)? != *sum {
            return Err(CrierError::ChangedMigration(name.clone()));
        }
    }
    let newest = applied.last().map_or(0, |(version, ..)| *version);
    let is_missing = |version: i32| version < newest && !applied.iter().any(|(known, ..)| *known == version);
    match MIGRATIONS.iter().find(|(version, ..)| is_missing(*version)) {
        Some((_, name, _)) => Err(CrierError::MissingMigration { name, newest }),
        None => Ok(()),
    }
}

fn checksum(client: &SpiClient<'_>, sql: &str) -> Result<String> {
    let args: [DatumWithOid<'_>; 1] = [sql.into()];
    let sum = client.select(CHECKSUM, Some(1), &args)?.first().get_one::<String>()?;
    sum.ok_or_else(|| CrierError::Internal("sha256 answered nothing".into()))
}
