//! Posts that were planned long before: how fast they get their jobs over a week of injected time, what their pages take, and how
//! late jobs are at 1,000 due posts a second by the clock.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::Bench;
use super::client::connect;
use super::report::{Millis, Rate, Target, Timing};
use super::targets::{Params, add, times};
use crate::cluster::Database;
use crate::session::Session;
use crate::stage::{create_workspace, dummy_account};

const ZONES: i64 = 50;
/// How far the injected clock goes on at a time, in minutes.
const STEP: i64 = 15;
const RUNNERS: usize = 2;
/// Due posts a second of the part by the clock.
const RATE: i64 = 1_000;
const CALLS: usize = 100;

/// Posts of one account: `$3` of them at full hours of a week, by the walls of 50 zones.
const PLAN_A_WEEK: &str = "
    WITH zones AS (
        SELECT array_agg(name) AS names
        FROM (SELECT name FROM pg_timezone_names WHERE name LIKE '%/%' AND name NOT LIKE 'Etc/%' AND name NOT LIKE 'posix/%'
              ORDER BY md5(name) LIMIT $4::bigint) z
    ), planned AS (
        SELECT crier.new_id() AS id, n,
               (date_trunc('day', now())::timestamp + (2 + n % 7) * interval '1 day' + (n / 7 % 24) * interval '1 hour')
               AT TIME ZONE names[1 + n % $4::bigint] AS at
        FROM generate_series(1, $3::bigint) n, zones
    ), posts AS (
        INSERT INTO crier.post (workspace_id, id, content, media, settings, scheduled_at, accounts)
        SELECT $1::uuid, id, 'post ' || n, '[]', '{}', at, ARRAY[$2::uuid] FROM planned
    )
    INSERT INTO crier.post_target (workspace_id, id, post_id, account_id, platform, state, due_at)
    SELECT $1, crier.new_id(), id, $2, 'bluesky', 'scheduled', at FROM planned";

/// The same, `$3` a second from two seconds from now on, for `$4` seconds.
const PLAN_SOON: &str = "
    WITH planned AS (
        SELECT crier.new_id() AS id, n, clock_timestamp() + interval '2 seconds' + n * interval '1 second' / $3::bigint AS at
        FROM generate_series(1, $3::bigint * $4::bigint) n
    ), posts AS (
        INSERT INTO crier.post (workspace_id, id, content, media, settings, scheduled_at, accounts)
        SELECT $1::uuid, id, 'soon ' || n, '[]', '{}', at, ARRAY[$2::uuid] FROM planned
    )
    INSERT INTO crier.post_target (workspace_id, id, post_id, account_id, platform, state, due_at)
    SELECT $1, crier.new_id(), id, $2, 'bluesky', 'scheduled', at FROM planned";

const RUN: &str = "SELECT targets, more FROM crier.run_due(p_ahead => '0', p_now => $1::text::timestamptz)";
const LEFT: &str = "SELECT count(*) FROM crier.post_target WHERE job_id IS NULL AND state = 'scheduled'";
const WRONG: &str = "
    SELECT count(*) - count(DISTINCT t.job_id) + count(*) FILTER (WHERE j.id IS NULL)
    FROM crier.post_target t LEFT JOIN crier.job j ON j.id = t.job_id WHERE t.account_id = $1";

pub(super) async fn run(bench: &mut Bench) {
    let sql = connect(&bench.database).await;
    let workspace = create_workspace(&sql).await;
    week(bench, &sql, workspace).await;
    pages(bench, &sql, workspace).await;
    clock(bench, &sql, workspace).await;
    bench.crier().clone().empty(&bench.database).await;
}

/// A week of posts, drained by a clock that goes on by itself as fast as it is done.
async fn week(bench: &mut Bench, sql: &Session, workspace: Uuid) {
    let account = dummy_account(sql, workspace, "week.test").await;
    let posts = bench.plan.history;
    super::say(&format!("{posts} posts over a week in {ZONES} zones"));
    sql.rows(PLAN_A_WEEK, &[&workspace, &account, &(posts as i64), &ZONES]).await;
    sql.run("VACUUM ANALYZE crier.post, crier.post_target").await;
    let span = "SELECT min(due_at)::text, ceil(extract(epoch FROM max(due_at) - min(due_at)) / 60)::bigint FROM crier.post_target \
                WHERE account_id = $1";
    let row = sql.row(span, &[&account]).await;
    let (first, minutes): (String, i64) = (row.get(0), row.get(1));
    let before = bench.meter.read(sql).await;
    let start = Instant::now();
    let mut moved = 0;
    for step in 0..=minutes / STEP + 1 {
        let now = "SELECT ($1::text::timestamptz + $2::bigint * interval '1 minute')::text";
        let now: String = sql.value(now, &[&first, &(step * STEP)]).await;
        moved += all_runners(&bench.database, &now).await;
        let late: i64 = sql
            .value(
                "SELECT count(*) FROM crier.post_target WHERE job_id IS NULL AND state = 'scheduled' AND due_at <= $1::text::timestamptz",
                &[&now],
            )
            .await;
        assert_eq!(late, 0, "expected nothing that is due by {now} to be left");
    }
    let took = start.elapsed();
    let used = bench.meter.since(before, sql).await;
    assert_eq!(moved, posts as i64, "expected each post once");
    let (left, wrong): (i64, i64) = (sql.value(LEFT, &[]).await, sql.value(WRONG, &[&account]).await);
    assert_eq!((left, wrong), (0, 0), "expected one job for each target");
    let how = format!("a week of posts, {RUNNERS} runners");
    bench.report.rates.push(Rate::new("due", "crier", &how, posts, took, used));
}

/// What the runners move by a time, each with a connection of its own.
async fn all_runners(database: &Database, now: &str) -> i64 {
    let mut runners = tokio::task::JoinSet::new();
    for _ in 0..RUNNERS {
        let (database, now) = (database.clone(), now.to_owned());
        runners.spawn(async move { run_until(&connect(&database).await, &now).await });
    }
    runners.join_all().await.into_iter().sum()
}

async fn run_until(sql: &Session, now: &str) -> i64 {
    let mut moved = 0;
    loop {
        let row = sql.row(RUN, &[&now]).await;
        let (targets, more): (i64, bool) = (row.get(0), row.get(1));
        moved += targets;
        if !more {
            return moved;
        }
    }
}

/// Pages of that many posts.
async fn pages(bench: &mut Bench, sql: &Session, workspace: Uuid) {
    let posts = bench.plan.history;
    let calls: Vec<Params<'_>> = (0..CALLS).map(|_| vec![&workspace as _]).collect();
    for (what, text) in [
        ("list_posts, first page of 50", "SELECT items FROM crier.list_posts(p_workspace_id => $1)"),
        (
            "list_posts, scheduled ones",
            "SELECT items FROM crier.list_posts(p_workspace_id => $1, p_status => 'scheduled')",
        ),
    ] {
        let millis = Millis::new(times(sql, text, &calls).await);
        add(bench, Target::below(&format!("{what}, of {posts}, p95"), Some(millis.p95_ms), 500.0));
        bench.report.timings.push(Timing { what: format!("{what}, of {posts}"), millis });
    }
}

/// What is due now gets its job now: how late, by the clock of the database.
async fn clock(bench: &mut Bench, sql: &Session, workspace: Uuid) {
    let account = dummy_account(sql, workspace, "clock.test").await;
    let seconds = i64::try_from(bench.plan.time.as_secs().clamp(1, 60)).unwrap_or(60);
    sql.rows(PLAN_SOON, &[&workspace, &account, &RATE, &seconds]).await;
    let until = Instant::now() + Duration::from_secs(seconds.unsigned_abs() + 30);
    let waits = "SELECT EXISTS (SELECT FROM crier.post_target WHERE job_id IS NULL AND state = 'scheduled')";
    while sql.value::<bool>(waits, &[]).await {
        assert!(Instant::now() < until, "expected everything to get its job");
        sql.rows("SELECT * FROM crier.run_due(p_ahead => '0')", &[]).await;
    }
    let late = "SELECT (extract(epoch FROM j.created_at - t.due_at) * 1000)::float8 FROM crier.post_target t \
                JOIN crier.job j ON j.id = t.job_id WHERE t.account_id = $1";
    let late: Vec<f64> = sql.column(late, &[&account]).await;
    let late = late.into_iter().map(|millis| Duration::from_secs_f64(millis.max(0.0) / 1_000.0)).collect();
    let millis = Millis::new(late);
    let what = format!("late at {RATE} due posts a second, one runner");
    add(bench, Target::below(&format!("{what}, p99"), Some(millis.p99_ms), 1_000.0));
    bench.report.timings.push(Timing { what, millis });
}
