//! The calls sorted by the jobs they are about.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::load::{Call, History, Outcome};
use crate::soak::history::{Answer, Ask, FaultKind, Final, Micros, Op, Wish};

/// A claim whose client was killed ends by itself within this time, as good as always.
const LINGERS: Micros = 2_000_000;
/// A session that is ended gives back what it had within this time.
const ROLLBACK: Micros = 500_000;

/// A job in a worker's hands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim<'a> {
    pub(super) call: &'a Call,
    pub(super) token: i64,
    pub(super) attempt: i32,
    /// The end of the lease as it was given.
    pub(super) until: Micros,
    /// By the server's clock.
    pub(super) at: Micros,
    /// It was not later.
    pub(super) latest: Micros,
}

/// What a worker said about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'a> {
    pub(super) call: &'a Call,
    pub(super) op: Op,
    pub(super) token: i64,
    pub(super) fate: Fate,
}

/// Whether it counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fate {
    /// With the end of an extended lease.
    Accepted(Option<Micros>),
    Rejected,
    Unknown,
}

impl Said<'_> {
    pub(super) fn accepted(&self) -> bool {
        matches!(self.fate, Fate::Accepted(_))
    }

    /// Accepted, or nobody knows.
    pub(super) fn may_count(&self) -> bool {
        self.fate != Fate::Rejected
    }

    /// Whether it takes the job out of the worker's hands.
    pub(super) fn settles(&self) -> bool {
        self.op != Op::Extend
    }

    /// Whether the job is over then. A failure that may pass also ends it, with the last attempt.
    pub(super) fn ends(&self) -> bool {
        matches!(self.op, Op::Complete | Op::GiveUp)
    }
}

/// Everything about one job.
#[derive(Debug, Default)]
pub(super) struct Job<'a> {
    /// In the order of the server's clock.
    pub(super) claims: Vec<Claim<'a>>,
    /// In the order in which they were sent.
    pub(super) said: Vec<Said<'a>>,
    pub(super) end: Option<&'a Final>,
    /// The call that made it, and what it asked for.
    pub(super) made: Option<(&'a Call, &'a Wish)>,
}

/// From when to when.
pub(super) type Span = (Micros, Micros);

pub(super) struct Board<'a> {
    pub(super) history: &'a History,
    pub(super) jobs: BTreeMap<Uuid, Job<'a>>,
    /// The call that asked for each number.
    pub(super) wishes: HashMap<u64, (&'a Call, &'a Wish)>,
    /// When the server forgot what was in its memory.
    pub(super) crashes: Vec<Span>,
    /// When somebody ended leases.
    pub(super) expiries: Vec<Span>,
    /// When claims were sent that may have taken jobs that nobody knows of, sorted.
    pub(super) hidden: Vec<Micros>,
    /// When claims may have kept jobs for a moment that they gave to nobody.
    pub(super) troubled: Vec<Span>,
}

impl<'a> Board<'a> {
    pub(super) fn of(history: &'a History) -> Self {
        let mut board = Self {
            history,
            jobs: BTreeMap::new(),
            wishes: HashMap::new(),
            crashes: vec![],
            expiries: vec![],
            hidden: vec![],
            troubled: vec![],
        };
        for call in &history.calls {
            match &call.ask {
                Ask::Enqueue { jobs, .. } => board.wishes.extend(jobs.iter().map(|job| (job.n, (call, job)))),
                Ask::Work { .. } => board.work(call),
                Ask::Fault { kind, .. } => {
                    let span = (call.asked, call.answered.unwrap_or(Micros::MAX));
                    if kind.is_crash() {
                        board.crashes.push(span);
                    } else if *kind == FaultKind::ExpireLeases {
                        board.expiries.push(span);
                    }
                }
            }
        }
        for end in &history.finals {
            let job = board.jobs.entry(end.id).or_default();
            job.end = Some(end);
            job.made = end.n.and_then(|n| board.wishes.get(&n).copied());
        }
        for job in board.jobs.values_mut() {
            job.claims.sort_by_key(|claim| (claim.at, claim.token));
            job.said.sort_by_key(|said| said.call.asked);
        }
        board.crashes.sort_unstable();
        board.hidden.sort_unstable();
        board
    }

    fn work(&mut self, call: &'a Call) {
        let Ask::Work { answers, claim } = &call.ask else { return };
        for reply in answers {
            let fate = match &call.outcome {
                Outcome::Lost => Fate::Unknown,
                Outcome::Answered(Answer::Worked { accepted, .. }) => {
                    let found = accepted.iter().find(|one| one.id == reply.id && same(one.op, reply.op));
                    found.map_or(Fate::Rejected, |one| Fate::Accepted(one.until))
                }
                _ => Fate::Rejected,
            };
            let said = Said { call, op: reply.op, token: reply.token, fate };
            self.jobs.entry(reply.id).or_default().said.push(said);
        }
        let Some(wanted) = claim else { return };
        match &call.outcome {
            Outcome::Lost => {
                self.hidden.push(call.asked);
                self.troubled.push((call.asked, call.answered.unwrap_or(call.asked + LINGERS) + ROLLBACK));
            }
            Outcome::Refused { .. } => {
                self.troubled.push((call.asked, call.answered.unwrap_or(call.asked) + ROLLBACK));
            }
            Outcome::Answered(Answer::Worked { claimed, .. }) => {
                let answered = call.answered.unwrap_or(Micros::MAX);
                for job in claimed {
                    let at = (job.until - wanted.lease).clamp(call.asked, answered);
                    let claim = Claim {
                        call,
                        token: job.token,
                        attempt: job.attempt,
                        until: job.until,
                        at,
                        latest: if wanted.wait > 0 { answered } else { at },
                    };
                    self.jobs.entry(job.id).or_default().claims.push(claim);
                }
            }
            Outcome::Answered(_) => {}
        }
    }

    /// Whether one of these spans touches the time between.
    pub(super) fn touches(spans: &[Span], from: Micros, to: Micros) -> bool {
        spans.iter().any(|(begin, end)| *begin <= to && *end >= from)
    }

    /// Whether one of these moments lies between; they are sorted.
    pub(super) fn any(moments: &[Micros], from: Micros, to: Micros) -> bool {
        moments.get(moments.partition_point(|at| *at < from)).is_some_and(|at| *at <= to)
    }
}

/// One call may answer for failures of both kinds; which one it was is not in the server's answer.
fn same(a: Op, b: Op) -> bool {
    let fails = |op| matches!(op, Op::Fail | Op::GiveUp);
    a == b || fails(a) && fails(b)
}

/// File and line of calls.
pub(super) fn places<'a>(calls: impl IntoIterator<Item = &'a Call>) -> Vec<String> {
    calls.into_iter().map(|call| call.place.clone()).collect()
}
