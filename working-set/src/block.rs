//! The block of shared memory and how it is carved. The one place where memory is taken at its word.
#![allow(unsafe_code)]

use std::ptr::NonNull;

use crate::gate::{GATES, Gate};
use crate::heap::{Links, NIL};
use crate::pool::Pool;
use crate::rules::Book;
use crate::types::{Counts, Db, Node};
use crate::window::Window;

const MAGIC: u64 = u64::from_be_bytes(*b"crier003");
const ALIGN: usize = 64;

/// How much of everything there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Capacity {
    /// Unfinished jobs.
    pub nodes: u32,
    /// Pairs of an owner and a kind of jobs.
    pub lanes: u32,
    /// Accounts and users with jobs, and the workspaces they are of.
    pub owners: u32,
    /// Pairs of a kind of jobs and a platform.
    pub classes: u32,
    /// Databases.
    pub databases: u32,
    /// Accounts, and actions of accounts, that are limited or were a short time ago.
    pub gates: u32,
    /// Windows of limits.
    pub windows: u32,
}

impl Capacity {
    /// What goes well with a number of jobs.
    pub const fn for_jobs(jobs: u32) -> Self {
        Self {
            nodes: jobs,
            lanes: jobs / 2 + 1_024,
            owners: jobs / 2 + 2_048,
            classes: 4_096,
            databases: 1_024,
            gates: jobs / 2 + 8_192,
            windows: jobs + 16_384,
        }
    }

    /// The size of the block in bytes.
    pub const fn bytes(&self) -> usize {
        self.layout().end
    }

    const fn layout(&self) -> Layout {
        let dbs = room::<Head>(0, 1);
        let classes = room::<Db>(dbs, self.databases);
        let owners = room::<Class>(classes, self.classes);
        let lanes = room::<Owner>(owners, self.owners);
        let nodes = room::<Lane>(lanes, self.lanes);
        let node_buckets = room::<Slot>(nodes, self.nodes);
        let owner_buckets = room::<u32>(node_buckets, buckets(self.nodes));
        let class_buckets = room::<u32>(owner_buckets, buckets(self.owners));
        let book = room::<u32>(class_buckets, buckets(self.classes));
        let gates = room::<Book>(book, 1);
        let windows = room::<Gate>(gates, self.gates);
        let gate_buckets = room::<Window>(windows, self.windows);
        let end = room::<u32>(gate_buckets, buckets(self.gates));
        Layout {
            dbs,
            classes,
            owners,
            lanes,
            nodes,
            node_buckets,
            owner_buckets,
            class_buckets,
            book,
            gates,
            windows,
            gate_buckets,
            end,
        }
    }
}

struct Layout {
    dbs: usize,
    classes: usize,
    owners: usize,
    lanes: usize,
    nodes: usize,
    node_buckets: usize,
    owner_buckets: usize,
    class_buckets: usize,
    book: usize,
    gates: usize,
    windows: usize,
    gate_buckets: usize,
    end: usize,
}

const fn buckets(elements: u32) -> u32 {
    elements.next_power_of_two()
}

/// Where the next thing begins after `count` of `T` from `start` on.
const fn room<T>(start: usize, count: u32) -> usize {
    (start + size_of::<T>() * count as usize).next_multiple_of(ALIGN)
}

pub(crate) const MAX_PAUSES: usize = 1_024;

/// Something that is paused. `db` is the index plus one; 0 is a free entry.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Pause {
    pub(crate) db: u32,
    pub(crate) what: PauseOf,
    pub(crate) id: u128,
    pub(crate) name: Name<400>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum PauseOf {
    Kind = 0,
    Platform,
    Account,
    Workspace,
}

/// Text in the block.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Name<const N: usize> {
    len: u16,
    bytes: [u8; N],
}

impl<const N: usize> Name<N> {
    pub(crate) fn new(text: &str) -> Option<Self> {
        let mut name = Self { len: u16::try_from(text.len()).ok()?, bytes: [0; N] };
        name.bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(name)
    }

    pub(crate) fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

#[repr(C)]
pub(crate) struct Head {
    magic: u64,
    capacity: Capacity,
    pub(crate) databases: u32,
    pub(crate) nodes: Pool,
    pub(crate) lanes: Pool,
    pub(crate) owners: Pool,
    pub(crate) classes: Pool,
    pub(crate) gates: Pool,
    pub(crate) windows: Pool,
    /// The gate that was last looked at to see whether it is still needed.
    pub(crate) swept: u32,
    /// The time at the last call that said it.
    pub(crate) clock: i64,
    pub(crate) pauses: u32,
    pub(crate) paused: [Pause; MAX_PAUSES],
}

/// A kind of jobs on a platform, in a database.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Class {
    pub(crate) db: u32,
    /// Lanes of it.
    pub(crate) lanes: u32,
    /// The heap of those with due jobs.
    pub(crate) ready: u32,
    /// The heap of jobs whose time has not come.
    pub(crate) timers: u32,
    /// The list of the database's classes.
    pub(crate) next: u32,
    pub(crate) prev: u32,
    pub(crate) hash_next: u32,
    pub(crate) counts: Counts,
    pub(crate) paused: bool,
    /// The number of what its jobs do on the platform; none: nothing that is limited.
    pub(crate) action: u32,
    /// The number of the platform.
    pub(crate) platform_term: u32,
    /// Jobs of one owner in workers' hands, at most; 0: any number.
    pub(crate) owner_concurrency: u32,
    pub(crate) kind: Name<400>,
    pub(crate) platform: Name<64>,
}

/// Who must be treated fairly; and for each workspace one that stands for all of its own.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Owner {
    pub(crate) workspace: u128,
    pub(crate) account: u128,
    pub(crate) user: u128,
    pub(crate) turn: u64,
    pub(crate) db: u32,
    /// The list of its lanes.
    pub(crate) lanes: u32,
    /// Jobs that wait for their turn.
    pub(crate) due: u32,
    pub(crate) hash_next: u32,
    /// The one that stands for its workspace; none: it belongs to none.
    pub(crate) root: u32,
    /// Of one that stands for a workspace: those that it stands for.
    pub(crate) members: u32,
    /// Of one that stands for a workspace: the jobs in memory.
    pub(crate) jobs: u32,
}

/// The jobs of one owner and one class.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Lane {
    pub(crate) owner: u32,
    pub(crate) class: u32,
    /// All jobs of it, wherever they are.
    pub(crate) nodes: u32,
    /// The heap of those that wait for their turn.
    pub(crate) due: u32,
    /// Its place among the class's lanes with due jobs.
    pub(crate) links: Links,
    pub(crate) seated: bool,
    /// Its account or workspace is paused.
    pub(crate) held: bool,
    /// The list of the owner's lanes.
    pub(crate) next: u32,
    pub(crate) prev: u32,
    /// Jobs of it that count as being in workers' hands.
    pub(crate) running: u32,
    /// What it goes through.
    pub(crate) gates: [u32; GATES],
    /// The number of its account's server.
    pub(crate) site: u128,
    /// The gate at which it waits instead of being seated.
    pub(crate) waits_on: u32,
}

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Place {
    /// Not used.
    Free = 0,
    /// Locked, in no heap.
    Nowhere,
    Timers,
    Lane,
    Leases,
    /// Ended while somebody reads the log.
    Tomb,
}

/// The memory of one job.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Slot {
    pub(crate) node: Node,
    pub(crate) links: Links,
    pub(crate) hash_next: u32,
    pub(crate) place: Place,
    /// Its gates count it as being in a worker's hands. What a transaction does to it counts when that has ended, so that
    /// one that is rolled back has not let others through.
    pub(crate) runs: bool,
    /// When it took from the limits of its action, as those have it.
    pub(crate) used_at: i64,
    /// What it took then from budgets, as those have it.
    pub(crate) cost: u32,
}

/// The working set, as whoever holds its lock sees it.
#[derive(Debug)]
pub struct Set<'m> {
    pub(crate) head: &'m mut Head,
    pub(crate) dbs: &'m mut [Db],
    pub(crate) classes: &'m mut [Class],
    pub(crate) owners: &'m mut [Owner],
    pub(crate) lanes: &'m mut [Lane],
    pub(crate) slots: &'m mut [Slot],
    pub(crate) node_buckets: &'m mut [u32],
    pub(crate) owner_buckets: &'m mut [u32],
    pub(crate) class_buckets: &'m mut [u32],
    pub(crate) book: &'m mut Book,
    pub(crate) gates: &'m mut [Gate],
    pub(crate) windows: &'m mut [Window],
    pub(crate) gate_buckets: &'m mut [u32],
}

impl std::fmt::Debug for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Head")
            .field("capacity", &self.capacity)
            .field("nodes", &self.nodes)
            .finish_non_exhaustive()
    }
}

impl<'m> Set<'m> {
    /// Makes an empty set.
    ///
    /// # Safety
    /// `block` has `capacity.bytes()` bytes that are zero and begins at a multiple of 64. Nobody uses it.
    pub unsafe fn format(block: NonNull<u8>, capacity: Capacity) {
        let head = block.cast::<Head>();
        // SAFETY: the caller gives the memory; zero is a valid value of every field.
        unsafe {
            (*head.as_ptr()).capacity = capacity;
            (*head.as_ptr()).magic = MAGIC;
        }
    }

    /// The set in a block that was formatted.
    ///
    /// # Safety
    /// `block` was formatted by [`Set::format`], and nobody else uses it while this set lives.
    ///
    /// # Panics
    /// When the block was not formatted by this version.
    pub unsafe fn open(block: NonNull<u8>) -> Self {
        // SAFETY: formatted, as the caller says; zero, which all else was then, is valid for every type here.
        unsafe {
            let head = &mut *block.cast::<Head>().as_ptr();
            assert!(head.magic == MAGIC, "the queue's memory was made by another version of the library");
            let capacity = head.capacity;
            let at = capacity.layout();
            Self {
                head,
                dbs: slice(block, at.dbs, capacity.databases),
                classes: slice(block, at.classes, capacity.classes),
                owners: slice(block, at.owners, capacity.owners),
                lanes: slice(block, at.lanes, capacity.lanes),
                slots: slice(block, at.nodes, capacity.nodes),
                node_buckets: slice(block, at.node_buckets, buckets(capacity.nodes)),
                owner_buckets: slice(block, at.owner_buckets, buckets(capacity.owners)),
                class_buckets: slice(block, at.class_buckets, buckets(capacity.classes)),
                book: &mut *block.as_ptr().add(at.book).cast::<Book>(),
                gates: slice(block, at.gates, capacity.gates),
                windows: slice(block, at.windows, capacity.windows),
                gate_buckets: slice(block, at.gate_buckets, buckets(capacity.gates)),
            }
        }
    }

    /// How many jobs there is room for in all.
    pub fn capacity(&self) -> u32 {
        self.head.capacity.nodes
    }

    /// How many more jobs there is room for.
    pub fn free_nodes(&self) -> u32 {
        self.head.capacity.nodes - self.head.nodes.in_use
    }

    /// Whether there is room for one more job. The last tenth is for urgent ones.
    pub fn has_room(&self, urgent: bool) -> bool {
        self.free_nodes() > if urgent { 0 } else { self.capacity() / 10 }
    }

    /// The index of the database with this number, which is made where it is new. `None`: there are too many.
    pub fn open_db(&mut self, oid: u32) -> Option<u32> {
        let known = self.head.databases;
        if let Some(ix) = self.dbs.iter().take(known as usize).position(|db| db.oid == oid) {
            return u32::try_from(ix).ok();
        }
        let db = self.dbs.get_mut(known as usize)?;
        *db = Db {
            oid,
            far: i64::MIN,
            first_tomb: NIL,
            last_tomb: NIL,
            classes: NIL,
            leases: NIL,
            reopening: NIL,
            config_wanted: 1,
            ..Db::default()
        };
        self.head.databases += 1;
        Some(known)
    }

    /// A database.
    pub fn db(&self, db: u32) -> &Db {
        &self.dbs[db as usize]
    }

    /// A database.
    pub fn db_mut(&mut self, db: u32) -> &mut Db {
        &mut self.dbs[db as usize]
    }
}

/// # Safety
/// From `start` on the block has `count` valid values, which nobody else uses.
unsafe fn slice<'m, T>(block: NonNull<u8>, start: usize, count: u32) -> &'m mut [T] {
    // SAFETY: as the caller says.
    unsafe { std::slice::from_raw_parts_mut(block.as_ptr().add(start).cast::<T>(), count as usize) }
}
