//! `crier.refresh_expiring_tokens` and `crier.hand_back_refreshes`: which tokens are to be renewed ahead of need.

use crier_core::{platform, refresh};
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::clock;
use crate::durable;
use crate::error::{CrierError, Result, find_platform};
use crate::input;
use crate::installation;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};

const EXPIRING: Statement = statement!(up "accounts/expiring").planned_once();
const HAND_BACK: Statement = statement!(up "accounts/hand_back_refreshes");
const MAX_LIMIT: i32 = 1_000;
/// How much more is looked at each time where much of what is due can't be renewed now.
const GROWTH: i64 = 4;
/// How many times.
const MAX_LOOKS: usize = 20;

/// Gives credentials whose tokens end soon, to be renewed under `begin_refresh`: those due longest first, of all platforms or of
/// one. What was given is given to nobody else for five minutes (`held_until`), so that two who ask at once get different ones. Not
/// those that are being renewed, need a new login, are paused, or failed just now; nor those of the servers `p_resting`, which come
/// again once it is `p_until`.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn refresh_expiring_tokens(
    p_limit: default!(Option<i32>, "100"),
    p_platform: default!(Option<&str>, "NULL"),
    p_resting: default!(Option<Vec<Option<String>>>, "NULL"),
    p_until: default!(Option<Vec<Option<Timestamptz>>>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(workspace_id, Uuid),
            name!(account_id, Uuid),
            name!(platform, String),
            name!(external_id, String),
            name!(handle, String),
            name!(base_url, String),
            name!(generation, i64),
            name!(expires_at, Option<Timestamptz>),
            name!(held_until, Timestamptz),
        ),
    >,
    ErrorReport,
> {
    let limit = input::required(p_limit, "p_limit")?;
    if !(1..=MAX_LIMIT).contains(&limit) {
        let hint = "Give a number from 1 to 1000.";
        return Err(CrierError::invalid("p_limit", format!("is {limit}"), hint).into());
    }
    let platforms: Vec<String> = match p_platform {
        Some(name) => vec![find_platform(name)?.name.to_owned()],
        None => platform::ALL.iter().map(|platform| platform.name.to_owned()).collect(),
    };
    let resting = resting(p_resting, p_until)?;
    if !installation::may_hand_out()? {
        return Ok(TableIterator::new(Vec::new()));
    }
    // a crash that forgets what was given has it given again
    durable::relax_commit();
    let (mut given, mut size) = (Vec::new(), i64::from(limit));
    for _ in 0..MAX_LOOKS {
        let wanted = i64::from(limit) - given.len() as i64;
        let looked_at = look(&platforms, size, wanted, &resting)?;
        let all = (looked_at.len() as i64) < size;
        size = (size * GROWTH).min(i64::from(MAX_LIMIT));
        given.extend(looked_at.into_iter().flatten());
        if all || given.len() as i64 >= i64::from(limit) {
            break;
        }
    }
    Ok(TableIterator::new(given))
}

/// Says that credentials that were given are not renewed now, and when each is due again; gives how many. Not those that somebody has
/// renewed, is renewing, or was given since.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn hand_back_refreshes(
    p_account_ids: Option<Vec<Option<Uuid>>>,
    p_generations: Option<Vec<Option<i64>>>,
    p_held_until: Option<Vec<Option<Timestamptz>>>,
    p_until: Option<Vec<Option<Timestamptz>>>,
) -> Result<i64, ErrorReport> {
    let accounts = input::elements(p_account_ids, "p_account_ids")?;
    let generations = input::elements(p_generations, "p_generations")?;
    let held_until = times(p_held_until, "p_held_until")?;
    let until = times(p_until, "p_until")?;
    let ids = ("p_account_ids", accounts.len());
    input::same_length(ids, ("p_generations", generations.len()))?;
    input::same_length(ids, ("p_held_until", held_until.len()))?;
    input::same_length(ids, ("p_until", until.len()))?;
    durable::relax_commit();
    let args = [accounts.into(), generations.into(), held_until.into(), until.into()];
    Ok(HAND_BACK.write(&args, |_| Ok(()))?.len() as i64)
}

/// Servers that are left alone, and until when.
type Resting = (Vec<String>, Vec<Timestamptz>);

fn resting(servers: Option<Vec<Option<String>>>, until: Option<Vec<Option<Timestamptz>>>) -> Result<Resting> {
    let servers = input::filter(servers, "p_resting")?.unwrap_or_default();
    let until = until.map(|until| times(Some(until), "p_until")).transpose()?.unwrap_or_default();
    input::same_length(("p_resting", servers.len()), ("p_until", until.len()))?;
    Ok((servers, until))
}

fn times(times: Option<Vec<Option<Timestamptz>>>, name: &'static str) -> Result<Vec<Timestamptz>> {
    let now = clock::now();
    input::elements(times, name)?.into_iter().map(|at| at.plausible(name, now)).collect()
}

type Given = (Uuid, Uuid, String, String, String, String, i64, Option<Timestamptz>, Timestamptz);

/// Looks at so many of those that are due, and gives what is wanted of them: `None` is one that can't be renewed now.
fn look(
    platforms: &[String],
    size: i64,
    wanted: i64,
    (servers, until): &Resting,
) -> Result<Vec<Option<Given>>> {
    let now = clock::now();
    let args = [
        platforms.to_vec().into(),
        now.into(),
        size.into(),
        now.plus(refresh::HOLD).into(),
        servers.clone().into(),
        until.clone().into(),
        wanted.into(),
    ];
    EXPIRING.write(&args, |row| {
        if !row.need::<bool>(1)? {
            return Ok(None);
        }
        Ok(Some((
            row.need(2)?,
            row.need(3)?,
            row.need(4)?,
            row.need(5)?,
            row.need(6)?,
            row.need(7)?,
            row.need(8)?,
            row.get(9)?,
            row.need(10)?,
        )))
    })
}
