//! `crier.act`.

use crier_core::platform::Action;
use crier_core::rights;
use crier_core::validate;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use crate::actions::{NewAction, require_offered};
use crate::activity::{self, Object};
use crate::clock;
use crate::error::{CrierError, Result, find_platform};
use crate::identity::Caller;
use crate::input;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::posts::check_status;

const ACCOUNT: Statement = statement!(up "actions/account");

const MAX_SUBJECT_CHARS: usize = 4_000;
const MAX_TEXT_BYTES: usize = 262_144;

/// Has an account do something at a time: `like` a post, `follow` an account, or send one a message (`send_dm`). The subject is
/// what the platform calls that post or account. Everything the platform would refuse is refused here, with the reason.
/// Answers with the action's id.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn act(
    account_id: Option<Uuid>,
    action: Option<&str>,
    subject: Option<&str>,
    text: default!(Option<&str>, "NULL"),
    run_at: default!(Option<Timestamptz>, "now()"),
    user_id: default!(Option<Uuid>, "NULL"),
) -> Result<Uuid, ErrorReport> {
    let account = input::required(account_id, "account_id")?;
    let action = parse_action(input::required(action, "action")?)?;
    let subject = input::text(subject, "subject", MAX_SUBJECT_CHARS)?;
    if let Some(found) = text.map(str::len).filter(|bytes| *bytes > MAX_TEXT_BYTES) {
        return Err(CrierError::TooLarge { what: "text", found, limit: MAX_TEXT_BYTES, unit: "bytes" }.into());
    }
    let now = clock::now();
    let run_at = input::required(run_at, "run_at")?.plausible("run_at", now)?;
    let caller = Caller::current()?;
    let found = ACCOUNT.read(&[account.into(), caller.readable()?.into()], |row| {
        Ok((row.need::<Uuid>(1)?, row.need::<String>(2)?, row.need::<String>(3)?))
    })?;
    let missing = CrierError::NotFound { what: "account", id: account };
    let (workspace, platform, status) = found.into_iter().next().ok_or(missing)?;
    caller.require(workspace, const { rights::least("act") })?;
    let user = caller.acts_as(user_id)?;
    let platform = find_platform(&platform)?;
    let kind = require_offered(platform, action, account)?;
    let refusals: Vec<_> =
        validate::action(platform, action, &subject, text).into_iter().map(Into::into).collect();
    if !refusals.is_empty() {
        Err(CrierError::Content { account, refusals })?;
    }
    check_status(account, &status)?;
    let new =
        NewAction { workspace, account, platform, kind, subject: &subject, text, target: None, user, run_at };
    let id = new.insert(now)?;
    activity::note_for(user, workspace, "action_requested", Object::Action(id), json!({ "kind": kind }))?;
    Ok(id)
}

fn parse_action(name: &str) -> Result<Action> {
    let hint = match name {
        "delete_post" => "Use crier.delete_published() to take a post back.",
        "read_metrics" => "Use crier.read_metrics() to read how a post does.",
        _ => "Use like, follow or send_dm.",
    };
    let own = |action: &Action| matches!(action, Action::Like | Action::Follow | Action::DirectMessage);
    Action::of_kind(name).filter(own).ok_or_else(|| {
        let shown: String = name.chars().take(80).collect();
        CrierError::invalid(format!("action {shown:?}"), "is not one that crier.act() does", hint)
    })
}
