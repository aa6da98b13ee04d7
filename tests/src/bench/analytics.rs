//! What analytics take: recording events, moving their sums, and asking for thirty days of them with many tenants' events around.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::Bench;
use super::report::{Millis, Rate, Target, Timing};
use super::targets::{Params, add, times};
use crate::session::Session;
use crate::stage::{create_workspace, dummy_account};

const CALLS: usize = 26;
/// Events of one call that records.
const BATCH: i64 = 1_000;
const BATCHES: i64 = 40;
/// Events that are made at a time.
const CHUNK: i64 = 1_000_000;
/// One workspace has a tenth of all events, the others share the rest.
const WORKSPACES: i64 = 5_000;
const ACCOUNTS: i64 = 10;

const RECORD: &str = "SELECT crier.record_analytics((SELECT jsonb_agg(jsonb_build_object('workspace_id', $1::uuid, 'kind', 'k' || n % 5, \
    'account_id', $2::uuid, 'at', now() - n % 100 * interval '1 minute', 'value', n)) FROM generate_series(1, $3::bigint) n))";
/// Events from $3 on and before $4, over the last thirty days, with the sums that recording them in batches of a thousand leaves.
const MAKE: &str = "
    WITH made AS (
        SELECT CASE WHEN n % 10 = 0 THEN $1::uuid ELSE md5('w' || hashint8(n) % $5::bigint)::uuid END AS workspace_id,
               now() - (n::double precision / $2 * 30 * 86400) * interval '1 second' AS at,
               'k' || n % 7 % 5 AS kind, md5('a' || hashint8(n) % $6::bigint)::uuid AS account_id, (n % 100)::numeric AS value, n
        FROM generate_series($3::bigint, $4::bigint - 1) n
    ), stored AS (
        INSERT INTO crier.analytics_event (workspace_id, id, at, kind, platform, account_id, value)
        SELECT workspace_id, (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || left(md5(n::text), 3)
                              || '8' || right(md5(n::text), 15))::uuid, at, kind, 'bluesky', account_id, value
        FROM made
    )
    INSERT INTO crier.analytics_delta (id, workspace_id, hour, kind, platform, account_id, events, value)
    SELECT crier.new_id(), workspace_id, date_trunc('hour', at, 'UTC'), kind, 'bluesky', account_id, count(*), sum(value)
    FROM made GROUP BY workspace_id, 3, kind, account_id";
const ROLL_UP: &str = "SELECT crier.roll_up_analytics(p_batch => 50000, p_max_ms => 10000)";
const DAYS: &str = "SELECT count(*), sum(events)::bigint FROM crier.analytics($1, now() - interval '30 days', p_group_by => '{kind,platform,account}')";
const HOURS: &str = "SELECT count(*), sum(events)::bigint FROM crier.analytics($1, now() - interval '30 days', p_bucket => 'hour')";

pub(super) async fn run(bench: &mut Bench) {
    let sql = bench.database.connect().await;
    let workspace = create_workspace(&sql).await;
    let account = dummy_account(&sql, workspace, "alice.test").await;
    sql.run(&format!(
        "INSERT INTO crier.workspace (id, name) SELECT md5('w' || n)::uuid, 'w' FROM generate_series(-{WORKSPACES}, {WORKSPACES}) n"
    ))
    .await;
    record(bench, &sql, workspace, account).await;
    let events = i64::try_from(bench.plan.history).unwrap_or(i64::MAX);
    let start = Instant::now();
    let mut made = 0;
    while made < events {
        let upto = (made + CHUNK).min(events);
        sql.rows(MAKE, &[&workspace, &(events as f64), &made, &upto, &WORKSPACES, &ACCOUNTS]).await;
        made = upto;
        let tail = made == events;
        if !tail {
            move_all(&sql).await;
        }
    }
    let deltas: i64 = sql.value("SELECT count(*) FROM crier.analytics_delta", &[]).await;
    bench.report.note(&format!(
        "analytics: {events} events made and summed up in {:.0} s",
        start.elapsed().as_secs_f64()
    ));
    sql.run("VACUUM ANALYZE").await;
    ask(bench, &sql, workspace, &format!("{events} events, {deltas} sums not moved yet")).await;
    let before = bench.meter.read(&sql).await;
    let start = Instant::now();
    let moved = move_all(&sql).await;
    let used = bench.meter.since(before, &sql).await;
    bench.report.rates.push(Rate::new("analytics", "crier", "sums moved", moved, start.elapsed(), used));
    sql.run("VACUUM ANALYZE").await;
    ask(bench, &sql, workspace, &format!("{events} events")).await;
    for table in ["analytics_event", "analytics_hour", "analytics_day"] {
        let size = format!(
            "SELECT pg_size_pretty(sum(bytes)) || ', ' || sum(rows_estimated) || ' rows' FROM crier.partitions WHERE parent = '{table}'"
        );
        let size = sql.text(&size).await;
        bench.report.note(&format!("analytics: {table} has {size}"));
    }
}

async fn record(bench: &mut Bench, sql: &Session, workspace: Uuid, account: Uuid) {
    let before = bench.meter.read(sql).await;
    let start = Instant::now();
    for _ in 0..BATCHES {
        sql.rows(RECORD, &[&workspace, &account, &BATCH]).await;
    }
    let (took, used) = (start.elapsed(), bench.meter.since(before, sql).await);
    let count = usize::try_from(BATCHES * BATCH).unwrap_or_default();
    bench.report.rates.push(Rate::new("analytics", "crier", "recorded by the thousand", count, took, used));
    let of: Vec<Params<'_>> = (0..CALLS).map(|_| vec![&workspace as _, &account as _, &1_i64 as _]).collect();
    let single = times(sql, RECORD, &of).await;
    bench
        .report
        .timings
        .push(Timing { what: "analytics: one event recorded".to_owned(), millis: Millis::new(single) });
    move_all(sql).await;
}

/// Has all sums be moved; how many there were.
async fn move_all(sql: &Session) -> usize {
    let mut moved = 0;
    loop {
        let did: serde_json::Value = sql.value(ROLL_UP, &[]).await;
        moved += did["moved"].as_u64().unwrap_or_default();
        if did["more"] != true {
            return usize::try_from(moved).unwrap_or_default();
        }
    }
}

async fn ask(bench: &mut Bench, sql: &Session, workspace: Uuid, what: &str) {
    for (name, text) in [("days", DAYS), ("hours", HOURS)] {
        let of: Vec<Params<'_>> = (0..CALLS).map(|_| vec![&workspace as _]).collect();
        let took: Vec<Duration> = times(sql, text, &of).await;
        let target = format!("analytics, 30 days by {name} of the largest workspace, {what}, p95");
        add(bench, Target::below(&target, Some(Millis::new(took).p95_ms), 1_000.0));
    }
}
