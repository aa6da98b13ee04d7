//! The figures that were promised, each as a client sees it: printed with what was measured, never asserted.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::Bench;
use super::backlog::claim_times;
use super::client::{Adder, Jobs, connect, fill};
use super::report::{Millis, Target};
use super::statistics;
use crate::backdoor;
use crate::session::{Refusal, Session};

/// Calls of each kind.
const CALLS: usize = 100;
const BULK: usize = 1_000;
const BULK_CALLS: usize = 20;
const READERS: usize = 2;
/// Calls of each reader.
const READS: usize = 30;

const STATUS: &str = "SELECT state, attempt FROM crier.jobs WHERE id = $1";
const RESULT: &str = "SELECT state, result FROM crier.jobs WHERE id = $1";
const CACHED: &str = "SELECT job_id, result FROM crier.get_cached_job_result($1, 'bench_dedupe', $2)";
const FIND: &str = "SELECT job_id, is_new FROM crier.find_or_create_job($1, 'bench_dedupe', $2)";
const ENQUEUE: &str = "SELECT crier.enqueue('bench_dedupe', $2, user_id => $1)";
const CLAIM: &str = "SELECT job_id, token FROM crier.claim_jobs('bench', $1, kinds => '{bench_dedupe}')";
const COMPLETE: &str = "SELECT crier.complete_jobs($1, $2, $3)";
const IDS: &str = "SELECT id FROM crier.jobs WHERE kind = 'bench' LIMIT $1";
const CLEAN_UP: &str = "SELECT crier.cleanup_finished_jobs(p_max_ms => 600000)";
const DROP_DAY: &str = "SELECT crier.drop_old_days(p_max_ms => 600000)";
const READ: &str = "SELECT id, kind, params, state, run_at, attempt FROM crier.jobs WHERE id = ANY ($1)";

pub(super) async fn run(bench: &mut Bench) {
    let sql = connect(&bench.database).await;
    let crier = bench.crier().clone();
    let pending = bench.plan.jobs / 10;
    fill(&bench.database, crier.adding, pending, 1).await;
    sql.run("ANALYZE").await;

    let what = format!("job pick-up with {pending} pending, p95");
    let claims = claim_times(&sql, CALLS.min(pending / 2)).await;
    add(bench, Target::below(&what, Some(Millis::new(claims).p95_ms), 10.0));
    let (many, deep) =
        (bench.plan.jobs * 10, bench.report.backlogs.first().map(|backlog| backlog.claim.p95_ms));
    if deep.is_none() {
        bench
            .report
            .note("job pick-up in the backlog: measured by the workload backlog, which did not run before");
    }
    add(bench, Target::below(&format!("job pick-up with {many} pending, p95"), deep, 100.0));

    dedupe_and_results(bench, &sql).await;
    bulk(bench).await;
    reads(bench, &sql, pending).await;
    cleanup(bench, &sql).await;
    crier.empty(&bench.database).await;
    statistics::run(bench, &sql).await;
    crier.empty(&bench.database).await;
}

pub(super) fn add(bench: &mut Bench, target: Target) {
    bench.report.targets.push(target);
}

/// Looks for work that is there or not, finishes it, and reads what came of it.
async fn dedupe_and_results(bench: &mut Bench, sql: &Session) {
    let user = Uuid::new_v4();
    let work: Vec<Value> = (0..CALLS).map(|n| json!({"n": n, "text": "x".repeat(200)})).collect();
    let of_user: Vec<Params<'_>> = work.iter().map(|params| vec![&user as _, params as _]).collect();
    let make = if bench.abilities.find_or_create { FIND } else { ENQUEUE };
    let made = times(sql, make, &of_user).await;
    let (mut new, mut found) = (None, None);
    if bench.abilities.find_or_create {
        new = Some(Millis::new(made).p95_ms);
        found = Some(Millis::new(times(sql, FIND, &of_user).await).p95_ms);
    } else {
        bench.report.note("dedupe check: skipped, this library has no crier.find_or_create_job");
    }

    let held = sql.rows(CLAIM, &[&(CALLS as i32)]).await;
    assert_eq!(held.len(), CALLS, "expected the jobs of a kind to be claimed by\n{CLAIM}");
    let ids: Vec<Uuid> = held.iter().map(|row| row.get(0)).collect();
    let by_id: Vec<Params<'_>> = ids.iter().map(|id| vec![id as _]).collect();
    let status = Millis::new(times(sql, STATUS, &by_id).await).p95_ms;
    let tokens: Vec<i64> = held.iter().map(|row| row.get(1)).collect();
    let results: Vec<Value> = (0..CALLS).map(|n| json!({"posted": n})).collect();
    let completed = sql.rows(COMPLETE, &[&ids, &tokens, &results]).await;
    assert_eq!(completed.len(), CALLS, "expected all jobs to be completed by\n{COMPLETE}");
    let result = Millis::new(times(sql, RESULT, &by_id).await).p95_ms;
    let cached = if bench.abilities.cached_result {
        Some(Millis::new(times(sql, CACHED, &of_user).await).p95_ms)
    } else {
        bench.report.note("cached result: skipped, this library has no crier.get_cached_job_result");
        None
    };

    add(bench, Target::below("status by id, p95", Some(status), 2.0));
    add(bench, Target::below("result by id, p95", Some(result), 5.0));
    add(bench, Target::below("cached result by user and params, p95", cached, 5.0));
    add(bench, Target::below("dedupe check, new work, p95", new, 5.0));
    add(bench, Target::below("dedupe check, known work, p95", found, 5.0));
}

/// A transaction each of many jobs, one after the other.
async fn bulk(bench: &mut Bench) {
    let adding = bench.crier().adding;
    let adder = Adder::open(&bench.database, adding).await;
    let jobs = Jobs::new(adding.form, 0..BULK);
    adder.add_many(&jobs).await;
    let mut took = Vec::new();
    for _ in 0..BULK_CALLS {
        let start = Instant::now();
        adder.add_many(&jobs).await;
        took.push(start.elapsed());
    }
    let per_second = (BULK * BULK_CALLS) as f64 / took.iter().sum::<Duration>().as_secs_f64();
    add(bench, Target::below(&format!("bulk create of {BULK}, p95"), Some(Millis::new(took).p95_ms), 100.0));
    add(bench, Target::above(&format!("batched writes, {BULK} a call"), Some(per_second), 10_000.0));
}

async fn reads(bench: &mut Bench, sql: &Session, pending: usize) {
    let ids: Vec<Uuid> = sql.column(IDS, &[&(BULK.min(pending) as i64)]).await;
    let readers = join_all((0..READERS).map(async |_| connect(&bench.database).await)).await;
    let start = Instant::now();
    let reading: Vec<_> = readers.into_iter().map(|sql| tokio::spawn(read(sql, ids.clone()))).collect();
    let mut jobs = 0;
    for reader in reading {
        jobs += reader.await.unwrap_or_else(|error| panic!("a client that reads jobs: {error}"));
    }
    let per_second = jobs as f64 / start.elapsed().as_secs_f64();
    let what = format!("reads, {} a call, {READERS} connections", ids.len());
    add(bench, Target::above(&what, Some(per_second), 50_000.0));
}

async fn read(sql: Session, ids: Vec<Uuid>) -> usize {
    let statement = sql.prepare(READ).await.unwrap_or_else(|error| refused(READ, error));
    let mut jobs = 0;
    for _ in 0..READS {
        let rows = sql.query(&statement, &[&ids]).await.unwrap_or_else(|error| refused(READ, error));
        assert_eq!(rows.len(), ids.len(), "expected every job to be read by\n{READ}");
        jobs += rows.len();
    }
    jobs
}

/// Jobs that are over for longer than they are kept: deleted row by row, and dropped with their day.
async fn cleanup(bench: &mut Bench, sql: &Session) {
    let count = bench.plan.jobs as i64;
    let (mut deleted, mut dropped) = (None, None);
    if bench.abilities.cleanup {
        backdoor::add_completed(sql, count, 20).await;
        let (took, did) = timed(sql, CLEAN_UP).await;
        assert_eq!(did["deleted"], count, "expected {CLEAN_UP} to delete what was added: {did}");
        deleted = Some(took);
        backdoor::add_completed(sql, count, 21).await;
        let (took, did) = timed(sql, DROP_DAY).await;
        assert_eq!(did["carried"], 0, "expected {DROP_DAY} to drop what was added: {did}");
        dropped = Some(took);
    } else {
        bench.report.note("cleanup: skipped, this library has no crier.cleanup_finished_jobs");
    }
    add(bench, Target::below(&format!("cleanup of {count} finished jobs, row by row"), deleted, 500.0));
    add(bench, Target::below(&format!("cleanup of {count} finished jobs, with their day"), dropped, 500.0));
}

/// One call; how many milliseconds it took and what it answered.
async fn timed(sql: &Session, text: &str) -> (f64, Value) {
    let start = Instant::now();
    let did = sql.value(text, &[]).await;
    (start.elapsed().as_secs_f64() * 1_000.0, did)
}

pub(super) type Params<'a> = Vec<&'a (dyn ToSql + Sync)>;

/// How long a statement takes with each of these parameters; the first ones are not counted, they make plans.
pub(super) async fn times(sql: &Session, text: &str, calls: &[Params<'_>]) -> Vec<Duration> {
    const WARM_UP: usize = 6;
    let statement = sql.prepare(text).await.unwrap_or_else(|error| refused(text, error));
    let mut took = Vec::new();
    for params in calls {
        let start = Instant::now();
        let rows = sql.query(&statement, params).await.unwrap_or_else(|error| refused(text, error));
        took.push(start.elapsed());
        assert_eq!(rows.len(), 1, "expected one row of\n{text}");
    }
    took.split_off(WARM_UP.min(took.len()))
}

fn refused<T>(text: &str, error: tokio_postgres::Error) -> T {
    panic!("{}\n{text}", Refusal::from(error))
}
