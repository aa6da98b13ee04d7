//! A gate: what the jobs of some lanes have to go through to be handed out. It limits how many are in workers' hands at
//! once, how soon one follows another, how many go through in a window; it can be blocked until a time, and it has a
//! circuit breaker.
//!
//! A lane whose jobs do something on a platform goes through up to six: its account's, its account's for the action,
//! its server's, the one that all accounts of the platform share for the action, and where the action costs money the
//! budgets of its account and of its platform. A lane that finds one closed waits
//! at it, in the order of its jobs, and is looked at again when the gate opens.

use crate::heap::{Heap, Links, NIL, UNLINKED};
use crate::types::BreakerRule;
use crate::window::Window;

/// Windows a gate can have.
pub(crate) const MAX_WINDOWS: usize = 4;

/// Gates a lane can go through, by their place in its list.
pub(crate) const GATES: usize = 6;
pub(crate) const ACCOUNT: usize = 0;
pub(crate) const ACTION: usize = 1;
pub(crate) const SITE: usize = 2;
pub(crate) const SHARED: usize = 3;
/// From here on gates are budgets.
pub(crate) const BUDGET: usize = 4;
pub(crate) const SHARED_BUDGET: usize = 5;

/// A gate without the windows it should have is looked at again so often.
const UNFIT: i64 = 10_000_000;

/// What a gate is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Of {
    Account = 0,
    Action,
    Site,
    Shared,
    Other,
}

/// Which gate it is. `id` is the account, the server (a hash of platform and host), or the number of the platform where
/// accounts share it; `name` the number of the action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Key {
    pub(crate) id: u128,
    pub(crate) db: u32,
    pub(crate) name: u32,
    pub(crate) of: Of,
}

/// What a gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// So many may go through now.
    Open(u32),
    /// Nobody before this time.
    Later(i64),
    /// Nobody until a worker answers.
    Full,
}

#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Gate {
    pub(crate) key: Key,
    /// The number of its platform; of those of others nothing.
    pub(crate) platform: u32,
    /// The number of its server's name, where there was room for one.
    pub(crate) label: u32,
    /// What there must be room for in its windows: one, or what the dearest job costs where they count money.
    pub(crate) step: u32,
    /// It could not be given the windows it should have: nothing goes through.
    pub(crate) unfit: bool,
    /// Lanes that go through it.
    pub(crate) lanes: u32,
    /// It has limits that no rule would bring back: it is kept.
    pub(crate) pinned: bool,
    pub(crate) running: u32,
    /// 0: any number.
    pub(crate) max_running: u32,
    pub(crate) gap: i64,
    pub(crate) next_at: i64,
    pub(crate) blocked_until: i64,
    pub(crate) rule: BreakerRule,
    failures: u32,
    failing_since: i64,
    /// Whose job failed first, and whether another one's did since.
    failed_first: u128,
    failed_several: bool,
    pub(crate) open_until: i64,
    /// How often in a row the breaker opened; 0: it is closed.
    pub(crate) trips: u32,
    /// Its windows: one more than the index, 0: none.
    pub(crate) windows: [u32; MAX_WINDOWS],
    /// The heap of the lanes that wait at it.
    pub(crate) waiting: u32,
    /// When they are looked at again, if the gate is among those that open at a time.
    pub(crate) reopen_at: i64,
    pub(crate) scheduled: bool,
    pub(crate) links: Links,
    pub(crate) hash_next: u32,
}

impl Gate {
    pub(crate) fn new(key: Key, platform: u32, hash_next: u32) -> Self {
        Self {
            key,
            platform,
            label: NIL,
            step: 1,
            unfit: false,
            lanes: 0,
            pinned: false,
            running: 0,
            max_running: 0,
            gap: 0,
            next_at: 0,
            blocked_until: 0,
            rule: BreakerRule::default(),
            failures: 0,
            failing_since: 0,
            failed_first: 0,
            failed_several: false,
            open_until: 0,
            trips: 0,
            windows: [0; MAX_WINDOWS],
            waiting: NIL,
            reopen_at: 0,
            scheduled: false,
            links: UNLINKED,
            hash_next,
        }
    }

    pub(crate) fn windows(&self) -> impl Iterator<Item = usize> + use<> {
        self.windows.into_iter().filter(|ix| *ix != 0).map(|ix| ix as usize - 1)
    }

    /// What it says apart from its windows.
    pub(crate) fn way(&mut self, now: i64) -> Way {
        // a clock that went back must not keep anything closed for longer than it was meant to be
        self.next_at = self.next_at.min(now.saturating_add(self.gap));
        self.open_until = self.open_until.min(now.saturating_add(self.rule.max_pause));
        let mut until = self.blocked_until.max(self.open_until).max(self.next_at);
        if self.unfit {
            until = until.max(now.saturating_add(UNFIT));
        }
        if until > now {
            return Way::Later(until);
        }
        let one = if self.trips > 0 { 1 } else { u32::MAX };
        let most = if self.max_running == 0 { one } else { one.min(self.max_running) };
        match most.saturating_sub(self.running) {
            0 => Way::Full,
            room if self.gap > 0 => Way::Open(room.min(1)),
            room => Way::Open(room),
        }
    }

    /// A job went through.
    pub(crate) fn passed(&mut self, now: i64) {
        self.running += 1;
        if self.gap > 0 {
            self.next_at = now.saturating_add(self.gap);
        }
    }

    /// What became of a job of an account: the platform did what it was asked to, or could not be reached. True: the
    /// breaker closed. One account alone does not open that of a server.
    pub(crate) fn report(&mut self, account: u128, worked: bool, now: i64) -> bool {
        if worked {
            self.failures = 0;
            self.open_until = 0;
            return std::mem::take(&mut self.trips) > 0;
        }
        let rule = self.rule;
        if rule.failures == 0 || self.open_until > now {
            return false;
        }
        if self.failures == 0
            || now.saturating_sub(self.failing_since) > rule.window
            || now < self.failing_since
        {
            (self.failures, self.failing_since) = (0, now);
            (self.failed_first, self.failed_several) = (account, false);
        }
        self.failures += 1;
        self.failed_several |= self.failed_first != account;
        let enough = self.failures >= rule.failures && (self.failed_several || self.key.of != Of::Site);
        // while it lets one job try, one failure is enough
        if self.trips > 0 || enough {
            let doubled = rule.pause.saturating_mul(1 << self.trips.min(20));
            self.open_until = now.saturating_add(doubled.min(rule.max_pause));
            self.trips = self.trips.saturating_add(1);
            self.failures = 0;
        }
        false
    }

    /// Whether nothing would be lost with it, its windows apart.
    pub(crate) fn is_idle(&self, now: i64) -> bool {
        let rule = self.rule;
        self.lanes == 0
            && !self.pinned
            && self.running == 0
            && self.waiting == NIL
            && self.blocked_until <= now
            && self.next_at <= now
            && (self.trips == 0 || self.open_until.saturating_add(rule.max_pause) <= now)
            && (self.failures == 0 || self.failing_since.saturating_add(rule.window) <= now)
    }
}

/// Gates that open at a time.
pub(crate) struct Reopening<'a>(pub(crate) &'a mut [Gate]);

impl Heap for Reopening<'_> {
    fn links(&mut self, element: u32) -> &mut Links {
        &mut self.0[element as usize].links
    }
    fn before(&self, a: u32, b: u32) -> bool {
        let key = |ix: u32| (self.0[ix as usize].reopen_at, ix);
        key(a) < key(b)
    }
}

/// The windows of a gate together.
pub(crate) fn way_of(gate: &mut Gate, windows: &mut [Window], now: i64) -> Way {
    let mut way = gate.way(now);
    for ix in gate.windows() {
        let window = &mut windows[ix];
        let free_at = window.free_at(now, gate.step);
        way = match (way, free_at > now) {
            (Way::Later(until), _) => Way::Later(until.max(free_at)),
            (_, true) => Way::Later(free_at),
            (Way::Open(room), false) => Way::Open(room.min(window.room(now) / gate.step)),
            (Way::Full, false) => Way::Full,
        };
    }
    way
}
