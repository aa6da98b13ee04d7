//! `crier.check_rate_limit(user, endpoint, max)`: how many requests a user may make of an API server.

use crier_working_set::Usage;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use sha2::{Digest, Sha256};

use crate::answer::TableIterator;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::input;
use crate::limits::no_room;
use crate::memory;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::queue::load;

const LIMIT: Statement = statement!(up "limits/request_limit");
const MINUTE: i64 = 60 * 1_000_000;

/// Whether a user may make one more request of a kind within a minute, and counts it if so. `p_max` null: what the table
/// `request_limit` says of the endpoint, otherwise of `general`. It counts at once, whatever becomes of the transaction, and
/// starts anew with the server.
#[pg_extern(name = "check_rate_limit", security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn check_request_limit(
    p_user_id: Option<Uuid>,
    p_endpoint: Option<&str>,
    p_max: Option<i32>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(allowed, bool),
            name!(used, i64),
            name!(max, i64),
            name!(remaining, i64),
            name!(resets_at, Option<Timestamptz>),
        ),
    >,
    ErrorReport,
> {
    let user = input::required(p_user_id, "p_user_id")?;
    let endpoint = input::text(p_endpoint, "p_endpoint", 200)?;
    let max = match p_max {
        Some(max @ ..=-1) => {
            let hint = "Give 0 or more, or null for what the table request_limit says.";
            return Err(CrierError::invalid("p_max", format!("is {max}"), hint).into());
        }
        Some(max) => max.unsigned_abs(),
        None => {
            let found = LIMIT.read(&[endpoint.as_str().into()], |row| row.need::<i32>(1))?;
            let none = || {
                let hint =
                    "Give p_max, or insert a row for the endpoint or for general into crier.request_limit.";
                CrierError::invalid("p_endpoint", format!("{endpoint:?} has no limit"), hint)
            };
            found.first().ok_or_else(none)?.unsigned_abs()
        }
    };
    load::warm()?;
    let now = clock::now().0;
    let number = number(user, &endpoint);
    let (allowed, usage) =
        memory::with(|memory| memory.set.admit(memory.db, number, MINUTE, max, now))?.map_err(no_room)?;
    let Usage { used, free_at, .. } = usage;
    let remaining = max.saturating_sub(used);
    let resets_at = (remaining == 0).then_some(Timestamptz(free_at));
    Ok(TableIterator::once((allowed, used.into(), max.into(), remaining.into(), resets_at)))
}

/// A number that no other user and endpoint have.
fn number(user: Uuid, endpoint: &str) -> u128 {
    let hash = Sha256::new().chain_update(user.as_bytes()).chain_update(endpoint).finalize();
    let mut first = [0; 16];
    first.copy_from_slice(&hash[..16]);
    u128::from_be_bytes(first)
}
