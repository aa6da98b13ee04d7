//! Which job is next.

use crate::block::{Place, Set};
use crate::gate::GATES;
use crate::heap::NIL;
use crate::places::Rank;
use crate::types::{Filter, Ix, Node, Picked, State};

/// The most jobs that are found to be too late in one call.
const MAX_EXPIRED: usize = 100;

/// The most jobs whose time is seen to have come in one call, so that a great many of one instant keep nobody waiting
/// for long.
const MAX_FALLING_DUE: usize = 20_000;

/// The most lanes that are found to have to wait in one call.
const MAX_PARKED: usize = 10_000;

/// What is next: the best job of a lane, or one of the caller's own.
enum Next {
    Lane(u32),
    Mine(usize),
}

impl Set<'_> {
    /// Hands out up to `max` jobs that are due: locked by `me`, leased under `token` until `until`, one more attempt used
    /// up. `mine` are jobs that `me` has locked, has waiting and may hand out to itself. Jobs that are too late are
    /// locked and come out too, as they are.
    #[expect(clippy::too_many_arguments, reason = "they are what a claim is")]
    pub fn claim(
        &mut self,
        db: u32,
        me: u32,
        now: i64,
        filter: &Filter<'_>,
        max: usize,
        token: i64,
        until: i64,
        mine: &[Ix],
        out: &mut Vec<Picked>,
    ) {
        self.head.clock = now;
        if self.dbs[db as usize].paused {
            return;
        }
        let classes = self.classes_of(db, filter);
        self.let_fall_due(&classes, now, max.saturating_mul(4).max(MAX_FALLING_DUE));
        self.reopen(db, max, now);
        let mut mine = self.my_due(db, me, now, filter, mine);
        let (mut left, mut expired, mut parked) = (max, 0, 0);
        while left > 0 && expired < MAX_EXPIRED && parked < MAX_PARKED {
            let (ix, own) = match self.next(&classes, filter, &mine) {
                Some(Next::Lane(lane)) => (self.lanes[lane as usize].due, false),
                Some(Next::Mine(at)) => (mine.swap_remove(at), true),
                // those that were let through a gate may be none that this worker takes
                None if self.reopen(db, max, now) > 0 => {
                    parked += 1;
                    continue;
                }
                None => return,
            };
            let late = self.get(ix).expires_at <= now;
            if !late && !self.may_pass(ix, own, now) {
                parked += 1;
                continue;
            }
            let Some(before) = self.lock(ix, me) else { return };
            if late {
                expired += 1;
                out.push(Picked { ix, before, expired: true, limited: false });
                continue;
            }
            let attempt = before.attempt.saturating_add(1);
            let lease =
                Node { state: State::Leased, token, lease_until: until, claimed_at: now, attempt, ..before };
            self.change(ix, &lease);
            let limited = self.charge(ix, now);
            self.served(db, ix);
            out.push(Picked { ix, before, expired: false, limited });
            left -= 1;
        }
    }

    /// Whether a job may go through its gates; its lane waits at the first that is closed. What the job took before, in an
    /// attempt that may have done something, it gives back for what it takes now.
    fn may_pass(&mut self, ix: Ix, own: bool, now: i64) -> bool {
        let node = self.get(ix);
        let lane = &self.lanes[node.lane as usize];
        let (gates, most) = (lane.gates, self.classes[lane.class as usize].owner_concurrency);
        if own && most > 0 && lane.running >= most {
            return false;
        }
        if gates == [NIL; GATES] {
            return true;
        }
        // one that this transaction had before still counts for then: it can count once only
        let slot = &self.slots[ix as usize];
        if slot.runs || (slot.used_at, slot.cost) != (node.used_at, node.cost) {
            return false;
        }
        if node.used_at != 0 {
            self.give_back(gates, node.used_at, node.cost);
        }
        let Some(closed) = self.closed_gate(node.lane, now) else { return true };
        if node.used_at != 0 {
            self.use_up(gates, node.used_at, node.cost, now);
        }
        if !own {
            self.park(node.lane, closed, now);
        }
        false
    }

    /// Up to `max` jobs whose lease has run out, locked by `me`; otherwise they stay as they are. `mine` are jobs that
    /// `me` has locked.
    pub fn overdue(
        &mut self,
        db: u32,
        me: u32,
        now: i64,
        max: usize,
        mine: &[Ix],
        out: &mut Vec<(Ix, Node)>,
    ) {
        let over = |node: &Node| node.state == State::Leased && node.lease_until <= now;
        for ix in mine {
            let node = self.get(*ix);
            if node.locker == me && over(&node) {
                out.push((*ix, node));
            }
        }
        while out.len() < max {
            let first = self.dbs[db as usize].leases;
            if first == NIL || !over(&self.get(first)) {
                return;
            }
            if let Some(before) = self.lock(first, me) {
                out.push((first, before));
            }
        }
    }

    /// When something can be handed out: `now`, or when the next waiting job falls due. `None`: nothing waits. `mine` are
    /// jobs that `me` has locked and could hand out to itself.
    pub fn next_due(&self, db: u32, me: u32, now: i64, filter: &Filter<'_>, mine: &[Ix]) -> Option<i64> {
        if self.dbs[db as usize].paused {
            return None;
        }
        let classes = self.classes_of(db, filter);
        if self.next(&classes, filter, &[]).is_some() {
            return Some(now);
        }
        let timer = |class: &u32| {
            let first = self.classes[*class as usize].timers;
            (first != NIL).then(|| self.get(first).run_at)
        };
        let own =
            self.my_due(db, me, i64::MAX, filter, mine).into_iter().map(|ix| self.get(ix).run_at.max(now));
        let first = self.dbs[db as usize].reopening;
        let gate = (first != NIL).then(|| self.gates[first as usize].reopen_at.max(now));
        classes.iter().filter_map(timer).chain(own).chain(gate).min()
    }

    /// The kinds and platforms that pass the filter and are not paused.
    fn classes_of(&self, db: u32, filter: &Filter<'_>) -> Vec<u32> {
        let mut classes = Vec::new();
        self.each_class(db, |class| {
            let entry = &self.classes[class as usize];
            let passes = |names: Option<&[&str]>, name: &str| names.is_none_or(|names| names.contains(&name));
            if !entry.paused
                && passes(filter.kinds, entry.kind.as_str())
                && passes(filter.platforms, entry.platform.as_str())
            {
                classes.push(class);
            }
        });
        classes
    }

    fn let_fall_due(&mut self, classes: &[u32], now: i64, mut budget: usize) {
        for class in classes {
            loop {
                let first = self.classes[*class as usize].timers;
                if first == NIL || budget == 0 || self.get(first).run_at > now {
                    break;
                }
                self.fall_due(first);
                budget -= 1;
            }
        }
    }

    /// Those of the caller's own jobs that could be handed out.
    fn my_due(&self, db: u32, me: u32, now: i64, filter: &Filter<'_>, mine: &[Ix]) -> Vec<Ix> {
        let passes = |names: Option<&[&str]>, name: &str| names.is_none_or(|names| names.contains(&name));
        let due = |ix: &Ix| {
            let node = self.get(*ix);
            let class = &self.classes[self.class_of(*ix)];
            self.slots[*ix as usize].place == Place::Nowhere
                && node.locker == me
                && node.state == State::Waiting
                && node.run_at <= now
                && class.db == db
                && !class.paused
                && !self.lanes[node.lane as usize].held
                && passes(filter.kinds, class.kind.as_str())
                && passes(filter.platforms, class.platform.as_str())
                && filter.workspaces.is_none_or(|ids| ids.contains(&self.workspace(*ix)))
        };
        mine.iter().copied().filter(due).collect()
    }

    fn next(&self, classes: &[u32], filter: &Filter<'_>, mine: &[Ix]) -> Option<Next> {
        let mut best: Option<(Rank, Next)> = None;
        let mut offer = |rank: Rank, next: Next| {
            if best.as_ref().is_none_or(|(best, _)| rank < *best) {
                best = Some((rank, next));
            }
        };
        for class in classes {
            let top = self.classes[*class as usize].ready;
            let lane = match filter.workspaces {
                None => (top != NIL).then_some(top),
                Some(workspaces) => self.best_lane_of(top, workspaces),
            };
            if let Some(lane) = lane {
                offer(self.rank_of_lane(lane), Next::Lane(lane));
            }
        }
        for (at, ix) in mine.iter().enumerate() {
            let node = self.get(*ix);
            let turn = self.owners[self.owner_of(*ix)].turn;
            offer((-i64::from(node.priority), turn, node.run_at, node.id), Next::Mine(at));
        }
        best.map(|(_, next)| next)
    }

    /// The best lane of some workspaces in a heap. Below a lane that is worse than the best one found nothing is better.
    fn best_lane_of(&self, top: u32, workspaces: &[u128]) -> Option<u32> {
        let mut best: Option<(Rank, u32)> = None;
        let mut open = vec![top];
        while let Some(lane) = open.pop() {
            if lane == NIL {
                continue;
            }
            let entry = &self.lanes[lane as usize];
            open.push(entry.links.next);
            let rank = self.rank_of_lane(lane);
            if best.as_ref().is_some_and(|(best, _)| *best < rank) {
                continue;
            }
            if workspaces.contains(&self.owners[entry.owner as usize].workspace) {
                best = Some((rank, lane));
            } else {
                open.push(entry.links.child);
            }
        }
        best.map(|(_, lane)| lane)
    }

    /// The owner of a job has had its turn.
    fn served(&mut self, db: u32, ix: Ix) {
        let owner = self.owner_of(ix) as u32;
        let turn = self.owners[owner as usize].turn;
        let entry = &mut self.dbs[db as usize];
        entry.turn = entry.turn.max(turn);
        let latest = entry.turn;
        self.set_turn(owner, latest + 1);
    }
}
