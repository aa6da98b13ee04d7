//! What is paused costs nothing while it is: its lanes are among none that a claim looks at.

use crate::block::{MAX_PAUSES, Name, Pause, PauseOf, Set};
use crate::types::Scope;

impl Set<'_> {
    /// Stops something, or lets it go on. Looks at all lanes. False: too much is paused one by one.
    pub fn pause(&mut self, db: u32, scope: Scope<'_>, on: bool) -> bool {
        let (what, id, name) = match scope {
            Scope::All => {
                self.dbs[db as usize].paused = on;
                return true;
            }
            Scope::Kind(name) => (PauseOf::Kind, 0, name),
            Scope::Platform(name) => (PauseOf::Platform, 0, name),
            Scope::Account(id) => (PauseOf::Account, id, ""),
            Scope::Workspace(id) => (PauseOf::Workspace, id, ""),
        };
        let Some(name) = Name::new(name) else { return false };
        let same = |pause: &Pause| {
            pause.db == db + 1 && pause.what == what && pause.id == id && pause.name.as_str() == name.as_str()
        };
        let there = self.head.paused.iter().position(same);
        match (there, on) {
            (None, true) => {
                let Some(free) = self.head.paused.iter_mut().find(|pause| pause.db == 0) else {
                    return false;
                };
                *free = Pause { db: db + 1, what, id, name };
                self.head.pauses += 1;
            }
            (Some(at), false) => {
                self.head.paused[at].db = 0;
                self.head.pauses -= 1;
            }
            _ => return true,
        }
        self.look_again(db);
        true
    }

    /// Lets everything go on.
    pub fn resume_all(&mut self, db: u32) {
        self.dbs[db as usize].paused = false;
        let before = self.head.pauses;
        for at in 0..MAX_PAUSES {
            if self.head.paused[at].db == db + 1 {
                self.head.paused[at].db = 0;
                self.head.pauses -= 1;
            }
        }
        if self.head.pauses < before {
            self.look_again(db);
        }
    }

    /// Whether jobs of this owner are paused.
    pub(crate) fn is_held(&self, owner: u32) -> bool {
        let owner = &self.owners[owner as usize];
        self.has_pause(owner.db, |pause| match pause.what {
            PauseOf::Account => pause.id == owner.account && owner.account != 0,
            PauseOf::Workspace => pause.id == owner.workspace && owner.workspace != 0,
            PauseOf::Kind | PauseOf::Platform => false,
        })
    }

    /// Whether jobs of this kind on this platform are paused.
    pub(crate) fn is_class_paused(&self, db: u32, kind: &str, platform: &str) -> bool {
        self.has_pause(db, |pause| match pause.what {
            PauseOf::Kind => pause.name.as_str() == kind,
            PauseOf::Platform => pause.name.as_str() == platform,
            PauseOf::Account | PauseOf::Workspace => false,
        })
    }

    fn has_pause(&self, db: u32, which: impl Fn(&Pause) -> bool) -> bool {
        self.head.pauses > 0 && self.head.paused.iter().any(|pause| pause.db == db + 1 && which(pause))
    }

    fn look_again(&mut self, db: u32) {
        let mut classes = Vec::new();
        self.each_class(db, |class| classes.push(class));
        for class in classes {
            let entry = self.classes[class as usize];
            self.classes[class as usize].paused =
                self.is_class_paused(db, entry.kind.as_str(), entry.platform.as_str());
        }
        for lane in 0..self.head.lanes.used_once {
            let entry = self.lanes[lane as usize];
            // a freed lane has no jobs
            if entry.nodes == 0 || self.owners[entry.owner as usize].db != db {
                continue;
            }
            let held = self.is_held(entry.owner);
            if held != entry.held {
                self.unseat(lane);
                self.lanes[lane as usize].held = held;
                self.seat(lane);
            }
        }
    }
}
