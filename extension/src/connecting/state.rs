//! `crier.take_oauth_state`, `crier.keep_oauth_state` and `crier.end_oauth_state`: the steps of a login, for crierd.

use std::time::Duration;

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::accounts::check_sealed;
use crate::answer::TableIterator;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::input;
use crate::plans::{Statement, statement};

const TAKE: Statement = statement!(up "connecting/take");
const KEEP: Statement = statement!(up "connecting/keep");
const END: Statement = statement!(up "connecting/end");

/// How long a person may take for a step.
const STEP_LIFE: Duration = Duration::from_secs(15 * 60);
/// SHA-256.
const HASH_BYTES: usize = 32;

/// What is taken with a secret, and what the login is then.
const STEPS: [(&str, &str); 4] =
    [("ticket", "started"), ("login", "answered"), ("choice", "chosen"), ("confirmed", "finished")];
/// What crierd makes of a login, and what it was before.
const NEXT: [(&str, &[&str]); 3] =
    [("login", &["started"]), ("choice", &["answered"]), ("granted", &["answered", "chosen"])];

/// Takes a step of a login, with the hash of the secret that is good for it once: `ticket`, `login` (the state that came back
/// from the platform), `choice` or `confirmed` (the ticket of `confirm_connect`). No row: it is unknown, was used, or is too old. `allowed` false: the user has lost the
/// right since.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn take_oauth_state(
    p_stage: Option<&str>,
    p_hash: Option<&[u8]>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(workspace_id, Uuid),
            name!(state_id, Uuid),
            name!(user_id, Option<Uuid>),
            name!(platform, String),
            name!(server, Option<String>),
            name!(account_id, Option<Uuid>),
            name!(external_id, Option<String>),
            name!(handle, Option<String>),
            name!(return_url, String),
            name!(browser_hash, Option<Vec<u8>>),
            name!(sealed, Option<Vec<u8>>),
            name!(allowed, bool),
        ),
    >,
    ErrorReport,
> {
    let (stage, then) = step(input::required(p_stage, "p_stage")?, &STEPS)?;
    let hash = check_hash(p_hash, "p_hash")?;
    let args = [hash.into(), stage.into(), then.into(), clock::now().into()];
    let rows = TAKE.write(&args, |row| {
        Ok((
            row.need(1)?,
            row.need(2)?,
            row.get(3)?,
            row.need(4)?,
            row.get(5)?,
            row.get(6)?,
            row.get(7)?,
            row.get(8)?,
            row.need(9)?,
            row.get(10)?,
            row.get(11)?,
            row.need(12)?,
        ))
    })?;
    Ok(TableIterator::new(rows))
}

/// Keeps what the next step of a login needs, for fifteen minutes: `login` after a ticket, `choice` after an answer, `granted`
/// after either. False: it is not at that step.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn keep_oauth_state(
    p_workspace_id: Option<Uuid>,
    p_state_id: Option<Uuid>,
    p_stage: Option<&str>,
    p_hash: Option<&[u8]>,
    p_sealed: Option<&[u8]>,
    p_browser_hash: default!(Option<&[u8]>, "NULL"),
    p_server: default!(Option<&str>, "NULL"),
) -> Result<bool, ErrorReport> {
    let workspace = input::required(p_workspace_id, "p_workspace_id")?;
    let id = input::required(p_state_id, "p_state_id")?;
    let (stage, before) = step(input::required(p_stage, "p_stage")?, &NEXT)?;
    let hash = check_hash(p_hash, "p_hash")?;
    let sealed = input::required(p_sealed, "p_sealed")?;
    check_sealed("p_sealed", sealed)?;
    let browser = match (stage, p_browser_hash) {
        // what follows is done in the browser that began
        (_, None) if stage != "login" => None,
        (_, given) => Some(check_hash(given, "p_browser_hash")?),
    };
    let server = p_server.map(|server| input::text(Some(server), "p_server", 2_000)).transpose()?;
    let args = [
        workspace.into(),
        id.into(),
        before.to_vec().into(),
        stage.into(),
        hash.into(),
        browser.into(),
        server.into(),
        sealed.to_vec().into(),
        clock::now().plus(STEP_LIFE).into(),
    ];
    Ok(!KEEP.write(&args, |_| Ok(()))?.is_empty())
}

/// Forgets a login that has come to its end.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn end_oauth_state(p_workspace_id: Option<Uuid>, p_state_id: Option<Uuid>) -> Result<(), ErrorReport> {
    let workspace = input::required(p_workspace_id, "p_workspace_id")?;
    let id = input::required(p_state_id, "p_state_id")?;
    Ok(END.run_only(&[workspace.into(), id.into()])?)
}

fn step<T: Copy>(stage: &str, known: &[(&'static str, T)]) -> Result<(&'static str, T)> {
    const HINT: &str = "Give one of the steps that the function's comment names.";
    known.iter().copied().find(|(name, _)| *name == stage).ok_or_else(|| {
        let shown: String = stage.chars().take(80).collect();
        CrierError::invalid("p_stage", format!("is {shown:?}"), HINT)
    })
}

/// A hash. What was given instead is never shown: it might be the secret itself.
fn check_hash(hash: Option<&[u8]>, name: &'static str) -> Result<Vec<u8>> {
    let hash = input::required(hash, name)?;
    if hash.len() == HASH_BYTES {
        return Ok(hash.to_vec());
    }
    Err(CrierError::invalid(name, "is not a hash of 32 bytes", "Give the SHA-256 of the secret."))
}
