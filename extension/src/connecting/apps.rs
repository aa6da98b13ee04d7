//! `crier.get_app_registration`, `crier.begin_app_registration`, `crier.store_app_registration` and
//! `crier.note_app_registration`: one app per server and redirect URI, registered by one sidecar.

use pgrx::Uuid;
use pgrx::datum::Interval;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::accounts::check_sealed;
use crate::answer::TableIterator;
use crate::clock;
use crate::error::{CrierError, Result, find_platform};
use crate::input;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::workspaces::new_id;

const GET: Statement = statement!(up "connecting/get_app");
const BEGIN: Statement = statement!(up "connecting/begin_app");
const STORE: Statement = statement!(up "connecting/store_app");
const RELEASE: Statement = statement!(up "connecting/release_app");
const NOTE: Statement = statement!(up "connecting/note_app");

/// Which app: its platform, its server, and where it sends people back to.
fn which<'a>(
    platform: Option<&str>,
    server: Option<&'a str>,
    redirect_uri: Option<&'a str>,
) -> Result<(&'static str, String, String)> {
    Ok((
        find_platform(input::required(platform, "p_platform")?)?.name,
        input::text(server, "p_server", 2_000)?,
        input::text(redirect_uri, "p_redirect_uri", 2_000)?,
    ))
}

/// The app that is registered at a server, sealed. No row: none is. `checked_at` null: the server has said that it does not
/// know it any more.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn get_app_registration(
    p_platform: Option<&str>,
    p_server: Option<&str>,
    p_redirect_uri: Option<&str>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(id, Uuid),
            name!(generation, i64),
            name!(sealed, Vec<u8>),
            name!(checked_at, Option<Timestamptz>),
        ),
    >,
    ErrorReport,
> {
    let (platform, server, redirect_uri) = which(p_platform, p_server, p_redirect_uri)?;
    let args = [platform.into(), server.into(), redirect_uri.into()];
    let rows = GET.read(&args, |row| Ok((row.need(1)?, row.need(2)?, row.need(3)?, row.get(4)?)))?;
    Ok(TableIterator::new(rows))
}

/// Asks to be the one who registers an app in the place of that of a generation, 0 for none; answers with the id and the
/// generation to seal it for. No row: somebody else does, or has.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn begin_app_registration(
    p_platform: Option<&str>,
    p_server: Option<&str>,
    p_redirect_uri: Option<&str>,
    p_generation: default!(Option<i64>, "0"),
    p_lease: default!(Option<Interval>, "'1 minute'"),
) -> Result<TableIterator<'static, (name!(id, Uuid), name!(generation, i64))>, ErrorReport> {
    let (platform, server, redirect_uri) = which(p_platform, p_server, p_redirect_uri)?;
    let generation = input::required(p_generation, "p_generation")?;
    if generation < 0 {
        let hint = "Give the one crier.get_app_registration has answered, or 0.";
        return Err(CrierError::invalid("p_generation", format!("is {generation}"), hint).into());
    }
    let now = clock::now();
    let args = [
        platform.into(),
        server.into(),
        redirect_uri.into(),
        new_id().into(),
        generation.into(),
        now.into(),
        clock::lease_end(p_lease, now)?.into(),
    ];
    Ok(TableIterator::new(BEGIN.write(&args, |row| Ok((row.need(1)?, row.need(2)?)))?))
}

/// Stores a sealed app if its generation follows the one that is there. False: somebody stored a newer one.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn store_app_registration(
    p_id: Option<Uuid>,
    p_generation: Option<i64>,
    p_sealed: Option<&[u8]>,
) -> Result<bool, ErrorReport> {
    let id = input::required(p_id, "p_id")?;
    let generation = input::required(p_generation, "p_generation")?;
    let sealed = input::required(p_sealed, "p_sealed")?;
    check_sealed("p_sealed", sealed)?;
    if generation < 1 {
        let hint = "Use the one crier.begin_app_registration gives.";
        return Err(CrierError::invalid("p_generation", format!("is {generation}"), hint).into());
    }
    let args = [id.into(), generation.into(), sealed.to_vec().into(), clock::now().into()];
    Ok(!STORE.write(&args, |_| Ok(()))?.is_empty())
}

/// Gives back what `begin_app_registration` gave, where nothing came of it: the next one need not wait for the lease to end.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn release_app_registration(p_id: Option<Uuid>, p_generation: Option<i64>) -> Result<(), ErrorReport> {
    let id = input::required(p_id, "p_id")?;
    let generation = input::required(p_generation, "p_generation")?;
    Ok(RELEASE.run_only(&[id.into(), generation.into()])?)
}

/// Notes whether a server still knows an app. An older generation changes nothing.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn note_app_registration(
    p_id: Option<Uuid>,
    p_generation: Option<i64>,
    p_known: Option<bool>,
) -> Result<(), ErrorReport> {
    let id = input::required(p_id, "p_id")?;
    let generation = input::required(p_generation, "p_generation")?;
    let known = input::required(p_known, "p_known")?;
    Ok(NOTE.run_only(&[id.into(), generation.into(), known.into(), clock::now().into()])?)
}
