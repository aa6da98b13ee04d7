//! `crier.breakers`: circuit breakers that are not closed.

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::clock;
use crate::error::Result;
use crate::memory;
use crate::passed::Timestamptz;
use crate::queue::held::some_uuid;
use crate::queue::load;

/// Looked at under the lock at once.
const AT_ONCE: u32 = 10_000;

/// Circuit breakers that are not closed: of accounts and of servers. State `open`: nothing is handed out before
/// `open_until`; `half_open`: one job may try, and what becomes of it closes the breaker or opens it for longer.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn breakers() -> Result<
    TableIterator<
        'static,
        (
            name!(platform, String),
            name!(host, Option<String>),
            name!(account_id, Option<Uuid>),
            name!(state, &'static str),
            name!(open_until, Timestamptz),
            name!(trips, i32),
        ),
    >,
    ErrorReport,
> {
    load::warm()?;
    let now = clock::now().0;
    let (mut rows, mut from) = (Vec::new(), Some(0));
    while let Some(at) = from {
        let (tripped, next) = memory::with(|memory| memory.set.tripped(memory.db, at, AT_ONCE))?;
        rows.extend(tripped.into_iter().map(|breaker| {
            let state = if breaker.open_until > now { "open" } else { "half_open" };
            let host = Some(breaker.host).filter(|host| !host.is_empty());
            let trips = i32::try_from(breaker.trips).unwrap_or(i32::MAX);
            (
                breaker.platform,
                host,
                some_uuid(breaker.account),
                state,
                Timestamptz(breaker.open_until),
                trips,
            )
        }));
        from = next;
    }
    Ok(TableIterator::new(rows))
}
