//! What maintenance costs those who work: how long jobs wait at 1,000 a second while old days are dropped, new ones made,
//! finished jobs deleted row by row and indexes built again without a pause, against the same load alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Bench;
use super::load::{self, Load};
use super::report::{Millis, Target};
use crate::backdoor;
use crate::cluster::Database;

const JOBS_PER_SECOND: u32 = 1_000;
/// Days that are over, each with a tenth of the jobs of a drain.
const DAYS: i32 = 12;
/// Without grace, so that some days are emptied row by row before they are dropped.
const ROUND: [&str; 5] = [
    "SELECT crier.drop_old_days()",
    "SELECT crier.cleanup_finished_jobs(p_batch => 2000, p_max_ms => 100, p_grace => '0')",
    "SELECT crier.cleanup_leftovers()",
    "REINDEX TABLE CONCURRENTLY crier.job_key",
    "REINDEX TABLE CONCURRENTLY crier.job_scheduled",
];

pub(super) async fn run(bench: &mut Bench) {
    let names =
        ["pick-up beside maintenance, p99 (limit: twice that without)", "longest pick-up beside maintenance"];
    if !bench.abilities.cleanup {
        bench.report.note("maintenance beside a load: skipped, this library has no crier.drop_old_days");
        bench.report.targets.extend(names.map(|name| Target::below(name, None, 100.0)));
        return;
    }
    let crier = bench.crier().clone();
    let load = Load { jobs_per_second: JOBS_PER_SECOND, batch: 1, time: bench.plan.time };
    let quiet = waits(&load::run(bench, &crier, load).await);
    let sql = bench.database.connect().await;
    for day in 0..DAYS {
        backdoor::add_completed(&sql, (bench.plan.jobs / 10) as i64, 30 + day).await;
    }
    let over = Arc::new(AtomicBool::new(false));
    let upkeep = tokio::spawn(keep_up(bench.database.clone(), Arc::clone(&over)));
    let beside = waits(&load::run(bench, &crier, load).await);
    over.store(true, Ordering::Relaxed);
    let rounds = upkeep.await.unwrap_or_else(|error| panic!("the maintenance: {error}"));
    bench.report.note(&format!(
        "pick-up at {JOBS_PER_SECOND} jobs/s: p99 {:.2} ms and at most {:.2} ms without maintenance, p99 {:.2} ms and at most \
         {:.2} ms beside {rounds} rounds of it",
        quiet.p99_ms, quiet.max_ms, beside.p99_ms, beside.max_ms
    ));
    let measured = [(beside.p99_ms, 2.0 * quiet.p99_ms), (beside.max_ms, 100.0)];
    let targets = names.into_iter().zip(measured);
    bench.report.targets.extend(targets.map(|(name, (ms, limit))| Target::below(name, Some(ms), limit)));
}

fn waits(outcome: &load::Outcome) -> Millis {
    Millis::new(outcome.waits.iter().map(|(_, wait)| *wait).collect())
}

/// Round after round until it is over; how many.
async fn keep_up(database: Database, over: Arc<AtomicBool>) -> usize {
    let sql = database.connect().await;
    let mut rounds = 0;
    while !over.load(Ordering::Relaxed) {
        for statement in ROUND {
            sql.run(statement).await;
        }
        // one more day ahead
        sql.rows("SELECT crier.ensure_partitions($1)", &[&(8 + rounds as i32).min(60)]).await;
        rounds += 1;
    }
    rounds
}
