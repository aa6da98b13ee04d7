//! A part of a video or a document. A host that knows no ranges sends everything, each time: of such a host it is taken at once, if it is
//! not too large for that.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crier_core::media::{Attachment, Kind, Source};
use crier_core::platform::Platform;
use crier_core::validate;
use reqwest::Response;
use reqwest::header::CONTENT_RANGE;

use super::{Fetcher, invalid, later, must_succeed, network, refused};
use crate::providers::Failure;

/// The most that is taken at once.
const WHOLE: usize = 32 * 1024 * 1024;

/// Some bytes of a video or a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) bytes: Vec<u8>,
    /// How many bytes the whole has.
    pub(crate) total: usize,
}

impl Part {
    /// The MIME type of that whose first bytes these are.
    pub(crate) fn mime_type(&self) -> Option<&'static str> {
        file_type(&self.bytes)
    }
}

impl Fetcher {
    /// The bytes of the video or document at place `index` (the first is 1) from `offset` on, `len` of them or as many as there are. All that
    /// there are, where its host sends no parts.
    pub(crate) async fn part(
        &self,
        platform: &'static Platform,
        index: usize,
        video: &Attachment,
        offset: usize,
        len: usize,
    ) -> Result<Part, Failure> {
        self.bytes(platform, index, video, offset, len, Rest::Taken).await
    }

    /// The first bytes of one, `len` of them or as many as there are.
    pub(crate) async fn head(
        &self,
        platform: &'static Platform,
        index: usize,
        video: &Attachment,
        len: usize,
    ) -> Result<Part, Failure> {
        self.bytes(platform, index, video, 0, len, Rest::Left).await
    }

    async fn bytes(
        &self,
        platform: &'static Platform,
        index: usize,
        video: &Attachment,
        offset: usize,
        len: usize,
        rest: Rest,
    ) -> Result<Part, Failure> {
        let kind = video.kind();
        let source = video.source().map_err(|error| invalid(kind, index, &error.to_string()))?;
        let part = match source {
            Source::Data { base64, .. } => carried(kind, index, base64, offset, len)?,
            Source::Https(url) => {
                let range = format!("{offset}-{}", offset.saturating_add(len).saturating_sub(1));
                let response = self.get(kind, index, url, Some(&range)).await?;
                received((kind, index), response, offset, len, rest).await?
            }
        };
        checked(platform, (kind, index), offset, part)
    }
}

/// The part, of something that the platform takes as far as that can be told.
fn checked(
    platform: &'static Platform,
    (kind, index): (Kind, usize),
    offset: usize,
    part: Part,
) -> Result<Part, Failure> {
    validate::check_len(platform, kind, index, part.total).map_err(refused)?;
    if offset == 0 {
        let unknown =
            || invalid(kind, index, &format!("its bytes are not a {} that is known", kind.as_str()));
        let mime_type = part.mime_type().ok_or_else(unknown)?;
        validate::check_type(platform, kind, index, mime_type).map_err(refused)?;
    }
    Ok(part)
}

/// What is done with the rest of a video whose host sends no parts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Taken,
    Left,
}

fn carried(kind: Kind, index: usize, base64: &str, offset: usize, len: usize) -> Result<Part, Failure> {
    let all = STANDARD.decode(base64).map_err(|_| invalid(kind, index, "its data: address is not base64"))?;
    let from = offset.min(all.len());
    let to = offset.saturating_add(len).min(all.len());
    Ok(Part { bytes: all[from..to].to_vec(), total: all.len() })
}

async fn received(
    (kind, index): (Kind, usize),
    mut response: Response,
    offset: usize,
    len: usize,
    rest: Rest,
) -> Result<Part, Failure> {
    must_succeed(kind, index, &response)?;
    let unknown = || invalid(kind, index, "its host doesn't say how long it is");
    let (total, len, mut skip) = if response.status().as_u16() == 206 {
        let header = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
        let (from, total) = header.and_then(content_range).ok_or_else(unknown)?;
        if from != offset {
            return Err(later(kind, index, "its host answered with other bytes"));
        }
        (total, len, 0)
    } else {
        let total = response.content_length().and_then(|total| usize::try_from(total).ok());
        let total = total.ok_or_else(unknown)?;
        if total > WHOLE {
            let why = format!(
                "its host sends no parts of it; then it may have at most {WHOLE} bytes, and it has {total}"
            );
            return Err(invalid(kind, index, &why));
        }
        (total, if rest == Rest::Taken { total } else { len }, offset)
    };
    let wanted = len.min(total.saturating_sub(offset));
    let mut bytes = Vec::with_capacity(wanted);
    while bytes.len() < wanted {
        let chunk = response.chunk().await.map_err(|error| network(kind, index, error))?;
        let chunk = chunk.ok_or_else(|| later(kind, index, "its host sent less than it said"))?;
        let passed = skip.min(chunk.len());
        skip -= passed;
        let rest = &chunk[passed..];
        bytes.extend_from_slice(&rest[..rest.len().min(wanted - bytes.len())]);
    }
    Ok(Part { bytes, total })
}

/// `bytes 0-99/1234`: where it begins, and how long the whole is.
fn content_range(header: &str) -> Option<(usize, usize)> {
    let (range, total) = header.strip_prefix("bytes ")?.split_once('/')?;
    let (from, _) = range.split_once('-')?;
    Some((from.trim().parse().ok()?, total.trim().parse().ok()?))
}

/// The MIME type by the first bytes: what an address or a header claims is not proof.
pub(crate) fn file_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', b'q', b't', b' ', b' ', ..] => Some("video/quicktime"),
        [_, _, _, _, b'f', b't', b'y', b'p', _, _, _, _, ..] => Some("video/mp4"),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => Some("video/webm"),
        [b'%', b'P', b'D', b'F', b'-', ..] => Some("application/pdf"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crier_core::error_class::ErrorClass;
    use crier_core::platform::x::PLATFORM as X;

    fn video(bytes: &[u8]) -> Attachment {
        let url = format!("data:video/mp4;base64,{}", STANDARD.encode(bytes));
        Attachment { url, alt: String::new(), stated: None }
    }

    #[tokio::test]
    async fn a_carried_video_comes_in_parts() {
        let (fetcher, video) = (Fetcher::new().unwrap(), video(b"\0\0\0\x20ftypisom and more"));
        let first = fetcher.part(&X, 1, &video, 0, 12).await.unwrap();
        assert_eq!((first.bytes.as_slice(), first.total), (&b"\0\0\0\x20ftypisom"[..], 21));
        let rest = fetcher.part(&X, 1, &video, 12, 100).await.unwrap();
        assert_eq!(rest.bytes, b" and more");
        let beyond = fetcher.part(&X, 1, &video, 500, 100).await.unwrap();
        assert_eq!((beyond.bytes.len(), beyond.total), (0, 21));
    }

    #[tokio::test]
    async fn what_is_no_video_is_refused_by_its_place() {
        let failure =
            Fetcher::new().unwrap().part(&X, 2, &video(b"GIF89a and more"), 0, 99).await.unwrap_err();
        assert_eq!(failure.class, ErrorClass::ContentInvalid);
        assert!(failure.message.starts_with("video 2"), "{failure}");
    }

    fn answered(status: u16, range: Option<&str>, body: Vec<u8>) -> Response {
        let mut response = axum::http::Response::builder().status(status);
        if let Some(range) = range {
            response = response.header("content-range", range);
        }
        response.body(body).unwrap().into()
    }

    #[tokio::test]
    async fn a_host_that_sends_no_parts_is_asked_once() {
        let all: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let whole =
            received((Kind::Video, 1), answered(200, None, all.clone()), 10, 5, Rest::Taken).await.unwrap();
        assert!(whole.bytes == all[10..] && whole.total == all.len(), "{} bytes", whole.bytes.len());
        let head =
            received((Kind::Video, 1), answered(200, None, all.clone()), 0, 5, Rest::Left).await.unwrap();
        assert_eq!((head.bytes.as_slice(), head.total), (&all[..5], all.len()));
        let part = answered(206, Some("bytes 10-14/100000"), all[10..15].to_vec());
        let part = received((Kind::Video, 1), part, 10, 5, Rest::Taken).await.unwrap();
        assert_eq!((part.bytes.as_slice(), part.total), (&all[10..15], all.len()));
    }

    #[tokio::test]
    async fn a_large_video_needs_a_host_that_sends_parts() {
        for rest in [Rest::Taken, Rest::Left] {
            let large = answered(200, None, vec![0; WHOLE + 1]);
            let failure = received((Kind::Video, 2), large, 0, 5, rest).await.unwrap_err();
            assert_eq!(failure.class, ErrorClass::ContentInvalid);
            assert!(failure.message.starts_with("video 2: its host sends no parts"), "{failure}");
        }
        let range = format!("bytes 0-4/{}", WHOLE + 1);
        assert!(
            received((Kind::Video, 2), answered(206, Some(&range), vec![0; 5]), 0, 5, Rest::Taken)
                .await
                .is_ok()
        );
        // more than was asked for is not read
        let more = answered(206, Some("bytes 0-4/100"), vec![0; 100]);
        assert_eq!(received((Kind::Video, 2), more, 0, 5, Rest::Taken).await.unwrap().bytes.len(), 5);
    }

    #[test]
    fn types_are_told_by_their_first_bytes() {
        assert_eq!(file_type(b"\0\0\0\x14ftypqt  \0\0"), Some("video/quicktime"));
        assert_eq!(file_type(b"\0\0\0\x14ftypmp42\0\0"), Some("video/mp4"));
        assert_eq!(file_type(b"\x1a\x45\xdf\xa3\0"), Some("video/webm"));
        assert_eq!(file_type(b"%PDF-1.7\n"), Some("application/pdf"));
        assert_eq!(file_type(b""), None);
    }

    #[test]
    fn a_range_says_where_it_begins_and_how_long_the_whole_is() {
        assert_eq!(content_range("bytes 0-99/1234"), Some((0, 1_234)));
        for bad in ["", "bytes */1234", "bytes 0-99/*", "items 0-9/10", "bytes 0-99"] {
            assert_eq!(content_range(bad), None, "{bad}");
        }
    }
}
