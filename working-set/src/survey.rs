//! What statistics ask. What is as long as there are owners or jobs is looked at piece by piece, so that nobody waits for it.

use crate::block::{Place, Set};
use crate::heap::NIL;
use crate::types::{Counts, State};

impl Set<'_> {
    /// Shows kind, platform and counts of every class of a database.
    pub fn classes(&self, db: u32, mut show: impl FnMut(&str, &str, Counts)) {
        self.each_class(db, |class| {
            let entry = &self.classes[class as usize];
            show(entry.kind.as_str(), entry.platform.as_str(), entry.counts);
        });
    }

    /// Shows the kind, the platform and the time of the first job in the line of owners, among up to `most` lines from
    /// number `from` on. Where to go on, if there are more.
    pub fn firsts(
        &self,
        db: u32,
        from: u32,
        most: u32,
        mut show: impl FnMut(&str, &str, i64),
    ) -> Option<u32> {
        let to = from.saturating_add(most).min(self.head.lanes.used_once);
        for lane in self.lanes.get(from as usize..to as usize).unwrap_or_default() {
            if lane.nodes == 0 || lane.due == NIL {
                continue;
            }
            let class = &self.classes[lane.class as usize];
            if class.db == db {
                show(class.kind.as_str(), class.platform.as_str(), self.get(lane.due).run_at);
            }
        }
        (to < self.head.lanes.used_once).then_some(to)
    }

    /// Shows the token and the workspace (0: none) of every job in a worker's hands, among up to `most` places from number
    /// `from` on. Where to go on, if there are more.
    pub fn leases(&self, db: u32, from: u32, most: u32, mut show: impl FnMut(i64, u128)) -> Option<u32> {
        let to = from.saturating_add(most).min(self.head.nodes.used_once);
        for ix in from..to {
            let slot = &self.slots[ix as usize];
            if slot.place == Place::Leases && slot.node.state == State::Leased && self.db_of(ix) == db {
                show(slot.node.token, self.workspace(ix));
            }
        }
        (to < self.head.nodes.used_once).then_some(to)
    }
}
