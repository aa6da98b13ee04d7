//! Invitations: `crier.invite_member`, `crier.list_invitations`, `crier.withdraw_invitation`, `crier.my_invitations`,
//! `crier.accept_invitation` and `crier.decline_invitation`. Nobody is made a member by a stranger: whoever could do that
//! could fill other people's lists, and have their calls refused that need to know the one workspace they write in.

use crier_core::rights::{self, Role};
use pgrx::Uuid;
use pgrx::datum::Interval;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use super::api_keys::require_person;
use super::mine::required_user;
use super::seats::{Seats, require_above, role};
use crate::activity::{self, Object};
use crate::answer::TableIterator;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::identity::{Caller, current_user_id, parse_role};
use crate::input;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};

const FORGET_OVER: Statement = statement!(up "workspaces/forget_invitations");
const COUNT: Statement = statement!(up "workspaces/count_invitations");
const INVITE: Statement = statement!(up "workspaces/invite");
const LIST: Statement = statement!(up "workspaces/list_invitations");
const OF_USER: Statement = statement!(up "workspaces/my_invitations");
const FIND: Statement = statement!(up "workspaces/find_invitation");
const TAKE: Statement = statement!(up "workspaces/take_invitation");
const WITHDRAW: Statement = statement!(up "workspaces/withdraw_invitation");
const ADD: Statement = statement!(up "workspaces/add_member");

/// Of one workspace at a time.
const MAX_OPEN: i64 = 100;
const MAX_SHOWN: i64 = 1_000;
const MINUTE: i64 = 60 * 1_000_000;
const MAX_VALID: i64 = 90 * 24 * 60 * MINUTE;

/// Invites a user, who becomes a member by `accept_invitation`. Inviting again changes role and time. Answers with when the
/// invitation ends.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn invite_member(
    p_workspace_id: Option<Uuid>,
    p_user_id: Option<Uuid>,
    p_role: default!(Option<&str>, "'viewer'"),
    p_valid_for: default!(Option<Interval>, "'7 days'"),
) -> Result<Timestamptz, ErrorReport> {
    let workspace = input::required(p_workspace_id, "p_workspace_id")?;
    let user = input::required(p_user_id, "p_user_id")?;
    let role = role(p_role)?;
    if role == Role::Owner {
        let hint = "Invite an admin, and make them an owner once they are a member.";
        return Err(CrierError::invalid("p_role", "is owner", hint).into());
    }
    let valid = match clock::micros(&p_valid_for.ok_or(CrierError::Null("p_valid_for"))?) {
        Some(span @ MINUTE..=MAX_VALID) => span,
        _ => {
            let problem = "must be between a minute and 90 days";
            return Err(CrierError::invalid("p_valid_for", problem, "Give for instance '7 days'.").into());
        }
    };
    let seats = Seats::lock(workspace, const { rights::least("invite_member") })?;
    let standing = seats.standing(user)?;
    require_above(workspace, standing.own, role)?;
    if standing.theirs.is_some() {
        let hint = "Change their role with crier.set_member_role.";
        return Err(CrierError::invalid(format!("user {user}"), "is a member already", hint).into());
    }
    // an invitation that stands is changed like a member: by who decides about that role
    if let Some(before) = found(workspace, user)? {
        require_above(workspace, standing.own, before)?;
    }
    let now = clock::now();
    FORGET_OVER.run_only(&[workspace.into(), now.into()])?;
    let open = COUNT.newest(&[workspace.into(), user.into()], |row| row.need::<i64>(1))?;
    if open.first().copied().unwrap_or_default() >= MAX_OPEN {
        let problem = format!("has {MAX_OPEN} open invitations already");
        let hint = "Withdraw some: crier.list_invitations lists them.";
        return Err(CrierError::invalid(format!("workspace {workspace}"), problem, hint).into());
    }
    let ends = Timestamptz(now.0 + valid);
    let args = [
        workspace.into(),
        user.into(),
        role.as_str().into(),
        current_user_id()?.into(),
        now.into(),
        ends.into(),
    ];
    INVITE.run_only(&args)?;
    activity::note(workspace, "member_invited", Object::Member(user), json!({ "role": role.as_str() }))?;
    Ok(ends)
}

/// The invitations of a workspace that nobody has accepted yet.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn list_invitations(
    p_workspace_id: Option<Uuid>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(user_id, Uuid),
            name!(role, String),
            name!(invited_by, Option<Uuid>),
            name!(created_at, Timestamptz),
            name!(expires_at, Timestamptz),
        ),
    >,
    ErrorReport,
> {
    let workspace = input::required(p_workspace_id, "p_workspace_id")?;
    Caller::current()?.require(workspace, const { rights::least("list_invitations") })?;
    let args = [workspace.into(), clock::now().into()];
    let rows =
        LIST.read(&args, |row| Ok((row.need(1)?, row.need(2)?, row.get(3)?, row.need(4)?, row.need(5)?)))?;
    Ok(TableIterator::new(rows))
}

/// Takes an invitation back. False: there is none.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn withdraw_invitation(p_workspace_id: Option<Uuid>, p_user_id: Option<Uuid>) -> Result<bool, ErrorReport> {
    let workspace = input::required(p_workspace_id, "p_workspace_id")?;
    let user = input::required(p_user_id, "p_user_id")?;
    let seats = Seats::lock(workspace, const { rights::least("withdraw_invitation") })?;
    let standing = seats.standing(user)?;
    let Some(role) = found(workspace, user)? else { return Ok(false) };
    require_above(workspace, standing.own, role)?;
    let withdrawn = !WITHDRAW.write(&[workspace.into(), user.into()], |_| Ok(()))?.is_empty();
    if withdrawn {
        activity::note(workspace, "invitation_withdrawn", Object::Member(user), json!({}))?;
    }
    Ok(withdrawn)
}

/// The invitations of the user who calls.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn my_invitations() -> Result<
    TableIterator<
        'static,
        (
            name!(workspace_id, Uuid),
            name!(name, String),
            name!(role, String),
            name!(invited_by, Option<Uuid>),
            name!(expires_at, Timestamptz),
        ),
    >,
    ErrorReport,
> {
    let Some(user) = current_user_id()? else { return Ok(TableIterator::empty()) };
    let args = [user.into(), clock::now().into(), MAX_SHOWN.into()];
    let rows = OF_USER
        .read(&args, |row| Ok((row.need(1)?, row.need(2)?, row.need(3)?, row.get(4)?, row.need(5)?)))?;
    Ok(TableIterator::new(rows))
}

/// Makes the user who calls a member of a workspace that has invited them. Answers with the role.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn accept_invitation(p_workspace_id: Option<Uuid>) -> Result<String, ErrorReport> {
    let workspace = input::required(p_workspace_id, "p_workspace_id")?;
    let user = required_user()?;
    require_person(user)?;
    let missing = || CrierError::NotFound { what: "invitation to workspace", id: workspace };
    // before anything is locked: nobody can have a stranger wait
    found(workspace, user)?.ok_or_else(missing)?;
    let seats = Seats::lock_invited(workspace)?;
    let now = clock::now();
    let args = [workspace.into(), user.into(), now.into()];
    let role = TAKE.write(&args, |row| row.need::<String>(1))?.into_iter().next().ok_or_else(missing)?;
    ADD.run_only(&[seats.workspace.into(), user.into(), role.as_str().into(), now.into()])?;
    activity::note(workspace, "member_joined", Object::Member(user), json!({ "role": role }))?;
    Ok(role)
}

/// Turns an invitation down. False: there is none.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn decline_invitation(p_workspace_id: Option<Uuid>) -> Result<bool, ErrorReport> {
    let workspace = input::required(p_workspace_id, "p_workspace_id")?;
    let user = required_user()?;
    Ok(!WITHDRAW.write(&[workspace.into(), user.into()], |_| Ok(()))?.is_empty())
}

/// The role that somebody is invited with, if they are.
fn found(workspace: Uuid, user: Uuid) -> Result<Option<Role>> {
    let args = [workspace.into(), user.into(), clock::now().into()];
    let role = FIND.newest(&args, |row| row.need::<String>(1))?;
    role.first().map(|role| parse_role(role)).transpose()
}
