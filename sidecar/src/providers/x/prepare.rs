//! What can be done before a post exists: upload its media.
//!
//! One piece at a time, so that what is done is kept when the next piece fails: an image is one piece, a video one for
//! each segment. X keeps an upload for a day. One that ended, or that X doesn't know any more, is made again.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use crier_core::media::{Attachment, Kind};
use crier_core::platform::x::PLATFORM;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::Api;
use super::media::{SEGMENT, append, append_all, close, describe, open, processed};
use crate::media::Fetcher;
use crate::providers::answer::{in_time, seconds_since_1970};
use crate::providers::{Failure, Post};

/// An upload is made again so long before it ends, in seconds: what is prepared has to be sent too.
const SPARE: u64 = 10 * 60;
/// The most characters of an alternative text.
const MAX_ALT: usize = 1_000;
/// The bytes by which a video is known.
const HEAD: usize = 64;

/// What was prepared so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Prepared {
    /// The uploads, in the order of the media. Only the last one can be unfinished.
    #[serde(default)]
    uploads: Vec<Upload>,
    /// An upload was refused half-way and begun anew; that is done once.
    #[serde(default)]
    begun_anew: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Upload {
    id: String,
    /// In seconds since 1970.
    expires_at: u64,
    stage: Stage,
}

/// What an upload still needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// The bytes from this one on.
    Bytes { sent: usize, total: usize },
    /// X is processing it.
    Processing,
    /// Its alternative text.
    Alt,
    /// Nothing.
    Ready,
}

/// Does the next piece; `None` when there is none.
pub(super) async fn step(
    api: &Api<'_>,
    fetcher: &Fetcher,
    post: &Post,
    prepared: &Value,
    now: SystemTime,
) -> Result<Option<Value>, Failure> {
    let uploader = Uploader { api, fetcher, now };
    in_time(uploader.piece(&post.attachments()?, parse(prepared)))
        .await
        .map(|more| more.map(|more| json!(more)))
}

/// What another version stored differently is prepared again.
fn parse(prepared: &Value) -> Prepared {
    Prepared::deserialize(prepared).unwrap_or_default()
}

/// The media of the post, as X calls them.
pub(super) fn media_ids(prepared: &Value) -> Vec<String> {
    parse(prepared).uploads.into_iter().map(|upload| upload.id).collect()
}

struct Uploader<'a> {
    api: &'a Api<'a>,
    fetcher: &'a Fetcher,
    now: SystemTime,
}

impl Uploader<'_> {
    async fn piece(&self, media: &[Attachment], mut prepared: Prepared) -> Result<Option<Prepared>, Failure> {
        let soon = seconds_since_1970(self.now) + SPARE;
        if prepared.uploads.iter().any(|upload| upload.expires_at < soon) {
            prepared.uploads.clear();
        }
        let unfinished = prepared.uploads.pop_if(|upload| upload.stage != Stage::Ready);
        let at = prepared.uploads.len();
        let Some(one) = media.get(at) else { return Ok(None) };
        let place = Place { index: at + 1, alone: media.len() == 1, one };
        let next = match unfinished {
            None => self.begin(place).await,
            Some(upload) => match self.go_on(place, upload).await {
                Err(failure) if is_gone(&failure) && !prepared.begun_anew => {
                    return Ok(Some(Prepared { begun_anew: true, ..prepared }));
                }
                next => next,
            },
        };
        prepared.uploads.push(next?);
        Ok(Some(prepared))
    }

    async fn begin(&self, place: Place<'_>) -> Result<Upload, Failure> {
        match place.one.kind() {
            Kind::Image => self.image(place).await,
            Kind::Video | Kind::Document => self.video(place).await,
        }
    }

    /// Uploads an image as a whole.
    async fn image(&self, place: Place<'_>) -> Result<Upload, Failure> {
        let alt = place.one.alt.chars().count();
        if alt > MAX_ALT {
            let why = format!(
                "image {}: its alternative text has {alt} characters; x accepts at most {MAX_ALT}",
                place.index
            );
            return Err(Failure::new(ErrorClass::ContentInvalid, why));
        }
        let picture = self.fetcher.picture(&PLATFORM, place.index, place.one).await?;
        // One that moves is shown alone; beside others X takes it as it is.
        let category =
            if picture.mime_type == "image/gif" && place.alone { "tweet_gif" } else { "tweet_image" };
        let (bytes, total) = (&picture.bytes, picture.bytes.len());
        let (id, end) = open(self.api, picture.mime_type, category, total, self.now).await?;
        for (index, segment) in bytes.chunks(segment_of(category)).enumerate() {
            append(self.api, &id, index, segment.to_vec()).await?;
        }
        let stage = if close(self.api, &id).await? { Stage::Processing } else { place.after_processing() };
        Ok(Upload { id, expires_at: seconds_since_1970(end), stage })
    }

    /// Opens the upload of a video; its bytes follow piece by piece.
    async fn video(&self, place: Place<'_>) -> Result<Upload, Failure> {
        let head = self.fetcher.head(&PLATFORM, place.index, place.one, HEAD).await?;
        let media_type = head.mime_type().unwrap_or("video/mp4");
        let (id, end) = open(self.api, media_type, "tweet_video", head.total, self.now).await?;
        Ok(Upload {
            id,
            expires_at: seconds_since_1970(end),
            stage: Stage::Bytes { sent: 0, total: head.total },
        })
    }

    async fn go_on(&self, place: Place<'_>, upload: Upload) -> Result<Upload, Failure> {
        let Upload { id, expires_at, stage } = upload;
        let stage = match stage {
            Stage::Bytes { sent, total } if sent < total => {
                let part = self.fetcher.part(&PLATFORM, place.index, place.one, sent, SEGMENT).await?;
                if part.total != total || part.bytes.is_empty() {
                    let why = format!("video {}: it changed while it was sent", place.index);
                    return Err(Failure::new(ErrorClass::ContentInvalid, why));
                }
                let sent_then = sent + part.bytes.len();
                append_all(self.api, &id, sent / SEGMENT, &part.bytes).await?;
                Stage::Bytes { sent: sent_then, total }
            }
            Stage::Bytes { .. } if close(self.api, &id).await? => Stage::Processing,
            Stage::Bytes { .. } => place.after_processing(),
            Stage::Processing => {
                processed(self.api, &id).await.map_err(|failure| place.name(failure))?;
                place.after_processing()
            }
            Stage::Alt | Stage::Ready => {
                describe(self.api, &id, &place.one.alt).await?;
                Stage::Ready
            }
        };
        Ok(Upload { id, expires_at, stage })
    }
}

/// A medium and where it stands in the post.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// The first is 1.
    index: usize,
    alone: bool,
    one: &'a Attachment,
}

impl Place<'_> {
    /// X has no alternative text for videos.
    fn after_processing(&self) -> Stage {
        let has_alt = self.one.kind() == Kind::Image && !self.one.alt.trim().is_empty();
        if has_alt { Stage::Alt } else { Stage::Ready }
    }

    /// Says which one it is about.
    fn name(&self, failure: Failure) -> Failure {
        let message = format!("{} {}: {}", self.one.kind().as_str(), self.index, failure.message);
        Failure { message, ..failure }
    }
}

/// An image is one segment.
fn segment_of(category: &str) -> usize {
    if category == "tweet_image" { PLATFORM.images.max_bytes } else { SEGMENT }
}

/// X refused the upload itself, which it knew before. What can't be fetched has no status.
fn is_gone(failure: &Failure) -> bool {
    matches!(failure.status, Some(400 | 404 | 410))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back() {
        let upload = |stage| Upload { id: "7".into(), expires_at: 9, stage };
        let stages = [Stage::Bytes { sent: 1, total: 2 }, Stage::Processing, Stage::Alt, Stage::Ready];
        let prepared = Prepared { uploads: stages.map(upload).into(), begun_anew: true };
        assert_eq!(parse(&json!(prepared)), prepared);
        for odd in [Value::Null, json!([1]), json!({ "uploads": [{ "id": 7 }] })] {
            assert_eq!(parse(&odd), Prepared::default(), "{odd}");
        }
    }
}
