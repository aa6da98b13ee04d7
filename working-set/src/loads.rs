//! Reads of the log. A job that ends while the log is read stays findable until the reader is done, so that what the
//! reader saw unfinished does not come back.

use crate::block::{Place, Set};
use crate::heap::NIL;
use crate::types::Ix;

impl Set<'_> {
    /// Somebody begins to read the log.
    pub fn begin_load(&mut self, db: u32) {
        self.dbs[db as usize].loads += 1;
    }

    /// Somebody has read the log, and added what he found.
    pub fn end_load(&mut self, db: u32) {
        let entry = &mut self.dbs[db as usize];
        entry.loads = entry.loads.saturating_sub(1);
        if entry.loads > 0 {
            return;
        }
        let mut tomb = std::mem::replace(&mut entry.tombs, NIL);
        while tomb != NIL {
            let next = self.slots[tomb as usize].links.next;
            self.free(tomb);
            tomb = next;
        }
    }

    /// Frees a job that ended, at once or after the reads that are under way.
    pub(crate) fn bury(&mut self, ix: Ix) {
        let db = self.db_of(ix) as usize;
        if self.dbs[db].loads == 0 {
            self.free(ix);
            return;
        }
        self.slots[ix as usize].place = Place::Tomb;
        self.slots[ix as usize].links.next = std::mem::replace(&mut self.dbs[db].tombs, ix);
    }
}
