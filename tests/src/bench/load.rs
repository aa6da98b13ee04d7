//! A steady load: clients add jobs at a fixed rate while workers take them; how long each job waited from the commit
//! that added it until a worker had it.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::Bench;
use super::client::{Adder, Adding, Jobs, System, Taker};
use super::payload;
use crate::session::Session;

/// Connections that add: one alone may not commit often enough.
const CLIENTS: usize = 4;
const WORKERS: usize = 2;
/// Jobs that a worker takes at once.
const BATCH: i32 = 100;
/// How often a worker looks that can't wait in the server.
pub(super) const POLL: Duration = Duration::from_millis(10);
/// How long the last jobs may take; what is not taken then counts as if it were taken then.
const REST: Duration = Duration::from_secs(10);
/// Parts of the time in which what is used is told apart.
const PARTS: u32 = 5;

/// What is added.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) jobs_per_second: u32,
    /// Jobs in a transaction.
    pub(super) batch: usize,
    pub(super) time: Duration,
}

/// How far it is; shared with the workers.
#[derive(Debug, Default)]
pub(super) struct Progress {
    taken: AtomicUsize,
    end: OnceLock<(usize, Instant)>,
}

impl Progress {
    pub(super) fn took(&self, jobs: usize) {
        self.taken.fetch_add(jobs, Ordering::Relaxed);
    }

    /// Whether all jobs are taken, or the time for that is over.
    pub(super) fn is_over(&self) -> bool {
        self.end.get().is_some_and(|(jobs, deadline)| {
            self.taken.load(Ordering::Relaxed) >= *jobs || Instant::now() >= *deadline
        })
    }
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) jobs: usize,
    pub(super) not_taken: usize,
    /// Between the start and the last commit.
    pub(super) took: Duration,
    /// When a job was added, since the start, and how long it waited.
    pub(super) waits: Vec<(Duration, Duration)>,
    /// Share of one processor that the server used, by parts of the time.
    cpu: Vec<f64>,
    pub(super) cpu_percent: f64,
}

impl Outcome {
    /// In the first fifth of the time.
    pub(super) fn first_cpu_percent(&self) -> f64 {
        self.cpu.first().copied().unwrap_or_default()
    }

    /// In the last fifth of the time.
    pub(super) fn last_cpu_percent(&self) -> f64 {
        self.cpu.last().copied().unwrap_or_default()
    }
}

/// Runs a load against a queue with the common client.
pub(super) async fn run(bench: &Bench, system: &System, load: Load) -> Outcome {
    let takers =
        join_all((0..WORKERS).map(async |_| Taker::open(&bench.database, system.taking).await)).await;
    run_with(bench, system.adding, load, async |progress| {
        let workers: Vec<_> =
            takers.into_iter().map(|taker| tokio::spawn(work(taker, Arc::clone(&progress)))).collect();
        let mut taken = Vec::new();
        for worker in workers {
            taken.extend(worker.await.unwrap_or_else(|error| panic!("{}: a worker: {error}", system.name)));
        }
        taken
    })
    .await
}

/// Runs a load; `workers` gives which jobs were taken and when.
pub(super) async fn run_with(
    bench: &Bench,
    adding: Adding,
    load: Load,
    workers: impl AsyncFnOnce(Arc<Progress>) -> Vec<(usize, Instant)>,
) -> Outcome {
    let adders = join_all((0..CLIENTS).map(async |_| Adder::open(&bench.database, adding).await)).await;
    let progress = Arc::new(Progress::default());
    let start = Instant::now();
    let adding = async {
        let clients: Vec<_> = adders
            .into_iter()
            .enumerate()
            .map(|(client, adder)| tokio::spawn(add(adder, adding, load, client, start)))
            .collect();
        let mut added = Vec::new();
        for client in clients {
            added.extend(client.await.unwrap_or_else(|error| panic!("a client that adds jobs: {error}")));
        }
        let jobs = added.len() * load.batch;
        // set once: this is the only place
        let _ = progress.end.set((jobs, Instant::now() + REST));
        added
    };
    let (taken, added, cpu) =
        tokio::join!(workers(Arc::clone(&progress)), adding, readings(bench, load, start));
    summary(load, start, &added, &taken, &cpu)
}

fn summary(
    load: Load,
    start: Instant,
    added: &[(usize, Instant)],
    taken: &[(usize, Instant)],
    cpu: &[(Instant, f64)],
) -> Outcome {
    let calls = added.iter().map(|(first, _)| first + load.batch).max().unwrap_or_default();
    let mut taken_at = vec![None; calls];
    for (number, at) in taken {
        if let Some(place) = taken_at.get_mut(*number) {
            *place = Some(*at);
        }
    }
    let end = Instant::now();
    let (mut waits, mut not_taken) = (Vec::with_capacity(taken.len()), 0);
    for (first, committed) in added {
        for at in &taken_at[*first..first + load.batch] {
            not_taken += usize::from(at.is_none());
            // a worker can have a job before the answer to its commit is here
            let wait = at.unwrap_or(end).saturating_duration_since(*committed);
            waits.push((committed.saturating_duration_since(start), wait));
        }
    }
    let share = |from: &(Instant, f64), to: &(Instant, f64)| {
        100.0 * (to.1 - from.1) / to.0.saturating_duration_since(from.0).as_secs_f64().max(0.001)
    };
    let took = added.iter().map(|(_, at)| at.saturating_duration_since(start)).max().unwrap_or_default();
    Outcome {
        jobs: waits.len(),
        not_taken,
        took,
        waits,
        cpu: cpu.windows(2).map(|pair| share(&pair[0], &pair[1])).collect(),
        cpu_percent: cpu.first().zip(cpu.last()).map_or(0.0, |(from, to)| share(from, to)),
    }
}

/// Adds every CLIENTS-th batch at its time; gives the first number of each and when its commit was answered.
async fn add(
    adder: Adder,
    adding: Adding,
    load: Load,
    client: usize,
    start: Instant,
) -> Vec<(usize, Instant)> {
    let every = Duration::from_secs(1) * load.batch as u32 / load.jobs_per_second;
    let mut added = Vec::new();
    for call in (client..).step_by(CLIENTS) {
        let due = start + every * call as u32;
        if due.max(Instant::now()) >= start + load.time {
            break;
        }
        let first = call * load.batch;
        if load.batch == 1 {
            let payload = payload::numbered(first);
            tokio::time::sleep_until(due.into()).await;
            adder.add(&payload).await;
        } else {
            let jobs = Jobs::new(adding.form, first..first + load.batch);
            tokio::time::sleep_until(due.into()).await;
            adder.add_many(&jobs).await;
        }
        added.push((first, Instant::now()));
    }
    added
}

async fn work(taker: Taker, progress: Arc<Progress>) -> Vec<(usize, Instant)> {
    let mut all = Vec::new();
    while !progress.is_over() {
        let (taken, waits) = match taker.claim_or_wait(BATCH).await {
            Some(taken) => (taken, true),
            None => (taker.claim(BATCH).await, false),
        };
        let now = Instant::now();
        if !taken.numbers.is_empty() {
            progress.took(taken.numbers.len());
            all.extend(taken.numbers.iter().map(|number| (*number, now)));
            taker.finish(&taken).await;
        } else if !waits {
            tokio::time::sleep(POLL).await;
        }
    }
    all
}

/// The processor time that the server has used, at the start and after each part.
async fn readings(bench: &Bench, load: Load, start: Instant) -> Vec<(Instant, f64)> {
    let mut readings = Vec::new();
    for part in 0..=PARTS {
        tokio::time::sleep_until((start + load.time * part / PARTS).into()).await;
        readings.push((Instant::now(), bench.meter.cpu_seconds()));
    }
    readings
}

/// What its workers do when there is nothing.
pub(super) fn waiting(system: &System) -> &'static str {
    if system.taking.claim_or_wait.is_some() { "waits in the server" } else { "polls every 10 ms" }
}

/// Ends when the server has no connection of our clients left: what they did is in its statistics then.
pub(super) async fn clients_gone(sql: &Session) {
    const CLIENTS_LEFT: &str = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1";
    crate::wait::wait_until("connections of clients", 0_i64, async || {
        sql.value(CLIENTS_LEFT, &[&super::client::APPLICATION]).await
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_nobody_took_waits_until_the_end() {
        let start = Instant::now();
        let ms = Duration::from_millis;
        let load = Load { jobs_per_second: 10, batch: 2, time: ms(10) };
        let added = [(0, start + ms(1)), (2, start + ms(3))];
        let taken = [(0, start + ms(2)), (1, start), (2, start + ms(7))];
        let cpu = [(start, 1.0), (start + ms(100), 1.05), (start + ms(200), 1.2)];
        let outcome = summary(load, start, &added, &taken, &cpu);
        assert_eq!((outcome.jobs, outcome.not_taken, outcome.took), (4, 1, ms(3)));
        assert_eq!(outcome.waits[..3], [(ms(1), ms(1)), (ms(1), ms(0)), (ms(3), ms(4))]);
        assert_eq!(outcome.first_cpu_percent().round() as i32, 50);
        assert_eq!(outcome.last_cpu_percent().round() as i32, 150);
        assert_eq!(outcome.cpu_percent.round() as i32, 100);
    }
}
