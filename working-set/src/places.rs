//! Where jobs are: in their lane's heap when they are due, in their class's timers before that, among the leases while a
//! worker has them.

use crate::block::{Lane, Owner, Place, Set, Slot};
use crate::heap::{Heap, Links, NIL};
use crate::types::{MARKED, Node, State};

/// The order in which jobs are handed out, all else being equal.
pub(crate) type Rank = (i64, u64, i64, u128);

/// Jobs of a lane.
struct Due<'a>(&'a mut [Slot]);

impl Heap for Due<'_> {
    fn links(&mut self, element: u32) -> &mut Links {
        &mut self.0[element as usize].links
    }
    fn before(&self, a: u32, b: u32) -> bool {
        let key = |ix: u32| {
            let node = &self.0[ix as usize].node;
            (-i64::from(node.priority), node.run_at, node.id)
        };
        key(a) < key(b)
    }
}

/// Jobs whose time has not come.
struct Timers<'a>(&'a mut [Slot]);

impl Heap for Timers<'_> {
    fn links(&mut self, element: u32) -> &mut Links {
        &mut self.0[element as usize].links
    }
    fn before(&self, a: u32, b: u32) -> bool {
        let key = |ix: u32| {
            let node = &self.0[ix as usize].node;
            (node.run_at, node.id)
        };
        key(a) < key(b)
    }
}

/// Jobs in workers' hands.
struct Leases<'a>(&'a mut [Slot]);

impl Heap for Leases<'_> {
    fn links(&mut self, element: u32) -> &mut Links {
        &mut self.0[element as usize].links
    }
    fn before(&self, a: u32, b: u32) -> bool {
        let key = |ix: u32| {
            let node = &self.0[ix as usize].node;
            (node.lease_until, node.id)
        };
        key(a) < key(b)
    }
}

/// Lanes with due jobs: of a class, or those that wait at a gate.
pub(crate) struct Ready<'a> {
    pub(crate) lanes: &'a mut [Lane],
    pub(crate) owners: &'a [Owner],
    pub(crate) slots: &'a [Slot],
}

impl Heap for Ready<'_> {
    fn links(&mut self, element: u32) -> &mut Links {
        &mut self.lanes[element as usize].links
    }
    fn before(&self, a: u32, b: u32) -> bool {
        let rank = |lane: u32| rank(&self.lanes[lane as usize], self.owners, self.slots);
        rank(a) < rank(b)
    }
}

/// The rank of a lane: that of its best job.
fn rank(lane: &Lane, owners: &[Owner], slots: &[Slot]) -> Rank {
    let node = &slots[lane.due as usize].node;
    (-i64::from(node.priority), owners[lane.owner as usize].turn, node.run_at, node.id)
}

fn marked(node: &Node) -> u32 {
    u32::from(node.flags & MARKED != 0)
}

impl Set<'_> {
    /// The rank of a lane that has due jobs.
    pub(crate) fn rank_of_lane(&self, lane: u32) -> Rank {
        rank(&self.lanes[lane as usize], self.owners, self.slots)
    }

    /// Puts a job that is nowhere where its state says. What is due by `now` goes straight to its lane: the timers must
    /// hold no backlog that others would wait behind.
    pub(crate) fn put(&mut self, ix: u32, now: i64) {
        let node = self.slots[ix as usize].node;
        let class = self.lanes[node.lane as usize].class as usize;
        match node.state {
            State::Waiting if node.run_at <= now => self.fall_due(ix),
            State::Waiting => {
                self.slots[ix as usize].place = Place::Timers;
                let root = self.classes[class].timers;
                self.classes[class].timers = Timers(self.slots).insert(root, ix);
                self.classes[class].counts.waiting += 1;
                self.classes[class].counts.marked += marked(&node);
            }
            State::Leased => {
                self.slots[ix as usize].place = Place::Leases;
                let db = self.classes[class].db as usize;
                self.dbs[db].leases = Leases(self.slots).insert(self.dbs[db].leases, ix);
                self.classes[class].counts.leased += 1;
            }
            State::Gone => self.bury(ix),
        }
    }

    /// Takes a job out of wherever it is.
    pub(crate) fn take(&mut self, ix: u32) {
        let lane = self.slots[ix as usize].node.lane;
        let class = self.lanes[lane as usize].class as usize;
        match self.slots[ix as usize].place {
            Place::Timers => {
                let root = self.classes[class].timers;
                self.classes[class].timers = Timers(self.slots).remove(root, ix);
                self.classes[class].counts.waiting -= 1;
                self.classes[class].counts.marked -= marked(&self.slots[ix as usize].node);
            }
            Place::Leases => {
                let db = self.classes[class].db as usize;
                self.dbs[db].leases = Leases(self.slots).remove(self.dbs[db].leases, ix);
                self.classes[class].counts.leased -= 1;
            }
            Place::Lane => {
                let root = self.lanes[lane as usize].due;
                self.unseat(lane);
                self.lanes[lane as usize].due = Due(self.slots).remove(root, ix);
                self.seat(lane);
                self.classes[class].counts.due -= 1;
                self.classes[class].counts.marked -= marked(&self.slots[ix as usize].node);
                let owner = self.lanes[lane as usize].owner as usize;
                self.owners[owner].due -= 1;
            }
            Place::Free | Place::Nowhere | Place::Tomb => {}
        }
        self.slots[ix as usize].place = Place::Nowhere;
    }

    /// Moves a job whose time has come from the timers into its lane.
    pub(crate) fn fall_due(&mut self, ix: u32) {
        self.take(ix);
        let lane = self.slots[ix as usize].node.lane;
        let Lane { owner, class, due, .. } = self.lanes[lane as usize];
        let db = self.classes[class as usize].db as usize;
        let entry = &mut self.owners[owner as usize];
        if entry.due == 0 {
            // who comes back does not get the turns that went by
            entry.turn = entry.turn.max(self.dbs[db].turn);
        }
        entry.due += 1;
        self.slots[ix as usize].place = Place::Lane;
        self.unseat(lane);
        self.lanes[lane as usize].due = Due(self.slots).insert(due, ix);
        self.seat(lane);
        self.classes[class as usize].counts.due += 1;
        self.classes[class as usize].counts.marked += marked(&self.slots[ix as usize].node);
    }

    /// Takes a lane out of its class's heap, or from the gate at which it waits.
    pub(crate) fn unseat(&mut self, lane: u32) {
        let entry = &mut self.lanes[lane as usize];
        let class = entry.class as usize;
        let gate = std::mem::replace(&mut entry.waits_on, NIL);
        if gate != NIL {
            let root = self.gates[gate as usize].waiting;
            let mut heap = Ready { lanes: self.lanes, owners: self.owners, slots: self.slots };
            let root = heap.remove(root, lane);
            self.gates[gate as usize].waiting = root;
            if root == NIL {
                self.unschedule(gate);
            }
        } else if std::mem::take(&mut entry.seated) {
            let root = self.classes[class].ready;
            let mut heap = Ready { lanes: self.lanes, owners: self.owners, slots: self.slots };
            self.classes[class].ready = heap.remove(root, lane);
        }
    }

    /// Puts a lane back among those that have due jobs, if it has some and may go on.
    pub(crate) fn seat(&mut self, lane: u32) {
        let entry = &mut self.lanes[lane as usize];
        let class = entry.class as usize;
        let most = self.classes[class].owner_concurrency;
        let full = most > 0 && entry.running >= most;
        if entry.seated || entry.held || entry.due == NIL || entry.waits_on != NIL || full {
            return;
        }
        entry.seated = true;
        let root = self.classes[class].ready;
        let mut heap = Ready { lanes: self.lanes, owners: self.owners, slots: self.slots };
        self.classes[class].ready = heap.insert(root, lane);
    }

    /// Gives an owner another turn, whatever kinds of jobs it has.
    pub(crate) fn set_turn(&mut self, owner: u32, turn: u64) {
        let first = self.owners[owner as usize].lanes;
        let mut lane = first;
        while lane != NIL {
            self.unseat(lane);
            lane = self.lanes[lane as usize].next;
        }
        self.owners[owner as usize].turn = turn;
        lane = first;
        while lane != NIL {
            self.seat(lane);
            lane = self.lanes[lane as usize].next;
        }
    }
}
