//! Comments: published in one call, and found again among those of the post.
//!
//! Nothing tells one comment from another with the same words, so that of two alike the older one is ours, and one that
//! somebody else wrote meanwhile leaves a doubt.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use crier_core::platform::instagram::{PostRef, post_ref};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::classify::read;
use super::publish::{permalink, published, seconds, words};
use crate::providers::answer::{Phase, seconds_since_1970, since_1970};
use crate::providers::graph::{Graph, is_id};
use crate::providers::window::{Window, answered_at};
use crate::providers::{Account, Failure, Found, Frozen, Post, Published, Sought};

/// How many a page has, and how many pages are read at most.
const PAGE: &str = "50";
const MAX_PAGES: usize = 20;

/// What was prepared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Prepared {
    /// The post, by its id.
    comment_on: Option<String>,
}

/// What is sent, and what it is looked for by.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Comment {
    comment_on: String,
    message: String,
    /// In seconds since 1970.
    drafted_at: u64,
}

fn parse(prepared: &Value) -> Prepared {
    Prepared::deserialize(prepared).unwrap_or_default()
}

/// Finds out the id of the post, which is the one piece there is.
pub(super) async fn step(
    server: &Graph<'_>,
    account: &Account,
    answered: &str,
    prepared: &Value,
) -> Result<Option<Value>, Failure> {
    if parse(prepared).comment_on.is_some() {
        return Ok(None);
    }
    let id = match post_ref(answered) {
        Some(PostRef::Id(id)) => id.to_owned(),
        Some(PostRef::Code(code)) => id_of(server, account, code).await?,
        None => {
            return Err(Failure::new(
                ErrorClass::ContentInvalid,
                "what is commented is no post on instagram",
            ));
        }
    };
    Ok(Some(json!(Prepared { comment_on: Some(id) })))
}

#[derive(Deserialize)]
struct Media {
    data: Vec<Medium>,
}

#[derive(Deserialize)]
struct Medium {
    id: String,
    #[serde(default)]
    permalink: String,
}

/// The id of a post of the account's own: there is no call that tells it for another's.
async fn id_of(server: &Graph<'_>, account: &Account, code: &str) -> Result<String, Failure> {
    let path = format!("{}/media", account.external_id);
    let query = [("fields", "id,permalink"), ("limit", "100")];
    let media: Media = read(Phase::Prepare, server.get(&path, &query).await)?;
    let is = |medium: &&Medium| {
        is_id(&medium.id)
            && matches!(post_ref(&medium.permalink), Some(PostRef::Code(known)) if known == code)
    };
    media.data.iter().find(is).map(|medium| medium.id.clone()).ok_or_else(|| {
        let message = "the post that is commented is not among the newest of the account; name it by its id";
        Failure::new(ErrorClass::TargetMissing, message)
    })
}

/// Writes the comment down.
pub(super) fn draft(post: &Post, prepared: &Value, now: SystemTime) -> Result<Frozen, Failure> {
    let unready = || Failure::new(ErrorClass::Transient, "the post that is commented is not known yet");
    let random = |_| Failure::new(ErrorClass::Transient, "there are no random numbers for a key");
    let comment = Comment {
        comment_on: parse(prepared).comment_on.filter(|id| is_id(id)).ok_or_else(unready)?,
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
struct Comments {
    data: Vec<Listed>,
    #[serde(default)]
    paging: Value,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
    #[serde(default)]
    text: String,
    timestamp: String,
    #[serde(default)]
    username: Option<String>,
}

impl Comment {
    /// The comment that was written down, if it was one.
    pub(super) fn of(frozen: &Frozen) -> Option<Self> {
        serde_json::from_str(&frozen.request).ok().filter(|comment: &Self| is_id(&comment.comment_on))
    }

    /// Sends it.
    pub(super) async fn commit(&self, server: &Graph<'_>, account: &Account) -> Result<Published, Failure> {
        let path = format!("{}/comments", self.comment_on);
        let answer = server.post(&path, &vec![("message", self.message.clone())]).await;
        let Made { id } = read(Phase::Commit, answer)?;
        if !is_id(&id) {
            let message = "the server answered with no id of a comment";
            return Err(Failure { status: Some(200), ..Failure::new(ErrorClass::OutcomeUnknown, message) });
        }
        Ok(self.there(server, account, id).await)
    }

    /// Looks for it among those of its post, the newest first.
    pub(super) async fn look(
        &self,
        server: &Graph<'_>,
        account: &Account,
        sought: Sought<'_>,
    ) -> Result<Found, Failure> {
        let path = format!("{}/comments", self.comment_on);
        let window = Window::new(since_1970(self.drafted_at), sought.drafted);
        let mut begin = None;
        let (mut ours, mut alike, mut after) = (vec![], false, None::<String>);
        for _ in 0..MAX_PAGES {
            let mut query = vec![("fields", "id,text,timestamp,username"), ("limit", PAGE)];
            query.extend(after.as_deref().map(|after| ("after", after)));
            let answer = server.get(&path, &query).await;
            let answered_at = answered_at(&answer);
            let page: Comments = read(Phase::Read, answer)?;
            let begin = *begin.get_or_insert_with(|| window.begin(answered_at));
            let since = seconds_since_1970(begin);
            let mut is_old = page.data.is_empty();
            for listed in page.data {
                let is_new = seconds(&listed.timestamp)? >= since;
                is_old |= !is_new;
                if is_new && is_id(&listed.id) && words(&listed.text) == words(&self.message) {
                    match listed.username {
                        Some(name) if name.eq_ignore_ascii_case(&account.handle) => ours.push(listed.id),
                        // The account may have another name by now.
                        _ => alike = true,
                    }
                }
            }
            after = page.paging["cursors"]["after"].as_str().map(str::to_owned);
            if is_old || after.is_none() || page.paging["next"].is_null() {
                let taken = sought.others.taken(ours.clone()).await?;
                // Newest first: of two alike, the older one is ours.
                return Ok(match ours.into_iter().rfind(|id| !taken.contains(id)) {
                    Some(id) => Found::Same(self.there(server, account, id).await),
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
    async fn there(&self, server: &Graph<'_>, account: &Account, id: String) -> Published {
        published(account, id, permalink(server, &self.comment_on).await)
    }
}
