//! What can be done before a video is there: open an upload and send all its bytes but the last ones, which are kept.
//!
//! One piece at a time, so that what is done is kept when the next piece fails. The address of an upload is kept in clear: all
//! that it is good for is to put this video up, on this channel.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crier_core::error_class::ErrorClass;
use crier_core::media::Attachment;
use crier_core::platform::youtube::{self, PLATFORM, Settings};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::Api;
use super::upload::{Progress, Sizes, opened, progress};
use crate::media::Fetcher;
use crate::providers::answer::{Phase, in_time};
use crate::providers::{Failure, Post};

/// The bytes by which a video is known.
const HEAD: usize = 64;

/// What was prepared so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Prepared {
    #[serde(default)]
    pub(super) upload: Option<Upload>,
    /// How often an upload was gone half-way and begun anew.
    #[serde(default)]
    restarts: i32,
}

/// An upload that was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Upload {
    pub(super) address: String,
    /// How many bytes the video has.
    pub(super) total: usize,
    /// How many of them the upload has.
    pub(super) sent: usize,
    /// The last bytes, in base64, once all others are there.
    #[serde(default)]
    pub(super) tail: Option<String>,
}

/// What another version stored differently is prepared again.
pub(super) fn parse(prepared: &Value) -> Prepared {
    Prepared::deserialize(prepared).unwrap_or_default()
}

/// The settings of a post.
pub(super) fn settings(post: &Post) -> Result<Settings, Failure> {
    youtube::settings(&post.settings)
        .map_err(|why| Failure::new(ErrorClass::ContentInvalid, format!("the settings for youtube {why}")))
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
    let [video] = media.as_slice() else {
        return Err(Failure::new(ErrorClass::ContentInvalid, "a post on youtube is one video"));
    };
    let uploader = Uploader { api, fetcher, sizes, video };
    in_time(uploader.piece(post, parse(prepared))).await.map(|more| more.map(|more| json!(more)))
}

struct Uploader<'a> {
    api: &'a Api<'a>,
    fetcher: &'a Fetcher,
    sizes: Sizes,
    video: &'a Attachment,
}

impl Uploader<'_> {
    async fn piece(&self, post: &Post, prepared: Prepared) -> Result<Option<Prepared>, Failure> {
        let restarts = prepared.restarts;
        let upload = match prepared.upload {
            None => self.open(post).await?,
            Some(Upload { tail: Some(_), .. }) => return Ok(None),
            Some(upload) if upload.sent < self.sizes.tail(upload.total) => match self.send(&upload).await? {
                Some(sent) => Upload { sent, ..upload },
                // a try begins anew once
                None if restarts < post.attempt => {
                    return Ok(Some(Prepared { upload: None, restarts: restarts + 1 }));
                }
                None => {
                    return Err(Failure::new(ErrorClass::Transient, "the upload ended before it was whole"));
                }
            },
            Some(upload) => self.keep_tail(upload).await?,
        };
        Ok(Some(Prepared { upload: Some(upload), restarts }))
    }

    async fn open(&self, post: &Post) -> Result<Upload, Failure> {
        let settings = settings(post)?;
        let head = self.fetcher.head(&PLATFORM, 1, self.video, HEAD).await?;
        let media_type = head.mime_type().unwrap_or("video/mp4");
        let mut params = vec![("uploadType", "resumable"), ("part", "snippet,status")];
        params.extend(
            settings
                .notify_subscribers
                .map(|tell| ("notifySubscribers", if tell { "true" } else { "false" })),
        );
        let body = resource(&post.content, &settings);
        let address = opened(self.api.open(&params, &body, (media_type, head.total)).await)?;
        self.api.own_address(&address)?;
        Ok(Upload { address, total: head.total, sent: 0, tail: None })
    }

    /// Sends the next bytes, and gives how many the upload has then; none where it is gone. Where that is not clear, it is asked.
    async fn send(&self, upload: &Upload) -> Result<Option<usize>, Failure> {
        let Upload { address, total, sent, .. } = upload;
        let (total, sent, tail) = (*total, *sent, self.sizes.tail(*total));
        let mut bytes = self.part(sent, self.sizes.piece(sent, total), total).await?;
        // a host that sends no parts sends all the rest
        bytes.truncate(tail.saturating_sub(sent));
        let range = format!("{sent}-{}/{total}", (sent + bytes.len()).saturating_sub(1));
        let address = self.api.own_address(address)?;
        let answer = progress(Phase::Prepare, self.api.put(address, &range, bytes).await, total);
        let (now, refused) = match answer {
            Err(failure) if failure.class == ErrorClass::Transient => {
                let asked = self.api.put(address, &format!("*/{total}"), Vec::new()).await;
                (progress(Phase::Prepare, asked, total)?, Some(failure))
            }
            answer => (answer?, None),
        };
        match now {
            Progress::Gone => Ok(None),
            // An earlier try, which the database has lost, has sent the last bytes too: the commit finds out.
            Progress::Video(_) => Ok(Some(tail)),
            Progress::Bytes(there) if there > sent => Ok(Some(there)),
            // It may lack bytes that it said it had; it gets them again, but not in this try where it takes none.
            Progress::Bytes(there) if there < sent => Ok(Some(there)),
            Progress::Bytes(_) => Err(refused
                .unwrap_or_else(|| Failure::new(ErrorClass::Transient, "the upload takes no more bytes"))),
        }
    }

    async fn keep_tail(&self, upload: Upload) -> Result<Upload, Failure> {
        let from = self.sizes.tail(upload.total);
        let mut tail = self.part(from, upload.total - from, upload.total).await?;
        tail.truncate(upload.total - from);
        if tail.len() < upload.total - from {
            return Err(Failure::new(ErrorClass::Transient, "video 1: its host sent less than it said"));
        }
        Ok(Upload { sent: from, tail: Some(STANDARD.encode(tail)), ..upload })
    }

    async fn part(&self, offset: usize, len: usize, total: usize) -> Result<Vec<u8>, Failure> {
        let part = self.fetcher.part(&PLATFORM, 1, self.video, offset, len).await?;
        if part.total != total || part.bytes.is_empty() {
            return Err(Failure::new(ErrorClass::ContentInvalid, "video 1: it changed while it was sent"));
        }
        Ok(part.bytes)
    }
}

/// The video as the API has it.
fn resource(description: &str, settings: &Settings) -> Value {
    let title = settings.title.as_deref().unwrap_or_default().trim();
    let mut snippet = json!({ "title": title, "description": description });
    if !settings.tags.is_empty() {
        snippet["tags"] = json!(settings.tags);
    }
    if let Some(category) = &settings.category {
        snippet["categoryId"] = json!(category);
    }
    let mut status = json!({
        "privacyStatus": settings.privacy.as_str(),
        "selfDeclaredMadeForKids": settings.made_for_kids,
    });
    if settings.made_with_ai {
        status["containsSyntheticMedia"] = json!(true);
    }
    json!({ "snippet": snippet, "status": status })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back() {
        let upload =
            Upload { address: "https://a.example".into(), total: 9, sent: 4, tail: Some("eA==".into()) };
        let prepared = Prepared { upload: Some(upload), restarts: 1 };
        assert_eq!(parse(&json!(prepared)), prepared);
        for odd in [Value::Null, json!([1]), json!({ "upload": { "total": -1 } }), json!({ "upload": 7 })] {
            assert_eq!(parse(&odd), Prepared::default(), "{odd}");
        }
    }
}
