//! `crier.connect_account`.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::accounts::add_event;
use crate::activity::{self, Object};
use crate::answer::TableIterator;
use crate::clock;
use crate::error::{CrierError, Result, find_platform};
use crate::identity::Caller;
use crate::input;
use crate::plans::{Statement, statement};
use crate::queue::tenant_limits;
use crate::workspaces::new_id;

const CONNECT: Statement = statement!(up "accounts/connect");
const COUNT_WORKSPACES: Statement = statement!(up "accounts/count_workspaces").planned_once();

/// Adds an account to a workspace, or finds it again, and answers with the generation its next credential must
/// have. The account can be used once `store_credential` was called.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn connect_account(
    workspace_id: Option<Uuid>,
    platform: Option<&str>,
    external_id: Option<&str>,
    handle: Option<&str>,
    base_url: Option<&str>,
) -> Result<TableIterator<'static, (name!(account_id, Uuid), name!(generation, i64))>, ErrorReport> {
    let workspace = input::required(workspace_id, "workspace_id")?;
    let platform = find_platform(input::required(platform, "platform")?)?;
    let external_id = input::text(external_id, "external_id", 500)?;
    let handle = input::text(handle, "handle", 500)?;
    let base_url = input::text(base_url, "base_url", 2_000)?;
    if !base_url.starts_with("https://") && !base_url.starts_with("http://") {
        let hint = "Give the address of the platform's server, for instance https://bsky.social.";
        return Err(CrierError::invalid("base_url", "is not an http address", hint).into());
    }
    Caller::current()?.require(workspace, const { rights::least("connect_account") })?;
    let realm = platform.realm(&base_url);
    require_room(workspace, platform.name, &external_id, realm)?;
    let now = clock::now();
    let args = [
        workspace.into(),
        new_id().into(),
        platform.name.into(),
        external_id.into(),
        handle.clone().into(),
        base_url.clone().into(),
        now.into(),
        realm.into(),
    ];
    let rows = CONNECT.write(&args, |row| Ok((row.need::<Uuid>(1)?, row.need::<i64>(2)?)))?;
    for (account, _) in &rows {
        let payload = serde_json::json!({ "platform": platform.name, "handle": handle });
        add_event(workspace, "account_connected", *account, &payload, now)?;
        let changes = serde_json::json!({ "platform": platform.name });
        activity::note(workspace, "account_connected", Object::Account(*account), changes)?;
    }
    Ok(TableIterator::new(rows))
}

/// Refuses one workspace more than may have an account: what its platform tells of it is stored for each of them.
fn require_room(workspace: Uuid, platform: &str, external_id: &str, realm: &str) -> Result<()> {
    const HINT: &str = "Disconnect it where nobody needs it. The operator sets the bound, workspaces_per_account in crier.tenant_limit.";
    let Some(max) = tenant_limits::limit("workspaces_per_account")? else { return Ok(()) };
    let args = [workspace.into(), platform.into(), external_id.into(), realm.into(), max.into()];
    let found = COUNT_WORKSPACES.newest(&args, |row| Ok((row.need::<i64>(1)?, row.need::<bool>(2)?)))?;
    match found.into_iter().next() {
        Some((others, false)) if others >= max => {
            let problem = format!("is connected to {max} workspaces already");
            Err(CrierError::Limit { what: format!("the account on {platform}"), problem, hint: HINT })
        }
        _ => Ok(()),
    }
}
