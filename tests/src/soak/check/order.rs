//! The order of hand-outs, as far as it can be seen from outside.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::Verdict;
use super::board::{Board, Job, places};
use super::limits::is_limited;
use super::load::{Call, Outcome};
use crate::soak::history::{Answer, LONGEST_SNOOZE, Micros, Op};

/// What became due is given so much time to be noticed.
const GRACE: Micros = 250_000;
/// After a crash everything is read into memory again.
const RELOAD: Micros = 2_000_000;

/// A time in which a job was due and nobody's.
struct Free {
    from: Micros,
    to: Micros,
    priority: i32,
    id: Uuid,
}

/// A claim that took a job of some priority.
struct Taken<'a> {
    call: &'a Call,
    answered: Micros,
    priority: i32,
    id: Uuid,
}

/// The jobs of one owner and kind.
#[derive(Default)]
struct Lane<'a> {
    free: Vec<Free>,
    taken: Vec<Taken<'a>>,
}

/// No job is passed over for one of the same owner and kind with a lower priority: none that was free before the claim
/// was sent and after its answer had come. Only where nothing was broken at the time.
pub(super) fn priorities(board: &Board<'_>, verdict: &mut Verdict) {
    let mut lanes: HashMap<(&str, &str), Lane<'_>> = HashMap::new();
    for (id, job) in &board.jobs {
        // what is limited waits for other reasons than its turn
        let Some(end) = job.end.filter(|end| !is_limited(&end.kind, &end.owner)) else { continue };
        let lane = lanes.entry((&end.owner, &end.kind)).or_default();
        lane.free.extend(free(board, job).into_iter().map(|(from, to)| Free {
            from,
            to,
            priority: end.priority,
            id: *id,
        }));
    }
    for call in &board.history.calls {
        let (Outcome::Answered(Answer::Worked { claimed, .. }), Some(answered)) =
            (&call.outcome, call.answered)
        else {
            continue;
        };
        let broken = Board::touches(&board.crashes, call.asked - RELOAD, answered)
            || Board::touches(&board.troubled, call.asked, answered);
        if broken {
            continue;
        }
        for claim in claimed {
            let Some(end) = board.jobs.get(&claim.id).and_then(|job| job.end) else { continue };
            let lane = lanes.entry((&end.owner, &end.kind)).or_default();
            lane.taken.push(Taken { call, answered, priority: end.priority, id: claim.id });
        }
    }
    for lane in lanes.into_values() {
        verdict.count("hand-outs with order", lane.taken.len());
        lane.judge(verdict);
    }
}

impl Lane<'_> {
    /// Goes through the claims in the order of time, with what was free before each.
    fn judge(mut self, verdict: &mut Verdict) {
        self.free.sort_by_key(|free| free.from);
        self.taken.sort_by_key(|taken| taken.call.asked);
        let mut frees = self.free.into_iter().peekable();
        // of each priority, the one that stayed free for longest
        let mut longest: BTreeMap<i32, Free> = BTreeMap::new();
        for taken in self.taken {
            while let Some(free) = frees.next_if(|free| free.from <= taken.call.asked) {
                let best = longest.get(&free.priority);
                if best.is_none_or(|best| best.to < free.to) {
                    longest.insert(free.priority, free);
                }
            }
            let passed = longest.range(taken.priority + 1..).find(|(_, free)| free.to > taken.answered);
            if let Some((priority, free)) = passed {
                let what = format!(
                    "job {} with priority {} was handed out, and job {} with {priority} of the same owner and kind, \
                 which was free from {} to {}, was not",
                    taken.id, taken.priority, free.id, free.from, free.to
                );
                verdict.add("priority", what, places([taken.call]));
            }
        }
    }
}

/// When the job was certainly due and in nobody's hands: from when it was added, failed or snoozed until the next claim
/// that took it was sent, if its attempts show that no unknown claim came between.
fn free(board: &Board<'_>, job: &Job<'_>) -> Vec<(Micros, Micros)> {
    let mut spans = Vec::new();
    let mut add = |from: Micros, to: Micros| {
        // before a crash somebody may have had it whom the crash made forgotten
        let crashes = board.crashes.iter().filter(|(begin, _)| *begin < to);
        let from = crashes.fold(from, |from, (_, end)| from.max(*end)).saturating_add(GRACE);
        if from < to {
            spans.push((from, to));
        }
    };
    if let (Some((call, wish)), Some(first)) = (job.made, job.claims.first())
        && let (Outcome::Answered(_), Some(added)) = (&call.outcome, call.answered)
        && first.attempt == 1
    {
        add(added.max(wish.due.unwrap_or(added)), first.call.asked);
    }
    for pair in job.claims.windows(2) {
        let [first, second] = pair else { continue };
        let given_back =
            job.said.iter().find(|said| said.token == first.token && said.settles() && said.may_count());
        let Some(said) = given_back.filter(|said| said.accepted()) else { continue };
        let Some(at) = said.call.answered else { continue };
        match said.op {
            Op::Fail if second.attempt == first.attempt + 1 => add(at, second.call.asked),
            Op::Snooze if second.attempt == first.attempt => add(at + LONGEST_SNOOZE, second.call.asked),
            _ => {}
        }
    }
    spans
}
