//! What was measured, as a table and as JSON.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::Plan;
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
    /// Seconds of each timed part.
    pub seconds: f64,
    /// Jobs per second.
    pub rates: Vec<Rate>,
    /// How long jobs wait.
    pub pick_up: Option<Latency>,
}

/// How many jobs in what time.
#[derive(Debug, Serialize)]
pub struct Rate {
    /// What was done.
    pub name: String,
    /// How many jobs.
    pub jobs: usize,
    /// How long it took.
    pub seconds: f64,
    /// Jobs per second.
    pub per_second: f64,
}

/// How long jobs waited, in milliseconds.
#[derive(Debug, Serialize)]
pub struct Latency {
    /// The load.
    pub jobs_per_second: u32,
    /// How many jobs.
    pub jobs: usize,
    /// Half of them waited less.
    pub p50_ms: f64,
    /// 95 % waited less.
    pub p95_ms: f64,
    /// 99 % waited less.
    pub p99_ms: f64,
    /// The longest wait.
    pub max_ms: f64,
}

impl Report {
    pub(super) async fn new(sql: &Session, plan: Plan) -> Self {
        Self {
            server: sql.text("SHOW server_version").await,
            crier: sql.text("SELECT crier.version()").await,
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            seconds: plan.time.as_secs_f64(),
            rates: Vec::new(),
            pick_up: None,
        }
    }
}

impl Rate {
    pub(super) fn new(name: String, jobs: usize, time: Duration) -> Self {
        let seconds = time.as_secs_f64();
        Self { name, jobs, seconds, per_second: jobs as f64 / seconds }
    }
}

impl Latency {
    pub(super) fn new(jobs_per_second: u32, mut waits: Vec<Duration>) -> Self {
        waits.sort_unstable();
        let at = |share: f64| {
            let place = (share * waits.len() as f64).ceil() as usize;
            waits.get(place.saturating_sub(1)).map_or(0.0, |wait| wait.as_secs_f64() * 1_000.0)
        };
        Self {
            jobs_per_second,
            jobs: waits.len(),
            p50_ms: at(0.50),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            max_ms: at(1.0),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "crier {} on Postgres {}, {} cores, fsync and synchronous_commit on\n",
            self.crier, self.server, self.cores
        )?;
        writeln!(f, "{:<45} {:>9} {:>9} {:>10}", "", "jobs", "seconds", "jobs/s")?;
        for rate in &self.rates {
            writeln!(
                f,
                "{:<45} {:>9} {:>9.2} {:>10.0}",
                rate.name, rate.jobs, rate.seconds, rate.per_second
            )?;
        }
        match &self.pick_up {
            None => Ok(()),
            Some(wait) => writeln!(
                f,
                "\npick-up at {} jobs/s ({} jobs, LISTEN): p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms, longest {:.1} ms",
                wait.jobs_per_second, wait.jobs, wait.p50_ms, wait.p95_ms, wait.p99_ms, wait.max_ms
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let waits = (1..=200).rev().map(Duration::from_millis).collect();
        let latency = Latency::new(200, waits);
        let shown = [latency.p50_ms, latency.p95_ms, latency.p99_ms, latency.max_ms];
        assert_eq!(shown.map(|ms| ms.round() as u32), [100, 190, 198, 200]);
        assert_eq!(Latency::new(1, vec![Duration::from_millis(7)]).p50_ms.round() as u32, 7);
        assert_eq!(Latency::new(1, vec![]).max_ms, 0.0);
    }
}
