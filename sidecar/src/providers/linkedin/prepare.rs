//! What can be done before a post exists: upload its media, and wait until they are processed.
//!
//! One piece at a time, so that what is done is kept when the next piece fails. All media are uploaded before one is waited for.

use crier_core::error_class::ErrorClass;
use crier_core::media::Kind;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::Api;
use super::media::{State, Uploader, processed};
use crate::media::Fetcher;
use crate::providers::answer::in_time;
use crate::providers::{Failure, Post};

/// What was prepared so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Prepared {
    /// Who publishes.
    #[serde(default)]
    pub(super) author: String,
    /// The uploads, in the order of the media.
    #[serde(default)]
    pub(super) media: Vec<Uploaded>,
    /// LinkedIn lost an upload once.
    #[serde(default)]
    lost: bool,
}

/// What LinkedIn has of an image, a video or a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Uploaded {
    pub(super) urn: String,
    /// Whether it is processed: before that no post may show it.
    ready: bool,
}

/// What another version stored differently is prepared again.
pub(super) fn parse(prepared: &Value) -> Prepared {
    Prepared::deserialize(prepared).unwrap_or_default()
}

/// Does the next piece; `None` when there is none.
pub(super) async fn step(
    api: &Api<'_>,
    fetcher: &Fetcher,
    author: &str,
    post: &Post,
    prepared: &Value,
) -> Result<Option<Value>, Failure> {
    let mut prepared = parse(prepared);
    let media = post.attachments()?;
    if let Some(one) = media.get(prepared.media.len()) {
        let uploader = Uploader { api, fetcher, owner: author };
        let urn = in_time(uploader.upload(prepared.media.len() + 1, one)).await?;
        prepared.media.push(Uploaded { urn, ready: one.kind() == Kind::Image });
    } else if let Some((at, one)) = unready(&mut prepared) {
        let kind = media.get(at).map_or(Kind::Video, crier_core::media::Attachment::kind);
        match processed(api, kind, at + 1, &one.urn).await? {
            State::Ready => one.ready = true,
            State::Gone if prepared.lost => {
                return Err(Failure::new(ErrorClass::Transient, "linkedin lost an upload twice"));
            }
            State::Gone => {
                prepared.lost = true;
                prepared.media.truncate(at);
            }
        }
    } else if prepared.author == author {
        return Ok(None);
    }
    prepared.author = author.to_owned();
    Ok(Some(json!(prepared)))
}

fn unready(prepared: &mut Prepared) -> Option<(usize, &mut Uploaded)> {
    prepared.media.iter_mut().enumerate().find(|(_, uploaded)| !uploaded.ready)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back() {
        let media = vec![Uploaded { urn: "urn:li:image:7".into(), ready: true }];
        let prepared = Prepared { author: "urn:li:person:a".into(), media, lost: true };
        assert_eq!(parse(&json!(prepared)), prepared);
        for odd in [Value::Null, json!([1]), json!({ "media": [{ "urn": 7 }] })] {
            assert_eq!(parse(&odd), Prepared::default(), "{odd}");
        }
    }
}
