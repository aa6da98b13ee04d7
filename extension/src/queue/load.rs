//! From the tables into memory: after a start, a crash or a promotion everything that is unfinished; later what had
//! no room, and what was far and is near now.
//!
//! While jobs are read, others are finished. So whoever reads says so first: from then on finished jobs stay in
//! memory as tombstones until the reader is done, and a job that the reader still saw unfinished does not come back.

use std::collections::{HashMap, HashSet};

use crier_working_set::{Full, Lease, NewJob};
use pgrx::Uuid;
use pgrx::pg_sys;

use crate::clock;
use crate::error::{CrierError, Result};
use crate::memory::{self, Memory, me};
use crate::passed::Timestamptz;
use crate::plans::{Row, Statement, statement};
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
/// After a crash a lease lasts at least this long: heartbeats are not in the tables.
const GRACE: i64 = 10 * 1_000_000;
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
        })
    }

    /// False: there is no room.
    fn add(&self, memory: &mut Memory<'_>, lease: Option<&Claimed>) -> bool {
        matches!(
            memory.set.add(memory.db, &self.new_job(lease), 0, clock::now().0),
            Ok(_) | Err(Full::Present)
        )
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

/// Sees to it that the working set has this database's jobs.
pub(crate) fn warm() -> Result<()> {
    // SAFETY: reads the state of the server.
    if unsafe { pg_sys::RecoveryInProgress() } {
        return Err(CrierError::Standby);
    }
    loop {
        let (warm, loader) = memory::with(|memory| {
            let db = memory.set.db(memory.db);
            (db.warm, db.loader)
        })?;
        match (warm, loader) {
            (true, _) => return Ok(()),
            (false, 0) => start()?,
            (false, _) => nap(),
        }
    }
}

/// Reads what is missing in memory and could be handed out: what has become near, and what there was no room for.
/// `wanting`: the last claim got less than it asked for.
pub(crate) fn refill(wanting: bool) -> Result<()> {
    let now = clock::now().0;
    let (far, incomplete, free, room) = memory::with(|memory| {
        let db = memory.set.db(memory.db);
        let free = db.loader == 0;
        (db.far, db.cursor != u128::MAX, free, memory.set.free_nodes() > memory.set.capacity() / 2)
    })?;
    if free && far.saturating_sub(HORIZON / 2) < now {
        near(far, now.saturating_add(HORIZON))?;
    }
    if free && incomplete && (wanting || room) {
        transaction::register()?;
        read_on(&HashMap::new())?;
    }
    Ok(())
}

/// Reads everything, leases first: nothing that a worker may still hold is handed out.
fn start() -> Result<()> {
    transaction::register()?;
    let now = clock::now().0;
    // Said before anything is read: what is committed from now on for a time up to here stays in memory.
    memory::with(|memory| memory.set.db_mut(memory.db).far = now.saturating_add(HORIZON))?;
    let claims = claims(now)?;
    if !read_on(&claims)? {
        return Ok(());
    }
    memory::with(|memory| {
        let db = memory.set.db_mut(memory.db);
        db.warm = true;
        db.config = 0;
        db.armed = true;
    })
}

fn claims(now: i64) -> Result<HashMap<u128, Claimed>> {
    let rows = LOAD_CLAIMS.committed(&[(now - OLDEST_CLAIM).into()], |row| {
        let until = row.need::<Timestamptz>(3)?.0;
        // -infinity: somebody has said that the worker is dead
        let until = if until == i64::MIN { now } else { until.max(now.saturating_add(GRACE)) };
        let lease = Lease { token: row.need(2)?, until };
        Ok((id_of(row.need(1)?), Claimed { lease, attempt: row.need(4)? }))
    })?;
    Ok(rows.into_iter().collect())
}

/// Reads on from where the tables have more than memory. False: somebody else does.
fn read_on(claims: &HashMap<u128, Claimed>) -> Result<bool> {
    let begun = memory::with(|memory| {
        let entry = memory.set.db_mut(memory.db);
        if entry.loader != 0 {
            return None;
        }
        entry.loader = me();
        // Whatever is committed from now on and not put into memory lowers it again.
        let from = std::mem::replace(&mut entry.cursor, u128::MAX);
        memory.set.begin_load(memory.db);
        transaction::set_loading(Some(Loading::From(from)));
        Some((from, entry_far(memory)))
    })?;
    let Some((mut from, far)) = begun else { return Ok(false) };
    // Leases come first, wherever their jobs are.
    let leased: Vec<Uuid> = claims.keys().map(|id| uuid_of(*id)).collect();
    for job in stored(&leased)? {
        memory::with(|memory| job.add(memory, claims.get(&job.id)))?;
    }
    let next = loop {
        let Chunk { jobs, last, full } = Chunk::read(from, far)?;
        let stopped = memory::with(|memory| {
            let reserve = memory.set.capacity() / 10;
            jobs.iter()
                .find(|job| memory.set.free_nodes() <= reserve || !job.add(memory, None))
                .map(|job| job.id)
        })?;
        match stopped {
            Some(id) => break id,
            None if full => from = last + 1,
            None => break u128::MAX,
        }
        transaction::set_loading(Some(Loading::From(from)));
        pgrx::check_for_interrupts!();
    };
    memory::with(|memory| {
        let entry = memory.set.db_mut(memory.db);
        entry.cursor = entry.cursor.min(next);
        entry.loader = 0;
        memory.set.end_load(memory.db);
    })?;
    transaction::set_loading(None);
    Ok(true)
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

fn entry_far(memory: &Memory<'_>) -> i64 {
    memory.set.db(memory.db).far
}

/// Reads the jobs that fall due between two times.
fn near(from: i64, to: i64) -> Result<()> {
    transaction::register()?;
    memory::with(|memory| {
        memory.set.db_mut(memory.db).far = to;
        memory.set.begin_load(memory.db);
        transaction::set_loading(Some(Loading::Near(from)));
    })?;
    let ids = LOAD_SCHEDULED
        .committed(&[Timestamptz(from).into(), Timestamptz(to).into()], |row| row.need::<Uuid>(1))?;
    let jobs = stored(&ids)?;
    memory::with(|memory| {
        for job in jobs.iter().filter(|job| job.run_at <= to) {
            if !job.add(memory, None) {
                let entry = memory.set.db_mut(memory.db);
                entry.cursor = entry.cursor.min(job.id);
            }
        }
        memory.set.end_load(memory.db);
    })?;
    transaction::set_loading(None);
    Ok(())
}

/// Has the unfinished ones among these jobs in memory, also those that are far or had no room.
pub(crate) fn bring_in(ids: &[Uuid]) -> Result<()> {
    let missing = memory::with(|memory| {
        let missing: Vec<Uuid> =
            ids.iter().copied().filter(|id| memory.set.find(memory.db, id_of(*id)).is_none()).collect();
        if !missing.is_empty() {
            memory.set.begin_load(memory.db);
            transaction::set_loading(Some(Loading::Some));
        }
        missing
    })?;
    if missing.is_empty() {
        return Ok(());
    }
    transaction::register()?;
    let jobs = stored(&missing)?;
    let added = memory::with(|memory| {
        let added = jobs.iter().all(|job| job.add(memory, None));
        memory.set.end_load(memory.db);
        added
    })?;
    transaction::set_loading(None);
    if added { Ok(()) } else { Err(CrierError::Busy("the queue's memory is full".into())) }
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

/// Forgets what is in memory and reads it again; the number of unfinished jobs that are in memory then.
pub(crate) fn reload() -> Result<i64> {
    transaction::register()?;
    memory::with(|memory| {
        memory.set.forget(memory.db);
        let entry = memory.set.db_mut(memory.db);
        entry.warm = false;
        entry.cursor = 0;
    })?;
    warm()?;
    let counts = memory::with(|memory| memory.set.counts(memory.db))?;
    Ok(i64::from(counts.waiting) + i64::from(counts.due) + i64::from(counts.leased))
}
