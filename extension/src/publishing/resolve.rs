//! `crier.resolve_target`: a person says what nobody else could find out.

use crier_core::rights;
use crier_core::target::TargetState;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use crate::activity::{self, Object};
use crate::clock;
use crate::durable;
use crate::error::{CrierError, Result, find_platform};
use crate::identity::Caller;
use crate::input;
use crate::plans::{Row, Statement, statement};
use crate::publishing::follow;
use crate::publishing::thread::{self, Published};
use crate::queue::retry;
use crate::workspaces::new_id;

const FIND: Statement = statement!(up "publishing/find_target");
const RESOLVE: Statement = statement!(up "publishing/resolve");

/// The most characters of an address.
const MAX_URL: usize = 2_048;

/// Says of an `unconfirmed` target whether the platform has the post: `published`, where people see it if that is known, or
/// `absent`. An absent one is sent again at once, the same bytes under the same key. Answers with the target's state.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn resolve_target(
    target_id: Option<Uuid>,
    outcome: Option<&str>,
    url: default!(Option<&str>, "NULL"),
) -> Result<&'static str, ErrorReport> {
    let id = input::required(target_id, "target_id")?;
    let state = state_of(input::required(outcome, "outcome")?, url)?;
    let caller = Caller::current()?;
    let found = FIND.read(&[id.into(), caller.readable()?.into()], Found::read)?;
    let found = found.into_iter().next().ok_or(CrierError::NotFound { what: "target", id })?;
    let workspace = found.workspace;
    caller.require(workspace, const { rights::least("resolve_target") })?;
    let now = clock::now();
    if found.state == TargetState::Unconfirmed {
        if state == TargetState::Published {
            found.check_address(url)?;
        }
        // The job first, the target second: the order in which everything that touches both locks them.
        if state == TargetState::Queued {
            retry::send_again(found.job, format!("target {id}"), "Create the post anew.", now)?;
        }
        let by = caller.acts_as(None)?;
        let resolved = RESOLVE.write(
            &[
                workspace.into(),
                id.into(),
                state.as_str().into(),
                url.into(),
                by.into(),
                now.into(),
                new_id().into(),
            ],
            part,
        )?;
        if let Some((part, has_next)) = resolved.into_iter().next() {
            durable::require_commit()?;
            activity::note(
                workspace,
                "target_resolved",
                Object::Target(id),
                json!({ "state": state.as_str() }),
            )?;
            if has_next && state == TargetState::Published {
                thread::advance(&[part], now)?;
            }
            return Ok(state.as_str());
        }
    }
    Err(not_unconfirmed(id, found.state))?
}

/// The target as it is before.
struct Found {
    workspace: Uuid,
    /// Nothing for a part that waits.
    job: Option<Uuid>,
    state: TargetState,
    platform: String,
    /// A part that waits answers it.
    is_needed: bool,
}

impl Found {
    fn read(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            workspace: row.need(1)?,
            job: row.get(2)?,
            state: follow::parse(&row.need::<String>(3)?)?,
            platform: row.need(4)?,
            is_needed: row.need(5)?,
        })
    }

    /// What answers a post has to name it, and the platform's own id of it is not known.
    fn check_address(&self, url: Option<&str>) -> Result<()> {
        let names = find_platform(&self.platform)?.names_post;
        if !self.is_needed || url.is_some_and(names) {
            return Ok(());
        }
        let shown =
            url.map_or("is not given".to_owned(), |_| format!("is not that of a post on {}", self.platform));
        Err(CrierError::invalid(
            "url",
            format!("{shown}, and another part waits to answer this one"),
            "Give the address of this very post on the platform.",
        ))
    }
}

/// The part of a thread that this target is, and whether another waits for it.
fn part(row: &Row<'_>) -> Result<(Published, bool)> {
    let part = Published {
        workspace_id: row.need(2)?,
        post_id: row.need(3)?,
        account_id: row.need(4)?,
        platform: row.need(5)?,
        part: row.need(6)?,
    };
    Ok((part, row.need(7)?))
}

fn state_of(outcome: &str, url: Option<&str>) -> Result<TargetState> {
    match (outcome, url) {
        ("published", None) => Ok(TargetState::Published),
        ("published", Some(url)) => {
            let url = input::text(Some(url), "url", MAX_URL)?;
            let is_address = ["https://", "http://"].iter().any(|scheme| url.starts_with(scheme));
            if is_address && !url.chars().any(|c| c.is_control() || c.is_whitespace()) {
                return Ok(TargetState::Published);
            }
            Err(CrierError::invalid(
                "url",
                "is not the address of a page",
                "Give the address where people see the post, or none.",
            ))
        }
        ("absent", None) => Ok(TargetState::Queued),
        ("absent", Some(_)) => Err(CrierError::invalid(
            "url",
            "is given for a post that is absent",
            "Leave it out, or say published.",
        )),
        (other, _) => Err(CrierError::invalid(
            "outcome",
            format!("is {:?}", other.chars().take(80).collect::<String>()),
            "Say published or absent.",
        )),
    }
}

/// Whoever says the same twice, or too late, learns what it is by now.
fn not_unconfirmed(id: Uuid, state: TargetState) -> CrierError {
    CrierError::invalid(
        format!("target {id}"),
        format!("is {state}, not unconfirmed"),
        "Only an unconfirmed target waits for a person's word.",
    )
}
