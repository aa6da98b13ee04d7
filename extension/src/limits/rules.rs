//! The rules as the tables have them, and how they get into memory.

use std::cell::Cell;

use crier_working_set::{
    BreakerRule, Gated, KindPolicy, KindRule, LimitRule, Own, OwnLimit, PlatformRule, PriceRule, Rules,
};
use pgrx::Uuid;
use pgrx::datum::Interval;
use pgrx::prelude::*;

use crate::clock;
use crate::error::{CrierError, Result};
use crate::limits::no_room;
use crate::memory;
use crate::passed::Timestamptz;
use crate::plans::{Row, Statement, statement};
use crate::queue::held::id_of;
use crate::transaction;

const KINDS: Statement = statement!(up "limits/kinds");
const PLATFORMS: Statement = statement!(up "limits/platforms");
const LIMITS: Statement = statement!(up "limits/limits");
const OWN: Statement = statement!(up "limits/own_limits");
const PRICES: Statement = statement!(up "limits/prices");
const BLOCKS: Statement = statement!(up "limits/blocks");

/// A row of `job_kind`.
pub(crate) struct Kind {
    pub(crate) kind: String,
    action: Option<String>,
    pub(crate) policy: KindPolicy,
}

impl Kind {
    /// Every row as others see it, or as this transaction does.
    pub(crate) fn all(own: bool) -> Result<Vec<Self>> {
        if own { KINDS.newest(&[], Self::read) } else { KINDS.committed(&[], Self::read) }
    }

    fn read(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            kind: row.need(1)?,
            action: row.get(2)?,
            policy: KindPolicy {
                max_attempts: count(row, 3)?,
                first_delay: span(row, 4)?,
                max_delay: span(row, 5)?,
                jitter: row.need(6)?,
                user_limit: count(row, 7)?,
                owner_concurrency: count(row, 8)?,
            },
        })
    }
}

/// Reads every rule, and what is blocked, into memory. What does not fit there is said in a warning: it must not keep
/// everybody from everything.
pub(crate) fn read() -> Result<()> {
    let kinds = Kind::all(false)?;
    let platforms = PLATFORMS.committed(&[], |row| {
        let breaker = BreakerRule {
            failures: count(row, 6)?,
            window: span(row, 7)?,
            pause: span(row, 8)?,
            max_pause: span(row, 9)?,
        };
        let rule = PlatformRule {
            platform: "",
            account_concurrency: count(row, 2)?,
            concurrency: count(row, 3)?,
            account_gap: span(row, 4)?,
            gap: span(row, 5)?,
            breaker,
        };
        Ok((row.need::<String>(1)?, rule))
    })?;
    let limits = LIMITS.committed(&[], |row| {
        Ok((row.need::<String>(1)?, row.need::<String>(2)?, row.need(3)?, span(row, 4)?, count(row, 5)?))
    })?;
    let own = OWN.committed(&[], |row| {
        let account = id_of(row.need::<Uuid>(1)?);
        Ok((account, row.need::<String>(2)?, row.need::<String>(3)?, own_limit(row, 4)?))
    })?;
    let prices =
        PRICES.committed(&[], |row| Ok((row.need::<String>(1)?, row.need::<String>(2)?, count(row, 3)?)))?;
    let now = clock::now();
    let blocks = BLOCKS.committed(&[now.into()], |row| {
        let account = id_of(row.need::<Uuid>(3)?);
        let until = row.need::<Timestamptz>(5)?.0;
        Ok((row.need::<String>(1)?, row.need::<String>(2)?, account, row.need::<String>(4)?, until))
    })?;

    let kinds: Vec<KindRule<'_>> = kinds
        .iter()
        .map(|kind| KindRule {
            kind: &kind.kind,
            action: kind.action.as_deref().unwrap_or(""),
            policy: kind.policy,
        })
        .collect();
    let platforms: Vec<PlatformRule<'_>> =
        platforms.iter().map(|(platform, rule)| PlatformRule { platform, ..*rule }).collect();
    let limits: Vec<LimitRule<'_>> = limits
        .iter()
        .map(|(platform, action, shared, length, max)| LimitRule {
            platform,
            action,
            shared: *shared,
            length: *length,
            max: *max,
        })
        .collect();
    let own: Vec<OwnLimit<'_>> = own
        .iter()
        .map(|(account, platform, action, limit)| OwnLimit {
            account: *account,
            platform,
            action,
            limit: *limit,
        })
        .collect();
    let prices: Vec<PriceRule<'_>> = prices
        .iter()
        .map(|(platform, action, price)| PriceRule { platform, action, price: *price })
        .collect();
    let rules = Rules { kinds: &kinds, platforms: &platforms, limits: &limits, own: &own, prices: &prices };
    let (unfit, unblocked) = memory::with(|memory| {
        let (set, db) = (&mut memory.set, memory.db);
        set.unblock_all(db);
        let blocked = blocks.iter().map(|(platform, host, account, action, until)| {
            set.block(db, blocked(platform, host, *account, action), *until, now.0)
        });
        let unblocked = blocked.filter(Result::is_err).count();
        set.set_rules(db, &rules, now.0)?;
        Ok((set.unfit(db), unblocked))
    })?
    .map_err(no_room)?;
    if unfit + unblocked > 0 {
        pgrx::warning!(
            "crier: {unfit} limits have more windows than there is room for, and let nothing through; {unblocked} blocks \
             do not fit into memory. An account and action have at most four windows; crier.queue_capacity sets the room."
        );
    }
    Ok(())
}

/// A limit of an account, from column `n` on: window, number, whether its operator set it.
pub(crate) fn own_limit(row: &Row<'_>, n: usize) -> Result<Own> {
    Ok(Own { length: span(row, n)?, max: count(row, n + 1)?, bound: !row.need::<bool>(n + 2)? })
}

/// What a block is of: the server, where no account is named; all an account does, where no action is.
pub(crate) fn blocked<'a>(platform: &'a str, host: &'a str, account: u128, action: &'a str) -> Gated<'a> {
    match (account, action) {
        (0, _) => Gated::Site(platform, host),
        (account, "") => Gated::Account(account, platform),
        (account, action) => Gated::Action(account, platform, action),
    }
}

/// A count that a check of the table keeps above nothing; 0: none.
fn count(row: &Row<'_>, n: usize) -> Result<u32> {
    Ok(row.get::<i32>(n)?.map_or(0, i32::unsigned_abs))
}

/// A span that a check of the table keeps above nothing, in microseconds; 0: none.
fn span(row: &Row<'_>, n: usize) -> Result<i64> {
    let Some(interval) = row.get::<Interval>(n)? else { return Ok(0) };
    clock::micros(&interval).ok_or_else(|| CrierError::Internal("an interval is out of range".into()))
}

thread_local! {
    /// This session changes limits of single accounts, and says which.
    static SAYS_WHICH: Cell<bool> = const { Cell::new(false) };
}

/// Runs what changes limits of single accounts without having all rules read again.
pub(crate) fn saying_which<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    struct Until;
    impl Drop for Until {
        fn drop(&mut self) {
            SAYS_WHICH.set(false);
        }
    }
    SAYS_WHICH.set(true);
    let _until = Until;
    work()
}

/// The trigger of the tables with rules: a change holds from its commit on.
#[pg_trigger]
fn rules_changed<'a>(
    _trigger: &'a pgrx::PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, impl WhoAllocated>>, pgrx::pg_sys::panic::ErrorReport> {
    // without the library's memory there is nothing that could be out of date
    if !SAYS_WHICH.get() && memory::is_there() {
        transaction::reconfigured()?;
    }
    Ok(None::<PgHeapTuple<'a, AllocatedByRust>>)
}
