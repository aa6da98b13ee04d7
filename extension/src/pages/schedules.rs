//! `crier.list_schedules` and `crier.list_schedule_items`.

use crier_core::cursor::{Listing, Position};
use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use super::input;
use super::listing::{Filters, Under};
use super::span::Span;
use super::walk::{self, Source, Walks};
use crate::answer::TableIterator;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::passed::Jsonb;
use crate::plans::{Statement, statement};
use crate::schedules;

const WALKS: Walks =
    Walks::new(statement!(up "pages/schedules_all"), statement!(up "pages/schedules_of_workspaces"));
const CHOOSE: Statement = statement!(up "pages/schedules_choose").planned_once();
const SCHEDULES: Statement = statement!(up "pages/schedules_items").planned_once();
const WALK_ITEMS: Statement = statement!(up "schedules/list_items").planned_once();
const ITEMS: Statement = statement!(up "schedules/items").planned_once();

const STATES: [&str; 3] = ["active", "paused", "ended"];
const KINDS: [&str; 3] = ["single", "recurring", "evergreen"];

/// Schedules the caller may see, the newest first.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn list_schedules(
    p_cursor: default!(Option<&str>, "NULL"),
    p_limit: default!(Option<i32>, "50"),
    p_workspace_id: default!(Option<Uuid>, "NULL"),
    p_state: default!(Option<&str>, "NULL"),
    p_kind: default!(Option<&str>, "NULL"),
) -> Result<
    TableIterator<'static, (name!(items, Jsonb), name!(next_cursor, Option<String>), name!(has_more, bool))>,
    ErrorReport,
> {
    let limit = input::limit(p_limit)?;
    let caller = Caller::current()?;
    let schedules = Schedules {
        workspaces: input::workspaces(caller, p_workspace_id)?,
        state: input::one_of(p_state, "p_state", &STATES, "Use active, paused or ended.")?,
        kind: input::one_of(p_kind, "p_kind", &KINDS, "Use single, recurring or evergreen.")?,
    };
    let filters =
        Filters::of(caller).id("workspace", p_workspace_id).text("state", p_state).text("kind", p_kind);
    let under = Under::new(Listing::Schedules, &filters);
    let span = under.span(p_cursor, None, None)?;
    Ok(under.page(walk::page(&schedules, span, limit)?, SCHEDULES)?)
}

/// Schedules under filters.
struct Schedules {
    workspaces: Option<Vec<Uuid>>,
    state: Option<&'static str>,
    kind: Option<&'static str>,
}

impl Source for Schedules {
    fn look(&self, span: Span, count: usize) -> Result<Vec<Uuid>> {
        WALKS.look(self.workspaces.as_ref(), span, count)
    }

    fn choose(&self, ids: Vec<Uuid>) -> Option<Result<Vec<Uuid>>> {
        let args = [ids.into(), self.state.into(), self.kind.into()];
        self.chooses().then(|| CHOOSE.read(&args, |row| row.need(1)))
    }

    fn chooses(&self) -> bool {
        self.state.is_some() || self.kind.is_some()
    }
}

/// The items of an evergreen schedule, the newest first.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn list_schedule_items(
    schedule_id: Option<Uuid>,
    p_cursor: default!(Option<&str>, "NULL"),
    p_limit: default!(Option<i32>, "50"),
) -> Result<
    TableIterator<'static, (name!(items, Jsonb), name!(next_cursor, Option<String>), name!(has_more, bool))>,
    ErrorReport,
> {
    let id = crate::input::required(schedule_id, "schedule_id")?;
    let limit = input::limit(p_limit)?;
    let (caller, workspace) = schedules::find(id, const { rights::least("list_schedule_items") })?;
    let filters = Filters::of(caller).id("schedule", Some(id));
    let under = Under::new(Listing::ScheduleItems, &filters);
    let span = under.span(p_cursor, None, None)?;
    let found = walk::page(&Items { workspace, schedule: id }, span, limit)?;
    let next = found.next.map(|id| under.cursor(Position::Id(*id.as_bytes()))).transpose()?;
    let more = next.is_some();
    let rows = ITEMS.read(&[found.ids.into(), workspace.into()], |row| row.need(1))?;
    let items = rows.into_iter().next().ok_or_else(|| CrierError::Internal("no page".into()))?;
    Ok(TableIterator::once((items, next, more)))
}

/// The items of a schedule.
struct Items {
    workspace: Uuid,
    schedule: Uuid,
}

impl Source for Items {
    fn look(&self, span: Span, count: usize) -> Result<Vec<Uuid>> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let args =
            [span.from.into(), span.before.into(), count.into(), self.workspace.into(), self.schedule.into()];
        WALK_ITEMS.read(&args, |row| row.need(1))
    }

    fn choose(&self, _ids: Vec<Uuid>) -> Option<Result<Vec<Uuid>>> {
        None
    }

    fn chooses(&self) -> bool {
        false
    }
}
