//! `crier.calendar`: what is planned in a span of time.

use std::collections::HashSet;

use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input::required;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Row, Statement, statement};
use crate::schedules;

const LOOK: Statement = statement!(up "pages/calendar").planned_once();
const SLOTS: Statement = statement!(up "pages/calendar_slots").planned_once();
const SLOTS_OF_ACCOUNT: Statement = statement!(up "pages/calendar_slots_of_account").planned_once();
const ITEMS: Statement = statement!(up "pages/calendar_items").planned_once();

const HOUR: i64 = 60 * 60 * 1_000_000;
/// Three months, in any of which the clocks may be set back by an hour.
const MAX_SPAN: i64 = 92 * 24 * HOUR + HOUR;
/// The most posts that one call answers with.
const MAX_POSTS: usize = 1_000;
/// The most that it looks at for those of one account.
const MAX_LOOKED_AT: i64 = 100_000;

/// The posts of a workspace whose time lies in a span of at most 92 days, the first ones first: drafts that have a time, and posts
/// in review, beside what is planned or was published. At most 1,000 posts. One that has slots is there at the first of them in the
/// span, or at that of the account. What schedules will make is there as well: `planned`, without `post_id`. `content` is the
/// beginning of the text, `media` how many there are; each of `accounts` has its state, the time and the address of its post.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn calendar(
    p_workspace_id: Option<Uuid>,
    p_from: Option<Timestamptz>,
    p_to: Option<Timestamptz>,
    p_account_id: default!(Option<Uuid>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(due_at, Timestamptz),
            name!(post_id, Option<Uuid>),
            name!(schedule_id, Option<Uuid>),
            name!(state, String),
            name!(content, String),
            name!(accounts, Jsonb),
            name!(tags, Vec<String>),
            name!(media, i32),
        ),
    >,
    ErrorReport,
> {
    let workspace = required(p_workspace_id, "p_workspace_id")?;
    let from = finite(p_from, "p_from")?;
    let to = finite(p_to, "p_to")?;
    check_span(from, to)?;
    Caller::current()?.require(workspace, const { rights::least("calendar") })?;
    let (times, ids): (Vec<_>, Vec<_>) = look(workspace, p_account_id, from, to)?.into_iter().unzip();
    let rows = ITEMS.read(&[workspace.into(), ids.into(), times.into()], |row| {
        Ok((
            row.need::<Timestamptz>(1)?,
            Some(row.need(2)?),
            row.get(3)?,
            row.need(4)?,
            row.need(5)?,
            row.need(6)?,
            row.need(7)?,
            row.need(8)?,
        ))
    })?;
    let planned = schedules::planned(workspace, p_account_id, (from, to), MAX_POSTS)?.into_iter();
    let planned = planned.map(|next| {
        let (schedule, state) = (Some(next.schedule), "planned".to_owned());
        (next.at, None, schedule, state, next.content, next.accounts, next.tags, next.media)
    });
    let mut rows: Vec<_> = rows.into_iter().chain(planned).collect();
    rows.sort_by_key(|row| row.0);
    rows.truncate(MAX_POSTS);
    Ok(TableIterator::new(rows))
}

fn finite(at: Option<Timestamptz>, name: &'static str) -> Result<Timestamptz> {
    match required(at, name)? {
        Timestamptz(i64::MIN | i64::MAX) => {
            Err(CrierError::invalid(name, "is infinite", "Give the first and the last day you want to see."))
        }
        at => Ok(at),
    }
}

fn check_span(from: Timestamptz, to: Timestamptz) -> Result<()> {
    let span = to.0.saturating_sub(from.0).min(i64::MAX / 2);
    if span <= 0 {
        return Err(CrierError::invalid("p_to", "is not after p_from", "Give the end of the span as p_to."));
    }
    if span > MAX_SPAN {
        return Err(CrierError::invalid(
            "the span from p_from to p_to",
            format!("is {} days long, of at most 92", (span + 24 * HOUR - 1) / (24 * HOUR)),
            "Ask for three months at a time. crier.list_posts() goes through all posts.",
        ));
    }
    Ok(())
}

/// The posts of the span, each once at its first time there, or those that are for the account, at its time.
fn look(
    workspace: Uuid,
    account: Option<Uuid>,
    from: Timestamptz,
    to: Timestamptz,
) -> Result<Vec<(Timestamptz, Uuid)>> {
    let most = MAX_POSTS as i64;
    let args = [workspace.into(), from.into(), to.into(), account.into(), most.into(), MAX_LOOKED_AT.into()];
    let found = LOOK
        .read(&args, |row| Ok((row.need::<Timestamptz>(2)?, row.need::<Uuid>(1)?, row.need::<bool>(3)?)))?;
    if let Some((at, _, true)) = found.last() {
        let days = (at.0 - from.0) / (24 * HOUR);
        return Err(CrierError::invalid(
            "the span from p_from to p_to",
            format!("has {MAX_LOOKED_AT} posts of all accounts in its first {days} days"),
            "Ask for the account's posts of fewer days, or use crier.list_posts().",
        ));
    }
    let dated = |row: &Row<'_>| Ok((row.need::<Timestamptz>(2)?, row.need::<Uuid>(1)?));
    let args = [workspace.into(), from.into(), to.into(), most.into(), account.into()];
    let slots =
        if account.is_none() { SLOTS.read(&args[..4], dated) } else { SLOTS_OF_ACCOUNT.read(&args, dated) }?;
    let mut all: Vec<_> = found.into_iter().map(|(at, id, _)| (at, id)).chain(slots).collect();
    all.sort_unstable_by_key(|(at, id)| (*at, *id.as_bytes()));
    let mut seen = HashSet::new();
    all.retain(|(_, id)| seen.insert(*id));
    all.truncate(MAX_POSTS);
    Ok(all)
}
