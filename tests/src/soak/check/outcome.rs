//! What became of every job.

use std::collections::HashMap;

use crier_core::retry::MAX_LOST_LEASES;
use uuid::Uuid;

use super::Verdict;
use super::board::{Board, Claim, Fate, Job, places};
use super::load::{Call, Outcome};
use crate::soak::history::{Answer, Ask, Micros, Op};

/// A statement whose client is gone goes on for at most so long.
const LINGERS: Micros = 30_000_000;

/// What was added is there, once; what was not is not.
pub(super) fn enqueues(board: &Board<'_>, verdict: &mut Verdict) {
    for call in &board.history.calls {
        let Ask::Enqueue { jobs, keep: true } = &call.ask else { continue };
        let Outcome::Answered(Answer::Added { ids }) = &call.outcome else { continue };
        if ids.len() != jobs.len() {
            verdict.add("lost", format!("{} ids for {} jobs", ids.len(), jobs.len()), places([call]));
        }
        for (wish, id) in jobs.iter().zip(ids) {
            match board.jobs.get(id).and_then(|job| job.end) {
                None => verdict.add("lost", format!("job {id} ({}) is gone", wish.n), places([call])),
                Some(end) if !wish.keyed && end.n != Some(wish.n) => {
                    let what = format!("job {id} was answered for {}, but is {:?}", wish.n, end.n);
                    verdict.add("lost", what, places([call]));
                }
                Some(_) => {}
            }
        }
    }
    let mut made: HashMap<u64, Uuid> = HashMap::new();
    for end in &board.history.finals {
        let Some(n) = end.n else { continue };
        if let Some(first) = made.insert(n, end.id) {
            verdict.add("made twice", format!("{n} is job {first} and job {}", end.id), []);
        }
        let Some((call, _)) = board.wishes.get(&n) else {
            verdict.add("ghost", format!("job {} ({n}) was never asked for", end.id), []);
            continue;
        };
        let kept = matches!(call.ask, Ask::Enqueue { keep: true, .. });
        if !kept || matches!(call.outcome, Outcome::Refused { .. }) {
            let what = format!("job {} ({n}) is there though its transaction was rolled back", end.id);
            verdict.add("ghost", what, places([*call]));
        }
    }
    for (id, job) in board.jobs.iter().filter(|(_, job)| job.end.is_none()) {
        if let Some(claim) = job.claims.first() {
            verdict.add("ghost", format!("job {id} was handed out and is not there"), places([claim.call]));
        }
    }
}

/// Every job came to an end, and to one that somebody brought about.
pub(super) fn ends(board: &Board<'_>, verdict: &mut Verdict) {
    for (id, job) in &board.jobs {
        let Some(end) = job.end else { continue };
        let calls =
            || places(job.claims.last().map(|claim| claim.call).into_iter().chain(job.made.map(|m| m.0)));
        let may = |op: Op| job.said.iter().any(|said| said.op == op && said.may_count());
        let completed = job.said.iter().find(|said| said.op == Op::Complete && said.accepted());
        if let (Some(said), true) = (completed, end.state != "completed") {
            let what = format!("job {id} was completed, but is {}", end.state);
            verdict.add("lost", what, places([said.call]));
        }
        if let (Some(said), Some(token)) = (completed, end.result_token)
            && said.token != token
        {
            let what = format!("job {id}: the result is that of token {token}, accepted was {}", said.token);
            verdict.add("doubled", what, places([said.call]));
        }
        let spent = end.attempt >= end.max_attempts;
        let reason = match (end.state.as_str(), end.class.as_deref()) {
            ("completed", _) if may(Op::Complete) => continue,
            ("completed", _) => "completed by nobody",
            ("failed", Some("transient")) if spent && may(Op::Fail) => continue,
            ("failed", Some("transient")) => "failed with attempts left, or by nobody",
            ("failed", Some("content_invalid")) if may(Op::GiveUp) => continue,
            ("failed", Some("content_invalid")) => "given up by nobody",
            ("failed", Some("lease_lost")) if spent || end.lost_leases + 1 >= MAX_LOST_LEASES => continue,
            ("failed", Some("lease_lost")) => "failed for lost leases, with attempts left",
            ("failed", _) => "failed without a reason that the soak knows",
            _ => "unfinished",
        };
        let (state, class, attempt, max) = (&end.state, &end.class, end.attempt, end.max_attempts);
        let what = format!("job {id} is {reason}: {state}, class {class:?}, attempt {attempt} of {max}");
        verdict.add("end", what, calls());
    }
}

/// A key has one unfinished job.
pub(super) fn dedupe(board: &Board<'_>, verdict: &mut Verdict) {
    let mut by_key: HashMap<&str, Vec<(&Call, Micros, Uuid)>> = HashMap::new();
    for (id, job) in &board.jobs {
        let (Some(end), Some((call, _))) = (job.end, job.made) else { continue };
        if let (Some(key), Some(finished)) = (&end.key, end.finished_at) {
            by_key.entry(key).or_default().push((call, finished, *id));
        }
    }
    for (key, mut jobs) in by_key {
        jobs.sort_by_key(|(call, ..)| call.asked);
        for (at, (first, finished, first_id)) in jobs.iter().enumerate() {
            let Some(made) = first.answered.filter(|_| matches!(first.outcome, Outcome::Answered(_))) else {
                continue;
            };
            // whoever was asked later than the first one ended is none of it, and so are all after him
            for (second, _, id) in jobs.iter().skip(at + 1).take_while(|(call, ..)| call.asked < *finished) {
                if second.asked > made && second.answered.is_some_and(|answered| answered < *finished) {
                    let what = format!("key {key:?}: job {id} was made while job {first_id} was unfinished");
                    verdict.add("dedupe", what, places([*first, *second]));
                }
            }
        }
    }
}

/// Attempts are counted one by one and never exceed the maximum.
pub(super) fn attempts(board: &Board<'_>, verdict: &mut Verdict) {
    for (id, job) in &board.jobs {
        let Some(end) = job.end else { continue };
        for claim in job.claims.iter().filter(|claim| !(1..=end.max_attempts).contains(&claim.attempt)) {
            let what = format!("job {id}: attempt {} of {}", claim.attempt, end.max_attempts);
            verdict.add("attempts", what, places([claim.call]));
        }
        for (at, pair) in job.claims.windows(2).enumerate() {
            let [first, second] = pair else { continue };
            let (from, to) = (first.call.asked, second.call.answered.unwrap_or(Micros::MAX));
            let quiet = !Board::touches(&board.crashes, from, to);
            let low = if quiet { next_attempt(job, first, Fate::Unknown) } else { 1 };
            let low = low.max(failed_attempts(job, at) + 1);
            let high = if quiet && !Board::any(&board.hidden, from - LINGERS, to) {
                next_attempt(job, first, Fate::Accepted(None))
            } else {
                end.max_attempts
            };
            if !(low..=high.max(low)).contains(&second.attempt) {
                let what = format!(
                    "job {id}: attempt {} follows attempt {}, expected {low} to {high}",
                    second.attempt, first.attempt
                );
                verdict.add("attempts", what, places([first.call, second.call]));
            }
        }
    }
}

/// The number after a claim: the same one if the job was snoozed. `enough` says whether a snooze must be known to have
/// happened, or may have.
fn next_attempt(job: &Job<'_>, claim: &Claim<'_>, enough: Fate) -> i32 {
    let snoozed = job.said.iter().any(|said| {
        let counts = if enough == Fate::Unknown { said.may_count() } else { said.accepted() };
        said.op == Op::Snooze && said.token == claim.token && counts
    });
    if snoozed { claim.attempt } else { claim.attempt + 1 }
}

/// The highest attempt up to a claim whose failure was accepted: no crash may forget it.
fn failed_attempts(job: &Job<'_>, up_to: usize) -> i32 {
    let failed = job.claims.iter().take(up_to + 1).filter(|claim| {
        job.said.iter().any(|said| said.op == Op::Fail && said.token == claim.token && said.accepted())
    });
    failed.map(|claim| claim.attempt).max().unwrap_or(0)
}

/// What the server may refuse: that something is locked, deadlocks, that it is starting or full. Nothing else.
pub(super) fn refusals(board: &Board<'_>, verdict: &mut Verdict) {
    for call in &board.history.calls {
        if let Outcome::Refused { code, error } = &call.outcome
            && !["40P01", "40001", "55P03", "57014", "53300"].contains(&code.as_str())
        {
            verdict.add("refused", format!("{code}: {error}"), places([call]));
        }
    }
}
