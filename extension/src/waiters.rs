//! Sessions that wait for work. A commit that adds work sets their latches: no NOTIFY, no lock held over a commit.

use pgrx::pg_sys;

const MAX: usize = 512;

/// A session that waits.
#[derive(Clone, Copy)]
struct Waiter {
    /// Its database's index plus one; 0: free.
    db: u32,
    /// Takes only some jobs: it is woken whatever comes, because the next one may be for it.
    picky: bool,
    /// Its latch, in shared memory at the same address in every process.
    latch: usize,
}

/// Those who wait, in shared memory.
#[derive(Clone, Copy)]
pub(crate) struct Waiters([Waiter; MAX]);

// SAFETY: plain numbers.
unsafe impl pgrx::PGRXSharedMemory for Waiters {}

impl Waiters {
    pub(crate) const fn new() -> Self {
        Self([Waiter { db: 0, picky: false, latch: 0 }; MAX])
    }

    /// Has this session woken by the next work. False: too many wait already.
    pub(crate) fn enter(&mut self, db: u32, picky: bool) -> bool {
        let latch = my_latch();
        let place = self.0.iter_mut().find(|waiter| waiter.db == 0 || waiter.latch == latch);
        let Some(place) = place else { return false };
        *place = Waiter { db: db + 1, picky, latch };
        true
    }

    /// Takes this session off the list.
    pub(crate) fn leave(&mut self) {
        let latch = my_latch();
        for waiter in self.0.iter_mut().filter(|waiter| waiter.db != 0 && waiter.latch == latch) {
            waiter.db = 0;
        }
    }

    /// Wakes who waits for work of this database: as many as there are jobs, and everyone who is picky.
    pub(crate) fn wake(&mut self, db: u32, mut jobs: usize) {
        for waiter in self.0.iter_mut().filter(|waiter| waiter.db == db + 1) {
            if waiter.picky || jobs > 0 {
                jobs = jobs.saturating_sub(usize::from(!waiter.picky));
                waiter.db = 0;
                // SAFETY: the latch of a backend's slot in shared memory: it outlives the backend, and a latch that is
                // set for nobody harms nobody.
                unsafe { pg_sys::SetLatch(waiter.latch as *mut pg_sys::Latch) };
            }
        }
    }
}

fn my_latch() -> usize {
    // SAFETY: set when the backend starts.
    unsafe { pg_sys::MyLatch as usize }
}
