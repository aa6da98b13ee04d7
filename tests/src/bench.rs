//! Measures the queue through its functions, as a client does, and beside it other queues on the same server with the
//! same client and payload: rates, latencies, and what both cost in processor time and WAL.

mod activity;
mod analytics;
mod api;
mod backlog;
mod callers;
mod client;
mod costs;
mod crier;
mod drain;
mod due;
mod enqueue;
mod events;
mod held;
mod limits;
mod load;
mod logins;
mod meter;
mod pages;
mod payload;
mod peers;
mod posts;
mod report;
mod statistics;
mod steady;
mod table;
mod targets;
mod tenants;
mod upkeep;

use std::time::Duration;

use clap::ValueEnum;

use crate::cluster::Database;
use client::System;
use meter::Meter;
use peers::graphile::Graphile;

pub use report::{Backlog, Held, Limits, Rate, Report, Steady, Target, Timing};

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How long a steady load lasts; the other timed parts follow from it.
    pub time: Duration,
    /// How many jobs a drain empties; the backlog has ten times as many.
    pub jobs: usize,
    /// What Crier is compared with.
    pub peers: Vec<Peer>,
    /// What is measured.
    pub workloads: Vec<Workload>,
    /// How many jobs were finished in the days before, for what lists and searches.
    pub history: usize,
    /// Log lines of each of them.
    pub lines: usize,
    /// Also a backlog of a hundred times `jobs`.
    pub deep: bool,
}

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// How fast jobs are added.
    Enqueue,
    /// How fast a full queue is emptied.
    Drain,
    /// How long jobs wait at 1,000 a second.
    Steady,
    /// How long they wait at 5,000 a second while an old snapshot is open.
    Held,
    /// What a deep queue costs.
    Backlog,
    /// What limits of accounts cost.
    Limits,
    /// The figures that were promised.
    Targets,
    /// What maintenance costs those who work.
    Upkeep,
    /// What indexes and counts cost those who write.
    Costs,
    /// What publishing costs.
    Posts,
    /// What posts that are planned for later cost.
    Due,
    /// How long logins take.
    Logins,
    /// What lists and searches take with a long history.
    Pages,
    /// What one of many tenants waits for, and what row-level security adds to it.
    Tenants,
    /// What analytics take.
    Analytics,
    /// What the API takes under load.
    Api,
    /// What the activity log costs those who make posts.
    Activity,
}

/// Another queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Peer {
    /// One table and SKIP LOCKED.
    Textbook,
    /// The SQL of the crate pgmq.
    Pgmq,
    /// graphile-worker, from npm.
    Graphile,
}

/// As in production: a commit is on the disk before it is answered.
const SETTINGS: [(&str, &str); 6] = [
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("full_page_writes", "on"),
    ("shared_buffers", "256MB"),
    ("max_wal_size", "4GB"),
    ("checkpoint_timeout", "15min"),
];

/// What the workloads share.
struct Bench {
    database: Database,
    meter: Meter,
    plan: Plan,
    /// Crier first.
    systems: Vec<System>,
    graphile: Option<Graphile>,
    abilities: crier::Abilities,
    report: Report,
}

/// Measures everything on a database of its own.
///
/// # Panics
/// When a queue refuses a call or loses a job; the message says which.
pub async fn run(plan: Plan) -> Report {
    let database = Database::private_with(&SETTINGS).await;
    let sql = database.connect().await;
    let meter = Meter::new(&database);
    let abilities = crier::Abilities::ask(&sql).await;
    let report = Report::new(&sql, &plan).await;
    let systems = vec![crier::system(&abilities)];
    let mut bench = Bench { database, meter, plan, systems, graphile: None, abilities, report };
    peers::install(&mut bench).await;
    for workload in bench.plan.workloads.clone() {
        say(&format!("{workload:?}"));
        match workload {
            Workload::Enqueue => enqueue::run(&mut bench).await,
            Workload::Drain => drain::run(&mut bench).await,
            Workload::Steady => steady::run(&mut bench).await,
            Workload::Held => held::run(&mut bench).await,
            Workload::Backlog => backlog::run(&mut bench).await,
            Workload::Limits => limits::run(&mut bench).await,
            Workload::Targets => targets::run(&mut bench).await,
            Workload::Upkeep => upkeep::run(&mut bench).await,
            Workload::Costs => costs::run(&mut bench).await,
            Workload::Posts => posts::run(&mut bench).await,
            Workload::Due => due::run(&mut bench).await,
            Workload::Logins => logins::run(&mut bench).await,
            Workload::Pages => pages::run(&mut bench).await,
            Workload::Tenants => tenants::run(&mut bench).await,
            Workload::Analytics => analytics::run(&mut bench).await,
            Workload::Api => api::run(&mut bench).await,
            Workload::Activity => activity::run(&mut bench).await,
        }
    }
    bench.report
}

impl Bench {
    fn crier(&self) -> &System {
        &self.systems[0]
    }
}

/// Tells somebody who waits how far it is.
fn say(what: &str) {
    eprintln!("crier-bench: {what}");
}
