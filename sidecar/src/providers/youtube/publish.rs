//! The video: made by the last bytes of its upload, found by that upload or, where that is gone, in the channel's list.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crier_core::error_class::ErrorClass;
use crier_core::platform::youtube::{PLATFORM, is_video};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::Api;
use super::classify::{done, read};
use super::prepare::{Upload, parse, settings};
use super::session::uploads;
use super::upload::{Progress, progress};
use crate::media::Fetcher;
use crate::providers::answer::Phase;
use crate::providers::key::new_key;
use crate::providers::own_posts::{self, Likeness, Listed, OwnPosts, Page};
use crate::providers::window::answered_at;
use crate::providers::words::words;
use crate::providers::{Failure, Found, Frozen, Post, Published, Sought};

/// How many of the channel's videos a page has.
const PAGE: &str = "50";
/// How long what belongs to a video may take.
const COMPLETE: Duration = Duration::from_secs(60);

/// What is sent, and what it is looked for by.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Request {
    upload: String,
    total: usize,
    /// Where the last bytes begin.
    from: usize,
    /// The last bytes, in base64.
    tail: String,
    title: String,
    description: String,
}

impl Request {
    fn of(frozen: &Frozen) -> Result<Self, Failure> {
        serde_json::from_str(&frozen.request)
            .map_err(|_| Failure::new(ErrorClass::Config, "the stored request is not of this version"))
    }
}

/// Writes down the last bytes and where they go.
pub(super) fn draft(post: &Post, prepared: &Value) -> Result<Frozen, Failure> {
    let unready = || Failure::new(ErrorClass::Transient, "no upload is ready to become a video");
    let upload = parse(prepared).upload.ok_or_else(unready)?;
    let Upload { address, total, sent, tail: Some(tail) } = upload else { return Err(unready()) };
    let request = Request {
        upload: address,
        total,
        from: sent,
        tail,
        title: settings(post)?.title.unwrap_or_default(),
        description: post.content.clone(),
    };
    Ok(Frozen { key: new_key(SystemTime::now())?, request: json!(request).to_string() })
}

/// Sends the last bytes: with them the upload becomes a video. Sent twice they make the same one.
pub(super) async fn commit(api: &Api<'_>, frozen: &Frozen) -> Result<Published, Failure> {
    let request = Request::of(frozen)?;
    let odd = || Failure::new(ErrorClass::Config, "the stored bytes can't be read");
    let bytes = STANDARD.decode(&request.tail).map_err(|_| odd())?;
    let last = request.from.saturating_add(bytes.len());
    if bytes.is_empty() || last != request.total {
        return Err(odd());
    }
    let range = format!("{}-{}/{}", request.from, last - 1, request.total);
    let answer = api.put(api.own_address(&request.upload)?, &range, bytes).await;
    match progress(Phase::Commit, answer, request.total)? {
        Progress::Video(id) => Ok(published(id)),
        Progress::Gone => Err(again("the upload ended before it was whole")),
        Progress::Bytes(there) if there >= request.total => {
            Err(Failure::new(ErrorClass::OutcomeUnknown, "YouTube has all bytes and no video yet"))
        }
        // The server says itself that it has no video.
        Progress::Bytes(there) if there >= request.from => {
            Err(Failure::new(ErrorClass::Transient, "YouTube did not take the last bytes"))
        }
        Progress::Bytes(_) => Err(again("YouTube has lost bytes that it had")),
    }
}

/// Only another upload can help.
fn again(why: &str) -> Failure {
    Failure { draft_again: true, ..Failure::new(ErrorClass::ContentInvalid, why) }
}

fn published(id: String) -> Published {
    Published { url: format!("https://www.youtube.com/watch?v={id}"), external_id: id, cid: None }
}

/// Asks the upload what became of it.
pub(super) async fn look(api: &Api<'_>, sought: Sought<'_>) -> Result<Found, Failure> {
    let request = Request::of(sought.frozen)?;
    let upload = api.own_address(&request.upload)?;
    let answer = api.put(upload, &format!("*/{}", request.total), Vec::new()).await;
    match progress(Phase::Read, answer, request.total)? {
        Progress::Video(id) => Ok(Found::Same(published(id))),
        Progress::Bytes(there) if there >= request.total => Ok(Found::Pending),
        Progress::Bytes(_) => Ok(Found::Absent),
        Progress::Gone => {
            let list = uploads(api).await?;
            own_posts::search(&Uploads { api, list, request: &request }, sought).await
        }
    }
}

/// The videos that the channel has put up, newest first.
struct Uploads<'a> {
    api: &'a Api<'a>,
    list: String,
    request: &'a Request,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Items {
    items: Vec<Item>,
    #[serde(default)]
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    snippet: Snippet,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Snippet {
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    published_at: String,
    resource_id: Resource,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    video_id: String,
}

#[async_trait]
impl OwnPosts for Uploads<'_> {
    type Cursor = String;

    async fn page(&self, next: Option<String>) -> Result<Page<String>, Failure> {
        let mut params = vec![("part", "snippet"), ("maxResults", PAGE), ("playlistId", self.list.as_str())];
        params.extend(next.as_deref().map(|next| ("pageToken", next)));
        let answer = self.api.get("playlistItems", &params).await;
        let answered_at = answered_at(&answer);
        let page: Items = read(Phase::Read, answer)?;
        let listed = page.items.into_iter().map(|item| self.listed(item.snippet));
        Ok(Page { listed: listed.collect(), answered_at, next: page.next_page_token })
    }
}

impl Uploads<'_> {
    fn listed(&self, shown: Snippet) -> Listed {
        let id = shown.resource_id.video_id;
        let likeness = if words(&shown.title) != words(&self.request.title) {
            Likeness::Different
        } else if is_video(&id) && words(&shown.description) == words(&self.request.description) {
            Likeness::Same(published(id))
        } else {
            Likeness::Alike(id)
        };
        Listed { at: humantime::parse_rfc3339(&shown.published_at).ok(), likeness }
    }
}

/// Puts the image in front of a video.
pub(super) async fn complete(
    api: &Api<'_>,
    fetcher: &Fetcher,
    post: &Post,
    published: &Published,
) -> Result<(), Failure> {
    let Some(image) = settings(post)?.thumbnail() else { return Ok(()) };
    let late = |_| Failure::new(ErrorClass::Transient, "the thumbnail took too long");
    let set = async {
        let picture = fetcher.picture(&PLATFORM, 1, &image).await?;
        let params = [("uploadType", "media"), ("videoId", published.external_id.as_str())];
        done(Phase::Prepare, api.image("thumbnails/set", &params, (picture.mime_type, picture.bytes)).await)
    };
    tokio::time::timeout(COMPLETE, set).await.map_err(late)?
}
