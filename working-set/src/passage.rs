//! How jobs go through gates: who has to wait, who may look again, and what a job counts for.

use crate::block::{Lane, Set};
use crate::gate::{ACTION, BUDGET, GATES, Reopening, Way, way_of};
use crate::heap::{Heap, NIL};
use crate::places::Ready;
use crate::types::{Ix, State, USED_UP};

/// The most gates that are looked at in one go, or as many as twice the jobs that are wanted.
const MAX_REOPENED: usize = 256;
/// The most lanes that one gate lets look again in one go.
const MAX_WOKEN: u32 = 1_000;

impl Set<'_> {
    /// The first gate of a lane that is closed.
    pub(crate) fn closed_gate(&mut self, lane: u32, now: i64) -> Option<u32> {
        let gates = self.lanes[lane as usize].gates;
        gates.into_iter().filter(|gate| *gate != NIL).find(|gate| {
            !matches!(way_of(&mut self.gates[*gate as usize], self.windows, now), Way::Open(room) if room > 0)
        })
    }

    /// Has a lane wait at a closed gate.
    pub(crate) fn park(&mut self, lane: u32, gate: u32, now: i64) {
        self.unseat(lane);
        self.lanes[lane as usize].waits_on = gate;
        let root = self.gates[gate as usize].waiting;
        let mut heap = Ready { lanes: self.lanes, owners: self.owners, slots: self.slots };
        self.gates[gate as usize].waiting = heap.insert(root, lane);
        if !self.gates[gate as usize].scheduled {
            self.settle(gate, now);
        }
    }

    /// Looks at who waits at a gate: lets as many as may go through look again, or notes when that will be. How many.
    pub(crate) fn settle(&mut self, gate: u32, now: i64) -> u32 {
        self.unschedule(gate);
        if self.gates[gate as usize].waiting == NIL {
            return 0;
        }
        match way_of(&mut self.gates[gate as usize], self.windows, now) {
            Way::Full => 0,
            Way::Later(until) => {
                self.schedule(gate, until.max(now.saturating_add(1)));
                0
            }
            Way::Open(room) => {
                let mut woken = 0;
                while woken < room.min(MAX_WOKEN) && self.gates[gate as usize].waiting != NIL {
                    let lane = self.gates[gate as usize].waiting;
                    self.unseat(lane);
                    self.seat(lane);
                    woken += 1;
                }
                if self.gates[gate as usize].waiting != NIL {
                    // who was let go may be of no use to whoever asks: the next claim lets others look too
                    self.schedule(gate, now);
                }
                woken
            }
        }
    }

    /// Settles the gates whose time has come. How many lanes may look again.
    pub(crate) fn reopen(&mut self, db: u32, max: usize, now: i64) -> u32 {
        let mut due = Vec::new();
        while due.len() < MAX_REOPENED.max(max.saturating_mul(2)) {
            let first = self.dbs[db as usize].reopening;
            if first == NIL || self.gates[first as usize].reopen_at > now {
                break;
            }
            self.unschedule(first);
            due.push(first);
        }
        due.into_iter().map(|gate| self.settle(gate, now)).sum()
    }

    fn schedule(&mut self, gate: u32, at: i64) {
        let entry = &mut self.gates[gate as usize];
        (entry.reopen_at, entry.scheduled) = (at, true);
        let db = entry.key.db as usize;
        self.dbs[db].reopening = Reopening(self.gates).insert(self.dbs[db].reopening, gate);
    }

    pub(crate) fn unschedule(&mut self, gate: u32) {
        let entry = &mut self.gates[gate as usize];
        if std::mem::take(&mut entry.scheduled) {
            let db = entry.key.db as usize;
            self.dbs[db].reopening = Reopening(self.gates).remove(self.dbs[db].reopening, gate);
        }
    }

    // --- what jobs count for ---

    /// A job that was just leased goes through its gates. True: it counts in the windows of its action.
    pub(crate) fn charge(&mut self, ix: Ix, now: i64) -> bool {
        let lane = self.slots[ix as usize].node.lane;
        let gates = self.lanes[lane as usize].gates;
        // one that its transaction had before, and let go, still counts
        if !std::mem::replace(&mut self.slots[ix as usize].runs, true) {
            self.lanes[lane as usize].running += 1;
            for gate in gates.into_iter().filter(|gate| *gate != NIL) {
                self.gates[gate as usize].passed(now);
            }
        }
        let limited = gates[ACTION] != NIL;
        if limited {
            let cost = self.cost_of(lane);
            self.use_up(gates, now, cost, now);
            let slot = &mut self.slots[ix as usize];
            (slot.used_at, slot.node.used_at) = (now, now);
            (slot.cost, slot.node.cost) = (cost, cost);
        }
        let class = self.lanes[lane as usize].class;
        let most = self.classes[class as usize].owner_concurrency;
        if most > 0 && self.lanes[lane as usize].running >= most {
            self.unseat(lane);
        }
        for gate in gates.into_iter().filter(|gate| *gate != NIL) {
            if self.gates[gate as usize].waiting != NIL {
                self.settle(gate, now);
            }
        }
        limited
    }

    /// What a job of a lane takes from budgets, at most.
    pub(crate) fn cost_of(&self, lane: u32) -> u32 {
        let Lane { class, gates, .. } = self.lanes[lane as usize];
        if gates[BUDGET] == NIL {
            return 0;
        }
        let class = &self.classes[class as usize];
        self.price(class.db, class.platform_term, class.action)
    }

    /// Takes one from the windows of gates, and a cost from those of budgets.
    pub(crate) fn use_up(&mut self, gates: [u32; GATES], at: i64, cost: u32, now: i64) {
        for (gate, count) in takes(gates, cost) {
            for window in self.gates[gate as usize].windows() {
                self.windows[window].add_at(at, count, now);
            }
        }
    }

    /// Gives that back.
    pub(crate) fn give_back(&mut self, gates: [u32; GATES], at: i64, cost: u32) {
        for (gate, count) in takes(gates, cost) {
            for window in self.gates[gate as usize].windows() {
                self.windows[window].give_back(at, count);
            }
        }
    }

    /// Has the gates of a job count what it is now, after the transaction that had it ended. How many lanes may look
    /// again.
    pub(crate) fn account_for(&mut self, ix: Ix, now: i64) -> u32 {
        let before = self.slots[ix as usize];
        let lane = before.node.lane;
        let gates = self.lanes[lane as usize].gates;
        let slot = &mut self.slots[ix as usize];
        if slot.node.used_at == USED_UP {
            (slot.node.used_at, slot.node.cost, slot.used_at, slot.cost) = (0, 0, 0, 0);
            if before.cost != 0 {
                let budgets = std::array::from_fn(|place| if place < BUDGET { NIL } else { gates[place] });
                self.give_back(budgets, before.used_at, before.cost);
            }
        }
        let slot = self.slots[ix as usize];
        let runs = slot.node.state == State::Leased;
        let moved = (slot.used_at, slot.cost) != (slot.node.used_at, slot.node.cost);
        if runs == slot.runs && !moved && before.cost == slot.cost {
            return 0;
        }
        if runs != slot.runs {
            let step = |count: &mut u32| if runs { *count += 1 } else { *count -= 1 };
            step(&mut self.lanes[lane as usize].running);
            for gate in gates.into_iter().filter(|gate| *gate != NIL) {
                step(&mut self.gates[gate as usize].running);
            }
        }
        if moved {
            if slot.used_at != 0 {
                self.give_back(gates, slot.used_at, slot.cost);
            }
            if slot.node.used_at != 0 {
                self.use_up(gates, slot.node.used_at, slot.node.cost, now);
            }
        }
        let slot = &mut self.slots[ix as usize];
        (slot.runs, slot.used_at, slot.cost) = (runs, slot.node.used_at, slot.node.cost);
        let was_seated = self.lanes[lane as usize].seated;
        self.seat(lane);
        let seated = u32::from(!was_seated && self.lanes[lane as usize].seated);
        let gates = gates.into_iter().filter(|gate| *gate != NIL);
        seated + gates.map(|gate| self.settle(gate, now)).sum::<u32>()
    }
}

/// What a job takes from the windows of each of its gates.
fn takes(gates: [u32; GATES], cost: u32) -> impl Iterator<Item = (u32, u32)> {
    let counts = move |(place, gate)| (gate, if place < BUDGET { 1 } else { cost });
    gates.into_iter().enumerate().filter(|(_, gate)| *gate != NIL).map(counts)
}
