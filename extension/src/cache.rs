//! The response cache: `crier.cache_get`, `crier.cache_set` and `crier.cache_begin`. What one user or workspace keeps, no other finds.

use crier_core::rights::{self, Role};
use pgrx::Uuid;
use pgrx::datum::Interval;
use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::answer::TableIterator;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};
use crate::queue::tenant_limits;

const GET: Statement = statement!("cache/get").planned_once();
const COUNT: Statement = statement!("cache/count").planned_once();
const SET: Statement = statement!("cache/set").planned_once();
const BEGIN: Statement = statement!("cache/begin").planned_once();
const MAKE_ROOM: Statement = statement!("cache/make_room").planned_once();

const MAX_KEY: usize = 500;
const MAX_VALUE: usize = 262_144;
const SECOND: i64 = 1_000_000;
const MAX_TTL: i64 = 30 * 24 * 60 * 60 * SECOND;
const MAX_MAKING: i64 = 60 * 60 * SECOND;
/// Rows that count hits, as the maintenance makes them: more sessions than these at once count less often.
const SHARDS: i32 = 64;

/// Whose values.
struct Space {
    scope: &'static str,
    owner: Uuid,
}

impl Space {
    /// Those of a workspace for its members, otherwise the caller's own.
    fn of(workspace: Option<Uuid>, least: Role) -> Result<Self> {
        let caller = Caller::current()?;
        match (workspace, caller) {
            (Some(workspace), _) => {
                caller.require(workspace, least)?;
                Ok(Self { scope: "workspace", owner: workspace })
            }
            (None, Caller::Trusted) => Ok(Self { scope: "service", owner: Uuid::from_bytes([0; 16]) }),
            (None, Caller::User(Some(user))) => Ok(Self { scope: "user", owner: user }),
            (None, Caller::User(None)) => Err(CrierError::NotAllowed("this session names no user".into())),
        }
    }

    fn get(&self, key: &str, now: Timestamptz) -> Result<Option<(Jsonb, bool)>> {
        let args = [self.scope.into(), self.owner.into(), key.into(), now.into()];
        let found = GET.newest(&args, |row| Ok((row.need(1)?, row.need::<bool>(2)?)))?;
        let found = found.into_iter().next();
        let (hit, stale) = found.map_or((false, false), |(_, fresh)| (fresh, !fresh));
        // SAFETY: reads the session's process id.
        let shard = unsafe { pg_sys::MyProcPid } % SHARDS;
        COUNT.run_only(&[shard.into(), hit.into(), stale.into()])?;
        Ok(found)
    }

    /// Values of tenants are bounded; those of trusted callers go with their time.
    fn make_room(&self) -> Result<()> {
        match tenant_limits::limit("cache_entries")? {
            Some(max) if self.scope != "service" => {
                MAKE_ROOM.run_only(&[self.scope.into(), self.owner.into(), max.into()])
            }
            _ => Ok(()),
        }
    }
}

fn key_of(key: Option<&str>) -> Result<String> {
    input::text(key, "key", MAX_KEY)
}

/// A time from now on.
fn after(
    span: Option<Interval>,
    name: &'static str,
    longest: i64,
    hint: &'static str,
    now: Timestamptz,
) -> Result<Timestamptz> {
    match clock::micros(&input::required(span, name)?) {
        Some(span) if (SECOND..=longest).contains(&span) => Ok(Timestamptz(now.0 + span)),
        _ => Err(CrierError::invalid(name, "is too short or too long", hint)),
    }
}

/// What is cached under a key, while it is fresh; null: nothing is. `workspace_id`: what its members share, otherwise the caller's own.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn cache_get(
    key: Option<&str>,
    workspace_id: default!(Option<Uuid>, "NULL"),
) -> Result<Option<Jsonb>, ErrorReport> {
    let key = key_of(key)?;
    let space = Space::of(workspace_id, const { rights::least("cache_get") })?;
    Ok(space.get(&key, clock::now())?.filter(|(_, fresh)| *fresh).map(|(value, _)| value))
}

/// Keeps a value under a key, for a time from a second to 30 days.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn cache_set(
    key: Option<&str>,
    value: Option<Jsonb>,
    ttl: default!(Option<Interval>, "'5 minutes'"),
    workspace_id: default!(Option<Uuid>, "NULL"),
) -> Result<(), ErrorReport> {
    let key = key_of(key)?;
    let value = input::required(value, "value")?;
    value.to_text_within("value", MAX_VALUE)?;
    let ends = after(ttl, "ttl", MAX_TTL, "Give an interval from a second to 30 days.", clock::now())?;
    let space = Space::of(workspace_id, const { rights::least("cache_set") })?;
    SET.run_only(&[space.scope.into(), space.owner.into(), key.into(), value.into(), ends.into()])?;
    Ok(space.make_room()?)
}

/// The same as `cache_get` for what takes long to make: where it is not fresh, one caller is told to `make` it and keep it with
/// `cache_set` within `patience`; the others have the value that has run out meanwhile, or null where there is none yet.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn cache_begin(
    key: Option<&str>,
    patience: default!(Option<Interval>, "'30 seconds'"),
    workspace_id: default!(Option<Uuid>, "NULL"),
) -> Result<
    TableIterator<'static, (name!(value, Option<Jsonb>), name!(fresh, bool), name!(make, bool))>,
    ErrorReport,
> {
    let key = key_of(key)?;
    let now = clock::now();
    let until = after(patience, "patience", MAX_MAKING, "Give an interval from a second to an hour.", now)?;
    let space = Space::of(workspace_id, const { rights::least("cache_begin") })?;
    let found = space.get(&key, now)?;
    if let Some((value, true)) = found {
        return Ok(TableIterator::once((Some(value), true, false)));
    }
    let args = [space.scope.into(), space.owner.into(), key.into(), now.into(), until.into()];
    let make = !BEGIN.write(&args, |_| Ok(()))?.is_empty();
    space.make_room()?;
    Ok(TableIterator::once((found.map(|(value, _)| value), false, make)))
}
