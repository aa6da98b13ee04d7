//! What commands for people ask and do: posts, the calendar, what happens now, imports.

use std::time::SystemTime;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::atomic::Atomic;
use super::pool::{Db, Param};
use super::rows::{contract, from_row};
use super::{all, first};
use crate::error::Error;
use crate::people::{Entry, Full};

const ONLY_WORKSPACE: &str = "SELECT crier.only_workspace()";
const FIND_ACCOUNTS: &str = "SELECT name, workspace_id, account_id, platform, handle, status \
     FROM crier.find_accounts($1, $2)";
const CREATE_POST: &str = "SELECT crier.create_post(workspace_id => $1, content => $2, accounts => $3, \
     scheduled_at => $4, media => $5, tags => $6, draft => $7, next_slot => $8)";
const GET_POST: &str = "SELECT crier.get_post($1)";
const GET_POSTS: &str = "SELECT crier.get_post(i.id) FROM pg_catalog.unnest($1::uuid[]) AS i (id)";
const CALENDAR: &str =
    "SELECT due_at, post_id, state, content, accounts, media FROM crier.calendar($1, $2, $3)";
const IMPORTED_POSTS: &str = "SELECT source_id, post_id FROM crier.imported_posts($1, $2)";
const NOTE_IMPORT: &str = "SELECT crier.note_import($1, $2, $3)";
const PUBLISHING_STATUS: &str = "SELECT waiting, running, retrying, due, \
     extract(epoch FROM pg_catalog.clock_timestamp() - due_since)::float8 AS due_for, next_due_at, planned, \
     published_last_minute, failed_last_minute, published_last_hour, failed_last_hour, accounts_to_login, logins, paused, reason \
     FROM crier.publishing_status()";

/// The most posts that `crier.calendar` answers with.
pub(crate) const CALENDAR_ROWS: usize = 1_000;

/// An account that a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FoundAccount {
    /// As it was asked for.
    pub(crate) name: String,
    pub(crate) workspace_id: Uuid,
    pub(crate) account_id: Uuid,
    pub(crate) platform: String,
    pub(crate) handle: String,
    /// `active`, or why not.
    pub(crate) status: String,
}

from_row!(FoundAccount { name, workspace_id, account_id, platform, handle, status });

/// A post that is to be made.
#[derive(Clone, Debug)]
pub(crate) struct NewPost<'a> {
    pub(crate) workspace_id: Uuid,
    pub(crate) content: &'a str,
    pub(crate) accounts: &'a [Uuid],
    /// None: a draft without a time.
    pub(crate) scheduled_at: Option<DateTime<Utc>>,
    pub(crate) media: &'a Value,
    pub(crate) tags: &'a [String],
    pub(crate) draft: bool,
    /// At the next slot of each account from then on.
    pub(crate) next_slot: bool,
}

/// How publishing goes. What is `None` only a primary knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PublishingStatus {
    pub(crate) waiting: Option<i64>,
    pub(crate) running: Option<i64>,
    pub(crate) retrying: Option<i64>,
    /// Should be under way, and is not.
    pub(crate) due: Option<i64>,
    /// For how many seconds the first of those.
    pub(crate) due_for: Option<f64>,
    pub(crate) next_due_at: Option<SystemTime>,
    /// For later; not in the queue yet.
    pub(crate) planned: i64,
    pub(crate) published_last_minute: i64,
    pub(crate) failed_last_minute: i64,
    pub(crate) published_last_hour: i64,
    pub(crate) failed_last_hour: i64,
    pub(crate) accounts_to_login: i64,
    /// Some of those by name.
    pub(crate) logins: Option<Vec<String>>,
    pub(crate) paused: bool,
    pub(crate) reason: Option<String>,
}

from_row!(PublishingStatus {
    waiting,
    running,
    retrying,
    due,
    due_for,
    next_due_at,
    planned,
    published_last_minute,
    failed_last_minute,
    published_last_hour,
    failed_last_hour,
    accounts_to_login,
    logins,
    paused,
    reason,
});

impl TryFrom<Row> for Entry {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let json = |name: &str| row.try_get::<_, Option<Value>>(name).map_err(contract);
        let unfit = |error: serde_json::Error| Error::Contract(format!("crier.calendar: {error}"));
        let accounts = json("accounts")?.unwrap_or_else(|| Value::Array(Vec::new()));
        Ok(Self {
            due_at: row.try_get::<_, SystemTime>("due_at").map_err(contract)?.into(),
            post_id: row.try_get("post_id").map_err(contract)?,
            state: row.try_get("state").map_err(contract)?,
            content: row.try_get("content").map_err(contract)?,
            accounts: serde_json::from_value(accounts).map_err(unfit)?,
            media: row.try_get("media").map_err(contract)?,
        })
    }
}

impl Db {
    /// The workspace, where there is but one.
    pub(crate) async fn only_workspace(&self) -> Result<Option<Uuid>, Error> {
        first(&self.one(ONLY_WORKSPACE, &[]).await?)
    }

    /// The accounts that names mean, in one workspace or in all.
    pub(crate) async fn find_accounts(
        &self,
        names: &[String],
        workspace_id: Option<Uuid>,
    ) -> Result<Vec<FoundAccount>, Error> {
        let params: &[Param<'_>] = &[(&names, Type::TEXT_ARRAY), (&workspace_id, Type::UUID)];
        all(self.rows(FIND_ACCOUNTS, params).await?)
    }

    /// What a workspace publishes within a time of at most three months, the first ones first, [`CALENDAR_ROWS`] at most.
    pub(crate) async fn calendar(
        &self,
        workspace_id: Uuid,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<Entry>, Error> {
        let (from, to) = (SystemTime::from(from), SystemTime::from(to));
        let params: &[Param<'_>] =
            &[(&workspace_id, Type::UUID), (&from, Type::TIMESTAMPTZ), (&to, Type::TIMESTAMPTZ)];
        all(self.rows(CALENDAR, params).await?)
    }

    /// What a calendar has no room for, of these posts.
    pub(crate) async fn full_posts(&self, ids: &[Uuid]) -> Result<Vec<Full>, Error> {
        let rows = self.rows(GET_POSTS, &[(&ids, Type::UUID_ARRAY)]).await?;
        let posts = rows.iter().map(|row| row.try_get::<_, Option<Value>>(0).map_err(contract));
        // one that was deleted meanwhile is none
        let posts = posts.filter_map(Result::transpose);
        posts
            .map(|post| Full::read(&post?).map_err(|why| Error::Contract(format!("crier.get_post: {why}"))))
            .collect()
    }

    /// How publishing goes.
    pub(crate) async fn publishing_status(&self) -> Result<PublishingStatus, Error> {
        self.one(PUBLISHING_STATUS, &[]).await?.try_into()
    }
}

impl Atomic<'_> {
    /// Makes a post; its id.
    pub(crate) async fn create_post(&self, post: &NewPost<'_>) -> Result<Uuid, Error> {
        let scheduled_at = post.scheduled_at.map(SystemTime::from);
        let params: &[Param<'_>] = &[
            (&post.workspace_id, Type::UUID),
            (&post.content, Type::TEXT),
            (&post.accounts, Type::UUID_ARRAY),
            (&scheduled_at, Type::TIMESTAMPTZ),
            (post.media, Type::JSONB),
            (&post.tags, Type::TEXT_ARRAY),
            (&post.draft, Type::BOOL),
            (&post.next_slot, Type::BOOL),
        ];
        first(&self.one(CREATE_POST, params).await?)
    }

    /// A post as `crier.get_post` shows it.
    pub(crate) async fn get_post(&self, id: Uuid) -> Result<Value, Error> {
        first(&self.one(GET_POST, &[(&id, Type::UUID)]).await?)
    }

    /// Which of these names have been imported, and the posts that came of them.
    pub(crate) async fn imported_posts(
        &self,
        workspace_id: Uuid,
        source_ids: &[String],
    ) -> Result<Vec<(String, Uuid)>, Error> {
        let params: &[Param<'_>] = &[(&workspace_id, Type::UUID), (&source_ids, Type::TEXT_ARRAY)];
        let rows = self.rows(IMPORTED_POSTS, params).await?;
        rows.iter()
            .map(|row| Ok((row.try_get(0).map_err(contract)?, row.try_get(1).map_err(contract)?)))
            .collect()
    }

    /// Notes what a post was made of; `false` if that has been imported meanwhile.
    pub(crate) async fn note_import(
        &self,
        workspace_id: Uuid,
        source_id: &str,
        post_id: Uuid,
    ) -> Result<bool, Error> {
        let params: &[Param<'_>] =
            &[(&workspace_id, Type::UUID), (&source_id, Type::TEXT), (&post_id, Type::UUID)];
        first(&self.one(NOTE_IMPORT, params).await?)
    }
}
