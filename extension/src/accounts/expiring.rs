//! `crier.refresh_expiring_tokens`: which tokens are to be renewed ahead of need.

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
const MAX_LIMIT: i32 = 1_000;
/// How many times more is looked at where much of what is due can't be renewed now.
const MAX_LOOKS: usize = 20;

/// Gives credentials whose tokens end soon, to be renewed under `begin_refresh`: those due longest first, of all platforms or of
/// one. What was given is given to nobody else for five minutes, so that two who ask at once get different ones. Not those that
/// are being renewed, need a new login, are paused, or failed just now.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn refresh_expiring_tokens(
    p_limit: default!(Option<i32>, "100"),
    p_platform: default!(Option<&str>, "NULL"),
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
    if !installation::may_hand_out()? {
        return Ok(TableIterator::new(Vec::new()));
    }
    // a crash that forgets what was given has it given again
    durable::relax_commit();
    let mut given = Vec::new();
    for _ in 0..MAX_LOOKS {
        let wanted = i64::from(limit) - given.len() as i64;
        let looked_at = look(&platforms, wanted)?;
        let all = (looked_at.len() as i64) < wanted;
        given.extend(looked_at.into_iter().flatten());
        if all || given.len() as i64 >= i64::from(limit) {
            break;
        }
    }
    Ok(TableIterator::new(given))
}

type Given = (Uuid, Uuid, String, String, String, String, i64, Option<Timestamptz>);

/// Looks at so many of those that are due: `None` is one that can't be renewed now.
fn look(platforms: &[String], limit: i64) -> Result<Vec<Option<Given>>> {
    let now = clock::now();
    let args = [platforms.to_vec().into(), now.into(), limit.into(), now.plus(refresh::HOLD).into()];
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
        )))
    })
}
