//! What application users may add to the queue (`crier.tenant_limit`): it has one memory for all tenants.
//!
//! A kind of jobs has its own place there, on each platform. So those that `crier.job_kind` does not name are written down when
//! they are brought first, and counted. And a workspace whose jobs nobody takes must not fill the memory with them.

use std::collections::{BTreeMap, BTreeSet};

use pgrx::Uuid;

use crate::error::{CrierError, Result};
use crate::memory;
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::queue::held::id_of;
use crate::queue::job::NewJob;

const LIMIT: Statement = statement!(up "queue/tenant_limit").planned_once();
const NEW_KINDS: Statement = statement!(up "queue/new_kinds").planned_once();
const COUNT_KINDS: Statement = statement!(up "queue/count_kinds").planned_once();
const ADD_KINDS: Statement = statement!(up "queue/add_kinds");

/// Unfinished jobs that a workspace may have without anybody asking how many there may be.
const FREE: i64 = 100;

/// A bound of tenants, if there is one.
pub(crate) fn limit(name: &'static str) -> Result<Option<i64>> {
    let found = LIMIT.read(&[name.into()], |row| row.get::<i64>(1))?;
    Ok(found.into_iter().flatten().next())
}

/// Refuses what application users add beyond the bounds.
pub(crate) fn check<'a>(
    jobs: &[&'a NewJob],
    platform: impl Fn(&'a NewJob) -> Option<&'a str>,
    now: Timestamptz,
) -> Result<()> {
    let mut added: BTreeMap<[u8; 16], i64> = BTreeMap::new();
    let mut kinds: BTreeMap<[u8; 16], BTreeSet<(&str, &str)>> = BTreeMap::new();
    for job in jobs.iter().copied().filter(|job| job.of_user) {
        let workspace = *job.key_space().as_bytes();
        *added.entry(workspace).or_default() += 1;
        kinds.entry(workspace).or_default().insert((&job.kind, platform(job).unwrap_or_default()));
    }
    if added.is_empty() {
        return Ok(());
    }
    let crowded = memory::with(|memory| {
        for kinds in kinds.values_mut() {
            kinds.retain(|(kind, _)| !memory.set.has_rule(memory.db, kind));
        }
        let there = |workspace: &[u8; 16]| {
            i64::from(memory.set.jobs_of(memory.db, id_of(Uuid::from_bytes(*workspace))))
        };
        let all = added.iter().map(|(workspace, added)| (*workspace, there(workspace), *added));
        all.filter(|(_, there, added)| there + added > FREE).collect::<Vec<_>>()
    })?;
    for (workspace, there, added) in crowded {
        require_room(Uuid::from_bytes(workspace), there, added)?;
    }
    for (workspace, kinds) in kinds.iter().filter(|(_, kinds)| !kinds.is_empty()) {
        bring(Uuid::from_bytes(*workspace), kinds, now)?;
    }
    Ok(())
}

fn require_room(workspace: Uuid, there: i64, added: i64) -> Result<()> {
    const HINT: &str = "Wait until some of them are done, or cancel some. The operator sets the bound in crier.tenant_limit.";
    match limit("jobs_per_workspace")? {
        Some(max) if there + added > max.max(FREE) => {
            let problem =
                format!("has {there} unfinished jobs and is given {added} more; {max} are accepted");
            Err(CrierError::Limit { what: format!("workspace {workspace}"), problem, hint: HINT })
        }
        _ => Ok(()),
    }
}

/// Writes down the kinds that are new, if the workspace may bring so many.
fn bring(workspace: Uuid, kinds: &BTreeSet<(&str, &str)>, now: Timestamptz) -> Result<()> {
    const HINT: &str = "Use kinds that there are. The operator makes others known: INSERT INTO crier.job_kind (kind) VALUES (…).";
    let (names, platforms): (Vec<_>, Vec<_>) = kinds.iter().copied().unzip();
    let new = NEW_KINDS.write(&[names.into(), platforms.into()], |row| {
        Ok((row.need::<String>(1)?, row.need::<String>(2)?))
    })?;
    let Some((first, _)) = new.first() else { return Ok(()) };
    let counts =
        COUNT_KINDS.write(&[workspace.into()], |row| Ok((row.need::<i64>(1)?, row.need::<i64>(2)?)))?;
    let (own, all) = counts.into_iter().next().unwrap_or_default();
    let count = new.len() as i64;
    for (there, name, whose) in [
        (own, "kinds_per_workspace", format!("workspace {workspace} has")),
        (all, "kinds", "the workspaces together have".to_owned()),
    ] {
        if let Some(max) = limit(name)?
            && there + count > max
        {
            let shown: String = first.chars().take(80).collect();
            let new =
                if count == 1 { "is new".to_owned() } else { format!("and {} others are new", count - 1) };
            let problem =
                format!("{new}, and {whose} brought {there} of {max} kinds of jobs that they may bring");
            return Err(CrierError::Limit { what: format!("kind {shown:?}"), problem, hint: HINT });
        }
    }
    let (names, platforms): (Vec<_>, Vec<_>) = new.into_iter().unzip();
    ADD_KINDS.run_only(&[names.into(), platforms.into(), workspace.into(), now.into()])
}
