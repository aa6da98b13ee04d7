//! `crier.add_alert_endpoint`, `crier.list_alert_endpoints`, `crier.enable_alert_endpoint`, `crier.remove_alert_endpoint` and
//! `crier.get_alert_endpoint`.

use crier_core::rights::{self, Role};
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use crate::accounts::check_sealed;
use crate::activity::{self, Object};
use crate::alerts::MAX_WAITING;
use crate::alerts::raise::known_kinds;
use crate::answer::TableIterator;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};

const LOCK: Statement = statement!(up "alerts/lock_endpoints");
const COUNT: Statement = statement!(up "alerts/count_endpoints");
const ADD: Statement = statement!(up "alerts/add_endpoint");
const LIST: Statement = statement!(up "alerts/list_endpoints");
const WORKSPACE_OF: Statement = statement!(up "alerts/workspace_of");
const ENABLE: Statement = statement!(up "alerts/enable_endpoint");
const REMOVE: Statement = statement!(up "alerts/remove_endpoint");
const GET: Statement = statement!(up "alerts/get_endpoint");

const MAX_URL_CHARS: usize = 2_000;
/// Each alert is a job for each of them.
const MAX_ENDPOINTS: i64 = 20;

/// Adds an endpoint for alerts, of a workspace or, without one, of the operator. `p_sealed`: its secret, sealed for this id by
/// crierd. `p_kinds` null: everything.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn add_alert_endpoint(
    p_id: Option<Uuid>,
    p_url: Option<&str>,
    p_sealed: Option<&[u8]>,
    p_workspace_id: default!(Option<Uuid>, "NULL"),
    p_kinds: default!(Option<Vec<Option<String>>>, "NULL"),
) -> Result<(), ErrorReport> {
    let id = input::required(p_id, "p_id")?;
    let url = check_url(p_url)?;
    let sealed = input::required(p_sealed, "p_sealed")?;
    check_sealed("p_sealed", sealed)?;
    let kinds = known_kinds(p_kinds, p_workspace_id.is_some())?;
    let caller = Caller::current()?;
    match p_workspace_id {
        Some(workspace) => caller.require(workspace, const { rights::least("add_alert_endpoint") })?,
        None => caller.require_trusted("add endpoints that hear of the whole installation")?,
    }
    require_room(p_workspace_id)?;
    let args = [
        id.into(),
        p_workspace_id.into(),
        url.into(),
        kinds.into(),
        sealed.to_vec().into(),
        clock::now().into(),
    ];
    if ADD.write(&args, |_| Ok(()))?.is_empty() {
        let what = format!("endpoint {id}");
        return Err(CrierError::invalid(what, "is taken", "Give a new id: crier.new_id() makes one.").into());
    }
    Ok(note(id, p_workspace_id, "alert_endpoint_added")?)
}

/// Refuses one endpoint more than there may be. Until the end of the transaction nobody else adds one there.
fn require_room(workspace: Option<Uuid>) -> Result<()> {
    const HINT: &str = "Remove endpoints that nobody needs: crier.list_alert_endpoints() lists them.";
    LOCK.run_only(&[workspace.into()])?;
    let there = COUNT.newest(&[workspace.into()], |row| row.need::<i64>(1))?;
    if there.into_iter().next().unwrap_or_default() < MAX_ENDPOINTS {
        return Ok(());
    }
    let whose = workspace.map_or_else(|| "the operator".to_owned(), |id| format!("workspace {id}"));
    Err(CrierError::invalid(whose, format!("has {MAX_ENDPOINTS} endpoints already"), HINT))
}

/// The address as it can be called. What it may lead to is judged by crierd, which looks it up.
fn check_url(url: Option<&str>) -> Result<String> {
    const HINT: &str = "Give an address such as https://alerts.example/crier.";
    let url = input::text(url, "p_url", MAX_URL_CHARS)?;
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(CrierError::invalid("p_url", "is not an http address", HINT));
    }
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(CrierError::invalid("p_url", "has a space or a control character", HINT));
    }
    Ok(url)
}

/// The endpoints of a workspace, with what became of their deliveries; null: all that the caller decides about.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn list_alert_endpoints(
    p_workspace_id: default!(Option<Uuid>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(id, Uuid),
            name!(workspace_id, Option<Uuid>),
            name!(url, String),
            name!(kinds, Option<Vec<String>>),
            name!(enabled, bool),
            name!(disabled_because, Option<String>),
            name!(created_at, Timestamptz),
            name!(last_success_at, Option<Timestamptz>),
            name!(last_failure_at, Option<Timestamptz>),
            name!(last_error, Option<String>),
            name!(failing_since, Option<Timestamptz>),
            name!(waiting, i64),
        ),
    >,
    ErrorReport,
> {
    const NEEDS: Role = rights::least("list_alert_endpoints");
    let caller = Caller::current()?;
    if let Some(workspace) = p_workspace_id {
        caller.require(workspace, NEEDS)?;
    }
    let args = [p_workspace_id.into(), caller.within(NEEDS)?.into(), MAX_WAITING.into()];
    let rows = LIST.read(&args, |row| {
        Ok((
            row.need(1)?,
            row.get(2)?,
            row.need(3)?,
            row.get(4)?,
            row.need(5)?,
            row.get(6)?,
            row.need(7)?,
            row.get(8)?,
            row.get(9)?,
            row.get(10)?,
            row.get(11)?,
            row.need(12)?,
        ))
    })?;
    Ok(TableIterator::new(rows))
}

/// Enables an endpoint again, or disables it. What comes while it is disabled is not told to it, nor what still waits.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn enable_alert_endpoint(
    p_id: Option<Uuid>,
    p_enabled: default!(Option<bool>, "true"),
) -> Result<(), ErrorReport> {
    let id = input::required(p_id, "p_id")?;
    let enabled = input::required(p_enabled, "p_enabled")?;
    let workspace = require_ours(id, const { rights::least("enable_alert_endpoint") })?;
    ENABLE.run_only(&[id.into(), enabled.into()])?;
    let action = if enabled { "alert_endpoint_enabled" } else { "alert_endpoint_disabled" };
    Ok(note(id, workspace, action)?)
}

/// Removes an endpoint; what still waits for it is not told.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn remove_alert_endpoint(p_id: Option<Uuid>) -> Result<(), ErrorReport> {
    let id = input::required(p_id, "p_id")?;
    let workspace = require_ours(id, const { rights::least("remove_alert_endpoint") })?;
    REMOVE.run_only(&[id.into()])?;
    Ok(note(id, workspace, "alert_endpoint_removed")?)
}

/// Notes what was done with an endpoint; the operator's own are in no workspace's log.
fn note(id: Uuid, workspace: Option<Uuid>, action: &'static str) -> Result<()> {
    let Some(workspace) = workspace else { return Ok(()) };
    activity::note(workspace, action, Object::AlertEndpoint(id), json!({}))
}

/// Refuses who does not decide about an endpoint; its workspace. That of another tenant, and the operator's, look like none.
fn require_ours(id: Uuid, least: Role) -> Result<Option<Uuid>> {
    let caller = Caller::current()?;
    let found = WORKSPACE_OF.read(&[id.into(), caller.readable()?.into()], |row| row.get::<Uuid>(1))?;
    let missing = CrierError::NotFound { what: "alert endpoint", id };
    match found.into_iter().next().ok_or(missing)? {
        Some(workspace) => caller.require(workspace, least).map(|()| Some(workspace)),
        // nobody but a trusted caller finds one without a workspace
        None => Ok(None),
    }
}

/// Where an endpoint is, and its sealed secret: for crierd, which can open it.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn get_alert_endpoint(
    p_id: Option<Uuid>,
) -> Result<
    TableIterator<'static, (name!(workspace_id, Option<Uuid>), name!(url, String), name!(sealed, Vec<u8>))>,
    ErrorReport,
> {
    let id = input::required(p_id, "p_id")?;
    let rows = GET.read(&[id.into()], |row| Ok((row.get(1)?, row.need(2)?, row.need(3)?)))?;
    if rows.is_empty() {
        return Err(CrierError::NotFound { what: "alert endpoint", id }.into());
    }
    Ok(TableIterator::new(rows))
}
