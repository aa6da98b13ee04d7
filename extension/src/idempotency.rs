//! Requests that are carried out once: `crier.begin_idempotent` and `crier.end_idempotent`, in one transaction with what is asked for.
//!
//! The key is written before anything is done. So of two sessions with the same key one waits for the other, a moment, and then is
//! told what that one was answered; and what was rolled back has left no key.

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::identity::current_user_id;
use crate::input;
use crate::passed::Jsonb;
use crate::plans::{Statement, statement};
use crate::queue::tenant_limits;

const BEGIN: Statement = statement!("idempotency/begin").planned_once();
const FIND: Statement = statement!("idempotency/find").planned_once();
const COUNT: Statement = statement!("idempotency/count").planned_once();
const FINISH: Statement = statement!("idempotency/finish").planned_once();

const MAX_KEY: usize = 255;
const HASH: usize = 32;
/// Of an answer that is kept.
const MAX_ANSWER: i32 = 16 * 1024;

/// Begins a request of the user who calls under a key of theirs. `p_request`: the SHA-256 of what is asked for. `new`: it is to be
/// done now; `done`: it was, with what `rows` has, or null where that is not kept; `other`: the key stands for another request.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn begin_idempotent(
    p_key: Option<&str>,
    p_request: Option<&[u8]>,
) -> Result<TableIterator<'static, (name!(state, String), name!(rows, Option<Jsonb>))>, ErrorReport> {
    let key = key_of(p_key)?;
    let request = input::required(p_request, "p_request")?;
    if request.len() != HASH {
        let problem = format!("has {} bytes", request.len());
        return Err(CrierError::invalid("p_request", problem, "Give a SHA-256.").into());
    }
    let user = required_user()?;
    let args = [user.into(), key.as_str().into(), request.into(), clock::now().into()];
    if !BEGIN.write(&args, |_| Ok(()))?.is_empty() {
        require_room(user)?;
        return Ok(TableIterator::once(("new".into(), None)));
    }
    let found = FIND.newest(&args[..3], |row| Ok((row.need::<bool>(1)?, row.get::<Jsonb>(2)?)))?;
    match found.into_iter().next() {
        Some((true, rows)) => Ok(TableIterator::once(("done".into(), rows))),
        Some((false, _)) => Ok(TableIterator::once(("other".into(), None))),
        // its time was over in this moment
        None => Err(CrierError::Busy("the key is being forgotten".into()).into()),
    }
}

/// Keeps what a request of this transaction is answered with. What is longer than 16 KiB is not kept.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn end_idempotent(p_key: Option<&str>, p_rows: Option<Jsonb>) -> Result<(), ErrorReport> {
    let key = key_of(p_key)?;
    let rows = input::required(p_rows, "p_rows")?;
    FINISH.run_only(&[required_user()?.into(), key.into(), rows.into(), MAX_ANSWER.into()])?;
    Ok(())
}

fn required_user() -> Result<Uuid> {
    current_user_id()?.ok_or_else(|| CrierError::NotAllowed("this session names no user".into()))
}

fn key_of(key: Option<&str>) -> Result<String> {
    let key = input::required(key, "p_key")?;
    let is_good = (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if is_good {
        return Ok(key.to_owned());
    }
    let hint = "Give 1 to 255 letters, digits and signs of ASCII: a random UUID, for instance.";
    Err(CrierError::invalid("p_key", "is no key", hint))
}

/// Refuses a user of whom so many are kept that others would have no room.
fn require_room(user: Uuid) -> Result<()> {
    const HINT: &str = "Send it without a key, or later: keys are kept for a day. The operator sets the bound, idempotency_keys_per_user in crier.tenant_limit.";
    let Some(max) = tenant_limits::limit("idempotency_keys_per_user")? else { return Ok(()) };
    let found = COUNT.newest(&[user.into(), max.saturating_add(1).into()], |row| row.need::<i64>(1))?;
    if found.into_iter().next().unwrap_or_default() <= max {
        return Ok(());
    }
    let problem = format!("has {max} requests with a key already");
    Err(CrierError::Limit { what: format!("user {user}"), problem, hint: HINT })
}
