//! `crier.expire_pending_jobs`: jobs that wait and are no longer worth running. A job that is handed out is looked at
//! then; this is for those that nobody takes.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crier_working_set::{Ix, Node, State};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};
use serde_json::json;

use crate::clock;
use crate::error::{CrierError, Result};
use crate::input;
use crate::memory::{self, Memory};
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::queue::held::{self, some_uuid, uuid_of};
use crate::queue::load;
use crate::queue::settle::{self, Fate, Said, Settled, reason};

const SETTING: Statement = statement!(up "queue/setting");
const BEGIN_TASK: Statement = statement!(up "queue/begin_task");
const PAUSES: Statement = statement!(up "queue/pauses");

/// Jobs looked at while everybody else waits: a few milliseconds.
const LOOK: u32 = 20_000;

/// Fails waiting jobs past their `expires_at`, and those that nobody took for `expire_pending_after` (a setting) after
/// they were due. Jobs of posts stay, and of the second kind those that are paused. Answers `{"expired": n}`.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn expire_pending_jobs(
    p_batch: default!(Option<i32>, "1000"),
    p_max_ms: default!(Option<i32>, "1000"),
) -> Result<JsonB, ErrorReport> {
    let started = Instant::now();
    let batch = input::required(p_batch, "p_batch")?;
    if !(1..=10_000).contains(&batch) {
        return Err(
            CrierError::invalid("p_batch", format!("is {batch}"), "Give a number from 1 to 10000.").into()
        );
    }
    let begun =
        BEGIN_TASK.write(&["expire_pending_jobs".into(), p_max_ms.into()], |row| row.need::<bool>(1))?;
    if begun.first() != Some(&true) {
        return Ok(JsonB(json!({ "busy": true })));
    }
    let patience = Duration::from_millis(p_max_ms.unwrap_or_default().unsigned_abs().into());
    load::warm()?;
    let stale = Stale::read()?;
    let (mut from, mut expired) = (Some(0), 0);
    while let Some(at) = from {
        if started.elapsed() > patience {
            return Ok(JsonB(json!({ "expired": expired, "more": true })));
        }
        let mut found = Vec::new();
        from = memory::with(|memory| stale.look(memory, at, batch.unsigned_abs() as usize, &mut found))?;
        expired += stale.expire(&found)?;
        pgrx::check_for_interrupts!();
    }
    Ok(JsonB(json!({ "expired": expired })))
}

/// What is no longer worth running.
struct Stale {
    now: Timestamptz,
    /// Due before this and still waiting.
    due_before: i64,
    /// What is paused, as scope and name.
    paused: HashSet<(String, String)>,
}

impl Stale {
    fn read() -> Result<Self> {
        let now = clock::now();
        let after = SETTING.read(&["expire_pending_after".into()], |row| row.get::<i64>(1))?;
        let due_before = after.into_iter().flatten().next().map_or(i64::MIN, |after| now.0 - after);
        let paused = PAUSES.read(&[], |row| Ok((row.need(1)?, row.need(2)?)))?;
        Ok(Self { now, due_before, paused: paused.into_iter().collect() })
    }

    /// Looks at some of the jobs in memory; from where to go on. Free places may look like jobs: whoever expires one
    /// finds it by its id. A place that was never used has no id, nor has any after it.
    fn look(&self, memory: &Memory<'_>, from: Ix, most: usize, found: &mut Vec<Uuid>) -> Option<Ix> {
        let capacity = memory.set.capacity();
        for ix in from..capacity {
            if ix - from >= LOOK || found.len() >= most {
                return Some(ix);
            }
            let node = memory.set.get(ix);
            if node.id == 0 {
                return None;
            }
            if node.locker == 0
                && self.is_too_late(&node)
                && memory.set.find(memory.db, node.id) == Some(ix)
                && self.may_end(memory, ix, &node)
            {
                found.push(uuid_of(node.id));
            }
        }
        None
    }

    fn is_too_late(&self, node: &Node) -> bool {
        node.state == State::Waiting && (node.expires_at < self.now.0 || node.run_at < self.due_before)
    }

    fn may_end(&self, memory: &Memory<'_>, ix: Ix, node: &Node) -> bool {
        let kind = memory.set.kind(ix);
        !settle::publishes(kind) && (node.expires_at < self.now.0 || !self.is_paused(memory, ix, kind))
    }

    fn is_paused(&self, memory: &Memory<'_>, ix: Ix, kind: &str) -> bool {
        if self.paused.is_empty() {
            return false;
        }
        let id = |id: u128| some_uuid(id).map(|id| id.to_string()).unwrap_or_default();
        [
            ("all", String::new()),
            ("kind", kind.to_owned()),
            ("platform", memory.set.platform(ix).to_owned()),
            ("account", id(memory.set.account(ix))),
            ("workspace", id(memory.set.workspace(ix))),
        ]
        .into_iter()
        .any(|(scope, name)| self.paused.contains(&(scope.to_owned(), name)))
    }

    /// Ends those that still wait once they are locked.
    fn expire(&self, ids: &[Uuid]) -> Result<usize> {
        if ids.is_empty() {
            return Ok(0);
        }
        let (expired, untaken) = (
            reason("expired", "the job expired before it was done"),
            reason("expired", "nobody took the job for too long after it was due"),
        );
        let settled: Vec<_> = held::unfinished(ids)?
            .into_iter()
            .filter(|job| self.is_too_late(&job.node))
            .map(|job| {
                let error = if job.node.expires_at < self.now.0 { expired } else { untaken };
                Settled { job, said: Said::Nothing, fate: Fate::Failed, result: None, error: Some(error) }
            })
            .collect();
        let count = settled.len();
        settle::settle(settled, self.now)?;
        Ok(count)
    }
}
