//! What people look at, with a long history: each call's times, the first page beside the last, and the plans of what
//! was asked. Then what indexes cost those who write.

use std::time::{Duration, Instant};

use crier_core::cursor::{Cursor, Position};
use serde_json::json;
use uuid::Uuid;

use super::Bench;
use super::client::connect;
use super::report::{Millis, Target, Timing};
use super::targets::{Params, times};
use crate::backdoor::History;
use crate::session::Session;

const DAYS: i32 = 10;
/// Jobs of each user.
const PER_USER: i64 = 1_000;
/// Calls of each kind.
const CALLS: i64 = 200;
const LINES: usize = 200;
const LINE_CALLS: usize = 50;

/// A statement of the extension, to show its plan.
macro_rules! sql {
    ($name:literal) => {
        include_str!(concat!("../../../sql/queries/pages/", $name, ".sql"))
    };
}

pub(super) async fn run(bench: &mut Bench) {
    let sql = connect(&bench.database).await;
    let jobs = bench.plan.history as i64;
    let users = (jobs / PER_USER).max(1);
    super::say(&format!("a history of {jobs} jobs"));
    let history = History { jobs, days: DAYS, users, workspaces: (users / 20).max(1), lines: 1 };
    history.make(&sql).await;
    let indexed = Instant::now();
    let made = sql.rows("SELECT crier.index_history(100)", &[]).await.len();
    let seconds = indexed.elapsed().as_secs_f64();
    bench.report.note(&format!(
        "index_history: {made} indexes of {jobs} jobs and as many log lines in {seconds:.1} s"
    ));
    lookups(bench, &sql, users).await;
    depth(bench, &sql).await;
    plans(bench, &sql).await;
    log_costs(bench, &sql).await;
    job_costs(bench, &sql).await;
    bench.crier().clone().empty(&bench.database).await;
}

/// Numbers spread over a range.
fn spread(count: i64, below: i64) -> impl Iterator<Item = i64> {
    (0..count).map(move |n| n * 7_919 % below)
}

async fn lookups(bench: &mut Bench, sql: &Session, users: i64) {
    let jobs = bench.plan.history;
    let some = "SELECT id FROM crier.job TABLESAMPLE SYSTEM (1) LIMIT $1";
    let mut ids: Vec<Uuid> = sql.column(some, &[&CALLS]).await;
    if ids.is_empty() {
        ids = sql.column("SELECT id FROM crier.job LIMIT $1", &[&CALLS]).await;
    }
    let of_jobs: Vec<Params<'_>> = ids.iter().map(|id| vec![id as _]).collect();
    let users: Vec<Uuid> = spread(CALLS, users).map(History::user).collect();
    let of_users: Vec<Params<'_>> = users.iter().map(|user| vec![user as _]).collect();
    let numbers: Vec<i64> = spread(CALLS, jobs as i64).collect();
    let of_numbers: Vec<Params<'_>> = numbers.iter().map(|number| vec![number as _]).collect();
    for (what, text, calls, limit) in [
        ("status by id", "SELECT state, attempt FROM crier.jobs WHERE id = $1", &of_jobs, Some(2.0)),
        ("result by id", "SELECT state, result FROM crier.jobs WHERE id = $1", &of_jobs, Some(5.0)),
        (
            "get_user_jobs, page of 50 with the total",
            "SELECT count(*), min(total_count) FROM crier.get_user_jobs($1)",
            &of_users,
            Some(5.0),
        ),
        (
            "get_user_jobs, those that failed",
            "SELECT count(*) FROM crier.get_user_jobs($1, 'failed')",
            &of_users,
            None,
        ),
        (
            "list_jobs of a user, page of 50",
            "SELECT * FROM crier.list_jobs(p_user_id => $1)",
            &of_users,
            Some(5.0),
        ),
        (
            "list_jobs of a user, those that failed",
            "SELECT * FROM crier.list_jobs(p_status => 'failed', p_user_id => $1)",
            &of_users,
            None,
        ),
        (
            "search_jobs by params",
            "SELECT * FROM crier.search_jobs(jsonb_build_object('n', $1::bigint))",
            &of_numbers,
            None,
        ),
        (
            "list_logs by words",
            "SELECT * FROM crier.list_logs(p_search => 'number ' || $1::bigint)",
            &of_numbers,
            None,
        ),
    ] {
        let millis = Millis::new(times(sql, text, calls).await);
        bench.report.timings.push(Timing { what: format!("{what}, {jobs} jobs"), millis });
        if let Some(limit) = limit {
            let what = format!("{what}, {jobs} jobs, p95");
            bench.report.targets.push(Target::below(&what, Some(millis.p95_ms), limit));
        }
    }
}

/// The first page beside one at the end of everything.
async fn depth(bench: &mut Bench, sql: &Session) {
    const PAGE: &str = "SELECT next_cursor FROM crier.list_jobs($1, 50)";
    let jobs = bench.plan.history;
    let first: String = sql.value(PAGE, &[&None::<String>]).await;
    let oldest: Vec<Uuid> = sql.column("SELECT id FROM crier.job ORDER BY id LIMIT 60", &[]).await;
    let place = oldest.last().map_or(Position::Id([0; 16]), |id| Position::Id(*id.as_bytes()));
    let cursor = Cursor::decode(&first).map(|cursor| Cursor { position: place, ..cursor });
    let last = cursor.and_then(|cursor| cursor.encode()).unwrap_or_else(|error| panic!("{first}: {error}"));
    for (what, cursor) in [("first", None), ("last", Some(last))] {
        let calls: Vec<Params<'_>> = (0..CALLS).map(|_| vec![&cursor as _]).collect();
        let millis = Millis::new(times(sql, PAGE, &calls).await);
        let what = format!("list_jobs, the {what} page of 50, {jobs} jobs");
        bench.report.timings.push(Timing { what, millis });
    }
}

/// The plans, as the functions have them made: once for all values, or for those of a search.
async fn plans(bench: &mut Bench, sql: &Session) {
    let span = "'00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 51";
    let day = "pg_temp.id_of(1, 10, 10), pg_temp.id_of(2, 10, 10), 51";
    let id = sql.text("SELECT id FROM crier.job ORDER BY id LIMIT 1").await;
    let (user, workspace) = (History::user(0), History::workspace(0));
    for (what, mode, types, text, values) in [
        (
            "status or result by id",
            "generic",
            "uuid",
            "SELECT state, result FROM crier.jobs WHERE id = $1",
            format!("'{id}'"),
        ),
        (
            "a user's jobs",
            "generic",
            "uuid, uuid, bigint, uuid",
            sql!("jobs_of_user"),
            format!("{span}, '{user}'"),
        ),
        (
            "a workspace's jobs",
            "generic",
            "uuid, uuid, bigint, uuid[]",
            sql!("jobs_of_workspaces"),
            format!("{span}, ARRAY['{workspace}'::uuid]"),
        ),
        ("errors and warnings", "generic", "uuid, uuid, bigint", sql!("problems_all"), span.to_owned()),
        (
            "a search of params",
            "custom",
            "uuid, uuid, bigint, uuid[], jsonb, jsonb, uuid, text",
            sql!("jobs_by_params"),
            format!("{day}, NULL, '{{\"n\": 7}}', NULL, NULL, NULL"),
        ),
        (
            "a search of log messages",
            "custom",
            "uuid, uuid, bigint, uuid[], text, jsonb, text[]",
            sql!("logs_by_words"),
            format!("{day}, NULL, 'number 7', NULL, NULL"),
        ),
    ] {
        sql.run(&format!("SET plan_cache_mode = force_{mode}_plan; PREPARE bench ({types}) AS {text}")).await;
        let plan = sql.text(&format!("EXPLAIN (ANALYZE, COSTS off) EXECUTE bench ({values})")).await;
        sql.run("DEALLOCATE bench; RESET plan_cache_mode").await;
        bench.report.plans.push(format!("{what}\n{}", short(&plan)));
    }
}

/// The parts of a plan that gave rows, each once: partitions of a table look the same but for the day.
fn short(plan: &str) -> String {
    let mut kept = Vec::new();
    let mut last = String::new();
    let mut keeps = true;
    for line in plan.lines() {
        if kept.is_empty() || line.contains("->") {
            let name = line.split('(').next().unwrap_or_default();
            let name: String = name.chars().filter(|letter| !letter.is_ascii_digit()).collect();
            keeps = !line.contains("never executed") && !line.contains("rows=0 ") && name != last;
            if keeps {
                last = name;
            }
        } else if !line.starts_with(' ') {
            keeps = true;
        }
        if keeps {
            kept.push(line);
        }
    }
    kept.join("\n")
}

/// Log lines a second, and the same without one of the indexes or with one more.
async fn log_costs(bench: &mut Bench, sql: &Session) {
    let jobs: Vec<Uuid> =
        sql.column("SELECT id FROM crier.job ORDER BY id DESC LIMIT $1", &[&(LINES as i64)]).await;
    let today = sql.text("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')").await;
    for (what, change, back) in [
        ("log lines, as they are", String::new(), String::new()),
        (
            "without (job_id, id)",
            "DROP INDEX crier.job_log_job".to_owned(),
            "CREATE INDEX job_log_job ON crier.job_log (job_id, id)".to_owned(),
        ),
        (
            "without (workspace_id, id)",
            "DROP INDEX crier.job_log_workspace".to_owned(),
            "CREATE INDEX job_log_workspace ON crier.job_log (workspace_id, id) WHERE workspace_id IS NOT NULL".to_owned(),
        ),
        (
            "with GIN on words",
            format!("CREATE INDEX bench_gin ON crier.job_log_{today} USING gin (to_tsvector('simple', message))"),
            "DROP INDEX crier.bench_gin".to_owned(),
        ),
        (
            "with GIN on metadata",
            format!("CREATE INDEX bench_gin ON crier.job_log_{today} USING gin (metadata jsonb_path_ops)"),
            "DROP INDEX crier.bench_gin".to_owned(),
        ),
    ] {
        sql.run(&change).await;
        let per_second = lines_per_second(sql, &jobs).await;
        sql.run(&back).await;
        bench.report.note(&format!("{what}: {per_second:.0} lines/s, {LINES} a call"));
    }
}

async fn lines_per_second(sql: &Session, jobs: &[Uuid]) -> f64 {
    const LOG: &str = "SELECT count(*) FROM crier.log_jobs($1, $2, $3, $4)";
    let levels = vec!["info"; jobs.len()];
    let metadata: Vec<serde_json::Value> =
        (0..jobs.len()).map(|n| json!({"n": n, "host": "worker-1", "bytes": n * 1_000})).collect();
    let mut took = Duration::ZERO;
    for call in 0..LINE_CALLS {
        let messages: Vec<String> = (0..jobs.len())
            .map(|n| format!("uploaded part {n} of call {call} to the server, {} bytes", n * 1_000))
            .collect();
        let start = Instant::now();
        sql.rows(LOG, &[&jobs, &levels, &messages, &metadata]).await;
        took += start.elapsed();
    }
    (jobs.len() * LINE_CALLS) as f64 / took.as_secs_f64()
}

/// Jobs added, and jobs claimed and completed with a result, a second: as they are, and with indexes that stand on
/// finished days only.
async fn job_costs(bench: &mut Bench, sql: &Session) {
    let today = sql.text("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')").await;
    for (what, gin) in [
        ("jobs, as they are", None),
        ("with GIN on params", Some(format!("crier.job_{today} USING gin (params jsonb_path_ops)"))),
        (
            "with GIN on results",
            Some(format!(
                "crier.job_outcome_{today} USING gin (result jsonb_path_ops) WHERE result IS NOT NULL"
            )),
        ),
    ] {
        if let Some(gin) = &gin {
            sql.run(&format!("CREATE INDEX bench_gin ON {gin}")).await;
        }
        let (added, finished) = jobs_per_second(sql).await;
        if gin.is_some() {
            sql.run("DROP INDEX crier.bench_gin").await;
        }
        bench.report.note(&format!(
            "{what}: {added:.0} jobs/s added, {finished:.0}/s claimed and completed, {LINES} a call"
        ));
    }
}

async fn jobs_per_second(sql: &Session) -> (f64, f64) {
    const ADD: &str = "SELECT count(*) FROM crier.enqueue_many($1)";
    const CLAIM: &str = "SELECT job_id, token FROM crier.claim_jobs('bench', $1)";
    const COMPLETE: &str = "SELECT count(*) FROM crier.complete_jobs($1, $2, $3)";
    let (mut adding, mut finishing) = (Duration::ZERO, Duration::ZERO);
    for call in 0..LINE_CALLS {
        let jobs: serde_json::Value = (0..LINES)
            .map(|n| json!({"kind": "bench", "params": {"n": n, "call": call, "text": "x".repeat(200)}}))
            .collect();
        let start = Instant::now();
        sql.rows(ADD, &[&jobs]).await;
        adding += start.elapsed();
        let results: Vec<serde_json::Value> =
            (0..LINES).map(|n| json!({"url": format!("https://example.org/{call}/{n}"), "n": n})).collect();
        let start = Instant::now();
        let held = sql.rows(CLAIM, &[&(LINES as i32)]).await;
        let ids: Vec<Uuid> = held.iter().map(|row| row.get(0)).collect();
        let tokens: Vec<i64> = held.iter().map(|row| row.get(1)).collect();
        sql.rows(COMPLETE, &[&ids, &tokens, &results]).await;
        finishing += start.elapsed();
    }
    let jobs = (LINES * LINE_CALLS) as f64;
    (jobs / adding.as_secs_f64(), jobs / finishing.as_secs_f64())
}
