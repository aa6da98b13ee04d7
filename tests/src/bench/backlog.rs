//! What a deep queue costs: how fast it is drained, how long a claim takes, and how soon an urgent job behind a million
//! others is handed out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::Bench;
use super::client::{Taker, connect, fill};
use super::report::{Backlog, Millis, Rate};
use crate::session::Session;

const CLAIMS: usize = 100;
const URGENT_JOBS: usize = 20;
const URGENT: &str = "SELECT crier.enqueue('bench', $1, priority => 100)";
const CLAIM: &str = "SELECT job_id FROM crier.claim_jobs('bench', 1)";
const BATCH: i32 = 500;
const WORKERS: usize = 2;

pub(super) async fn run(bench: &mut Bench) {
    let sql = bench.database.connect().await;
    measure(bench, &sql, bench.plan.jobs * 10).await;
    if bench.plan.deep {
        measure(bench, &sql, bench.plan.jobs * 100).await;
    }
}

async fn measure(bench: &mut Bench, sql: &Session, jobs: usize) {
    let crier = bench.crier().clone();
    super::say(&format!("a backlog of {jobs} jobs"));
    fill(&bench.database, crier.adding, jobs, WORKERS).await;
    sql.run("ANALYZE").await;
    let worker = connect(&bench.database).await;
    // the first call of a connection also plans its statements
    worker.rows(CLAIM, &[]).await;
    let claims = claim_times(&worker, CLAIMS).await;
    let (urgent, first) = urgent_times(&worker).await;
    if first < URGENT_JOBS {
        bench
            .report
            .note(&format!("backlog of {jobs}: an urgent job was first in {first} of {URGENT_JOBS} claims"));
    }
    let drained = drain(bench, sql, jobs - CLAIMS - 1).await;
    bench.report.rates.push(drained);
    let backlog =
        Backlog { jobs, claim: Millis::new(claims), urgent: Millis::new(urgent), urgent_first: first };
    bench.report.backlogs.push(backlog);
    crier.empty(&bench.database).await;
}

/// How long claims of one job take.
pub(super) async fn claim_times(worker: &Session, times: usize) -> Vec<Duration> {
    let claim = worker.prepare(CLAIM).await.unwrap_or_else(|error| panic!("claim_jobs: {error}"));
    let mut waits = Vec::new();
    for _ in 0..times {
        let start = Instant::now();
        let claimed = worker.query(&claim, &[]).await.unwrap_or_else(|error| panic!("claim_jobs: {error}"));
        waits.push(start.elapsed());
        assert_eq!(claimed.len(), 1, "expected one of many jobs to be claimed");
    }
    waits
}

/// From the commit of an urgent job until the claim that gave it, and how often it was the first one claimed.
async fn urgent_times(worker: &Session) -> (Vec<Duration>, usize) {
    let params = super::payload::numbered(0);
    let (mut waits, mut first) = (Vec::new(), 0);
    for _ in 0..URGENT_JOBS {
        let id: uuid::Uuid = worker.value(URGENT, &[&params]).await;
        let start = Instant::now();
        let claimed: Vec<uuid::Uuid> = worker.column(CLAIM, &[]).await;
        waits.push(start.elapsed());
        first += usize::from(claimed == [id]);
    }
    (waits, first)
}

/// Drains for a time, or until nothing is left.
async fn drain(bench: &Bench, sql: &Session, jobs: usize) -> Rate {
    let crier = bench.crier();
    let takers = join_all((0..WORKERS).map(async |_| Taker::open(&bench.database, crier.taking).await)).await;
    let finished = Arc::new(AtomicUsize::new(0));
    let before = bench.meter.read(sql).await;
    let start = Instant::now();
    let until = start + bench.plan.time;
    let workers: Vec<_> =
        takers.into_iter().map(|taker| tokio::spawn(work(taker, until, Arc::clone(&finished)))).collect();
    for worker in workers {
        worker.await.unwrap_or_else(|error| panic!("a worker at a backlog: {error}"));
    }
    let took = start.elapsed();
    let used = bench.meter.since(before, sql).await;
    let how = format!("of {jobs} jobs, claim, finish, {BATCH} a call, {WORKERS} worker(s)");
    Rate::new("backlog", crier.name, &how, finished.load(Ordering::Relaxed), took, used)
}

async fn work(taker: Taker, until: Instant, finished: Arc<AtomicUsize>) {
    while Instant::now() < until {
        let taken = taker.claim(BATCH).await;
        if taken.numbers.is_empty() {
            break;
        }
        finished.fetch_add(taker.finish(&taken).await, Ordering::Relaxed);
    }
}
