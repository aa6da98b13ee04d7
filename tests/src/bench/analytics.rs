//! What analytics take: recording events, moving their sums, and asking for thirty days of them with many tenants' events around:
//! with all in memory and with nothing, and with sums that are not moved yet.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use uuid::Uuid;

use super::Bench;
use super::events::Tenants;
use super::meter::Meter;
use super::report::{Millis, Rate, Target, Timing};
use super::targets::{Params, add, times};
use crate::session::Session;

const CALLS: usize = 26;
/// Restarts for each question that finds nothing in memory.
const COLD: usize = 3;
/// Events of one call that records those of one workspace, and of many.
const BATCH: i64 = 1_000;
const LARGE_BATCH: i64 = 10_000;
const BATCHES: i64 = 40;
const RECORDERS: i64 = 2;
/// Most events whose sums are not moved: those of a minute with as many calls as two connections make.
const NOT_MOVED: i64 = 1_000_000;

const RECORD: &str = "SELECT crier.record_analytics((SELECT jsonb_agg(jsonb_build_object('workspace_id', $1::uuid, 'kind', 'k' || n % 5, \
    'account_id', $2::uuid, 'at', now() - n % 100 * interval '1 minute', 'value', n)) FROM generate_series(1, $3::bigint) n))";
/// Of all workspaces, a tenth of them of the first one.
const RECORD_MANY: &str = "
    SELECT crier.record_analytics((
        SELECT jsonb_agg(jsonb_build_object(
            'workspace_id', CASE WHEN r < 0.1 THEN ($1::uuid[])[1] ELSE ($1::uuid[])[1 + floor(random() * cardinality($1::uuid[]))::integer] END,
            'kind', 'k' || n % 5, 'platform', (ARRAY['bluesky', 'linkedin', 'mastodon', 'x'])[1 + n / 5 % 4],
            'at', now() - random() * interval '2 hours', 'value', n))
        FROM (SELECT n, random() AS r FROM generate_series(1, $2::bigint) n) q))";
const ROLL_UP: &str = "SELECT crier.roll_up_analytics(p_max_ms => 10000)";
const EVENTS: &str =
    "SELECT sum(rows_estimated)::bigint, sum(bytes)::bigint FROM crier.partitions WHERE parent = $1";

/// Buckets, and by what they are told apart.
const QUESTIONS: [(&str, &str); 6] =
    [("day", ""), ("day", "platform"), ("day", "kind"), ("hour", ""), ("hour", "platform"), ("hour", "kind")];
/// Which of them are asked with nothing in memory: what is read is the same for all of a bucket.
const ASKED_COLD: [(&str, &str); 2] = [("day", "kind"), ("hour", "kind")];
const ASK: &str = "SELECT count(*), sum(events)::bigint FROM crier.analytics($1, now() - interval '30 days', p_bucket => $2, \
    p_group_by => string_to_array($3, ','))";

/// What is asked for a question, to show how it is answered.
const STATEMENTS: [(&str, &str); 2] = [
    ("day", include_str!("../../../sql/queries/analytics/days.sql")),
    ("hour", include_str!("../../../sql/queries/analytics/hours.sql")),
];

pub(super) async fn run(bench: &mut Bench) {
    let mut sql = bench.database.connect().await;
    let events = i64::try_from(bench.plan.history).unwrap_or(i64::MAX);
    let tenants = Tenants::add(&sql).await;
    let start = Instant::now();
    tenants.fill(bench, &sql, events).await;
    let seconds = start.elapsed().as_secs_f64();
    bench.report.note(&format!("analytics: {events} events were made in {seconds:.0} s"));
    sizes(bench, &sql).await;
    ask(bench, &mut sql, &tenants, &format!("{events} events")).await;

    record(bench, &sql, &tenants).await;
    record_many(bench, &sql, &tenants, (events / 10).clamp(LARGE_BATCH, NOT_MOVED)).await;
    let not_moved: i64 = sql.value("SELECT count(*) FROM crier.analytics_delta", &[]).await;
    ask(bench, &mut sql, &tenants, &format!("{not_moved} sums not moved yet")).await;

    let before = bench.meter.read(&sql).await;
    let start = Instant::now();
    let moved = move_all(&sql).await;
    let used = bench.meter.since(before, &sql).await;
    bench.report.rates.push(Rate::new("analytics", "crier", "sums moved", moved, start.elapsed(), used));
    ask_warm(bench, &sql, &tenants, "just after they were moved").await;
}

async fn record(bench: &mut Bench, sql: &Session, tenants: &Tenants) {
    let (workspace, account) = (tenants.workspaces[0], tenants.account());
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
}

/// Records events of all workspaces, as a server does that collects them.
async fn record_many(bench: &mut Bench, sql: &Session, tenants: &Tenants, events: i64) {
    // the first call brings the kinds to each workspace
    sql.rows(RECORD_MANY, &[&tenants.workspaces, &LARGE_BATCH]).await;
    let before = bench.meter.read(sql).await;
    let start = Instant::now();
    let each = (events / LARGE_BATCH / RECORDERS).max(1);
    let database = &bench.database;
    join_all((0..RECORDERS).map(async |_| {
        let sql = database.connect().await;
        for _ in 0..each {
            sql.rows(RECORD_MANY, &[&tenants.workspaces, &LARGE_BATCH]).await;
        }
    }))
    .await;
    let (took, used) = (start.elapsed(), bench.meter.since(before, sql).await);
    let count = usize::try_from(RECORDERS * each * LARGE_BATCH).unwrap_or_default();
    let how = "recorded by ten thousand, 2 connections";
    bench.report.rates.push(Rate::new("analytics", "crier", how, count, took, used));
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

async fn sizes(bench: &mut Bench, sql: &Session) {
    for table in ["analytics_event", "analytics_hour", "analytics_day"] {
        let row = sql.row(EVENTS, &[&table]).await;
        let (rows, bytes): (i64, i64) = (row.get(0), row.get(1));
        bench.report.note(&format!(
            "analytics: {table} has {rows} rows of {} bytes, {} MB with indexes",
            bytes / rows.max(1),
            bytes / 1_000_000
        ));
    }
}

async fn ask(bench: &mut Bench, sql: &mut Session, tenants: &Tenants, what: &str) {
    ask_warm(bench, sql, tenants, what).await;
    let workspace = tenants.workspaces[0];
    for (bucket, group_by) in ASKED_COLD {
        let mut took = Vec::new();
        for _ in 0..COLD {
            bench.database.server().restart_cold();
            *sql = bench.database.connect().await;
            let start = Instant::now();
            sql.rows(ASK, &[&workspace, &bucket, &group_by]).await;
            took.push(start.elapsed());
        }
        let target = format!(
            "analytics, 30 days by {bucket} and {group_by}, {what}, nothing in memory, p50 of {COLD}"
        );
        add(bench, Target::below(&target, Some(Millis::new(took).p50_ms), 1_000.0));
        bench.database.server().restart_cold();
        *sql = bench.database.connect().await;
        let shown = plan(sql, workspace, bucket).await;
        bench
            .report
            .plans
            .push(format!("30 days of analytics by {bucket}, {what}, nothing in memory\n{shown}"));
    }
    bench.meter = Meter::new(&bench.database);
}

async fn ask_warm(bench: &mut Bench, sql: &Session, tenants: &Tenants, what: &str) {
    for (bucket, group_by) in QUESTIONS {
        let of: Vec<Params<'_>> =
            (0..CALLS).map(|_| vec![&tenants.workspaces[0] as _, &bucket as _, &group_by as _]).collect();
        let took: Vec<Duration> = times(sql, ASK, &of).await;
        let by = if group_by.is_empty() { String::new() } else { format!(" and {group_by}") };
        let target = format!("analytics, 30 days by {bucket}{by}, {what}, p95");
        add(bench, Target::below(&target, Some(Millis::new(took).p95_ms), 1_000.0));
    }
}

async fn plan(sql: &Session, workspace: Uuid, bucket: &str) -> String {
    let text = STATEMENTS.iter().find(|(of, _)| *of == bucket).map_or("", |(_, text)| text);
    // as the function has it planned
    sql.run(&format!(
        "SET plan_cache_mode = force_custom_plan; SET jit = off; \
         PREPARE asked (uuid, timestamptz, timestamptz, text, boolean, boolean, boolean, text[]) AS {text}"
    ))
    .await;
    let asked = format!(
        "EXPLAIN (ANALYZE, BUFFERS, COSTS off) EXECUTE asked ('{workspace}', date_trunc('{bucket}', now() - interval '30 days'), \
         now(), '{bucket}', true, false, false, NULL)"
    );
    sql.text(&asked).await
}
