//! `crier.create_post`.

use std::collections::{HashMap, HashSet};

use crier_core::validate;
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
use crate::queue::job::{self, NewJob};
use crate::queue::settle::PUBLISH;
use crate::workspaces::new_id;

const ACCOUNTS: Statement = statement!(up "posts/accounts");
const INSERT_POST: Statement = statement!(up "posts/insert_post");
const INSERT_TARGETS: Statement = statement!(up "posts/insert_targets");

const MAX_ACCOUNTS: usize = 100;
const MAX_CONTENT_BYTES: usize = 262_144;
const MAX_MEDIA_BYTES: usize = 16 * 1024 * 1024;
const MAX_SETTINGS_BYTES: usize = 65_536;
/// More than the usual three: an unclear answer is looked into by further attempts, which send nothing new.
const MAX_ATTEMPTS: i32 = 5;

struct Account {
    platform: String,
    status: String,
}

/// A target that is about to be made.
struct NewTarget {
    id: Uuid,
    account_id: Uuid,
    platform: String,
    job_id: Uuid,
}

/// Accepts a post for some accounts at a time, in the caller's transaction; answers with its id. Everything a
/// platform would refuse is refused here, with the reason.
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
) -> Result<Uuid, ErrorReport> {
    let workspace = input::required(workspace_id, "workspace_id")?;
    let content = input::required(content, "content")?;
    let accounts = input::elements(accounts, "accounts")?;
    let now = clock::now();
    let scheduled_at = input::required(scheduled_at, "scheduled_at")?.plausible("scheduled_at", now)?;
    let media = input::required(media, "media")?;
    let settings = input::required(settings, "settings")?;
    check_sizes(content, &accounts)?;
    let caller = Caller::current()?;
    caller.require_editor(workspace)?;
    let author = caller.acts_as(author_id)?;
    let parsed = Draft {
        content,
        media: media.parse("media", MAX_MEDIA_BYTES)?,
        settings: settings.parse("settings", MAX_SETTINGS_BYTES)?,
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
    ])?;
    insert_targets(workspace, id, &targets, now)?;
    let jobs: Vec<_> =
        targets.iter().map(|target| publish_job(workspace, id, target, author, scheduled_at)).collect();
    job::insert(&jobs, now)?;
    Ok(id)
}

fn check_sizes(content: &str, accounts: &[Uuid]) -> Result<()> {
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
}

impl Draft<'_> {
    /// Refuses what the account's platform would refuse.
    fn check(&self, account_id: Uuid, account: &Account) -> Result<()> {
        let platform = find_platform(&account.platform)?;
        let none = Value::Object(serde_json::Map::new());
        let own = self.settings.get(platform.name).unwrap_or(&none);
        let violations = validate::post(platform, self.content, &self.media, own);
        if violations.is_empty() {
            Ok(())
        } else {
            Err(CrierError::Content { account: account_id, violations })
        }
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
    accounts
        .into_iter()
        .map(|account_id| {
            let account =
                found.remove(&account_id).ok_or(CrierError::NotFound { what: "account", id: account_id })?;
            check_status(account_id, &account.status)?;
            draft.check(account_id, &account)?;
            Ok(NewTarget { id: new_id(), account_id, platform: account.platform, job_id: new_id() })
        })
        .collect()
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
    INSERT_TARGETS.run_only(&[
        workspace.into(),
        post.into(),
        targets.iter().map(|target| target.id).collect::<Vec<_>>().into(),
        targets.iter().map(|target| target.account_id).collect::<Vec<_>>().into(),
        targets.iter().map(|target| target.platform.as_str()).collect::<Vec<_>>().into(),
        targets.iter().map(|target| target.job_id).collect::<Vec<_>>().into(),
        now.into(),
    ])
}

fn publish_job(
    workspace: Uuid,
    post: Uuid,
    target: &NewTarget,
    author: Option<Uuid>,
    scheduled_at: Timestamptz,
) -> NewJob {
    let params = serde_json::json!({ "post_id": post.to_string(), "target_id": target.id.to_string() });
    NewJob {
        id: target.job_id,
        workspace_id: Some(workspace),
        user_id: author,
        account_id: Some(target.account_id),
        run_at: Some(scheduled_at),
        max_attempts: Some(MAX_ATTEMPTS),
        ..NewJob::new(PUBLISH.to_owned(), params.to_string())
    }
}
