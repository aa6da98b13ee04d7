//! How many unfinished jobs of a kind a user may have (`job_kind.user_limit`).
//!
//! Each such job holds a key of its user, beside its dedupe key; the keys of a user are next to each other, so that
//! counting them reads at most as many rows as the limit allows.

use std::collections::{BTreeMap, HashSet};

use pgrx::Uuid;

use crate::alerts::DELIVER;
use crate::error::{CrierError, Result};
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::queue::job::NewJob;
use crate::queue::kinds::Policies;

const LOCK: Statement = statement!(up "queue/user_limit_lock");
const COUNT: Statement = statement!(up "queue/user_limit_count");
const TAKE: Statement = statement!(up "queue/take_keys");

/// Refuses jobs beyond their user's limit; answers with those that are counted.
pub(crate) fn take(jobs: &[&NewJob], policies: &Policies, now: Timestamptz) -> Result<HashSet<Uuid>> {
    let mut by_user: BTreeMap<([u8; 16], &str), (i32, Vec<Uuid>)> = BTreeMap::new();
    for job in jobs.iter().filter(|job| !job.goes_on) {
        // what stands in the place of a user there is an endpoint
        let user = job.user_id.filter(|_| job.kind != DELIVER);
        if let (Some(user), Some(limit)) = (user, policies.user_limit(&job.kind)) {
            by_user.entry((*user.as_bytes(), &job.kind)).or_insert((limit, vec![])).1.push(job.id);
        }
    }
    let mut counted = HashSet::new();
    // in the order of the users, so that two callers can't wait for each other
    for ((user, kind), (limit, ids)) in by_user {
        let user = Uuid::from_bytes(user);
        // the kind of no job: that has at most 100 characters
        let space = format!("unfinished jobs, {:>100}", kind);
        LOCK.run_only(&[user.into(), space.as_str().into()])?;
        let active = COUNT.write(&[user.into(), space.as_str().into()], |row| row.need::<i64>(1))?;
        let active = active.into_iter().next().unwrap_or_default();
        if active + ids.len() as i64 > i64::from(limit) {
            return Err(CrierError::UserLimit { user, kind: kind.to_owned(), limit, active });
        }
        TAKE.run_only(&[
            vec![user; ids.len()].into(),
            vec![space.as_str(); ids.len()].into(),
            ids.iter().map(Uuid::to_string).collect::<Vec<_>>().into(),
            ids.clone().into(),
            now.into(),
        ])?;
        counted.extend(ids);
    }
    Ok(counted)
}
