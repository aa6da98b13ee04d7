//! `crier.delete_published`.

use crier_core::platform::{Action, Platform};
use crier_core::rights::{self, Role};
use crier_core::target::TargetState;
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
use crate::plans::{Statement, statement};
use crate::posts::check_status;
use crate::publishing::follow;

const FIND: Statement = statement!(up "actions/find_target");
const LOCK: Statement = statement!(up "actions/lock_target");
const OPEN: Statement = statement!(up "actions/open_delete");

/// A target that is published, of an account that can do something with it.
pub(super) struct Published {
    pub(super) workspace: Uuid,
    pub(super) account: Uuid,
    pub(super) platform: &'static Platform,
    /// The kind of the jobs that do it.
    pub(super) kind: &'static str,
    /// The post's id on the platform.
    pub(super) external_id: String,
    /// In whose name it is done.
    pub(super) user: Option<Uuid>,
}

impl Published {
    /// The target, if the caller may have this done with it; nothing where it was taken back.
    fn find_any(id: Uuid, action: Action, least: Role) -> Result<Option<Self>> {
        let caller = Caller::current()?;
        let found = FIND.read(&[id.into(), caller.readable()?.into()], |row| {
            let external_id: Option<String> = row.get(6)?;
            let (workspace, account) = (row.need::<Uuid>(1)?, row.need::<Uuid>(2)?);
            let (platform, status) = (row.need::<String>(3)?, row.need::<String>(4)?);
            let (state, gone) = (follow::parse(&row.need::<String>(5)?)?, row.need::<bool>(7)?);
            Ok((workspace, account, platform, status, state, external_id, gone))
        })?;
        let missing = CrierError::NotFound { what: "target", id };
        let (workspace, account, platform, status, state, external_id, gone) =
            found.into_iter().next().ok_or(missing)?;
        caller.require(workspace, least)?;
        let platform = find_platform(&platform)?;
        let kind = require_offered(platform, action, account)?;
        if gone {
            return Ok(None);
        }
        let external_id = match (state, external_id) {
            (TargetState::Published, Some(external_id)) => external_id,
            (TargetState::Published, None) => {
                return Err(CrierError::invalid(
                    format!("target {id}"),
                    "has no id that the platform knows",
                    "Nobody could tell which of the platform's posts it is: look for it there.",
                ));
            }
            (state, _) => {
                let hint = "Only what is published is on the platform; cancel what is not yet.";
                return Err(CrierError::invalid(
                    format!("target {id}"),
                    format!("is {state}, not published"),
                    hint,
                ));
            }
        };
        check_status(account, &status)?;
        Ok(Some(Self { workspace, account, platform, kind, external_id, user: caller.acts_as(None)? }))
    }

    /// The same, where it must be there still.
    pub(super) fn find(id: Uuid, action: Action, least: Role) -> Result<Self> {
        Self::find_any(id, action, least)?.ok_or_else(|| taken_back(id))
    }
}

fn taken_back(id: Uuid) -> CrierError {
    CrierError::invalid(
        format!("target {id}"),
        "was taken back already",
        "crier.get_post() tells when: deleted_at.",
    )
}

/// Takes a published target back from its platform. Answers with the action's id: that of one that is at it already, where
/// there is one.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn delete_published(target_id: Option<Uuid>) -> Result<Uuid, ErrorReport> {
    let id = input::required(target_id, "target_id")?;
    let target = Published::find(id, Action::Delete, const { rights::least("delete_published") })?;
    Ok(target.take_back(id)?.ok_or_else(|| taken_back(id))?)
}

impl Published {
    /// The action that takes it back, begun now or before; nothing where that is done.
    fn take_back(self, id: Uuid) -> Result<Option<Uuid>> {
        let Self { workspace, account, platform, kind, external_id, user } = self;
        let args = [workspace.into(), id.into()];
        match LOCK.write(&args, |row| row.need::<bool>(1))?.first() {
            Some(false) => {}
            Some(true) => return Ok(None),
            None => return Err(CrierError::NotFound { what: "target", id }),
        }
        if let Some(open) = OPEN.newest(&args, |row| row.need::<Uuid>(1))?.first() {
            return Ok(Some(*open));
        }
        let now = clock::now();
        let new = NewAction {
            workspace,
            account,
            platform,
            kind,
            subject: &external_id,
            text: None,
            target: Some(id),
            user,
            run_at: now,
        };
        let action = new.insert(now)?;
        let changes = json!({ "action": action.to_string() });
        activity::note(workspace, "target_taken_back", Object::Target(id), changes)?;
        Ok(Some(action))
    }
}

/// Takes a published target of a post back that the caller may delete; nothing where that was done before.
pub(crate) fn take_back(id: Uuid) -> Result<Option<Uuid>> {
    let found = Published::find_any(id, Action::Delete, const { rights::least("delete_published") })?;
    found.map_or(Ok(None), |target| target.take_back(id))
}
