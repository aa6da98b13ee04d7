//! What plans a post anew, once it is locked: makes its targets, or moves them.

use std::collections::{HashMap, HashSet};

use crier_core::target::TargetState;
use pgrx::Uuid;
use serde_json::json;

use super::due::{self, Placed};
use super::plan::{Plan, Target};
use super::slots;
use super::store::{self, Accounts, Stage};
use crate::activity::{self, Object};
use crate::error::Result;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};
use crate::publishing::follow;
use crate::workspaces::new_id;

const REOPEN: Statement = statement!(up "posts/reopen");
const DROP_TARGETS: Statement = statement!(up "posts/drop_targets");
const SET_PLAN: Statement = statement!(up "posts/set_plan");
const ADD_EVENT: Statement = statement!(up "posts/add_event");

/// What has become of a target: its id, its account, its state.
pub(super) type Standing = (Uuid, Uuid, &'static str);

impl Plan {
    /// Moves what can be moved to the time of the post. What had ended is made anew, of what the post says by now.
    pub(super) fn move_targets(&mut self, now: Timestamptz) -> Result<Vec<Standing>> {
        let (accounts, closed) = (self.open_accounts(), self.closed());
        slots::free(self.post.workspace, self.post.id, &accounts)?;
        let due = self.due_times(&accounts, now)?;
        let anew: HashSet<Uuid> = self.ended_accounts().difference(&closed).copied().collect();
        self.end_jobs(|target| anew.contains(&target.account), now)?;
        let ended = self.targets.iter().filter(|target| anew.contains(&target.account));
        self.drop_targets(ended.map(|target| target.id).collect())?;
        self.targets.retain(|target| !anew.contains(&target.account));
        self.move_to(|_| true, &due, now)?;
        self.set_plan(Stage::Scheduled, now)?;
        if !anew.is_empty() {
            self.post.add_targets(self.planned_targets()?, due, now)?;
            self.read_targets()?;
        }
        Ok(self.standing())
    }

    /// Takes targets away of which nothing is out, and whose jobs are ended.
    pub(super) fn drop_targets(&self, ids: Vec<Uuid>) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        DROP_TARGETS.run_only(&[self.post.workspace.into(), ids.into()])
    }

    /// Moves what can be moved, as far as `which` says so, to the times of its accounts.
    pub(super) fn move_to(
        &mut self,
        which: impl Fn(&Target) -> bool,
        due: impl Fn(Uuid) -> Timestamptz,
        now: Timestamptz,
    ) -> Result<()> {
        let moves = |target: &Target| target.is_open() && which(target);
        self.end_jobs(moves, now)?;
        let moved = self.targets.iter().filter(|target| moves(target));
        let (ids, times) = moved.map(|target| (target.id, due(target.account))).unzip();
        let placed = self.reopen(ids, times, now)?;
        due::add_jobs(&placed, true, now)
    }

    fn reopen(&mut self, ids: Vec<Uuid>, times: Vec<Timestamptz>, now: Timestamptz) -> Result<Vec<Placed>> {
        if ids.is_empty() {
            return Ok(vec![]);
        }
        let args = [self.post.workspace.into(), self.post.id.into(), ids.into(), times.into(), now.into()];
        let reopened = REOPEN.write(&args, |row| {
            let state = follow::parse(&row.need::<String>(4)?)?;
            Ok((
                row.need::<Uuid>(1)?,
                row.need::<Uuid>(2)?,
                row.need::<bool>(3)?,
                state,
                row.need::<Timestamptz>(5)?,
            ))
        })?;
        let mut placed = vec![];
        for (id, account, is_comment, state, due_at) in reopened {
            if let Some(target) = self.targets.iter_mut().find(|target| target.id == id) {
                target.state = state;
            }
            if state == TargetState::Scheduled && due::is_near(due_at, now) {
                let job = new_id();
                placed.push(Placed { job, target: id, account, is_comment, run_at: due_at, post: self.post });
            }
        }
        due::name_jobs(&placed, now)?;
        Ok(placed)
    }

    /// A draft, or what was changed, is to be published: it is in review, or planned.
    pub(super) fn enter(&mut self, now: Timestamptz) -> Result<Vec<Standing>> {
        if self.approval.is_none() {
            return self.schedule(now);
        }
        // What somebody is to approve is what can be published.
        self.planned_targets()?;
        self.set_plan(Stage::InReview, now)?;
        Ok(self.standing())
    }

    /// Makes the targets that a post has not yet, at its time.
    pub(super) fn schedule(&mut self, now: Timestamptz) -> Result<Vec<Standing>> {
        let targets = self.planned_targets()?;
        self.scheduled_at = Some(self.scheduled_at.unwrap_or(now));
        let due = self.due_times(&store::accounts_of(&targets), now)?;
        self.set_plan(Stage::Scheduled, now)?;
        self.post.add_targets(targets, due, now)?;
        self.read_targets()?;
        Ok(self.standing())
    }

    /// What the accounts publish that have no targets.
    fn planned_targets(&self) -> Result<Vec<store::NewTarget>> {
        let parsed = self.definition.parse()?;
        let missing: Vec<Uuid> = self
            .definition
            .accounts
            .iter()
            .copied()
            .filter(|account| self.targets.iter().all(|target| target.account != *account))
            .collect();
        if missing.is_empty() && !self.targets.is_empty() {
            return Ok(vec![]);
        }
        store::targets(&Accounts::of(self.post.workspace, &missing)?, &parsed)
    }

    pub(super) fn set_plan(&mut self, stage: Stage, now: Timestamptz) -> Result<()> {
        self.stage = stage;
        SET_PLAN.run_only(&[
            self.post.workspace.into(),
            self.post.id.into(),
            stage.as_str().into(),
            self.scheduled_at.into(),
            self.next_slot.into(),
            now.into(),
        ])
    }

    /// When the post is due for each of these accounts, none of which has it: at the time of the post, or at the slot that it takes.
    /// The time of a post with slots is the first of them.
    pub(super) fn due_times(
        &mut self,
        accounts: &[Uuid],
        now: Timestamptz,
    ) -> Result<impl Fn(Uuid) -> Timestamptz + use<>> {
        let mut at = self.scheduled_at.unwrap_or(now);
        let mut slots = HashMap::new();
        if self.next_slot {
            slots = slots::book(self.post.workspace, self.post.id, accounts, at.max(now))?;
            at = slots.values().copied().min().unwrap_or(at);
            self.scheduled_at = Some(at);
        }
        Ok(move |account| slots.get(&account).copied().unwrap_or(at))
    }

    /// The accounts of the targets of which nothing is out.
    pub(super) fn open_accounts(&self) -> Vec<Uuid> {
        let closed = self.closed();
        let open: HashSet<Uuid> = self.targets.iter().map(|target| target.account).collect();
        open.difference(&closed).copied().collect()
    }

    pub(super) fn standing(&self) -> Vec<Standing> {
        self.targets.iter().map(|target| (target.id, target.account, target.state.as_str())).collect()
    }

    /// Notes what was done with the post, and by whom; `times`: when it was to be published, and when it is now.
    pub(super) fn tell(
        &self,
        kind: &'static str,
        what: serde_json::Value,
        times: (Option<Timestamptz>, Option<Timestamptz>),
        now: Timestamptz,
    ) -> Result<()> {
        self.add_event(kind, what, times, now)?;
        let text = |at: Option<Timestamptz>| at.map(Timestamptz::to_text);
        self.note(kind, json!({ "from": text(times.0), "to": text(times.1) }))
    }

    /// Notes what was done with the post in the activity log of its workspace.
    pub(super) fn note(&self, action: &'static str, changes: serde_json::Value) -> Result<()> {
        activity::note(self.post.workspace, action, Object::Post(self.post.id), changes)
    }

    /// Tells the timeline of the post.
    pub(super) fn add_event(
        &self,
        kind: &str,
        mut what: serde_json::Value,
        times: (Option<Timestamptz>, Option<Timestamptz>),
        now: Timestamptz,
    ) -> Result<()> {
        if let (Some(fields), Some(user)) = (what.as_object_mut(), self.caller.acts_as(None)?) {
            fields.insert("user_id".to_owned(), user.to_string().into());
        }
        ADD_EVENT.run_only(&[
            self.post.workspace.into(),
            new_id().into(),
            kind.into(),
            self.post.id.into(),
            Jsonb::from_value(&what).into(),
            now.into(),
            times.0.into(),
            times.1.into(),
        ])
    }
}
