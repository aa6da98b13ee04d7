//! What statistics cost to ask, with much history: summed up, and with a busy minute that is not summed up yet.

use std::time::Duration;

use super::Bench;
use super::client::fill;
use super::report::{Millis, Target};
use super::targets::{Params, add, times};
use crate::backdoor;
use crate::session::Session;
use crate::stage::{create_workspace, dummy_account};

/// Calls of each function.
const CALLS: usize = 30;

const QUEUE: &str = "SELECT * FROM crier.get_queue_stats()";
const KINDS: &str = "SELECT count(*) FROM crier.get_job_queue_stats()";
const ALERTS: &str = "SELECT count(*) FROM crier.alerts()";
const WORKSPACE: &str = "SELECT * FROM crier.get_workspace_stats($1)";
const ROLL_UP: &str = "SELECT crier.roll_up_statistics('1 day', '0') ->> 'more'";

pub(super) async fn run(bench: &mut Bench, sql: &Session) {
    if !bench.abilities.statistics {
        bench.report.note("statistics: skipped, this library has no crier.get_queue_stats");
        return;
    }
    let jobs = bench.plan.jobs * 10;
    let workspace = create_workspace(sql).await;
    let account = dummy_account(sql, workspace, "alice.test").await;
    backdoor::add_history(sql, workspace, account, jobs as i64, bench.plan.jobs as i64 / 10).await;
    let adding = bench.crier().adding;
    fill(&bench.database, adding, bench.plan.jobs / 10, 1).await;
    let lately = sql
        .text("SELECT count(*) FROM crier.job_outcome WHERE finished_at > now() - interval '1 hour'")
        .await;
    sql.run("UPDATE crier.stat_state SET closed_until = now() - interval '1 hour'").await;
    let live = p95(times(sql, KINDS, &none()).await);
    sql.run("UPDATE crier.stat_state SET closed_until = begun_at").await;
    while sql.text(ROLL_UP).await == "true" {}
    sql.run("VACUUM ANALYZE").await;
    add(
        bench,
        Target::below(&format!("statistics of kinds, {lately} ends not summed up, p95"), live, 1_000.0),
    );
    for (what, text) in [("queue", QUEUE), ("kinds", KINDS), ("alerts", ALERTS)] {
        let took = p95(times(sql, text, &none()).await);
        add(bench, Target::below(&format!("statistics of {what} at {jobs} jobs, p95"), took, 50.0));
    }
    let of: Vec<Params<'_>> = (0..CALLS).map(|_| vec![&workspace as _]).collect();
    let took = p95(times(sql, WORKSPACE, &of).await);
    add(bench, Target::below(&format!("statistics of a workspace with {jobs} jobs, p95"), took, 200.0));
}

fn none<'a>() -> Vec<Params<'a>> {
    vec![Params::new(); CALLS]
}

fn p95(took: Vec<Duration>) -> Option<f64> {
    Some(Millis::new(took).p95_ms)
}
