//! Jobs come, are locked, changed, released, and go.

use crate::block::{Place, Set, Slot};
use crate::gate::ACTION;
use crate::heap::{NIL, UNLINKED};
use crate::lanes::mix;
use crate::types::{Counts, Full, Ix, NewJob, Node, State};

impl Set<'_> {
    /// Adds a job, locked by `locker`, or free for all where that is 0.
    pub fn add(&mut self, db: u32, job: &NewJob<'_>, locker: u32, now: i64) -> Result<Ix, Full> {
        if let Some(ix) = self.find(db, job.id) {
            return Err(self.present(ix));
        }
        let lane = self.lane_for(db, job)?;
        let slots = &mut *self.slots;
        let taken = self.head.nodes.take(slots.len(), |free| slots[free as usize].hash_next);
        let Some(ix) = taken else {
            self.free_lane_if_unused(lane);
            return Err(Full::Room);
        };
        let bucket = self.bucket(db, job.id);
        let hash_next = std::mem::replace(&mut self.node_buckets[bucket], ix + 1).wrapping_sub(1);
        let node = Node {
            id: job.id,
            run_at: job.run_at,
            expires_at: job.expires_at,
            token: job.lease.map_or(0, |lease| lease.token),
            lease_until: job.lease.map_or(0, |lease| lease.until),
            claimed_at: job.lease.map_or(0, |lease| lease.token),
            priority: job.priority,
            locker,
            lane,
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            lost_leases: job.lost_leases,
            state: if job.lease.is_some() { State::Leased } else { State::Waiting },
            flags: job.flags,
            used_at: 0,
            cost: 0,
        };
        let mut slot = Slot {
            node,
            links: UNLINKED,
            hash_next,
            place: Place::Nowhere,
            runs: false,
            used_at: 0,
            cost: 0,
        };
        if self.lanes[lane as usize].gates[ACTION] != NIL && node.claimed_at != 0 {
            // what it took when it was claimed is remembered apart
            (slot.node.used_at, slot.node.cost) = (node.claimed_at, self.cost_of(lane));
            (slot.used_at, slot.cost) = (slot.node.used_at, slot.node.cost);
        }
        self.slots[ix as usize] = slot;
        self.lanes[lane as usize].nodes += 1;
        self.count_for_workspace(lane, |jobs| jobs + 1);
        let class = self.lanes[lane as usize].class as usize;
        if locker == 0 {
            self.account_for(ix, now);
            self.put(ix, now);
        } else {
            self.classes[class].counts.locked += 1;
        }
        Ok(ix)
    }

    /// The job with this id, also one that ended while somebody reads the log.
    pub fn find(&self, db: u32, id: u128) -> Option<Ix> {
        let mut ix = self.node_buckets[self.bucket(db, id)].wrapping_sub(1);
        while ix != NIL {
            let slot = &self.slots[ix as usize];
            if slot.node.id == id && self.db_of(ix) == db {
                return Some(ix);
            }
            ix = slot.hash_next;
        }
        None
    }

    /// A job as it is now.
    pub fn get(&self, ix: Ix) -> Node {
        self.slots[ix as usize].node
    }

    /// The kind of a job.
    pub fn kind(&self, ix: Ix) -> &str {
        self.classes[self.class_of(ix)].kind.as_str()
    }

    /// The platform of a job's account; empty: none.
    pub fn platform(&self, ix: Ix) -> &str {
        self.classes[self.class_of(ix)].platform.as_str()
    }

    /// The tenant of a job; 0: none.
    pub fn workspace(&self, ix: Ix) -> u128 {
        self.owners[self.owner_of(ix)].workspace
    }

    /// The account a job acts for; 0: none.
    pub fn account(&self, ix: Ix) -> u128 {
        self.owners[self.owner_of(ix)].account
    }

    /// Locks a job for `me`: nobody else can touch it, and it is handed out to nobody else. What it is now; `None` if
    /// somebody else has locked it, or if it has ended.
    pub fn lock(&mut self, ix: Ix, me: u32) -> Option<Node> {
        let node = self.get(ix);
        if node.locker == me {
            return Some(node);
        }
        let place = self.slots[ix as usize].place;
        if node.locker != 0 || matches!(place, Place::Free | Place::Tomb) {
            return None;
        }
        self.take(ix);
        self.slots[ix as usize].node.locker = me;
        let class = self.class_of(ix);
        self.classes[class].counts.locked += 1;
        Some(node)
    }

    /// Changes a locked job; who has locked it stays.
    pub fn change(&mut self, ix: Ix, to: &Node) {
        let node = &mut self.slots[ix as usize].node;
        debug_assert!(node.locker != 0, "only a locked job can be changed");
        *node = Node { id: node.id, lane: node.lane, locker: node.locker, ..*to };
    }

    /// Unlocks a job: it goes where its state says. How many others may be handed out that could not before.
    pub fn release(&mut self, ix: Ix, now: i64) -> u32 {
        self.head.clock = now;
        self.slots[ix as usize].node.locker = 0;
        let class = self.class_of(ix);
        self.classes[class].counts.locked -= 1;
        let opened = self.account_for(ix, now);
        self.put(ix, now);
        opened
    }

    /// Whether others wait for this job to leave its worker's hands.
    pub fn is_waited_for(&self, ix: Ix) -> bool {
        let lane = &self.lanes[self.slots[ix as usize].node.lane as usize];
        let waiting = |gate: &u32| *gate != NIL && self.gates[*gate as usize].waiting != NIL;
        (lane.due != NIL && !lane.seated) || lane.gates.iter().any(waiting)
    }

    /// Puts a locked job back to what it was. A lease that was extended meanwhile stays so.
    pub fn restore(&mut self, ix: Ix, before: &Node, keep_locked: bool, now: i64) {
        let after = self.get(ix);
        let lease_until = match before.token == after.token {
            true => before.lease_until.max(after.lease_until),
            false => before.lease_until,
        };
        self.change(ix, &Node { lease_until, ..*before });
        if !keep_locked {
            self.release(ix, now);
        }
    }

    /// Takes back that a locked job was added.
    pub fn discard(&mut self, ix: Ix, now: i64) {
        let class = self.class_of(ix);
        self.classes[class].counts.locked -= 1;
        let node = &mut self.slots[ix as usize].node;
        (node.locker, node.state, node.used_at, node.cost) = (0, State::Gone, 0, 0);
        self.account_for(ix, now);
        self.free(ix);
    }

    /// Lets a lease end no earlier than `until`, whoever has locked the job.
    pub fn extend(&mut self, ix: Ix, until: i64) {
        let until = self.get(ix).lease_until.max(until);
        self.expire(ix, until);
    }

    /// Lets a lease end at `at`, whoever has locked the job.
    pub fn expire(&mut self, ix: Ix, at: i64) {
        if self.slots[ix as usize].place == Place::Leases {
            self.take(ix);
            self.slots[ix as usize].node.lease_until = at;
            self.put(ix, at);
        } else {
            self.slots[ix as usize].node.lease_until = at;
        }
    }

    /// How many jobs a database has. As long as the list of its kinds.
    pub fn counts(&self, db: u32) -> Counts {
        let mut sum = Counts::default();
        self.each_class(db, |class| {
            let counts = self.classes[class as usize].counts;
            sum.waiting += counts.waiting;
            sum.due += counts.due;
            sum.marked += counts.marked;
            sum.leased += counts.leased;
            sum.locked += counts.locked;
        });
        sum
    }

    /// Forgets every job of a database that nobody has locked. Looks at all jobs.
    pub fn forget(&mut self, db: u32) {
        for ix in 0..self.head.nodes.used_once {
            let slot = &self.slots[ix as usize];
            let there = !matches!(slot.place, Place::Free | Place::Tomb) && slot.node.locker == 0;
            if there && self.db_of(ix) == db {
                self.take(ix);
                // what it has used stays used
                self.slots[ix as usize].node.state = State::Gone;
                self.account_for(ix, self.head.clock);
                self.free(ix);
            }
        }
    }

    /// Shows every job in a worker's hands. Looks at all jobs.
    pub fn leased(&self, db: u32, mut show: impl FnMut(Ix, &Node)) {
        for ix in 0..self.head.nodes.used_once {
            let slot = &self.slots[ix as usize];
            if slot.place != Place::Free && slot.node.state == State::Leased && self.db_of(ix) == db {
                show(ix, &slot.node);
            }
        }
    }

    /// The lowest token that a worker may still answer with, as far as can be told: of the jobs in workers' hands, and of
    /// those in which a transaction may have changed that and may yet take it back. Looks at all jobs.
    pub fn oldest_token(&self, db: u32) -> Option<i64> {
        let mut oldest = None;
        for ix in 0..self.head.nodes.used_once {
            let slot = &self.slots[ix as usize];
            let held = slot.node.state == State::Leased || (slot.node.locker != 0 && slot.node.token != 0);
            if slot.place != Place::Free && held && self.db_of(ix) == db {
                oldest = Some(oldest.map_or(slot.node.token, |token: i64| token.min(slot.node.token)));
            }
        }
        oldest
    }

    /// Frees a job that is in no heap.
    pub(crate) fn free(&mut self, ix: Ix) {
        let Node { id, lane, .. } = self.get(ix);
        let bucket = self.bucket(self.db_of(ix), id);
        let hash_next = self.slots[ix as usize].hash_next;
        let mut at = self.node_buckets[bucket].wrapping_sub(1);
        if at == ix {
            self.node_buckets[bucket] = hash_next.wrapping_add(1);
        }
        while at != NIL {
            let next = self.slots[at as usize].hash_next;
            if next == ix {
                self.slots[at as usize].hash_next = hash_next;
            }
            at = next;
        }
        self.slots[ix as usize].place = Place::Free;
        self.slots[ix as usize].hash_next = self.head.nodes.give(ix);
        self.lanes[lane as usize].nodes -= 1;
        self.count_for_workspace(lane, |jobs| jobs - 1);
        self.free_lane_if_unused(lane);
    }

    pub(crate) fn each_class(&self, db: u32, mut show: impl FnMut(u32)) {
        let mut class = self.dbs[db as usize].classes;
        while class != NIL {
            let next = self.classes[class as usize].next;
            show(class);
            class = next;
        }
    }

    pub(crate) fn class_of(&self, ix: Ix) -> usize {
        self.lanes[self.slots[ix as usize].node.lane as usize].class as usize
    }

    pub(crate) fn owner_of(&self, ix: Ix) -> usize {
        self.lanes[self.slots[ix as usize].node.lane as usize].owner as usize
    }

    pub(crate) fn db_of(&self, ix: Ix) -> u32 {
        self.classes[self.class_of(ix)].db
    }

    fn bucket(&self, db: u32, id: u128) -> usize {
        mix(id ^ (u128::from(db) << 96)) as usize & (self.node_buckets.len() - 1)
    }
}
