//! graphile-worker: the common client adds jobs through its SQL functions; its own workers, each a process of Node.js,
//! take them, since that is the only client it has. Installed from npm when the benchmark runs.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use crate::bench::Bench;
use crate::bench::client::{Adding, Form, fill};
use crate::bench::load::{self, Load, Outcome, Progress};
use crate::bench::report::Rate;
use crate::cluster::Database;
use crate::session::Session;

const NAME: &str = "graphile-worker";
const ADD: &str = "SELECT graphile_worker.add_job('bench', $1::json)";
const ADD_MANY: &str = "
    SELECT graphile_worker.add_jobs(ARRAY(
        SELECT ('bench', payload, NULL, NULL, NULL, NULL, NULL, NULL)::graphile_worker.job_spec
        FROM unnest($1::json[]) payload))";
const EMPTY: &str = "TRUNCATE graphile_worker._private_jobs";
const IS_EMPTY: &str = "SELECT NOT EXISTS (SELECT FROM graphile_worker._private_jobs)";
const WORKERS: usize = 2;
/// How long a worker may say nothing.
const SILENCE: Duration = Duration::from_secs(60);

/// Installed, with its tables in the database.
#[derive(Clone, Debug)]
pub(in crate::bench) struct Graphile {
    script: PathBuf,
    url: String,
}

/// Installs it, or says why not.
pub(super) fn install(database: &Database) -> Result<Graphile, String> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/graphile");
    node_is_new()?;
    npm_ci(&package)?;
    let graphile = Graphile { script: package.join("worker.js"), url: database.url("postgres") };
    done(Command::new("node").arg(&graphile.script).args(["migrate", &graphile.url]))?;
    Ok(graphile)
}

fn node_is_new() -> Result<(), String> {
    let version = done(Command::new("node").arg("--version"))?;
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    if major.unwrap_or(0_u32) >= 18 { Ok(()) } else { Err(format!("it needs node 18, found {version:?}")) }
}

fn npm_ci(package: &Path) -> Result<(), String> {
    let (lock, installed) =
        (package.join("package-lock.json"), package.join("node_modules/.package-lock.json"));
    let file = File::open(&lock).map_err(|error| format!("{}: {error}", lock.display()))?;
    // another run may be installing it now
    file.lock().map_err(|error| format!("{}: {error}", lock.display()))?;
    let changed = |path: &Path| std::fs::metadata(path).and_then(|found| found.modified()).ok();
    if changed(&installed) >= changed(&lock) {
        return Ok(());
    }
    crate::bench::say(&format!("installing graphile-worker into {}", package.display()));
    done(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(package)).map(drop)
}

/// What a command prints, or how it failed.
fn done(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| format!("can't start {program}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{command:?} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr)))
}

impl Graphile {
    pub(in crate::bench) fn name(&self) -> &'static str {
        NAME
    }

    pub(in crate::bench) fn adding(&self) -> Adding {
        Adding { one: ADD, many: ADD_MANY, form: Form::Payloads }
    }

    pub(in crate::bench) async fn empty(&self, sql: &Session) {
        sql.run(EMPTY).await;
        sql.run("VACUUM ANALYZE").await;
    }

    /// Empties a full queue with some workers.
    pub(in crate::bench) async fn drain(
        &self,
        bench: &Bench,
        sql: &Session,
        workers: usize,
    ) -> Result<Rate, String> {
        let jobs = bench.plan.jobs;
        fill(&bench.database, self.adding(), jobs, 1).await;
        sql.run("ANALYZE").await;
        let mut running = self.start(workers).await?;
        let before = bench.meter.read(sql).await;
        let start = Instant::now();
        running.go()?;
        let mut taken = 0;
        while taken < jobs {
            taken += running.next().await?.len();
        }
        // taken is not finished: completions are written later
        crate::wait::wait_for("graphile-worker to finish its jobs", SILENCE, async || {
            if sql.value(IS_EMPTY, &[]).await { Ok(()) } else { Err("there are jobs") }
        })
        .await;
        let took = start.elapsed();
        let used = bench.meter.since(before, sql).await;
        drop(running);
        self.empty(sql).await;
        let how = format!("local queue of 500, {workers} worker(s)");
        Ok(Rate::new("drain", NAME, &how, taken, took, used))
    }

    /// Runs a steady load.
    pub(in crate::bench) async fn steady(
        &self,
        bench: &Bench,
        sql: &Session,
        load: Load,
    ) -> Result<Outcome, String> {
        let mut running = self.start(WORKERS).await?;
        running.go()?;
        for _ in 0..WORKERS {
            running.expect("STARTED").await?;
        }
        let mut problem = None;
        let outcome = load::run_with(bench, self.adding(), load, async |progress: Arc<Progress>| {
            let mut all = Vec::new();
            while !progress.is_over() {
                // looks from time to time whether it is over
                match timeout(load::POLL, running.next()).await {
                    Ok(Ok(taken)) => {
                        progress.took(taken.len());
                        all.extend(taken);
                    }
                    Ok(Err(ended)) => {
                        problem = Some(ended);
                        break;
                    }
                    Err(_) => {}
                }
            }
            all
        })
        .await;
        drop(running);
        self.empty(sql).await;
        problem.map_or(Ok(outcome), Err)
    }

    async fn start(&self, workers: usize) -> Result<Workers, String> {
        let (sender, lines) = unbounded_channel();
        let mut running = Workers { processes: Vec::new(), lines, base: (Instant::now(), SystemTime::now()) };
        for _ in 0..workers {
            let mut process = Command::new("node")
                .arg(&self.script)
                .args(["work", &self.url])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .map_err(|error| format!("can't start node: {error}"))?;
            let (input, output) = (process.stdin.take(), process.stdout.take());
            running.processes.push((process, input));
            let output = output.ok_or("node has no output")?;
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    // nobody reads any more when the measurement is over
                    let _ = sender.send(line);
                }
            });
        }
        for _ in 0..workers {
            running.expect("READY").await?;
        }
        Ok(running)
    }
}

/// Processes that work; killed when dropped. They also end when their input does, so none outlives this program.
struct Workers {
    processes: Vec<(Child, Option<ChildStdin>)>,
    lines: UnboundedReceiver<String>,
    /// The same moment on both clocks.
    base: (Instant, SystemTime),
}

impl Workers {
    fn go(&mut self) -> Result<(), String> {
        for (_, input) in &mut self.processes {
            let input = input.as_mut().ok_or("node has no input")?;
            input.write_all(b"GO\n").map_err(|error| format!("a worker is gone: {error}"))?;
        }
        Ok(())
    }

    async fn line(&mut self) -> Result<String, String> {
        match timeout(SILENCE, self.lines.recv()).await {
            Ok(Some(line)) => Ok(line),
            Ok(None) => Err("its workers ended".to_owned()),
            Err(_) => Err(format!("its workers said nothing for {SILENCE:?}")),
        }
    }

    async fn expect(&mut self, wanted: &str) -> Result<(), String> {
        let line = self.line().await?;
        if line == wanted { Ok(()) } else { Err(format!("a worker said {line:?} instead of {wanted}")) }
    }

    /// The next jobs that were taken, and when.
    async fn next(&mut self) -> Result<Vec<(usize, Instant)>, String> {
        let mut line = self.line().await?;
        while line == "STARTED" {
            line = self.line().await?;
        }
        let job = |entry: &str| {
            let (number, time) = entry.split_once(' ')?;
            Some((number.parse().ok()?, self.instant(time.parse().ok()?)))
        };
        let jobs: Option<Vec<_>> = line.split(',').map(job).collect();
        jobs.ok_or_else(|| format!("a worker said {line:?}"))
    }

    /// From milliseconds since 1970.
    fn instant(&self, millis: f64) -> Instant {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs_f64(millis.max(0.0) / 1_000.0);
        self.base.0 + time.duration_since(self.base.1).unwrap_or_default()
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for (process, input) in &mut self.processes {
            drop(input.take());
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
