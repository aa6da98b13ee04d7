//! A post whose plan changes: everything about it that is not yet decided, locked.

use std::collections::{HashMap, HashSet};

use crier_core::rights::Role;
use crier_core::target::TargetState;
use pgrx::Uuid;

use super::definition::Definition;
use super::store::{Post, Stage};
use crate::error::{CrierError, Result};
use crate::identity::{Caller, parse_role};
use crate::passed::Timestamptz;
use crate::plans::{Statement, statement};
use crate::publishing::follow;
use crate::queue::held::{self, Held, MOMENT};
use crate::queue::settle::{self, Fate, Said, Settled};

const WORKSPACE_OF: Statement = statement!(up "posts/workspace_of");
const LOCK_POST: Statement = statement!(up "posts/lock_post");
const JOB_IDS: Statement = statement!(up "posts/job_ids");
const LOCK_TARGETS: Statement = statement!(up "posts/lock_targets");

/// One target of a post, locked.
pub(super) struct Target {
    pub(super) id: Uuid,
    pub(super) account: Uuid,
    /// Nothing for one that waits for its time, or for the part before it.
    job: Option<Uuid>,
    /// One that may be out for an earlier send counts as unknown, whatever it waits for now.
    pub(super) state: TargetState,
    /// What it was sent with once is needed to find that send: it must stay.
    pub(super) was_unclear: bool,
}

impl Target {
    /// Whether the platform certainly has nothing of it, so that it may become something else.
    pub(super) fn is_open(&self) -> bool {
        use TargetState::{Canceled, Failed, Preparing, Queued, Scheduled, Waiting};
        matches!(self.state, Waiting | Scheduled | Queued | Preparing | Failed | Canceled)
    }

    /// Whether it is being sent, or may be out.
    pub(super) fn is_under_way(&self) -> bool {
        !self.is_open() && !self.state.is_final()
    }
}

/// A post that is locked with everything that belongs to it: first the post, then its jobs, then its targets.
pub(super) struct Plan {
    pub(super) caller: Caller,
    pub(super) post: Post,
    pub(super) stage: Stage,
    pub(super) scheduled_at: Option<Timestamptz>,
    pub(super) next_slot: bool,
    /// The least role that approves posts of the workspace, where they have to be.
    pub(super) approval: Option<Role>,
    pub(super) definition: Definition,
    /// When it was changed last, as whoever read it knows it.
    pub(super) read_at: Timestamptz,
    pub(super) targets: Vec<Target>,
    /// Accounts that are disconnected: only what is out with them counts any more.
    gone: Vec<Uuid>,
    jobs: HashMap<Uuid, Held>,
}

fn lock_targets(workspace: Uuid, post: Uuid) -> Result<Vec<Target>> {
    LOCK_TARGETS.write(&[workspace.into(), post.into()], |row| {
        let was_unclear = row.need(5)?;
        let state = follow::parse(&row.need::<String>(4)?)?.in_doubt(was_unclear);
        Ok(Target { id: row.need(1)?, account: row.need(2)?, job: row.get(3)?, state, was_unclear })
    })
}

impl Plan {
    /// Locks a post with its targets and their jobs, for a caller who has at least this role in its workspace.
    pub(super) fn open(id: Uuid, least: Role) -> Result<Self> {
        let mut plan = Self::lock(id, least)?;
        let jobs = JOB_IDS.newest(&[plan.post.workspace.into(), id.into()], |row| row.need::<Uuid>(1))?;
        plan.jobs = held::unfinished(&jobs)?.into_iter().map(|job| (job.id, job)).collect();
        plan.read_targets()?;
        plan.leave_out_gone();
        // A part of a thread that got its job while its lock was waited for. Where a worker has that already, it may wait for the
        // target: one of the two has to give up.
        let jobs = plan.targets.iter().filter_map(|target| target.job);
        let late: Vec<Uuid> = jobs.filter(|job| !plan.jobs.contains_key(job)).collect();
        if !late.is_empty() {
            let late = held::unfinished_within(&late, MOMENT)?;
            plan.jobs.extend(late.into_iter().map(|job| (job.id, job)));
        }
        Ok(plan)
    }

    /// Locks a post alone: who only reads what it says keeps nobody from its targets.
    pub(super) fn lock(id: Uuid, least: Role) -> Result<Self> {
        let (caller, workspace) = Caller::find("post", id, WORKSPACE_OF, least)?;
        let key = [workspace.into(), id.into()];
        let found = LOCK_POST.write(&key, |row| {
            let stage = Stage::read(&row.need::<String>(3)?)?;
            let approval = row.get::<String>(6)?.map(|role| parse_role(&role)).transpose()?;
            let definition = Definition::read(row, 7)?;
            let post = Post { workspace, id, author: row.get(2)?, priority: definition.priority };
            Ok((post, stage, row.get(4)?, row.need(5)?, approval, definition, row.need(17)?, row.need(18)?))
        })?;
        let missing = CrierError::NotFound { what: "post", id };
        let (post, stage, scheduled_at, next_slot, approval, definition, read_at, gone) =
            found.into_iter().next().ok_or(missing)?;
        let (targets, jobs) = (vec![], HashMap::new());
        Ok(Self {
            caller,
            post,
            stage,
            scheduled_at,
            next_slot,
            approval,
            definition,
            read_at,
            targets,
            gone,
            jobs,
        })
    }

    /// Leaves out accounts that are disconnected, unless something is out with them.
    pub(super) fn leave_out_gone(&mut self) {
        let closed = self.closed();
        self.definition.accounts.retain(|account| !self.gone.contains(account) || closed.contains(account));
    }

    /// Reads the targets anew.
    pub(super) fn read_targets(&mut self) -> Result<()> {
        self.targets = lock_targets(self.post.workspace, self.post.id)?;
        Ok(())
    }

    /// The accounts of which something is out, or may be, or ever may have been: for them nothing changes any more.
    pub(super) fn closed(&self) -> HashSet<Uuid> {
        let closed = self.targets.iter().filter(|target| !target.is_open() || target.was_unclear);
        closed.map(|target| target.account).collect()
    }

    /// Refuses while something is being sent of which it is not known yet what becomes of it.
    pub(super) fn require_settled(&self) -> Result<()> {
        match self.targets.iter().find(|target| target.is_under_way()) {
            None => Ok(()),
            Some(target) => Err(CrierError::invalid(
                format!("target {}", target.id),
                format!("is {}: it is being sent to its platform", target.state),
                "Try again once it is known what became of it.",
            )),
        }
    }

    /// The accounts for which it has come to an end without being out: nothing of it waits any more but parts of a thread.
    pub(super) fn ended_accounts(&self) -> HashSet<Uuid> {
        use TargetState::{Canceled, Failed};
        let ended = |target: &Target| matches!(target.state, Canceled | Failed);
        self.targets.iter().filter(|target| ended(target)).map(|target| target.account).collect()
    }

    /// Ends the jobs of these targets, so that no worker goes on with them: nothing was sent, and the limits have back what that was to
    /// use. What becomes of the targets the caller says.
    pub(super) fn end_jobs(&mut self, which: impl Fn(&Target) -> bool, now: Timestamptz) -> Result<()> {
        let ended = self.targets.iter().filter(|target| which(target)).filter_map(|target| target.job);
        let settled: Vec<_> = ended
            .filter_map(|job| self.jobs.remove(&job))
            .map(|job| Settled { job, said: Said::NotBegun, fate: Fate::Canceled, result: None, error: None })
            .collect();
        settle::settle_jobs(settled, now)
    }
}
