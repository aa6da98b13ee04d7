//! Unfinished jobs as the tables have them, and how they get into memory.

use std::collections::{HashMap, HashSet};

use crier_working_set::{Full, Lease, NewJob};
use pgrx::Uuid;

use crate::clock;
use crate::error::Result;
use crate::memory::Memory;
use crate::passed::Timestamptz;
use crate::plans::{Row, Statement, statement};
use crate::queue::checkpoint::Noted;
use crate::queue::held::{id_of, uuid_of};
use crate::transaction::{FAR, KEYED, RETRIED};

const LOAD_FROM: Statement = statement!(up "queue/load_from");
const LOAD_RETRIES: Statement = statement!(up "queue/load_retries");
const SCHEDULED_AMONG: Statement = statement!(up "queue/scheduled_among");
const LOAD_IDS: Statement = statement!(up "queue/load_ids");
const LOAD_CLAIMS: Statement = statement!(up "queue/load_claims");

/// Jobs read at once.
const CHUNK: i64 = 50_000;
/// After a crash a lease lasts at least this long, and as long as it was given for: heartbeats are not in the tables.
const GRACE: i64 = 10 * 1_000_000;

/// A job as the tables have it.
pub(super) struct Stored {
    pub(super) id: u128,
    workspace: u128,
    account: u128,
    user: u128,
    kind: String,
    platform: Option<String>,
    host: Option<String>,
    priority: i32,
    pub(super) run_at: i64,
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
pub(super) enum Added {
    /// It is in memory, now or already.
    There,
    /// It comes another time: it has ended and lives again.
    Later,
    NoRoom,
}

impl Stored {
    pub(super) fn read(row: &Row<'_>) -> Result<Self> {
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
            host: row.get(17)?,
        })
    }

    pub(super) fn add(&self, memory: &mut Memory<'_>, claim: Option<&Claimed>) -> Added {
        // one that went back to the queue since is nobody's
        let claim = claim.filter(|claim| claim.lease.token > self.retried_at);
        match memory.set.add(memory.db, &self.new_job(claim), 0, clock::now().0) {
            Ok(_) | Err(Full::Present) => Added::There,
            Err(Full::Ended) => Added::Later,
            Err(_) => Added::NoRoom,
        }
    }

    pub(super) fn new_job(&self, lease: Option<&Claimed>) -> NewJob<'_> {
        NewJob {
            id: self.id,
            workspace: self.workspace,
            account: self.account,
            user: self.user,
            kind: &self.kind,
            platform: self.platform.as_deref().unwrap_or(""),
            host: self.host.as_deref().unwrap_or(""),
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
pub(super) struct Claimed {
    lease: Lease,
    attempt: i32,
}

/// A count that the checks of arguments keep small.
pub(crate) fn small(count: i32) -> u16 {
    u16::try_from(count.clamp(0, i32::from(u16::MAX))).unwrap_or_default()
}

/// Some unfinished jobs, in the order of their ids.
pub(super) struct Chunk {
    pub(super) jobs: Vec<Stored>,
    /// Where the next chunk begins; nothing after the last one.
    pub(super) next: Option<u128>,
}

impl Chunk {
    /// The next jobs as they stand now, without those that are far and noted for their time. Of `noted` days only the
    /// open ones are looked at.
    pub(super) fn read(from: u128, far: i64, noted: &[Noted]) -> Result<Self> {
        let ahead = noted.iter().find(|day| day.end > from);
        match ahead {
            Some(day) if day.first <= from => Self::of_noted(from, far, day),
            day => Self::of_log(from, day.map(|day| day.first), far),
        }
    }

    /// The open jobs of a noted day.
    fn of_noted(from: u128, far: i64, day: &Noted) -> Result<Self> {
        let ids: Vec<Uuid> = day.open.iter().filter(|id| **id >= from).map(|id| uuid_of(*id)).collect();
        let mut jobs = committed(&ids)?;
        jobs.retain(|job| job.flags & FAR == 0 || job.run_at <= far);
        jobs.sort_unstable_by_key(|job| job.id);
        Ok(Self { jobs, next: Some(day.end) })
    }

    /// Jobs of the log, before an id where one is given.
    fn of_log(from: u128, before: Option<u128>, far: i64) -> Result<Self> {
        let args = [uuid_of(from).into(), CHUNK.into(), uuid_of(before.unwrap_or(u128::MAX)).into()];
        let mut jobs = LOAD_FROM.committed(&args, Stored::read)?;
        let full = jobs.len() as i64 == CHUNK;
        let Some(last) = jobs.last().map(|job| job.id) else { return Ok(Self { jobs, next: before }) };
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
        Ok(Self { jobs, next: if full { Some(last + 1) } else { before } })
    }
}

/// Claims from a time on that nobody has answered.
pub(super) fn claims(from: i64, now: i64) -> Result<HashMap<u128, Claimed>> {
    let rows = LOAD_CLAIMS.committed(&[from.into()], |row| {
        let (until, recorded): (i64, i64) = (row.need::<Timestamptz>(3)?.0, row.need(5)?);
        let length = until.saturating_sub(recorded).max(GRACE);
        let lease = Lease { token: row.need(2)?, until: until.max(now.saturating_add(length)) };
        Ok((id_of(row.need(1)?), Claimed { lease, attempt: row.need(4)? }))
    })?;
    Ok(rows.into_iter().collect())
}

/// The unfinished ones among these jobs, as others see them.
pub(super) fn committed(ids: &[Uuid]) -> Result<Vec<Stored>> {
    if ids.is_empty() { Ok(vec![]) } else { LOAD_IDS.committed(&[ids.to_vec().into()], Stored::read) }
}

/// The unfinished ones among these jobs, as this transaction has left them.
pub(super) fn own(ids: &[Uuid]) -> Result<Vec<Stored>> {
    LOAD_IDS.newest(&[ids.to_vec().into()], Stored::read)
}
