//! Reads the histories of a run and the jobs as they were at its end, and says what should not have happened.
//!
//! It knows when a call was sent and when its answer came; what the call did happened in between. A rule speaks only
//! where every order of events within these bounds breaks a promise. A call whose answer was lost may have happened or
//! not, at any time after it was sent.

mod board;
mod fencing;
pub(super) mod limits;
mod load;
mod order;
mod outcome;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use super::history::{Ask, FaultKind};
use board::Board;
pub use load::{Call, FINAL, History, Outcome};

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// Which.
    pub rule: &'static str,
    /// What happened, with the ids.
    pub what: String,
    /// The lines that show it.
    pub lines: Vec<String>,
}

/// What the check found.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// What should not have happened.
    pub violations: Vec<Violation>,
    /// How often what was done to the system.
    pub faults: BTreeMap<FaultKind, usize>,
    /// Calls that the server refused, by SQLSTATE.
    pub refused: BTreeMap<String, usize>,
    /// Numbers for the summary.
    pub counts: BTreeMap<&'static str, usize>,
}

impl Verdict {
    pub(super) fn add(&mut self, rule: &'static str, what: String, lines: impl IntoIterator<Item = String>) {
        self.violations.push(Violation { rule, what, lines: lines.into_iter().collect() });
    }

    fn count(&mut self, what: &'static str, more: usize) {
        *self.counts.entry(what).or_default() += more;
    }

    /// How often one of these rules was broken.
    pub fn broken(&self, rules: &[&str]) -> usize {
        self.violations.iter().filter(|violation| rules.contains(&violation.rule)).count()
    }
}

/// Checks everything; `order` says whether also the order of hand-outs, which holds only while all jobs are in memory.
pub fn check(history: &History, order: bool) -> Verdict {
    let mut verdict = Verdict::default();
    count(history, &mut verdict);
    let board = Board::of(history);
    outcome::enqueues(&board, &mut verdict);
    outcome::ends(&board, &mut verdict);
    outcome::dedupe(&board, &mut verdict);
    outcome::attempts(&board, &mut verdict);
    outcome::refusals(&board, &mut verdict);
    fencing::endings(&board, &mut verdict);
    fencing::stale(&board, &mut verdict);
    fencing::leases(&board, &mut verdict);
    limits::windows(&board, &mut verdict);
    limits::at_once(&board, &mut verdict);
    if order {
        order::priorities(&board, &mut verdict);
    }
    verdict
}

fn count(history: &History, verdict: &mut Verdict) {
    for call in &history.calls {
        match (&call.ask, &call.outcome) {
            (Ask::Fault { kind, .. }, _) => *verdict.faults.entry(*kind).or_default() += 1,
            (_, Outcome::Refused { code, .. }) => *verdict.refused.entry(code.clone()).or_default() += 1,
            (_, Outcome::Lost) => verdict.count("calls without an answer", 1),
            (_, Outcome::Answered(_)) => verdict.count("calls", 1),
        }
    }
    for job in &history.finals {
        verdict.count("jobs", 1);
        match job.state.as_str() {
            "completed" => verdict.count("completed", 1),
            "failed" => verdict.count("failed", 1),
            _ => verdict.count("unfinished", 1),
        }
    }
}

/// So many of each rule are shown.
const SHOWN: usize = 10;

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown: BTreeMap<&str, usize> = BTreeMap::new();
        for Violation { rule, what, lines } in &self.violations {
            let shown = shown.entry(rule).or_default();
            *shown += 1;
            if *shown <= SHOWN {
                writeln!(f, "VIOLATION {rule}: {what}\n    {}", lines.join(", "))?;
            }
        }
        for (rule, count) in shown.iter().filter(|(_, count)| **count > SHOWN) {
            writeln!(f, "VIOLATION {rule}: {count} in all, {SHOWN} shown")?;
        }
        for (what, count) in &self.counts {
            writeln!(f, "{what:<26} {count:>9}")?;
        }
        for (code, count) in &self.refused {
            writeln!(f, "refused with {code:<13} {count:>9}")?;
        }
        for (kind, count) in &self.faults {
            let name = serde_json::to_value(kind).unwrap_or_default();
            writeln!(f, "fault {:<20} {count:>9}", name.as_str().unwrap_or_default())?;
        }
        writeln!(f, "lost                       {:>9}", self.broken(&["lost"]))?;
        writeln!(f, "doubled                    {:>9}", self.broken(&["doubled", "made twice"]))?;
        writeln!(f, "stale accepted             {:>9}", self.broken(&["stale", "after the end"]))?;
        writeln!(f, "limits overshot            {:>9}", self.broken(&["limit"]))?;
        write!(f, "violations                 {:>9}", self.violations.len())
    }
}
