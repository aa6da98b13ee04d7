//! What was measured, as it goes into the JSON.

use std::time::Duration;

use serde::Serialize;

use super::Plan;
use super::load::Outcome;
use super::meter::Used;
use crate::session::Session;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The server's version.
    pub server: String,
    /// The library's version.
    pub crier: String,
    /// Processors of this machine.
    pub cores: usize,
    /// Seconds of a steady load.
    pub seconds: f64,
    /// Jobs of a drain.
    pub jobs: usize,
    /// Jobs per second.
    pub rates: Vec<Rate>,
    /// How long jobs wait.
    pub steady: Vec<Steady>,
    /// The same beside an old snapshot.
    pub held: Vec<Held>,
    /// Deep queues.
    pub backlogs: Vec<Backlog>,
    /// Whether limits hold; what they cost is among the rates.
    pub limits: Vec<Limits>,
    /// How long calls take.
    pub timings: Vec<Timing>,
    /// How they are run.
    pub plans: Vec<String>,
    /// What was promised.
    pub targets: Vec<Target>,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

/// How many jobs in what time, and what that cost the server.
#[derive(Debug, Serialize)]
pub struct Rate {
    /// `enqueue`, `drain` or `backlog`.
    pub workload: &'static str,
    /// Which queue.
    pub system: String,
    /// In what way.
    pub how: String,
    /// How many jobs.
    pub jobs: usize,
    /// How long it took.
    pub seconds: f64,
    /// Jobs per second.
    pub per_second: f64,
    /// WAL that the server wrote, for each job.
    pub wal_bytes_per_job: f64,
    /// Processor time of all the server's processes, for 1,000 jobs.
    pub cpu_seconds_per_1000: f64,
}

/// Durations in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Millis {
    /// Half of them were shorter.
    pub p50_ms: f64,
    /// 95 % were shorter.
    pub p95_ms: f64,
    /// 99 % were shorter.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// How long jobs waited from their commit until a worker had them.
#[derive(Debug, Serialize)]
pub struct Steady {
    /// Which queue.
    pub system: String,
    /// What a worker does when there is nothing.
    pub worker: String,
    /// The load that was meant.
    pub jobs_per_second: u32,
    /// The load that the queue accepted.
    pub added_per_second: f64,
    /// How many jobs.
    pub jobs: usize,
    /// Jobs that no worker had some seconds after the last was added; they count as if one had them then.
    pub not_taken: usize,
    /// The waits.
    #[serde(flatten)]
    pub waits: Millis,
    /// Processor time of all the server's processes, as a share of one processor.
    pub cpu_percent: f64,
}

/// The same while another session keeps a snapshot open.
#[derive(Debug, Serialize)]
pub struct Held {
    /// Over the whole time.
    #[serde(flatten)]
    pub steady: Steady,
    /// Of jobs added in the first fifth of the time.
    pub first_p95_ms: f64,
    /// Of jobs added in the last fifth of the time.
    pub last_p95_ms: f64,
    /// In the first fifth of the time.
    pub first_cpu_percent: f64,
    /// In the last fifth of the time.
    pub last_cpu_percent: f64,
    /// Dead rows that this left.
    pub dead_tuples: i64,
    /// For each job, added and finished.
    pub wal_bytes_per_job: f64,
    /// For 1,000 jobs, added and finished.
    pub cpu_seconds_per_1000: f64,
}

/// What a deep queue costs; the rate of its drain is among the rates.
#[derive(Debug, Serialize)]
pub struct Backlog {
    /// Jobs in it.
    pub jobs: usize,
    /// Claims of one job.
    pub claim: Millis,
    /// From the commit of a job with a high priority until a worker has it.
    pub urgent: Millis,
    /// How many of those were the first job claimed.
    pub urgent_first: usize,
}

/// What was handed out beside what a limit allows.
#[derive(Debug, Serialize)]
pub struct Limits {
    /// Accounts, of which a few have most of the jobs.
    pub accounts: usize,
    /// Jobs of all of them.
    pub jobs: usize,
    /// How many an account may have in the time; none: any number.
    pub limit: Option<u32>,
    /// How many were handed out.
    pub handed_out: usize,
    /// How many of them were beyond their account's limit.
    pub overshot: usize,
    /// How many more there should have been.
    pub missing: usize,
}

/// How long a call takes.
#[derive(Debug, Serialize)]
pub struct Timing {
    /// Of what.
    pub what: String,
    /// As the client sees it.
    #[serde(flatten)]
    pub millis: Millis,
}

/// A figure that was promised.
#[derive(Debug, Serialize)]
pub struct Target {
    /// Of what.
    pub what: String,
    /// None: it was not measured; see the notes.
    pub measured: Option<f64>,
    /// The promise.
    pub limit: f64,
    /// `ms` or `times`, to stay below, or `jobs/s`, to be above.
    pub unit: &'static str,
    /// Whether it is kept.
    pub pass: Option<bool>,
}

impl Report {
    pub(super) async fn new(sql: &Session, plan: &Plan) -> Self {
        Self {
            server: sql.text("SHOW server_version").await,
            crier: sql.text("SELECT crier.version()").await,
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            seconds: plan.time.as_secs_f64(),
            jobs: plan.jobs,
            rates: Vec::new(),
            steady: Vec::new(),
            held: Vec::new(),
            backlogs: Vec::new(),
            limits: Vec::new(),
            timings: Vec::new(),
            plans: Vec::new(),
            targets: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub(super) fn note(&mut self, note: &str) {
        super::say(note);
        self.notes.push(note.to_owned());
    }
}

impl Rate {
    pub(super) fn new(
        workload: &'static str,
        system: &str,
        how: &str,
        jobs: usize,
        time: Duration,
        used: Used,
    ) -> Self {
        let seconds = time.as_secs_f64();
        let count = jobs.max(1) as f64;
        Self {
            workload,
            system: system.to_owned(),
            how: how.to_owned(),
            jobs,
            seconds,
            per_second: jobs as f64 / seconds,
            wal_bytes_per_job: used.wal_bytes as f64 / count,
            cpu_seconds_per_1000: used.cpu_seconds * 1_000.0 / count,
        }
    }
}

impl Millis {
    pub(super) fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |share: f64| {
            let place = (share * times.len() as f64).ceil() as usize;
            times.get(place.saturating_sub(1)).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
        };
        Self { p50_ms: at(0.50), p95_ms: at(0.95), p99_ms: at(0.99), max_ms: at(1.0) }
    }
}

impl Steady {
    pub(super) fn new(system: &str, worker: &str, jobs_per_second: u32, outcome: &Outcome) -> Self {
        Self {
            system: system.to_owned(),
            worker: worker.to_owned(),
            jobs_per_second,
            added_per_second: outcome.jobs as f64 / outcome.took.as_secs_f64().max(0.001),
            jobs: outcome.jobs,
            not_taken: outcome.not_taken,
            waits: Millis::new(outcome.waits.iter().map(|(_, wait)| *wait).collect()),
            cpu_percent: outcome.cpu_percent,
        }
    }
}

impl Held {
    pub(super) fn new(steady: Steady, outcome: &Outcome, dead_tuples: i64, used: Used) -> Self {
        let (early, late) = (outcome.took / 5, outcome.took * 4 / 5);
        let p95 = |wanted: &dyn Fn(Duration) -> bool| {
            let waits = outcome.waits.iter().filter(|(at, _)| wanted(*at)).map(|(_, wait)| *wait);
            Millis::new(waits.collect()).p95_ms
        };
        let count = outcome.jobs.max(1) as f64;
        Self {
            first_p95_ms: p95(&|at| at <= early),
            last_p95_ms: p95(&|at| at >= late),
            first_cpu_percent: outcome.first_cpu_percent(),
            last_cpu_percent: outcome.last_cpu_percent(),
            dead_tuples,
            wal_bytes_per_job: used.wal_bytes as f64 / count,
            cpu_seconds_per_1000: used.cpu_seconds * 1_000.0 / count,
            steady,
        }
    }
}

impl Target {
    pub(super) fn below(what: &str, measured: Option<f64>, limit: f64) -> Self {
        let pass = measured.map(|value| value < limit);
        Self { what: what.to_owned(), measured, limit, unit: "ms", pass }
    }

    pub(super) fn above(what: &str, measured: Option<f64>, limit: f64) -> Self {
        let pass = measured.map(|value| value > limit);
        Self { what: what.to_owned(), measured, limit, unit: "jobs/s", pass }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let millis = Millis::new((1..=200).rev().map(Duration::from_millis).collect());
        let shown = [millis.p50_ms, millis.p95_ms, millis.p99_ms, millis.max_ms];
        assert_eq!(shown.map(|ms| ms.round() as u32), [100, 190, 198, 200]);
        assert_eq!(Millis::new(vec![Duration::from_millis(7)]).p50_ms.round() as u32, 7);
        assert_eq!(Millis::new(vec![]).max_ms, 0.0);
    }

    #[test]
    fn a_target_that_was_not_measured_is_neither_kept_nor_missed() {
        assert_eq!(Target::below("a", Some(1.9), 2.0).pass, Some(true));
        assert_eq!(Target::above("b", Some(49_000.0), 50_000.0).pass, Some(false));
        assert_eq!(Target::below("c", None, 2.0).pass, None);
    }
}
