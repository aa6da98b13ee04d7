//! Rates, latencies and costs of the queue, as tables on standard output and as JSON in a file.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use crier_tests::bench::{self, Peer, Plan, Workload};

/// Measures the queue on a private Postgres, the one of CRIER_TEST_PG_BIN.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// How many seconds a steady load lasts: half of it for each enqueue rate, twice it beside an old snapshot and
    /// for the API.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// How many jobs a drain empties; the backlog has ten times as many.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1_000..=1_000_000))]
    jobs: u64,
    /// What Crier is compared with: all, none, or some of textbook,pgmq,graphile.
    #[arg(long, default_value = "all", value_parser = peers)]
    peers: Peers,
    /// Measures only these.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Workload>,
    /// How many jobs were finished in the days before, for what lists and searches, and how many analytics events there are.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    history: u64,
    /// How many log lines each of them has.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    lines: u64,
    /// Also measures a backlog of a hundred times --jobs, and lists and searches ten times --history.
    #[arg(long)]
    deep: bool,
    /// Where the JSON goes [default: bench.json in the target directory].
    #[arg(long)]
    json: Option<PathBuf>,
}

#[derive(Clone)]
struct Peers(Vec<Peer>);

fn peers(text: &str) -> Result<Peers, String> {
    let known = |name| {
        Peer::from_str(name, false)
            .map_err(|_| format!("there is no peer {name:?}: all, none, or some of textbook,pgmq,graphile"))
    };
    match text {
        "all" => Ok(Peers(Peer::value_variants().to_vec())),
        "none" => Ok(Peers(vec![])),
        names => names.split(',').map(known).collect::<Result<_, _>>().map(Peers),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // in the order that they refer to each other
    let workloads = Workload::value_variants().iter().copied();
    let plan = Plan {
        time: Duration::from_secs(arguments.seconds),
        jobs: usize::try_from(arguments.jobs).unwrap_or(usize::MAX),
        peers: arguments.peers.0,
        workloads: workloads
            .filter(|one| arguments.only.is_empty() || arguments.only.contains(one))
            .collect(),
        history: usize::try_from(arguments.history).unwrap_or(usize::MAX)
            * if arguments.deep { 10 } else { 1 },
        lines: usize::try_from(arguments.lines).unwrap_or(usize::MAX),
        deep: arguments.deep,
    };
    let report = bench::run(plan).await;
    println!("{report}");
    let path = arguments.json.unwrap_or_else(default_path);
    let written = serde_json::to_vec_pretty(&report)
        .map_err(std::io::Error::other)
        .and_then(|json| std::fs::write(&path, json));
    match written {
        Ok(()) => {
            println!("written to {}", path.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("crier-bench: can't write {}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}

/// Beside the profile's directory, wherever that is: target/release/crier-bench writes target/bench.json.
fn default_path() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program.ancestors().nth(2).map_or_else(|| PathBuf::from("bench.json"), |target| target.join("bench.json"))
}
