//! Limits, as the caller asks for them and changes them.

use crate::block::Set;
use crate::gate::{ACCOUNT, ACTION, Gate, Key, Of, SITE};
use crate::gates::site;
use crate::heap::NIL;
use crate::types::{Full, GateStatus, Gated, Ix, Tripped, Usage};

impl Set<'_> {
    /// What limits something now. Where nothing is in memory about it, what the rules say.
    pub fn status(&mut self, db: u32, what: Gated<'_>, now: i64) -> GateStatus {
        let Some((key, platform)) = self.known(db, what) else { return GateStatus::default() };
        let gate = match self.find_gate(key) {
            Some(ix) => {
                let gate = &mut self.gates[ix as usize];
                gate.way(now);
                *gate
            }
            None => return self.status_by_rules(key, platform, now),
        };
        let windows = gate.windows().map(|ix| {
            let window = &mut self.windows[ix];
            Usage {
                length: window.length,
                max: window.max,
                used: window.used(now),
                free_at: window.free_at(now, gate.step),
                own: window.own,
            }
        });
        let mut windows: Vec<Usage> = windows.collect();
        windows.sort_unstable_by_key(|window| window.length);
        GateStatus {
            running: gate.running,
            max_running: gate.max_running,
            blocked_until: gate.blocked_until,
            open_until: gate.open_until,
            trips: gate.trips,
            windows,
        }
    }

    fn status_by_rules(&self, key: Key, platform: u32, now: i64) -> GateStatus {
        let mut status = GateStatus::default();
        if let Some(rule) = self.platform_rule(key.db, platform) {
            match key.of {
                Of::Account => status.max_running = rule.account_concurrency,
                Of::Site => status.max_running = rule.concurrency,
                Of::Action | Of::Shared | Of::Other => {}
            }
        }
        let step = self.step_of(key, platform);
        self.each_limit(key.db, platform, key.name, |limit| {
            if limit.shared == (key.of == Of::Shared) && matches!(key.of, Of::Action | Of::Shared) {
                let (length, max) = (limit.length, limit.max);
                let free_at = if max >= step { now } else { now.saturating_add(length) };
                status.windows.push(Usage { length, max, used: 0, free_at, own: false });
            }
        });
        status.windows.sort_unstable_by_key(|window| window.length);
        status
    }

    /// Lets nothing through before a time, unless it is blocked for longer. How many lanes may look again.
    pub fn block(&mut self, db: u32, what: Gated<'_>, until: i64, now: i64) -> Result<u32, Full> {
        self.head.clock = now;
        if until <= now {
            return Ok(0);
        }
        let gate = self.named(db, what)?;
        let entry = &mut self.gates[gate as usize];
        entry.blocked_until = entry.blocked_until.max(until);
        Ok(self.settle(gate, now))
    }

    /// Lifts a block, or lets it end at what is left of others, and closes the breaker. How many lanes may look again.
    pub fn unblock(&mut self, db: u32, what: Gated<'_>, left: i64, now: i64) -> u32 {
        let Some(gate) = self.find_named(db, what) else { return 0 };
        let entry = &mut self.gates[gate as usize];
        entry.blocked_until = left;
        entry.report(0, true, now);
        self.settle(gate, now)
    }

    /// Forgets all blocks of a database: they are about to be said again.
    pub fn unblock_all(&mut self, db: u32) {
        self.each_gate(db, |set, gate| set.gates[gate as usize].blocked_until = 0);
    }

    /// Whether an account may do an action so many times, and counts it: in any case, or only if it may. `shared`: in the
    /// windows that its platform's accounts share, too.
    pub fn record(
        &mut self,
        db: u32,
        (account, platform, action): (u128, &str, &str),
        count: u32,
        (shared, within): (bool, bool),
        now: i64,
    ) -> Result<bool, Full> {
        self.head.clock = now;
        let blocked = self.find_named(db, Gated::Account(account, platform));
        let mut fits = blocked.is_none_or(|gate| self.gates[gate as usize].blocked_until <= now);
        let mut gates = vec![self.named(db, Gated::Action(account, platform, action))?];
        if shared {
            gates.push(self.named(db, Gated::Shared(platform, action))?);
        }
        for gate in &gates {
            fits &= self.gates[*gate as usize].blocked_until <= now;
            fits &= self.gates[*gate as usize].windows().all(|ix| self.windows[ix].room(now) >= count);
        }
        if fits || !within {
            gates.into_iter().for_each(|gate| self.count_at(gate, now, count, now));
        }
        Ok(fits)
    }

    fn count_at(&mut self, gate: u32, at: i64, count: u32, now: i64) {
        for ix in self.gates[gate as usize].windows() {
            self.windows[ix].add_at(at, count, now);
        }
    }

    /// Takes back what [`Set::record`] counted at a time.
    pub fn take_back(&mut self, db: u32, what: Gated<'_>, at: i64, count: u32, now: i64) -> u32 {
        let Some(gate) = self.find_named(db, what) else { return 0 };
        for ix in self.gates[gate as usize].windows() {
            self.windows[ix].give_back(at, count);
        }
        self.settle(gate, now)
    }

    /// What a job of an action on a platform takes from budgets, at most; 0: it costs nothing.
    pub fn price_of(&self, db: u32, platform: &str, action: &str) -> u32 {
        let (platform, action) = (self.book.find_term(platform), self.book.find_term(action));
        platform.zip(action).map_or(0, |(platform, action)| self.price(db, platform, action))
    }

    /// Counts what happened before the server started. It counts as late as it may have happened.
    pub fn remember(&mut self, db: u32, what: Gated<'_>, at: i64, count: u32, now: i64) -> Result<(), Full> {
        self.head.clock = now;
        // what no window still counts needs no gate
        let longest = |set: &Self| {
            let mut longest = 0;
            let Some((key, platform)) = set.known(db, what) else { return 0 };
            set.each_limit(db, platform, key.name, |limit| longest = limit.length.max(longest));
            longest
        };
        let gate = match self.find_named(db, what) {
            Some(gate) => gate,
            None if at.saturating_add(longest(self)) > now => self.named(db, what)?,
            None => return Ok(()),
        };
        self.count_at(gate, at, count, now);
        Ok(())
    }

    /// Forgets what the windows of a database have counted.
    pub fn forget_usage(&mut self, db: u32) {
        self.each_gate(db, |set, gate| {
            for ix in set.gates[gate as usize].windows() {
                set.windows[ix].clear();
            }
        });
    }

    /// Whether one more of something may happen in a window of its own, and counts it if so.
    pub fn admit(
        &mut self,
        db: u32,
        number: u128,
        length: i64,
        max: u32,
        now: i64,
    ) -> Result<(bool, Usage), Full> {
        self.head.clock = now;
        let key = Key { id: number, db, name: NIL, of: Of::Other };
        let gate = self.gate_for(key, NIL)?;
        self.set_window(gate, length, max, false)?;
        let ix = self.gates[gate as usize].windows().find(|ix| self.windows[*ix].length == length);
        let window = &mut self.windows[ix.ok_or(Full::Room)?];
        let admitted = window.room(now) > 0;
        if admitted {
            window.add(now, 1);
        }
        let used = window.used(now);
        Ok((admitted, Usage { length, max, used, free_at: window.free_at(now, 1), own: false }))
    }

    /// The action of a job that is limited.
    pub fn limited(&self, ix: Ix) -> Option<&str> {
        let action = self.lanes[self.slots[ix as usize].node.lane as usize].gates[ACTION];
        (action != NIL).then(|| self.book.name_of(self.gates[action as usize].key.name))
    }

    /// Says what became of a job, which its breakers count: the platform did what it was asked to, or could not be
    /// reached. How many lanes may look again.
    pub fn report(&mut self, ix: Ix, worked: bool, now: i64) -> u32 {
        let lane = self.slots[ix as usize].node.lane;
        let gates = self.lanes[lane as usize].gates;
        let mut woken = 0;
        for gate in [gates[ACCOUNT], gates[SITE]].into_iter().filter(|gate| *gate != NIL) {
            let account = self.owners[self.owner_of(ix)].account;
            if self.gates[gate as usize].report(account, worked, now) {
                woken += self.settle(gate, now);
            }
        }
        woken
    }

    /// The breakers of a database that are not closed, among so many gates from this one on; where to go on, if there are
    /// more.
    pub fn tripped(&self, db: u32, from: u32, most: u32) -> (Vec<Tripped>, Option<u32>) {
        let end = from.saturating_add(most).min(self.head.gates.used_once);
        let open = (from..end).filter(|ix| {
            let gate = &self.gates[*ix as usize];
            gate.key.db == db && gate.trips > 0 && self.find_gate(gate.key) == Some(*ix)
        });
        let open = open.map(|ix| {
            let Gate { key, platform, label, open_until, trips, .. } = self.gates[ix as usize];
            Tripped {
                account: if key.of == Of::Account { key.id } else { 0 },
                platform: self.book.name_of(platform).to_owned(),
                host: self.book.name_of(label).split_once(' ').map_or("", |(_, host)| host).to_owned(),
                open_until,
                trips,
            }
        });
        (open.collect(), (end < self.head.gates.used_once).then_some(end))
    }

    /// The gate of something, made where there is none.
    fn named(&mut self, db: u32, what: Gated<'_>) -> Result<u32, Full> {
        for name in what.names() {
            self.book.term_for(name).ok_or(Full::Room)?;
        }
        let (key, platform) = self.known(db, what).ok_or(Full::Room)?;
        let gate = self.gate_for(key, platform)?;
        if let Gated::Site(platform, host) = what
            && let Some(label) = self.book.label_for(platform, host)
        {
            self.gates[gate as usize].label = label;
        }
        Ok(gate)
    }

    fn find_named(&self, db: u32, what: Gated<'_>) -> Option<u32> {
        self.known(db, what).and_then(|(key, _)| self.find_gate(key))
    }

    /// The gate that something would have, and its platform. `None`: a name in it was never used.
    fn known(&self, db: u32, what: Gated<'_>) -> Option<(Key, u32)> {
        let term = |name: &str| self.book.find_term(name);
        let key = |of: Of, id: u128, name: u32| Key { id, db, name, of };
        Some(match what {
            Gated::Account(id, platform) => (key(Of::Account, id, NIL), term(platform)?),
            Gated::Action(id, platform, action) => (key(Of::Action, id, term(action)?), term(platform)?),
            Gated::Site(platform, host) => (key(Of::Site, site(platform, host), NIL), term(platform)?),
            Gated::Shared(platform, action) => {
                let platform = term(platform)?;
                (key(Of::Shared, u128::from(platform), term(action)?), platform)
            }
            Gated::Other(id) => (key(Of::Other, id, NIL), NIL),
        })
    }
}

impl<'a> Gated<'a> {
    /// The names in it that have numbers.
    fn names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let (first, second) = match *self {
            Gated::Account(_, platform) | Gated::Site(platform, _) => (Some(platform), None),
            Gated::Action(_, platform, action) | Gated::Shared(platform, action) => {
                (Some(platform), Some(action))
            }
            Gated::Other(_) => (None, None),
        };
        first.into_iter().chain(second)
    }
}
