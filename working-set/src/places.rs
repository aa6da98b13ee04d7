//! Where jobs are: in their lane's heap when they are due, in their class's timers before that, among the leases while a
//! worker has them. And what makes room for them: classes, owners, lanes.

use crate::block::{Class, Lane, Name, Owner, Place, Set, Slot};
use crate::gates::site;
use crate::heap::{Heap, Links, NIL, UNLINKED};
use crate::types::{Counts, Full, MARKED, NewJob, Node, State};

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

    /// The lane of a new job, made where there is none.
    pub(crate) fn lane_for(&mut self, db: u32, job: &NewJob<'_>) -> Result<u32, Full> {
        let class = self.class_for(db, job.kind, job.platform)?;
        let owner = match self.owner_for(db, job) {
            Ok(owner) => owner,
            Err(full) => {
                self.free_class_if_unused(class);
                return Err(full);
            }
        };
        let mut lane = self.owners[owner as usize].lanes;
        while lane != NIL {
            if self.lanes[lane as usize].class == class {
                return Ok(lane);
            }
            lane = self.lanes[lane as usize].next;
        }
        let made = self.gates_for(class, job).and_then(|gates| {
            let lanes = &mut *self.lanes;
            match self.head.lanes.take(lanes.len(), |free| lanes[free as usize].next) {
                Some(lane) => Ok((lane, gates)),
                None => {
                    self.leave_gates(gates);
                    Err(Full::Room)
                }
            }
        });
        let (lane, gates) = match made {
            Ok(made) => made,
            Err(full) => {
                self.free_owner_if_unused(owner);
                self.free_class_if_unused(class);
                return Err(full);
            }
        };
        let next = std::mem::replace(&mut self.owners[owner as usize].lanes, lane);
        if next != NIL {
            self.lanes[next as usize].prev = lane;
        }
        let held = self.is_held(owner);
        self.lanes[lane as usize] = Lane {
            owner,
            class,
            nodes: 0,
            due: NIL,
            links: UNLINKED,
            seated: false,
            held,
            next,
            prev: NIL,
            running: 0,
            gates,
            site: site(job.platform, job.host),
            waits_on: NIL,
        };
        self.classes[class as usize].lanes += 1;
        Ok(lane)
    }

    /// Frees a lane that has no jobs left, and what only it needed.
    pub(crate) fn free_lane_if_unused(&mut self, lane: u32) {
        let Lane { owner, class, nodes, next, prev, .. } = self.lanes[lane as usize];
        if nodes > 0 {
            return;
        }
        self.unseat(lane);
        self.leave_gates(self.lanes[lane as usize].gates);
        if prev == NIL {
            self.owners[owner as usize].lanes = next;
        } else {
            self.lanes[prev as usize].next = next;
        }
        if next != NIL {
            self.lanes[next as usize].prev = prev;
        }
        self.lanes[lane as usize].next = self.head.lanes.give(lane);
        self.classes[class as usize].lanes -= 1;
        self.free_owner_if_unused(owner);
        self.free_class_if_unused(class);
    }

    fn owner_for(&mut self, db: u32, job: &NewJob<'_>) -> Result<u32, Full> {
        let user = if job.account == 0 { job.user } else { 0 };
        let bucket = self.owner_bucket(db, job.workspace, job.account, user);
        let mut ix = self.owner_buckets[bucket].wrapping_sub(1);
        while ix != NIL {
            let owner = &self.owners[ix as usize];
            if (owner.db, owner.workspace, owner.account, owner.user)
                == (db, job.workspace, job.account, user)
            {
                return Ok(ix);
            }
            ix = owner.hash_next;
        }
        let owners = &mut *self.owners;
        let taken = self.head.owners.take(owners.len(), |free| owners[free as usize].hash_next);
        let ix = taken.ok_or(Full::Room)?;
        let hash_next = std::mem::replace(&mut self.owner_buckets[bucket], ix + 1).wrapping_sub(1);
        let turn = self.dbs[db as usize].turn;
        self.owners[ix as usize] = Owner {
            workspace: job.workspace,
            account: job.account,
            user,
            turn,
            db,
            lanes: NIL,
            due: 0,
            hash_next,
        };
        Ok(ix)
    }

    fn free_owner_if_unused(&mut self, owner: u32) {
        let Owner { db, workspace, account, user, lanes, hash_next, .. } = self.owners[owner as usize];
        if lanes != NIL {
            return;
        }
        let bucket = self.owner_bucket(db, workspace, account, user);
        let mut ix = self.owner_buckets[bucket].wrapping_sub(1);
        if ix == owner {
            self.owner_buckets[bucket] = hash_next.wrapping_add(1);
        }
        while ix != NIL {
            let next = self.owners[ix as usize].hash_next;
            if next == owner {
                self.owners[ix as usize].hash_next = hash_next;
            }
            ix = next;
        }
        self.owners[owner as usize].hash_next = self.head.owners.give(owner);
    }

    fn owner_bucket(&self, db: u32, workspace: u128, account: u128, user: u128) -> usize {
        let mixed = mix(workspace) ^ mix(account).rotate_left(21) ^ mix(user).rotate_left(42) ^ u64::from(db);
        mix(u128::from(mixed)) as usize & (self.owner_buckets.len() - 1)
    }

    fn class_for(&mut self, db: u32, kind: &str, platform: &str) -> Result<u32, Full> {
        let bucket = self.class_bucket(db, kind, platform);
        let mut ix = self.class_buckets[bucket].wrapping_sub(1);
        while ix != NIL {
            let class = &self.classes[ix as usize];
            if class.db == db && class.kind.as_str() == kind && class.platform.as_str() == platform {
                return Ok(ix);
            }
            ix = class.hash_next;
        }
        let names = (Name::new(kind), Name::new(platform));
        let (Some(kind_name), Some(platform_name)) = names else { return Err(Full::Name) };
        let platform_term = match platform {
            "" => NIL,
            platform => self.book.term_for(platform).ok_or(Full::Room)?,
        };
        let action = self.action_of(db, kind);
        let owner_concurrency = self.kind_policy(db, kind).owner_concurrency;
        let classes = &mut *self.classes;
        let taken = self.head.classes.take(classes.len(), |free| classes[free as usize].next);
        let ix = taken.ok_or(Full::Room)?;
        let hash_next = std::mem::replace(&mut self.class_buckets[bucket], ix + 1).wrapping_sub(1);
        let next = std::mem::replace(&mut self.dbs[db as usize].classes, ix);
        if next != NIL {
            self.classes[next as usize].prev = ix;
        }
        let paused = self.is_class_paused(db, kind, platform);
        self.classes[ix as usize] = Class {
            db,
            lanes: 0,
            ready: NIL,
            timers: NIL,
            next,
            prev: NIL,
            hash_next,
            counts: Counts::default(),
            paused,
            action,
            platform_term,
            owner_concurrency,
            kind: kind_name,
            platform: platform_name,
        };
        Ok(ix)
    }

    fn free_class_if_unused(&mut self, class: u32) {
        let Class { db, lanes, next, prev, hash_next, kind, platform, .. } = self.classes[class as usize];
        if lanes > 0 {
            return;
        }
        if prev == NIL {
            self.dbs[db as usize].classes = next;
        } else {
            self.classes[prev as usize].next = next;
        }
        if next != NIL {
            self.classes[next as usize].prev = prev;
        }
        let bucket = self.class_bucket(db, kind.as_str(), platform.as_str());
        let mut ix = self.class_buckets[bucket].wrapping_sub(1);
        if ix == class {
            self.class_buckets[bucket] = hash_next.wrapping_add(1);
        }
        while ix != NIL {
            let next = self.classes[ix as usize].hash_next;
            if next == class {
                self.classes[ix as usize].hash_next = hash_next;
            }
            ix = next;
        }
        self.classes[class as usize].next = self.head.classes.give(class);
    }

    fn class_bucket(&self, db: u32, kind: &str, platform: &str) -> usize {
        // FNV-1a
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let hash = kind.bytes().chain([0xff]).chain(platform.bytes()).fold(0xcbf2_9ce4_8422_2325, step);
        (hash ^ u64::from(db)) as usize & (self.class_buckets.len() - 1)
    }
}

/// Spreads the bits of an id.
pub(crate) fn mix(id: u128) -> u64 {
    let mut x = (id as u64) ^ ((id >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
