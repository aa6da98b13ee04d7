//! Negative controls: for each promise a history in which it was broken, and what looks like it and is not.

use uuid::Uuid;

use super::{Verdict, check, limits};
use crate::soak::check::{Call, History, Outcome};
use crate::soak::history::{
    Accepted, Answer, Ask, Claimed, FaultKind, Final, Micros, Op, Reply, Wanted, Wish,
};

const MS: Micros = 1_000;
const SECOND: Micros = 1_000 * MS;

/// A history that is made by hand; job `n` has number `n` and id `n`.
#[derive(Default)]
struct Story(History);

fn id(n: u64) -> Uuid {
    Uuid::from_u128(u128::from(n))
}

impl Story {
    fn call(mut self, asked: Micros, answered: Option<Micros>, ask: Ask, outcome: Outcome) -> Self {
        let place = format!("story:{}", self.0.calls.len() + 1);
        self.0.calls.push(Call { place, asked, answered, ask, outcome });
        self
    }

    fn added(self, at: Micros, n: u64) -> Self {
        let jobs = vec![Wish { n, keyed: false, due: None }];
        let outcome = Outcome::Answered(Answer::Added { ids: vec![id(n)] });
        self.call(at, Some(at + MS), Ask::Enqueue { jobs, keep: true }, outcome)
    }

    /// A claim that takes a millisecond and has a lease of a second.
    fn claimed(self, at: Micros, n: u64, token: i64, attempt: i32) -> Self {
        let claimed = vec![Claimed { id: id(n), token, attempt, until: at + SECOND }];
        let answer = Answer::Worked { accepted: vec![], claimed };
        self.call(at, Some(at + MS), asks(), Outcome::Answered(answer))
    }

    fn said(self, at: Micros, op: Op, n: u64, token: i64, accepted: bool) -> Self {
        let until = (op == Op::Extend).then_some(at + SECOND);
        let accepted = if accepted { vec![Accepted { op, id: id(n), until }] } else { vec![] };
        let answer = Answer::Worked { accepted, claimed: vec![] };
        self.call(at, Some(at + MS), says(op, n, token), Outcome::Answered(answer))
    }

    fn fault(self, at: Micros, kind: FaultKind) -> Self {
        let ask = Ask::Fault { kind, target: String::new() };
        self.call(at, Some(at + MS), ask, Outcome::Answered(Answer::Struck))
    }

    fn ended(self, n: u64, state: &str, attempt: i32) -> Self {
        self.ended_as(n, |job| (job.state, job.attempt) = (state.to_owned(), attempt))
    }

    fn ended_as(mut self, n: u64, change: impl FnOnce(&mut Final)) -> Self {
        let mut job = Final {
            id: id(n),
            n: Some(n),
            kind: "k".to_owned(),
            owner: String::new(),
            priority: 0,
            key: None,
            state: "completed".to_owned(),
            attempt: 1,
            max_attempts: 3,
            lost_leases: 0,
            class: None,
            result_token: None,
            finished_at: Some(100 * SECOND),
        };
        change(&mut job);
        self.0.finals.push(job);
        self
    }

    fn verdict(&self) -> Verdict {
        check(&self.0, true)
    }

    fn rules(&self) -> Vec<&'static str> {
        self.verdict().violations.iter().map(|violation| violation.rule).collect()
    }

    #[track_caller]
    fn is_fine(&self) {
        let violations = self.verdict().violations;
        assert!(violations.is_empty(), "expected no violation, found {violations:#?}");
    }

    #[track_caller]
    fn breaks(&self, rules: &[&str]) {
        assert_eq!(self.rules(), rules, "{:#?}", self.verdict().violations);
    }
}

fn asks() -> Ask {
    Ask::Work { answers: vec![], claim: Some(Wanted { max: 5, lease: SECOND, wait: 0 }) }
}

fn says(op: Op, n: u64, token: i64) -> Ask {
    Ask::Work { answers: vec![Reply { op, id: id(n), token }], claim: None }
}

fn story() -> Story {
    Story::default()
}

/// Added and handed out once.
fn begun() -> Story {
    story().added(0, 1).claimed(SECOND, 1, 11, 1)
}

#[test]
fn an_ordinary_life_is_fine() {
    begun().said(SECOND + 5 * MS, Op::Complete, 1, 11, true).ended(1, "completed", 1).is_fine();
    begun()
        .said(SECOND + 5 * MS, Op::Fail, 1, 11, true)
        .claimed(SECOND + 10 * MS, 1, 12, 2)
        .said(SECOND + 20 * MS, Op::Snooze, 1, 12, true)
        .claimed(2 * SECOND, 1, 13, 2)
        .said(2 * SECOND + 5 * MS, Op::Complete, 1, 12, false)
        .claimed(4 * SECOND, 1, 14, 3)
        .said(4 * SECOND + 5 * MS, Op::Complete, 1, 14, true)
        .ended(1, "completed", 3)
        .is_fine();
}

#[test]
fn a_lost_job_is_found() {
    story().added(0, 1).added(0, 2).ended(2, "failed", 1).breaks(&["lost", "end"]);
    let wishes = || vec![Wish { n: 1, keyed: false, due: None }];
    let asked = Ask::Enqueue { jobs: wishes(), keep: true };
    // nobody knows whether it was added: both is fine
    story().call(0, None, asked.clone(), Outcome::Lost).is_fine();
    let begun = story().call(0, None, asked, Outcome::Lost).claimed(SECOND, 1, 11, 1);
    begun.said(SECOND + 5 * MS, Op::Complete, 1, 11, true).ended(1, "completed", 1).is_fine();
}

#[test]
fn a_completion_that_is_forgotten_is_found() {
    let done = || begun().said(SECOND + 5 * MS, Op::Complete, 1, 11, true);
    let failed = done().ended_as(1, |job| {
        (job.state, job.class) = ("failed".to_owned(), Some("lease_lost".to_owned()));
        job.lost_leases = 3;
    });
    failed.breaks(&["lost"]);
    done().ended_as(1, |job| job.result_token = Some(12)).breaks(&["doubled"]);
}

#[test]
fn a_ghost_is_found() {
    let asked = |keep| Ask::Enqueue { jobs: vec![Wish { n: 1, keyed: false, due: None }], keep };
    let life = |story: Story| {
        let story = story.claimed(SECOND, 1, 11, 1).said(SECOND + 5 * MS, Op::Complete, 1, 11, true);
        story.ended(1, "completed", 1)
    };
    let added = || Outcome::Answered(Answer::Added { ids: vec![id(1)] });
    life(story().call(0, Some(MS), asked(false), added())).breaks(&["ghost"]);
    let refused = Outcome::Refused { code: "40P01".into(), error: String::new() };
    life(story().call(0, Some(MS), asked(true), refused)).breaks(&["ghost"]);
    life(story()).breaks(&["ghost"]);
    let twice = begun().said(SECOND + 5 * MS, Op::Complete, 1, 11, true).ended(1, "completed", 1);
    let twice = twice.ended_as(2, |job| (job.n, job.state, job.class) = (Some(1), "failed".into(), None));
    twice.breaks(&["made twice", "end"]);
}

#[test]
fn a_double_completion_is_found() {
    let twice = begun().said(SECOND + 5 * MS, Op::Complete, 1, 11, true).said(
        SECOND + 5 * MS,
        Op::Complete,
        1,
        11,
        true,
    );
    twice.ended(1, "completed", 1).breaks(&["doubled"]);
    let lost_and_again = begun().call(SECOND + 5 * MS, None, says(Op::Complete, 1, 11), Outcome::Lost).said(
        2 * SECOND,
        Op::Complete,
        1,
        11,
        true,
    );
    lost_and_again.ended(1, "completed", 1).is_fine();
}

#[test]
fn what_happens_after_the_end_is_found() {
    let done = || begun().said(SECOND + 5 * MS, Op::Complete, 1, 11, true);
    done().claimed(3 * SECOND, 1, 12, 2).ended(1, "completed", 2).breaks(&["after the end"]);
    done().said(3 * SECOND, Op::Extend, 1, 11, true).ended(1, "completed", 1).breaks(&["after the end"]);
    let given_back_twice =
        begun().said(SECOND + 5 * MS, Op::Fail, 1, 11, true).said(SECOND + 9 * MS, Op::Complete, 1, 11, true);
    given_back_twice.ended(1, "completed", 1).breaks(&["after the end"]);
}

#[test]
fn a_stale_answer_is_found() {
    let again = || begun().claimed(3 * SECOND, 1, 12, 2);
    for op in [Op::Complete, Op::Extend] {
        let story = again().said(3 * SECOND + 5 * MS, op, 1, 11, true);
        let story = story.said(3 * SECOND + 9 * MS, Op::Complete, 1, 12, op != Op::Complete);
        story.ended(1, "completed", 2).breaks(&["stale"]);
    }
    // sent before the other one's claim was answered: it may have been first
    let close = again().said(3 * SECOND, Op::Complete, 1, 11, true);
    close.ended(1, "completed", 2).is_fine();
    let late = begun().said(3 * SECOND, Op::Complete, 1, 11, true);
    late.ended(1, "completed", 1).is_fine();
    begun().said(2 * SECOND, Op::Complete, 1, 99, true).ended(1, "completed", 1).breaks(&["stale"]);
}

#[test]
fn overlapping_leases_are_found() {
    let end = |story: Story, token| {
        let story = story.said(5 * SECOND, Op::Complete, 1, token, true);
        story.ended(1, "completed", 2)
    };
    let soon = SECOND + 500 * MS;
    end(begun().claimed(soon, 1, 12, 2), 12).breaks(&["overlap"]);
    end(begun().claimed(3 * SECOND, 1, 11, 2), 11).breaks(&["overlap"]);
    let extended = begun().said(SECOND + 900 * MS, Op::Extend, 1, 11, true);
    end(extended.claimed(2 * SECOND + 500 * MS, 1, 12, 2), 12).breaks(&["overlap"]);
    for kind in [FaultKind::KillBackend, FaultKind::Immediate, FaultKind::Restart, FaultKind::ExpireLeases] {
        end(begun().fault(SECOND + 100 * MS, kind).claimed(soon, 1, 12, 2), 12).is_fine();
    }
    for kind in [FaultKind::KillWorker, FaultKind::Terminate] {
        end(begun().fault(SECOND + 100 * MS, kind).claimed(soon, 1, 12, 2), 12).breaks(&["overlap"]);
    }
    let lost = begun().call(SECOND + 9 * MS, None, says(Op::Fail, 1, 11), Outcome::Lost);
    end(lost.claimed(soon, 1, 12, 2), 12).is_fine();
    let refused = begun().said(SECOND + 9 * MS, Op::Fail, 1, 11, false);
    end(refused.claimed(soon, 1, 12, 2), 12).breaks(&["overlap"]);
}

#[test]
fn a_short_lease_is_found() {
    let mut story = begun().said(SECOND + 5 * MS, Op::Complete, 1, 11, true).ended(1, "completed", 1);
    if let Outcome::Answered(Answer::Worked { claimed, .. }) = &mut story.0.calls[1].outcome {
        claimed[0].until -= 100 * MS;
    }
    story.breaks(&["short lease"]);
}

#[test]
fn wrong_attempts_are_found() {
    let end = |story: Story, attempt| {
        let story = story.said(9 * SECOND, Op::Complete, 1, 12, true);
        story.ended(1, "completed", attempt)
    };
    end(begun().claimed(3 * SECOND, 1, 12, 1), 1).breaks(&["attempts"]);
    end(begun().claimed(3 * SECOND, 1, 12, 3), 3).breaks(&["attempts"]);
    end(story().added(0, 1).claimed(SECOND, 1, 12, 4), 4).breaks(&["attempts"]);
    end(story().added(0, 1).claimed(SECOND, 1, 12, 0), 0).breaks(&["attempts"]);
    // somebody may have had it between, and a crash may forget who did
    let lost_claim = begun().call(2 * SECOND, None, asks(), Outcome::Lost);
    end(lost_claim.claimed(5 * SECOND, 1, 12, 3), 3).is_fine();
    let crash = || begun().fault(2 * SECOND, FaultKind::Immediate);
    end(crash().claimed(3 * SECOND, 1, 12, 1), 1).is_fine();
    // but not what it had accepted
    let failed = begun().said(SECOND + 5 * MS, Op::Fail, 1, 11, true).fault(2 * SECOND, FaultKind::Immediate);
    end(failed.claimed(3 * SECOND, 1, 12, 1), 1).breaks(&["attempts"]);
}

#[test]
fn a_job_without_an_end_is_found() {
    let failed = |story: Story, class: &str, attempt| {
        let class = Some(class.to_owned()).filter(|class| !class.is_empty());
        story.ended_as(1, |job| (job.state, job.class, job.attempt) = ("failed".into(), class, attempt))
    };
    for state in ["pending", "running", "retrying", "canceled"] {
        begun().ended(1, state, 1).breaks(&["end"]);
    }
    begun().ended(1, "completed", 1).breaks(&["end"]);
    failed(begun(), "", 3).breaks(&["end"]);
    failed(begun(), "lease_lost", 1).breaks(&["end"]);
    failed(begun(), "lease_lost", 3).is_fine();
    failed(begun(), "transient", 3).breaks(&["end"]);
    failed(begun().said(SECOND + 5 * MS, Op::Fail, 1, 11, true), "transient", 1).breaks(&["end"]);
    failed(begun().said(SECOND + 5 * MS, Op::Fail, 1, 11, true), "transient", 3).is_fine();
    failed(begun().said(SECOND + 5 * MS, Op::GiveUp, 1, 11, true), "content_invalid", 1).is_fine();
    failed(begun(), "content_invalid", 1).breaks(&["end"]);
}

#[test]
fn a_second_job_with_a_key_is_found() {
    let two = |second_at: Micros| {
        let story = begun().added(second_at, 2).claimed(5 * SECOND, 2, 21, 1);
        let story = story.said(2 * SECOND, Op::Complete, 1, 11, true);
        let story = story.said(5 * SECOND + 5 * MS, Op::Complete, 2, 21, true);
        let key = || Some("k".to_owned());
        let story = story.ended_as(1, |job| (job.key, job.finished_at) = (key(), Some(2 * SECOND)));
        story.ended_as(2, |job| job.key = key())
    };
    two(SECOND + 500 * MS).breaks(&["dedupe"]);
    two(3 * SECOND).is_fine();
}

#[test]
fn a_job_that_is_passed_over_is_found() {
    let passed = |more: Story| {
        let story =
            more.added(0, 1).added(0, 2).claimed(10 * SECOND, 2, 21, 1).claimed(20 * SECOND, 1, 11, 1);
        let story = story.said(10 * SECOND + 5 * MS, Op::Complete, 2, 21, true);
        story.said(20 * SECOND + 5 * MS, Op::Complete, 1, 11, true)
    };
    let urgent = |story: Story, owner: &str| {
        story.ended(2, "completed", 1).ended_as(1, |job| (job.priority, job.owner) = (1, owner.to_owned()))
    };
    urgent(passed(story()), "").breaks(&["priority"]);
    urgent(passed(story()), "somebody else").is_fine();
    passed(story()).ended(1, "completed", 1).ended(2, "completed", 1).is_fine();
    urgent(passed(story().fault(10 * SECOND, FaultKind::Immediate)), "").is_fine();
    let lost_claim = story().call(9 * SECOND, None, asks(), Outcome::Lost);
    urgent(passed(lost_claim), "").is_fine();
}

/// Jobs of one account and the kind that is limited, each claimed for `hold`, one every `apart`, the first `given_back` of
/// them given back.
fn limited(jobs: u64, apart: Micros, hold: Micros, given_back: u64) -> Story {
    let mut story = story();
    for n in 1..=jobs {
        let at = SECOND + n as Micros * apart;
        let token = n as i64;
        let op = if n <= given_back { Op::Snooze } else { Op::Complete };
        story = story.added(0, n).claimed(at, n, token, 1).said(at + hold, op, n, token, true);
        if n <= given_back {
            story = story.claimed(at + 60 * SECOND, n, -token, 1).said(
                at + 60 * SECOND + 2 * MS,
                Op::Complete,
                n,
                -token,
                true,
            );
        }
        story = story.ended_as(n, |job| {
            (job.kind, job.owner) = (limits::KIND.to_owned(), "workspace||account".to_owned());
        });
    }
    story
}

#[test]
fn what_is_over_a_limit_is_found() {
    let most = limits::PER_SECOND as u64;
    let apart = SECOND / most as Micros;
    // held for so short that few are at once
    limited(most + 1, apart - apart / 8, 2 * MS, 0).breaks(&["limit"]);
    limited(most + 1, apart + 1, 2 * MS, 0).is_fine();
    limited(most + 1, apart - apart / 8, 2 * MS, 30).is_fine();
    let at_once = limits::AT_ONCE as u64;
    limited(at_once + 1, 10 * MS, 500 * MS, 0).breaks(&["limit"]);
    limited(at_once, 10 * MS, 500 * MS, 0).is_fine();
}

#[test]
fn a_refusal_that_nobody_expects_is_found() {
    let refused = |code: &str| {
        let outcome = Outcome::Refused { code: code.to_owned(), error: "no".to_owned() };
        begun()
            .call(SECOND + 5 * MS, Some(SECOND + 6 * MS), says(Op::Complete, 1, 11), outcome)
            .said(SECOND + 9 * MS, Op::Complete, 1, 11, true)
            .ended(1, "completed", 1)
    };
    refused("XX000").breaks(&["refused"]);
    refused("55P03").is_fine();
}

#[test]
fn a_torn_last_line_is_no_error_and_another_one_is() {
    let asked = r#"{"is":"asked","at":1,"call":1,"ask":{"ask":"work","answers":[],"claim":null}}"#;
    let mut history = History::default();
    history.session("a", &format!("{asked}\n{{\"is\":\"ans")).unwrap();
    assert!(matches!(history.calls[..], [Call { outcome: Outcome::Lost, answered: None, .. }]));
    let error = history.session("b", "{\"is\":\"ans\n").unwrap_err();
    assert!(error.starts_with("b:1: "), "{error}");
    let unasked = r#"{"is":"lost","at":2,"call":7,"error":"x"}"#;
    assert!(history.session("c", &format!("{unasked}\n")).unwrap_err().contains("call 7"));
}
