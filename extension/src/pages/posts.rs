//! `crier.list_posts`.

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

const WALKS: Walks = Walks::new(statement!(up "pages/posts_all"), statement!(up "pages/posts_of_workspaces"));
const CHOOSE: Statement = statement!(up "pages/posts_choose").planned_once();
pub(super) const ITEMS: Statement = statement!(up "pages/posts_items").planned_once();

const STATES: [&str; 10] = [
    "draft",
    "in_review",
    "approved",
    "scheduled",
    "publishing",
    "published",
    "partly_published",
    "unconfirmed",
    "failed",
    "canceled",
];
const STATES_HINT: &str = "Use draft, in_review, approved, scheduled, publishing, published, partly_published, unconfirmed, failed or canceled.";

/// Posts the caller may see, the newest first.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn list_posts(
    p_cursor: default!(Option<&str>, "NULL"),
    p_limit: default!(Option<i32>, "50"),
    p_workspace_id: default!(Option<Uuid>, "NULL"),
    p_status: default!(Option<&str>, "NULL"),
    p_since: default!(Option<Timestamptz>, "NULL"),
    p_until: default!(Option<Timestamptz>, "NULL"),
) -> Result<
    TableIterator<'static, (name!(items, Jsonb), name!(next_cursor, Option<String>), name!(has_more, bool))>,
    ErrorReport,
> {
    let limit = input::limit(p_limit)?;
    let caller = Caller::current()?;
    let posts = Posts {
        status: input::one_of(p_status, "p_status", &STATES, STATES_HINT)?,
        ..Posts::of(caller, p_workspace_id)?
    };
    let filters =
        Filters::of(caller).id("workspace", p_workspace_id).text("status", p_status).times(p_since, p_until);
    let under = Under::new(Listing::Posts, &filters);
    let span = under.span(p_cursor, p_since, p_until)?;
    Ok(under.page(walk::page(&posts, span, limit)?, ITEMS)?)
}

/// Posts under filters.
pub(super) struct Posts {
    workspaces: Option<Vec<Uuid>>,
    status: Option<&'static str>,
}

impl Posts {
    pub(super) fn of(caller: Caller, workspace: Option<Uuid>) -> Result<Self> {
        Ok(Self { workspaces: input::workspaces(caller, workspace)?, status: None })
    }
}

impl Source for Posts {
    fn look(&self, span: Span, count: usize) -> Result<Vec<Uuid>> {
        WALKS.look(self.workspaces.as_ref(), span, count)
    }

    fn choose(&self, ids: Vec<Uuid>) -> Option<Result<Vec<Uuid>>> {
        let args = [ids.into(), self.status.into()];
        self.chooses().then(|| CHOOSE.read(&args, |row| row.need(1)))
    }

    fn chooses(&self) -> bool {
        self.status.is_some()
    }
}
