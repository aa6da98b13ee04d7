//! What makes room for jobs: classes, owners, lanes. Each is made with its first job and freed with its last.

use crate::block::{Class, Lane, Name, Owner, Set};
use crate::gates::site;
use crate::heap::{NIL, UNLINKED};
use crate::types::{Counts, Full, NewJob};

/// Account and user of the owner that stands for a workspace: no owner has both.
const ROOT: u128 = u128::MAX;

impl Set<'_> {
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
        if let Some(owner) = self.find_owner(db, job.workspace, job.account, user) {
            return Ok(owner);
        }
        let root = match job.workspace {
            0 => NIL,
            workspace => match self.find_owner(db, workspace, ROOT, ROOT) {
                Some(root) => root,
                None => self.make_owner(db, (workspace, ROOT, ROOT), NIL)?,
            },
        };
        let made = self.make_owner(db, (job.workspace, job.account, user), root);
        if root != NIL {
            match made {
                Ok(_) => self.owners[root as usize].members += 1,
                Err(_) => self.free_root_if_unused(root),
            }
        }
        made
    }

    /// How many jobs of a workspace are in memory.
    pub fn jobs_of(&self, db: u32, workspace: u128) -> u32 {
        self.find_owner(db, workspace, ROOT, ROOT).map_or(0, |root| self.owners[root as usize].jobs)
    }

    /// Counts a job that came or went for its workspace.
    pub(crate) fn count_for_workspace(&mut self, lane: u32, count: impl FnOnce(u32) -> u32) {
        let root = self.owners[self.lanes[lane as usize].owner as usize].root;
        if root != NIL {
            let jobs = &mut self.owners[root as usize].jobs;
            *jobs = count(*jobs);
        }
    }

    fn find_owner(&self, db: u32, workspace: u128, account: u128, user: u128) -> Option<u32> {
        let mut ix = self.owner_buckets[self.owner_bucket(db, workspace, account, user)].wrapping_sub(1);
        while ix != NIL {
            let owner = &self.owners[ix as usize];
            if (owner.db, owner.workspace, owner.account, owner.user) == (db, workspace, account, user) {
                return Some(ix);
            }
            ix = owner.hash_next;
        }
        None
    }

    fn make_owner(
        &mut self,
        db: u32,
        (workspace, account, user): (u128, u128, u128),
        root: u32,
    ) -> Result<u32, Full> {
        let owners = &mut *self.owners;
        let taken = self.head.owners.take(owners.len(), |free| owners[free as usize].hash_next);
        let ix = taken.ok_or(Full::Room)?;
        let bucket = self.owner_bucket(db, workspace, account, user);
        let hash_next = std::mem::replace(&mut self.owner_buckets[bucket], ix + 1).wrapping_sub(1);
        let turn = self.dbs[db as usize].turn;
        self.owners[ix as usize] = Owner {
            workspace,
            account,
            user,
            turn,
            db,
            lanes: NIL,
            due: 0,
            hash_next,
            root,
            members: 0,
            jobs: 0,
        };
        Ok(ix)
    }

    fn free_owner_if_unused(&mut self, owner: u32) {
        let Owner { lanes, root, .. } = self.owners[owner as usize];
        if lanes != NIL {
            return;
        }
        self.free_owner(owner);
        if root != NIL {
            self.owners[root as usize].members -= 1;
            self.free_root_if_unused(root);
        }
    }

    fn free_root_if_unused(&mut self, root: u32) {
        if self.owners[root as usize].members == 0 {
            self.free_owner(root);
        }
    }

    fn free_owner(&mut self, owner: u32) {
        let Owner { db, workspace, account, user, hash_next, .. } = self.owners[owner as usize];
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
