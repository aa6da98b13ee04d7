//! What can be done before a post exists: find out whom it mentions, upload its images or its video.
//!
//! One piece at a time, so that what is done is kept when the next piece fails.

use std::collections::BTreeMap;

use crier_core::error_class::ErrorClass;
use crier_core::media::{Attachment, Kind};
use crier_core::platform::bluesky::PLATFORM;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::classify::failure;
use super::facets::mentioned;
use super::reply::{self, Reply};
use super::syntax::is_did;
use super::video::Video;
use super::xrpc::{As, Xrpc, read};
use crate::media::Fetcher;
use crate::providers::answer::{Phase, in_time, unclear};
use crate::providers::{Caller, Failure, Post};

pub(super) const RESOLVE_HANDLE: &str = "com.atproto.identity.resolveHandle";
pub(super) const UPLOAD_BLOB: &str = "com.atproto.repo.uploadBlob";

/// The most bytes of what stands for an upload in a record.
const MAX_BLOB: usize = 2048;

/// What was prepared so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Prepared {
    /// Who is mentioned: handle and account, or nobody.
    #[serde(default)]
    pub(super) mentions: BTreeMap<String, Option<String>>,
    /// The images that are uploaded, as the record embeds them.
    #[serde(default)]
    pub(super) images: Vec<Value>,
    /// How far the video is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) video: Option<Video>,
    /// What is answered, as the record names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reply: Option<Reply>,
}

/// Whom a post is prepared for, and with what.
pub(super) struct Preparation<'a> {
    pub(super) server: Xrpc<'a>,
    /// Where videos are processed before the account's server has them.
    pub(super) video_service: Option<Xrpc<'a>>,
    pub(super) fetcher: &'a Fetcher,
    pub(super) caller: &'a Caller,
}

impl Preparation<'_> {
    /// Does the next piece; `None` when there is none.
    pub(super) async fn step(&self, post: &Post, prepared: &Value) -> Result<Option<Value>, Failure> {
        in_time(self.piece(post, parse(prepared))).await.map(|more| more.map(|more| json!(more)))
    }

    async fn piece(&self, post: &Post, mut prepared: Prepared) -> Result<Option<Prepared>, Failure> {
        let (server, media) = (&self.server, post.attachments()?);
        if let (Some(answered), None) = (&post.reply_to, &prepared.reply) {
            prepared.reply = Some(reply::find(server, answered).await?);
            return Ok(Some(prepared));
        }
        let unknown =
            mentioned(&post.content).into_iter().find(|handle| !prepared.mentions.contains_key(handle));
        if let Some(handle) = unknown {
            let did = resolve(server, &handle, post.attempt).await?;
            prepared.mentions.insert(handle, did);
            return Ok(Some(prepared));
        }
        // a video stands alone
        if let Some(video) = media.first().filter(|one| one.kind() == Kind::Video) {
            let next = self.video(video, prepared.video.as_ref()).await?;
            return Ok(next.map(|video| Prepared { video: Some(video), ..prepared }));
        }
        let Some(image) = media.get(prepared.images.len()) else { return Ok(None) };
        let index = prepared.images.len() + 1;
        prepared.images.push(upload(server, self.fetcher, self.caller, index, image).await?);
        Ok(Some(prepared))
    }
}

/// What another version stored differently is prepared again.
pub(super) fn parse(prepared: &Value) -> Prepared {
    Prepared::deserialize(prepared).unwrap_or_default()
}

#[derive(Deserialize)]
pub(super) struct Resolved {
    pub(super) did: String,
}

/// Whose handle it is. A server that can't say is asked again in the next try, but a post is not lost over
/// a mention: then it stays plain text.
async fn resolve(server: &Xrpc<'_>, handle: &str, attempt: i32) -> Result<Option<String>, Failure> {
    let answer = server.query(RESOLVE_HANDLE, &[("handle", handle)]).await;
    let failed = match answer {
        Ok(answer) if answer.status == 200 => match serde_json::from_slice::<Resolved>(&answer.body) {
            Ok(resolved) if is_did(&resolved.did) => return Ok(Some(resolved.did)),
            _ => return Ok(None),
        },
        Ok(answer) => failure(Phase::Prepare, &answer, std::time::SystemTime::now()),
        Err(error) => unclear(Phase::Prepare, &error),
    };
    match failed.class {
        ErrorClass::RateLimited => Err(failed),
        ErrorClass::Transient if attempt <= 1 => Err(failed),
        _ => Ok(None),
    }
}

#[derive(Deserialize)]
pub(super) struct Uploaded {
    pub(super) blob: Value,
}

async fn upload(
    server: &Xrpc<'_>,
    fetcher: &Fetcher,
    caller: &Caller,
    index: usize,
    image: &Attachment,
) -> Result<Value, Failure> {
    let picture = fetcher.picture(&PLATFORM, index, image).await?;
    let body = (picture.mime_type, picture.bytes);
    let answer = server.procedure(UPLOAD_BLOB, As::Account(&caller.session), Some(body)).await;
    let uploaded: Uploaded = read(Phase::Prepare, answer)?;
    let blob = blob(&uploaded.blob).ok_or_else(|| {
        let message = "the server answered the upload of an image with something unreadable";
        Failure { status: Some(200), ..Failure::new(ErrorClass::Transient, message) }
    })?;
    Ok(json!({
        "image": blob,
        "alt": image.alt,
        "aspectRatio": { "width": picture.width, "height": picture.height },
    }))
}

/// The blob in the one form a record may hold; nothing else of the answer gets into it.
pub(super) fn blob(answer: &Value) -> Option<Value> {
    let text = |value: &Value| {
        let text = value.as_str().filter(|text| text.bytes().all(|b| b.is_ascii_graphic() || b == b' '))?;
        (!text.is_empty()).then(|| text.to_owned())
    };
    let blob = json!({
        "$type": answer["$type"].as_str().filter(|name| *name == "blob")?,
        "ref": { "$link": text(&answer["ref"]["$link"])? },
        "mimeType": text(&answer["mimeType"])?,
        "size": answer["size"].as_u64()?,
    });
    (blob.to_string().len() <= MAX_BLOB).then_some(blob)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back() {
        let prepared = Prepared {
            mentions: BTreeMap::from([("a.test".into(), Some("did:plc:a".into())), ("b.test".into(), None)]),
            images: vec![json!({ "alt": "" })],
            video: None,
            reply: None,
        };
        assert_eq!(parse(&json!(prepared)), prepared);
        assert_eq!(parse(&Value::Null), Prepared::default());
        assert_eq!(parse(&json!([1])), Prepared::default());
    }

    #[test]
    fn an_upload_has_its_form() {
        let good = json!({ "$type": "blob", "ref": { "$link": "bafk" }, "mimeType": "image/png", "size": 9 });
        let changed = |name: &str, value: Value| {
            let mut answer = good.clone();
            answer[name] = value;
            blob(&answer)
        };
        assert_eq!(blob(&good), Some(good.clone()));
        assert_eq!(changed("more", json!("\0")), Some(good.clone()));
        for (name, value) in [
            ("$type", json!("other")),
            ("ref", json!("bafk")),
            ("ref", json!({ "$link": "ba\0fk" })),
            ("ref", json!({ "$link": "a".repeat(MAX_BLOB) })),
            ("mimeType", json!(null)),
            ("size", json!("9")),
            ("size", json!(-1)),
        ] {
            assert_eq!(changed(name, value.clone()), None, "{name} {value}");
        }
        for odd in [json!(null), json!("x"), json!([])] {
            assert_eq!(blob(&odd), None, "{odd}");
        }
    }
}
