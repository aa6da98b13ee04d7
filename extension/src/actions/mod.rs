//! What accounts do besides publishing: likes, follows, messages, posts that are taken back, and reading how posts do.
//! `docs/actions.md` draws the states.

mod act;
mod delete;
pub(crate) mod follow;
mod get;
mod metrics;
mod report;
mod resolve;
mod start;

use crier_core::platform::{Action, Platform};
pub(crate) use delete::take_back;
use pgrx::Uuid;
use serde_json::json;

use crate::error::{CrierError, Result};
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::queue::held::{self, Held};
use crate::queue::job::{self, NewJob};
use crate::workspaces::new_id;

const INSERT: Statement = statement!(up "actions/insert");

/// Whether the jobs of a kind have an action that follows them. Reading has none: it may be done again at any time.
pub(crate) fn is_action(kind: &str) -> bool {
    Action::of_kind(kind).is_some_and(|action| action != Action::Metrics)
}

/// Whether only functions of this module make jobs of a kind.
pub(crate) fn is_own_kind(kind: &str) -> bool {
    Action::of_kind(kind).is_some()
}

/// A job of an action whose lease is still the caller's; it stays locked until the end of the transaction.
fn hold(job_id: Uuid, token: i64) -> Result<Option<Held>> {
    held::one_by_lease(job_id, token, is_action)
}

/// Refuses what a platform does not offer; otherwise the kind of its jobs.
fn require_offered(platform: &'static Platform, action: Action, account: Uuid) -> Result<&'static str> {
    let kind = action.kind().ok_or_else(|| CrierError::Internal(format!("{action:?} is no job")))?;
    if platform.actions.contains(&action) {
        return Ok(kind);
    }
    let offers = platform.kinds().collect::<Vec<_>>().join(", ");
    Err(CrierError::Unsupported { account, platform: platform.name, kind, offers })
}

/// Something that an account is to do.
struct NewAction<'a> {
    workspace: Uuid,
    account: Uuid,
    platform: &'static Platform,
    kind: &'static str,
    subject: &'a str,
    text: Option<&'a str>,
    target: Option<Uuid>,
    user: Option<Uuid>,
    run_at: Timestamptz,
}

impl NewAction<'_> {
    /// Adds it with its job; answers with its id.
    fn insert(&self, now: Timestamptz) -> Result<Uuid> {
        let id = new_id();
        let params = json!({ "action_id": id.to_string() }).to_string();
        let job = NewJob {
            workspace_id: Some(self.workspace),
            user_id: self.user,
            account_id: Some(self.account),
            run_at: Some(self.run_at),
            ..NewJob::new(self.kind.to_owned(), params)
        };
        INSERT.run_only(&[
            self.workspace.into(),
            id.into(),
            self.account.into(),
            self.platform.name.into(),
            self.kind.into(),
            self.subject.into(),
            self.text.into(),
            self.target.into(),
            self.user.into(),
            job.id.into(),
            self.run_at.into(),
            now.into(),
        ])?;
        job::insert(&[job], now)?;
        Ok(id)
    }
}
