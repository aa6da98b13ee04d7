//! Blocks: what lets nothing through before a time. Platforms ask for them (429), people set and lift them.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use crate::activity::{self, Object};
use crate::clock;
use crate::error::Result;
use crate::identity::Caller;
use crate::input;
use crate::limits::{Account, known_action};
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::queue::held::{id_of, uuid_of};
use crate::transaction::{self, Scope};

const BLOCK: Statement = statement!(up "limits/block");
const BLOCK_SERVER: Statement = statement!(up "limits/block_server");
const UNBLOCK: Statement = statement!(up "limits/unblock");
const LEFT: Statement = statement!(up "limits/blocked_until");

/// The last day of the year 9999: every type that has times has it.
const NO_END: Timestamptz = Timestamptz(252_455_529_600_000_000);

/// What is blocked.
#[derive(Clone, Debug)]
pub(crate) enum Blocked {
    /// An action of an account.
    Action(String),
    /// All that an account does.
    Account,
    /// The server of an account, for everybody.
    Server,
}

/// Who wants it. Each has a block of their own; the longest counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum SetBy {
    Platform,
    Operator,
    Member,
    /// Whoever has paused the account: until somebody resumes it.
    Pause,
}

impl SetBy {
    fn of(caller: Caller) -> Self {
        if matches!(caller, Caller::Trusted) { Self::Operator } else { Self::Member }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Operator => "operator",
            Self::Member => "member",
            Self::Pause => "pause",
        }
    }
}

/// A block of an account, or by way of it.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) account: Uuid,
    pub(crate) of: Blocked,
    pub(crate) until: Timestamptz,
    pub(crate) reason: Option<String>,
    pub(crate) set_by: SetBy,
}

/// Blocks, from the commit on.
pub(crate) fn set(blocks: Vec<Block>, now: Timestamptz) -> Result<()> {
    if blocks.is_empty() {
        return Ok(());
    }
    fn column<'b, T>(blocks: &'b [Block], of: impl Fn(&'b Block) -> T) -> Vec<T> {
        blocks.iter().map(of).collect()
    }
    let action = |block: &Block| match &block.of {
        Blocked::Action(action) => action.clone(),
        Blocked::Account | Blocked::Server => String::new(),
    };
    let blocked = BLOCK.write(
        &[
            column(&blocks, |block| block.account).into(),
            column(&blocks, action).into(),
            column(&blocks, |block| matches!(block.of, Blocked::Server)).into(),
            column(&blocks, |block| block.until).into(),
            column(&blocks, |block| block.reason.as_deref()).into(),
            column(&blocks, |block| block.set_by.as_str()).into(),
            now.into(),
        ],
        |row| {
            let (platform, host) = (row.need(1)?, row.need(2)?);
            let scope = Scope { platform, host, account: id_of(row.need(3)?), action: row.need(4)? };
            Ok((scope, row.need::<Timestamptz>(5)?.0))
        },
    )?;
    blocked.into_iter().try_for_each(|(scope, until)| transaction::note_block(scope, until))
}

/// Lifts the caller's block of something, an operator's every block but a pause, and closes its circuit breaker. False: there was none.
fn lift(scope: Scope, by: SetBy, now: Timestamptz) -> Result<bool> {
    let key = [
        scope.platform.as_str().into(),
        scope.host.as_str().into(),
        uuid_of(scope.account).into(),
        scope.action.as_str().into(),
    ];
    let only = (by != SetBy::Operator).then(|| by.as_str());
    let [platform, host, account, action] = key;
    let lifted = UNBLOCK.write(&[platform, host, account, action, only.into()], |_| Ok(()))?;
    let key = [
        scope.platform.as_str().into(),
        scope.host.as_str().into(),
        uuid_of(scope.account).into(),
        scope.action.as_str().into(),
        now.into(),
    ];
    let left = LEFT.newest(&key, |row| row.get::<Timestamptz>(1))?;
    let left = left.into_iter().flatten().next().map_or(0, |until| until.0);
    transaction::note_unblock(scope, left)?;
    Ok(!lifted.is_empty())
}

/// Lets nothing of an account be handed out until it is resumed, from the commit on.
pub(crate) fn pause(account: Uuid, reason: Option<String>, now: Timestamptz) -> Result<()> {
    set(vec![Block { account, of: Blocked::Account, until: NO_END, reason, set_by: SetBy::Pause }], now)
}

/// Lifts that again; other blocks last.
pub(crate) fn resume(account: Uuid, platform: String, now: Timestamptz) -> Result<()> {
    let scope = Scope { account: id_of(account), platform, host: String::new(), action: String::new() };
    lift(scope, SetBy::Pause, now).map(drop)
}

/// An action that something is said about.
fn action(action: Option<&str>) -> Result<Option<String>> {
    action.map(|action| known_action(input::text(Some(action), "p_action", 64)?)).transpose()
}

/// Lets no job of an account be handed out before a time; with an action, none that does that. Kinds of jobs that have no
/// action go on. For an admin of its workspace.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn block_account(
    p_account_id: Option<Uuid>,
    p_until: Option<Timestamptz>,
    p_action: default!(Option<&str>, "NULL"),
    p_reason: default!(Option<&str>, "NULL"),
) -> Result<(), ErrorReport> {
    let account = input::required(p_account_id, "p_account_id")?;
    let now = clock::now();
    let until = input::required(p_until, "p_until")?.plausible("p_until", now)?;
    let action = action(p_action)?;
    let reason = p_reason.map(|reason| input::text(Some(reason), "p_reason", 1_000)).transpose()?;
    let caller = Caller::current()?;
    let account = Account::find(account, caller)?;
    caller.require(account.workspace, const { rights::least("block_account") })?;
    let of = action.map_or(Blocked::Account, Blocked::Action);
    let what = match &of {
        Blocked::Action(action) => Some(action.clone()),
        Blocked::Account | Blocked::Server => None,
    };
    let block = Block { account: account.id, of, until, reason, set_by: SetBy::of(caller) };
    set(vec![block], now)?;
    let changes = json!({ "action": what, "until": until.to_text() });
    Ok(activity::note(account.workspace, "account_blocked", Object::Account(account.id), changes)?)
}

/// Lifts what `block_account` blocked with the same arguments, and without an action closes the account's circuit breaker.
/// An operator also lifts what others and the platform's answers blocked, but not a pause. False: there was no such block. For an admin of
/// its workspace.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn unblock_account(
    p_account_id: Option<Uuid>,
    p_action: default!(Option<&str>, "NULL"),
) -> Result<bool, ErrorReport> {
    let account = input::required(p_account_id, "p_account_id")?;
    let action = action(p_action)?.unwrap_or_default();
    let caller = Caller::current()?;
    let account = Account::find(account, caller)?;
    caller.require(account.workspace, const { rights::least("unblock_account") })?;
    let (workspace, object, number) = (account.workspace, Object::Account(account.id), account.number());
    let changes = json!({ "action": Some(&action).filter(|action| !action.is_empty()) });
    let scope = Scope { account: number, platform: account.platform, host: String::new(), action };
    let lifted = lift(scope, SetBy::of(caller), clock::now())?;
    activity::note(workspace, "account_unblocked", object, changes)?;
    Ok(lifted)
}

/// Lets no job of any account on a server be handed out before a time. `crier.pause_jobs(platform => …)` stops a whole
/// platform.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn block_server(
    p_platform: Option<&str>,
    p_host: Option<&str>,
    p_until: Option<Timestamptz>,
    p_reason: default!(Option<&str>, "NULL"),
) -> Result<(), ErrorReport> {
    let platform = input::text(p_platform, "p_platform", 60)?;
    let host = input::text(p_host, "p_host", 253)?.to_lowercase();
    let now = clock::now();
    let until = input::required(p_until, "p_until")?.plausible("p_until", now)?;
    let reason = p_reason.map(|reason| input::text(Some(reason), "p_reason", 1_000)).transpose()?;
    BLOCK_SERVER.run_only(&[
        platform.as_str().into(),
        host.as_str().into(),
        until.into(),
        reason.into(),
        now.into(),
    ])?;
    let scope = Scope { platform, host, account: 0, action: String::new() };
    Ok(transaction::note_block(scope, until.0)?)
}

/// Lifts what `block_server` or a platform's answer blocked, and closes the server's circuit breaker. False: nothing was
/// blocked so.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn unblock_server(p_platform: Option<&str>, p_host: Option<&str>) -> Result<bool, ErrorReport> {
    let platform = input::text(p_platform, "p_platform", 60)?;
    let host = input::text(p_host, "p_host", 253)?.to_lowercase();
    let scope = Scope { platform, host, account: 0, action: String::new() };
    Ok(lift(scope, SetBy::Operator, clock::now())?)
}
