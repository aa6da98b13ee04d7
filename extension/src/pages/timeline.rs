//! `crier.post_timeline`: what happened to a post.

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use super::input;
use crate::answer::TableIterator;
use crate::error::CrierError;
use crate::identity::Caller;
use crate::input::required;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};

const TIMELINE: Statement = statement!(up "pages/post_timeline");

/// What happened to a post, the first things first: that it was made, the events that name it, what was sent and published for
/// each account, and what was done with it there. `user_id`: who did it, where that was a person.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn post_timeline(
    p_post_id: Option<Uuid>,
    p_limit: default!(Option<i32>, "200"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(at, Timestamptz),
            name!(kind, String),
            name!(account_id, Option<Uuid>),
            name!(target_id, Option<Uuid>),
            name!(user_id, Option<Uuid>),
            name!(details, Jsonb),
        ),
    >,
    ErrorReport,
> {
    let id = required(p_post_id, "p_post_id")?;
    let limit = input::limit(p_limit)?;
    let scope = Caller::current()?.readable()?;
    let rows = TIMELINE.read(&[id.into(), scope.into(), (limit as i64).into()], |row| {
        Ok((row.need(1)?, row.need(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.need(6)?))
    })?;
    // that it was made is always there
    if rows.is_empty() {
        return Err(CrierError::NotFound { what: "post", id }.into());
    }
    Ok(TableIterator::new(rows))
}
