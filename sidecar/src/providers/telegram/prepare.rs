//! What can be done before a post exists: look at its media. They go out with the call that publishes, because Telegram takes
//! none before.

use crier_core::error_class::ErrorClass;
use crier_core::media::{Attachment, Kind};
use crier_core::platform::telegram::{MAX_BYTES, PLATFORM};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::media::{Fetcher, Picture};
use crate::providers::{Failure, Post};

/// The longest that both sides of an image may be together, and how often the longer one may have the shorter.
const MAX_SIDES: usize = 10_000;
const MAX_RATIO: usize = 20;
/// As much of a file as tells its type.
const HEAD: usize = 64;

/// What Telegram is told that a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Sort {
    Photo,
    /// A GIF, which moves.
    Animation,
    Video,
    Document,
}

impl Sort {
    /// As the API writes it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Photo => "photo",
            Self::Animation => "animation",
            Self::Video => "video",
            Self::Document => "document",
        }
    }
}

/// What was found out of an attachment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) sort: Sort,
    bytes: usize,
}

/// What was prepared so far.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Prepared {
    #[serde(default)]
    pub(super) files: Vec<Seen>,
}

/// What another version stored differently is prepared again.
pub(super) fn parse(prepared: &Value) -> Prepared {
    Prepared::deserialize(prepared).unwrap_or_default()
}

/// Looks at the next attachment; `None` when there is none.
pub(super) async fn step(fetcher: &Fetcher, post: &Post, prepared: &Value) -> Result<Option<Value>, Failure> {
    let mut prepared = parse(prepared);
    let media = post.attachments()?;
    let Some(attachment) = media.get(prepared.files.len()) else { return Ok(None) };
    let seen = look(fetcher, prepared.files.len() + 1, attachment).await?;
    if seen.sort == Sort::Animation && media.len() > 1 {
        return Err(invalid("a GIF moves, and Telegram takes such an image in no album: it has to be alone"));
    }
    prepared.files.push(seen);
    let bytes: usize = prepared.files.iter().map(|file| file.bytes).sum();
    if bytes > MAX_BYTES {
        let why = format!("the media have {bytes} bytes and more; Telegram accepts {MAX_BYTES} in one post");
        return Err(invalid(&why));
    }
    Ok(Some(json!(prepared)))
}

async fn look(fetcher: &Fetcher, index: usize, attachment: &Attachment) -> Result<Seen, Failure> {
    let (sort, bytes) = match attachment.kind() {
        Kind::Image => {
            let picture = fetcher.picture(&PLATFORM, index, attachment).await?;
            check_sides(index, &picture)?;
            let sort = if picture.mime_type == "image/gif" { Sort::Animation } else { Sort::Photo };
            (sort, picture.bytes.len())
        }
        kind @ (Kind::Video | Kind::Document) => {
            let sort = if kind == Kind::Video { Sort::Video } else { Sort::Document };
            (sort, fetcher.head(&PLATFORM, index, attachment, HEAD).await?.total)
        }
    };
    Ok(Seen { sort, bytes })
}

fn check_sides(index: usize, picture: &Picture) -> Result<(), Failure> {
    let Picture { width, height, .. } = *picture;
    let (short, long) = (width.min(height), width.max(height));
    if picture.mime_type == "image/gif" || (width + height <= MAX_SIDES && long <= short * MAX_RATIO) {
        return Ok(());
    }
    let why = format!(
        "image {index} is {width} by {height}; Telegram accepts {MAX_SIDES} together, and {MAX_RATIO} to 1 at most"
    );
    Err(invalid(&why))
}

fn invalid(why: &str) -> Failure {
    Failure::new(ErrorClass::ContentInvalid, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_not_too_long() {
        let of =
            |width, height| check_sides(2, &Picture { bytes: vec![], mime_type: "image/png", width, height });
        for (width, height) in [(1, 1), (5_000, 5_000), (2_000, 100)] {
            assert_eq!(of(width, height), Ok(()));
        }
        for (width, height) in [(5_001, 5_000), (2_001, 100), (100, 2_001)] {
            let failure = of(width, height).unwrap_err();
            assert!(failure.message.starts_with("image 2 is"), "{failure}");
        }
    }
}
