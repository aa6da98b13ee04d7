//! Stores a post, and makes its targets once it is planned.

use std::collections::HashMap;

use crier_core::platform::Platform;
use pgrx::Uuid;
use serde_json::json;

use super::definition::{Definition, Parsed, Planned};
use super::due;
use super::slots;
use crate::activity::{self, Object};
use crate::error::{CrierError, Result, find_platform};
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};
use crate::workspaces::new_id;

const ACCOUNTS: Statement = statement!(up "posts/accounts");
const INSERT_POST: Statement = statement!(up "posts/insert_post");
const SET_TAGS: Statement = statement!(up "posts/set_tags");
const INSERT_TARGETS: Statement = statement!(up "posts/insert_targets");

/// How far a post has come before its targets take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Draft,
    InReview,
    /// Approved, and without a time.
    Approved,
    Scheduled,
}

impl Stage {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::InReview => "in_review",
            Self::Approved => "approved",
            Self::Scheduled => "scheduled",
        }
    }

    pub(super) fn read(stage: &str) -> Result<Self> {
        [Self::Draft, Self::InReview, Self::Approved, Self::Scheduled]
            .into_iter()
            .find(|known| known.as_str() == stage)
            .ok_or_else(|| CrierError::Internal(format!("{stage:?} is no stage of a post")))
    }
}

/// A post that is about to be stored.
pub(crate) struct NewPost<'a> {
    pub(crate) workspace: Uuid,
    pub(crate) author: Option<Uuid>,
    pub(crate) definition: &'a Definition,
    pub(crate) scheduled_at: Option<Timestamptz>,
    /// Each account at its next slot from then on.
    pub(crate) next_slot: bool,
    pub(crate) is_draft: bool,
    /// What makes it.
    pub(crate) schedule: Option<Uuid>,
}

/// Refuses a post that no account could be given.
pub(crate) fn check(workspace: Uuid, definition: &Definition) -> Result<()> {
    let parsed = definition.parse()?;
    targets(&Accounts::of(workspace, &definition.accounts)?, &parsed).map(drop)
}

/// Refuses a post for accounts that the workspace does not have, whatever else it says.
pub(crate) fn check_accounts(workspace: Uuid, definition: &Definition) -> Result<()> {
    definition.parse()?;
    Accounts::of(workspace, &definition.accounts).map(drop)
}

impl NewPost<'_> {
    /// Stores it, with its targets where it is planned: in a workspace that approves posts it is in review. Answers with its id.
    pub(crate) fn insert(&self, now: Timestamptz) -> Result<Uuid> {
        self.insert_as(new_id(), now)
    }

    /// The same, with an id that is given.
    pub(crate) fn insert_as(&self, id: Uuid, now: Timestamptz) -> Result<Uuid> {
        let parsed = self.definition.parse()?;
        let accounts = Accounts::of(self.workspace, &self.definition.accounts)?;
        let stage = match (self.is_draft, accounts.approval) {
            (true, _) => Stage::Draft,
            (false, true) => Stage::InReview,
            (false, false) => Stage::Scheduled,
        };
        // What somebody is to approve is what can be published.
        let targets = if self.is_draft { vec![] } else { targets(&accounts, &parsed)? };
        let mut scheduled_at = self.scheduled_at;
        let mut slots = HashMap::new();
        if self.next_slot && stage == Stage::Scheduled {
            let from = scheduled_at.map_or(now, |at| at.max(now));
            slots = slots::book(self.workspace, id, &self.definition.accounts, from)?;
            // The first of them is its time.
            scheduled_at = slots.values().copied().min();
        }
        INSERT_POST.run_only(&[
            self.workspace.into(),
            id.into(),
            self.author.into(),
            self.definition.content.as_str().into(),
            self.definition.media.into(),
            self.definition.settings.into(),
            scheduled_at.into(),
            now.into(),
            parsed.stored_thread().into(),
            stage.as_str().into(),
            self.definition.accounts.clone().into(),
            parsed.stored_variants().into(),
            self.definition.first_comment.as_deref().into(),
            self.definition.split.into(),
            self.definition.priority.into(),
            self.next_slot.into(),
            self.schedule.into(),
        ])?;
        if !self.definition.tags.is_empty() {
            SET_TAGS.run_only(&[self.workspace.into(), id.into(), self.definition.tags.clone().into()])?;
        }
        if stage == Stage::Scheduled {
            let due_at = scheduled_at.unwrap_or(now);
            // What a schedule makes up for lines up behind what waits already, and has waited for nobody so far.
            let due_at = if self.schedule.is_some() { due_at.max(now) } else { due_at };
            let post = Post {
                workspace: self.workspace,
                id,
                author: self.author,
                priority: self.definition.priority,
            };
            post.add_targets(targets, |account| slots.get(&account).copied().unwrap_or(due_at), now)?;
        }
        Ok(id)
    }
}

impl NewPost<'_> {
    /// Notes who made it, and of which other post.
    pub(super) fn note_created(&self, id: Uuid, copy_of: Option<Uuid>) -> Result<()> {
        let changes = json!({
            "accounts": self.definition.accounts.len(),
            "draft": self.is_draft,
            "to": self.scheduled_at.map(Timestamptz::to_text),
            "copy_of": copy_of.map(|id| id.to_string()),
        });
        activity::note_for(self.author, self.workspace, "post_created", Object::Post(id), changes)
    }
}

/// A post whose targets are made.
#[derive(Clone, Copy)]
pub(crate) struct Post {
    pub(crate) workspace: Uuid,
    pub(crate) id: Uuid,
    pub(crate) author: Option<Uuid>,
    pub(crate) priority: i32,
}

/// A target that is about to be made.
pub(super) struct NewTarget {
    id: Uuid,
    pub(super) account: Uuid,
    platform: &'static str,
    number: usize,
    content: Option<String>,
    answers: Option<usize>,
    is_comment: bool,
    has_next: bool,
    media: Option<Jsonb>,
    settings: Option<Jsonb>,
    /// It is not to be published, until somebody plans it again.
    pub(super) is_canceled: bool,
}

/// The accounts of a post.
pub(super) struct Accounts {
    found: HashMap<Uuid, (String, String)>,
    order: Vec<Uuid>,
    /// Whether somebody has to approve posts of the workspace.
    pub(super) approval: bool,
}

impl Accounts {
    pub(super) fn are_none(&self) -> bool {
        self.order.is_empty()
    }

    /// Refuses one that the workspace does not have.
    pub(super) fn of(workspace: Uuid, accounts: &[Uuid]) -> Result<Self> {
        let accounts = Self::look(workspace, accounts)?;
        match accounts.order.iter().find(|id| !accounts.found.contains_key(id)) {
            Some(missing) => Err(CrierError::NotFound { what: "account", id: *missing }),
            None => Ok(accounts),
        }
    }

    /// Some of them may be missing.
    pub(super) fn look(workspace: Uuid, accounts: &[Uuid]) -> Result<Self> {
        let rows = ACCOUNTS.read(&[workspace.into(), accounts.to_vec().into()], |row| {
            Ok((row.get::<Uuid>(1)?, row.get(2)?, row.get(3)?, row.get::<String>(4)?.is_some()))
        })?;
        let approval = rows.iter().any(|(.., approval)| *approval);
        let found: HashMap<_, _> = rows
            .into_iter()
            .filter_map(|(id, platform, status, _)| Some((id?, (platform?, status?))))
            .collect();
        Ok(Self { found, order: accounts.to_vec(), approval })
    }

    /// Those that a post is for: it needs one.
    pub(super) fn each(&self) -> Result<&[Uuid]> {
        if self.order.is_empty() {
            return Err(CrierError::invalid(
                "accounts",
                "must not be empty",
                "Name the accounts to publish on.",
            ));
        }
        Ok(&self.order)
    }

    /// The platform of one of them.
    pub(super) fn platform(&self, account: Uuid) -> Result<&'static Platform> {
        let missing = CrierError::NotFound { what: "account", id: account };
        find_platform(&self.found.get(&account).ok_or(missing)?.0)
    }

    /// What one of them publishes; what its platform would refuse is refused, and an account that can't publish.
    pub(super) fn plan(&self, account: Uuid, parsed: &Parsed<'_>) -> Result<Planned> {
        let platform = self.platform(account)?;
        if let Some((_, status)) = self.found.get(&account) {
            check_status(account, status)?;
        }
        parsed.plan(account, platform)
    }
}

/// What the accounts publish, see [`Accounts::plan`].
pub(super) fn targets(accounts: &Accounts, parsed: &Parsed<'_>) -> Result<Vec<NewTarget>> {
    let order = accounts.each()?;
    let mut targets = Vec::with_capacity(order.len());
    for account in order.iter().copied() {
        let platform = accounts.platform(account)?;
        let Planned { parts, media, settings } = accounts.plan(account, parsed)?;
        let last = parts.len() - 1;
        targets.extend(parts.into_iter().enumerate().map(|(number, part)| NewTarget {
            id: new_id(),
            account,
            platform: platform.name,
            number,
            content: part.content,
            answers: part.answers,
            is_comment: part.is_comment,
            has_next: number < last,
            media: media.filter(|_| number == 0),
            settings,
            is_canceled: false,
        }));
    }
    Ok(targets)
}

/// The accounts that these are for.
pub(super) fn accounts_of(targets: &[NewTarget]) -> Vec<Uuid> {
    targets.iter().filter(|target| target.number == 0).map(|target| target.account).collect()
}

/// Refuses an account that can't do anything now.
pub(crate) fn check_status(account: Uuid, status: &str) -> Result<()> {
    let (reason, hint) = match status {
        "active" => return Ok(()),
        "paused" => ("is paused", "Resume the account first."),
        "reauth_required" => ("needs a new login", "Connect the account again: crierd account add."),
        _ => ("is not connected yet", "Finish connecting it: crierd account add."),
    };
    Err(CrierError::Account { account, reason: reason.to_owned(), hint })
}

impl Post {
    /// Makes the targets, and jobs for those that are due soon.
    pub(super) fn add_targets(
        self,
        targets: Vec<NewTarget>,
        due_at: impl Fn(Uuid) -> Timestamptz,
        now: Timestamptz,
    ) -> Result<()> {
        let due: Vec<_> = targets
            .iter()
            .map(|target| (target.number == 0 && !target.is_canceled).then(|| due_at(target.account)))
            .collect();
        let jobs: Vec<_> =
            due.iter().map(|at| at.filter(|at| due::is_near(*at, now)).map(|_| new_id())).collect();
        let number = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
        let state = |target: &NewTarget| match target {
            NewTarget { is_canceled: true, .. } => "canceled",
            NewTarget { number: 0, .. } => "scheduled",
            _ => "waiting",
        };
        INSERT_TARGETS.run_only(&[
            self.workspace.into(),
            self.id.into(),
            column(&targets, |target| target.id).into(),
            column(&targets, |target| target.account).into(),
            column(&targets, |target| target.platform).into(),
            jobs.clone().into(),
            now.into(),
            column(&targets, |target| number(target.number)).into(),
            column(&targets, |target| target.answers.map(number)).into(),
            column(&targets, |target| target.content.as_deref()).into(),
            column(&targets, |target| target.has_next).into(),
            column(&targets, state).into(),
            due.clone().into(),
            column(&targets, |target| target.is_comment).into(),
            column(&targets, |target| target.media).into(),
            column(&targets, |target| target.settings).into(),
        ])?;
        let placed = targets.iter().zip(jobs).zip(due).filter_map(|((target, job), due)| {
            Some(due::Placed {
                job: job?,
                target: target.id,
                account: target.account,
                is_comment: target.is_comment,
                run_at: due?,
                post: self,
            })
        });
        due::add_jobs(&placed.collect::<Vec<_>>(), false, now)
    }
}

fn column<'a, T>(targets: &'a [NewTarget], of: impl Fn(&'a NewTarget) -> T) -> Vec<T> {
    targets.iter().map(of).collect()
}
