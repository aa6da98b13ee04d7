//! `crier.list_posts`.

use crier_core::cursor::Listing;
use crier_core::target::POST_STATES;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use super::input;
use super::listing::{Filters, Under};
use super::search;
use super::span::Span;
use super::walk::{self, Source, Walks};
use crate::answer::TableIterator;
use crate::error::Result;
use crate::identity::Caller;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};

const WALKS: Walks = Walks::new(statement!(up "pages/posts_all"), statement!(up "pages/posts_of_workspaces"));
const OF_ACCOUNT: Statement = statement!(up "pages/posts_of_account").planned_once();
const OF_TAG: Statement = statement!(up "pages/posts_of_tag").planned_once();
const CHOOSE: Statement = statement!(up "pages/posts_choose").planned_once();
pub(super) const ITEMS: Statement = statement!(up "pages/posts_items").planned_once();

const STATES_HINT: &str = "Use draft, in_review, approved, scheduled, publishing, published, partly_published, unconfirmed, failed or canceled.";
/// The most characters of a tag.
const MAX_TAG: usize = 100;

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
    p_account_id: default!(Option<Uuid>, "NULL"),
    p_tag: default!(Option<&str>, "NULL"),
    p_search: default!(Option<&str>, "NULL"),
) -> Result<
    TableIterator<'static, (name!(items, Jsonb), name!(next_cursor, Option<String>), name!(has_more, bool))>,
    ErrorReport,
> {
    let limit = input::limit(p_limit)?;
    let caller = Caller::current()?;
    let asked = Asked { status: p_status, account: p_account_id, tag: p_tag, words: p_search };
    let posts = Posts::asked(caller, p_workspace_id, asked)?;
    let filters = Filters::of(caller)
        .id("workspace", p_workspace_id)
        .text("status", p_status)
        .id("account", p_account_id)
        .text("tag", p_tag)
        .text("search", p_search)
        .times(p_since, p_until);
    let under = Under::new(Listing::Posts, &filters);
    let span = under.span(p_cursor, p_since, p_until)?;
    Ok(under.page(walk::page(&posts, span, limit)?, ITEMS)?)
}

/// Filters as they were given.
pub(super) struct Asked<'a> {
    pub(super) status: Option<&'a str>,
    pub(super) account: Option<Uuid>,
    pub(super) tag: Option<&'a str>,
    pub(super) words: Option<&'a str>,
}

/// Posts under filters.
pub(super) struct Posts {
    workspaces: Option<Vec<Uuid>>,
    status: Option<&'static str>,
    account: Option<Uuid>,
    tag: Option<String>,
    words: Option<String>,
}

/// A post that passed, and its time.
pub(super) struct Chosen {
    pub(super) id: Uuid,
    pub(super) scheduled_at: Option<Timestamptz>,
}

impl Posts {
    pub(super) fn of(caller: Caller, workspace: Option<Uuid>) -> Result<Self> {
        let workspaces = input::workspaces(caller, workspace)?;
        Ok(Self { workspaces, status: None, account: None, tag: None, words: None })
    }

    pub(super) fn asked(caller: Caller, workspace: Option<Uuid>, asked: Asked<'_>) -> Result<Self> {
        let words = input::search(asked.words)?;
        search::check_words(words.as_deref())?;
        let tag = asked.tag.map(|tag| crate::input::text(Some(tag), "p_tag", MAX_TAG)).transpose()?;
        let status = input::one_of(asked.status, "p_status", &POST_STATES, STATES_HINT)?;
        Ok(Self { status, account: asked.account, tag, words, ..Self::of(caller, workspace)? })
    }

    /// Those of these that pass the filters, in the same order.
    pub(super) fn pass(&self, ids: Vec<Uuid>) -> Result<Vec<Chosen>> {
        let args = [
            ids.into(),
            self.status.into(),
            self.account.into(),
            self.tag.as_deref().into(),
            self.words.as_deref().into(),
        ];
        CHOOSE.read(&args, |row| Ok(Chosen { id: row.need(1)?, scheduled_at: row.get(2)? }))
    }
}

impl Source for Posts {
    /// Along the index of what is rarest; what else is asked for, and whether a post was deleted, is looked at afterwards.
    fn look(&self, span: Span, count: usize) -> Result<Vec<Uuid>> {
        let (from, before, count_of) = (span.from.into(), span.before.into(), (count as i64).into());
        match (self.account, self.tag.as_deref(), self.workspaces.as_ref()) {
            (Some(account), ..) => {
                let args = [from, before, count_of, account.into(), self.workspaces.clone().into()];
                OF_ACCOUNT.read(&args, |row| row.need(1))
            }
            (None, Some(tag), Some(workspaces)) => {
                let args = [from, before, count_of, workspaces.clone().into(), tag.into()];
                OF_TAG.read(&args, |row| row.need(1))
            }
            _ => WALKS.look(self.workspaces.as_ref(), span, count),
        }
    }

    fn choose(&self, ids: Vec<Uuid>) -> Option<Result<Vec<Uuid>>> {
        self.chooses().then(|| Ok(self.pass(ids)?.into_iter().map(|post| post.id).collect()))
    }

    fn chooses(&self) -> bool {
        self.status.is_some() || self.account.is_some() || self.tag.is_some() || self.words.is_some()
    }
}
