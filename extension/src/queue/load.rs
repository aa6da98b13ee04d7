//! From the tables into memory: after a start, a crash or a promotion everything that is unfinished; later what had
//! no room, and what was far and is near now.
//!
//! While jobs are read, others are finished. So whoever reads says so first: from then on finished jobs stay in
//! memory as tombstones until the reader is done, and a job that the reader still saw unfinished does not come back.

use std::time::{Duration, Instant};

use pgrx::Uuid;
use pgrx::pg_sys;

use crate::clock;
use crate::error::{CrierError, Result};
use crate::limits::usage;
use crate::memory::{self, Memory, me};
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::queue::checkpoint;
use crate::queue::configure;
use crate::queue::held::{id_of, nap, uuid_of};
use crate::queue::stored::{self, Added, Chunk};
use crate::transaction::{self, Loading};

const LOAD_SCHEDULED: Statement = statement!(up "queue/load_scheduled");

/// Jobs that are due later than this are not kept in memory.
pub(crate) const HORIZON: i64 = 60 * 60 * 1_000_000;
/// Far jobs read at once.
const PAGE: i64 = 20_000;
/// How long somebody else's reading is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// On a standby nothing may be in memory: it would be out of date when that is promoted.
pub(crate) fn require_primary() -> Result<()> {
    // SAFETY: reads the state of the server.
    if unsafe { pg_sys::RecoveryInProgress() } { Err(CrierError::Standby) } else { Ok(()) }
}

/// Sees to it that the working set has this database's jobs.
pub(crate) fn warm() -> Result<()> {
    require_primary()?;
    let started = Instant::now();
    while !memory::with(|memory| memory.set.db(memory.db).warm)? {
        if read(Read::Start)? {
            continue;
        }
        if started.elapsed() > PATIENCE {
            return Err(CrierError::Busy("the queue is still being read into memory".into()));
        }
        nap();
    }
    Ok(())
}

/// Reads what is missing in memory and could be handed out: what has become near, and what there was no room for.
/// `wanting`: the last claim got less than it asked for.
pub(crate) fn refill(wanting: bool) -> Result<()> {
    let now = clock::now().0;
    let (far, incomplete, room) = memory::with(|memory| {
        let db = memory.set.db(memory.db);
        let room = memory.set.free_nodes() > memory.set.capacity() / 2;
        (db.far, db.cursor != u128::MAX && db.loader == 0, room || (wanting && memory.set.has_room(false)))
    })?;
    if far.saturating_sub(HORIZON / 2) < now {
        near(now.saturating_add(HORIZON))?;
    }
    if incomplete && room {
        read(Read::Chunk)?;
    }
    Ok(())
}

/// Forgets what is in memory and reads everything again, also the days that are dealt with; the number of unfinished jobs that are in memory then.
pub(crate) fn reload() -> Result<i64> {
    require_primary()?;
    checkpoint::forget()?;
    let started = Instant::now();
    while !read(Read::Again)? {
        if started.elapsed() > PATIENCE {
            return Err(CrierError::Busy("the queue is being read into memory all the time".into()));
        }
        nap();
    }
    let counts = memory::with(|memory| memory.set.counts(memory.db))?;
    Ok(i64::from(counts.waiting) + i64::from(counts.due) + i64::from(counts.leased))
}

/// Why unfinished jobs are read.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Read {
    /// Nothing has been read since the server started, or not to the end.
    Start,
    /// There is room for more.
    Chunk,
    /// Everything is to be forgotten and read anew.
    Again,
}

/// Reads unfinished jobs from where the tables have more than memory. False: somebody else does.
fn read(why: Read) -> Result<bool> {
    transaction::register()?;
    let Some((mut from, load)) = memory::with(|memory| begin(memory, why))? else { return Ok(false) };
    if why != Read::Chunk {
        // Before any job is there: each goes through the gates that the rules give it.
        configure::anew()?;
        usage::load()?;
        // Leases come first, wherever their jobs are: nothing that a worker may still hold is handed out.
        let now = clock::now().0;
        let from =
            if why == Read::Again { checkpoint::oldest_claim(now) } else { checkpoint::claims_from(now)? };
        let claims = stored::claims(from, now)?;
        let leased: Vec<Uuid> = claims.keys().map(|id| uuid_of(*id)).collect();
        for job in stored::committed(&leased)? {
            memory::with(|memory| job.add(memory, claims.get(&job.id)))?;
        }
    }
    let far = memory::with(|memory| memory.set.db(memory.db).far)?;
    let noted = if why == Read::Again { vec![] } else { checkpoint::noted_days(from)? };
    let mut later = u128::MAX;
    let next = loop {
        let Chunk { jobs, next } = Chunk::read(from, far, &noted)?;
        let stopped = memory::with(|memory| {
            for job in &jobs {
                if !memory.set.has_room(false) {
                    return Some(job.id);
                }
                match job.add(memory, None) {
                    Added::There => {}
                    Added::Later => later = later.min(job.id),
                    // There is room for jobs, but not for what this one needs beside it: those behind it don't wait.
                    Added::NoRoom => later = later.min(job.id),
                }
            }
            None
        })?;
        match (stopped, next) {
            (Some(id), _) => break id,
            (None, Some(next)) => from = next,
            (None, None) => break u128::MAX,
        }
        transaction::set_loading(Some(Loading::From(from.min(later), load)));
        if why == Read::Chunk && !jobs.is_empty() {
            break from;
        }
        pgrx::check_for_interrupts!();
    };
    memory::with(|memory| {
        let entry = memory.set.db_mut(memory.db);
        entry.cursor = entry.cursor.min(next).min(later);
        entry.loader = 0;
        entry.warm = true;
        entry.armed |= why != Read::Chunk;
        memory.set.end_load(memory.db, load);
    })?;
    transaction::set_loading(None);
    Ok(true)
}

/// Makes this session the one who reads; from where on, and the number of its reading.
fn begin(memory: &mut Memory<'_>, why: Read) -> Option<(u128, u32)> {
    let db = memory.db;
    let entry = *memory.set.db(db);
    let wanted = match why {
        Read::Start => !entry.warm,
        Read::Chunk => entry.warm && entry.cursor != u128::MAX,
        // what others are about to add would be added to what was forgotten
        Read::Again => !memory.set.is_loading(db),
    };
    if entry.loader != 0 || !wanted {
        return None;
    }
    let load = memory.set.begin_load(db)?;
    if why == Read::Again {
        memory.set.forget(db);
    }
    let entry = memory.set.db_mut(db);
    // Whatever is committed from now on and not put into memory lowers it again.
    let from = std::mem::replace(&mut entry.cursor, u128::MAX);
    let from = if why == Read::Again { 0 } else { from };
    if from == 0 {
        // Said before anything is read: what is committed from now on for a time up to here stays in memory.
        entry.far = clock::now().0.saturating_add(HORIZON);
    }
    entry.warm &= why == Read::Chunk;
    entry.loader = me();
    transaction::set_loading(Some(Loading::From(from, load)));
    Some((from, load))
}

/// Reads the jobs that fall due up to a time: a page of them at a time.
fn near(to: i64) -> Result<()> {
    transaction::register()?;
    let begun = memory::with(|memory| {
        let entry = *memory.set.db(memory.db);
        if entry.loader != 0 || entry.far >= to {
            return None;
        }
        let load = memory.set.begin_load(memory.db)?;
        let entry = memory.set.db_mut(memory.db);
        entry.loader = me();
        // Said before anything is read: what is committed from now on for a time up to here stays in memory.
        let from = std::mem::replace(&mut entry.far, to);
        transaction::set_loading(Some(Loading::Near(from, load)));
        Some((from, load))
    })?;
    let Some((from, load)) = begun else { return Ok(()) };
    let page = |to: i64, limit: Option<i64>| {
        LOAD_SCHEDULED.committed(&[Timestamptz(from).into(), Timestamptz(to).into(), limit.into()], |row| {
            Ok((row.need::<Uuid>(1)?, row.need::<Timestamptz>(2)?.0))
        })
    };
    let mut ids = page(to, Some(PAGE))?;
    let mut reached = to;
    if ids.len() as i64 == PAGE
        && let (Some((_, first)), Some((_, last))) = (ids.first().copied(), ids.last().copied())
    {
        // the next page goes on before the last instant, of which there may be more
        reached = if first < last { last - 1 } else { last };
        if first == last {
            ids = page(last, None)?;
        }
    }
    let ids: Vec<Uuid> = ids.into_iter().map(|(id, _)| id).collect();
    let jobs = stored::committed(&ids)?;
    memory::with(|memory| {
        let mut missing = u128::MAX;
        for job in jobs.iter().filter(|job| job.run_at <= reached) {
            if !memory.set.has_room(false) || job.add(memory, None) != Added::There {
                missing = missing.min(job.id);
            }
        }
        let entry = memory.set.db_mut(memory.db);
        entry.cursor = entry.cursor.min(missing);
        entry.far = reached;
        entry.loader = 0;
        memory.set.end_load(memory.db, load);
    })?;
    transaction::set_loading(None);
    Ok(())
}

/// Has the unfinished ones among these jobs in memory, also those that are far or had no room.
pub(crate) fn bring_in(ids: &[Uuid]) -> Result<()> {
    transaction::register()?;
    let missing = |memory: &Memory<'_>| -> Vec<Uuid> {
        ids.iter().copied().filter(|id| memory.set.find(memory.db, id_of(*id)).is_none()).collect()
    };
    let begun = memory::with(|memory| {
        let missing = missing(memory);
        if missing.is_empty() {
            return Some((missing, 0));
        }
        let load = memory.set.begin_load(memory.db)?;
        transaction::set_loading(Some(Loading::Some(load)));
        Some((missing, load))
    })?;
    let busy = |what: &str| CrierError::Busy(what.into());
    let (missing, load) = begun.ok_or_else(|| busy("too many sessions read jobs into memory"))?;
    if missing.is_empty() {
        return Ok(());
    }
    let jobs = stored::committed(&missing)?;
    let added = memory::with(|memory| {
        let added = jobs.iter().all(|job| job.add(memory, None) == Added::There);
        memory.set.end_load(memory.db, load);
        added
    })?;
    transaction::set_loading(None);
    if added { Ok(()) } else { Err(busy("the queue's memory is full")) }
}

/// Puts jobs into memory that this transaction has given another life: others see them once it is committed.
pub(crate) fn add_own(ids: &[Uuid]) -> Result<()> {
    transaction::register()?;
    let jobs = stored::own(ids)?;
    memory::with(|memory| {
        for job in &jobs {
            transaction::add(memory, &job.new_job(None));
        }
    })
}
