//! The media of a post as they go out: images whole, videos and documents as a stream, so that memory holds no more than a part.

use std::sync::{Arc, Mutex, PoisonError};

use crier_core::error_class::ErrorClass;
use crier_core::media::{Attachment, Kind};
use crier_core::platform::telegram::PLATFORM;
use futures_util::{Stream, TryStream, TryStreamExt};
use reqwest::Body;
use reqwest::multipart::Part;

use crate::media::{Fetcher, PART, file_type};
use crate::providers::Failure;

/// Why the bytes of a file ended before they should, where they did: then the request had no end, and nothing can have come of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Cut(Arc<Mutex<Option<Failure>>>);

impl Cut {
    fn note(&self, failure: &Failure) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure.clone());
    }

    pub(super) fn taken(&self) -> Option<Failure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The attachment at place `index` (the first is 1).
pub(super) async fn part(
    fetcher: &Fetcher,
    index: usize,
    attachment: &Attachment,
    cut: &Cut,
) -> Result<Part, Failure> {
    if attachment.kind() == Kind::Image {
        let picture = fetcher.picture(&PLATFORM, index, attachment).await?;
        return named(Part::bytes(picture.bytes), index, picture.mime_type);
    }
    let first = fetcher.part(&PLATFORM, index, attachment, 0, PART).await?;
    let mime_type = file_type(&first.bytes).unwrap_or("application/octet-stream");
    let total = first.total;
    let bytes = noting(fetcher.stream(&PLATFORM, index, attachment, first), cut.clone());
    named(Part::stream_with_length(Body::wrap_stream(bytes), total as u64), index, mime_type)
}

/// The same bytes; why they end early is noted.
pub(super) fn noting(
    bytes: impl TryStream<Ok = Vec<u8>, Error = Failure> + Send + 'static,
    cut: Cut,
) -> impl Stream<Item = Result<Vec<u8>, Failure>> + Send + 'static {
    bytes.inspect_err(move |failure| cut.note(failure))
}

/// Telegram believes the ending of a name.
fn named(part: Part, index: usize, mime_type: &str) -> Result<Part, Failure> {
    let ending = mime_type.rsplit('/').next().unwrap_or_default();
    part.file_name(format!("{index}.{ending}"))
        .mime_str(mime_type)
        .map_err(|_| Failure::new(ErrorClass::ContentInvalid, format!("{mime_type:?} is no type of a file")))
}
