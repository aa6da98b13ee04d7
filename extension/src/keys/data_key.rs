//! `crier.begin_sealing`, `crier.add_data_key` and `crier.get_data_key`: the keys that sidecars seal and open with.

use crier_core::rights::Role;
use crier_core::sealed::enveloped::Wrapped;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::clock;
use crate::durable;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::plans::{Row, Statement, statement};

const SEALING_KEY: Statement = statement!(up "keys/sealing_key");
const COUNT: Statement = statement!(up "keys/count_messages");
const RETIRE: Statement = statement!(up "keys/retire_data_key");
const ADD: Statement = statement!(up "keys/add_data_key");
const GET: Statement = statement!(up "keys/get_data_key");

/// The most messages that are counted at a time.
const MAX_BLOCK: i64 = 1_000_000;

/// The active data key of a workspace, or of the installation where `p_workspace_id` is null. No row: it has none yet.
/// `p_messages`: how many messages the caller is going to seal with it before it asks again; 0 only looks.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn begin_sealing(
    p_workspace_id: Option<Uuid>,
    p_messages: default!(Option<i64>, "0"),
) -> Result<
    TableIterator<'static, (name!(id, Uuid), name!(wrapped, Vec<u8>), name!(messages, i64))>,
    ErrorReport,
> {
    let messages = input::required(p_messages, "p_messages")?;
    if !(0..=MAX_BLOCK).contains(&messages) {
        let problem = format!("is {messages}");
        return Err(CrierError::invalid("p_messages", problem, "Give a number from 0 to 1000000.").into());
    }
    let workspace = p_workspace_id.into();
    let rows = match messages {
        0 => SEALING_KEY.read(&[workspace], active)?,
        _ => COUNT.write(&[workspace, messages.into()], active)?,
    };
    Ok(TableIterator::new(rows))
}

fn active(row: &Row<'_>) -> Result<(Uuid, Vec<u8>, i64)> {
    Ok((row.need(1)?, row.need(2)?, row.need(3)?))
}

/// Adds a data key, which is active from then on. False, and nothing is changed: the workspace has an active one already, or
/// `p_replaces`, which is retired by this, was not the active one any more.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn add_data_key(
    p_id: Option<Uuid>,
    p_workspace_id: Option<Uuid>,
    p_wrapped: Option<&[u8]>,
    p_replaces: default!(Option<Uuid>, "NULL"),
) -> Result<bool, ErrorReport> {
    let id = input::required(p_id, "p_id")?;
    let wrapped = input::required(p_wrapped, "p_wrapped")?;
    let key_id = wrapping_key("p_wrapped", wrapped)?;
    let caller = Caller::current()?;
    match p_workspace_id {
        Some(workspace) => caller.require(workspace, Role::Admin)?,
        None => caller.require_trusted("add keys of the installation")?,
    }
    let now = clock::now();
    // What it seals is worth nothing without it.
    durable::require_commit()?;
    if let Some(old) = p_replaces {
        let retired = RETIRE.write(&[old.into(), p_workspace_id.into(), now.into()], |_| Ok(()))?;
        if retired.is_empty() {
            return Ok(false);
        }
    }
    let args = [id.into(), p_workspace_id.into(), key_id.into(), wrapped.to_vec().into(), now.into()];
    let added = !ADD.write(&args, |_| Ok(()))?.is_empty();
    if !added && p_replaces.is_some() {
        let what = format!("data key {id}");
        return Err(CrierError::invalid(what, "is taken", "Give a new id: crier.new_id() makes one.").into());
    }
    Ok(added)
}

/// Which key of the key file wraps a data key. Clear text is refused.
pub(super) fn wrapping_key(what: &'static str, wrapped: &[u8]) -> Result<i64> {
    match Wrapped::parse(wrapped) {
        Ok(wrapped) => Ok(i64::from(wrapped.key_id)),
        // The bytes themselves are never shown: they might be a key.
        Err(error) => Err(CrierError::invalid(
            what,
            format!("is not a wrapped data key: {error}"),
            "Wrap data keys with the sidecar's key before storing them.",
        )),
    }
}

/// A data key as it is wrapped, and whose it is; null: the installation's.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn get_data_key(
    p_id: Option<Uuid>,
) -> Result<TableIterator<'static, (name!(workspace_id, Option<Uuid>), name!(wrapped, Vec<u8>))>, ErrorReport>
{
    let id = input::required(p_id, "p_id")?;
    let rows = GET.read(&[id.into()], |row| Ok((row.get(1)?, row.need(2)?)))?;
    if rows.is_empty() {
        return Err(CrierError::NotFound { what: "data key", id }.into());
    }
    Ok(TableIterator::new(rows))
}
