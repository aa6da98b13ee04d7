//! Who calls, and what they may do.
//!
//! Trusted callers are roles that row security does not bind (superusers and BYPASSRLS), and members of
//! `crier_owner` or `crier_worker`. Everyone else acts for one user, named by the setting `crier.user_id` or by
//! the claim `sub` of `request.jwt.claims` (Supabase, PostgREST), and may do what that user's role in the
//! workspace allows.

use std::ffi::CStr;
use std::str::FromStr;

use crier_core::rights::Role;
use pgrx::Uuid;
use pgrx::pg_sys;

use crate::error::{CrierError, Result};
use crate::plans::{Statement, statement};

const MY_WORKSPACES: Statement = statement!("posts/my_workspaces");
const WORKSPACE_ROLE: Statement = statement!("posts/workspace_role");

/// Who calls.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Caller {
    /// Not bound to a tenant.
    Trusted,
    /// An application user, or nobody in particular where no identity is set.
    User(Option<Uuid>),
}

impl Caller {
    /// The caller of the function that runs now: the role outside of every SECURITY DEFINER function.
    pub(crate) fn current() -> Result<Self> {
        // An index expression or the query of a materialized view runs as its owner while the session is somebody
        // else's, even the superuser's of autovacuum: nobody is trusted there, and nothing is done there.
        // SAFETY: reads the session's state.
        if unsafe { pg_sys::InSecurityRestrictedOperation() } {
            return Err(CrierError::NotAllowed(
                "crier can't be called from an index, a materialized view or another maintenance operation"
                    .into(),
            ));
        }
        // SAFETY: reads the session's identity.
        let role = unsafe { pg_sys::GetOuterUserId() };
        // SAFETY: a catalog lookup inside a transaction.
        let bypasses = unsafe { pg_sys::has_bypassrls_privilege(role) };
        if bypasses || is_member(role, c"crier_owner") || is_member(role, c"crier_worker") {
            return Ok(Self::Trusted);
        }
        current_user_id().map(Self::User)
    }

    /// The workspaces the caller may read; nothing for a trusted caller, who is bound to none.
    pub(crate) fn readable(self) -> Result<Option<Vec<Uuid>>> {
        self.scope(None)
    }

    /// The workspaces in which the caller has a role or a higher one; nothing for a trusted caller, who is bound to none.
    pub(crate) fn within(self, least: Role) -> Result<Option<Vec<Uuid>>> {
        self.scope(Some(least))
    }

    fn scope(self, least: Option<Role>) -> Result<Option<Vec<Uuid>>> {
        match self {
            Self::Trusted => Ok(None),
            Self::User(None) => Ok(Some(vec![])),
            Self::User(Some(user)) => match least {
                // who reads, reads as the rest of their transaction does
                None => workspaces_of(user, None).map(Some),
                Some(_) => {
                    let args = [user.into(), least.map(Role::and_above).into()];
                    let found = MY_WORKSPACES.newest(&args, |row| row.need(1))?;
                    Ok(Some(found.into_iter().next().unwrap_or_default()))
                }
            },
        }
    }

    /// The user in whose name something is done: an application user acts in their own name only.
    pub(crate) fn acts_as(self, named: Option<Uuid>) -> Result<Option<Uuid>> {
        match (self, named) {
            (Self::User(own), None) => Ok(own),
            (Self::User(own), Some(other)) if own != Some(other) => {
                Err(CrierError::NotAllowed(format!("this session may not act as user {other}")))
            }
            (_, named) => Ok(named),
        }
    }

    /// Whether an application user calls, and it is this one.
    pub(crate) fn is_user(self, user: Uuid) -> bool {
        matches!(self, Self::User(own) if own == Some(user))
    }

    /// Who calls, and the workspace of something that `workspace_of` finds by its id in the workspaces that the caller may read. They
    /// must have at least this role in it.
    pub(crate) fn find(
        what: &'static str,
        id: Uuid,
        workspace_of: Statement,
        least: Role,
    ) -> Result<(Self, Uuid)> {
        let caller = Self::current()?;
        let found = workspace_of.read(&[id.into(), caller.readable()?.into()], |row| row.need::<Uuid>(1))?;
        let workspace = found.into_iter().next().ok_or(CrierError::NotFound { what, id })?;
        caller.require(workspace, least)?;
        Ok((caller, workspace))
    }

    /// Refuses a caller who is bound to tenants.
    pub(crate) fn require_trusted(self, what: &str) -> Result<()> {
        match self {
            Self::Trusted => Ok(()),
            Self::User(_) => Err(CrierError::NotAllowed(format!("an application user may not {what}"))),
        }
    }

    /// Refuses a caller who has a lower role in the workspace than this. A workspace that does not exist and one that the
    /// caller is no member of get the same answer. Which function asks for which role: `crier_core::rights`.
    pub(crate) fn require(self, workspace: Uuid, least: Role) -> Result<()> {
        let user = match self {
            Self::Trusted => None,
            Self::User(user) => user,
        };
        // as it is now: a transaction that began before somebody was removed does not go on for them
        let found = WORKSPACE_ROLE.newest(&[workspace.into(), user.into()], |row| row.get::<String>(1))?;
        let missing = || CrierError::NotFound { what: "workspace", id: workspace };
        let role = found.into_iter().next().ok_or_else(missing)?;
        match (self, role) {
            (Self::Trusted, _) => Ok(()),
            (_, None) => Err(missing()),
            (_, Some(role)) => {
                let role = parse_role(&role)?;
                if role >= least { Ok(()) } else { Err(too_low(workspace, role)) }
            }
        }
    }
}

/// Says what a member's role covers, and what not.
pub(crate) fn too_low(workspace: Uuid, role: Role) -> CrierError {
    let may = match role {
        Role::Viewer => "a viewer of workspace {} may read, but not write",
        Role::Editor => {
            "an editor of workspace {} may write, but not decide about accounts, alerts and members"
        }
        Role::Admin => {
            "an admin of workspace {} may decide about accounts and lower members, but not about the workspace"
        }
        // nothing is more than that
        Role::Owner => "an owner of workspace {} may do everything but this",
    };
    CrierError::NotAllowed(may.replace("{}", &workspace.to_string()))
}

/// A role as it stands in a table.
pub(crate) fn parse_role(role: &str) -> Result<Role> {
    role.parse().map_err(|error: crier_core::rights::UnknownRole| CrierError::Internal(error.to_string()))
}

/// The workspaces in which the user has a role or a higher one, or any.
pub(crate) fn workspaces_of(user: Uuid, least: Option<Role>) -> Result<Vec<Uuid>> {
    let args = [user.into(), least.map(Role::and_above).into()];
    Ok(MY_WORKSPACES.read(&args, |row| row.need(1))?.into_iter().next().unwrap_or_default())
}

fn is_member(role: pg_sys::Oid, group: &CStr) -> bool {
    // SAFETY: catalog lookups inside a transaction; a missing role answers InvalidOid, which nobody is member of.
    unsafe {
        let group = pg_sys::get_role_oid(group.as_ptr(), true);
        group != pg_sys::InvalidOid && pg_sys::has_privs_of_role(role, group)
    }
}

/// The user that the session names, whoever calls. The claim wins over the setting: a gateway sets it for each request, the setting is the session's own.
pub(crate) fn current_user_id() -> Result<Option<Uuid>> {
    const HINT: &str = "Set it to the user's id, for instance SET crier.user_id = '…'.";
    let (name, value) = match setting(c"request.jwt.claims") {
        Some(claims) => match subject(&claims)? {
            Some(subject) => ("the claim sub of request.jwt.claims", subject),
            None => return Ok(None),
        },
        None => match setting(c"crier.user_id") {
            Some(value) => ("crier.user_id", value),
            None => return Ok(None),
        },
    };
    let shown: String = value.chars().take(80).collect();
    let uuid = uuid::Uuid::from_str(&value)
        .map_err(|_| CrierError::invalid(name, format!("is not a uuid: {shown:?}"), HINT))?;
    Ok(Some(Uuid::from_bytes(*uuid.as_bytes())))
}

fn subject(claims: &str) -> Result<Option<String>> {
    let claims: serde_json::Value = serde_json::from_str(claims).map_err(|error| {
        CrierError::invalid(
            "request.jwt.claims",
            format!("is not JSON: {error}"),
            "Set it to the claims of the token.",
        )
    })?;
    Ok(claims.get("sub").and_then(serde_json::Value::as_str).map(str::to_owned))
}

/// A setting that is there and not empty (a local setting is empty, not missing, after its transaction).
fn setting(name: &CStr) -> Option<String> {
    // SAFETY: answers null where the setting is unknown; otherwise a C string that lives until it is changed.
    let value = unsafe {
        let value = pg_sys::GetConfigOption(name.as_ptr(), true, false);
        (!value.is_null()).then(|| CStr::from_ptr(value))?
    };
    value.to_str().ok().filter(|value| !value.is_empty()).map(str::to_owned)
}
