//! What maintenance costs those who work: how long jobs wait at 1,000 a second beside each kind of it and beside all of
//! them, against the same load alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::Bench;
use super::load::{self, Load};
use super::report::{Millis, Target, Timing};
use crate::backdoor;
use crate::cluster::Database;

const JOBS_PER_SECOND: u32 = 1_000;
/// Longer than other loads, so that what is rare happens more than once.
const TIMES: u32 = 3;
/// Finished jobs to be deleted, for each second of the load.
const FINISHED: usize = 20_000;
/// Days that have them.
const DAYS: i32 = 4;
/// Jobs of next month with a dedupe key: what the indexes that are built again hold.
const PLANNED: i32 = 50_000;

/// What one session does in turn, without a pause or so often.
#[derive(Clone, Copy)]
struct Chore {
    what: &'static str,
    statements: &'static [Work],
    every: Duration,
}

/// A statement, and in which rounds: 1 is each of them.
type Work = (&'static str, u32);

/// As `crier.maintain()` does it, but without grace: so days are emptied row by row before they are dropped.
const CLEANUP: &str =
    "SELECT crier.cleanup_finished_jobs(p_batch => 200, p_max_ms => 500, p_grace => '0', p_pause_ms => 20)";
const LEFTOVERS: &str = "SELECT crier.cleanup_leftovers(p_batch => 200, p_max_ms => 500, p_pause_ms => 20)";
/// One more day ahead.
const MAKE: &str = "SELECT count(*) FROM crier.ensure_partitions((SELECT count(*)::int \
                    FROM crier.partitions WHERE parent = 'job' AND day > current_date) + 1)";
const DROP: &str = "SELECT crier.drop_old_days()";
const REINDEX_KEYS: &str = "REINDEX TABLE CONCURRENTLY crier.job_key";
const REINDEX_TIMES: &str = "REINDEX TABLE CONCURRENTLY crier.job_scheduled";
/// In life once a day, or once a week: thousands of times as often.
const OFTEN: Duration = Duration::from_secs(10);
const CHORES: [Chore; 4] = [
    Chore { what: "finished jobs deleted row by row", statements: &[(CLEANUP, 1)], every: Duration::ZERO },
    Chore { what: "a day made every 10 s", statements: &[(MAKE, 1)], every: OFTEN },
    Chore { what: "a day dropped every 10 s", statements: &[(DROP, 1)], every: OFTEN },
    REINDEX,
];
const REINDEX: Chore = Chore {
    what: "indexes of 50,000 rows built again every 10 s",
    statements: &[(REINDEX_KEYS, 1), (REINDEX_TIMES, 1)],
    every: OFTEN,
};
/// Whatever maintenance does, one session does it.
const MAINTENANCE: Chore = Chore {
    what: "the three of them in turn",
    statements: &[(CLEANUP, 1), (MAKE, 20), (DROP, 20), (LEFTOVERS, 20)],
    every: Duration::ZERO,
};

const PLAN: &str = "SELECT count(*) FROM generate_series(1, $1::int) n, \
                    crier.enqueue('planned', '{}', run_at => now() + interval '30 days', dedupe_key => n::text)";

pub(super) async fn run(bench: &mut Bench) {
    if !bench.abilities.cleanup {
        bench.report.note("maintenance beside a load: skipped, this library has no crier.drop_old_days");
        return;
    }
    let quiet = beside(bench, &[]).await;
    time(bench, "alone", quiet);
    for chore in CHORES {
        let waits = beside(bench, &[chore]).await;
        time(bench, chore.what, waits);
    }
    let waits = beside(bench, &[MAINTENANCE, REINDEX]).await;
    time(bench, "all of that at once", waits);
    let p99 = "pick-up beside all maintenance, p99 (limit: twice that alone)";
    bench.report.targets.push(Target::below(p99, Some(waits.p99_ms), 2.0 * quiet.p99_ms));
    let longest = "pick-up beside all maintenance, the longest";
    bench.report.targets.push(Target::below(longest, Some(waits.max_ms), 100.0));
}

fn time(bench: &mut Bench, what: &str, millis: Millis) {
    let what = format!("pick-up at {JOBS_PER_SECOND} jobs/s: {what}");
    bench.report.timings.push(Timing { what, millis });
}

/// How long jobs wait beside some chores.
async fn beside(bench: &mut Bench, chores: &[Chore]) -> Millis {
    let crier = bench.crier().clone();
    let sql = bench.database.connect().await;
    let seconds = (TIMES * bench.plan.time).as_secs() as i32;
    sql.rows(PLAN, &[&PLANNED]).await;
    let statements: Vec<&str> =
        chores.iter().flat_map(|chore| chore.statements).map(|(statement, _)| *statement).collect();
    if statements.contains(&CLEANUP) {
        for day in 0..DAYS {
            backdoor::add_completed(&sql, FINISHED as i64 * i64::from(seconds) / i64::from(DAYS), 20 + day)
                .await;
        }
    }
    if statements.contains(&DROP) {
        for day in 0..=seconds / 10 {
            backdoor::add_completed(&sql, 1_000, 30 + day).await;
        }
    }
    let over = Arc::new(AtomicBool::new(false));
    let working: Vec<_> = chores
        .iter()
        .map(|chore| tokio::spawn(keep_at(bench.database.clone(), *chore, Arc::clone(&over))))
        .collect();
    let load = Load { jobs_per_second: JOBS_PER_SECOND, batch: 1, time: TIMES * bench.plan.time };
    let outcome = load::run(bench, &crier, load).await;
    over.store(true, Ordering::Relaxed);
    for rounds in join_all(working).await {
        let (what, rounds) = rounds.unwrap_or_else(|error| panic!("the maintenance: {error}"));
        super::say(&format!("{what}: {rounds} rounds"));
    }
    crier.empty(&bench.database).await;
    Millis::new(outcome.waits.iter().map(|(_, wait)| *wait).collect())
}

/// Round after round until it is over; how many.
async fn keep_at(database: Database, chore: Chore, over: Arc<AtomicBool>) -> (&'static str, usize) {
    let sql = database.connect().await;
    let start = Instant::now();
    let mut rounds = 0_u32;
    while !over.load(Ordering::Relaxed) {
        for (statement, _) in chore.statements.iter().filter(|(_, each)| rounds.is_multiple_of(*each)) {
            sql.run(statement).await;
        }
        rounds += 1;
        tokio::time::sleep_until((start + chore.every * rounds).into()).await;
    }
    (chore.what, rounds as usize)
}
