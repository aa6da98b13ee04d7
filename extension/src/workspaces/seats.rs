//! The members of a workspace while they are changed: one change at a time, judged by what is committed then.

use crier_core::rights::Role;
use pgrx::Uuid;

use crate::error::{CrierError, Result};
use crate::identity::{Caller, parse_role, too_low};
use crate::input;
use crate::plans::{Statement, statement};

const LOCK: Statement = statement!(up "workspaces/lock");
const LOOK: Statement = statement!(up "workspaces/look");
const SET_ROLE: Statement = statement!(up "workspaces/set_role");
const REMOVE: Statement = statement!(up "workspaces/remove_member");

/// A workspace whose members nobody else changes until the transaction ends.
pub(super) struct Seats {
    pub(super) workspace: Uuid,
    caller: Caller,
    least: Role,
}

/// Where the caller and another user stand now.
pub(super) struct Standing {
    /// Nothing for a trusted caller, who may do everything.
    pub(super) own: Option<Role>,
    /// Of the other one; nothing: no member.
    pub(super) theirs: Option<Role>,
    /// Whether the workspace has an owner besides that one.
    pub(super) other_owner: bool,
}

impl Seats {
    /// Refuses who may not, before anything is locked: nobody can have a stranger wait. Then locks, and what the caller may is
    /// asked again where it counts, because it may have been taken away meanwhile.
    pub(super) fn lock(workspace: Uuid, least: Role) -> Result<Self> {
        let caller = Caller::current()?;
        caller.require(workspace, least)?;
        let seats = Self { workspace, caller, least };
        seats.lock_row()?;
        Ok(seats)
    }

    /// The same for somebody who is no member yet, and was invited.
    pub(super) fn lock_invited(workspace: Uuid) -> Result<Self> {
        let seats = Self { workspace, caller: Caller::current()?, least: Role::Viewer };
        seats.lock_row()?;
        Ok(seats)
    }

    fn lock_row(&self) -> Result<()> {
        let found = LOCK.write(&[self.workspace.into()], |_| Ok(()))?;
        found.first().copied().ok_or(CrierError::NotFound { what: "workspace", id: self.workspace })
    }

    /// How things stand, by what is committed now: a transaction of REPEATABLE READ would otherwise count an owner who left
    /// while it waited. An API key stands nowhere: it is revoked, and nothing else.
    pub(super) fn standing(&self, user: Uuid) -> Result<Standing> {
        let actor = match self.caller {
            Caller::Trusted => None,
            Caller::User(user) => user,
        };
        let found = LOOK.newest(&[self.workspace.into(), actor.into(), user.into()], |row| {
            Ok((row.get::<String>(1)?, row.get::<String>(2)?, row.need::<bool>(3)?, row.need::<bool>(4)?))
        })?;
        let (own, theirs, other_owner, is_api_key) =
            found.into_iter().next().ok_or_else(|| CrierError::Internal("no standing".into()))?;
        let role = |role: Option<String>| role.as_deref().map(parse_role).transpose();
        let (own, theirs) = (role(own)?, role(theirs)?);
        let own = match (self.caller, own) {
            (Caller::Trusted, _) => None,
            (_, None) => return Err(CrierError::NotFound { what: "workspace", id: self.workspace }),
            (_, Some(own)) if own < self.least => return Err(too_low(self.workspace, own)),
            (_, own) => own,
        };
        if is_api_key {
            let hint = "Revoke it with crier.revoke_api_key; for another role make another key.";
            return Err(CrierError::invalid(format!("user {user}"), "is an API key", hint));
        }
        Ok(Standing { own, theirs, other_owner })
    }

    /// Gives a member another role. The workspace keeps an owner.
    pub(super) fn set_role(&self, user: Uuid, standing: &Standing, role: Role) -> Result<()> {
        if role < Role::Owner {
            self.require_owner_left(standing)?;
        }
        SET_ROLE.run_only(&[self.workspace.into(), user.into(), role.as_str().into()])
    }

    /// Removes a member, with the invitations that the member has given. The workspace keeps an owner.
    pub(super) fn remove(&self, user: Uuid, standing: &Standing) -> Result<()> {
        self.require_owner_left(standing)?;
        REMOVE.run_only(&[self.workspace.into(), user.into()])
    }

    fn require_owner_left(&self, standing: &Standing) -> Result<()> {
        if standing.theirs == Some(Role::Owner) && !standing.other_owner {
            return Err(CrierError::invalid(
                format!("workspace {}", self.workspace),
                "would have no owner",
                "Give it to another member first, with crier.transfer_ownership, or delete it.",
            ));
        }
        Ok(())
    }

    /// The role of somebody who must be a member.
    pub(super) fn member(&self, user: Uuid, standing: &Standing) -> Result<Role> {
        standing.theirs.ok_or(CrierError::NotFound { what: "member", id: user })
    }
}

/// Refuses a member who decides about members, but not about that role.
pub(super) fn require_above(workspace: Uuid, own: Option<Role>, role: Role) -> Result<()> {
    match own {
        Some(own) if !own.decides_about(role) => Err(CrierError::NotAllowed(format!(
            "an {own} of workspace {workspace} decides about members with a lower role only, and {role} is none"
        ))),
        _ => Ok(()),
    }
}

/// A role that was given as an argument.
pub(super) fn role(text: Option<&str>) -> Result<Role> {
    const HINT: &str = "Use viewer, editor, admin or owner.";
    let text = input::required(text, "p_role")?;
    let shown: String = text.chars().take(80).collect();
    text.parse().map_err(|_| CrierError::invalid("p_role", format!("is {shown:?}"), HINT))
}
