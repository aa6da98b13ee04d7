//! Any sequence of calls against a naive model.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Memory, job};
use crate::types::{Filter, Lease, MARKED, NEVER, NewJob, Node, Picked, State};
use crate::{Capacity, Set};

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
                let changed = self.touch(set, by, ix, |node| {
                    let flags = if run_at % 2 == 0 { MARKED } else { 0 };
                    Node { state, run_at, lease_until: run_at, flags, ..node }
                });
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
        for Picked { ix, before, expired, .. } in out {
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
                        set.discard(ix, self.now);
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
        let mut memory = Memory::new(Capacity { nodes: 40, lanes: 16, owners: 6, classes: 3, databases: 1, gates: 8, windows: 8 });
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
