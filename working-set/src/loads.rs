//! Reads of the log. A job that ends while the log is read stays findable until the readers who had begun by then are
//! done, so that what a reader saw unfinished does not come back.

use crate::block::{Place, Set};
use crate::heap::NIL;
use crate::types::{Full, Ix, State};

impl Set<'_> {
    /// Somebody begins to read the log; what to end it with. `None`: too many read already.
    pub fn begin_load(&mut self, db: u32) -> Option<u32> {
        let entry = &mut self.dbs[db as usize];
        entry.load_no += 1;
        let slot = entry.loads.iter().position(|load| *load == 0)?;
        entry.loads[slot] = entry.load_no;
        u32::try_from(slot).ok()
    }

    /// Somebody has read the log, and added what he found.
    pub fn end_load(&mut self, db: u32, load: u32) {
        let entry = &mut self.dbs[db as usize];
        if let Some(load) = entry.loads.get_mut(load as usize) {
            *load = 0;
        }
        let oldest = entry.loads.iter().copied().filter(|load| *load != 0).min().unwrap_or(u64::MAX);
        // they are in the order in which they ended
        loop {
            let first = self.dbs[db as usize].first_tomb;
            if first == NIL || self.slots[first as usize].node.claimed_at as u64 >= oldest {
                return;
            }
            let next = self.slots[first as usize].links.next;
            let entry = &mut self.dbs[db as usize];
            entry.first_tomb = next;
            if next == NIL {
                entry.last_tomb = NIL;
            }
            self.free(first);
        }
    }

    /// Whether somebody reads the log.
    pub fn is_loading(&self, db: u32) -> bool {
        self.dbs[db as usize].loads.iter().any(|load| *load != 0)
    }

    /// Why a job was not added: it has ended, and only a reader keeps it findable.
    pub(crate) fn is_tomb(&self, ix: Ix) -> bool {
        self.slots[ix as usize].place == Place::Tomb
    }

    /// What stands in the way of a job with an id that is taken.
    pub(crate) fn present(&self, ix: Ix) -> Full {
        if self.is_tomb(ix) { Full::Ended } else { Full::Present }
    }

    /// Frees a job that ended, at once or after the reads that are under way.
    pub(crate) fn bury(&mut self, ix: Ix) {
        let db = self.db_of(ix);
        if !self.is_loading(db) {
            self.free(ix);
            return;
        }
        let entry = &mut self.dbs[db as usize];
        let (last, no) = (std::mem::replace(&mut entry.last_tomb, ix), entry.load_no);
        if last == NIL {
            entry.first_tomb = ix;
        } else {
            self.slots[last as usize].links.next = ix;
        }
        let slot = &mut self.slots[ix as usize];
        slot.place = Place::Tomb;
        slot.links.next = NIL;
        slot.node.state = State::Gone;
        // nothing else asks for this of a job that has ended
        slot.node.claimed_at = no as i64;
    }
}
