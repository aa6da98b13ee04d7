//! `crier.list_events`.

use crier_core::cursor::Listing;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use super::input;
use super::listing::{Filters, Under};
use super::span::Span;
use super::walk::{self, Source, Walks};
use crate::answer::TableIterator;
use crate::error::Result;
use crate::identity::Caller;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};

const WALKS: Walks =
    Walks::new(statement!(up "pages/events_all"), statement!(up "pages/events_of_workspaces"));
const CHOOSE: Statement = statement!(up "pages/events_choose").planned_once();
pub(super) const ITEMS: Statement = statement!(up "pages/events_items").planned_once();

/// Events the caller may see, the newest first.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn list_events(
    p_cursor: default!(Option<&str>, "NULL"),
    p_limit: default!(Option<i32>, "50"),
    p_workspace_id: default!(Option<Uuid>, "NULL"),
    p_kind: default!(Option<&str>, "NULL"),
    p_post_id: default!(Option<Uuid>, "NULL"),
    p_account_id: default!(Option<Uuid>, "NULL"),
    p_since: default!(Option<Timestamptz>, "NULL"),
    p_until: default!(Option<Timestamptz>, "NULL"),
) -> Result<
    TableIterator<'static, (name!(items, Jsonb), name!(next_cursor, Option<String>), name!(has_more, bool))>,
    ErrorReport,
> {
    let limit = input::limit(p_limit)?;
    let caller = Caller::current()?;
    let events = Events {
        kind: p_kind.map(str::to_owned),
        post: p_post_id,
        account: p_account_id,
        ..Events::of(caller, p_workspace_id)?
    };
    let filters = Filters::of(caller)
        .id("workspace", p_workspace_id)
        .text("kind", p_kind)
        .id("post", p_post_id)
        .id("account", p_account_id)
        .times(p_since, p_until);
    let under = Under::new(Listing::Events, &filters);
    let span = under.span(p_cursor, p_since, p_until)?;
    Ok(under.page(walk::page(&events, span, limit)?, ITEMS)?)
}

/// Events under filters.
pub(super) struct Events {
    workspaces: Option<Vec<Uuid>>,
    kind: Option<String>,
    post: Option<Uuid>,
    account: Option<Uuid>,
}

impl Events {
    pub(super) fn of(caller: Caller, workspace: Option<Uuid>) -> Result<Self> {
        let workspaces = input::workspaces(caller, workspace)?;
        Ok(Self { workspaces, kind: None, post: None, account: None })
    }
}

impl Source for Events {
    fn look(&self, span: Span, count: usize) -> Result<Vec<Uuid>> {
        WALKS.look(self.workspaces.as_ref(), span, count)
    }

    fn choose(&self, ids: Vec<Uuid>) -> Option<Result<Vec<Uuid>>> {
        let args = [ids.into(), self.kind.as_deref().into(), self.post.into(), self.account.into()];
        self.chooses().then(|| CHOOSE.read(&args, |row| row.need(1)))
    }

    fn chooses(&self) -> bool {
        self.kind.is_some() || self.post.is_some() || self.account.is_some()
    }
}
