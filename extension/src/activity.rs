//! The activity log: who did what in a workspace. Functions that act for somebody note it in the transaction that does it, so
//! that neither is there without the other. Workers publish and renew tokens without it: `crier.event` tells of that.

use std::collections::BTreeMap;

use pgrx::Uuid;
use serde_json::{Value, json};

use crate::clock;
use crate::error::Result;
use crate::identity::{Caller, current_user_id};
use crate::passed::Jsonb;
use crate::plans::{Statement, statement};
use crate::workspaces::new_id;

const NOTE: Statement = statement!("activity/note").planned_once();
const WORKSPACES_OF_JOBS: Statement = statement!("activity/workspaces_of_jobs").planned_once();

/// So many ids of jobs stand in one row; how many there were stands there too.
const MAX_IDS: usize = 100;

/// What something is done with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Object {
    Workspace,
    Member(Uuid),
    Account(Uuid),
    Post(Uuid),
    Target(Uuid),
    Action(Uuid),
    Schedule(Uuid),
    AlertEndpoint(Uuid),
    Webhook(Uuid),
    ApiKey(Uuid),
    /// The one, where it is one.
    Jobs(Option<Uuid>),
}

impl Object {
    fn parts(self) -> (&'static str, Option<Uuid>) {
        match self {
            Self::Workspace => ("workspace", None),
            Self::Member(id) => ("member", Some(id)),
            Self::Account(id) => ("account", Some(id)),
            Self::Post(id) => ("post", Some(id)),
            Self::Target(id) => ("target", Some(id)),
            Self::Action(id) => ("action", Some(id)),
            Self::Schedule(id) => ("schedule", Some(id)),
            Self::AlertEndpoint(id) => ("alert_endpoint", Some(id)),
            Self::Webhook(id) => ("webhook", Some(id)),
            Self::ApiKey(id) => ("api_key", Some(id)),
            Self::Jobs(id) => ("job", id),
        }
    }
}

/// Notes what the caller does. `action` is what was done, in the past; `changes` has settings and states, never what a post says
/// nor a secret.
pub(crate) fn note(workspace: Uuid, action: &'static str, object: Object, changes: Value) -> Result<()> {
    note_for(None, workspace, action, object, changes)
}

/// The same where the caller has named a user in whose name it is done.
pub(crate) fn note_for(
    named: Option<Uuid>,
    workspace: Uuid,
    action: &'static str,
    object: Object,
    changes: Value,
) -> Result<()> {
    let (actor, user) = match Caller::current()? {
        Caller::User(user) => ("user", user),
        Caller::Trusted => ("service", named.map_or_else(current_user_id, |user| Ok(Some(user)))?),
    };
    let (kind, id) = object.parts();
    NOTE.run_only(&[
        workspace.into(),
        new_id().into(),
        actor.into(),
        user.into(),
        action.into(),
        kind.into(),
        id.into(),
        Jsonb::from_value(&without_nulls(changes)).into(),
        clock::now().into(),
    ])
}

/// Only what there is to say.
fn without_nulls(mut changes: Value) -> Value {
    if let Some(fields) = changes.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    changes
}

/// Notes what was done with jobs, in the log of each workspace that has some of them.
pub(crate) fn note_jobs(
    action: &'static str,
    jobs: impl IntoIterator<Item = (Option<Uuid>, Uuid)>,
) -> Result<()> {
    let mut by_workspace: BTreeMap<[u8; 16], Vec<Uuid>> = BTreeMap::new();
    for (workspace, job) in jobs {
        if let Some(workspace) = workspace {
            by_workspace.entry(*workspace.as_bytes()).or_default().push(job);
        }
    }
    for (workspace, jobs) in by_workspace {
        let ids: Vec<String> = jobs.iter().take(MAX_IDS).map(Uuid::to_string).collect();
        let object = Object::Jobs(if let [job] = jobs[..] { Some(job) } else { None });
        note(Uuid::from_bytes(workspace), action, object, json!({ "jobs": jobs.len(), "ids": ids }))?;
    }
    Ok(())
}

/// The same for jobs that are there still, of whatever workspaces they are.
pub(crate) fn note_jobs_by_id(action: &'static str, jobs: &[Uuid]) -> Result<()> {
    if jobs.is_empty() {
        return Ok(());
    }
    let found = WORKSPACES_OF_JOBS.read(&[jobs.to_vec().into()], |row| Ok((row.get(1)?, row.need(2)?)))?;
    note_jobs(action, found)
}
