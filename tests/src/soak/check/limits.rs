//! Limits: jobs of one kind are limited where they are an account's, so many a second and so many at once.

use std::collections::HashMap;

use super::Verdict;
use super::board::{Board, Claim, Job, places};
use crate::soak::history::{Micros, Op};

/// The kind that is limited.
pub(crate) const KIND: &str = "soak_c";
/// Hand-outs of it to one account in any second.
pub(crate) const PER_SECOND: usize = 250;
/// Jobs of it of one account in workers' hands.
pub(crate) const AT_ONCE: usize = 6;

const SECOND: Micros = 1_000_000;

/// Whether a job is limited.
pub(super) fn is_limited(kind: &str, owner: &str) -> bool {
    kind == KIND && !owner.ends_with('|')
}

/// No account has more in any second, by the server's clock. What was given back does not count, whenever it was.
pub(super) fn windows(board: &Board<'_>, verdict: &mut Verdict) {
    for (owner, jobs) in accounts(board) {
        let kept = jobs.iter().flat_map(|job| job.claims.iter().filter(|claim| !gave_back(job, claim)));
        let mut claims: Vec<&Claim<'_>> = kept.collect();
        claims.sort_by_key(|claim| claim.at);
        verdict.count("hand-outs with a limit", claims.len());
        for (at, first) in claims.iter().enumerate() {
            // the one that would be too many
            let Some(last) = claims.get(at + PER_SECOND) else { break };
            if last.at - first.at < SECOND && last.latest - first.at < SECOND {
                let what = format!("more than {PER_SECOND} jobs of {owner} within a second");
                verdict.add("limit", what, places([first.call, last.call]));
                break;
            }
        }
    }
}

/// No account has more in workers' hands: from the answer to a claim until the worker's own was sent.
pub(super) fn at_once(board: &Board<'_>, verdict: &mut Verdict) {
    for (owner, jobs) in accounts(board) {
        let mut steps: Vec<(Micros, i32, &Claim<'_>)> = Vec::new();
        for job in jobs {
            for claim in &job.claims {
                let said = job
                    .said
                    .iter()
                    .find(|said| said.token == claim.token && said.settles() && said.accepted());
                let (Some(from), Some(said)) = (claim.call.answered, said) else { continue };
                if from < said.call.asked {
                    steps.extend([(from, 1, claim), (said.call.asked, -1, claim)]);
                }
            }
        }
        // one that ends at the same moment has ended
        steps.sort_by_key(|(at, step, _)| (*at, *step));
        let mut held = 0;
        for (_, step, claim) in steps {
            held += step;
            if held > AT_ONCE as i32 {
                let what = format!("{held} jobs of {owner} in workers' hands, and {AT_ONCE} may be");
                verdict.add("limit", what, places([claim.call]));
                break;
            }
        }
    }
}

/// The jobs that are limited, by account.
fn accounts<'b, 'a>(board: &'b Board<'a>) -> HashMap<&'a str, Vec<&'b Job<'a>>> {
    let mut accounts: HashMap<&str, Vec<&Job<'_>>> = HashMap::new();
    for job in board.jobs.values() {
        if let Some(end) = job.end.filter(|end| is_limited(&end.kind, &end.owner)) {
            accounts.entry(&end.owner).or_default().push(job);
        }
    }
    accounts
}

/// Whether the worker said, or may have, that the job was not done.
fn gave_back(job: &Job<'_>, claim: &Claim<'_>) -> bool {
    job.said.iter().any(|said| {
        said.token == claim.token && matches!(said.op, Op::Fail | Op::GiveUp | Op::Snooze) && said.may_count()
    })
}
