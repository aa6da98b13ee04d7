//! Comments: written in one call, and found again among those of the video.
//!
//! Under another channel's video a comment may be held back, and then no list shows it: there only one that is shown proves
//! something.

use std::time::SystemTime;

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;
use crier_core::platform::youtube::{is_comment, is_video, video_id};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::Api;
use super::classify::read;
use crate::providers::answer::Phase;
use crate::providers::key::new_key;
use crate::providers::own_posts::{self, Likeness, Listed, OwnPosts, Page};
use crate::providers::window::answered_at;
use crate::providers::words::words;
use crate::providers::{Account, Failure, Found, Frozen, Post, Published, Sought};

/// How many comments a page has.
const PAGE: &str = "100";

/// What was prepared, and what is sent: the video, and whether it is the account's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Under {
    comment_on: String,
    is_own: bool,
}

/// What is sent, and what it is looked for by.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Comment {
    under: Under,
    text: String,
}

#[derive(Deserialize)]
struct Videos {
    items: Vec<Video>,
}

#[derive(Deserialize)]
struct Video {
    snippet: Owner,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Owner {
    channel_id: String,
}

/// Finds out whose video it is, which is the one piece there is.
pub(super) async fn step(
    api: &Api<'_>,
    account: &Account,
    video: &str,
    prepared: &Value,
) -> Result<Option<Value>, Failure> {
    if Under::deserialize(prepared).is_ok() {
        return Ok(None);
    }
    let odd = || Failure::new(ErrorClass::ContentInvalid, "what is commented is no video on youtube");
    let id = video_id(video).ok_or_else(odd)?;
    let videos: Videos = read(Phase::Prepare, api.get("videos", &[("part", "snippet"), ("id", id)]).await)?;
    let missing = || Failure::new(ErrorClass::TargetMissing, "the video that is commented is not there");
    let video = videos.items.first().ok_or_else(missing)?;
    let is_own = video.snippet.channel_id == account.external_id;
    Ok(Some(json!(Under { comment_on: id.to_owned(), is_own })))
}

/// Writes the comment down.
pub(super) fn draft(post: &Post, prepared: &Value) -> Result<Frozen, Failure> {
    let unready = |_| Failure::new(ErrorClass::Transient, "the video that is commented is not known yet");
    let comment =
        Comment { under: Under::deserialize(prepared).map_err(unready)?, text: post.content.clone() };
    Ok(Frozen { key: new_key(SystemTime::now())?, request: json!(comment).to_string() })
}

#[derive(Deserialize)]
struct Made {
    id: String,
}

impl Comment {
    /// The comment that was written down, if it was one.
    pub(super) fn of(frozen: &Frozen) -> Option<Self> {
        serde_json::from_str(&frozen.request)
            .ok()
            .filter(|comment: &Self| is_video(&comment.under.comment_on))
    }

    /// Sends it.
    pub(super) async fn commit(&self, api: &Api<'_>) -> Result<Published, Failure> {
        let text = json!({ "snippet": { "textOriginal": self.text } });
        let body = json!({ "snippet": { "videoId": self.under.comment_on, "topLevelComment": text } });
        let Made { id } =
            read(Phase::Commit, api.post("commentThreads", &[("part", "snippet")], &body).await)?;
        let odd = || Failure::new(ErrorClass::OutcomeUnknown, "the answer names no comment");
        is_comment(&id).then(|| self.there(id)).ok_or_else(odd)
    }

    fn there(&self, id: String) -> Published {
        let url = format!("https://www.youtube.com/watch?v={}&lc={id}", self.under.comment_on);
        Published { external_id: id, url, cid: None }
    }

    /// Looks for it among those of its video.
    pub(super) async fn look(
        &self,
        api: &Api<'_>,
        account: &Account,
        sought: Sought<'_>,
    ) -> Result<Found, Failure> {
        match own_posts::search(&Threads { api, account, comment: self }, sought).await? {
            Found::Absent if !self.under.is_own => {
                let message = "the comment is not shown, which may be because the channel holds it back";
                Err(Failure::new(ErrorClass::OutcomeUnknown, message))
            }
            found => Ok(found),
        }
    }
}

/// The comments of a video.
struct Threads<'a> {
    api: &'a Api<'a>,
    account: &'a Account,
    comment: &'a Comment,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Items {
    items: Vec<Thread>,
    #[serde(default)]
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Thread {
    id: String,
    snippet: Top,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Top {
    top_level_comment: Shown,
}

#[derive(Deserialize)]
struct Shown {
    snippet: Snippet,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Snippet {
    #[serde(default)]
    text_original: String,
    #[serde(default)]
    published_at: String,
    #[serde(default)]
    author_channel_id: Value,
}

#[async_trait]
impl OwnPosts for Threads<'_> {
    type Cursor = String;

    async fn page(&self, next: Option<String>) -> Result<Page<String>, Failure> {
        let video = self.comment.under.comment_on.as_str();
        let mut params = vec![
            ("part", "snippet"),
            ("maxResults", PAGE),
            ("order", "time"),
            ("textFormat", "plainText"),
            ("videoId", video),
        ];
        params.extend(next.as_deref().map(|next| ("pageToken", next)));
        let answer = self.api.get("commentThreads", &params).await;
        let answered_at = answered_at(&answer);
        let page: Items = read(Phase::Read, answer)?;
        let listed = page.items.into_iter().map(|thread| self.listed(thread));
        Ok(Page { listed: listed.collect(), answered_at, next: page.next_page_token })
    }
}

impl Threads<'_> {
    /// Of those of others no time is told: one that is pinned stands before newer ones, and must not end the search.
    fn listed(&self, thread: Thread) -> Listed {
        let shown = thread.snippet.top_level_comment.snippet;
        let is_ours = shown.author_channel_id["value"].as_str() == Some(&self.account.external_id);
        if !is_ours || words(&shown.text_original) != words(&self.comment.text) {
            return Listed { at: None, likeness: Likeness::Different };
        }
        let likeness = if is_comment(&thread.id) {
            Likeness::Same(self.comment.there(thread.id))
        } else {
            Likeness::Alike(thread.id)
        };
        Listed { at: humantime::parse_rfc3339(&shown.published_at).ok(), likeness }
    }
}
