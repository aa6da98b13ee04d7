//! Makes the posts of schedules whose time has come.

use std::cell::RefCell;
use std::collections::HashSet;

use crier_core::recurrence::Occurrence;
use pgrx::Uuid;
use serde_json::json;

use super::coming::{Coming, PassedOver};
use super::evergreen::Item;
use super::stored::{Kind, Schedule};
use crate::error::Result;
use crate::passed::{Jsonb, Timestamp, Timestamptz};
use crate::plans::{Statement, statement};
use crate::posts::NewPost;
use crate::subtransaction::{Undone, attempt};
use crate::workspaces::new_id;

const TAKE: Statement = statement!(up "schedules/take").planned_once();
const NEXT_DUE: Statement = statement!(up "schedules/next_due").planned_once();
const ADVANCE: Statement = statement!(up "schedules/advance");
const INSERT_OCCURRENCE: Statement = statement!(up "schedules/insert_occurrence");

/// Occurrences that are made together. What can't be made is told from the others by making each of them on its own.
const TOGETHER: usize = 20;
/// The most occurrences of one schedule in one call: one with a long past leaves room for the others.
const OF_ONE: usize = 50;

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Advanced {
    /// Occurrences of which is decided what became of them.
    pub(crate) occurrences: usize,
    /// There is more to do at once.
    pub(crate) more: bool,
}

/// Makes what is due by `until`, at most `limit` of it, where it is `as_of` now. `now`: when it is made.
pub(crate) fn run_due(
    as_of: Timestamptz,
    until: Timestamptz,
    limit: usize,
    now: Timestamptz,
) -> Result<Advanced> {
    let take = |due: Timestamptz, is_waiting: bool, limit: usize| {
        TAKE.write(
            &[due.into(), i64::try_from(limit).unwrap_or(i64::MAX).into(), is_waiting.into()],
            Schedule::read,
        )
    };
    let mut schedules = take(until, false, limit)?;
    // What could not be made ahead of its time is not looked at until then: it would be, again and again.
    schedules.extend(take(as_of, true, limit - schedules.len())?);
    let taken = schedules.len();
    let mut advanced = advance(schedules, as_of, until, limit, now)?;
    advanced.more |= taken == limit;
    Ok(advanced)
}

/// When there is something to do next.
pub(crate) fn next_due(as_of: Timestamptz, until: Timestamptz) -> Result<Option<Timestamptz>> {
    Ok(NEXT_DUE.newest(&[until.into(), as_of.into()], |row| row.get(1))?.into_iter().flatten().next())
}

/// What became of an occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Made,
    Failed,
    /// Nothing to publish.
    Empty,
    /// It can't be made yet, and its time has not come.
    Waits,
}

/// An occurrence that is to be made.
#[derive(Clone, Copy)]
struct Work<'a> {
    schedule: &'a Schedule,
    occurrence: Occurrence,
}

/// Makes what is due of schedules that are locked.
pub(super) fn advance(
    schedules: Vec<Schedule>,
    as_of: Timestamptz,
    until: Timestamptz,
    limit: usize,
    now: Timestamptz,
) -> Result<Advanced> {
    let mut advanced = Advanced::default();
    let mut coming = Vec::with_capacity(schedules.len());
    let mut left = limit;
    for schedule in schedules {
        if left == 0 {
            advanced.more = true;
            break;
        }
        let next = match schedule.coming(as_of.instant(), until.instant(), left.min(OF_ONE)) {
            // Its zone is not among those of this version: the others go on.
            Err(error) if error.is_refusal() => {
                schedule.set_aside(&error, now)?;
                continue;
            }
            next => next?,
        };
        left -= next.wanted.len();
        advanced.more |= next.next.is_some_and(|next| next.instant <= until.instant());
        coming.push((schedule, next));
    }
    let work: Vec<Work<'_>> = coming
        .iter()
        .flat_map(|(schedule, coming)| {
            coming.wanted.iter().map(move |occurrence| Work { schedule, occurrence: *occurrence })
        })
        .collect();
    let making = Making { as_of, now, waiting: RefCell::default() };
    let mut outcomes = Vec::with_capacity(work.len());
    for together in work.chunks(TOGETHER) {
        outcomes.extend(making.all(together)?);
    }
    advanced.occurrences = outcomes.iter().filter(|outcome| **outcome != Outcome::Waits).count();
    note(&coming, &outcomes, now)?;
    Ok(advanced)
}

struct Making {
    as_of: Timestamptz,
    now: Timestamptz,
    /// Schedules that wait for the time of an occurrence, with all that comes after it.
    waiting: RefCell<HashSet<Uuid>>,
}

impl Making {
    fn all(&self, work: &[Work<'_>]) -> Result<Vec<Outcome>> {
        let waiting = self.waiting.borrow().clone();
        let made = attempt(|| work.iter().map(|work| self.try_one(*work)).collect::<Result<Vec<_>>>());
        match made {
            Ok(outcomes) => Ok(outcomes),
            Err(Undone::Refused(error)) if !error.is_refusal() => Err(error),
            Err(_) => {
                self.waiting.replace(waiting);
                work.iter().map(|work| self.one(*work)).collect()
            }
        }
    }

    fn try_one(&self, work: Work<'_>) -> Result<Outcome> {
        match self.item(work)? {
            Ok(item) => self.make(work, item),
            Err(outcome) => Ok(outcome),
        }
    }

    /// Makes one, and notes why where it can't be made.
    fn one(&self, work: Work<'_>) -> Result<Outcome> {
        let item = match self.item(work)? {
            Ok(item) => item,
            Err(outcome) => return Ok(outcome),
        };
        let reason = match attempt(|| self.make(work, item)) {
            Ok(outcome) => return Ok(outcome),
            Err(Undone::Refused(error)) if !error.is_refusal() => return Err(error),
            Err(Undone::Refused(error)) => json!({ "code": error.detail(), "message": error.to_string() }),
            Err(Undone::Server(message)) => json!({ "code": "refused", "message": message }),
        };
        if self.waits(work) {
            return Ok(Outcome::Waits);
        }
        let at = Timestamptz::of(work.occurrence.instant);
        if !self.decide(work, "failed", None, item, None, Some(&reason))? {
            return Ok(Outcome::Made);
        }
        if let Some(item) = item {
            work.schedule.used(item, None, at)?;
        }
        let what = json!({ "occurs_at": work.occurrence.instant.to_rfc3339(), "error": reason,
                           "item_id": item.map(|item| item.id.to_string()) });
        work.schedule.tell("schedule_failed", what, self.now)?;
        Ok(Outcome::Failed)
    }

    /// What the post is made of besides the template, or what becomes of the occurrence without.
    fn item(&self, work: Work<'_>) -> Result<Result<Option<Item>, Outcome>> {
        if self.waiting.borrow().contains(&work.schedule.id) {
            return Ok(Err(Outcome::Waits));
        }
        if work.schedule.kind != Kind::Evergreen {
            return Ok(Ok(None));
        }
        let at = Timestamptz::of(work.occurrence.instant);
        if let Some(item) = work.schedule.pick(at)? {
            return Ok(Ok(Some(item)));
        }
        if self.waits(work) {
            return Ok(Err(Outcome::Waits));
        }
        self.decide(work, "empty", None, None, None, None)?;
        Ok(Err(Outcome::Empty))
    }

    /// Whether there is time for it to become possible: what can't be made is looked at again when its time has come.
    fn waits(&self, work: Work<'_>) -> bool {
        let is_ahead = Timestamptz::of(work.occurrence.instant) > self.as_of;
        if is_ahead {
            self.waiting.borrow_mut().insert(work.schedule.id);
        }
        is_ahead
    }

    fn make(&self, work: Work<'_>, item: Option<Item>) -> Result<Outcome> {
        let Work { schedule, occurrence } = work;
        let at = Timestamptz::of(occurrence.instant);
        let definition = schedule.settings.post(item.map(|item| item.template))?;
        let id = new_id();
        if !self.decide(work, "made", Some(id), item, Some(&definition.accounts), None)? {
            return Ok(Outcome::Made);
        }
        let post = NewPost {
            workspace: schedule.workspace,
            author: schedule.author,
            definition: &definition,
            scheduled_at: Some(at),
            next_slot: false,
            is_draft: false,
            schedule: Some(schedule.id),
        };
        post.insert_as(id, self.now)?;
        if let Some(item) = item {
            schedule.used(item, Some(&definition), at)?;
        }
        Ok(Outcome::Made)
    }

    /// Notes what becomes of an occurrence. False: that was noted before.
    fn decide(
        &self,
        work: Work<'_>,
        state: &str,
        post: Option<Uuid>,
        item: Option<Item>,
        accounts: Option<&[Uuid]>,
        error: Option<&serde_json::Value>,
    ) -> Result<bool> {
        let decided = INSERT_OCCURRENCE.write(
            &[
                work.schedule.workspace.into(),
                work.schedule.id.into(),
                Timestamptz::of(work.occurrence.instant).into(),
                state.into(),
                post.into(),
                item.map(|item| item.id).into(),
                item.and_then(|item| item.used_before).into(),
                item.and(accounts).map(<[Uuid]>::to_vec).into(),
                error.map(Jsonb::from_value).into(),
                self.now.into(),
            ],
            |_| Ok(()),
        )?;
        Ok(!decided.is_empty())
    }
}

/// Moves the schedules on to what is not decided yet.
fn note(coming: &[(Schedule, Coming)], outcomes: &[Outcome], now: Timestamptz) -> Result<()> {
    let mut moved = Moved::default();
    let mut outcomes = outcomes.iter();
    for (schedule, coming) in coming {
        let mut cursor = (schedule.cursor_at, schedule.cursor_wall);
        let mut next = coming.next.map(|next| Timestamptz::of(next.instant));
        let (mut is_waiting, mut since) = (false, schedule.empty_since);
        if let Some(PassedOver { count, first, before }) = &coming.passed_over {
            cursor.0 = cursor.0.max(Timestamptz(Timestamptz::of(*before).0 - 1));
            if *count > 0 {
                let what = json!({ "count": count, "from": first.to_rfc3339(), "before": before.to_rfc3339(),
                                   "missed": schedule.settings.missed.as_str() });
                schedule.tell("schedule_missed", what, now)?;
            }
        }
        for (occurrence, outcome) in coming.wanted.iter().zip(outcomes.by_ref()) {
            let at = Timestamptz::of(occurrence.instant);
            if *outcome == Outcome::Waits {
                next = if is_waiting { next } else { Some(at) };
                is_waiting = true;
                continue;
            }
            cursor = (cursor.0.max(at), Some(occurrence.planned));
            let is_empty = *outcome == Outcome::Empty;
            if is_empty && since.is_none() {
                // Once, not for each occurrence until there is something
                schedule.tell(
                    "schedule_empty",
                    json!({ "occurs_at": occurrence.instant.to_rfc3339() }),
                    now,
                )?;
            }
            since = if is_empty { since.or(Some(at)) } else { None };
        }
        if next.is_none() {
            schedule.tell("schedule_ended", json!({}), now)?;
        }
        moved.push(schedule, (cursor.0, cursor.1.map(Timestamp::of)), next, (is_waiting, since));
    }
    moved.store()
}

/// Schedules with where they have come to, column by column.
#[derive(Default)]
struct Moved {
    workspaces: Vec<Uuid>,
    ids: Vec<Uuid>,
    cursors: Vec<Timestamptz>,
    walls: Vec<Option<Timestamp>>,
    next: Vec<Option<Timestamptz>>,
    waiting: Vec<bool>,
    since: Vec<Option<Timestamptz>>,
}

impl Moved {
    fn push(
        &mut self,
        schedule: &Schedule,
        cursor: (Timestamptz, Option<Timestamp>),
        next: Option<Timestamptz>,
        waits: (bool, Option<Timestamptz>),
    ) {
        self.workspaces.push(schedule.workspace);
        self.ids.push(schedule.id);
        self.cursors.push(cursor.0);
        self.walls.push(cursor.1);
        self.next.push(next);
        self.waiting.push(waits.0);
        self.since.push(waits.1);
    }

    fn store(self) -> Result<()> {
        if self.ids.is_empty() {
            return Ok(());
        }
        ADVANCE.run_only(&[
            self.workspaces.into(),
            self.ids.into(),
            self.cursors.into(),
            self.walls.into(),
            self.next.into(),
            self.waiting.into(),
            self.since.into(),
        ])
    }
}
