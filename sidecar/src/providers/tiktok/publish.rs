//! The post: a video by the last chunk of its upload, photos by the call that names them.
//!
//! A publish has an id by which it can be asked for. That of a video is there before anything is visible. That of photos comes with
//! the answer, and nobody can ask for them where that is lost.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use crier_core::media::{Attachment, Source};
use crier_core::platform::tiktok::{Privacy, Settings};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::Api;
use super::chunks::Chunk;
use super::classify::read;
use super::prepare::{self, Upload, changed, is_publish, parse, post_info, settings, video};
use super::status::{Status, Task, Waits, fetch};
use super::upload::{Sent, sent};
use crate::media::Fetcher;
use crate::providers::answer::Phase;
use crate::providers::key::new_key;
use crate::providers::{Account, Failure, Frozen, Post, Published};

/// What is sent, and what it is looked for by.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Request {
    #[serde(flatten)]
    pub(super) sent: What,
    /// The caption or the description.
    pub(super) text: String,
    /// The title of photos.
    #[serde(default)]
    pub(super) title: String,
    /// Whether everybody will see it.
    pub(super) is_public: bool,
}

/// What is sent.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum What {
    /// The last chunk of a video. Its bytes are not written down, which would be too much: what they are is.
    Video {
        publish_id: String,
        address: String,
        mime_type: String,
        total: usize,
        /// Where the last chunk begins.
        from: usize,
        /// Its hash.
        hash: String,
    },
    /// A call with this body.
    Photos { body: String },
}

impl Request {
    pub(super) fn of(frozen: &Frozen) -> Result<Self, Failure> {
        serde_json::from_str(&frozen.request).map_err(|_| odd())
    }
}

fn odd() -> Failure {
    Failure::new(ErrorClass::Config, "the stored request is not of this version")
}

/// Writes down what is sent.
pub(super) fn draft(post: &Post, prepared: &Value) -> Result<Frozen, Failure> {
    let (media, settings, prepared) = (post.attachments()?, settings(post)?, parse(prepared));
    let is_public = settings.privacy_level == Some(Privacy::PublicToEveryone);
    let title = settings.title.clone().unwrap_or_default();
    let unready = || Failure::new(ErrorClass::Transient, "the post is not prepared");
    let sent = match video(&media)? {
        Some(_) => {
            let upload = prepared.upload.ok_or_else(unready)?;
            let Upload { publish_id, address, mime_type, total, sent: from, hash: Some(hash) } = upload
            else {
                return Err(unready());
            };
            What::Video { publish_id, address, mime_type, total, from, hash }
        }
        None => {
            let disabled = match settings.draft {
                true => Default::default(),
                false => prepared.disabled.ok_or_else(unready)?,
            };
            let mut info = match settings.draft {
                true => json!({}),
                false => post_info(&settings, disabled),
            };
            describe(&mut info, &settings, &post.content);
            What::Photos { body: photos(&media, &settings, info)?.to_string() }
        }
    };
    let request = json!(Request { sent, text: post.content.clone(), title, is_public });
    Ok(Frozen { key: new_key(SystemTime::now())?, request: request.to_string() })
}

fn describe(info: &mut Value, settings: &Settings, description: &str) {
    if let Some(title) = settings.title.as_deref().filter(|title| !title.is_empty()) {
        info["title"] = json!(title);
    }
    if !description.is_empty() {
        info["description"] = json!(description);
    }
    if let Some(adds) = settings.auto_add_music {
        info["auto_add_music"] = json!(adds);
    }
}

fn photos(media: &[Attachment], settings: &Settings, info: Value) -> Result<Value, Failure> {
    let address = |photo: &Attachment| match photo.source() {
        Ok(Source::Https(url)) => Ok(url.to_owned()),
        _ => Err(Failure::new(ErrorClass::ContentInvalid, "TikTok takes photos by their https: addresses")),
    };
    let addresses: Vec<_> = media.iter().map(address).collect::<Result<_, _>>()?;
    Ok(json!({
        "media_type": "PHOTO",
        "post_mode": if settings.draft { "MEDIA_UPLOAD" } else { "DIRECT_POST" },
        "post_info": info,
        "source_info": {
            "source": "PULL_FROM_URL",
            "photo_images": addresses,
            "photo_cover_index": settings.photo_cover_index.unwrap_or(0),
        },
    }))
}

/// Sends it.
pub(super) async fn commit(
    api: &Api<'_>,
    (fetcher, waits): (&Fetcher, Waits),
    account: &Account,
    frozen: &Frozen,
    media: &[Attachment],
) -> Result<Published, Failure> {
    let Request { sent: what, is_public, .. } = Request::of(frozen)?;
    match what {
        What::Photos { body } => {
            #[derive(Deserialize)]
            struct Begun {
                publish_id: String,
            }
            let answer = api.send("post/publish/content/init", &[], body).await;
            let Begun { publish_id } = read(Phase::Commit, answer)?;
            if !is_publish(&publish_id) {
                return Err(Failure::new(ErrorClass::OutcomeUnknown, "the answer names no publish"));
            }
            let publish_id = publish_id.as_str();
            Task { api, waits, account, publish_id, total: None, is_public }.outcome().await
        }
        What::Video { publish_id, address, mime_type, total, from, hash } => {
            let chunk = Chunk { from, len: total.checked_sub(from).ok_or_else(odd)?, total };
            let bytes = prepare::part(fetcher, video(media)?.ok_or_else(odd)?, chunk).await?;
            // Nothing was sent: what was written down can't be any more.
            if prepare::hash(&bytes) != hash {
                return Err(changed());
            }
            let publish_id = publish_id.as_str();
            let task = Task { api, waits, account, publish_id, total: Some(total), is_public };
            let answer = api.put(&address, (&mime_type, chunk), bytes).await;
            match sent(Phase::Commit, answer)? {
                Sent::Whole => with_another_upload(task.outcome().await),
                refused => after(refused, chunk, task).await,
            }
        }
    }
}

/// A chunk that was not taken as the last one: the task tells what that means.
async fn after(refused: Sent, chunk: Chunk, task: Task<'_>) -> Result<Published, Failure> {
    let status = fetch(task.api, Phase::Read, task.publish_id).await.map_err(Failure::into_unknown)?;
    match status {
        Status::Uploading(Some(there)) if there < chunk.total as u64 => match refused {
            Sent::Gone => Err(again("the upload ended before it was whole")),
            // TikTok says itself that it lacks them.
            _ if there == chunk.from as u64 => {
                Err(Failure::new(ErrorClass::Transient, "TikTok did not take the last part of the video"))
            }
            _ => Err(again("TikTok has lost parts of the video that it had")),
        },
        Status::Gone if refused == Sent::Gone => Err(again("the upload ended before it was whole")),
        _ => with_another_upload(task.outcome().await),
    }
}

/// Only another upload can help.
fn again(why: &str) -> Failure {
    Failure { draft_again: true, ..Failure::new(ErrorClass::ContentInvalid, why) }
}

/// A task that failed is used up: what is tried again is sent with another upload.
fn with_another_upload(outcome: Result<Published, Failure>) -> Result<Published, Failure> {
    use ErrorClass::{AuthRevoked, QuotaExhausted, Transient};
    outcome.map_err(|failure| {
        let draft_again = matches!(failure.class, Transient | QuotaExhausted | AuthRevoked);
        Failure { draft_again, ..failure }
    })
}
