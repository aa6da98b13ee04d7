//! Proof of concurrency: many real sessions in several processes work on one queue while processes, sessions and the
//! server are killed. Everyone writes down what was asked and answered; a checker reads it afterwards.
//!
//! Waits here are load, not waits for something to happen: workers take their time with jobs, as workers do.

pub mod check;
mod client;
mod dice;
mod fleet;
pub mod history;
mod nemesis;
mod producer;
mod worker;

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::cluster::{Database, SIDECAR_ROLE};
use crate::session::Session;
use crate::stage;
use check::{FINAL, History, Verdict, limits};
use client::Client;
use dice::Dice;
use fleet::Fleet;
use history::{FaultKind, Final, Writer, write_line};
use nemesis::Nemesis;
use producer::{Owners, Producer};

pub use worker::{Orders, run as work};

/// What a run does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many jobs.
    pub jobs: u64,
    /// How many workers, each with a session.
    pub workers: usize,
    /// In how many processes.
    pub processes: usize,
    /// How many producers.
    pub producers: usize,
    /// The longest pause of a producer between two calls.
    pub pause: Duration,
    /// Decides every choice.
    pub seed: u64,
    /// An empty directory for the histories.
    pub dir: PathBuf,
    /// The program that is a worker process when it is called with `worker`.
    pub program: PathBuf,
    /// What is broken.
    pub faults: Faults,
    /// Whoever takes longer has failed.
    pub deadline: Duration,
    /// Settings of the server.
    pub settings: Vec<(String, String)>,
    /// Whether the order of hand-outs is checked.
    pub order: bool,
}

/// What is broken, and when.
#[derive(Clone, Debug)]
pub enum Faults {
    /// One after the other.
    Script(Vec<FaultKind>, Duration),
    /// Anything, about so often, but the server only so often.
    Random {
        /// The mean time between two faults.
        every: Duration,
        /// The least time between two ends of the server.
        crash_every: Duration,
    },
}

const ACCOUNTS: usize = 50;
const USERS: usize = 20;
const TICK: Duration = Duration::from_millis(50);

const UNFINISHED: &str =
    "SELECT count(*) FROM crier.jobs WHERE state NOT IN ('completed', 'failed', 'canceled')";
const STATES: &str = "\
    SELECT state, kind, account_id IS NOT NULL, count(*), min(run_at) - now() FROM crier.jobs \
    WHERE state NOT IN ('completed', 'failed', 'canceled') GROUP BY 1, 2, 3";
const FINALS: &str = "\
    SELECT id, (params ->> 'n')::bigint, kind, \
        concat(workspace_id, '|', CASE WHEN account_id IS NULL THEN user_id END, '|', account_id), priority, \
        CASE WHEN dedupe_key IS NOT NULL THEN concat(workspace_id, '|', kind, '|', dedupe_key) END, state, \
        attempt, max_attempts, lost_leases, error ->> 'class', (result ->> 'token')::bigint, \
        (extract(epoch FROM finished_at) * 1000000)::bigint \
    FROM crier.jobs";

/// Runs everything on a server of its own, then checks it.
///
/// # Errors
/// What kept the run from coming to its end.
pub async fn run(plan: &Plan) -> Result<Verdict, String> {
    let settings: Vec<_> =
        plan.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let database = Database::private_with(&settings).await;
    let owners = Arc::new(owners(&database).await);
    let mut fleet = Fleet::start(plan, database.url(SIDECAR_ROLE))?;
    let mut nemesis = Nemesis::new(plan, &database).await;
    let producers = start_producers(plan, &database, &owners);
    let end = until_done(plan, &mut fleet, &mut nemesis, producers).await;
    fleet.stop();
    let log = database.server().log();
    let _ = std::fs::write(plan.dir.join("postgres.log"), &log);
    end?;
    write_finals(plan, &database.connect().await).await?;
    let mut verdict = check::check(&History::read(&plan.dir)?, plan.order);
    judge_log(&log, &mut verdict);
    Ok(verdict)
}

async fn owners(database: &Database) -> Owners {
    let sql = database.connect().await;
    let workspace = stage::create_workspace(&sql).await;
    let mut accounts = Vec::new();
    for at in 0..ACCOUNTS {
        accounts.push(stage::dummy_account(&sql, workspace, &format!("soak{at}.test")).await);
    }
    sql.run(&format!(
        "INSERT INTO crier.job_kind (kind, action) VALUES ('{}', 'soak');
         INSERT INTO crier.platform_limit (platform, action, per, max) VALUES ('bluesky', 'soak', '1 second', {});
         UPDATE crier.platform_policy SET account_concurrency = {}, server_concurrency = NULL, account_gap = NULL, \
                                          breaker_failures = NULL",
        limits::KIND,
        limits::PER_SECOND,
        limits::AT_ONCE
    ))
    .await;
    Owners { workspace, accounts, users: (0..USERS).map(|_| Uuid::new_v4()).collect() }
}

fn start_producers(plan: &Plan, database: &Database, owners: &Arc<Owners>) -> Vec<JoinHandle<()>> {
    let next = Arc::new(AtomicU64::new(0));
    let producers = (0..plan.producers).map(|at| {
        let name = format!("p{at}");
        let history = Writer::create(&plan.dir, &name);
        let producer = Producer {
            client: Client::new(database.url(SIDECAR_ROLE), history),
            dice: Dice::new(plan.seed, &name),
            owners: Arc::clone(owners),
            next: Arc::clone(&next),
            jobs: plan.jobs,
            pause: plan.pause,
        };
        tokio::spawn(producer.run())
    });
    producers.collect()
}

/// Until all jobs are added and over, and everything that was to be broken is.
async fn until_done(
    plan: &Plan,
    fleet: &mut Fleet,
    nemesis: &mut Nemesis,
    producers: Vec<JoinHandle<()>>,
) -> Result<(), String> {
    let started = Instant::now();
    let mut look_at = started;
    loop {
        tokio::time::sleep(TICK).await;
        fleet.check()?;
        nemesis.strike(fleet).await?;
        if started.elapsed() > plan.deadline {
            let states = nemesis.text(STATES).await;
            return Err(format!("not over after {:?}; left over are\n{states}", plan.deadline));
        }
        if look_at <= Instant::now() && nemesis.is_through() && producers.iter().all(JoinHandle::is_finished)
        {
            let asked = Instant::now();
            if nemesis.text(UNFINISHED).await == "0" {
                break;
            }
            look_at = Instant::now() + asked.elapsed() * 4;
        }
    }
    for producer in producers {
        producer.await.map_err(|error| format!("a producer ended: {error}"))?;
    }
    Ok(())
}

async fn write_finals(plan: &Plan, sql: &Session) -> Result<(), String> {
    let path = plan.dir.join(FINAL);
    let mut file = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    for row in sql.rows(FINALS, &[]).await {
        write_line(&mut file, &read_final(&row));
    }
    Ok(())
}

fn read_final(row: &Row) -> Final {
    Final {
        id: row.get(0),
        n: row.get::<_, Option<i64>>(1).and_then(|n| u64::try_from(n).ok()),
        kind: row.get(2),
        owner: row.get(3),
        priority: row.get(4),
        key: row.get(5),
        state: row.get(6),
        attempt: row.get(7),
        max_attempts: row.get(8),
        lost_leases: row.get(9),
        class: row.get(10),
        result_token: row.get(11),
        finished_at: row.get(12),
    }
}

/// No server process ends by itself: only signal 9 was sent.
fn judge_log(log: &str, verdict: &mut Verdict) {
    for line in log.lines() {
        let died = line.contains("was terminated by signal") && !line.contains("signal 9");
        if died || line.contains("PANIC:") {
            verdict.add("server", line.to_owned(), ["postgres.log".to_owned()]);
        }
    }
}
