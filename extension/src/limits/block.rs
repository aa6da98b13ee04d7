//! Blocks: what lets nothing through before a time. Platforms ask for them (429), people set and lift them.

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::clock;
use crate::error::Result;
use crate::identity::Caller;
use crate::input;
use crate::limits::Account;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::queue::held::id_of;
use crate::transaction;

const BLOCK: Statement = statement!(up "limits/block");
const UNBLOCK: Statement = statement!(up "limits/unblock");

/// Something that is blocked until a time.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) workspace: Option<Uuid>,
    pub(crate) platform: String,
    /// Empty for what is an account's.
    pub(crate) host: String,
    /// Nothing: the whole server.
    pub(crate) account: Option<Uuid>,
    /// Empty: every one.
    pub(crate) action: String,
    pub(crate) until: Timestamptz,
    pub(crate) reason: Option<String>,
}

/// The id that stands for no account.
fn nil() -> Uuid {
    Uuid::from_bytes([0; 16])
}

/// Blocks, from the commit on.
pub(crate) fn set(blocks: Vec<Block>, now: Timestamptz) -> Result<()> {
    if blocks.is_empty() {
        return Ok(());
    }
    fn column<'b, T>(blocks: &'b [Block], of: impl Fn(&'b Block) -> T) -> Vec<T> {
        blocks.iter().map(of).collect()
    }
    BLOCK.run_only(&[
        column(&blocks, |block| block.workspace).into(),
        column(&blocks, |block| block.platform.as_str()).into(),
        column(&blocks, |block| block.host.as_str()).into(),
        column(&blocks, |block| block.account.unwrap_or_else(nil)).into(),
        column(&blocks, |block| block.action.as_str()).into(),
        column(&blocks, |block| block.until).into(),
        column(&blocks, |block| block.reason.as_deref()).into(),
        now.into(),
    ])?;
    for Block { platform, host, account, action, until, .. } in blocks {
        transaction::note_block(platform, host, account.map_or(0, id_of), action, until.0)?;
    }
    Ok(())
}

/// Lifts a block, and closes the circuit breaker. False: there was none in the tables.
fn lift(platform: String, host: String, account: Option<Uuid>, action: String) -> Result<bool> {
    let args = [
        account.unwrap_or_else(nil).into(),
        platform.as_str().into(),
        host.as_str().into(),
        action.as_str().into(),
    ];
    let lifted = !UNBLOCK.write(&args, |_| Ok(()))?.is_empty();
    transaction::note_block(platform, host, account.map_or(0, id_of), action, 0)?;
    Ok(lifted)
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
    let action = p_action.map(|action| input::text(Some(action), "p_action", 64)).transpose()?;
    let reason = p_reason.map(|reason| input::text(Some(reason), "p_reason", 1_000)).transpose()?;
    let caller = Caller::current()?;
    let account = Account::find(account, caller)?;
    caller.require_admin(account.workspace)?;
    let block = Block {
        workspace: Some(account.workspace),
        platform: account.platform,
        host: String::new(),
        account: Some(account.id),
        action: action.unwrap_or_default(),
        until,
        reason,
    };
    Ok(set(vec![block], now)?)
}

/// Lifts what `block_account` or a platform's answer blocked with the same arguments, and closes the account's circuit
/// breaker. False: nothing was blocked so. For an admin of its workspace.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn unblock_account(
    p_account_id: Option<Uuid>,
    p_action: default!(Option<&str>, "NULL"),
) -> Result<bool, ErrorReport> {
    let account = input::required(p_account_id, "p_account_id")?;
    let action = p_action.map(|action| input::text(Some(action), "p_action", 64)).transpose()?;
    let caller = Caller::current()?;
    let account = Account::find(account, caller)?;
    caller.require_admin(account.workspace)?;
    Ok(lift(account.platform, String::new(), Some(account.id), action.unwrap_or_default())?)
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
    let block =
        Block { workspace: None, platform, host, account: None, action: String::new(), until, reason };
    Ok(set(vec![block], now)?)
}

/// Lifts what `block_server` or a platform's answer blocked, and closes the server's circuit breaker. False: nothing was
/// blocked so.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn unblock_server(p_platform: Option<&str>, p_host: Option<&str>) -> Result<bool, ErrorReport> {
    let platform = input::text(p_platform, "p_platform", 60)?;
    let host = input::text(p_host, "p_host", 253)?.to_lowercase();
    Ok(lift(platform, host, None, String::new())?)
}
