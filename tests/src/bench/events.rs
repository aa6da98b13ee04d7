//! Analytics events of ninety days, with the sums by hour and by day that recording them leaves. They are written as they would
//! have come to lie: events in the order of time, the sums of an hour in the order in which they were first moved there.

use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use uuid::Uuid;

use super::Bench;
use crate::cluster::Database;
use crate::session::Session;

const DAYS: i64 = 90;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// One workspace has a tenth of all events, the others share the rest.
const WORKSPACES: usize = 1_000;
/// Accounts of the large one, and room for those of each other one.
const ACCOUNTS: i64 = 20;
/// Accounts of each other one.
const FEW: i64 = 3;
const LOADERS: i64 = 2;

/// Events $1 to $2, $4 milliseconds apart, the first one at $3.
const MAKE: &str = "
    WITH made AS (
        SELECT ($5::uuid[])[w] AS workspace_id, at, to_timestamp(at / 1000.0::float8) AS at_time, n, (h % 100)::numeric AS value,
               (ARRAY['click', 'sale', 'sign_up', 'view', 'watch'])[1 + h / 1048576 % 5] AS kind,
               (ARRAY['bluesky', 'linkedin', 'mastodon', 'x'])[1 + a % 4] AS platform, ($6::uuid[])[(w - 1) * $7::bigint + a + 1] AS account_id
        FROM (SELECT n, h, w, $3::bigint + floor((n - $1) * $4::float8)::bigint AS at,
                     h / 65536 % CASE w WHEN 1 THEN $7::bigint ELSE $8::bigint END AS a
              FROM (SELECT n, h, CASE WHEN h % 10 = 0 THEN 1 ELSE 2 + h / 16 % (cardinality($5::uuid[]) - 1) END AS w
                    FROM (SELECT n, hashint8extended(n, 7) & 9223372036854775807 AS h
                          FROM generate_series($1::bigint, $2::bigint - 1) n) q) q) q
    ), stored AS (
        INSERT INTO crier.analytics_event (workspace_id, id, at, kind, platform, account_id, value)
        SELECT workspace_id, (lpad(to_hex(at), 12, '0') || '70008' || lpad(to_hex(n), 15, '0'))::uuid, at_time, kind, platform, account_id,
               value
        FROM made
    )
    INSERT INTO crier.analytics_hour (workspace_id, starts_at, kind, platform, account_id, events, value)
    SELECT workspace_id, to_timestamp(at / 3600000 * 3600.0::float8) AS hour, kind, platform, account_id, count(*), sum(value)
    FROM made GROUP BY workspace_id, at / 3600000, kind, platform, account_id
    ORDER BY at / 3600000, min(at) / 60000, workspace_id, kind, platform, account_id";
const SUM_UP: &str = "
    INSERT INTO crier.analytics_day (workspace_id, starts_at, kind, platform, account_id, events, value)
    SELECT workspace_id, date_trunc('day', starts_at, 'UTC') AS day, kind, platform, account_id, sum(events)::bigint, sum(value)
    FROM crier.analytics_hour GROUP BY workspace_id, day, kind, platform, account_id
    ORDER BY day, workspace_id, kind, platform, account_id";
const MONTHS: &str = "
    SELECT crier.attach_month(t.parent, t.by_column, (date_trunc('month', current_date) - n * interval '1 month')::date)
    FROM crier.month_tables() t, generate_series(0, 3) n WHERE t.parent LIKE 'analytics%' ORDER BY t.parent, n DESC";
const ADD_WORKSPACES: &str =
    "INSERT INTO crier.workspace (id, name) SELECT id, 'bench' FROM unnest($1::uuid[]) id";
const ADD_ACCOUNTS: &str = "
    INSERT INTO crier.social_account (workspace_id, id, platform, external_id, handle, base_url, status)
    SELECT ($1::uuid[])[1 + (n - 1) / $3::bigint], ($2::uuid[])[n], (ARRAY['bluesky', 'linkedin', 'mastodon', 'x'])[1 + (n - 1) % $3 % 4],
           'bench:' || n, 'a.test', 'https://x', 'active'
    FROM generate_series(1, cardinality($2::uuid[])) n WHERE n <= $3 OR (n - 1) % $3 < $4::bigint";

/// What is not on the disk when the machine fails is made anew.
const CARELESS: [&str; 4] = [
    "ALTER SYSTEM SET fsync = off",
    "ALTER SYSTEM SET full_page_writes = off",
    "ALTER SYSTEM SET autovacuum = off",
    "SELECT pg_reload_conf()",
];
const CAREFUL: [&str; 7] = [
    "VACUUM ANALYZE crier.analytics_hour, crier.analytics_day",
    "ANALYZE crier.analytics_event",
    "ALTER SYSTEM SET fsync = on",
    "ALTER SYSTEM SET full_page_writes = on",
    "ALTER SYSTEM RESET autovacuum",
    "SELECT pg_reload_conf()",
    "CHECKPOINT",
];

/// Who has the events.
pub(super) struct Tenants {
    /// The large one first.
    pub(super) workspaces: Vec<Uuid>,
    /// The same number for each workspace; most have a few of them only.
    accounts: Vec<Uuid>,
}

impl Tenants {
    pub(super) async fn add(sql: &Session) -> Self {
        let many = |count: usize| (0..count).map(|_| Uuid::new_v4()).collect::<Vec<_>>();
        let tenants = Self { workspaces: many(WORKSPACES), accounts: many(WORKSPACES * ACCOUNTS as usize) };
        sql.rows(ADD_WORKSPACES, &[&tenants.workspaces]).await;
        sql.rows(ADD_ACCOUNTS, &[&tenants.workspaces, &tenants.accounts, &ACCOUNTS, &FEW]).await;
        tenants
    }

    /// An account of the large one.
    pub(super) fn account(&self) -> Uuid {
        self.accounts[0]
    }

    /// Makes so many events of the days before this hour.
    pub(super) async fn fill(&self, bench: &Bench, sql: &Session, events: i64) {
        // each by itself: they run in no transaction
        for statement in CARELESS {
            sql.run(statement).await;
        }
        sql.rows(MONTHS, &[]).await;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        let end = now - now % (60 * 60 * 1_000);
        join_all((0..LOADERS).map(|loader| self.load(&bench.database, loader, events, end))).await;
        sql.run(SUM_UP).await;
        for statement in CAREFUL {
            sql.run(statement).await;
        }
    }

    /// Every so many days of them.
    async fn load(&self, database: &Database, loader: i64, events: i64, end: i64) {
        let sql = database.connect().await;
        sql.run("SET synchronous_commit = off; SET work_mem = '1GB'").await;
        for day in (loader..DAYS).step_by(LOADERS as usize) {
            let (from, upto) = (events * day / DAYS, events * (day + 1) / DAYS);
            let (first, apart) = (end - (DAYS - day) * DAY_MS, DAY_MS as f64 / (upto - from).max(1) as f64);
            sql.rows(
                MAKE,
                &[&from, &upto, &first, &apart, &self.workspaces, &self.accounts, &ACCOUNTS, &FEW],
            )
            .await;
            super::say(&format!("day {} of {DAYS} is made", day + 1));
        }
    }
}
