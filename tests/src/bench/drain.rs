//! How fast workers empty a full queue: jobs that do nothing, claimed and completed in batches.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::Bench;
use super::client::{System, Taken, Taker, fill};
use super::report::Rate;
use crate::session::Session;

const BATCHES: [i32; 3] = [1, 100, 500];
const WORKERS: [usize; 3] = [1, 2, 4];
/// The case that every queue is measured in.
const COMMON: (i32, usize) = (500, 2);
/// Finished jobs that may be left for the next drain.
const FEW: usize = 20_000;
/// A worker that finds nothing looks again: another one may hold what is left.
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// Jobs that nobody gets for so long are lost.
const LOST: Duration = Duration::from_secs(30);

/// By which calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Calls {
    Two,
    Exchange,
}

pub(super) async fn run(bench: &mut Bench) {
    let sql = bench.database.connect().await;
    let crier = bench.crier().clone();
    let mut ways = vec![Calls::Two];
    if bench.abilities.exchange {
        ways.push(Calls::Exchange);
    } else {
        bench.report.note("drain by exchange: skipped, this library has no crier.exchange");
    }
    let mut finished = 0;
    for calls in ways {
        for batch in BATCHES {
            for workers in WORKERS {
                let rate = measure(bench, &sql, &crier, calls, batch, workers).await;
                finished += rate.jobs;
                bench.report.rates.push(rate);
                if finished > FEW {
                    crier.empty(&bench.database).await;
                    finished = 0;
                }
            }
        }
    }
    crier.empty(&bench.database).await;
    for system in bench.systems.clone().into_iter().skip(1) {
        let rate = measure(bench, &sql, &system, Calls::Two, COMMON.0, COMMON.1).await;
        bench.report.rates.push(rate);
        system.empty(&bench.database).await;
    }
    if let Some(graphile) = bench.graphile.clone() {
        match graphile.drain(bench, &sql, COMMON.1).await {
            Ok(rate) => bench.report.rates.push(rate),
            Err(problem) => bench.report.note(&format!("drain by {}: {problem}", graphile.name())),
        }
    }
}

/// Fills the queue and empties it with some workers at once, each on its own connection.
async fn measure(
    bench: &Bench,
    sql: &Session,
    system: &System,
    calls: Calls,
    batch: i32,
    workers: usize,
) -> Rate {
    // one at a time is slow: fewer jobs give the same rate
    let jobs = if batch == 1 { bench.plan.jobs / 10 } else { bench.plan.jobs };
    fill(&bench.database, system.adding, jobs, 1).await;
    sql.run("ANALYZE").await;
    let takers =
        join_all((0..workers).map(async |_| Taker::open(&bench.database, system.taking).await)).await;
    let finished = Arc::new(AtomicUsize::new(0));
    let before = bench.meter.read(sql).await;
    let start = Instant::now();
    let running: Vec<_> = takers
        .into_iter()
        .map(|taker| tokio::spawn(work(taker, calls, batch, jobs, Arc::clone(&finished))))
        .collect();
    for worker in running {
        worker.await.unwrap_or_else(|error| panic!("{}: a worker: {error}", system.name));
    }
    let took = start.elapsed();
    let used = bench.meter.since(before, sql).await;
    let done = finished.load(Ordering::Relaxed);
    assert_eq!(done, jobs, "{}: expected every job to be finished once", system.name);
    let by = if calls == Calls::Exchange { "exchange" } else { "claim, finish" };
    Rate::new("drain", system.name, &format!("{by}, {batch} a call, {workers} worker(s)"), done, took, used)
}

async fn work(taker: Taker, calls: Calls, batch: i32, jobs: usize, finished: Arc<AtomicUsize>) {
    let mut held = Taken::default();
    let mut seen = Instant::now();
    while finished.load(Ordering::Relaxed) < jobs {
        let taken = match calls {
            Calls::Two => taker.claim(batch).await,
            Calls::Exchange => {
                let (done, taken) = taker.exchange(&held, batch).await;
                finished.fetch_add(done, Ordering::Relaxed);
                taken
            }
        };
        if !taken.numbers.is_empty() {
            seen = Instant::now();
        } else if finished.load(Ordering::Relaxed) < jobs {
            let done = finished.load(Ordering::Relaxed);
            assert!(seen.elapsed() < LOST, "{done} of {jobs} jobs were handed out, then none for {LOST:?}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        if calls == Calls::Two && !taken.numbers.is_empty() {
            finished.fetch_add(taker.finish(&taken).await, Ordering::Relaxed);
        }
        held = taken;
    }
}
