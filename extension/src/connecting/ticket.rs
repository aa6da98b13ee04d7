//! `crier.begin_connect`.

use std::time::Duration;

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::clock;
use crate::error::{CrierError, Result, find_platform};
use crate::identity::Caller;
use crate::input;
use crate::plans::{Statement, statement};
use crate::workspaces::new_id;

const LOCK: Statement = statement!(up "connecting/lock_workspace");
const COUNT: Statement = statement!(up "connecting/count_tickets");
const ACCOUNT: Statement = statement!(up "connecting/account");
const BEGIN: Statement = statement!(up "connecting/begin");

/// From the answer of this function to the person's browser at crierd.
const TICKET_LIFE: Duration = Duration::from_secs(5 * 60);
/// How many logins of one workspace may be under way.
const MAX_OPEN: i64 = 100;
const MAX_URL_CHARS: usize = 2_000;

/// Begins to connect an account of a platform and answers with a ticket, good once and for five minutes: send the person's
/// browser to crierd with it, see docs/connect.md. `server`: where the account is, for platforms that have many servers.
/// `account_id`: the account that has to log in again; another one is refused. For owners and admins.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn begin_connect(
    workspace_id: Option<Uuid>,
    platform: Option<&str>,
    return_url: Option<&str>,
    server: default!(Option<&str>, "NULL"),
    account_id: default!(Option<Uuid>, "NULL"),
) -> Result<String, ErrorReport> {
    let workspace = input::required(workspace_id, "workspace_id")?;
    let caller = Caller::current()?;
    caller.require_admin(workspace)?;
    let platform = find_platform(input::required(platform, "platform")?)?;
    let return_url = check_return_url(return_url)?;
    let server = server.map(|server| check_text(Some(server), "server")).transpose()?;
    if let Some(account) = account_id {
        check_account(workspace, account, platform.name)?;
    }
    let user = match caller {
        Caller::Trusted => None,
        Caller::User(user) => user,
    };
    let now = clock::now();
    require_room(workspace, now)?;
    let args = [
        workspace.into(),
        new_id().into(),
        user.into(),
        platform.name.into(),
        server.into(),
        account_id.into(),
        return_url.into(),
        now.into(),
        now.plus(TICKET_LIFE).into(),
    ];
    let tickets = BEGIN.write(&args, |row| row.need::<String>(1))?;
    Ok(tickets.into_iter().next().ok_or_else(|| CrierError::Internal("no ticket was made".into()))?)
}

/// That of another workspace looks like none.
fn check_account(workspace: Uuid, account: Uuid, platform: &str) -> Result<()> {
    const HINT: &str = "Give the platform of the account.";
    let found = ACCOUNT.read(&[workspace.into(), account.into()], |row| row.need::<String>(1))?;
    match found.into_iter().next() {
        None => Err(CrierError::NotFound { what: "account", id: account }),
        Some(found) if found != platform => {
            let reason = format!("is on {found}, not on {platform}");
            Err(CrierError::Account { account, reason, hint: HINT })
        }
        Some(_) => Ok(()),
    }
}

fn require_room(workspace: Uuid, now: crate::passed::Timestamptz) -> Result<()> {
    const HINT: &str = "Wait some minutes: what is not used ends by itself.";
    LOCK.run_only(&[workspace.into()])?;
    let args = [workspace.into(), now.into(), MAX_OPEN.into()];
    let open = COUNT.newest(&args, |row| row.need::<i64>(1))?.into_iter().next().unwrap_or_default();
    if open < MAX_OPEN {
        return Ok(());
    }
    let whose = format!("workspace {workspace}");
    Err(CrierError::invalid(whose, format!("has {MAX_OPEN} logins under way already"), HINT))
}

/// Where the person ends: which addresses are allowed is crierd's configuration; here only what can be none is refused.
fn check_return_url(url: Option<&str>) -> Result<String> {
    const HINT: &str = "Give the address of a page of the application, such as https://app.example/settings.";
    let url = check_text(url, "return_url")?;
    let invalid = |problem: &str| Err(CrierError::invalid("return_url", problem, HINT));
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return invalid("is not an http address");
    }
    if url.contains(['#', '\\']) {
        return invalid("has a fragment or a backslash");
    }
    Ok(url)
}

fn check_text(text: Option<&str>, name: &'static str) -> Result<String> {
    let text = input::text(text, name, MAX_URL_CHARS)?;
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let hint = "Leave out spaces, or percent-encode them.";
        return Err(CrierError::invalid(name, "has a space or a control character", hint));
    }
    Ok(text)
}
