//! One worker a job, one end a job: tokens and leases.

use super::Verdict;
use super::board::{Board, Claim, Fate, Job, places};
use crate::soak::history::{Ask, Micros, Op};

/// The server reads its clock a moment after the client did.
const MILLISECOND: Micros = 1_000;

/// No job is completed twice, nothing is accepted with one token after that token gave the job away, and nobody gets
/// a job that is over.
pub(super) fn endings(board: &Board<'_>, verdict: &mut Verdict) {
    for (id, job) in &board.jobs {
        let completed: Vec<_> =
            job.said.iter().filter(|said| said.op == Op::Complete && said.accepted()).collect();
        if completed.len() > 1 {
            let what = format!("job {id} was completed {} times", completed.len());
            verdict.add("doubled", what, places(completed.iter().map(|said| said.call)));
        }
        for (at, first) in job.said.iter().enumerate() {
            if !first.accepted() || !first.settles() {
                continue;
            }
            let Some(settled) = first.call.answered else { continue };
            for later in job.said.iter().skip(at + 1) {
                let same_or_over = later.token == first.token || first.ends();
                if later.accepted() && later.call.asked > settled && same_or_over {
                    let what = format!("job {id}: {:?} was accepted after {:?} had been", later.op, first.op);
                    verdict.add("after the end", what, places([first.call, later.call]));
                }
            }
            let again = job.claims.iter().find(|claim| claim.call.asked > settled);
            if let (true, Some(again)) = (first.ends(), again) {
                let what = format!("job {id} was handed out after {:?} had been accepted", first.op);
                verdict.add("after the end", what, places([first.call, again.call]));
            }
        }
    }
}

/// Nothing is accepted from a worker once another has the job.
pub(super) fn stale(board: &Board<'_>, verdict: &mut Verdict) {
    for (id, job) in &board.jobs {
        for said in job.said.iter().filter(|said| said.accepted()) {
            let own = job.claims.iter().position(|claim| claim.token == said.token);
            let Some(own) = own else {
                let what = format!("job {id}: a token was accepted that nobody was given: {}", said.token);
                verdict.add("stale", what, places([said.call]));
                continue;
            };
            let known = |claim: &&Claim<'_>| {
                claim.token != said.token && claim.call.answered.is_some_and(|at| at < said.call.asked)
            };
            if let Some(other) = job.claims.iter().skip(own + 1).find(known) {
                let what = format!(
                    "job {id}: {:?} with token {} was accepted after token {} had been given out",
                    said.op, said.token, other.token
                );
                let own = job.claims.get(own).map(|claim| claim.call);
                verdict.add("stale", what, places(own.into_iter().chain([other.call, said.call])));
            }
        }
    }
}

/// No two leases of a job at once, no token twice, and no lease shorter than was asked for.
pub(super) fn leases(board: &Board<'_>, verdict: &mut Verdict) {
    for (id, job) in &board.jobs {
        for claim in &job.claims {
            let Ask::Work { claim: Some(wanted), .. } = &claim.call.ask else { continue };
            if claim.until < claim.call.asked + wanted.lease - MILLISECOND {
                let what = format!("job {id}: the lease ends before the time that was asked for");
                verdict.add("short lease", what, places([claim.call]));
            }
        }
        for pair in job.claims.windows(2) {
            let [first, second] = pair else { continue };
            if first.token == second.token {
                let what = format!("job {id}: token {} was given out twice", first.token);
                verdict.add("overlap", what, places([first.call, second.call]));
            }
            let end = lease_end(job, first, second);
            if second.latest < end && !ended_early(board, job, first, second) {
                let what = format!(
                    "job {id} was handed out again {} ms before the lease of token {} was over",
                    (end - second.latest) / MILLISECOND,
                    first.token
                );
                verdict.add("overlap", what, places([first.call, second.call]));
            }
        }
    }
}

/// With every extension that is known; one that was asked for after the second claim is another offence.
fn lease_end(job: &Job<'_>, first: &Claim<'_>, second: &Claim<'_>) -> Micros {
    let extended =
        job.said.iter().filter(|said| said.token == first.token && said.call.asked <= second.latest);
    let ends = extended.filter_map(|said| match said.fate {
        Fate::Accepted(until) => until,
        _ => None,
    });
    ends.fold(first.until, Micros::max)
}

/// Whether something other than time may have ended the lease before the second one began.
fn ended_early(board: &Board<'_>, job: &Job<'_>, first: &Claim<'_>, second: &Claim<'_>) -> bool {
    let (from, to) = (first.call.asked, second.call.answered.unwrap_or(Micros::MAX));
    let said = job.said.iter().filter(|said| said.token == first.token && said.settles() && said.may_count());
    Board::touches(&board.crashes, from, to)
        || Board::touches(&board.expiries, from, to)
        || said.into_iter().any(|said| said.call.asked <= to)
}
