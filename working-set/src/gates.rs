//! Gates in memory: made when a lane needs one, told what to do by the rules, kept while they know something.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use crate::block::{Class, Set};
use crate::gate::{ACCOUNT, ACTION, BUDGET, GATES, Gate, Key, MAX_WINDOWS, Of, SHARED, SHARED_BUDGET, SITE};
use crate::heap::NIL;
use crate::lanes::mix;
use crate::types::{Full, NewJob, Own, OwnLimit, SPEND};
use crate::window::Window;

/// How many gates are looked at to find one that is not needed any more.
const MAX_SWEPT: u32 = 256;

impl Set<'_> {
    // --- which gates there are ---

    pub(crate) fn find_gate(&self, key: Key) -> Option<u32> {
        let mut ix = self.gate_buckets[self.gate_bucket(key)].wrapping_sub(1);
        while ix != NIL {
            let gate = &self.gates[ix as usize];
            if gate.key == key {
                return Some(ix);
            }
            ix = gate.hash_next;
        }
        None
    }

    /// The gate with this key, made where there is none.
    pub(crate) fn gate_for(&mut self, key: Key, platform: u32) -> Result<u32, Full> {
        if let Some(ix) = self.find_gate(key) {
            return Ok(ix);
        }
        let gates = &mut *self.gates;
        let mut taken = self.head.gates.take(gates.len(), |free| gates[free as usize].hash_next);
        if taken.is_none() && self.sweep() {
            let gates = &mut *self.gates;
            taken = self.head.gates.take(gates.len(), |free| gates[free as usize].hash_next);
        }
        let ix = taken.ok_or(Full::Room)?;
        let bucket = self.gate_bucket(key);
        let hash_next = std::mem::replace(&mut self.gate_buckets[bucket], ix + 1).wrapping_sub(1);
        self.gates[ix as usize] = Gate::new(key, platform, hash_next);
        self.apply_rule(ix, &[]);
        Ok(ix)
    }

    /// Frees gates that know nothing any more. False: there was none among those looked at.
    fn sweep(&mut self) -> bool {
        let (count, now) = (self.gates.len() as u32, self.head.clock);
        let mut freed = false;
        for _ in 0..MAX_SWEPT.min(count) {
            self.head.swept = (self.head.swept + 1) % count;
            let gate = self.gates[self.head.swept as usize];
            // one that was freed has a key that is nowhere to be found
            let there = self.find_gate(gate.key) == Some(self.head.swept);
            if there && gate.is_idle(now) && gate.windows().all(|window| self.windows[window].is_idle(now)) {
                self.free_gate(self.head.swept);
                freed = true;
            }
        }
        freed
    }

    fn free_gate(&mut self, ix: u32) {
        let Gate { key, hash_next, .. } = self.gates[ix as usize];
        self.unschedule(ix);
        for place in 0..MAX_WINDOWS {
            self.drop_window(ix, place);
        }
        let bucket = self.gate_bucket(key);
        let mut at = self.gate_buckets[bucket].wrapping_sub(1);
        if at == ix {
            self.gate_buckets[bucket] = hash_next.wrapping_add(1);
        }
        while at != NIL {
            let next = self.gates[at as usize].hash_next;
            if next == ix {
                self.gates[at as usize].hash_next = hash_next;
            }
            at = next;
        }
        self.gates[ix as usize].hash_next = self.head.gates.give(ix);
    }

    fn gate_bucket(&self, key: Key) -> usize {
        let mixed = mix(key.id) ^ (u64::from(key.db) << 40) ^ (u64::from(key.name) << 8) ^ key.of as u64;
        mix(u128::from(mixed)) as usize & (self.gate_buckets.len() - 1)
    }

    /// Shows every gate of a database.
    pub(crate) fn each_gate(&mut self, db: u32, mut show: impl FnMut(&mut Self, u32)) {
        for ix in 0..self.head.gates.used_once {
            let key = self.gates[ix as usize].key;
            if key.db == db && self.find_gate(key) == Some(ix) {
                show(self, ix);
            }
        }
    }

    // --- what they are told to do ---

    fn drop_window(&mut self, gate: u32, place: usize) {
        let window = std::mem::take(&mut self.gates[gate as usize].windows[place]);
        if window != 0 {
            self.windows[window as usize - 1].next = self.head.windows.give(window - 1);
        }
    }

    /// Gives a gate a window, or another limit to the one of that length. What it has counted stays.
    pub(crate) fn set_window(&mut self, gate: u32, length: i64, max: u32, own: bool) -> Result<(), Full> {
        let entry = self.gates[gate as usize];
        if let Some(window) = entry.windows().find(|window| self.windows[*window].length == length) {
            let window = &mut self.windows[window];
            (window.max, window.own) = (max, own);
            return Ok(());
        }
        let place = entry.windows.iter().position(|ix| *ix == 0).ok_or(Full::Room)?;
        let windows = &mut *self.windows;
        let mut taken = self.head.windows.take(windows.len(), |free| windows[free as usize].next);
        if taken.is_none() && self.sweep() {
            let windows = &mut *self.windows;
            taken = self.head.windows.take(windows.len(), |free| windows[free as usize].next);
        }
        let ix = taken.ok_or(Full::Room)?;
        self.windows[ix as usize] = Window::new(length, max, own, self.head.clock);
        self.gates[gate as usize].windows[place] = ix + 1;
        Ok(())
    }

    /// Has a gate do what the rules of its platform say, and limits of its account's own instead of those with the same
    /// window. One that there is no room for closes it.
    fn apply_rule(&mut self, gate: u32, own: &[Own]) {
        let Gate { key, platform, .. } = self.gates[gate as usize];
        let rule = self.platform_rule(key.db, platform).unwrap_or_default();
        let entry = &mut self.gates[gate as usize];
        match key.of {
            Of::Account => (entry.max_running, entry.gap) = (rule.account_concurrency, rule.account_gap),
            Of::Site => (entry.max_running, entry.gap) = (rule.concurrency, rule.gap),
            Of::Action | Of::Shared => {
                let (unfit, step) = (self.apply_limits(gate, own).is_err(), self.step_of(key, platform));
                let entry = &mut self.gates[gate as usize];
                (entry.unfit, entry.step) = (unfit, step);
                return;
            }
            Of::Other => return,
        }
        entry.rule = rule.breaker;
        if rule.breaker.failures == 0 {
            (entry.open_until, entry.trips) = (0, 0);
        }
    }

    fn apply_limits(&mut self, gate: u32, own: &[Own]) -> Result<(), Full> {
        let Gate { key, platform, .. } = self.gates[gate as usize];
        let mut wanted: Vec<(i64, u32, bool)> = own.iter().map(|own| (own.length, own.max, true)).collect();
        self.each_limit(key.db, platform, key.name, |limit| {
            if limit.shared != (key.of == Of::Shared) {
                return;
            }
            let bound = own.iter().any(|own| own.length == limit.length && own.bound);
            match wanted.iter_mut().find(|(length, ..)| *length == limit.length) {
                Some((_, max, _)) if bound => *max = limit.max.min(*max),
                Some(_) => {}
                None => wanted.push((limit.length, limit.max, false)),
            }
        });
        for place in 0..MAX_WINDOWS {
            let window = self.gates[gate as usize].windows[place];
            let length = (window != 0).then(|| self.windows[window as usize - 1].length);
            if length.is_some_and(|length| wanted.iter().all(|(other, ..)| *other != length)) {
                self.drop_window(gate, place);
            }
        }
        wanted.into_iter().try_for_each(|(length, max, own)| self.set_window(gate, length, max, own))
    }

    /// Gives an account limits of its own for an action, or none any more. How many lanes may look again.
    pub fn set_own_limits(
        &mut self,
        db: u32,
        account: u128,
        (platform, action): (&str, &str),
        own: &[Own],
        now: i64,
    ) -> Result<u32, Full> {
        self.head.clock = now;
        let platform = self.book.term_for(platform).ok_or(Full::Room)?;
        let name = self.book.term_for(action).ok_or(Full::Room)?;
        let gate = self.gate_for(Key { id: account, db, name, of: Of::Action }, platform)?;
        self.gates[gate as usize].pinned = !own.is_empty();
        self.apply_rule(gate, own);
        Ok(self.settle(gate, now))
    }

    /// How many gates of a database could not be given the windows they should have.
    pub fn unfit(&mut self, db: u32) -> usize {
        let mut unfit = 0;
        self.each_gate(db, |set, gate| unfit += usize::from(set.gates[gate as usize].unfit));
        unfit
    }

    /// Has everything in memory follow the rules of a database and the limits of single accounts.
    pub(crate) fn apply_rules(&mut self, db: u32, own: &[OwnLimit<'_>], now: i64) -> Result<(), Full> {
        self.head.clock = now;
        self.each_gate(db, |set, gate| set.gates[gate as usize].pinned = false);
        let mut of_gates: HashMap<u32, Vec<Own>> = HashMap::new();
        for limit in own {
            let platform = self.book.term_for(limit.platform).ok_or(Full::Room)?;
            let name = self.book.term_for(limit.action).ok_or(Full::Room)?;
            let gate = self.gate_for(Key { id: limit.account, db, name, of: Of::Action }, platform)?;
            self.gates[gate as usize].pinned = true;
            of_gates.entry(gate).or_default().push(limit.limit);
        }
        self.each_gate(db, |set, gate| {
            let own = of_gates.get(&gate).map_or(&[][..], Vec::as_slice);
            set.apply_rule(gate, own);
        });
        let mut classes = Vec::new();
        self.each_class(db, |class| classes.push(class));
        for class in classes {
            let kind = self.classes[class as usize].kind;
            let (action, policy) = (self.action_of(db, kind.as_str()), self.kind_policy(db, kind.as_str()));
            self.classes[class as usize].action = action;
            self.classes[class as usize].owner_concurrency = policy.owner_concurrency;
        }
        for lane in 0..self.head.lanes.used_once {
            let entry = self.lanes[lane as usize];
            // a freed lane has no jobs
            if entry.nodes > 0 && self.owners[entry.owner as usize].db == db {
                self.assign_gates(lane)?;
            }
        }
        self.each_gate(db, |set, gate| {
            set.settle(gate, now);
        });
        Ok(())
    }

    // --- which of them a lane goes through ---

    /// The gates of a new lane, each of which counts it.
    pub(crate) fn gates_for(&mut self, class: u32, job: &NewJob<'_>) -> Result<[u32; GATES], Full> {
        let entry = self.classes[class as usize];
        let mut gates = [NIL; GATES];
        if entry.action == NIL || entry.platform_term == NIL || job.account == 0 {
            return Ok(gates);
        }
        self.enter_gates(class, job.account, site(job.platform, job.host), &mut gates)?;
        if let Some(label) = self.book.label_for(job.platform, job.host) {
            self.gates[gates[SITE] as usize].label = label;
        }
        Ok(gates)
    }

    fn enter_gates(
        &mut self,
        class: u32,
        account: u128,
        site: u128,
        gates: &mut [u32; GATES],
    ) -> Result<(), Full> {
        let Class { db, action, platform_term: platform, .. } = self.classes[class as usize];
        let is_shared = |set: &Self, action: u32| {
            let mut shared = false;
            set.each_limit(db, platform, action, |limit| shared |= limit.shared);
            shared
        };
        let (costs, spend) =
            (self.price(db, platform, action) > 0, self.book.find_term(SPEND).unwrap_or(NIL));
        let (id, of_platform) = (account, u128::from(platform));
        let keys = [
            (ACCOUNT, true, Key { id, db, name: NIL, of: Of::Account }),
            (ACTION, true, Key { id, db, name: action, of: Of::Action }),
            (SITE, true, Key { id: site, db, name: NIL, of: Of::Site }),
            (SHARED, is_shared(self, action), Key { id: of_platform, db, name: action, of: Of::Shared }),
            (BUDGET, costs, Key { id, db, name: spend, of: Of::Action }),
            (
                SHARED_BUDGET,
                costs && is_shared(self, spend),
                Key { id: of_platform, db, name: spend, of: Of::Shared },
            ),
        ];
        for (place, wanted, key) in keys {
            if !wanted {
                continue;
            }
            match self.gate_for(key, platform) {
                // counted at once: the next one could make room by freeing it
                Ok(gate) => {
                    self.gates[gate as usize].lanes += 1;
                    gates[place] = gate;
                }
                Err(full) => {
                    self.leave_gates(*gates);
                    *gates = [NIL; GATES];
                    return Err(full);
                }
            }
        }
        Ok(())
    }

    /// What the windows of a gate must have room for.
    pub(crate) fn step_of(&self, key: Key, platform: u32) -> u32 {
        let is_budget = matches!(key.of, Of::Action | Of::Shared) && self.book.name_of(key.name) == SPEND;
        if is_budget { self.dearest(key.db, platform).max(1) } else { 1 }
    }

    pub(crate) fn leave_gates(&mut self, gates: [u32; GATES]) {
        for gate in gates.into_iter().filter(|gate| *gate != NIL) {
            self.gates[gate as usize].lanes -= 1;
        }
    }

    /// Has a lane go through the gates that hold for it now. What its jobs count for goes with them.
    fn assign_gates(&mut self, lane: u32) -> Result<(), Full> {
        let entry = self.lanes[lane as usize];
        let class = self.classes[entry.class as usize];
        let account = self.owners[entry.owner as usize].account;
        let mut gates = [NIL; GATES];
        self.unseat(lane);
        if class.action != NIL && class.platform_term != NIL && account != 0 {
            self.enter_gates(entry.class, account, entry.site, &mut gates)?;
        }
        for gate in entry.gates.into_iter().filter(|gate| *gate != NIL) {
            self.gates[gate as usize].running -= entry.running;
        }
        self.leave_gates(entry.gates);
        for gate in gates.into_iter().filter(|gate| *gate != NIL) {
            self.gates[gate as usize].running += entry.running;
        }
        self.lanes[lane as usize].gates = gates;
        self.seat(lane);
        Ok(())
    }
}

/// The number of a platform's server.
pub(crate) fn site(platform: &str, host: &str) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, platform, host).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(1) << 64 | half(2)
}
