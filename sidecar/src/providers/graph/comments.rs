//! Comments: published in one call, and found again among those of the post.
//!
//! Nothing tells one comment from another with the same words, so that of two alike the older one is ours, and one that
//! somebody else wrote meanwhile leaves a doubt.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::listed::{permalink, published, seconds, words};
use super::{Graph, Judge, is_object};
use crate::providers::answer::{Phase, read, seconds_since_1970, since_1970};
use crate::providers::window::{Window, answered_at};
use crate::providers::{Account, Failure, Found, Frozen, Post, Published, Sought};

/// How many a page has, and how many pages are read at most.
const PAGE: &str = "50";
const MAX_PAGES: usize = 20;

/// How a platform has comments.
#[derive(Debug)]
pub(in crate::providers) struct Comments {
    /// The fields that are asked for.
    pub(in crate::providers) fields: &'static str,
    /// What the text is called.
    pub(in crate::providers) text: &'static str,
    /// What the time is called.
    pub(in crate::providers) time: &'static str,
    /// What a list is asked for with besides, to have the newest first.
    pub(in crate::providers) more: &'static [(&'static str, &'static str)],
    /// Whether one is certainly the account's.
    pub(in crate::providers) is_ours: fn(&Value, &Account) -> bool,
    /// What the address of a post is called.
    pub(in crate::providers) permalink: &'static str,
    /// The page of an account.
    pub(in crate::providers) page: fn(&Account) -> String,
    /// What an answer means that is not a success.
    pub(in crate::providers) judge: Judge,
}

/// What was prepared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Prepared {
    /// The post, by its id.
    comment_on: Option<String>,
}

/// What is sent, and what it is looked for by.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::providers) struct Comment {
    comment_on: String,
    message: String,
    /// In seconds since 1970.
    drafted_at: u64,
}

fn parse(prepared: &Value) -> Prepared {
    Prepared::deserialize(prepared).unwrap_or_default()
}

/// Whether the id of the post was found out.
pub(in crate::providers) fn is_known(prepared: &Value) -> bool {
    parse(prepared).comment_on.is_some()
}

/// What was prepared once the id of the post is known.
pub(in crate::providers) fn found(id: &str) -> Value {
    json!(Prepared { comment_on: Some(id.to_owned()) })
}

/// Writes the comment down.
pub(in crate::providers) fn draft(post: &Post, prepared: &Value, now: SystemTime) -> Result<Frozen, Failure> {
    let unready = || Failure::new(ErrorClass::Transient, "the post that is commented is not known yet");
    let random = |_| Failure::new(ErrorClass::Transient, "there are no random numbers for a key");
    let comment = Comment {
        comment_on: parse(prepared).comment_on.filter(|id| is_object(id)).ok_or_else(unready)?,
        message: post.content.clone(),
        drafted_at: seconds_since_1970(now),
    };
    let key = getrandom::u64().map_err(random)?;
    Ok(Frozen { key: format!("comment-{key:016x}"), request: json!(comment).to_string() })
}

#[derive(Deserialize)]
struct Made {
    id: String,
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Value>,
    #[serde(default)]
    paging: Value,
}

impl Comment {
    /// The comment that was written down, if it was one.
    pub(in crate::providers) fn of(frozen: &Frozen) -> Option<Self> {
        serde_json::from_str(&frozen.request).ok().filter(|comment: &Self| is_object(&comment.comment_on))
    }

    /// Sends it.
    pub(in crate::providers) async fn commit(
        &self,
        server: &Graph<'_>,
        account: &Account,
        kind: &Comments,
    ) -> Result<Published, Failure> {
        let path = format!("{}/comments", self.comment_on);
        let answer = server.post(&path, &vec![("message", self.message.clone())]).await;
        let Made { id } = read(Phase::Commit, answer, kind.judge)?;
        if !is_object(&id) {
            let message = "the server answered with no id of a comment";
            return Err(Failure { status: Some(200), ..Failure::new(ErrorClass::OutcomeUnknown, message) });
        }
        Ok(self.there(server, account, kind, id).await)
    }

    /// Looks for it among those of its post, the newest first.
    pub(in crate::providers) async fn look(
        &self,
        server: &Graph<'_>,
        account: &Account,
        kind: &Comments,
        sought: Sought<'_>,
    ) -> Result<Found, Failure> {
        let path = format!("{}/comments", self.comment_on);
        let window = Window::new(since_1970(self.drafted_at), sought.drafted);
        let mut begin = None;
        let (mut ours, mut alike, mut after) = (vec![], false, None::<String>);
        for _ in 0..MAX_PAGES {
            let mut query = vec![("fields", kind.fields), ("limit", PAGE)];
            query.extend(kind.more);
            query.extend(after.as_deref().map(|after| ("after", after)));
            let answer = server.get(&path, &query).await;
            let answered_at = answered_at(&answer);
            let page: Page = read(Phase::Read, answer, kind.judge)?;
            let begin = *begin.get_or_insert_with(|| window.begin(answered_at));
            let since = seconds_since_1970(begin);
            let mut is_old = page.data.is_empty();
            for listed in &page.data {
                let id = listed["id"].as_str().filter(|id| is_object(id)).ok_or_else(unreadable)?;
                let is_new = seconds(listed[kind.time].as_str().unwrap_or_default())? >= since;
                is_old |= !is_new;
                let text = listed[kind.text].as_str().unwrap_or_default();
                if is_new && words(text) == words(&self.message) {
                    match (kind.is_ours)(listed, account) {
                        true => ours.push(id.to_owned()),
                        false => alike = true,
                    }
                }
            }
            after = page.paging["cursors"]["after"].as_str().map(str::to_owned);
            if is_old || after.is_none() || page.paging["next"].is_null() {
                let taken = sought.others.taken(ours.clone()).await?;
                // Newest first: of two alike, the older one is ours.
                return Ok(match ours.into_iter().rfind(|id| !taken.contains(id)) {
                    Some(id) => Found::Same(self.there(server, account, kind, id).await),
                    None if alike => Found::Pending,
                    None => Found::Absent,
                });
            }
        }
        Err(Failure::new(
            ErrorClass::Transient,
            "the post has more comments since then than are looked through",
        ))
    }

    /// A comment has no page of its own: it is seen under its post.
    async fn there(&self, server: &Graph<'_>, account: &Account, kind: &Comments, id: String) -> Published {
        let url = permalink(server, &self.comment_on, kind.permalink).await;
        published(id, url, || (kind.page)(account))
    }
}

fn unreadable() -> Failure {
    Failure::new(ErrorClass::Transient, "a comment in the list has no id")
}
