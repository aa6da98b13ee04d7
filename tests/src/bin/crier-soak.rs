//! Works a queue hard while it breaks things, then checks that no promise was broken.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};
use crier_tests::soak::check::{self, History, Verdict};
use crier_tests::soak::{self, Faults, Orders, Plan};

#[derive(Parser)]
#[command(version, about, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

#[derive(Subcommand)]
enum Command {
    /// Checks the histories of an earlier run.
    Check {
        /// The directory of that run.
        dir: PathBuf,
        /// Leaves the order of hand-outs out.
        #[arg(long)]
        no_order: bool,
    },
    /// One process with workers; runs start it themselves.
    #[command(hide = true)]
    Worker {
        #[arg(long)]
        url: String,
        #[arg(long)]
        dir: PathBuf,
        #[arg(long)]
        name: String,
        #[arg(long)]
        sessions: usize,
        #[arg(long)]
        seed: u64,
    },
}

/// Works on a private Postgres, the one of CRIER_TEST_PG_BIN.
#[derive(Args)]
struct Run {
    /// How many jobs.
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1..))]
    jobs: u64,
    /// How many workers.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=150))]
    workers: u16,
    /// In how many processes.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=50))]
    processes: u16,
    /// How many producers.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=20))]
    producers: u16,
    /// The longest pause of a producer between two calls, in milliseconds.
    #[arg(long, default_value_t = 100)]
    pause: u64,
    /// Seconds between two faults, about.
    #[arg(long, default_value_t = 2.0, value_parser = seconds)]
    fault_every: f64,
    /// Seconds between two ends of the server, at least.
    #[arg(long, default_value_t = 10.0, value_parser = seconds)]
    crash_every: f64,
    /// Decides every choice [default: the time].
    #[arg(long)]
    seed: Option<u64>,
    /// After so many minutes the run has failed.
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// A setting of the server, as name=value; can be given several times.
    #[arg(long, value_parser = setting)]
    set: Vec<(String, String)>,
    /// Leaves the order of hand-outs out: it holds only while all jobs are in memory.
    #[arg(long)]
    no_order: bool,
    /// Where the histories go [default: soak in the target directory, emptied first].
    #[arg(long)]
    dir: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let started = Instant::now();
    let verdict = match arguments.command {
        Some(Command::Worker { url, dir, name, sessions, seed }) => {
            soak::work(Orders { url, dir, name, sessions, seed }).await;
            return ExitCode::SUCCESS;
        }
        Some(Command::Check { dir, no_order }) => {
            History::read(&dir).map(|history| check::check(&history, !no_order))
        }
        None => run(arguments.run).await,
    };
    report(verdict, started)
}

fn report(verdict: Result<Verdict, String>, started: Instant) -> ExitCode {
    match verdict {
        Ok(verdict) => {
            println!("{verdict}");
            println!("duration                   {:>8.1}s", started.elapsed().as_secs_f64());
            if verdict.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("crier-soak: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(run: Run) -> Result<Verdict, String> {
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let seed = run.seed.unwrap_or(time.as_secs());
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let dir = match run.dir {
        Some(dir) => dir,
        None => {
            // beside the profile's directory, wherever that is
            let dir = program.ancestors().nth(2).ok_or("give --dir")?.join("soak");
            let _ = std::fs::remove_dir_all(&dir);
            dir
        }
    };
    std::fs::create_dir_all(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    println!("seed {seed}, histories in {}", dir.display());
    let (workers, processes) = (usize::from(run.workers), usize::from(run.processes));
    let plan = Plan {
        jobs: run.jobs,
        workers,
        processes: processes.min(workers),
        producers: usize::from(run.producers),
        pause: Duration::from_millis(run.pause),
        seed,
        dir,
        program,
        faults: Faults::Random {
            every: Duration::from_secs_f64(run.fault_every),
            crash_every: Duration::from_secs_f64(run.crash_every),
        },
        deadline: Duration::from_secs(run.minutes.saturating_mul(60)),
        settings: run.set,
        order: !run.no_order,
    };
    soak::run(&plan).await
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.1..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("give seconds from 0.1 to 86400".to_owned()),
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as name=value")?;
    Ok((name.to_owned(), value.to_owned()))
}
