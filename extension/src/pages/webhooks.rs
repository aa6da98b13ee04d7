//! `crier.list_webhooks`.

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
    Walks::new(statement!(up "pages/webhooks_all"), statement!(up "pages/webhooks_of_workspaces"));
const CHOOSE: Statement = statement!(up "pages/webhooks_choose").planned_once();
const ITEMS: Statement = statement!(up "pages/webhooks_items").planned_once();

/// Received webhooks the caller may see, the newest first.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn list_webhooks(
    p_cursor: default!(Option<&str>, "NULL"),
    p_limit: default!(Option<i32>, "50"),
    p_workspace_id: default!(Option<Uuid>, "NULL"),
    p_platform: default!(Option<&str>, "NULL"),
    p_kind: default!(Option<&str>, "NULL"),
    p_account_id: default!(Option<Uuid>, "NULL"),
    p_processed: default!(Option<bool>, "NULL"),
    p_since: default!(Option<Timestamptz>, "NULL"),
    p_until: default!(Option<Timestamptz>, "NULL"),
) -> Result<
    TableIterator<'static, (name!(items, Jsonb), name!(next_cursor, Option<String>), name!(has_more, bool))>,
    ErrorReport,
> {
    let limit = input::limit(p_limit)?;
    let caller = Caller::current()?;
    let webhooks = Webhooks {
        workspaces: input::workspaces(caller, p_workspace_id)?,
        platform: p_platform.map(str::to_owned),
        kind: p_kind.map(str::to_owned),
        account: p_account_id,
        processed: p_processed,
    };
    let filters = Filters::of(caller)
        .id("workspace", p_workspace_id)
        .text("platform", p_platform)
        .text("kind", p_kind)
        .id("account", p_account_id)
        .text("processed", p_processed.map(|processed| if processed { "true" } else { "false" }))
        .times(p_since, p_until);
    let under = Under::new(Listing::Webhooks, &filters);
    let span: Span = under.span(p_cursor, p_since, p_until)?;
    Ok(under.page(walk::page(&webhooks, span, limit)?, ITEMS)?)
}

/// Received webhooks under filters.
struct Webhooks {
    workspaces: Option<Vec<Uuid>>,
    platform: Option<String>,
    kind: Option<String>,
    account: Option<Uuid>,
    processed: Option<bool>,
}

impl Source for Webhooks {
    fn look(&self, span: Span, count: usize) -> Result<Vec<Uuid>> {
        WALKS.look(self.workspaces.as_ref(), span, count)
    }

    fn choose(&self, ids: Vec<Uuid>) -> Option<Result<Vec<Uuid>>> {
        let args = [
            ids.into(),
            self.platform.as_deref().into(),
            self.kind.as_deref().into(),
            self.account.into(),
            self.processed.into(),
        ];
        self.chooses().then(|| CHOOSE.read(&args, |row| row.need(1)))
    }

    fn chooses(&self) -> bool {
        self.platform.is_some() || self.kind.is_some() || self.account.is_some() || self.processed.is_some()
    }
}
