//! The same at 5,000 jobs a second while another session keeps a snapshot open the whole time, as a long report or a
//! backup does: dead rows can't be removed then, and a queue that makes them gets slower and slower.

use super::Bench;
use super::client::System;
use super::load::{self, Load};
use super::peers::pgmq;
use super::report::{Held, Steady};
use crate::session::Session;

const JOBS_PER_SECOND: u32 = 5_000;
const BATCH: usize = 5;
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class";
const DEAD: &str =
    "SELECT coalesce(sum(n_dead_tup), 0)::bigint FROM pg_stat_user_tables WHERE schemaname = $1";

pub(super) async fn run(bench: &mut Bench) {
    let sql = bench.database.connect().await;
    for system in bench.systems.clone() {
        // its archive grows beside the same dead rows
        if system.name == pgmq::ARCHIVING {
            continue;
        }
        let held = measure(bench, &sql, &system).await;
        bench.report.held.push(held);
    }
}

async fn measure(bench: &Bench, sql: &Session, system: &System) -> Held {
    let load = Load { jobs_per_second: JOBS_PER_SECOND, batch: BATCH, time: bench.plan.time * 2 };
    load::clients_gone(sql).await;
    let dead_before: i64 = sql.value(DEAD, &[&system.schema]).await;
    let snapshot = bench.database.connect().await;
    snapshot.run(SNAPSHOT).await;
    let before = bench.meter.read(sql).await;
    let outcome = load::run(bench, system, load).await;
    let used = bench.meter.since(before, sql).await;
    load::clients_gone(sql).await;
    let dead: i64 = sql.value(DEAD, &[&system.schema]).await;
    snapshot.run("ROLLBACK").await;
    system.empty(&bench.database).await;
    let steady = Steady::new(system.name, load::waiting(system), JOBS_PER_SECOND, &outcome);
    Held::new(steady, &outcome, dead - dead_before, used)
}
