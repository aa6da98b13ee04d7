//! Comments: published in one call, and found again among those of the post.
//!
//! Nothing tells one comment from another with the same words, so that of two alike the older one is ours, and one that
//! somebody else wrote meanwhile leaves a doubt.

use std::time::SystemTime;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::listed::{next, permalink, published, time};
use super::{Graph, Judge, is_object};
use crate::providers::answer::{Phase, read};
use crate::providers::key::new_key;
use crate::providers::own_posts::{Likeness, Listed, OwnPosts, Page, search};
use crate::providers::window::answered_at;
use crate::providers::words::words;
use crate::providers::{Account, Failure, Found, Frozen, Post, Published, Sought};

/// How many a page has, and how many pages are read at most.
const PAGE: &str = "25";
const MAX_PAGES: usize = 40;

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
    let comment = Comment {
        comment_on: parse(prepared).comment_on.filter(|id| is_object(id)).ok_or_else(unready)?,
        message: post.content.clone(),
    };
    Ok(Frozen { key: new_key(now)?, request: json!(comment).to_string() })
}

#[derive(Deserialize)]
struct Made {
    id: String,
}

#[derive(Deserialize)]
struct Told {
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
        match search(&Under { server, account, kind, sent: self }, sought).await {
            Ok(Found::Same(comment)) => {
                Ok(Found::Same(self.there(server, account, kind, comment.external_id).await))
            }
            Err(failure) => Err(failure.closed(CLOSED)),
            found => found,
        }
    }

    /// A comment has no page of its own: it is seen under its post.
    async fn there(&self, server: &Graph<'_>, account: &Account, kind: &Comments, id: String) -> Published {
        let url = permalink(server, &self.comment_on, kind.permalink).await;
        published(id, url, || (kind.page)(account))
    }
}

/// What is said where the login that the account has does not let comments be read.
const CLOSED: &str =
    "the account's login does not let comments be read: whether it was published only a person can see";

/// The comments of a post, beside the one that was sent.
struct Under<'a> {
    server: &'a Graph<'a>,
    account: &'a Account,
    kind: &'a Comments,
    sent: &'a Comment,
}

#[async_trait]
impl OwnPosts for Under<'_> {
    type Cursor = String;

    fn max_pages(&self) -> usize {
        MAX_PAGES
    }

    async fn page(&self, after: Option<String>) -> Result<Page<String>, Failure> {
        let mut query = vec![("fields", self.kind.fields), ("limit", PAGE)];
        query.extend(self.kind.more);
        query.extend(after.as_deref().map(|after| ("after", after)));
        let answer = self.server.get(&format!("{}/comments", self.sent.comment_on), &query).await;
        let answered_at = answered_at(&answer);
        let Told { data, paging } = read(Phase::Read, answer, self.kind.judge)?;
        let listed = data.iter().map(|comment| self.listed(comment)).collect::<Result<_, _>>()?;
        Ok(Page { listed, answered_at, next: next(&paging)? })
    }
}

impl Under<'_> {
    fn listed(&self, comment: &Value) -> Result<Listed, Failure> {
        let unreadable = || Failure::new(ErrorClass::Transient, "a comment in the list has no id");
        let id = comment["id"].as_str().filter(|id| is_object(id)).ok_or_else(unreadable)?.to_owned();
        let at = time(comment[self.kind.time].as_str().unwrap_or_default())?;
        let text = comment[self.kind.text].as_str().unwrap_or_default();
        let likeness = match words(text) == words(&self.sent.message) {
            true if (self.kind.is_ours)(comment, self.account) => {
                Likeness::Same(Published { external_id: id, url: String::new(), cid: None })
            }
            true => Likeness::Alike(id),
            false => Likeness::Different,
        };
        Ok(Listed { at: Some(at), likeness })
    }
}
