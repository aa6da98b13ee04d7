//! A video as a stream, part by part: memory holds no more than one.

use crier_core::error_class::ErrorClass;
use crier_core::media::Attachment;
use crier_core::platform::Platform;
use futures_util::stream::{self, Stream};

use super::{Fetcher, part::Part};
use crate::providers::Failure;

/// How much of a video is held at a time.
pub(crate) const PART: usize = 8 * 1024 * 1024;

impl Fetcher {
    /// The bytes in hand, which are the first of the video at place `index`, then the others part by part. One that doesn't
    /// come ends the stream with an error.
    pub(crate) fn stream(
        &self,
        platform: &'static Platform,
        index: usize,
        video: &Attachment,
        first: Part,
    ) -> impl Stream<Item = Result<Vec<u8>, Failure>> + Send + 'static {
        let (fetcher, video) = (self.clone(), video.clone());
        let Part { bytes: first, total } = first;
        stream::try_unfold((first, 0), move |(bytes, sent)| {
            let (fetcher, video) = (fetcher.clone(), video.clone());
            async move {
                if sent >= total {
                    return Ok(None);
                }
                let bytes = if sent == 0 {
                    bytes
                } else {
                    fetcher.part(platform, index, &video, sent, PART).await?.bytes
                };
                if bytes.is_empty() {
                    return Err(Failure::new(
                        ErrorClass::Transient,
                        format!("{} {index} became shorter", video.kind().as_str()),
                    ));
                }
                let sent = sent + bytes.len();
                Ok(Some((bytes, (Vec::new(), sent))))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use crier_core::platform::mastodon::PLATFORM;
    use futures_util::TryStreamExt;

    #[tokio::test]
    async fn a_video_is_the_same_in_parts() {
        let bytes: Vec<u8> =
            b"\0\0\0\x20ftypisom".iter().copied().chain((0..PART).map(|n| n as u8)).collect();
        let url = format!("data:video/mp4;base64,{}", STANDARD.encode(&bytes));
        let (fetcher, video) =
            (Fetcher::new().unwrap(), Attachment { url, alt: String::new(), stated: None });
        let first = fetcher.part(&PLATFORM, 1, &video, 0, PART).await.unwrap();
        assert_eq!((first.bytes.len(), first.total), (PART, bytes.len()));
        let parts = fetcher.stream(&PLATFORM, 1, &video, first.clone());
        let parts: Vec<_> = parts.try_collect().await.unwrap();
        assert_eq!(parts.len(), 2);
        assert!(parts.concat() == bytes, "other bytes");
        // one that is shorter than it said never counts as whole
        let short = fetcher.stream(&PLATFORM, 1, &video, Part { total: first.total + 1, ..first });
        assert_eq!(short.try_collect::<Vec<_>>().await.unwrap_err().class, ErrorClass::Transient);
    }
}
