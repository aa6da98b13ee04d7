//! The set against a naive model, and the promises about order, fairness and room.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::ptr::NonNull;

use proptest::prelude::*;

use crate::types::{Filter, Full, Lease, NEVER, NewJob, Node, Picked, Scope, State};
use crate::{Capacity, Set};

/// Memory as the server gives it.
struct Memory(Vec<u128>);

impl Memory {
    fn new(capacity: Capacity) -> Self {
        let mut memory = Self(vec![0; capacity.bytes() / 16 + 8]);
        unsafe { Set::format(memory.block(), capacity) };
        memory
    }

    fn block(&mut self) -> NonNull<u8> {
        let start = self.0.as_mut_ptr().cast::<u8>();
        let start = start.wrapping_add(start.align_offset(64));
        NonNull::new(start).expect("memory")
    }

    fn set(&mut self) -> Set<'_> {
        unsafe { Set::open(self.block()) }
    }
}

const NOW: i64 = 10;
const ALL: Filter<'static> = Filter { kinds: None, platforms: None, workspaces: None };

fn job(id: u128) -> NewJob<'static> {
    NewJob {
        id,
        workspace: 0,
        account: 0,
        user: 0,
        kind: "k",
        platform: "",
        priority: 0,
        run_at: 0,
        expires_at: NEVER,
        attempt: 0,
        max_attempts: 3,
        lost_leases: 0,
        flags: 0,
        lease: None,
    }
}

fn claim(set: &mut Set<'_>, now: i64, filter: &Filter<'_>, max: usize) -> Vec<u128> {
    let mut out: Vec<Picked> = Vec::new();
    set.claim(0, 1, now, filter, max, now + 1, now + 100, &[], &mut out);
    for pick in &out {
        set.release(pick.ix, NOW);
    }
    set.check();
    out.iter().map(|pick| pick.before.id).collect()
}

fn complete(set: &mut Set<'_>, id: u128) {
    let ix = set.find(0, id).expect("the job");
    let node = set.lock(ix, 1).expect("nobody else's");
    set.change(ix, &Node { state: State::Gone, ..node });
    set.release(ix, NOW);
}

#[test]
fn the_order_is_priority_then_time_then_id() {
    let mut memory = Memory::new(Capacity::for_jobs(100));
    let mut set = memory.set();
    set.open_db(7);
    for (id, kind, priority, run_at) in
        [(1, "a", -1, 0), (2, "b", 0, 5), (3, "a", 0, 5), (4, "b", 9, 7), (5, "c", 0, 4)]
    {
        set.add(0, &NewJob { kind, priority, run_at, ..job(id) }, 0, -9).expect("room");
    }
    assert_eq!(claim(&mut set, 10, &ALL, 10), [4, 5, 2, 3, 1], "across kinds of the same owner");
}

#[test]
fn one_owner_with_many_jobs_delays_nobody_by_more_than_one() {
    let mut memory = Memory::new(Capacity::for_jobs(120_000));
    let mut set = memory.set();
    set.open_db(7);
    for id in 1..=100_000 {
        set.add(0, &NewJob { account: 1, ..job(id) }, 0, NOW).expect("room");
    }
    let first = claim_quietly(&mut set, 1_000);
    assert!(first.iter().all(|id| *id <= 100_000));
    for account in 2..=50 {
        set.add(0, &NewJob { account, run_at: 9, kind: "other", ..job(200_000 + account) }, 0, NOW)
            .expect("room");
    }
    let next = claim_quietly(&mut set, 50);
    let others = next.iter().filter(|id| **id > 100_000).count();
    assert_eq!(others, 49, "expected everyone else's job and one of the first: {next:?}");
    // somebody who comes later gets no turns that went by
    set.add(0, &NewJob { account: 99, ..job(300_000) }, 0, NOW).expect("room");
    set.add(0, &NewJob { account: 99, ..job(300_001) }, 0, NOW).expect("room");
    set.add(0, &NewJob { account: 99, ..job(300_002) }, 0, NOW).expect("room");
    let next = claim_quietly(&mut set, 4);
    assert_eq!(next.iter().filter(|id| **id >= 300_000).count(), 2, "turn by turn: {next:?}");
}

fn claim_quietly(set: &mut Set<'_>, max: usize) -> Vec<u128> {
    let mut out = Vec::new();
    set.claim(0, 1, 10, &ALL, max, 1, 100, &[], &mut out);
    out.iter().for_each(|pick| set.release(pick.ix, NOW));
    out.iter().map(|pick| pick.before.id).collect()
}

#[test]
fn filters_choose() {
    let mut memory = Memory::new(Capacity::for_jobs(100));
    let mut set = memory.set();
    set.open_db(7);
    for (id, kind, platform, workspace) in [
        (1, "a", "x", 1),
        (2, "b", "x", 1),
        (3, "a", "y", 2),
        (4, "a", "", 0),
        (5, "a", "x", 3),
        (6, "a", "x", 2),
    ] {
        set.add(0, &NewJob { kind, platform, workspace, account: workspace, ..job(id) }, 0, -9)
            .expect("room");
    }
    let next = |set: &mut Set<'_>, filter: Filter<'_>| {
        let due = set.next_due(0, 1, 5, &filter, &[]);
        let ids = claim(set, 5, &filter, 10);
        assert!(due.is_some_and(|due| due <= 5) || filter.workspaces.is_some() || ids.is_empty());
        ids
    };
    assert_eq!(next(&mut set, Filter { kinds: Some(&["b", "c"]), ..ALL }), [2]);
    assert_eq!(next(&mut set, Filter { platforms: Some(&["y"]), ..ALL }), [3]);
    assert_eq!(next(&mut set, Filter { workspaces: Some(&[2, 3]), ..ALL }), [5, 6]);
    assert_eq!(next(&mut set, Filter { kinds: Some(&[]), ..ALL }), []);
    assert_eq!(next(&mut set, ALL), [4, 1], "the first has had a turn already");
}

#[test]
fn what_is_paused_is_not_handed_out() {
    let mut memory = Memory::new(Capacity::for_jobs(100));
    let mut set = memory.set();
    set.open_db(7);
    let scopes = [Scope::All, Scope::Kind("a"), Scope::Platform("x"), Scope::Account(8), Scope::Workspace(9)];
    for (round, scope) in (1..).zip(scopes) {
        for late in [false, true] {
            let id = round * 10 + u128::from(late);
            if late {
                assert!(set.pause(0, scope, true));
            }
            let new = NewJob { kind: "a", platform: "x", account: 8, workspace: 9, ..job(id) };
            set.add(0, &new, 0, -9).expect("room");
            if !late {
                // due before the pause
                assert_eq!(set.next_due(0, 1, 5, &ALL, &[]), Some(0));
                let nothing = claim(&mut set, -1, &ALL, 10);
                assert_eq!(nothing, []);
            }
        }
        assert_eq!(claim(&mut set, 5, &ALL, 10), [], "{scope:?}");
        assert_eq!(set.next_due(0, 1, 5, &ALL, &[]).filter(|at| *at > 5), None, "{scope:?}");
        set.pause(0, scope, false);
        assert_eq!(claim(&mut set, 5, &ALL, 10), [round * 10, round * 10 + 1], "{scope:?}");
    }
    assert!(set.pause(0, Scope::Kind("b"), true) && set.pause(0, Scope::All, true));
    set.resume_all(0);
    set.add(0, &NewJob { kind: "b", ..job(1) }, 0, -9).expect("room");
    assert_eq!(claim(&mut set, 5, &ALL, 10), [1]);
}

#[test]
fn a_full_set_refuses_and_stays_whole() {
    let capacity = Capacity { nodes: 20, lanes: 10, owners: 8, classes: 4, databases: 2 };
    let mut memory = Memory::new(capacity);
    let mut set = memory.set();
    assert_eq!(
        (set.open_db(1), set.open_db(2), set.open_db(3), set.open_db(1)),
        (Some(0), Some(1), None, Some(0))
    );
    let kinds = ["a", "b", "c", "d", "e", "f"];
    let mut added = Vec::new();
    for id in 1..=60 {
        let new = NewJob { account: id % 11, kind: kinds[id as usize % 6], ..job(id) };
        match set.add(0, &new, 0, 0) {
            Ok(_) => added.push(id),
            Err(full) => assert_eq!(full, Full::Room),
        }
        set.check();
    }
    assert_eq!(set.add(0, &job(added[0]), 0, 0), Err(Full::Present));
    let long = "x".repeat(401);
    assert_eq!(set.add(0, &NewJob { kind: &long, ..job(99) }, 0, 0), Err(Full::Name));
    for id in added {
        complete(&mut set, id);
        set.check();
    }
    assert!(set.is_empty());
}

#[test]
fn what_ends_while_the_log_is_read_does_not_come_back() {
    let mut memory = Memory::new(Capacity::for_jobs(10));
    let mut set = memory.set();
    set.open_db(7);
    set.add(0, &job(1), 0, -9).expect("room");
    let (first, second) = (set.begin_load(0).expect("room"), set.begin_load(0).expect("room"));
    complete(&mut set, 1);
    let later = set.begin_load(0).expect("room");
    assert_eq!(set.add(0, &job(1), 0, 0), Err(Full::Ended), "the reader saw it unfinished");
    assert_eq!(set.lock(set.find(0, 1).expect("findable"), 1), None);
    set.end_load(0, second);
    assert!(set.find(0, 1).is_some());
    set.end_load(0, first);
    assert!(set.find(0, 1).is_none(), "who began later can't have seen it");
    set.end_load(0, later);
    assert!(set.is_empty());
}

/// What happens in a random run.
#[derive(Clone, Debug)]
enum Step {
    Add { owner: u128, kind: usize, priority: i32, run_at: i64, by: u32, leased: bool, expires: bool },
    Claim { by: u32, max: usize, kind: Option<usize>, workspace: Option<u128> },
    Overdue { by: u32 },
    Extend { pick: usize, until: i64 },
    Change { pick: usize, by: u32, state: u8, run_at: i64 },
    End { by: u32, abort: bool },
    Load { begin: bool },
    Forget,
    Tick { by: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..6_u128, 0..3_usize, -1..2_i32, 0..60_i64, 0..4_u32, prop::bool::weighted(0.1), prop::bool::weighted(0.1))
            .prop_map(|(owner, kind, priority, run_at, by, leased, expires)| Step::Add { owner, kind, priority, run_at, by, leased, expires }),
        4 => (1..4_u32, 1..6_usize, prop::option::weighted(0.3, 0..3_usize), prop::option::weighted(0.2, 0..3_u128))
            .prop_map(|(by, max, kind, workspace)| Step::Claim { by, max, kind, workspace }),
        1 => (1..4_u32).prop_map(|by| Step::Overdue { by }),
        1 => (any::<usize>(), 0..200_i64).prop_map(|(pick, until)| Step::Extend { pick, until }),
        4 => (any::<usize>(), 1..4_u32, 0..3_u8, 0..90_i64).prop_map(|(pick, by, state, run_at)| Step::Change { pick, by, state, run_at }),
        4 => (1..4_u32, any::<bool>()).prop_map(|(by, abort)| Step::End { by, abort }),
        1 => any::<bool>().prop_map(|begin| Step::Load { begin }),
        1 => Just(Step::Forget),
        2 => (1..30_i64).prop_map(|by| Step::Tick { by }),
    ]
}

const KINDS: [&str; 3] = ["a", "b", "c"];

/// A job as the model has it.
#[derive(Clone, Debug)]
struct Model {
    node: Node,
    kind: usize,
    workspace: u128,
}

#[derive(Default)]
struct Run {
    jobs: BTreeMap<u128, Model>,
    /// What each transaction has to undo.
    undo: BTreeMap<u32, Vec<(u32, Option<Node>)>>,
    next: u128,
    now: i64,
    loads: Vec<u32>,
}

impl Run {
    fn touch(&mut self, set: &mut Set<'_>, by: u32, ix: u32, to: impl FnOnce(Node) -> Node) -> bool {
        let Some(before) = set.lock(ix, by) else { return false };
        self.undo.entry(by).or_default().push((ix, Some(before)));
        set.change(ix, &to(before));
        let node = set.get(ix);
        self.jobs.get_mut(&node.id).expect("known").node = node;
        true
    }

    fn step(&mut self, set: &mut Set<'_>, step: Step) {
        match step {
            Step::Add { owner, kind, priority, run_at, by, leased, expires } => {
                self.next += 1;
                let lease = leased.then_some(Lease { token: 5, until: self.now + run_at });
                let new = NewJob {
                    workspace: owner % 3,
                    account: owner,
                    kind: KINDS[kind],
                    priority,
                    run_at: self.now + run_at - 20,
                    expires_at: if expires { self.now + 15 } else { NEVER },
                    lease,
                    ..job(self.next)
                };
                let Ok(ix) = set.add(0, &new, by, self.now) else { return };
                if by != 0 {
                    self.undo.entry(by).or_default().push((ix, None));
                }
                self.jobs.insert(self.next, Model { node: set.get(ix), kind, workspace: owner % 3 });
            }
            Step::Claim { by, max, kind, workspace } => self.claim(set, by, max, kind, workspace),
            Step::Overdue { by } => {
                let mut out = Vec::new();
                set.overdue(0, by, self.now, 3, &[], &mut out);
                for (ix, before) in out {
                    assert!(
                        before.state == State::Leased && before.lease_until <= self.now && before.locker == 0
                    );
                    self.undo.entry(by).or_default().push((ix, Some(before)));
                    self.jobs.get_mut(&before.id).expect("known").node = set.get(ix);
                }
            }
            Step::Extend { pick, until } => {
                let leased: Vec<u128> =
                    self.jobs.values().filter(|m| m.node.state == State::Leased).map(|m| m.node.id).collect();
                if let Some(id) = leased.get(pick % leased.len().max(1)) {
                    let ix = set.find(0, *id).expect("in memory");
                    set.extend(ix, until);
                    self.jobs.get_mut(id).expect("known").node = set.get(ix);
                }
            }
            Step::Change { pick, by, state, run_at } => {
                let ids: Vec<u128> = self.jobs.keys().copied().collect();
                let Some(id) = ids.get(pick % ids.len().max(1)) else { return };
                let ix = set.find(0, *id).expect("in memory");
                let state = [State::Waiting, State::Leased, State::Gone][usize::from(state)];
                let was = self.jobs[id].node;
                if was.state == State::Gone {
                    return;
                }
                let changed =
                    self.touch(set, by, ix, |node| Node { state, run_at, lease_until: run_at, ..node });
                assert_eq!(changed, was.locker == 0 || was.locker == by);
            }
            Step::End { by, abort } => self.end(set, by, abort),
            Step::Load { begin: true } => self.loads.extend(set.begin_load(0)),
            Step::Load { begin: false } if !self.loads.is_empty() => {
                let at = self.now as usize % self.loads.len();
                set.end_load(0, self.loads.swap_remove(at));
            }
            Step::Load { .. } => {}
            Step::Forget => {
                set.forget(0);
                self.jobs.retain(|_, model| model.node.locker != 0);
            }
            Step::Tick { by } => self.now += by,
        }
    }

    fn claim(
        &mut self,
        set: &mut Set<'_>,
        by: u32,
        max: usize,
        kind: Option<usize>,
        workspace: Option<u128>,
    ) {
        let (kinds, workspaces) = (kind.map(|kind| [KINDS[kind]]), workspace.map(|id| [id]));
        let filter = Filter {
            kinds: kinds.as_ref().map(<[&str; 1]>::as_slice),
            platforms: None,
            workspaces: workspaces.as_ref().map(<[u128; 1]>::as_slice),
        };
        let mine: Vec<u32> = self.undo.get(&by).into_iter().flatten().map(|(ix, _)| *ix).collect();
        let mut unique = mine.clone();
        unique.sort_unstable();
        unique.dedup();
        let now = self.now;
        let could = |model: &Model| {
            model.node.state == State::Waiting
                && (model.node.locker == 0 || model.node.locker == by)
                && model.node.run_at <= now
                && kind.is_none_or(|kind| kind == model.kind)
                && workspace.is_none_or(|id| id == model.workspace)
        };
        let available: Vec<Node> = self.jobs.values().filter(|m| could(m)).map(|m| m.node).collect();
        let mut out = Vec::new();
        set.claim(0, by, now, &filter, max, now * 10 + i64::from(by), now + 25, &unique, &mut out);
        let best = available.iter().map(|node| node.priority).max();
        assert_eq!(out.first().map(|pick| pick.before.priority), best, "the best priority comes first");
        let fresh = available.iter().filter(|node| node.expires_at > now).count();
        assert_eq!(out.iter().filter(|pick| !pick.expired).count(), fresh.min(max), "as many as there are");
        for Picked { ix, before, expired } in out {
            assert!(could(&self.jobs[&before.id]), "{before:?}");
            assert_eq!(expired, before.expires_at <= now);
            self.undo.entry(by).or_default().push((ix, Some(before)));
            self.jobs.get_mut(&before.id).expect("known").node = set.get(ix);
        }
    }

    fn end(&mut self, set: &mut Set<'_>, by: u32, abort: bool) {
        let mut undo = self.undo.remove(&by).unwrap_or_default();
        if abort {
            while let Some((ix, before)) = undo.pop() {
                let id = set.get(ix).id;
                let left = undo.iter().any(|(other, _)| *other == ix);
                match before {
                    None => {
                        set.discard(ix);
                        self.jobs.remove(&id);
                    }
                    Some(before) => {
                        set.restore(ix, &before, left, self.now);
                        self.jobs.get_mut(&id).expect("known").node = set.get(ix);
                    }
                }
            }
        } else {
            let mut touched: Vec<u32> = undo.into_iter().map(|(ix, _)| ix).collect();
            touched.sort_unstable();
            touched.dedup();
            for ix in touched {
                let node = set.get(ix);
                set.release(ix, self.now);
                if node.state == State::Gone {
                    self.jobs.remove(&node.id);
                } else {
                    self.jobs.get_mut(&node.id).expect("known").node = set.get(ix);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn any_run_agrees_with_the_model(steps in prop::collection::vec(step(), 1..120)) {
        let mut memory = Memory::new(Capacity { nodes: 40, lanes: 16, owners: 6, classes: 3, databases: 1 });
        let mut set = memory.set();
        set.open_db(7);
        let mut run = Run::default();
        for step in steps {
            run.step(&mut set, step);
            set.check();
            let counts = set.counts(0);
            prop_assert_eq!(counts.waiting + counts.due + counts.leased + counts.locked, run.jobs.len() as u32);
            for (id, model) in &run.jobs {
                let node = set.find(0, *id).map(|ix| set.get(ix));
                prop_assert_eq!(node, Some(model.node));
            }
        }
        for by in 1..4 {
            run.end(&mut set, by, true);
        }
        while !run.loads.is_empty() {
            run.step(&mut set, Step::Load { begin: false });
        }
        set.forget(0);
        set.check();
        prop_assert!(set.is_empty());
    }
}

/// Prints how long a job takes: `cargo test -p crier-queue --release -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn nanoseconds_per_job() {
    for jobs in [1_000_u128, 1_000_000] {
        let mut memory = Memory::new(Capacity::for_jobs(1_100_000));
        let mut set = memory.set();
        set.open_db(7);
        let start = std::time::Instant::now();
        for id in 1..=jobs {
            set.add(0, &NewJob { account: id % 1_000, ..job(id) }, 0, -9).expect("room");
        }
        let added = start.elapsed();
        let start = std::time::Instant::now();
        for _ in 0..jobs / 500 {
            let mut out = Vec::new();
            set.claim(0, 1, 10, &ALL, 500, 1, 100, &[], &mut out);
            for pick in &out {
                set.release(pick.ix, NOW);
            }
            for pick in &out {
                let node = set.lock(pick.ix, 1).expect("ours");
                set.change(pick.ix, &Node { state: State::Gone, ..node });
                set.release(pick.ix, NOW);
            }
        }
        let per_job = |time: std::time::Duration| time.as_nanos() / jobs;
        println!(
            "{jobs} jobs: add {} ns, claim and complete {} ns each",
            per_job(added),
            per_job(start.elapsed())
        );
    }
}
