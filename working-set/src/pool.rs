//! Which elements of an array are in use.

/// A pool: what was given back, then what was never used. Zero is a pool that was never used.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct Pool {
    /// The first free element plus one.
    free: u32,
    pub(crate) used_once: u32,
    pub(crate) in_use: u32,
}

impl Pool {
    pub(crate) fn take(&mut self, capacity: usize, next_free: impl FnOnce(u32) -> u32) -> Option<u32> {
        let ix = match self.free {
            0 if (self.used_once as usize) < capacity => {
                self.used_once += 1;
                self.used_once - 1
            }
            0 => return None,
            free => {
                self.free = next_free(free - 1);
                free - 1
            }
        };
        self.in_use += 1;
        Some(ix)
    }

    /// Gives an element back; what it has to keep as its next free one.
    pub(crate) fn give(&mut self, ix: u32) -> u32 {
        self.in_use -= 1;
        std::mem::replace(&mut self.free, ix + 1)
    }
}
