//! What can be done before a post is there: ask what the creator may post, open an upload for a video, and send all its chunks but
//! the last one, of which the hash is kept.
//!
//! One piece at a time, so that what is done is kept when the next piece fails. The address of an upload is kept in clear: all that
//! it is good for is to put this video up, on this account, within an hour.

use std::time::Duration;

use crier_core::error_class::ErrorClass;
use crier_core::media::{Attachment, Kind};
use crier_core::platform::tiktok::{self, PLATFORM, Settings};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::api::Api;
use super::chunks::{Chunk, Sizes};
use super::classify::read;
use super::creator::{Creator, Disabled};
use super::status::{Status, fetch};
use super::upload::{Sent, sent};
use crate::hex::hex;
use crate::media::{Fetcher, length};
use crate::providers::answer::{Phase, in_time};
use crate::providers::{Failure, Post};

/// The bytes by which a video is known.
const HEAD: usize = 64;
/// The bytes in which it may say how long it lasts.
const DESCRIPTION: usize = 256 * 1024;
/// The most characters of an id of a publish; TikTok says 64.
const MAX_ID: usize = 100;

/// What was prepared so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Prepared {
    /// What nobody can do with the creator's posts, once TikTok was asked.
    #[serde(default)]
    pub(super) disabled: Option<Disabled>,
    #[serde(default)]
    pub(super) upload: Option<Upload>,
    /// How often an upload was gone half-way and begun anew.
    #[serde(default)]
    restarts: i32,
}

/// An upload that was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Upload {
    /// By which the post can be asked for.
    pub(super) publish_id: String,
    pub(super) address: String,
    pub(super) mime_type: String,
    /// How many bytes the video has.
    pub(super) total: usize,
    /// How many of them the upload has.
    pub(super) sent: usize,
    /// The hash of the last chunk, once all others are there.
    #[serde(default)]
    pub(super) hash: Option<String>,
}

/// What another version stored differently is prepared again.
pub(super) fn parse(prepared: &Value) -> Prepared {
    Prepared::deserialize(prepared).unwrap_or_default()
}

/// The settings of a post.
pub(super) fn settings(post: &Post) -> Result<Settings, Failure> {
    tiktok::settings(&post.settings)
        .map_err(|why| Failure::new(ErrorClass::ContentInvalid, format!("the settings for tiktok {why}")))
}

/// The video of a post; none where it has photos.
pub(super) fn video(media: &[Attachment]) -> Result<Option<&Attachment>, Failure> {
    match media {
        [only] if only.kind() == Kind::Video => Ok(Some(only)),
        [_, ..] if media.iter().all(|one| one.kind() == Kind::Image) => Ok(None),
        _ => Err(Failure::new(ErrorClass::ContentInvalid, "a post on tiktok is one video, or photos")),
    }
}

/// A hash as it is kept.
pub(super) fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Does the next piece; `None` when there is none.
pub(super) async fn step(
    api: &Api<'_>,
    fetcher: &Fetcher,
    sizes: Sizes,
    post: &Post,
    prepared: &Value,
) -> Result<Option<Value>, Failure> {
    let media = post.attachments()?;
    let (video, settings) = (video(&media)?, settings(post)?);
    let preparation = Preparation { api, fetcher, sizes, post, settings };
    let more = in_time(preparation.piece(video, parse(prepared))).await?;
    Ok(more.map(|more| json!(more)))
}

struct Preparation<'a> {
    api: &'a Api<'a>,
    fetcher: &'a Fetcher,
    sizes: Sizes,
    post: &'a Post,
    settings: Settings,
}

impl Preparation<'_> {
    async fn piece(
        &self,
        video: Option<&Attachment>,
        prepared: Prepared,
    ) -> Result<Option<Prepared>, Failure> {
        // of a draft its owner chooses all that in the app
        if !self.settings.draft && prepared.disabled.is_none() {
            let creator = Creator::ask(self.api, Phase::Prepare).await?;
            let disabled = Some(creator.check(&self.settings, self.length(video).await?)?);
            return Ok(Some(Prepared { disabled, ..prepared }));
        }
        let Some(video) = video else { return Ok(None) };
        let restarts = prepared.restarts;
        let upload = match prepared.upload {
            None => self.open(video, prepared.disabled.unwrap_or_default()).await?,
            Some(Upload { hash: Some(_), .. }) => return Ok(None),
            Some(upload) if upload.sent < self.sizes.last(upload.total) => {
                match self.send(video, &upload).await? {
                    Some(sent) => Upload { sent, ..upload },
                    // a try begins anew once
                    None if restarts < self.post.attempt => {
                        return Ok(Some(Prepared { restarts: restarts + 1, ..Prepared::default() }));
                    }
                    None => {
                        let why = "the upload ended before it was whole";
                        return Err(Failure::new(ErrorClass::Transient, why));
                    }
                }
            }
            Some(upload) => {
                let last = self.sizes.at(upload.sent, upload.total);
                let hash = Some(hash(&self.part(video, last).await?));
                Upload { hash, ..upload }
            }
        };
        Ok(Some(Prepared { upload: Some(upload), ..prepared }))
    }

    /// How long the video lasts, where it says so in its beginning.
    async fn length(&self, video: Option<&Attachment>) -> Result<Option<Duration>, Failure> {
        let Some(video) = video else { return Ok(None) };
        Ok(length(&self.fetcher.head(&PLATFORM, 1, video, DESCRIPTION).await?.bytes))
    }

    async fn open(&self, video: &Attachment, disabled: Disabled) -> Result<Upload, Failure> {
        #[derive(Deserialize)]
        struct Opened {
            publish_id: String,
            upload_url: String,
        }
        let head = self.fetcher.head(&PLATFORM, 1, video, HEAD).await?;
        let (total, mime_type) = (head.total, head.mime_type().unwrap_or("video/mp4").to_owned());
        let mut body = json!({ "source_info": {
            "source": "FILE_UPLOAD",
            "video_size": total,
            "chunk_size": self.sizes.chunk(total),
            "total_chunk_count": self.sizes.count(total),
        } });
        let path = match self.settings.draft {
            true => "post/publish/inbox/video/init",
            false => {
                body["post_info"] = self.info(disabled);
                "post/publish/video/init"
            }
        };
        let Opened { publish_id, upload_url } = read(Phase::Prepare, self.api.post(path, &[], &body).await)?;
        self.api.check_address(&upload_url)?;
        if !is_publish(&publish_id) {
            return Err(Failure::new(ErrorClass::Transient, "the answer names no publish"));
        }
        Ok(Upload { publish_id, address: upload_url, mime_type, total, sent: 0, hash: None })
    }

    fn info(&self, disabled: Disabled) -> Value {
        let mut info = post_info(&self.settings, disabled);
        info["disable_duet"] = json!(self.settings.disable_duet.unwrap_or(disabled.duet));
        info["disable_stitch"] = json!(self.settings.disable_stitch.unwrap_or(disabled.stitch));
        if !self.post.content.is_empty() {
            info["title"] = json!(self.post.content);
        }
        if let Some(at) = self.settings.video_cover_timestamp_ms {
            info["video_cover_timestamp_ms"] = json!(at);
        }
        if self.settings.is_aigc {
            info["is_aigc"] = json!(true);
        }
        info
    }

    /// Sends the next chunk, and gives how many bytes the upload has then; none where it is gone. Where that is not clear, TikTok
    /// is asked.
    async fn send(&self, video: &Attachment, upload: &Upload) -> Result<Option<usize>, Failure> {
        let chunk = self.sizes.at(upload.sent, upload.total);
        let bytes = self.part(video, chunk).await?;
        let answer = self.api.put(&upload.address, (&upload.mime_type, chunk), bytes).await;
        let refused = match sent(Phase::Prepare, answer) {
            Ok(Sent::More) => return Ok(Some(upload.sent + chunk.len)),
            Ok(Sent::Gone) => return Ok(None),
            Ok(Sent::Whole | Sent::Misplaced) => {
                Failure::new(ErrorClass::Transient, "the upload takes no more bytes")
            }
            Err(failure) if failure.class == ErrorClass::Transient => failure,
            Err(failure) => return Err(failure),
        };
        match fetch(self.api, Phase::Prepare, &upload.publish_id).await? {
            Status::Failed(_) | Status::Gone => Ok(None),
            // An earlier try, which the database has lost, has sent the last chunk too: the commit finds out.
            Status::Complete(_) | Status::InInbox => Ok(Some(self.sizes.last(upload.total))),
            Status::Downloading | Status::Uploading(None) => Err(refused),
            Status::Uploading(Some(there)) => {
                let there = usize::try_from(there).unwrap_or(usize::MAX);
                match there {
                    whole if whole >= upload.total => Ok(Some(self.sizes.last(upload.total))),
                    // It may lack chunks that it said it had; it gets them again, but not in this try where it takes none.
                    there if there != upload.sent && self.sizes.is_begin(there, upload.total) => {
                        Ok(Some(there))
                    }
                    _ => Err(refused),
                }
            }
        }
    }

    async fn part(&self, video: &Attachment, chunk: Chunk) -> Result<Vec<u8>, Failure> {
        part(self.fetcher, video, chunk).await
    }
}

/// A chunk of the video as its host has it now. What has changed since is no part of the same video.
pub(super) async fn part(fetcher: &Fetcher, video: &Attachment, chunk: Chunk) -> Result<Vec<u8>, Failure> {
    let part = fetcher.part(&PLATFORM, 1, video, chunk.from, chunk.len).await?;
    if part.total != chunk.total {
        return Err(changed());
    }
    let mut bytes = part.bytes;
    // a host that sends no parts sends all the rest
    bytes.truncate(chunk.len);
    if bytes.len() < chunk.len {
        return Err(Failure::new(ErrorClass::Transient, "video 1: its host sent less than it said"));
    }
    Ok(bytes)
}

/// Another video is there than the one that was begun with.
pub(super) fn changed() -> Failure {
    Failure::new(ErrorClass::ContentInvalid, "video 1: it changed while it was sent")
}

/// What videos and photos have alike.
pub(super) fn post_info(settings: &Settings, disabled: Disabled) -> Value {
    json!({
        "privacy_level": settings.privacy_level,
        "disable_comment": settings.disable_comment.unwrap_or(disabled.comment),
        "brand_content_toggle": settings.brand_content_toggle,
        "brand_organic_toggle": settings.brand_organic_toggle,
    })
}

/// Whether it is the id of a publish.
pub(super) fn is_publish(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back() {
        let upload = Upload {
            publish_id: "v_pub_file~v2-1.7".into(),
            address: "https://a.example".into(),
            mime_type: "video/mp4".into(),
            total: 9,
            sent: 4,
            hash: Some("00".into()),
        };
        let disabled = Some(Disabled { duet: true, ..Disabled::default() });
        let prepared = Prepared { disabled, upload: Some(upload), restarts: 1 };
        assert_eq!(parse(&json!(prepared)), prepared);
        for odd in [Value::Null, json!([1]), json!({ "upload": { "total": -1 } }), json!({ "upload": 7 })] {
            assert_eq!(parse(&odd), Prepared::default(), "{odd}");
        }
    }

    #[test]
    fn a_publish_has_an_id() {
        assert!(is_publish("v_inbox_file~v2.123") && !is_publish("") && !is_publish("a b"));
        assert!(!is_publish(&"a".repeat(MAX_ID + 1)));
    }
}
