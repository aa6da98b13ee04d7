//! `crier.list_logs`: what workers said about jobs. `job_log.rs` stores it.

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
use crate::error::Result;
use crate::identity::Caller;
use crate::input::filter;
use crate::job_log::level_named;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};

const WALKS: Walks = Walks::new(statement!(up "pages/logs_all"), statement!(up "pages/logs_of_workspaces"));
const OF_JOB: Statement = statement!(up "pages/logs_of_job").planned_once();
const PROBLEM_WALKS: Walks =
    Walks::new(statement!(up "pages/problems_all"), statement!(up "pages/problems_of_workspaces"));
const CHOOSE: Statement = statement!(up "pages/logs_choose").planned_once();
const BY_WORDS: Statement = statement!(up "pages/logs_by_words").planned_each_time();
const BY_METADATA: Statement = statement!(up "pages/logs_by_metadata").planned_each_time();
pub(super) const ITEMS: Statement = statement!(up "pages/logs_items").planned_once();

/// Levels that have an index of their own.
const PROBLEMS: [&str; 2] = ["warning", "error"];

/// Log lines of jobs the caller may see, the newest first.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn list_logs(
    p_cursor: default!(Option<&str>, "NULL"),
    p_limit: default!(Option<i32>, "50"),
    p_job_id: default!(Option<Uuid>, "NULL"),
    p_levels: default!(Option<Vec<Option<String>>>, "NULL"),
    p_search: default!(Option<&str>, "NULL"),
    p_metadata: default!(Option<Jsonb>, "NULL"),
    p_workspace_id: default!(Option<Uuid>, "NULL"),
    p_since: default!(Option<Timestamptz>, "NULL"),
    p_until: default!(Option<Timestamptz>, "NULL"),
) -> Result<
    TableIterator<'static, (name!(items, Jsonb), name!(next_cursor, Option<String>), name!(has_more, bool))>,
    ErrorReport,
> {
    let limit = input::limit(p_limit)?;
    let caller = Caller::current()?;
    let levels = filter(p_levels, "p_levels")?;
    let levels = levels.map(|levels| levels.iter().map(|level| level_named(level)).collect());
    let logs = Logs {
        job: p_job_id,
        levels: levels.transpose()?,
        words: input::search(p_search)?,
        metadata: p_metadata,
        ..Logs::of(caller, p_workspace_id)?
    };
    search::check_words(logs.words.as_deref())?;
    let filters = Filters::of(caller)
        .id("job", p_job_id)
        .text("levels", logs.levels.as_ref().map(|levels| levels.join(" ")).as_deref())
        .text("search", p_search)
        .json("metadata", p_metadata)?
        .id("workspace", p_workspace_id)
        .times(p_since, p_until);
    let under = Under::new(Listing::Logs, &filters);
    let span = under.span(p_cursor, p_since, p_until)?;
    let found =
        if logs.is_search() { search::page(&logs, span, limit)? } else { walk::page(&logs, span, limit)? };
    Ok(under.page(found, ITEMS)?)
}

/// Log lines under filters.
pub(super) struct Logs {
    workspaces: Option<Vec<Uuid>>,
    job: Option<Uuid>,
    levels: Option<Vec<&'static str>>,
    words: Option<String>,
    metadata: Option<Jsonb>,
}

impl Logs {
    pub(super) fn of(caller: Caller, workspace: Option<Uuid>) -> Result<Self> {
        let workspaces = input::workspaces(caller, workspace)?;
        Ok(Self { workspaces, job: None, levels: None, words: None, metadata: None })
    }

    /// One job's log is walked through: it is short beside a day of all.
    fn is_search(&self) -> bool {
        self.job.is_none() && (self.words.is_some() || self.metadata.is_some())
    }

    /// Whether only errors and warnings are wanted, which have their own indexes.
    fn only_problems(&self) -> bool {
        self.levels.as_ref().is_some_and(|levels| levels.iter().all(|level| PROBLEMS.contains(level)))
    }
}

impl Source for Logs {
    fn look(&self, span: Span, count: usize) -> Result<Vec<Uuid>> {
        let Some(job) = self.job else {
            let walks = if self.only_problems() { PROBLEM_WALKS } else { WALKS };
            return walks.look(self.workspaces.as_ref(), span, count);
        };
        let (from, before, count) = (span.from.into(), span.before.into(), (count as i64).into());
        OF_JOB.read(&[from, before, count, job.into(), self.workspaces.clone().into()], |row| row.need(1))
    }

    fn choose(&self, ids: Vec<Uuid>) -> Option<Result<Vec<Uuid>>> {
        let args =
            [ids.into(), self.levels.clone().into(), self.words.as_deref().into(), self.metadata.into()];
        self.chooses().then(|| CHOOSE.read(&args, |row| row.need(1)))
    }

    fn chooses(&self) -> bool {
        self.levels.is_some() || self.words.is_some() || self.metadata.is_some()
    }
}

impl Search for Logs {
    fn index(&self) -> (&'static str, &'static str) {
        if self.words.is_some() { ("job_log", "words") } else { ("job_log", "metadata") }
    }

    fn search(&self, span: Span, count: usize) -> Result<Vec<Uuid>> {
        let (from, before, count) = (span.from.into(), span.before.into(), (count as i64).into());
        let (workspaces, levels) = (self.workspaces.clone().into(), self.levels.clone().into());
        match self.words.as_deref() {
            Some(words) => {
                let args = [from, before, count, workspaces, words.into(), self.metadata.into(), levels];
                BY_WORDS.read(&args, |row| row.need(1))
            }
            None => {
                let args = [from, before, count, workspaces, self.metadata.into(), levels];
                BY_METADATA.read(&args, |row| row.need(1))
            }
        }
    }
}
