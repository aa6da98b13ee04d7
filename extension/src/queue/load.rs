//! From the tables into memory: after a start, a crash or a promotion everything that is unfinished; later what had
//! no room, and what was far and is near now.
//!
//! While jobs are read, others are finished. So whoever reads says so first: from then on finished jobs stay in
//! memory as tombstones until the reader is done, and a job that the reader still saw unfinished does not come back.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use crier_working_set::{Full, Lease, NewJob};
use pgrx::Uuid;
use pgrx::pg_sys;

use crate::clock;
use crate::error::{CrierError, Result};
use crate::memory::{self, Memory, me};
use crate::passed::Timestamptz;
use crate::plans::{Row, Statement, statement};
use crate::queue::configure;
use crate::queue::held::{id_of, nap, uuid_of};
use crate::transaction::{self, FAR, KEYED, Loading, RETRIED};

const LOAD_FROM: Statement = statement!(up "queue/load_from");
const LOAD_RETRIES: Statement = statement!(up "queue/load_retries");
const SCHEDULED_AMONG: Statement = statement!(up "queue/scheduled_among");
const LOAD_IDS: Statement = statement!(up "queue/load_ids");
const LOAD_SCHEDULED: Statement = statement!(up "queue/load_scheduled");
const LOAD_CLAIMS: Statement = statement!(up "queue/load_claims");

/// Jobs that are due later than this are not kept in memory.
pub(crate) const HORIZON: i64 = 60 * 60 * 1_000_000;
/// Jobs read at once.
const CHUNK: i64 = 50_000;
/// Far jobs read at once.
const PAGE: i64 = 20_000;
/// After a crash a lease lasts at least this long, and as long as it was given for: heartbeats are not in the tables.
const GRACE: i64 = 10 * 1_000_000;
/// How long somebody else's reading is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// Claims older than this have no lease any more: a lease is at most a day, and one that is kept up for longer is
/// written down again.
pub(crate) const OLDEST_CLAIM: i64 = 26 * 60 * 60 * 1_000_000;

/// A job as the tables have it.
struct Stored {
    id: u128,
    workspace: u128,
    account: u128,
    user: u128,
    kind: String,
    platform: Option<String>,
    priority: i32,
    run_at: i64,
    expires_at: i64,
    max_attempts: i32,
    attempt: i32,
    lost_leases: i32,
    flags: u8,
    /// When it went back to the queue last.
    retried_at: i64,
}

/// What became of a job that was to be added.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Added {
    /// It is in memory, now or already.
    There,
    /// It comes another time: it has ended and lives again.
    Later,
    NoRoom,
}

impl Stored {
    fn read(row: &Row<'_>) -> Result<Self> {
        let id = |n| -> Result<u128> { Ok(row.get::<Uuid>(n)?.map_or(0, id_of)) };
        let flag = |n, flag| -> Result<u8> { Ok(if row.get(n)?.unwrap_or(false) { flag } else { 0 }) };
        Ok(Self {
            id: id(1)?,
            workspace: id(2)?,
            account: id(3)?,
            user: id(4)?,
            kind: row.need(5)?,
            platform: row.get(6)?,
            priority: row.need(7)?,
            run_at: row.need::<Timestamptz>(8)?.0,
            expires_at: row.get::<Timestamptz>(9)?.map_or(i64::MAX, |at| at.0),
            max_attempts: row.need(10)?,
            attempt: row.need(11)?,
            lost_leases: row.need(12)?,
            flags: flag(13, KEYED)? | flag(14, RETRIED)? | flag(15, FAR)?,
            retried_at: row.get::<Timestamptz>(16)?.map_or(i64::MIN, |at| at.0),
        })
    }

    fn add(&self, memory: &mut Memory<'_>, claim: Option<&Claimed>) -> Added {
        // one that went back to the queue since is nobody's
        let claim = claim.filter(|claim| claim.lease.token > self.retried_at);
        match memory.set.add(memory.db, &self.new_job(claim), 0, clock::now().0) {
            Ok(_) | Err(Full::Present) => Added::There,
            Err(Full::Ended) => Added::Later,
            Err(_) => Added::NoRoom,
        }
    }

    fn new_job(&self, lease: Option<&Claimed>) -> NewJob<'_> {
        NewJob {
            id: self.id,
            workspace: self.workspace,
            account: self.account,
            user: self.user,
            kind: &self.kind,
            platform: self.platform.as_deref().unwrap_or(""),
            priority: self.priority,
            run_at: self.run_at,
            expires_at: self.expires_at,
            attempt: small(lease.map_or(self.attempt, |lease| lease.attempt)),
            max_attempts: small(self.max_attempts),
            lost_leases: small(self.lost_leases),
            flags: self.flags,
            lease: lease.map(|claimed| claimed.lease),
        }
    }
}

/// A claim that nobody has answered.
struct Claimed {
    lease: Lease,
    attempt: i32,
}

/// A count that the checks of arguments keep small.
pub(crate) fn small(count: i32) -> u16 {
    u16::try_from(count.clamp(0, i32::from(u16::MAX))).unwrap_or_default()
}

/// On a standby nothing may be in memory: it would be out of date when that is promoted.
fn require_primary() -> Result<()> {
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
    let (far, incomplete, free) = memory::with(|memory| {
        let db = memory.set.db(memory.db);
        (db.far, db.cursor != u128::MAX && db.loader == 0, memory.set.free_nodes())
    })?;
    if far.saturating_sub(HORIZON / 2) < now {
        near(now.saturating_add(HORIZON))?;
    }
    let capacity = memory::with(|memory| memory.set.capacity())?;
    if incomplete && (free > capacity / 2 || (wanting && free > capacity / 10)) {
        read(Read::Chunk)?;
    }
    Ok(())
}

/// Forgets what is in memory and reads it again; the number of unfinished jobs that are in memory then.
pub(crate) fn reload() -> Result<i64> {
    require_primary()?;
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
        // Leases come first, wherever their jobs are: nothing that a worker may still hold is handed out.
        let claims = claims(clock::now().0)?;
        let leased: Vec<Uuid> = claims.keys().map(|id| uuid_of(*id)).collect();
        for job in stored(&leased)? {
            memory::with(|memory| job.add(memory, claims.get(&job.id)))?;
        }
        configure::read()?;
    }
    let far = memory::with(|memory| memory.set.db(memory.db).far)?;
    let mut later = u128::MAX;
    let next = loop {
        let Chunk { jobs, last, full } = Chunk::read(from, far)?;
        let stopped = memory::with(|memory| {
            let reserve = memory.set.capacity() / 10;
            for job in &jobs {
                if memory.set.free_nodes() <= reserve {
                    return Some(job.id);
                }
                match job.add(memory, None) {
                    Added::There => {}
                    Added::Later => later = later.min(job.id),
                    Added::NoRoom => return Some(job.id),
                }
            }
            None
        })?;
        match stopped {
            Some(id) => break id,
            None if full => from = last + 1,
            None => break u128::MAX,
        }
        transaction::set_loading(Some(Loading::From(from.min(later), load)));
        if why == Read::Chunk {
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

/// Claims that nobody has answered.
fn claims(now: i64) -> Result<HashMap<u128, Claimed>> {
    let rows = LOAD_CLAIMS.committed(&[(now - OLDEST_CLAIM).into()], |row| {
        let (until, recorded): (i64, i64) = (row.need::<Timestamptz>(3)?.0, row.need(5)?);
        let length = until.saturating_sub(recorded).max(GRACE);
        let lease = Lease { token: row.need(2)?, until: until.max(now.saturating_add(length)) };
        Ok((id_of(row.need(1)?), Claimed { lease, attempt: row.need(4)? }))
    })?;
    Ok(rows.into_iter().collect())
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
    let jobs = stored(&ids)?;
    memory::with(|memory| {
        let reserve = memory.set.capacity() / 10;
        let mut missing = u128::MAX;
        for job in jobs.iter().filter(|job| job.run_at <= reached) {
            if memory.set.free_nodes() <= reserve || job.add(memory, None) != Added::There {
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
    let jobs = stored(&missing)?;
    let added = memory::with(|memory| {
        let added = jobs.iter().all(|job| job.add(memory, None) == Added::There);
        memory.set.end_load(memory.db, load);
        added
    })?;
    transaction::set_loading(None);
    if added { Ok(()) } else { Err(busy("the queue's memory is full")) }
}

/// Some unfinished jobs, in the order of their ids.
struct Chunk {
    jobs: Vec<Stored>,
    /// The id of the last one that was read.
    last: u128,
    /// Whether there may be more.
    full: bool,
}

impl Chunk {
    /// The next jobs as they stand now, without those that are far and noted for their time.
    fn read(from: u128, far: i64) -> Result<Self> {
        let mut jobs = LOAD_FROM.committed(&[uuid_of(from).into(), CHUNK.into()], Stored::read)?;
        let full = jobs.len() as i64 == CHUNK;
        let Some(last) = jobs.last().map(|job| job.id) else { return Ok(Self { jobs, last: from, full }) };
        let retries = LOAD_RETRIES.committed(&[uuid_of(from).into(), uuid_of(last).into()], |row| {
            Ok((
                id_of(row.need(1)?),
                (row.need::<Timestamptz>(2)?.0, row.need::<i32>(3)?, row.need::<i32>(4)?),
            ))
        })?;
        let retries: HashMap<u128, (i64, i32, i32)> = retries.into_iter().collect();
        for job in &mut jobs {
            if let Some((run_at, attempt, lost_leases)) = retries.get(&job.id) {
                (job.run_at, job.attempt, job.lost_leases) = (*run_at, *attempt, *lost_leases);
                job.flags |= RETRIED;
            }
        }
        let later: Vec<&Stored> = jobs.iter().filter(|job| job.run_at > far).collect();
        if !later.is_empty() {
            let args = [
                later.iter().map(|job| uuid_of(job.id)).collect::<Vec<_>>().into(),
                later.iter().map(|job| Timestamptz(job.run_at)).collect::<Vec<_>>().into(),
            ];
            let noted = SCHEDULED_AMONG.committed(&args, |row| Ok(id_of(row.need(1)?)))?;
            let noted: HashSet<u128> = noted.into_iter().collect();
            jobs.retain(|job| !noted.contains(&job.id));
        }
        Ok(Self { jobs, last, full })
    }
}

/// Puts jobs into memory that this transaction has given another life: others see them once it is committed.
pub(crate) fn add_own(ids: &[Uuid]) -> Result<()> {
    transaction::register()?;
    let jobs = LOAD_IDS.newest(&[ids.to_vec().into()], Stored::read)?;
    memory::with(|memory| {
        for job in &jobs {
            transaction::add(memory, &job.new_job(None));
        }
    })
}

fn stored(ids: &[Uuid]) -> Result<Vec<Stored>> {
    if ids.is_empty() { Ok(vec![]) } else { LOAD_IDS.committed(&[ids.to_vec().into()], Stored::read) }
}
