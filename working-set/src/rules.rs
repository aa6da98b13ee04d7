//! What the limits of a database are: the caller reads them from its tables and puts them here, where claims look.

use crate::block::{Name, Set};
use crate::heap::NIL;
use crate::pool::Pool;
use crate::types::{Full, KindPolicy, KindRule, LimitRule, PlatformRule, PriceRule, Rules, SPEND};

/// Names of kinds' actions, of platforms and of their servers, shared by all databases. Never freed: there are few.
pub(crate) const MAX_TERMS: usize = 8_192;
/// Servers whose names a tenant chooses may not crowd out the names of actions and platforms.
const TERMS_FOR_SITES: u32 = 6_144;
pub(crate) const MAX_KINDS: usize = 8_192;
pub(crate) const MAX_PLATFORMS: usize = 16_384;
pub(crate) const MAX_LIMITS: usize = 65_536;
pub(crate) const MAX_PRICES: usize = 4_096;
/// What a part of a window holds.
const MAX_PRICE: u32 = u16::MAX as u32;

/// A name and its number, which is its index.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Term {
    name: Name<320>,
    hash_next: u32,
}

/// The rule of a kind.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct KindEntry {
    kind: Name<400>,
    action: u32,
    policy: KindPolicy,
    next: u32,
}

/// The rule of a platform.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct PlatformEntry {
    platform: u32,
    pub(crate) account_concurrency: u32,
    pub(crate) concurrency: u32,
    pub(crate) account_gap: i64,
    pub(crate) gap: i64,
    pub(crate) breaker: crate::types::BreakerRule,
    next: u32,
}

/// How many of an action a platform admits in a window.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct LimitEntry {
    platform: u32,
    action: u32,
    pub(crate) shared: bool,
    pub(crate) length: i64,
    pub(crate) max: u32,
    next: u32,
}

/// What a job of an action costs, at most.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct PriceEntry {
    platform: u32,
    action: u32,
    price: u32,
    next: u32,
}

/// The rules of all databases, in lists.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Book {
    terms: u32,
    kinds: Pool,
    platforms: Pool,
    limits: Pool,
    prices: Pool,
    term_buckets: [u32; MAX_TERMS],
    term: [Term; MAX_TERMS],
    kind: [KindEntry; MAX_KINDS],
    platform: [PlatformEntry; MAX_PLATFORMS],
    limit: [LimitEntry; MAX_LIMITS],
    price: [PriceEntry; MAX_PRICES],
}

impl Book {
    /// The number of a name. `None`: nobody has used it yet.
    pub(crate) fn find_term(&self, name: &str) -> Option<u32> {
        let mut ix = self.term_buckets[bucket(name)].wrapping_sub(1);
        while ix != NIL {
            let term = &self.term[ix as usize];
            if term.name.as_str() == name {
                return Some(ix);
            }
            ix = term.hash_next;
        }
        None
    }

    /// The number of a name, given where it has none. `None`: there are too many, or it is too long.
    fn term(&mut self, name: &str, most: u32) -> Option<u32> {
        if let Some(ix) = self.find_term(name) {
            return Some(ix);
        }
        if self.terms >= most {
            return None;
        }
        let stored = Name::new(name)?;
        let ix = self.terms;
        let first = &mut self.term_buckets[bucket(name)];
        let hash_next = std::mem::replace(first, ix + 1).wrapping_sub(1);
        self.term[ix as usize] = Term { name: stored, hash_next };
        self.terms += 1;
        Some(ix)
    }

    pub(crate) fn name_of(&self, term: u32) -> &str {
        self.term.get(term as usize).map_or("", |term| term.name.as_str())
    }

    /// The number of an action or a platform.
    pub(crate) fn term_for(&mut self, name: &str) -> Option<u32> {
        self.term(name, MAX_TERMS as u32)
    }

    /// The number of the name of a server, for people; none where there are too many of them.
    pub(crate) fn label_for(&mut self, platform: &str, host: &str) -> Option<u32> {
        self.term(&format!("{platform} {host}"), TERMS_FOR_SITES)
    }
}

fn bucket(name: &str) -> usize {
    // FNV-1a
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    name.bytes().fold(0xcbf2_9ce4_8422_2325, step) as usize % MAX_TERMS
}

impl Set<'_> {
    /// Replaces the rules of a database. Looks at everything in memory. An error leaves limits in a state in which nothing
    /// may be handed out.
    pub fn set_rules(&mut self, db: u32, rules: &Rules<'_>, now: i64) -> Result<(), Full> {
        self.drop_rules(db);
        for rule in rules.kinds {
            self.add_kind(db, rule)?;
        }
        for rule in rules.platforms {
            self.add_platform(db, rule)?;
        }
        for rule in rules.limits {
            self.add_limit(db, rule)?;
        }
        for rule in rules.prices {
            self.add_price(db, rule)?;
        }
        self.apply_rules(db, rules.own, now)
    }

    /// How jobs of a kind are treated; what no rule says has the default.
    pub fn kind_policy(&self, db: u32, kind: &str) -> KindPolicy {
        self.kind_rule(db, kind).map_or_else(KindPolicy::default, |entry| entry.policy)
    }

    /// Whether a rule says anything of a kind.
    pub fn has_rule(&self, db: u32, kind: &str) -> bool {
        self.kind_rule(db, kind).is_some()
    }

    /// The action of a kind: what its jobs do on a platform. `None`: nothing that is limited.
    pub(crate) fn action_of(&self, db: u32, kind: &str) -> u32 {
        self.kind_rule(db, kind).map_or(NIL, |entry| entry.action)
    }

    fn kind_rule(&self, db: u32, kind: &str) -> Option<&KindEntry> {
        let mut ix = self.dbs[db as usize].kind_rules.wrapping_sub(1);
        while ix != NIL {
            let entry = &self.book.kind[ix as usize];
            if entry.kind.as_str() == kind {
                return Some(entry);
            }
            ix = entry.next;
        }
        None
    }

    pub(crate) fn platform_rule(&self, db: u32, platform: u32) -> Option<PlatformEntry> {
        let mut ix = self.dbs[db as usize].platform_rules.wrapping_sub(1);
        while ix != NIL {
            let entry = self.book.platform[ix as usize];
            if entry.platform == platform {
                return Some(entry);
            }
            ix = entry.next;
        }
        None
    }

    /// Shows the limits of an action on a platform.
    pub(crate) fn each_limit(&self, db: u32, platform: u32, action: u32, mut show: impl FnMut(&LimitEntry)) {
        let mut ix = self.dbs[db as usize].limit_rules.wrapping_sub(1);
        while ix != NIL {
            let entry = &self.book.limit[ix as usize];
            if entry.platform == platform && entry.action == action {
                show(entry);
            }
            ix = entry.next;
        }
    }

    fn each_price(&self, db: u32, platform: u32, mut show: impl FnMut(&PriceEntry)) {
        let mut ix = self.dbs[db as usize].price_rules.wrapping_sub(1);
        while ix != NIL {
            let entry = &self.book.price[ix as usize];
            if entry.platform == platform {
                show(entry);
            }
            ix = entry.next;
        }
    }

    /// What a job of an action on a platform takes from budgets, at most.
    pub(crate) fn price(&self, db: u32, platform: u32, action: u32) -> u32 {
        let mut price = 0;
        self.each_price(db, platform, |entry| {
            if entry.action == action {
                price = entry.price.max(price);
            }
        });
        price
    }

    /// What the dearest job on a platform takes.
    pub(crate) fn dearest(&self, db: u32, platform: u32) -> u32 {
        let mut price = 0;
        self.each_price(db, platform, |entry| price = entry.price.max(price));
        price
    }

    fn drop_rules(&mut self, db: u32) {
        let db = &mut self.dbs[db as usize];
        let book = &mut *self.book;
        // 0 is the end of a list: what the server gives is zero
        let mut ix = std::mem::take(&mut db.kind_rules).wrapping_sub(1);
        while ix != NIL {
            let next = book.kind[ix as usize].next;
            book.kind[ix as usize].next = book.kinds.give(ix);
            ix = next;
        }
        ix = std::mem::take(&mut db.platform_rules).wrapping_sub(1);
        while ix != NIL {
            let next = book.platform[ix as usize].next;
            book.platform[ix as usize].next = book.platforms.give(ix);
            ix = next;
        }
        ix = std::mem::take(&mut db.limit_rules).wrapping_sub(1);
        while ix != NIL {
            let next = book.limit[ix as usize].next;
            book.limit[ix as usize].next = book.limits.give(ix);
            ix = next;
        }
        ix = std::mem::take(&mut db.price_rules).wrapping_sub(1);
        while ix != NIL {
            let next = book.price[ix as usize].next;
            book.price[ix as usize].next = book.prices.give(ix);
            ix = next;
        }
    }

    fn add_kind(&mut self, db: u32, rule: &KindRule<'_>) -> Result<(), Full> {
        let book = &mut *self.book;
        let kind = Name::new(rule.kind).ok_or(Full::Name)?;
        let action = match rule.action {
            "" => NIL,
            action => book.term_for(action).ok_or(Full::Room)?,
        };
        let entries = &book.kind;
        let ix = book.kinds.take(MAX_KINDS, |free| entries[free as usize].next).ok_or(Full::Room)?;
        let first = &mut self.dbs[db as usize].kind_rules;
        let next = std::mem::replace(first, ix + 1).wrapping_sub(1);
        book.kind[ix as usize] = KindEntry { kind, action, policy: rule.policy, next };
        Ok(())
    }

    fn add_platform(&mut self, db: u32, rule: &PlatformRule<'_>) -> Result<(), Full> {
        let book = &mut *self.book;
        let platform = book.term_for(rule.platform).ok_or(Full::Room)?;
        let entries = &book.platform;
        let ix = book.platforms.take(MAX_PLATFORMS, |free| entries[free as usize].next).ok_or(Full::Room)?;
        let first = &mut self.dbs[db as usize].platform_rules;
        let next = std::mem::replace(first, ix + 1).wrapping_sub(1);
        book.platform[ix as usize] = PlatformEntry {
            platform,
            account_concurrency: rule.account_concurrency,
            concurrency: rule.concurrency,
            account_gap: rule.account_gap,
            gap: rule.gap,
            breaker: rule.breaker,
            next,
        };
        Ok(())
    }

    fn add_limit(&mut self, db: u32, rule: &LimitRule<'_>) -> Result<(), Full> {
        let book = &mut *self.book;
        let platform = book.term_for(rule.platform).ok_or(Full::Room)?;
        let action = book.term_for(rule.action).ok_or(Full::Room)?;
        let entries = &book.limit;
        let ix = book.limits.take(MAX_LIMITS, |free| entries[free as usize].next).ok_or(Full::Room)?;
        let first = &mut self.dbs[db as usize].limit_rules;
        let next = std::mem::replace(first, ix + 1).wrapping_sub(1);
        let LimitRule { shared, length, max, .. } = *rule;
        book.limit[ix as usize] = LimitEntry { platform, action, shared, length, max, next };
        Ok(())
    }

    fn add_price(&mut self, db: u32, rule: &PriceRule<'_>) -> Result<(), Full> {
        let book = &mut *self.book;
        book.term_for(SPEND).ok_or(Full::Room)?;
        let platform = book.term_for(rule.platform).ok_or(Full::Room)?;
        let action = book.term_for(rule.action).ok_or(Full::Room)?;
        let entries = &book.price;
        let ix = book.prices.take(MAX_PRICES, |free| entries[free as usize].next).ok_or(Full::Room)?;
        let first = &mut self.dbs[db as usize].price_rules;
        let next = std::mem::replace(first, ix + 1).wrapping_sub(1);
        let price = rule.price.min(MAX_PRICE);
        book.price[ix as usize] = PriceEntry { platform, action, price, next };
        Ok(())
    }
}
