//! `crier.create_post`.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use super::definition::Definition;
use super::store::NewPost;
use crate::clock;
use crate::error::Result;
use crate::identity::Caller;
use crate::input;
use crate::passed::{Jsonb, Timestamptz};

/// Accepts a post for some accounts at a time, in the caller's transaction; answers with its id. Everything a
/// platform would refuse is refused here, with the reason. `thread`: what follows it, one answering the other;
/// `first_comment`: what answers it after that; `split`: a text that is too long for a platform becomes a thread there;
/// `variants`: by account, what that has in the place of the content, media and settings; `draft`: it is only kept, and may be
/// unfinished. In a workspace that approves posts it is in review.
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
    variants: default!(Option<Jsonb>, "'{}'"),
    tags: default!(Option<Vec<Option<String>>>, "'{}'"),
    priority: default!(Option<i32>, "0"),
    draft: default!(Option<bool>, "false"),
    next_slot: default!(Option<bool>, "false"),
) -> Result<Uuid, ErrorReport> {
    let workspace = input::required(workspace_id, "workspace_id")?;
    let definition = Definition {
        content: input::required(content, "content")?.to_owned(),
        accounts: input::elements(accounts, "accounts")?,
        media: input::required(media, "media")?,
        settings: input::required(settings, "settings")?,
        variants: input::required(variants, "variants")?,
        thread: input::required(thread, "thread")?,
        first_comment: first_comment.map(str::to_owned),
        split: input::required(split, "split")?,
        tags: input::elements(tags, "tags")?,
        priority: input::required(priority, "priority")?,
    };
    let is_draft = input::required(draft, "draft")?;
    let next_slot = input::required(next_slot, "next_slot")?;
    let now = clock::now();
    let scheduled_at = match scheduled_at {
        // A draft has a time only where one is meant.
        None if is_draft => None,
        at => Some(input::required(at, "scheduled_at")?.plausible("scheduled_at", now)?),
    };
    let scheduled_at = scheduled_at.filter(|at| !is_draft || *at > now);
    let caller = Caller::current()?;
    caller.require(workspace, const { rights::least("create_post") })?;
    let author = caller.acts_as(author_id)?;
    let post = NewPost {
        workspace,
        author,
        definition: &definition,
        scheduled_at,
        next_slot,
        is_draft,
        schedule: None,
    };
    let id = post.insert(now)?;
    post.note_created(id, None)?;
    Ok(id)
}
