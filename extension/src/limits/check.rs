//! `crier.check_rate_limit(account, action)` and `crier.rate_limit_status`: what is left of an account's limits.

use crier_working_set::{GateStatus, Gated, SPEND, Usage};
use pgrx::Uuid;
use pgrx::datum::Interval;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::clock;
use crate::error::Result;
use crate::identity::Caller;
use crate::input;
use crate::limits::Account;
use crate::memory;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::queue::{configure, load};

const ACTIONS: Statement = statement!(up "limits/actions");
const BLOCKS: Statement = statement!(up "limits/blocks_of_account");

/// A block that lasts.
struct Block {
    /// Empty: every one.
    action: String,
    until: Timestamptz,
    reason: Option<String>,
}

/// What holds for an action of an account now.
struct Standing {
    windows: Vec<Usage>,
    /// Of the whole platform.
    shared: Vec<Usage>,
    /// What it costs can be paid from then on.
    paid_at: i64,
    blocked_until: Option<Timestamptz>,
    reason: Option<String>,
}

/// Whether an account may do something now, and how much is left: of its window in which the least is. Takes nothing:
/// claims do, and `record_action`.
#[pg_extern(name = "check_rate_limit", security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn check_account_limit(
    p_account_id: Option<Uuid>,
    p_action: Option<&str>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(allowed, bool),
            name!(used, Option<i64>),
            name!(max, Option<i64>),
            name!(per, Option<Interval>),
            name!(remaining, Option<i64>),
            name!(resets_at, Option<Timestamptz>),
            name!(blocked_until, Option<Timestamptz>),
            name!(reason, Option<String>),
        ),
    >,
    ErrorReport,
> {
    let account = input::required(p_account_id, "p_account_id")?;
    let action = input::text(p_action, "p_action", 64)?;
    let caller = Caller::current()?;
    let account = Account::find(account, caller)?;
    let now = clock::now();
    let blocks = blocks(&account, now)?;
    let Standing { windows, shared, paid_at, blocked_until, reason } =
        standing(&account, &action, &blocks, now)?;
    let all = || windows.iter().chain(&shared);
    // how much others did is nobody's to know
    let shown = || windows.iter().chain(shared.iter().filter(|_| matches!(caller, Caller::Trusted)));
    let left = |usage: &Usage| usage.max.saturating_sub(usage.used);
    let tightest = shown().min_by_key(|usage| (left(usage), -usage.free_at)).copied();
    let free_at = all().map(|usage| usage.free_at).max().unwrap_or(now.0).max(paid_at);
    let allowed = blocked_until.is_none() && free_at <= now.0;
    let resets_at = (free_at > now.0).then_some(Timestamptz(free_at));
    Ok(TableIterator::once((
        allowed,
        tightest.map(|usage| usage.used.into()),
        tightest.map(|usage| usage.max.into()),
        tightest.map(|usage| clock::interval(usage.length)),
        tightest.map(|usage| left(&usage).into()),
        resets_at,
        blocked_until,
        reason,
    )))
}

/// The limits of an account, action by action: what is used of each window, when it admits more, and what blocks it. Those that
/// all accounts of a platform share are shown to trusted callers.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn rate_limit_status(
    p_account_id: Option<Uuid>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(action, String),
            name!(scope, &'static str),
            name!(per, Interval),
            name!(max, i64),
            name!(used, i64),
            name!(remaining, i64),
            name!(resets_at, Option<Timestamptz>),
            name!(custom, bool),
            name!(blocked_until, Option<Timestamptz>),
            name!(reason, Option<String>),
        ),
    >,
    ErrorReport,
> {
    let caller = Caller::current()?;
    let account = Account::find(input::required(p_account_id, "p_account_id")?, caller)?;
    let now = clock::now();
    let blocks = blocks(&account, now)?;
    let args = [account.id.into(), account.platform.as_str().into(), account.workspace.into()];
    let actions = ACTIONS.read(&args, |row| row.need::<String>(1))?;
    let mut rows = Vec::new();
    for action in actions {
        let Standing { windows, shared, blocked_until, reason, .. } =
            standing(&account, &action, &blocks, now)?;
        let scoped = windows.iter().map(|usage| ("account", usage));
        let shared = shared.iter().filter(|_| matches!(caller, Caller::Trusted));
        for (scope, usage) in scoped.chain(shared.map(|usage| ("platform", usage))) {
            rows.push((
                action.clone(),
                scope,
                clock::interval(usage.length),
                i64::from(usage.max),
                i64::from(usage.used),
                i64::from(usage.max.saturating_sub(usage.used)),
                (usage.free_at > now.0).then_some(Timestamptz(usage.free_at)),
                usage.own,
                blocked_until,
                reason.clone(),
            ));
        }
    }
    Ok(TableIterator::new(rows))
}

fn blocks(account: &Account, now: Timestamptz) -> Result<Vec<Block>> {
    BLOCKS.read(&[account.id.into(), now.into()], |row| {
        Ok(Block { action: row.need(1)?, until: row.need(2)?, reason: row.get(3)? })
    })
}

fn standing(account: &Account, action: &str, blocks: &[Block], now: Timestamptz) -> Result<Standing> {
    load::warm()?;
    configure::current()?;
    let ([own, of_action, of_site, shared], paid_at) = memory::with(|memory| {
        let whats = [
            Gated::Account(account.number(), &account.platform),
            Gated::Action(account.number(), &account.platform, action),
            Gated::Site(&account.platform, &account.host),
            Gated::Shared(&account.platform, action),
        ];
        let budgets = [
            Gated::Action(account.number(), &account.platform, SPEND),
            Gated::Shared(&account.platform, SPEND),
        ];
        let costs = memory.set.price_of(memory.db, &account.platform, action) > 0;
        let mut status = |what| memory.set.status(memory.db, what, now.0);
        let paid_at = budgets.into_iter().filter(|_| costs).flat_map(|what| status(what).windows);
        let paid_at = paid_at.map(|usage| usage.free_at).max().unwrap_or(now.0);
        (whats.map(status), paid_at)
    })?;
    let block = blocks.iter().filter(|block| block.action.is_empty() || block.action == action);
    let block = block.max_by_key(|block| block.until);
    let open = |gate: &GateStatus| gate.open_until;
    let breaker = open(&own).max(open(&of_site));
    let (blocked_until, reason) = match block {
        Some(block) if block.until.0 >= breaker => (Some(block.until), block.reason.clone()),
        _ if breaker > now.0 => {
            let reason = "the circuit breaker is open: the platform did not answer as it should";
            (Some(Timestamptz(breaker)), Some(reason.to_owned()))
        }
        _ if of_site.blocked_until > now.0 => {
            (Some(Timestamptz(of_site.blocked_until)), Some("the server is blocked".to_owned()))
        }
        _ => (None, None),
    };
    Ok(Standing { windows: of_action.windows, shared: shared.windows, paid_at, blocked_until, reason })
}
