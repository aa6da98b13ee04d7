//! `crier.update_post`.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use super::definition::Definition;
use super::plan::{Plan, Target};
use super::replan::Standing;
use super::slots;
use super::store::{self, Accounts, Stage};
use crate::answer::TableIterator;
use crate::clock;
use crate::error::{CrierError, Result};
use crate::input;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};

const FREEZE: Statement = statement!(up "posts/freeze");
const UPDATE_POST: Statement = statement!(up "posts/update_post");
const SET_TAGS: Statement = statement!(up "posts/set_tags");

/// Changes what is not out yet of a post; a null leaves that as it is, and an empty `first_comment` takes it away. What is out or may
/// be stays what it was. Accounts for which it had failed or was canceled are planned again by `crier.reschedule_post()` only. What
/// was approved goes back to review. Answers with the state of every target.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn update_post(
    post_id: Option<Uuid>,
    content: default!(Option<&str>, "NULL"),
    accounts: default!(Option<Vec<Option<Uuid>>>, "NULL"),
    media: default!(Option<Jsonb>, "NULL"),
    settings: default!(Option<Jsonb>, "NULL"),
    thread: default!(Option<Jsonb>, "NULL"),
    first_comment: default!(Option<&str>, "NULL"),
    split: default!(Option<bool>, "NULL"),
    variants: default!(Option<Jsonb>, "NULL"),
    tags: default!(Option<Vec<Option<String>>>, "NULL"),
    priority: default!(Option<i32>, "NULL"),
) -> Result<
    TableIterator<'static, (name!(target_id, Uuid), name!(account_id, Uuid), name!(state, &'static str))>,
    ErrorReport,
> {
    let id = input::required(post_id, "post_id")?;
    let accounts = accounts.map(|accounts| input::elements(Some(accounts), "accounts")).transpose()?;
    let tags = tags.map(|tags| input::elements(Some(tags), "tags")).transpose()?;
    let mut plan = Plan::open(id, const { rights::least("update_post") })?;
    let old = &plan.definition;
    let given = [
        ("content", content.is_some()),
        ("accounts", accounts.is_some()),
        ("media", media.is_some()),
        ("settings", settings.is_some()),
        ("thread", thread.is_some()),
        ("first_comment", first_comment.is_some()),
        ("split", split.is_some()),
        ("variants", variants.is_some()),
        ("priority", priority.is_some()),
        ("tags", tags.is_some()),
    ];
    let fields: Vec<&str> =
        given.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect();
    let says_more = fields.iter().any(|field| *field != "tags");
    let new = Definition {
        content: content.map_or_else(|| old.content.clone(), str::to_owned),
        media: media.unwrap_or(old.media),
        settings: settings.unwrap_or(old.settings),
        accounts: accounts.unwrap_or_else(|| old.accounts.clone()),
        variants: variants.unwrap_or(old.variants),
        thread: thread.unwrap_or(old.thread),
        first_comment: match first_comment {
            None => old.first_comment.clone(),
            Some("") => None,
            Some(text) => Some(text.to_owned()),
        },
        split: split.unwrap_or(old.split),
        tags: tags.unwrap_or_else(|| old.tags.clone()),
        priority: priority.unwrap_or(old.priority),
    };
    let standing = if says_more { plan.change(&new, clock::now())? } else { plan.tag(&new)? };
    plan.note("post_edited", json!({ "fields": fields }))?;
    Ok(TableIterator::new(standing))
}

impl Plan {
    /// Tags are nobody's but ours: they change whenever.
    fn tag(&self, new: &Definition) -> Result<Vec<Standing>> {
        new.parse()?;
        SET_TAGS.run_only(&[self.post.workspace.into(), self.post.id.into(), new.tags.clone().into()])?;
        Ok(self.standing())
    }

    /// The post becomes another where it is not out yet.
    fn change(&mut self, new: &Definition, now: Timestamptz) -> Result<Vec<Standing>> {
        self.require_settled()?;
        let closed = self.closed();
        if let Some(gone) = closed.iter().find(|account| !new.accounts.contains(account)) {
            return Err(CrierError::invalid(
                "accounts",
                format!("leave out account {gone}, on which the post is out or may be"),
                "Keep the account; crier.delete_published() takes its post back.",
            ));
        }
        let open = |account: &Uuid| !closed.contains(account);
        let all_closed = self.targets.iter().all(|target| closed.contains(&target.account));
        if !closed.is_empty() && all_closed && !new.accounts.iter().any(open) {
            return Err(CrierError::invalid(
                format!("post {}", self.post.id),
                "is out already, or may be, on all its accounts",
                "crier.duplicate_post() makes another post of it.",
            ));
        }
        let parsed = new.parse()?;
        let was_planned = matches!(self.stage, Stage::Scheduled | Stage::Approved);
        let to_review = self.approval.is_some() && was_planned;
        // Checked as far as it will be published: a draft may be unfinished.
        let accounts: Vec<Uuid> = new.accounts.iter().copied().filter(open).collect();
        let accounts = Accounts::of(self.post.workspace, &accounts)?;
        let nothing = self.stage == Stage::Draft || (accounts.are_none() && !closed.is_empty());
        let mut targets = if nothing { vec![] } else { store::targets(&accounts, &parsed)? };
        let ended = self.ended_accounts();
        let stays_planned = self.stage == Stage::Scheduled && !to_review;
        let planned: Vec<Uuid> = store::accounts_of(&targets)
            .into_iter()
            .filter(|id| stays_planned && !ended.contains(id))
            .collect();
        // Accounts that are planned still keep their slots.
        let mut left = self.open_accounts();
        left.retain(|account| !planned.contains(account));
        slots::free(self.post.workspace, self.post.id, &left)?;
        let due = self.due_times(&planned, now)?;
        self.end_jobs(|target| !closed.contains(&target.account), now)?;
        let key = (self.post.workspace, self.post.id);
        if !closed.is_empty() {
            let closed: Vec<Uuid> = closed.iter().copied().collect();
            FREEZE.run_only(&[key.0.into(), key.1.into(), closed.into()])?;
        }
        // Where nothing is planned, what had ended stays as canceled: nobody plans it again but by its name, and no job does.
        let (dropped, ended_too): (Vec<&Target>, Vec<&Target>) = self
            .targets
            .iter()
            .filter(|target| !closed.contains(&target.account))
            .partition(|target| stays_planned || !ended.contains(&target.account));
        self.drop_targets(dropped.iter().map(|target| target.id).collect())?;
        self.cancel_targets(ended_too.iter().map(|target| target.id).collect(), now)?;
        UPDATE_POST.run_only(&[
            key.0.into(),
            key.1.into(),
            new.content.as_str().into(),
            new.media.into(),
            new.settings.into(),
            new.accounts.clone().into(),
            parsed.stored_variants().into(),
            parsed.stored_thread().into(),
            new.first_comment.as_deref().into(),
            new.split.into(),
            new.priority.into(),
            now.into(),
        ])?;
        SET_TAGS.run_only(&[key.0.into(), key.1.into(), new.tags.clone().into()])?;
        self.post.priority = new.priority;
        if to_review {
            self.set_plan(Stage::InReview, now)?;
        } else if self.stage == Stage::Approved {
            // It is not what was approved.
            self.set_plan(Stage::Draft, now)?;
        } else if self.stage == Stage::Scheduled {
            for target in &mut targets {
                target.is_canceled = ended.contains(&target.account);
            }
            self.post.add_targets(targets, due, now)?;
            if self.next_slot && closed.is_empty() {
                self.set_plan(Stage::Scheduled, now)?;
            }
        }
        self.read_targets()?;
        self.add_event("post_edited", json!({}), (None, None), now)?;
        Ok(self.standing())
    }
}
