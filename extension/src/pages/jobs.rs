//! `crier.list_jobs` and `crier.search_jobs`.

use crier_core::cursor::Listing;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use super::input;
use super::listing::{Filters, Under};
use super::search::{self, Search};
use super::span::Span;
use super::walk::{self, Source, Walks};
use crate::answer::TableIterator;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};

const WALKS: Walks = Walks::new(statement!(up "pages/jobs_all"), statement!(up "pages/jobs_of_workspaces"));
const OF_USER: Statement = statement!(up "pages/jobs_of_user").planned_once();
const DEAD_WALKS: Walks =
    Walks::new(statement!(up "pages/dead_all"), statement!(up "pages/dead_of_workspaces"));
const FAILED_AMONG: Statement = statement!(up "pages/failed_among").planned_once();
const CHOOSE: Statement = statement!(up "pages/jobs_choose").planned_once();
const BY_PARAMS: Statement = statement!(up "pages/jobs_by_params").planned_each_time();
const BY_RESULT: Statement = statement!(up "pages/jobs_by_result").planned_each_time();
pub(super) const ITEMS: Statement = statement!(up "pages/jobs_items").planned_once();

pub(super) const STATES: [&str; 6] = ["pending", "running", "retrying", "completed", "failed", "canceled"];
pub(super) const STATES_HINT: &str = "Use pending, running, retrying, completed, failed or canceled.";

/// Jobs the caller may see, the newest first.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn list_jobs(
    p_cursor: default!(Option<&str>, "NULL"),
    p_limit: default!(Option<i32>, "50"),
    p_workspace_id: default!(Option<Uuid>, "NULL"),
    p_user_id: default!(Option<Uuid>, "NULL"),
    p_status: default!(Option<&str>, "NULL"),
    p_job_type: default!(Option<&str>, "NULL"),
    p_since: default!(Option<Timestamptz>, "NULL"),
    p_until: default!(Option<Timestamptz>, "NULL"),
) -> Result<
    TableIterator<'static, (name!(items, Jsonb), name!(next_cursor, Option<String>), name!(has_more, bool))>,
    ErrorReport,
> {
    let limit = input::limit(p_limit)?;
    let jobs = Jobs {
        status: input::one_of(p_status, "p_status", &STATES, STATES_HINT)?,
        kind: p_job_type.map(str::to_owned),
        ..Jobs::of(Caller::current()?, p_workspace_id, p_user_id)?
    };
    let filters = Filters::of(jobs.caller)
        .id("workspace", p_workspace_id)
        .id("user", p_user_id)
        .text("status", p_status)
        .text("kind", p_job_type)
        .times(p_since, p_until);
    let under = Under::new(Listing::Jobs, &filters);
    let span = under.span(p_cursor, p_since, p_until)?;
    Ok(under.page(walk::page(&jobs, span, limit)?, ITEMS)?)
}

/// Jobs the caller may see whose params or result contain something, the newest first.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn search_jobs(
    p_params: default!(Option<Jsonb>, "NULL"),
    p_result: default!(Option<Jsonb>, "NULL"),
    p_cursor: default!(Option<&str>, "NULL"),
    p_limit: default!(Option<i32>, "50"),
    p_workspace_id: default!(Option<Uuid>, "NULL"),
    p_user_id: default!(Option<Uuid>, "NULL"),
    p_job_type: default!(Option<&str>, "NULL"),
    p_since: default!(Option<Timestamptz>, "NULL"),
    p_until: default!(Option<Timestamptz>, "NULL"),
) -> Result<
    TableIterator<'static, (name!(items, Jsonb), name!(next_cursor, Option<String>), name!(has_more, bool))>,
    ErrorReport,
> {
    if p_params.is_none() && p_result.is_none() {
        return Err(CrierError::invalid(
            "p_params and p_result",
            "are both null",
            "Say what one of them contains; crier.list_jobs lists without that.",
        )
        .into());
    }
    let limit = input::limit(p_limit)?;
    let jobs = Jobs {
        kind: p_job_type.map(str::to_owned),
        params: p_params,
        result: p_result,
        ..Jobs::of(Caller::current()?, p_workspace_id, p_user_id)?
    };
    let filters = Filters::of(jobs.caller)
        .json("params", p_params)?
        .json("result", p_result)?
        .id("workspace", p_workspace_id)
        .id("user", p_user_id)
        .text("kind", p_job_type)
        .times(p_since, p_until);
    let under = Under::new(Listing::JobSearch, &filters);
    let span = under.span(p_cursor, p_since, p_until)?;
    Ok(under.page(search::page(&jobs, span, limit)?, ITEMS)?)
}

/// Jobs under filters.
pub(super) struct Jobs {
    caller: Caller,
    /// Nothing stands for all, as a trusted caller sees them.
    workspaces: Option<Vec<Uuid>>,
    user: Option<Uuid>,
    status: Option<&'static str>,
    kind: Option<String>,
    params: Option<Jsonb>,
    result: Option<Jsonb>,
}

impl Jobs {
    pub(super) fn of(caller: Caller, workspace: Option<Uuid>, user: Option<Uuid>) -> Result<Self> {
        let workspaces = input::workspaces(caller, workspace)?;
        Ok(Self { caller, workspaces, user, status: None, kind: None, params: None, result: None })
    }

    /// The user by whose jobs it walks. Only for one's own: where a page ends would tell an application user of jobs of
    /// somebody else in other workspaces.
    fn walks_by(&self) -> Option<Uuid> {
        match self.caller {
            Caller::Trusted => self.user,
            Caller::User(own) => self.user.filter(|user| Some(*user) == own),
        }
    }
}

impl Source for Jobs {
    fn look(&self, span: Span, count: usize) -> Result<Vec<Uuid>> {
        let Some(user) = self.walks_by() else {
            let walks = if self.status == Some("failed") { DEAD_WALKS } else { WALKS };
            return walks.look(self.workspaces.as_ref(), span, count);
        };
        let args = [span.from.into(), span.before.into(), (count as i64).into(), user.into()];
        OF_USER.read(&args, |row| row.need(1))
    }

    fn choose(&self, mut ids: Vec<Uuid>) -> Option<Result<Vec<Uuid>>> {
        // otherwise it walks through the failed ones only
        if self.status == Some("failed") && self.walks_by().is_some() {
            match failed_among(ids) {
                Ok(failed) if !failed.is_empty() => ids = failed,
                answer => return Some(answer),
            }
        }
        let args = [
            ids.into(),
            self.workspaces.clone().into(),
            self.user.into(),
            self.kind.as_deref().into(),
            self.params.into(),
            self.result.into(),
            self.status.into(),
        ];
        self.chooses().then(|| CHOOSE.read(&args, |row| row.need(1)))
    }

    fn chooses(&self) -> bool {
        // by a user it walks through jobs of any workspace, by workspaces through those of any user
        let whose = if self.walks_by().is_some() { self.workspaces.is_some() } else { self.user.is_some() };
        whose
            || self.status.is_some()
            || self.kind.is_some()
            || self.params.is_some()
            || self.result.is_some()
    }
}

/// Those of some jobs that failed, in the same order.
pub(super) fn failed_among(ids: Vec<Uuid>) -> Result<Vec<Uuid>> {
    FAILED_AMONG.read(&[ids.into()], |row| row.need(1))
}

impl Search for Jobs {
    fn index(&self) -> (&'static str, &'static str) {
        if self.params.is_some() { ("job", "params") } else { ("job_outcome", "result") }
    }

    fn search(&self, span: Span, count: usize) -> Result<Vec<Uuid>> {
        let (from, before, count) = (span.from.into(), span.before.into(), (count as i64).into());
        let workspaces = self.workspaces.clone().into();
        let (user, kind) = (self.user.into(), self.kind.as_deref().into());
        let (params, result) = (self.params.into(), self.result.into());
        if self.params.is_some() {
            BY_PARAMS.read(&[from, before, count, workspaces, params, result, user, kind], |row| row.need(1))
        } else {
            BY_RESULT.read(&[from, before, count, workspaces, result, user, kind], |row| row.need(1))
        }
    }
}
