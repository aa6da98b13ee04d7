//! How fast clients add jobs: one or many in a call, on one connection or four.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::Bench;
use super::client::{Adder, Adding, Jobs};
use super::payload;
use super::report::Rate;
use crate::session::Session;

/// Jobs in a call, and connections.
const CRIER: [(usize, usize); 4] = [(1, 1), (1, 4), (100, 1), (1_000, 1)];
const PEERS: [(usize, usize); 2] = [(1, 4), (1_000, 1)];

pub(super) async fn run(bench: &mut Bench) {
    let sql = bench.database.connect().await;
    let time = bench.plan.time / 2;
    for system in bench.systems.clone() {
        if system.name == super::peers::pgmq::ARCHIVING {
            continue; // adds as its twin does
        }
        let cases = if system.name == bench.crier().name { &CRIER[..] } else { &PEERS };
        for (batch, connections) in cases {
            let rate = measure(bench, &sql, system.name, system.adding, (*batch, *connections), time).await;
            bench.report.rates.push(rate);
            system.empty(&bench.database).await;
        }
    }
    if let Some(graphile) = bench.graphile.clone() {
        for case in PEERS {
            let rate = measure(bench, &sql, graphile.name(), graphile.adding(), case, time).await;
            bench.report.rates.push(rate);
            graphile.empty(&sql).await;
        }
    }
}

async fn measure(
    bench: &Bench,
    sql: &Session,
    name: &str,
    adding: Adding,
    (batch, connections): (usize, usize),
    time: Duration,
) -> Rate {
    let adders = join_all((0..connections).map(async |_| Adder::open(&bench.database, adding).await)).await;
    let before = bench.meter.read(sql).await;
    let start = Instant::now();
    let adding: Vec<_> =
        adders.into_iter().map(|adder| tokio::spawn(add(adder, adding, batch, start + time))).collect();
    let mut jobs = 0;
    for added in adding {
        jobs += added.await.unwrap_or_else(|error| panic!("{name}: a client that adds jobs: {error}"));
    }
    let took = start.elapsed();
    let used = bench.meter.since(before, sql).await;
    Rate::new("enqueue", name, &format!("{batch} a call, {connections} connection(s)"), jobs, took, used)
}

async fn add(adder: Adder, adding: Adding, batch: usize, until: Instant) -> usize {
    let (one, many) = (payload::numbered(0), Jobs::new(adding.form, 0..batch));
    let mut added = 0;
    // once at least, however short the time
    while added == 0 || Instant::now() < until {
        if batch == 1 {
            adder.add(&one).await;
        } else {
            adder.add_many(&many).await;
        }
        added += batch;
    }
    added
}
