//! What each index and each count costs those who write: jobs added, claimed and completed, and log lines, as they are,
//! without some of it, and with indexes that stand on days that are over only. The variants take turns, so that a disk
//! that gets slower slows all of them; what is compared is first of all the processor time.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use super::Bench;
use super::client::connect;
use super::meter::Used;
use super::report::Rate;
use crate::backdoor::History;
use crate::session::Session;

/// The first one warms up and is not counted.
const ROUNDS: usize = 7;
/// In a call.
const JOBS: usize = 200;
/// Of each round.
const CALLS: usize = 40;
const USERS: usize = 100;

const ADD: &str = "SELECT count(*) FROM crier.enqueue_many($1)";
const CLAIM: &str = "SELECT job_id, token FROM crier.claim_jobs('bench', $1)";
const COMPLETE: &str = "SELECT count(*) FROM crier.complete_jobs($1, $2, $3)";
const LOG: &str = "SELECT count(*) FROM crier.log_jobs($1, $2, $3, $4)";
const ROLL_UP: &str = "SELECT crier.roll_up_statistics('1 day', '0') ->> 'more'";

/// What a variant changes.
#[derive(Clone, Copy)]
enum Change {
    Nothing,
    /// Drops these indexes of the queue's log, by a condition on their name (`n`) and on whether they are `unique`.
    Without(&'static str),
    /// Adds an index to today's partition of a table.
    With(&'static str, &'static str),
}

use Change::{Nothing, With, Without};

const OF_JOBS: [(&str, Change); 6] = [
    ("as it is", Nothing),
    ("without any index but the primary keys", Without("NOT n ~ '^job_log' AND NOT is_primary")),
    ("without those of users and workspaces", Without("n ~ '^job_(user|workspace)' AND NOT is_primary")),
    ("without that of the statistics (BRIN)", Without("n = 'job_outcome_finished'")),
    ("with GIN on params", With("job", "gin (params jsonb_path_ops)")),
    ("with GIN on results", With("job_outcome", "gin (result jsonb_path_ops) WHERE result IS NOT NULL")),
];
const OF_LINES: [(&str, Change); 5] = [
    ("as it is", Nothing),
    ("without (job_id, id)", Without("n = 'job_log_job'")),
    ("without (workspace_id, id)", Without("n = 'job_log_workspace'")),
    ("with GIN on words", With("job_log", "gin (to_tsvector('simple', message))")),
    ("with GIN on metadata", With("job_log", "gin (metadata jsonb_path_ops)")),
];

/// What was done in what time, and what the server used.
struct Sum {
    done: usize,
    took: Duration,
    used: Used,
}

pub(super) async fn run(bench: &mut Bench) {
    let sql = connect(&bench.database).await;
    let workspace = History::workspace(0);
    let insert = "INSERT INTO crier.workspace (id, name) VALUES ($1, 'bench') ON CONFLICT DO NOTHING";
    sql.rows(insert, &[&workspace]).await;
    turns(bench, &sql, "costs", &OF_JOBS, async |sql| run_jobs(sql, workspace).await).await;
    roll_up(bench, &sql).await;
    turns(bench, &sql, "log line", &OF_LINES, async |sql| write_lines(sql).await).await;
    bench.crier().clone().empty(&bench.database).await;
}

/// Lets the variants take turns, and reports the sums of each.
async fn turns(
    bench: &mut Bench,
    sql: &Session,
    workload: &'static str,
    variants: &[(&str, Change)],
    work: impl AsyncFn(&Session) -> usize,
) {
    let mut sums: Vec<Sum> = variants.iter().map(|_| Sum::nothing()).collect();
    for round in 0..ROUNDS {
        for ((_, change), sum) in variants.iter().zip(&mut sums) {
            let back = apply(sql, *change).await;
            let (before, start) = (bench.meter.read(sql).await, Instant::now());
            let done = work(sql).await;
            let took = start.elapsed();
            let used = bench.meter.since(before, sql).await;
            for statement in back {
                sql.run(&statement).await;
            }
            if round > 0 {
                sum.add(done, took, used);
            }
        }
    }
    for ((what, _), sum) in variants.iter().zip(sums) {
        bench.report.rates.push(Rate::new(workload, "crier", what, sum.done, sum.took, sum.used));
    }
}

/// Makes the change; what takes it back.
async fn apply(sql: &Session, change: Change) -> Vec<String> {
    match change {
        Nothing => vec![],
        Without(condition) => {
            let found = sql
                .rows(
                    &format!(
                        "SELECT n, replace(definition, ' ON ONLY ', ' ON ') FROM (
                             SELECT relname::text AS n, indisprimary AS is_primary, pg_get_indexdef(indexrelid) AS definition
                             FROM (SELECT i.*, c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                                   WHERE i.indrelid = ANY ('{{crier.job, crier.job_outcome, crier.job_retry, crier.job_log}}'::regclass[])) i
                         ) i WHERE {condition}"
                    ),
                    &[],
                )
                .await;
            assert!(!found.is_empty(), "no index with {condition}");
            for row in &found {
                sql.run(&format!("DROP INDEX crier.{}", row.get::<_, String>(0))).await;
            }
            found.iter().map(|row| row.get(1)).collect()
        }
        With(table, index) => {
            let today = sql.text("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')").await;
            sql.run(&format!("CREATE INDEX bench_added ON crier.{table}_{today} USING {index}")).await;
            vec!["DROP INDEX crier.bench_added".to_owned()]
        }
    }
}

/// Adds jobs, claims and completes them with a result; how many.
async fn run_jobs(sql: &Session, workspace: Uuid) -> usize {
    for call in 0..CALLS {
        let jobs: Value = (0..JOBS)
            .map(|n| {
                json!({"kind": "bench", "params": {"n": n, "call": call, "text": "x".repeat(200)},
                       "workspace_id": workspace, "user_id": History::user((n % USERS) as i64)})
            })
            .collect();
        sql.rows(ADD, &[&jobs]).await;
        let results: Vec<Value> =
            (0..JOBS).map(|n| json!({"url": format!("https://example.org/{call}/{n}"), "n": n})).collect();
        let held = sql.rows(CLAIM, &[&(JOBS as i32)]).await;
        assert_eq!(held.len(), JOBS, "expected all jobs to be claimed");
        let ids: Vec<Uuid> = held.iter().map(|row| row.get(0)).collect();
        let tokens: Vec<i64> = held.iter().map(|row| row.get(1)).collect();
        sql.rows(COMPLETE, &[&ids, &tokens, &results]).await;
    }
    JOBS * CALLS
}

/// Writes lines about the newest jobs; how many.
async fn write_lines(sql: &Session) -> usize {
    let jobs: Vec<Uuid> =
        sql.column("SELECT id FROM crier.job ORDER BY id DESC LIMIT $1", &[&(JOBS as i64)]).await;
    let levels = vec!["info"; JOBS];
    let metadata: Vec<Value> =
        (0..JOBS).map(|n| json!({"n": n, "host": "worker-1", "bytes": n * 1_000})).collect();
    for call in 0..CALLS {
        let messages: Vec<String> = (0..JOBS)
            .map(|n| format!("uploaded part {n} of call {call} to the server, {} bytes", n * 1_000))
            .collect();
        sql.rows(LOG, &[&jobs, &levels, &messages, &metadata]).await;
    }
    JOBS * CALLS
}

/// What the statistics cost later: the sums of what ended, once.
async fn roll_up(bench: &mut Bench, sql: &Session) {
    let ended = sql.value::<i64>("SELECT count(*) FROM crier.job_outcome", &[]).await as usize;
    let (before, start) = (bench.meter.read(sql).await, Instant::now());
    while sql.text(ROLL_UP).await == "true" {}
    let took = start.elapsed();
    let used = bench.meter.since(before, sql).await;
    bench.report.rates.push(Rate::new(
        "costs",
        "crier",
        "summed up for the statistics, once",
        ended,
        took,
        used,
    ));
}

impl Sum {
    fn nothing() -> Self {
        Self { done: 0, took: Duration::ZERO, used: Used { cpu_seconds: 0.0, wal_bytes: 0 } }
    }

    fn add(&mut self, done: usize, took: Duration, used: Used) {
        self.done += done;
        self.took += took;
        self.used.cpu_seconds += used.cpu_seconds;
        self.used.wal_bytes += used.wal_bytes;
    }
}
