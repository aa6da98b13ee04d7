//! `crier.delete_account`.

use std::collections::HashMap;

use crier_core::rights;
use crier_core::target::TargetState;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::{Value, json};

use super::add_event;
use super::decided::Decided;
use crate::activity::{self, Object};
use crate::clock;
use crate::durable;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::limits::block;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};
use crate::posts;
use crate::publishing::follow;
use crate::queue::held::{self, Held, MOMENT};
use crate::queue::settle::{self, Fate, Said, Settled, publishes};
use crate::workspaces::new_id;

const SCHEDULE_NAMING: Statement = statement!(up "accounts/schedule_naming");
const LOCK_POSTS: Statement = statement!(up "accounts/lock_posts");
const JOBS: Statement = statement!(up "accounts/jobs");
const LOCK_TARGETS: Statement = statement!(up "accounts/lock_targets");
const LOCK_ACTIONS: Statement = statement!(up "accounts/lock_actions");
const TELL_POSTS: Statement = statement!(up "accounts/tell_posts");
const CLOSE: Statement = statement!(up "accounts/close");

/// Jobs that read figures are looked for among so many.
const NEWEST: i64 = 1_000;

/// Disconnects an account: its tokens are destroyed, what is planned with it is canceled, and it leaves the lists. What was published
/// with it stays, and names it; connecting it again brings it back. Refused while something is being sent with it or waits for
/// somebody's word, and where a schedule names it. For an admin of its workspace.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn delete_account(account_id: Option<Uuid>) -> Result<(), ErrorReport> {
    let id = input::required(account_id, "account_id")?;
    let account = Decided::lock(id, const { rights::least("delete_account") })?;
    let workspace = account.workspace;
    let now = clock::now();
    refuse_schedules(workspace, id)?;
    let mut plans = Plans::lock(workspace, id)?;
    plans.require_settled()?;
    let canceled = plans.cancel(now)?;
    durable::require_commit()?;
    block::resume(id, account.platform.clone(), now)?;
    CLOSE.run_only(&[workspace.into(), id.into(), now.into()])?;
    let payload = json!({ "platform": account.platform, "handle": account.handle, "canceled": canceled });
    add_event(workspace, "account_deleted", id, &payload, now)?;
    let changes = json!({ "platform": account.platform, "canceled": canceled });
    Ok(activity::note(workspace, "account_deleted", Object::Account(id), changes)?)
}

/// Refuses an account that a schedule would go on to publish with.
fn refuse_schedules(workspace: Uuid, account: Uuid) -> Result<()> {
    let named = SCHEDULE_NAMING.newest(&[workspace.into(), account.into()], |row| row.need::<Uuid>(1))?;
    match named.first() {
        None => Ok(()),
        Some(schedule) => Err(CrierError::Account {
            account,
            reason: format!("schedule {schedule} publishes with it"),
            hint: "Take it out of the schedule's template and items (crier.update_schedule(), crier.remove_schedule_item()), or end the \
                   schedule (crier.end_schedule()).",
        }),
    }
}

/// A target of the account that has not ended, or that nobody knows about.
struct Target {
    id: Uuid,
    post: Uuid,
    job: Option<Uuid>,
    state: TargetState,
}

/// Everything that is to be done with an account, locked: first the posts, then the jobs, then what they are of.
struct Plans {
    workspace: Uuid,
    account: Uuid,
    jobs: HashMap<Uuid, Held>,
    targets: Vec<Target>,
}

impl Plans {
    fn lock(workspace: Uuid, account: Uuid) -> Result<Self> {
        let key = [workspace.into(), account.into()];
        LOCK_POSTS.write(&key, |_| Ok(()))?;
        let args = [workspace.into(), account.into(), NEWEST.into()];
        let jobs = JOBS.newest(&args, |row| row.need::<Uuid>(1))?;
        let mut jobs: HashMap<_, _> = held::unfinished(&jobs)?.into_iter().map(|job| (job.id, job)).collect();
        let targets = LOCK_TARGETS.write(&key, |row| {
            let state = follow::parse(&row.need::<String>(4)?)?.in_doubt(row.need(5)?);
            Ok(Target { id: row.need(1)?, post: row.need(2)?, job: row.get(3)?, state })
        })?;
        // As where one post is locked: a part of a thread that got its job meanwhile.
        let late = targets.iter().filter_map(|target| target.job).filter(|job| !jobs.contains_key(job));
        let late: Vec<Uuid> = late.collect();
        if !late.is_empty() {
            let late = held::unfinished_within(&late, MOMENT)?;
            jobs.extend(late.into_iter().map(|job| (job.id, job)));
        }
        Ok(Self { workspace, account, jobs, targets })
    }

    /// Refuses while nobody knows what becomes, or became, of something that was sent.
    fn require_settled(&self) -> Result<()> {
        let unsettled = |reason: String, hint| CrierError::Account { account: self.account, reason, hint };
        let open = |target: &&Target| target.state.may_be_out() || target.state == TargetState::Unconfirmed;
        if let Some(target) = self.targets.iter().find(open) {
            let hint = if target.state == TargetState::Unconfirmed {
                "Look on the platform, and say with crier.resolve_target() whether the post is there. Then delete the account."
            } else {
                "Try again once it is known what became of it. If nobody will know, cancel the post, and say with crier.resolve_target() \
                 whether it is there."
            };
            return Err(unsettled(format!("target {} is {}", target.id, target.state), hint));
        }
        let args = [self.workspace.into(), self.account.into()];
        match LOCK_ACTIONS.write(&args, |row| row.need::<Uuid>(1))?.first() {
            None => Ok(()),
            Some(action) => {
                Err(unsettled(format!("it is at action {action}"), "Try again once the action has ended."))
            }
        }
    }

    /// Cancels everything; answers with how many targets that were.
    fn cancel(&mut self, now: Timestamptz) -> Result<usize> {
        let (publishing, others): (Vec<_>, Vec<_>) =
            self.jobs.drain().map(|(_, job)| job).partition(|job| publishes(&job.kind));
        settle::settle_jobs(canceled(publishing, Said::NotBegun), now)?;
        settle::settle(canceled(others, Said::Nothing), now)?;
        let ids: Vec<Uuid> = self.targets.iter().map(|target| target.id).collect();
        if ids.is_empty() {
            return Ok(0);
        }
        let count = ids.len();
        posts::cancel_targets(self.workspace, ids, now)?;
        self.tell_posts(now)?;
        Ok(count)
    }

    /// Notes it in the timelines of the posts.
    fn tell_posts(&self, now: Timestamptz) -> Result<()> {
        let mut posts: Vec<Uuid> = self.targets.iter().map(|target| target.post).collect();
        posts.sort_unstable_by_key(|id| *id.as_bytes());
        posts.dedup();
        let mut what = json!({ "because": "account_deleted" });
        if let Some(user) = Caller::current()?.acts_as(None)? {
            what["user_id"] = Value::String(user.to_string());
        }
        TELL_POSTS.run_only(&[
            self.workspace.into(),
            self.account.into(),
            posts.iter().map(|_| new_id()).collect::<Vec<_>>().into(),
            posts.into(),
            Jsonb::from_value(&what).into(),
            now.into(),
        ])
    }
}

fn canceled(jobs: Vec<Held>, said: Said) -> Vec<Settled> {
    jobs.into_iter()
        .map(|job| Settled { job, said, fate: Fate::Canceled, result: None, error: None })
        .collect()
}
