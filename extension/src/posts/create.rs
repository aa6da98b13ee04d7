//! `crier.create_post`.

use std::collections::{HashMap, HashSet};

use crier_core::rights;
use crier_core::thread::{self as parts, Part, Piece};
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::Value;

use crate::clock;
use crate::error::{CrierError, Result, find_platform};
use crate::identity::Caller;
use crate::input;
use crate::passed::{Jsonb, Timestamptz};
use crate::plans::{Statement, statement};
use crate::posts::thread;
use crate::publishing::thread::Job;
use crate::queue::job;
use crate::workspaces::new_id;

const ACCOUNTS: Statement = statement!(up "posts/accounts");
const INSERT_POST: Statement = statement!(up "posts/insert_post");
const INSERT_TARGETS: Statement = statement!(up "posts/insert_targets");

const MAX_ACCOUNTS: usize = 100;
/// The most bytes of a text.
pub(super) const MAX_CONTENT_BYTES: usize = 262_144;
/// The most bytes of media, those of a thread together.
pub(super) const MAX_MEDIA_BYTES: usize = 16 * 1024 * 1024;
const MAX_SETTINGS_BYTES: usize = 65_536;

struct Account {
    platform: String,
    status: String,
}

/// A target that is about to be made.
struct NewTarget {
    id: Uuid,
    account_id: Uuid,
    platform: String,
    /// Nothing for a part that waits for another.
    job_id: Option<Uuid>,
    /// Its number in the thread.
    number: usize,
    part: Part,
    has_next: bool,
}

/// Accepts a post for some accounts at a time, in the caller's transaction; answers with its id. Everything a
/// platform would refuse is refused here, with the reason. `thread`: what follows it, one answering the other;
/// `first_comment`: what answers it after that; `split`: a text that is too long for a platform becomes a thread there.
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn create_post(
    workspace_id: Option<Uuid>,
    content: Option<&str>,
    accounts: Option<Vec<Option<Uuid>>>,
    scheduled_at: default!(Option<Timestamptz>, "now()"),
    media: default!(Option<Jsonb>, "'[]'"),
    settings: default!(Option<Jsonb>, "'{}'"),
    author_id: default!(Option<Uuid>, "NULL"),
    thread: default!(Option<Jsonb>, "'[]'"),
    first_comment: default!(Option<&str>, "NULL"),
    split: default!(Option<bool>, "false"),
) -> Result<Uuid, ErrorReport> {
    let workspace = input::required(workspace_id, "workspace_id")?;
    let content = input::required(content, "content")?;
    let accounts = input::elements(accounts, "accounts")?;
    let now = clock::now();
    let scheduled_at = input::required(scheduled_at, "scheduled_at")?.plausible("scheduled_at", now)?;
    let media = input::required(media, "media")?;
    let settings = input::required(settings, "settings")?;
    let thread = input::required(thread, "thread")?;
    let split = input::required(split, "split")?;
    check_sizes(content, first_comment, &accounts)?;
    let caller = Caller::current()?;
    caller.require(workspace, const { rights::least("create_post") })?;
    let author = caller.acts_as(author_id)?;
    let pieces = thread::read(thread, split)?;
    let parsed = Draft {
        content,
        media: media.parse("media", MAX_MEDIA_BYTES)?,
        settings: settings.parse("settings", MAX_SETTINGS_BYTES)?,
        thread: &pieces,
        first_comment,
        split,
    };
    let targets = targets(workspace, accounts, &parsed)?;

    let id = new_id();
    INSERT_POST.run_only(&[
        workspace.into(),
        id.into(),
        author.into(),
        content.into(),
        media.into(),
        settings.into(),
        scheduled_at.into(),
        now.into(),
        thread::stored(&pieces).into(),
    ])?;
    insert_targets(workspace, id, &targets, now)?;
    let with_job = targets.iter().filter_map(|target| target.job_id.map(|job_id| (job_id, target)));
    let jobs = with_job.map(|(job_id, target)| {
        let is_comment = target.part.is_comment;
        let job = Job { id: job_id, target_id: target.id, is_comment, run_at: scheduled_at };
        job.of_post(workspace, id, target.account_id, author)
    });
    job::insert(&jobs.collect::<Vec<_>>(), now)?;
    Ok(id)
}

fn check_sizes(content: &str, first_comment: Option<&str>, accounts: &[Uuid]) -> Result<()> {
    if accounts.is_empty() {
        return Err(CrierError::invalid("accounts", "must not be empty", "Name the accounts to publish on."));
    }
    let mut seen = HashSet::new();
    if let Some(twice) = accounts.iter().find(|id| !seen.insert(**id)) {
        return Err(CrierError::invalid(
            "accounts",
            format!("name account {twice} twice"),
            "Name each account once.",
        ));
    }
    for (what, found, limit, unit) in [
        ("accounts", accounts.len(), MAX_ACCOUNTS, "elements"),
        ("content", content.len(), MAX_CONTENT_BYTES, "bytes"),
        ("first_comment", first_comment.map_or(0, str::len), MAX_CONTENT_BYTES, "bytes"),
    ] {
        if found > limit {
            return Err(CrierError::TooLarge { what, found, limit, unit });
        }
    }
    Ok(())
}

/// What is to be published, read once for all accounts.
struct Draft<'a> {
    content: &'a str,
    media: Value,
    settings: Value,
    thread: &'a [Piece],
    first_comment: Option<&'a str>,
    split: bool,
}

impl Draft<'_> {
    /// The parts it has on the account's platform; what that would refuse is refused.
    fn parts(&self, account_id: Uuid, account: &Account) -> Result<Vec<Part>> {
        let platform = find_platform(&account.platform)?;
        let none = Value::Object(serde_json::Map::new());
        let own = self.settings.get(platform.name).unwrap_or(&none);
        let draft = parts::Draft {
            content: self.content,
            media: &self.media,
            thread: self.thread,
            first_comment: self.first_comment,
            split: self.split,
        };
        parts::parts(platform, &draft, own)
            .map_err(|refusals| CrierError::Content { account: account_id, refusals })
    }

    /// Settings are an object by platform; a name that is no platform is a mistake, not an extra.
    fn check_settings(&self) -> Result<()> {
        const HINT: &str =
            "Write them as an object by platform, for instance {\"bluesky\": {\"langs\": [\"en\"]}}.";
        let Value::Object(fields) = &self.settings else {
            return Err(CrierError::invalid("settings", "must be a JSON object", HINT));
        };
        fields.keys().try_for_each(|name| find_platform(name).map(drop))
    }
}

fn targets(workspace: Uuid, accounts: Vec<Uuid>, draft: &Draft<'_>) -> Result<Vec<NewTarget>> {
    draft.check_settings()?;
    let rows = ACCOUNTS.read(&[workspace.into(), accounts.clone().into()], |row| {
        Ok((row.need::<Uuid>(1)?, Account { platform: row.need(2)?, status: row.need(4)? }))
    })?;
    let mut found: HashMap<_, _> = rows.into_iter().collect();
    let mut targets = Vec::with_capacity(accounts.len());
    for account_id in accounts {
        let account =
            found.remove(&account_id).ok_or(CrierError::NotFound { what: "account", id: account_id })?;
        check_status(account_id, &account.status)?;
        let parts = draft.parts(account_id, &account)?;
        let last = parts.len() - 1;
        targets.extend(parts.into_iter().enumerate().map(|(number, part)| NewTarget {
            id: new_id(),
            account_id,
            platform: account.platform.clone(),
            job_id: (number == 0).then(new_id),
            number,
            part,
            has_next: number < last,
        }));
    }
    Ok(targets)
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

fn insert_targets(workspace: Uuid, post: Uuid, targets: &[NewTarget], now: Timestamptz) -> Result<()> {
    let number = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    INSERT_TARGETS.run_only(&[
        workspace.into(),
        post.into(),
        column(targets, |target| target.id).into(),
        column(targets, |target| target.account_id).into(),
        column(targets, |target| target.platform.as_str()).into(),
        column(targets, |target| target.job_id).into(),
        now.into(),
        column(targets, |target| number(target.number)).into(),
        column(targets, |target| target.part.answers.map(number)).into(),
        column(targets, |target| target.part.content.as_deref()).into(),
        column(targets, |target| target.has_next).into(),
    ])
}

fn column<'a, T>(targets: &'a [NewTarget], of: impl Fn(&'a NewTarget) -> T) -> Vec<T> {
    targets.iter().map(of).collect()
}
