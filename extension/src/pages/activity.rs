//! `crier.get_activity_log`.

use crier_core::cursor::Listing;
use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use super::input;
use super::listing::{Filters, Under, objects_by};
use super::span::Span;
use super::walk::{self, Source};
use crate::answer::TableIterator;
use crate::error::Result;
use crate::identity::Caller;
use crate::input::required;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};

const WALK: Statement = statement!(up "pages/activity").planned_once();
const CHOOSE: Statement = statement!(up "pages/activity_choose").planned_once();
const ITEMS: Statement = statement!(up "pages/activity_items").planned_once();

/// Who did what in a workspace, the newest first, for its admins. Trusted callers read that of a deleted one too.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn get_activity_log(
    p_workspace_id: Option<Uuid>,
    p_cursor: default!(Option<&str>, "NULL"),
    p_limit: default!(Option<i32>, "50"),
    p_user_id: default!(Option<Uuid>, "NULL"),
    p_action: default!(Option<&str>, "NULL"),
    p_object_type: default!(Option<&str>, "NULL"),
    p_object_id: default!(Option<Uuid>, "NULL"),
    p_since: default!(Option<Timestamptz>, "NULL"),
    p_until: default!(Option<Timestamptz>, "NULL"),
) -> Result<
    TableIterator<'static, (name!(items, Jsonb), name!(next_cursor, Option<String>), name!(has_more, bool))>,
    ErrorReport,
> {
    let workspace = required(p_workspace_id, "p_workspace_id")?;
    let limit = input::limit(p_limit)?;
    let caller = Caller::current()?;
    if let Caller::User(_) = caller {
        caller.require(workspace, const { rights::least("get_activity_log") })?;
    }
    let log = Log {
        workspace,
        user: p_user_id,
        action: p_action.map(str::to_owned),
        object_type: p_object_type.map(str::to_owned),
        object: p_object_id,
    };
    let filters = Filters::of(caller)
        .id("workspace", p_workspace_id)
        .id("user", p_user_id)
        .text("action", p_action)
        .text("object_type", p_object_type)
        .id("object", p_object_id)
        .times(p_since, p_until);
    let under = Under::new(Listing::Activity, &filters);
    let span = under.span(p_cursor, p_since, p_until)?;
    let found = walk::page(&log, span, limit)?;
    Ok(under.page_of(found, |ids| objects_by(ITEMS, &[ids.into(), workspace.into()]))?)
}

/// The log of a workspace under filters.
struct Log {
    workspace: Uuid,
    user: Option<Uuid>,
    action: Option<String>,
    object_type: Option<String>,
    object: Option<Uuid>,
}

impl Source for Log {
    fn look(&self, span: Span, count: usize) -> Result<Vec<Uuid>> {
        let args = [span.from.into(), span.before.into(), (count as i64).into(), self.workspace.into()];
        WALK.read(&args, |row| row.need(1))
    }

    fn choose(&self, ids: Vec<Uuid>) -> Option<Result<Vec<Uuid>>> {
        let args = [
            ids.into(),
            self.workspace.into(),
            self.user.into(),
            self.action.as_deref().into(),
            self.object_type.as_deref().into(),
            self.object.into(),
        ];
        self.chooses().then(|| CHOOSE.read(&args, |row| row.need(1)))
    }

    fn chooses(&self) -> bool {
        self.user.is_some() || self.action.is_some() || self.object_type.is_some() || self.object.is_some()
    }
}
