//! `crier.store_credential` and `crier.get_credential`.

use crier_core::refresh::due_in;
use crier_core::sealed::AnySealed;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use crate::accounts::add_event;
use crate::activity::{self, Object};
use crate::answer::TableIterator;
use crate::clock;
use crate::durable;
use crate::error::{CrierError, Result};
use crate::input;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::queue::retry;

const LOCK_ACCOUNT: Statement = statement!(up "accounts/lock_account");
const STORE: Statement = statement!(up "accounts/store_credential");
const ACTIVATE: Statement = statement!(up "accounts/activate");
const PARKED: Statement = statement!(up "accounts/parked");
const GET: Statement = statement!(up "accounts/get_credential");
const MAX_SEALED_BYTES: usize = 65_536;

/// Stores a sealed credential if its generation follows the one that is there, and makes the account usable; what
/// waited for that is due at once.
/// False: somebody stored a newer one.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn store_credential(
    account_id: Option<Uuid>,
    generation: Option<i64>,
    sealed: Option<&[u8]>,
    expires_at: default!(Option<Timestamptz>, "NULL"),
    refresh_expires_at: default!(Option<Timestamptz>, "NULL"),
    user_id: default!(Option<Uuid>, "NULL"),
) -> Result<bool, ErrorReport> {
    let account = input::required(account_id, "account_id")?;
    let generation = input::required(generation, "generation")?;
    let sealed = input::required(sealed, "sealed")?;
    check_sealed("sealed", sealed)?;
    if generation < 1 {
        return Err(CrierError::invalid(
            "generation",
            format!("is {generation}"),
            "Use the one connect_account or get_credential + 1 gives.",
        )
        .into());
    }
    let now = clock::now();
    for (name, at) in [("expires_at", expires_at), ("refresh_expires_at", refresh_expires_at)] {
        at.map(|at| at.plausible(name, now)).transpose()?;
    }
    let (workspace, platform) = LOCK_ACCOUNT
        .write(&[account.into()], |row| Ok((row.need::<Uuid>(1)?, row.need::<String>(2)?)))?
        .into_iter()
        .next()
        .ok_or(CrierError::NotFound { what: "account", id: account })?;
    let args = [
        workspace.into(),
        account.into(),
        user_id.into(),
        generation.into(),
        sealed.to_vec().into(),
        expires_at.into(),
        refresh_expires_at.into(),
        now.into(),
        platform.into(),
        refresh_at(account, generation, expires_at, refresh_expires_at, now).into(),
    ];
    durable::require_commit()?;
    let stored = STORE.write(&args, |row| row.get::<String>(1))?;
    let Some(ends) = stored.into_iter().next() else { return Ok(false) };
    ACTIVATE.run_only(&[workspace.into(), account.into(), now.into()])?;
    let parked = PARKED.write(&[account.into()], |row| row.need::<Uuid>(1))?;
    if !parked.is_empty() {
        retry::hasten(&parked, now)?;
    }
    // a person's login, not the renewals of its tokens
    if user_id.is_some() || generation == 1 {
        let object = Object::Account(account);
        activity::note_for(
            user_id,
            workspace,
            "credential_stored",
            object,
            json!({ "generation": generation }),
        )?;
    }
    if generation > 1 {
        let payload = json!({ "generation": generation, "expires_at": ends });
        add_event(workspace, "token_refreshed", account, &payload, now)?;
    }
    Ok(true)
}

/// When tokens that are stored now are to be renewed.
fn refresh_at(
    account: Uuid,
    generation: i64,
    expires_at: Option<Timestamptz>,
    refresh_expires_at: Option<Timestamptz>,
    now: Timestamptz,
) -> Option<Timestamptz> {
    let left = |end: Option<Timestamptz>| end.map(|end| end.since(now));
    let due = due_in(*account.as_bytes(), generation, left(expires_at), left(refresh_expires_at))?;
    Some(now.plus(due))
}

/// Clear text is refused: what is stored must at least have the form of a sealed value.
pub(crate) fn check_sealed(what: &'static str, sealed: &[u8]) -> Result<()> {
    if sealed.len() > MAX_SEALED_BYTES {
        let found = sealed.len();
        return Err(CrierError::TooLarge { what, found, limit: MAX_SEALED_BYTES, unit: "bytes" });
    }
    match AnySealed::parse(sealed) {
        Ok(_) => Ok(()),
        // The bytes themselves are never shown: they might be a token.
        Err(error) => Err(CrierError::invalid(
            what,
            format!("is not a sealed value: {error}"),
            "Seal tokens with the sidecar's key before storing them.",
        )),
    }
}

/// The sealed credential of an account. `refresh_unclear_for`: how many seconds ago a refresh of this generation was sent of which
/// nobody knows what became, if one was.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn get_credential(
    account_id: Option<Uuid>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(workspace_id, Uuid),
            name!(generation, i64),
            name!(sealed, Vec<u8>),
            name!(expires_at, Option<Timestamptz>),
            name!(refresh_leased_until, Option<Timestamptz>),
            name!(account_status, String),
            name!(refresh_unclear_for, Option<f64>),
        ),
    >,
    ErrorReport,
> {
    let id = input::required(account_id, "account_id")?;
    let rows = GET.read(&[id.into(), clock::now().into()], |row| {
        Ok((
            row.need(1)?,
            row.need(2)?,
            row.need(3)?,
            row.get(4)?,
            row.get(5)?,
            row.need(6)?,
            row.get::<f64>(7)?,
        ))
    })?;
    if rows.is_empty() {
        return Err(CrierError::NotFound { what: "credential of account", id }.into());
    }
    Ok(TableIterator::new(rows))
}
