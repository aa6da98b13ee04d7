//! What people look at, with a long history: each call's times, the first page beside the last, and the plans of what
//! was asked.

use std::time::Instant;

use crier_core::cursor::{Cursor, Position};
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
    let history =
        History { jobs, days: DAYS, users, workspaces: (users / 20).max(1), lines: bench.plan.lines as i64 };
    history.make(&sql).await;
    let indexed = Instant::now();
    let made = sql.rows("SELECT crier.index_history(100)", &[]).await.len();
    let seconds = indexed.elapsed().as_secs_f64();
    bench.report.note(&format!(
        "index_history: {made} indexes of {jobs} jobs and {} log lines in {seconds:.1} s",
        jobs * history.lines
    ));
    let size = sql.text("SELECT string_agg(format('%s %s MB of rows, %s MB of indexes', t, r / 1048576, i / 1048576), '; ') FROM (
                             SELECT t, sum(pg_table_size(relid)) AS r, sum(pg_indexes_size(relid)) AS i
                             FROM unnest('{job, job_outcome, job_log}'::text[]) t, pg_partition_tree(to_regclass('crier.' || t)) p
                             WHERE isleaf GROUP BY t) s").await;
    bench.report.note(&format!("what that takes: {size}"));
    lookups(bench, &sql, users).await;
    depth(bench, &sql).await;
    plans(bench, &sql).await;
    bench.crier().clone().empty(&bench.database).await;
}

/// Numbers spread over a range.
fn spread(count: i64, below: i64) -> impl Iterator<Item = i64> {
    (0..count).map(move |n| n * 7_919 % below)
}

async fn lookups(bench: &mut Bench, sql: &Session, users: i64) {
    let (jobs, lines) = (bench.plan.history, bench.plan.history * bench.plan.lines);
    let some = "SELECT id FROM crier.job TABLESAMPLE SYSTEM (1) LIMIT $1";
    let mut ids: Vec<Uuid> = sql.column(some, &[&CALLS]).await;
    if ids.is_empty() {
        ids = sql.column("SELECT id FROM crier.job LIMIT $1", &[&CALLS]).await;
    }
    let of_jobs: Vec<Params<'_>> = ids.iter().map(|id| vec![id as _]).collect();
    let workspaces: Vec<Uuid> = spread(CALLS, (users / 20).max(1)).map(History::workspace).collect();
    let users: Vec<Uuid> = spread(CALLS, users).map(History::user).collect();
    let of_users: Vec<Params<'_>> = users.iter().map(|user| vec![user as _]).collect();
    let of_workspaces: Vec<Params<'_>> = workspaces.iter().map(|workspace| vec![workspace as _]).collect();
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
        ("list_logs of a job", "SELECT * FROM crier.list_logs(p_job_id => $1)", &of_jobs, None),
        (
            "list_logs of a workspace",
            "SELECT * FROM crier.list_logs(p_workspace_id => $1)",
            &of_workspaces,
            None,
        ),
        (
            "list_logs, a workspace's errors and warnings",
            "SELECT * FROM crier.list_logs(p_workspace_id => $1, p_levels => '{error,warning}')",
            &of_workspaces,
            None,
        ),
        (
            "list_logs by words",
            "SELECT * FROM crier.list_logs(p_search => 'number ' || $1::bigint)",
            &of_numbers,
            None,
        ),
        (
            "list_logs by metadata",
            "SELECT * FROM crier.list_logs(p_metadata => jsonb_build_object('n', $1::bigint, 'line', 1))",
            &of_numbers,
            None,
        ),
    ] {
        let millis = Millis::new(times(sql, text, calls).await);
        let of = if what.contains("logs") { format!("{lines} lines") } else { format!("{jobs} jobs") };
        bench.report.timings.push(Timing { what: format!("{what}, {of}"), millis });
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
    for (what, cursor) in [("first", None), ("last", Some(last_page(&first, &oldest)))] {
        let calls: Vec<Params<'_>> = (0..CALLS).map(|_| vec![&cursor as _]).collect();
        let millis = Millis::new(times(sql, PAGE, &calls).await);
        let what = format!("list_jobs, the {what} page of 50, {jobs} jobs");
        bench.report.timings.push(Timing { what, millis });
    }
}

/// The cursor of a page at the end of everything: that of another page, put before the newest of the oldest.
pub(super) fn last_page(other: &str, oldest: &[Uuid]) -> String {
    let position = oldest.last().map_or(Position::Id([0; 16]), |id| Position::Id(*id.as_bytes()));
    let cursor = Cursor::decode(other).map(|cursor| Cursor { position, ..cursor });
    cursor.and_then(|cursor| cursor.encode()).unwrap_or_else(|error| panic!("{other}: {error}"))
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
        (
            "a job's log",
            "generic",
            "uuid, uuid, bigint, uuid, uuid[]",
            sql!("logs_of_job"),
            format!("{span}, '{id}', NULL"),
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
        let plan = plan_of(sql, mode, types, text, &values).await;
        bench.report.plans.push(format!("{what}\n{plan}"));
    }
}

/// The short plan of a statement with parameters of these types and values: `generic`, or `custom` for the values.
pub(super) async fn plan_of(sql: &Session, mode: &str, types: &str, text: &str, values: &str) -> String {
    sql.run(&format!("SET plan_cache_mode = force_{mode}_plan; PREPARE bench ({types}) AS {text}")).await;
    let plan = sql.text(&format!("EXPLAIN (ANALYZE, COSTS off) EXECUTE bench ({values})")).await;
    sql.run("DEALLOCATE bench; RESET plan_cache_mode").await;
    short(&plan)
}

/// The parts of a plan that gave rows, each once: partitions of a table look the same but for the day.
pub(super) fn short(plan: &str) -> String {
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
