//! `crier.checkpoint_queue`: notes which days of the log and which claims are dealt with, so that a start reads less.
//!
//! A day is noted with the jobs in it that are unfinished. From then on these are all that a start looks up of it, with
//! those that are *reopened*: whatever makes another job of a noted day unfinished says so in `job_reopened`, in its own
//! transaction. There are two such things, a dead job that is retried, and a job that is added later than on the day
//! its id was made. A job that was added on its day and is not committed yet keeps the day from being noted, because
//! its transaction holds a lock on the partition.
//!
//! All claims that somebody may still answer are in memory with their tokens, which are the times at which they were
//! recorded. So those before the oldest are answered.

use std::time::{Duration, Instant};

use pgrx::Uuid;
use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::clock;
use crate::error::Result;
use crate::installation;
use crate::memory;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::queue::held::{id_of, uuid_of};
use crate::queue::load;

const LOCK: Statement = statement!(up "queue/checkpoint_lock");
const DAYS_TO_NOTE: Statement = statement!(up "queue/days_to_note");
const UNFINISHED_OF_DAY: Statement = statement!(up "queue/unfinished_of_day");
const NOTE_DAY: Statement = statement!(up "queue/note_day");
const NOTED_DAYS: Statement = statement!(up "queue/noted_days");
const FORGET_DAYS: Statement = statement!(up "queue/forget_days");
const MARK_CLAIMS: Statement = statement!(up "queue/mark_claims");
const CLAIMS_MARK: Statement = statement!(up "queue/claims_mark");
const FORGET_CLAIMS_MARK: Statement = statement!(up "queue/forget_claims_mark");
const NOTE_REOPENED: Statement = statement!(up "queue/note_reopened");
const FORGET_REOPENED: Statement = statement!(up "queue/forget_reopened");

/// A day with more unfinished jobs is read as a whole.
const MAX_OPEN: usize = 10_000;
/// How long after its end a day is noted. The clock must not be put back by more, or ids would be made in a noted day.
const AGE: i64 = DAY_MS;

/// Claims younger than this are always read: between the moment a token is made and the claim there may be a pause.
const YOUNG: i64 = 60 * 60 * 1_000_000;
/// How long a call goes on to the next day.
const PATIENCE: Duration = Duration::from_secs(10);

/// Claims older than this have no lease any more: a lease is at most a day, and one that is kept up for longer is
/// written down again.
const OLDEST_CLAIM: i64 = 26 * 60 * 60 * 1_000_000;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// The clock counts from 2000 on, the time in an id from 1970 on.
const EPOCHS_APART_MS: i64 = 946_684_800_000;

/// Notes up to when claims are answered, and the days of the log that ended more than a day ago and in which hardly a
/// job is unfinished: after a crash or a restart they are not read again. Each day is read once for it; after ten
/// seconds the rest is left to the next call. Answers with the number of days it noted. A paused copy notes nothing.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn checkpoint_queue() -> Result<i32, ErrorReport> {
    load::require_primary()?;
    if !installation::may_hand_out()? {
        return Ok(0);
    }
    LOCK.run_only(&[])?;
    mark_claims()?;
    FORGET_REOPENED.run_only(&[])?;
    let now = clock::now();
    // SAFETY: set when the session starts.
    let database = unsafe { pg_sys::MyDatabaseId };
    let days = DAYS_TO_NOTE
        .committed(&[uuid_of(first_id_of(unix_ms(now) - AGE)).into(), database.into()], |row| {
            Ok((row.need::<Uuid>(1)?, row.need::<Uuid>(2)?))
        })?;
    let (started, mut noted) = (Instant::now(), 0);
    for (first, end) in days {
        if started.elapsed() > PATIENCE {
            break;
        }
        // seen by a snapshot that is younger than the look at the locks
        let args = [first.into(), end.into(), (MAX_OPEN as i64 + 1).into()];
        let open = UNFINISHED_OF_DAY.committed(&args, |row| row.need::<Uuid>(1))?;
        if open.len() <= MAX_OPEN {
            NOTE_DAY.run_only(&[first.into(), end.into(), open.into(), now.into()])?;
            noted += 1;
        }
        pgrx::check_for_interrupts!();
    }
    Ok(noted)
}

fn mark_claims() -> Result<()> {
    load::warm()?;
    let now = clock::now().0;
    // somebody may have begun to read everything anew: then the leases are not known for a moment
    let oldest = memory::with(|memory| {
        let warm = memory.set.db(memory.db).warm;
        warm.then(|| memory.set.oldest_token(memory.db).unwrap_or(now))
    })?;
    match oldest {
        Some(oldest) => MARK_CLAIMS.run_only(&[(oldest.min(now) - YOUNG).into()]),
        None => Ok(()),
    }
}

/// From when on claims may be unanswered.
pub(super) fn claims_from(now: i64) -> Result<i64> {
    let mark = CLAIMS_MARK.committed(&[], |row| row.get::<i64>(1))?.into_iter().flatten().next();
    Ok(mark.unwrap_or(i64::MIN).max(oldest_claim(now)))
}

/// From when on a claim may have a lease.
pub(super) fn oldest_claim(now: i64) -> i64 {
    now - OLDEST_CLAIM
}

/// Has the next start read everything: somebody has changed the tables by hand.
pub(crate) fn forget() -> Result<()> {
    LOCK.run_only(&[])?;
    FORGET_CLAIMS_MARK.run_only(&[])?;
    FORGET_DAYS.run_only(&[])
}

/// Says that dead jobs live again.
pub(crate) fn note_reopened(ids: &[Uuid], now: Timestamptz) -> Result<()> {
    if ids.is_empty() { Ok(()) } else { NOTE_REOPENED.run_only(&[ids.to_vec().into(), now.into()]) }
}

/// Says so of jobs that have just been added, if the day of their ids is over. To be called once they are in the table:
/// from then on the partition is locked.
pub(crate) fn note_late(ids: impl Iterator<Item = Uuid>) -> Result<()> {
    let now = clock::now();
    note_reopened(&late(ids, now), now)
}

/// Those whose day is over.
pub(crate) fn late(ids: impl Iterator<Item = Uuid>, now: Timestamptz) -> Vec<Uuid> {
    let today = id_of_day(unix_ms(now));
    ids.filter(|id| id_of(*id) < today).collect()
}

/// A day that is dealt with.
pub(super) struct Noted {
    pub(super) first: u128,
    /// The first id of the next day.
    pub(super) end: u128,
    /// The jobs of it that may be unfinished, in order.
    pub(super) open: Vec<u128>,
}

/// The noted days from that of an id on, in order.
pub(super) fn noted_days(from: u128) -> Result<Vec<Noted>> {
    NOTED_DAYS.committed(&[uuid_of(from).into()], |row| {
        let mut open: Vec<u128> = row.need::<Vec<Uuid>>(3)?.into_iter().map(id_of).collect();
        open.sort_unstable();
        open.dedup();
        Ok(Noted { first: id_of(row.need(1)?), end: id_of(row.need(2)?), open })
    })
}

fn unix_ms(at: Timestamptz) -> i64 {
    at.0.div_euclid(1_000) + EPOCHS_APART_MS
}

/// The lowest id of a millisecond: a UUIDv7 begins with 48 bits of time.
fn first_id_of(unix_ms: i64) -> u128 {
    (unix_ms.max(0).unsigned_abs() as u128) << 80
}

/// The lowest id of the day of a millisecond.
fn id_of_day(unix_ms: i64) -> u128 {
    first_id_of(unix_ms - unix_ms.rem_euclid(DAY_MS))
}
