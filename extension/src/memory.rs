//! The queue's working set in shared memory: one block for all databases of the cluster, behind one lock.
//!
//! What it holds can be rebuilt from the tables at any time (`queue/load.rs`). The postmaster clears it whenever a
//! backend crashes.

use std::cell::{Cell, UnsafeCell};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};

use crier_working_set::{Capacity, Set};
use pgrx::prelude::*;
use pgrx::{
    GucContext, GucFlags, GucRegistry, GucSetting, PgLwLock, PgSharedMemoryInitialization, pg_shmem_init,
};

use crate::error::{CrierError, Result};
use crate::waiters::Waiters;

/// How many unfinished jobs are kept in memory, over all databases. The rest is read when there is room.
static CAPACITY: GucSetting<i32> = GucSetting::<i32>::new(1_000_000);

static LOCK: PgLwLock<Waiters> = unsafe { PgLwLock::new(c"crier") };
static BLOCK: Block = Block(UnsafeCell::new(None));
static PRELOADED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The index of this session's database: it never changes.
    static DATABASE: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Where the block is. Set once by the postmaster, before any backend is forked.
struct Block(UnsafeCell<Option<NonNull<u8>>>);

// SAFETY: written in the postmaster's startup only; what it points to is guarded by LOCK.
unsafe impl Sync for Block {}

impl PgSharedMemoryInitialization for Block {
    type Value = ();

    unsafe fn on_shmem_request(&'static self) {
        // SAFETY: called from the request hook.
        unsafe { pg_sys::RequestAddinShmemSpace(capacity().bytes()) };
    }

    unsafe fn on_shmem_startup(&'static self, (): ()) {
        let mut found = false;
        // SAFETY: called from the startup hook, in the postmaster, which runs alone. Memory of the segment is zero and
        // aligned to a cache line.
        unsafe {
            let block =
                pg_sys::ShmemInitStruct(c"crier working set".as_ptr(), capacity().bytes(), &mut found);
            let block = NonNull::new(block.cast::<u8>());
            if let (Some(block), false) = (block, found) {
                Set::format(block, capacity());
            }
            *self.0.get() = block;
        }
    }
}

fn capacity() -> Capacity {
    Capacity::for_jobs(CAPACITY.get().unsigned_abs())
}

/// Asks for the memory, if this is the postmaster that loads its libraries. Loaded later, the library has no
/// memory: whatever needs it says so.
pub(crate) fn init() {
    // SAFETY: a flag of the postmaster.
    if !unsafe { pg_sys::process_shared_preload_libraries_in_progress } {
        return;
    }
    GucRegistry::define_int_guc(
        c"crier.queue_capacity",
        c"Unfinished jobs that are kept in memory, over all databases.",
        c"About 500 bytes each with the limits beside them, taken as they are needed. What is beyond it waits in the tables.",
        &CAPACITY,
        1_000,
        100_000_000,
        GucContext::Postmaster,
        GucFlags::default(),
    );
    pg_shmem_init!(LOCK = Waiters::new());
    pg_shmem_init!(BLOCK = ());
    PRELOADED.store(true, Ordering::Relaxed);
}

/// Whether there is a working set at all: not where the library was not preloaded.
pub(crate) fn is_there() -> bool {
    PRELOADED.load(Ordering::Relaxed)
}

/// The working set, locked, as this session's database sees it.
pub(crate) struct Memory<'a> {
    pub(crate) set: Set<'a>,
    pub(crate) waiters: &'a mut Waiters,
    /// The index of this database in the set.
    pub(crate) db: u32,
}

/// Works on the set while nobody else does. What runs in here must be short, and must neither raise an error nor
/// call Postgres.
pub(crate) fn with<T>(work: impl FnOnce(&mut Memory<'_>) -> T) -> Result<T> {
    if !is_there() {
        return Err(CrierError::NotPreloaded);
    }
    // SAFETY: set by the postmaster before this process was forked.
    let block = unsafe { *BLOCK.0.get() }.ok_or(CrierError::NotPreloaded)?;
    let mut waiters = LOCK.exclusive();
    // SAFETY: formatted by the postmaster, and nobody else has the lock.
    let mut set = unsafe { Set::open(block) };
    let db = match DATABASE.get() {
        Some(db) => db,
        None => {
            // SAFETY: set when the session starts.
            let oid = unsafe { pg_sys::MyDatabaseId };
            let db = set.open_db(oid.to_u32()).ok_or(CrierError::TooManyDatabases)?;
            DATABASE.set(Some(db));
            db
        }
    };
    Ok(work(&mut Memory { set, waiters: &mut waiters, db }))
}

/// Who this session is to the working set.
pub(crate) fn me() -> u32 {
    // SAFETY: set when the process starts.
    unsafe { pg_sys::MyProcPid }.unsigned_abs()
}
