//! Looks at everything and says what does not fit together.

use std::collections::{HashMap, HashSet};

use crate::block::{Place, Set};
use crate::heap::NIL;
use crate::types::{Counts, MARKED, State};

impl Set<'_> {
    /// Panics where something does not fit.
    pub(crate) fn check(&self) {
        let mut used = 0;
        for ix in 0..self.head.nodes.used_once {
            let slot = &self.slots[ix as usize];
            if slot.place == Place::Free {
                continue;
            }
            used += 1;
            assert_eq!(self.find(self.db_of(ix), slot.node.id), Some(ix), "a job is found by its id");
            match slot.place {
                Place::Nowhere => assert!(slot.node.locker != 0, "a job that is nowhere is locked"),
                Place::Timers | Place::Lane => {
                    assert_eq!((slot.node.state, slot.node.locker), (State::Waiting, 0))
                }
                Place::Leases => assert_eq!((slot.node.state, slot.node.locker), (State::Leased, 0)),
                Place::Tomb => assert_eq!(slot.node.state, State::Gone),
                Place::Free => {}
            }
        }
        assert_eq!(used, self.head.nodes.in_use, "jobs in use");
        let mut lanes = 0;
        for db in 0..self.head.databases {
            let in_leases = self.walk(self.dbs[db as usize].leases, false);
            let mut leased = 0;
            self.each_class(db, |class| {
                let entry = &self.classes[class as usize];
                let found = self.count_of(class);
                assert_eq!(found, entry.counts, "counts of a class");
                assert_eq!(self.walk(entry.timers, false), entry.counts.waiting, "timers");
                self.walk(entry.ready, true);
                leased += entry.counts.leased;
                lanes += entry.lanes;
            });
            assert_eq!(in_leases, leased, "leases");
        }
        assert_eq!(lanes, self.head.lanes.in_use, "lanes in use");
        self.check_workspaces();
        self.check_gates();
    }

    /// Workspaces are there as long as somebody of theirs has jobs, and count them.
    fn check_workspaces(&self) {
        let mut members: HashMap<u32, u32> = HashMap::new();
        let mut jobs: HashMap<u32, u32> = HashMap::new();
        let mut owners = HashSet::new();
        for lane in self.lanes.iter().filter(|lane| lane.nodes > 0) {
            let owner = &self.owners[lane.owner as usize];
            let is_new = owners.insert(lane.owner);
            if owner.root != NIL {
                *members.entry(owner.root).or_default() += u32::from(is_new);
                *jobs.entry(owner.root).or_default() += lane.nodes;
            }
        }
        for (root, members) in &members {
            let entry = &self.owners[*root as usize];
            assert_eq!((entry.members, entry.jobs), (*members, jobs[root]), "what a workspace has");
            assert_eq!(self.jobs_of(entry.db, entry.workspace), entry.jobs);
        }
        assert_eq!(owners.len() + members.len(), self.head.owners.in_use as usize, "owners in use");
    }

    /// Lanes wait at one gate or sit in one heap, and gates count what is there.
    fn check_gates(&self) {
        let mut used = 0;
        for gate in 0..self.head.gates.used_once {
            let entry = &self.gates[gate as usize];
            if self.find_gate(entry.key) != Some(gate) {
                continue;
            }
            used += 1;
            let through = self.lanes.iter().filter(|lane| lane.nodes > 0 && lane.gates.contains(&gate));
            let (mut lanes, mut running, mut waiting) = (0, 0, 0);
            for lane in through {
                lanes += 1;
                running += lane.running;
                waiting += u32::from(lane.waits_on == gate);
            }
            assert_eq!((lanes, running), (entry.lanes, entry.running), "what goes through {entry:?}");
            assert_eq!(self.walk(entry.waiting, true), waiting, "who waits at {entry:?}");
        }
        assert_eq!(used, self.head.gates.in_use, "gates in use");
        for lane in 0..self.head.lanes.used_once {
            let entry = &self.lanes[lane as usize];
            let slots = self.slots.iter().take(self.head.nodes.used_once as usize);
            let runs = slots.filter(|slot| slot.place != Place::Free && slot.node.lane == lane && slot.runs);
            assert!(entry.nodes == 0 || runs.count() == entry.running as usize, "what runs of {entry:?}");
            assert!(!(entry.seated && entry.waits_on != NIL), "in one place only");
        }
    }

    fn count_of(&self, class: u32) -> Counts {
        let mut counts = Counts::default();
        for ix in 0..self.head.nodes.used_once {
            let slot = &self.slots[ix as usize];
            if slot.place != Place::Free && self.class_of(ix) == class as usize {
                let waits = matches!(slot.place, Place::Timers | Place::Lane);
                counts.marked += u32::from(waits && slot.node.flags & MARKED != 0);
                match slot.place {
                    Place::Timers => counts.waiting += 1,
                    Place::Lane => counts.due += 1,
                    Place::Leases => counts.leased += 1,
                    Place::Nowhere => counts.locked += 1,
                    Place::Tomb | Place::Free => {}
                }
            }
        }
        counts
    }

    /// The number of elements of a heap, whose links must agree.
    fn walk(&self, root: u32, of_lanes: bool) -> u32 {
        let links =
            |ix: u32| if of_lanes { self.lanes[ix as usize].links } else { self.slots[ix as usize].links };
        let (mut open, mut seen) = (vec![root], 0);
        while let Some(ix) = open.pop() {
            if ix == NIL {
                continue;
            }
            seen += 1;
            let own = links(ix);
            for after in [own.child, own.next] {
                if after != NIL {
                    assert_eq!(links(after).prev, ix, "links agree");
                    open.push(after);
                }
            }
            if of_lanes && own.child != NIL {
                assert!(self.rank_of_lane(ix) < self.rank_of_lane(own.child), "the order of lanes");
            }
        }
        seen
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        let head = &self.head;
        head.nodes.in_use + head.lanes.in_use + head.owners.in_use + head.classes.in_use == 0
    }
}
