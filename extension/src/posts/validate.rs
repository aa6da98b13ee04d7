//! `crier.validate_post`.

use crier_core::rights;
use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::json;

use super::definition::{Definition, Parsed};
use super::store::Accounts;
use crate::answer::TableIterator;
use crate::error::{CrierError, Result};
use crate::identity::Caller;
use crate::input;
use crate::passed::Jsonb;

/// What `crier.create_post` would say of a post with these arguments, account by account, without making anything. What is wrong
/// whatever the account is refused as there. `reason`: the stable word of the refusal; `problems`: all of them; `lengths`: of each text
/// what there is and what may be, as the platform counts.
#[pg_extern(stable, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn validate_post(
    workspace_id: Option<Uuid>,
    content: Option<&str>,
    accounts: Option<Vec<Option<Uuid>>>,
    media: default!(Option<Jsonb>, "'[]'"),
    settings: default!(Option<Jsonb>, "'{}'"),
    thread: default!(Option<Jsonb>, "'[]'"),
    first_comment: default!(Option<&str>, "NULL"),
    split: default!(Option<bool>, "false"),
    variants: default!(Option<Jsonb>, "'{}'"),
    tags: default!(Option<Vec<Option<String>>>, "'{}'"),
    priority: default!(Option<i32>, "0"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(account_id, Uuid),
            name!(platform, Option<&'static str>),
            name!(ok, bool),
            name!(reason, Option<&'static str>),
            name!(problems, Vec<String>),
            name!(lengths, Jsonb),
        ),
    >,
    ErrorReport,
> {
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
    Caller::current()?.require(workspace, const { rights::least("validate_post") })?;
    let parsed = definition.parse()?;
    let accounts = Accounts::look(workspace, &definition.accounts)?;
    let rows = accounts.each()?.iter().map(|account| row(&accounts, &parsed, *account));
    Ok(TableIterator::new(rows.collect::<Result<Vec<_>>>()?))
}

type Row = (Uuid, Option<&'static str>, bool, Option<&'static str>, Vec<String>, Jsonb);

fn row(accounts: &Accounts, parsed: &Parsed<'_>, account: Uuid) -> Result<Row> {
    let (reason, problems) = match accounts.plan(account, parsed) {
        Ok(_) => (None, vec![]),
        Err(CrierError::Content { refusals, .. }) => {
            (Some("content_invalid"), refusals.iter().map(ToString::to_string).collect())
        }
        Err(error) if error.is_refusal() => (Some(error.detail()), vec![error.to_string()]),
        Err(error) => return Err(error),
    };
    let platform = accounts.platform(account).ok();
    let lengths = platform.map(|platform| parsed.lengths(account, platform)).unwrap_or_default();
    let lengths = Jsonb::from_value(&json!(lengths));
    Ok((account, platform.map(|platform| platform.name), reason.is_none(), reason, problems, lengths))
}
