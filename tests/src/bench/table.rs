//! The report as tables for people.

use std::fmt::{Display, Formatter, Result};

use super::report::{Backlog, Held, Limits, Rate, Report, Steady, Target, Timing};

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self { crier, server, cores, .. } = self;
        writeln!(f, "crier {crier} on Postgres {server}, {cores} cores, fsync and synchronous_commit on")?;
        rates(f, &self.rates)?;
        steady(f, &self.steady)?;
        held(f, &self.held)?;
        backlogs(f, &self.backlogs)?;
        limits(f, &self.limits)?;
        timings(f, &self.timings)?;
        self.plans.iter().try_for_each(|plan| writeln!(f, "\nplan of {plan}"))?;
        targets(f, &self.targets)?;
        if !self.notes.is_empty() {
            writeln!(f, "\nnotes")?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "  {note}"))
    }
}

fn rates(f: &mut Formatter<'_>, rates: &[Rate]) -> Result {
    if rates.is_empty() {
        return Ok(());
    }
    let names = ["", "jobs", "seconds", "jobs/s", "WAL B/job", "CPU s/1000"];
    let [what, jobs, seconds, per_second, wal, cpu] = names;
    writeln!(f, "\n{what:<73} {jobs:>8} {seconds:>8} {per_second:>8} {wal:>9} {cpu:>10}")?;
    for rate in rates {
        writeln!(
            f,
            "{:<8} {:<15} {:<48} {:>8} {:>8.2} {:>8.0} {:>9.0} {:>10.3}",
            rate.workload,
            rate.system,
            rate.how,
            rate.jobs,
            rate.seconds,
            rate.per_second,
            rate.wal_bytes_per_job,
            rate.cpu_seconds_per_1000
        )?;
    }
    Ok(())
}

fn timings(f: &mut Formatter<'_>, timings: &[Timing]) -> Result {
    if !timings.is_empty() {
        writeln!(f, "\n{:<64} {:>9} {:>9} {:>9}", "calls, in ms", "p50", "p95", "p99")?;
    }
    for Timing { what, millis } in timings {
        writeln!(f, "{what:<64} {:>9.2} {:>9.2} {:>9.2}", millis.p50_ms, millis.p95_ms, millis.p99_ms)?;
    }
    Ok(())
}

fn steady(f: &mut Formatter<'_>, all: &[Steady]) -> Result {
    let Some(first) = all.first() else { return Ok(()) };
    writeln!(
        f,
        "\n{} jobs/s: from commit to a worker, in ms; server CPU in % of one core",
        first.jobs_per_second
    )?;
    writeln!(f, "{}", steady_head())?;
    all.iter().try_for_each(|steady| writeln!(f, "{}", steady_line(steady)))
}

fn steady_head() -> String {
    let names = ["", "worker", "added/s", "p50", "p95", "p99", "longest", "not taken", "CPU %"];
    let [system, worker, rate, p50, p95, p99, max, left, cpu] = names;
    format!("{system:<15} {worker:<20} {rate:>8} {p50:>8} {p95:>8} {p99:>8} {max:>8} {left:>9} {cpu:>6}")
}

fn steady_line(steady: &Steady) -> String {
    format!(
        "{:<15} {:<20} {:>8.0} {:>8.1} {:>8.1} {:>8.1} {:>8.1} {:>9} {:>6.0}",
        steady.system,
        steady.worker,
        steady.added_per_second,
        steady.waits.p50_ms,
        steady.waits.p95_ms,
        steady.waits.p99_ms,
        steady.waits.max_ms,
        steady.not_taken,
        steady.cpu_percent
    )
}

fn held(f: &mut Formatter<'_>, all: &[Held]) -> Result {
    let Some(first) = all.first() else { return Ok(()) };
    writeln!(
        f,
        "\n{} jobs/s while an old snapshot is open; first and last: jobs of the first and last fifth of the time",
        first.steady.jobs_per_second
    )?;
    writeln!(f, "{}", steady_head())?;
    all.iter().try_for_each(|held| writeln!(f, "{}", steady_line(&held.steady)))?;
    let names =
        ["", "p95 first", "p95 last", "CPU % first", "CPU % last", "dead rows", "WAL B/job", "CPU s/1000"];
    let [system, first, last, cpu_first, cpu_last, dead, wal, cpu] = names;
    writeln!(
        f,
        "{system:<15} {first:>10} {last:>10} {cpu_first:>12} {cpu_last:>12} {dead:>10} {wal:>10} {cpu:>10}"
    )?;
    for held in all {
        writeln!(
            f,
            "{:<15} {:>10.1} {:>10.1} {:>12.0} {:>12.0} {:>10} {:>10.0} {:>10.3}",
            held.steady.system,
            held.first_p95_ms,
            held.last_p95_ms,
            held.first_cpu_percent,
            held.last_cpu_percent,
            held.dead_tuples,
            held.wal_bytes_per_job,
            held.cpu_seconds_per_1000
        )?;
    }
    Ok(())
}

fn backlogs(f: &mut Formatter<'_>, all: &[Backlog]) -> Result {
    for backlog in all {
        let (claim, urgent) = (&backlog.claim, &backlog.urgent);
        writeln!(
            f,
            "\nbacklog of {} jobs: a claim takes p50 {:.2} ms, p95 {:.2} ms, at most {:.2} ms; an urgent job is picked up \
             after p50 {:.2} ms, at most {:.2} ms, {} times before all others",
            backlog.jobs,
            claim.p50_ms,
            claim.p95_ms,
            claim.max_ms,
            urgent.p50_ms,
            urgent.max_ms,
            backlog.urgent_first
        )?;
    }
    Ok(())
}

fn limits(f: &mut Formatter<'_>, all: &[Limits]) -> Result {
    for limits in all {
        let limit = limits.limit.map_or_else(|| "no limit".to_owned(), |limit| format!("{limit} an account"));
        let Limits { jobs, accounts, handed_out, overshot, missing, .. } = limits;
        writeln!(
            f,
            "\n{jobs} jobs of {accounts} accounts, {limit}: {handed_out} handed out, {overshot} too many, {missing} too few"
        )?;
    }
    Ok(())
}

fn targets(f: &mut Formatter<'_>, targets: &[Target]) -> Result {
    if targets.is_empty() {
        return Ok(());
    }
    let [what, measured, target] = ["targets", "measured", "target"];
    writeln!(f, "\n{what:<45} {measured:>12} {target:>16}")?;
    for target in targets {
        let below = target.unit != "jobs/s";
        let places = if below { 2 } else { 0 };
        let measured = target.measured.map_or_else(|| "-".to_owned(), |value| format!("{value:.places$}"));
        let sign = if below { "<" } else { ">" };
        let verdict = match target.pass {
            Some(true) => "pass",
            Some(false) => "FAIL",
            None => "not measured",
        };
        let promise = format!("{sign} {} {}", target.limit, target.unit);
        writeln!(f, "{:<45} {measured:>12} {promise:>16}  {verdict}", target.what)?;
    }
    Ok(())
}
