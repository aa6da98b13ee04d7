//! `crier.get_posts`: the posts of a workspace with their number, in either order, near the front of the list.

use std::cmp::Ordering;

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use super::input;
use super::posts::{Asked, Chosen, Posts};
use super::span::Span;
use super::walk::Source;
use crate::answer::TableIterator;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input::required;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};

const PAGE: Statement = statement!(up "pages/posts_page").planned_once();

const MAX_OFFSET: usize = 1_000;
/// The newest posts that are counted and ordered.
const MAX_COUNTED: usize = 10_000;

/// Posts of a workspace, page by page. `total_count` is the number of those that pass the filters among the newest 10,000: of the
/// workspace, of the account, or with the tag, where one is named; `total_is_exact` says that there are no older ones.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn get_posts(
    p_workspace_id: Option<Uuid>,
    p_page: default!(Option<i32>, "1"),
    p_limit: default!(Option<i32>, "50"),
    p_status: default!(Option<&str>, "NULL"),
    p_account_id: default!(Option<Uuid>, "NULL"),
    p_tag: default!(Option<&str>, "NULL"),
    p_search: default!(Option<&str>, "NULL"),
    p_since: default!(Option<Timestamptz>, "NULL"),
    p_until: default!(Option<Timestamptz>, "NULL"),
    p_order_by: default!(Option<&str>, "'created_at'"),
    p_order_dir: default!(Option<&str>, "'desc'"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(id, Uuid),
            name!(workspace_id, Uuid),
            name!(author_id, Option<Uuid>),
            name!(state, String),
            name!(content, String),
            name!(media, Jsonb),
            name!(accounts, Vec<Uuid>),
            name!(tags, Vec<String>),
            name!(priority, i32),
            name!(scheduled_at, Option<Timestamptz>),
            name!(created_at, Timestamptz),
            name!(updated_at, Option<Timestamptz>),
            name!(targets, i32),
            name!(published, i32),
            name!(failed, i32),
            name!(unconfirmed, i32),
            name!(urls, Vec<String>),
            name!(total_count, i64),
            name!(total_is_exact, bool),
        ),
    >,
    ErrorReport,
> {
    let workspace = required(p_workspace_id, "p_workspace_id")?;
    let limit = input::limit(p_limit)?;
    let offset = offset(p_page, limit)?;
    let order = Order::of(p_order_by, p_order_dir)?;
    let asked = Asked { status: p_status, account: p_account_id, tag: p_tag, words: p_search };
    let posts = Posts::asked(Caller::current()?, Some(workspace), asked)?;
    let newest = posts.look(Span::of_times(p_since, p_until)?, MAX_COUNTED + 1)?;
    let exact = newest.len() <= MAX_COUNTED;
    let counted: Vec<Uuid> = newest.into_iter().take(MAX_COUNTED).collect();
    let chosen = order.sort(posts.pass(counted)?);
    let total = chosen.len() as i64;
    let ids: Vec<Uuid> = chosen.into_iter().map(|post| post.id).skip(offset).take(limit).collect();
    let rows = PAGE.read(&[ids.into()], |row| {
        Ok((
            row.need(1)?,
            row.need(2)?,
            row.get(3)?,
            row.need(4)?,
            row.need(5)?,
            row.need(6)?,
            row.need(7)?,
            row.need(8)?,
            row.need(9)?,
            row.get(10)?,
            row.need(11)?,
            row.get(12)?,
            row.need(13)?,
            row.need(14)?,
            row.need(15)?,
            row.need(16)?,
            row.need(17)?,
            total,
            exact,
        ))
    })?;
    Ok(TableIterator::new(rows))
}

/// How many posts lie before a page.
fn offset(page: Option<i32>, limit: usize) -> Result<usize> {
    let page = required(page, "p_page")?;
    let before = usize::try_from(page).ok().and_then(|page| page.checked_sub(1));
    let before = before
        .ok_or_else(|| CrierError::invalid("p_page", format!("is {page}"), "The first page is 1."))?
        .saturating_mul(limit);
    if before > MAX_OFFSET {
        return Err(CrierError::invalid(
            "p_page",
            format!("is {page}, behind the first {MAX_OFFSET} posts"),
            "crier.list_posts goes on from any place with its next_cursor.",
        ));
    }
    Ok(before)
}

struct Order {
    by_time: bool,
    descending: bool,
}

impl Order {
    fn of(by: Option<&str>, direction: Option<&str>) -> Result<Self> {
        const COLUMNS: [&str; 2] = ["scheduled_at", "created_at"];
        let by = required(by, "p_order_by")?;
        let by = input::one_of(Some(by), "p_order_by", &COLUMNS, "Use scheduled_at or created_at.")?;
        let direction = required(direction, "p_order_dir")?.to_ascii_lowercase();
        let direction = input::one_of(Some(&direction), "p_order_dir", &["asc", "desc"], "Use asc or desc.")?;
        Ok(Self { by_time: by == Some("scheduled_at"), descending: direction == Some("desc") })
    }

    /// The ids sort by the time at which the posts were made. What has no time yet counts as the latest.
    fn sort(&self, mut posts: Vec<Chosen>) -> Vec<Chosen> {
        let time = |post: &Chosen| post.scheduled_at.unwrap_or(Timestamptz(i64::MAX));
        posts.sort_unstable_by(|one, two| {
            let times = if self.by_time { time(one).cmp(&time(two)) } else { Ordering::Equal };
            let order = times.then_with(|| one.id.as_bytes().cmp(two.id.as_bytes()));
            if self.descending { order.reverse() } else { order }
        });
        posts
    }
}
