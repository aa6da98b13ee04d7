//! `crierd post`: makes a post.

use std::io::Read;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::Args;
use serde_json::Value;
use uuid::Uuid;

use super::accounts::Directory;
use super::attached::Attached;
use super::entry::Media;
use super::out::print;
use super::when::{self, When, local};
use super::zone;
use crate::config::Config;
use crate::db::{Db, FoundAccount, NewPost};
use crate::error::Error;

/// The most bytes of a text that are read; the database takes less.
const MAX_BYTES: u64 = 1024 * 1024;

#[derive(Debug, Args)]
pub(crate) struct Post {
    /// What it says; `-`: what standard input has
    text: String,
    /// The accounts, each by its handle, by platform:handle or by its id
    #[arg(long, required = true, num_args = 1.., value_delimiter = ',', value_name = "ACCOUNT")]
    to: Vec<String>,
    /// The workspace of the accounts, where more than one has accounts of such names
    #[arg(long, value_name = "UUID")]
    workspace: Option<Uuid>,
    /// When: "2026-12-01 09:00", "tomorrow 9:00", "in 2 hours", "monday 18:30", "next friday at 7pm", "now"
    #[arg(long, value_name = "TIME", required_unless_present_any = ["draft", "next_slot"])]
    at: Option<String>,
    /// The time zone of the time, for instance Europe/Berlin [default: the system's]
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    #[command(flatten)]
    media: Attached,
    /// A word to find it by; may be given several times
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// Only write it down: it is not published before somebody schedules it
    #[arg(long)]
    draft: bool,
    /// At the next free slot of each account; with --at from that time on
    #[arg(long, conflicts_with = "draft")]
    next_slot: bool,
    /// Check everything, and make nothing
    #[arg(long)]
    dry_run: bool,
}

/// Makes it, and says what will happen when and where.
pub(crate) async fn run(config: &Config, post: Post) -> Result<(), Error> {
    let zone = zone::choose(post.zone.as_deref())?;
    let now = Utc::now();
    let at = post.at.as_deref().map(|text| when::read(text, now, zone)).transpose()?;
    let content = if post.text == "-" { read_input()? } else { post.text };
    let db = Db::new(&config.database)?;
    let directory = Directory::ask(&db, &post.to, post.workspace).await?;
    let workspace_id =
        post.workspace.map_or_else(|| directory.workspace(&post.to), Ok).map_err(Error::Refused)?;
    let accounts = directory.accounts(&post.to, workspace_id).map_err(Error::Refused)?;
    let ids: Vec<_> = accounts.iter().map(|account| account.account_id).collect();
    let new = NewPost {
        workspace_id,
        content: &content,
        accounts: &ids,
        scheduled_at: at.map(|at| at.instant).or_else(|| post.next_slot.then_some(now)),
        media: &Media::json(&post.media.0),
        tags: &post.tag,
        draft: post.draft,
        next_slot: post.next_slot,
    };
    let atomic = db.begin().await?;
    let id = atomic.create_post(&new).await?;
    let made = atomic.get_post(id).await?;
    if post.dry_run {
        atomic.give_up().await?;
    } else {
        atomic.commit().await?;
    }
    let first = if post.dry_run { "nothing was made: this is a dry run".to_owned() } else { id.to_string() };
    let at = at.filter(|_| !post.next_slot);
    print(&format!("{first}\n{}", report(&made, &accounts, at, zone))).map(drop)
}

fn read_input() -> Result<String, Error> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| Error::Refused(format!("standard input: {error}")))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::Refused(format!("standard input has more than {MAX_BYTES} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|_| Error::Refused("standard input is not UTF-8".into()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// The state, the time, and a line for each account.
fn report(made: &Value, accounts: &[FoundAccount], at: Option<When>, zone: Tz) -> String {
    let state = made["state"].as_str().unwrap_or("scheduled").replace('_', " ");
    let mut text = match at {
        Some(at) => format!("{state}: {}\n", both(at.instant, zone)),
        None => format!("{state}\n"),
    };
    for account in accounts {
        let due = due_at(made, account.account_id).filter(|_| at.is_none());
        let due = due.map(|due| format!(", {}", both(due, zone))).unwrap_or_default();
        let (platform, handle, id) = (&account.platform, &account.handle, account.account_id);
        text += &format!("  {platform}:{handle} ({id}){due}\n");
    }
    if let Some(note) = at.and_then(|at| at.note()) {
        text += &format!("note: {note}\n");
    }
    text
}

fn both(at: DateTime<Utc>, zone: Tz) -> String {
    format!("{}, {}", local(at, zone), at.format("%Y-%m-%dT%H:%M:%SZ"))
}

/// When the first part of a post is due on an account.
fn due_at(made: &Value, account: Uuid) -> Option<DateTime<Utc>> {
    let account = account.to_string();
    let mut targets = made["targets"].as_array()?.iter();
    let target = targets.find(|target| target["account_id"] == account.as_str() && target["part"] == 0)?;
    target["due_at"].as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_says_what_will_happen_when_and_where() {
        let (berlin, id) = (Tz::Europe__Berlin, Uuid::from_u128(1));
        let account = FoundAccount {
            name: "alice".into(),
            workspace_id: id,
            account_id: id,
            platform: "bluesky".into(),
            handle: "alice.test".into(),
            status: "active".into(),
        };
        let now = "2026-11-30T09:30:00Z".parse().unwrap();
        let at = when::read("2027-03-28 02:30", now, berlin).unwrap();
        let text = report(&json!({ "state": "scheduled" }), std::slice::from_ref(&account), Some(at), berlin);
        assert_eq!(
            text,
            format!(
                "scheduled: Sun 2027-03-28 03:00 +02:00 (Europe/Berlin), 2027-03-28T01:00:00Z\n  bluesky:alice.test ({id})\n\
                 note: the clocks of Europe/Berlin skip 2027-03-28 02:30: it is the first time after that, \
                 Sun 2027-03-28 03:00 +02:00 (Europe/Berlin)\n"
            )
        );
        let made = json!({ "state": "scheduled", "targets": [
            { "account_id": id, "part": 0, "due_at": "2026-12-01T08:00:00+00:00" },
        ] });
        let text = report(&made, &[account], None, berlin);
        assert!(
            text.contains(&format!(
                "({id}), Tue 2026-12-01 09:00 +01:00 (Europe/Berlin), 2026-12-01T08:00:00Z\n"
            )),
            "{text}"
        );
    }
}
