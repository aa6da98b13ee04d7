//! Random steps against a naive record of what was handed out when.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{ACTIONS, KINDS, OWNER_CONCURRENCY, PLATFORM, PRICES, limits, set_rules};
use crate::tests::{ALL, Memory, job};
use crate::types::{Filter, Gated, NewJob, Node, Own, OwnLimit, Picked, SPEND, State, USED_UP};
use crate::{Capacity, Set};

#[derive(Clone, Debug)]
enum Step {
    Add { account: u128, kind: usize, by: u32 },
    Claim { by: u32, max: usize, kind: Option<usize> },
    Answer { pick: usize, how: u8 },
    End { by: u32, abort: bool },
    Report { pick: usize, worked: bool },
    Block { account: u128, for_: i64 },
    Record { account: u128 },
    Rules { own: bool },
    Forget,
    Tick(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..4_u128, 0..3_usize, 0..3_u32)
            .prop_map(|(account, kind, by)| Step::Add { account, kind, by }),
        6 => (1..3_u32, 1..5_usize, prop::option::weighted(0.3, 0..3_usize))
            .prop_map(|(by, max, kind)| Step::Claim { by, max, kind }),
        6 => (any::<usize>(), 0..7_u8).prop_map(|(pick, how)| Step::Answer { pick, how }),
        5 => (1..3_u32, prop::bool::weighted(0.3)).prop_map(|(by, abort)| Step::End { by, abort }),
        1 => (any::<usize>(), any::<bool>()).prop_map(|(pick, worked)| Step::Report { pick, worked }),
        1 => (1..4_u128, 0..90_i64).prop_map(|(account, for_)| Step::Block { account, for_ }),
        1 => (1..4_u128).prop_map(|account| Step::Record { account }),
        1 => any::<bool>().prop_map(|own| Step::Rules { own }),
        1 => Just(Step::Forget),
        4 => (0..40_i64).prop_map(Step::Tick),
    ]
}

/// What a job has used: an action of an account on a server at a time.
#[derive(Clone, Copy, Debug)]
struct Use {
    account: u128,
    kind: usize,
    at: i64,
    cost: u32,
}

impl Use {
    /// What it counts for in the windows of an action.
    fn weight(&self, action: &str) -> u32 {
        if action == SPEND { self.cost } else { u32::from(ACTIONS[self.kind] == action) }
    }
}

#[derive(Clone, Copy, Debug)]
struct Job {
    account: u128,
    kind: usize,
    host: bool,
    /// In workers' hands, also if the transaction that answered has not ended.
    runs: bool,
}

#[derive(Default)]
struct Run {
    now: i64,
    next: u128,
    jobs: BTreeMap<u128, Job>,
    undo: BTreeMap<u32, Vec<(u32, Option<Node>)>>,
    /// What each job has used last, and what was used by those that ended.
    uses: BTreeMap<u128, Use>,
    past: Vec<Use>,
    blocked: BTreeMap<u128, i64>,
    last: BTreeMap<u128, i64>,
}

impl Run {
    /// What the windows of an action count: of an account, or of all.
    fn used(&self, length: i64, action: &str, account: Option<u128>) -> u32 {
        let all = self.uses.values().chain(&self.past).filter(|used| used.at > self.now - length);
        all.filter(|used| account.is_none_or(|id| id == used.account)).map(|used| used.weight(action)).sum()
    }

    fn running(&self, which: impl Fn(&Job) -> bool) -> u32 {
        self.jobs.values().filter(|job| job.runs && which(job)).count() as u32
    }

    /// Nothing is over its limit.
    fn check(&self) {
        for limit in limits() {
            if limit.shared {
                let used = self.used(limit.length, limit.action, None);
                assert!(used <= limit.max, "{used} of {limit:?}");
            }
            for account in (1..4).filter(|_| !limit.shared) {
                let used = self.used(limit.length, limit.action, Some(account));
                assert!(used <= limit.max, "{used} of {limit:?} of account {account}");
            }
        }
        let limited = |job: &Job| job.account != 0 && job.kind != 2;
        for host in [false, true] {
            assert!(self.running(|job| limited(job) && job.host == host) <= PLATFORM.concurrency);
        }
        for account in 0..4 {
            let most = PLATFORM.account_concurrency;
            assert!(self.running(|job| limited(job) && job.account == account) <= most);
            assert!(
                self.running(|job| job.kind == 2 && job.account == account) <= OWNER_CONCURRENCY,
                "account {account}"
            );
        }
    }

    /// Where no transaction is open, the windows count what was used, and for no more than a bucket or two too long.
    fn check_windows(&self, set: &mut Set<'_>) {
        if self.undo.values().any(|undo| !undo.is_empty()) {
            return;
        }
        let actions = [ACTIONS[0], ACTIONS[1], SPEND];
        let of_accounts = (1..4).flat_map(|account| actions.map(|action| (Some(account), action)));
        for (account, action) in of_accounts.chain([(None, ACTIONS[0]), (None, SPEND)]) {
            let what = account.map_or(Gated::Shared("x", action), |id| Gated::Action(id, "x", action));
            for window in set.status(0, what, self.now).windows {
                let slack = 2 * (window.length / 60 + 1);
                let used = |length| self.used(length, action, account);
                assert!(window.used >= used(window.length), "{window:?} of {what:?}");
                assert!(window.used <= used(window.length + slack), "{window:?} of {what:?}");
            }
        }
    }

    fn step(&mut self, set: &mut Set<'_>, step: Step) {
        match step {
            Step::Add { account, kind, by } => {
                self.next += 1;
                // an account is on one server
                let host = account == 3;
                let new = NewJob {
                    account,
                    kind: KINDS[kind],
                    platform: if account == 0 { "" } else { "x" },
                    host: if host { "h" } else { "" },
                    run_at: self.now,
                    ..job(self.next)
                };
                let Ok(ix) = set.add(0, &new, by, self.now) else { return };
                if by != 0 {
                    self.undo.entry(by).or_default().push((ix, None));
                }
                self.jobs.insert(self.next, Job { account, kind, host, runs: false });
            }
            Step::Claim { by, max, kind } => self.claim(set, by, max, kind),
            Step::Answer { pick, how } => self.answer(set, pick, how),
            Step::End { by, abort } => self.end(set, by, abort),
            Step::Report { pick, worked } => {
                let leased: Vec<u128> =
                    self.jobs.iter().filter(|(_, job)| job.runs).map(|(id, _)| *id).collect();
                if let Some(id) = leased.get(pick % leased.len().max(1)) {
                    let ix = set.find(0, *id).expect("in memory");
                    set.report(ix, worked, self.now);
                }
            }
            Step::Block { account, for_ } => {
                let what = Gated::Account(account, "x");
                let entry = self.blocked.entry(account).or_default();
                if for_ < 20 {
                    set.unblock(0, what, 0, self.now);
                    *entry = 0;
                } else {
                    // one that has passed changes nothing
                    let until = self.now + for_ - 40;
                    set.block(0, what, until, self.now).expect("room");
                    *entry = until.max(*entry);
                }
            }
            Step::Record { account } => {
                let what = (account, "x", "like");
                if set.record(0, what, 1, (true, true), self.now).expect("room") {
                    self.past.push(Use { account, kind: 1, at: self.now, cost: 0 });
                }
            }
            Step::Rules { own } => {
                // tighter than the rule, and as loose as it
                let max = if own { 1 } else { 2 };
                let limit = Own { length: 60, max, bound: own };
                if self.now % 2 == 0 {
                    set_rules(
                        set,
                        &[OwnLimit { account: 1, platform: "x", action: "like", limit }],
                        self.now,
                    );
                } else {
                    set.set_own_limits(0, 1, ("x", "like"), &[limit], self.now).expect("room");
                }
            }
            Step::Forget => {
                set.forget(0);
                let there: Vec<u128> = self.jobs.keys().copied().collect();
                for id in there.into_iter().filter(|id| set.find(0, *id).is_none()) {
                    self.jobs.remove(&id);
                    self.past.extend(self.uses.remove(&id));
                }
            }
            Step::Tick(by) => self.now += by,
        }
    }

    fn claim(&mut self, set: &mut Set<'_>, by: u32, max: usize, kind: Option<usize>) {
        let kinds = kind.map(|kind| [KINDS[kind]]);
        let filter = Filter { kinds: kinds.as_ref().map(<[&str; 1]>::as_slice), ..ALL };
        let mut mine: Vec<u32> = self.undo.get(&by).into_iter().flatten().map(|(ix, _)| *ix).collect();
        mine.sort_unstable();
        mine.dedup();
        let mut out = Vec::new();
        set.claim(0, by, self.now, &filter, max, self.now, self.now + 1_000, &mine, &mut out);
        let few = out.len() < max;
        for Picked { ix, before, limited, .. } in out {
            self.undo.entry(by).or_default().push((ix, Some(before)));
            let id = before.id;
            let job = self.jobs.get_mut(&id).expect("known");
            assert_eq!(limited, job.account != 0 && job.kind != 2, "{job:?}");
            assert!(!job.runs || !limited, "{job:?}");
            job.runs = true;
            let Job { account, kind, .. } = *job;
            if limited {
                assert!(self.blocked.get(&account).is_none_or(|until| *until <= self.now), "blocked");
                let last = self.last.insert(account, self.now);
                assert!(last.is_none_or(|last| last + PLATFORM.account_gap <= self.now), "too soon");
                let cost = set.get(ix).cost;
                assert_eq!(cost, PRICES[kind]);
                self.uses.insert(id, Use { account, kind, at: self.now, cost });
            }
        }
        self.check();
        if few {
            self.nothing_more(set, by, kind);
        }
    }

    /// What was left where a claim got less than it wanted could not have been handed out.
    fn nothing_more(&self, set: &mut Set<'_>, by: u32, only: Option<usize>) {
        for (id, job) in &self.jobs {
            let node = set.get(set.find(0, *id).expect("in memory"));
            let takes = only.is_none_or(|kind| kind == job.kind) && (node.locker == 0 || node.locker == by);
            // what the same transaction has answered waits for its end, if it is limited
            let answered = job.runs && job.account != 0;
            if node.state != State::Waiting || !takes || answered {
                continue;
            }
            let open = if job.kind == 2 || job.account == 0 {
                job.kind != 2
                    || self.running(|other| other.kind == 2 && other.account == job.account)
                        < OWNER_CONCURRENCY
            } else {
                let host = if job.host { "h" } else { "" };
                let whats = [
                    Gated::Account(job.account, "x"),
                    Gated::Site("x", host),
                    Gated::Action(job.account, "x", ACTIONS[job.kind]),
                    Gated::Shared("x", ACTIONS[job.kind]),
                    Gated::Action(job.account, "x", SPEND),
                    Gated::Shared("x", SPEND),
                ];
                let gap =
                    self.last.get(&job.account).is_none_or(|last| last + PLATFORM.account_gap <= self.now);
                gap && whats.into_iter().all(|what| {
                    let status = set.status(0, what, self.now);
                    let most = if status.trips > 0 { 1 } else { status.max_running };
                    status.blocked_until <= self.now
                        && status.open_until <= self.now
                        && (most == 0 || status.running < most)
                        && status.windows.iter().all(|window| window.free_at <= self.now)
                })
            };
            assert!(!open, "job {id} was left: {job:?} {node:?}");
        }
    }

    fn answer(&mut self, set: &mut Set<'_>, pick: usize, how: u8) {
        let by = 1 + pick as u32 % 2;
        let leased: Vec<u128> = self.jobs.iter().filter(|(_, job)| job.runs).map(|(id, _)| *id).collect();
        let Some(id) = leased.get(pick % leased.len().max(1)) else { return };
        let ix = set.find(0, *id).expect("in memory");
        if set.get(ix).state != State::Leased {
            return;
        }
        let Some(before) = set.lock(ix, by) else { return };
        self.undo.entry(by).or_default().push((ix, Some(before)));
        let to = match how {
            0 | 1 => Node { state: State::Gone, ..before },
            // nothing was done
            2 | 3 => Node { state: State::Waiting, used_at: 0, cost: 0, ..before },
            // it was done, and cost nothing
            4 => Node { state: State::Gone, cost: 0, ..before },
            5 => Node { state: State::Waiting, used_at: USED_UP, cost: 0, ..before },
            _ => Node { state: State::Waiting, ..before },
        };
        set.change(ix, &to);
    }

    fn end(&mut self, set: &mut Set<'_>, by: u32, abort: bool) {
        let mut undo = self.undo.remove(&by).unwrap_or_default();
        let mut touched: Vec<u32> = undo.iter().map(|(ix, _)| *ix).collect();
        touched.sort_unstable();
        touched.dedup();
        let nodes: Vec<(u32, Node)> = touched.into_iter().map(|ix| (ix, set.get(ix))).collect();
        if abort {
            while let Some((ix, before)) = undo.pop() {
                let left = undo.iter().any(|(other, _)| *other == ix);
                match before {
                    None => set.discard(ix, self.now),
                    Some(before) => set.restore(ix, &before, left, self.now),
                }
            }
        } else {
            for (ix, node) in &nodes {
                if let Some(used) = self.uses.get_mut(&node.id) {
                    used.cost = node.cost;
                }
                if node.used_at == USED_UP {
                    self.past.extend(self.uses.remove(&node.id));
                }
                set.release(*ix, self.now);
            }
        }
        for (_, Node { id, .. }) in nodes {
            let Some(ix) = set.find(0, id) else {
                self.jobs.remove(&id);
                if !abort {
                    self.past.extend(self.uses.remove(&id));
                } else {
                    self.uses.remove(&id);
                }
                continue;
            };
            let node = set.get(ix);
            self.jobs.get_mut(&id).expect("known").runs = node.state == State::Leased;
            let Job { account, kind, .. } = self.jobs[&id];
            match node.used_at {
                0 => drop(self.uses.remove(&id)),
                at => drop(self.uses.insert(id, Use { account, kind, at, cost: node.cost })),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn no_limit_is_overshot_and_nobody_waits_for_nothing(steps in prop::collection::vec(step(), 1..160)) {
        let mut memory = Memory::new(Capacity { gates: 18, windows: 40, ..Capacity::for_jobs(200) });
        let mut set = memory.set();
        set.open_db(7);
        let mut run = Run { now: 1_000, ..Run::default() };
        set_rules(&mut set, &[], run.now);
        for step in steps {
            run.step(&mut set, step);
            set.check();
            run.check_windows(&mut set);
        }
        for by in 1..3 {
            run.end(&mut set, by, true);
            set.check();
        }
        // whatever is left gets its turn when time passes
        for _ in 0..3_000 {
            run.now += 7;
            run.claim(&mut set, 1, 50, None);
            let leased: Vec<u128> = run.jobs.iter().filter(|(_, job)| job.runs).map(|(id, _)| *id).collect();
            for id in leased {
                let ix = set.find(0, id).expect("in memory");
                set.report(ix, true, run.now);
                if let Some(before) = set.lock(ix, 1) {
                    run.undo.entry(1).or_default().push((ix, Some(before)));
                    set.change(ix, &Node { state: State::Gone, ..before });
                }
            }
            run.end(&mut set, 1, false);
            if run.jobs.is_empty() {
                break;
            }
        }
        prop_assert!(run.jobs.is_empty(), "left: {:?}", run.jobs);
        set.check();
        prop_assert!(set.is_empty());
    }
}
