//! How long jobs wait at 1,000 a second.

use super::Bench;
use super::load::{self, Load, Outcome};
use super::report::Steady;

const JOBS_PER_SECOND: u32 = 1_000;

pub(super) async fn run(bench: &mut Bench) {
    let sql = bench.database.connect().await;
    let load = Load { jobs_per_second: JOBS_PER_SECOND, batch: 1, time: bench.plan.time };
    if !bench.abilities.wait {
        bench.report.note("steady: crier's workers poll, this library's claim_jobs does not wait");
    }
    for system in bench.systems.clone() {
        let outcome = load::run(bench, &system, load).await;
        keep(bench, system.name, load::waiting(&system), &outcome);
        system.empty(&bench.database).await;
    }
    if let Some(graphile) = bench.graphile.clone() {
        match graphile.steady(bench, &sql, load).await {
            Ok(outcome) => keep(bench, graphile.name(), "is notified", &outcome),
            Err(problem) => bench.report.note(&format!("steady on {}: {problem}", graphile.name())),
        }
    }
}

fn keep(bench: &mut Bench, system: &str, worker: &str, outcome: &Outcome) {
    bench.report.steady.push(Steady::new(system, worker, JOBS_PER_SECOND, outcome));
}
