//! Rates and latencies of the queue, as a table on standard output and as JSON in a file.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use crier_tests::bench::{self, Plan};

/// Measures the queue on a private Postgres, the one of CRIER_TEST_PG_BIN.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// How many seconds each timed part takes.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// How many jobs a drain empties.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    jobs: u64,
    /// Where the JSON goes [default: bench.json in the target directory].
    #[arg(long)]
    json: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let jobs = usize::try_from(arguments.jobs).unwrap_or(usize::MAX);
    let report = bench::run(Plan { time: Duration::from_secs(arguments.seconds), jobs }).await;
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
