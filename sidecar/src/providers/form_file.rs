//! Media as a form takes them: an image whole, a video or a document as a stream, so that memory holds no more than a part of one.

use std::sync::{Arc, Mutex, PoisonError};

use crier_core::error_class::ErrorClass;
use crier_core::media::{Attachment, Kind};
use crier_core::platform::Platform;
use futures_util::{Stream, TryStream, TryStreamExt};
use reqwest::Body;
use reqwest::multipart::Part;

use super::Failure;
use crate::media::{Fetcher, PART, file_type};

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

/// The attachment at place `index` (the first is 1), called by `name` and the ending of its type. `check`: whether so many bytes are
/// accepted.
pub(super) async fn form_file(
    fetcher: &Fetcher,
    platform: &'static Platform,
    (index, attachment): (usize, &Attachment),
    name: &str,
    cut: &Cut,
    check: impl Fn(Kind, usize) -> Result<(), Failure>,
) -> Result<Part, Failure> {
    let kind = attachment.kind();
    if kind == Kind::Image {
        let picture = fetcher.picture(platform, index, attachment).await?;
        check(kind, picture.bytes.len())?;
        return named(Part::bytes(picture.bytes), name, picture.mime_type);
    }
    let first = fetcher.part(platform, index, attachment, 0, PART).await?;
    check(kind, first.total)?;
    let unknown = if kind == Kind::Video { "video/mp4" } else { "application/octet-stream" };
    let mime_type = file_type(&first.bytes).unwrap_or(unknown);
    let total = first.total;
    let bytes = noting(fetcher.stream(platform, index, attachment, first), cut.clone());
    named(Part::stream_with_length(Body::wrap_stream(bytes), total as u64), name, mime_type)
}

/// The same bytes; why they end early is noted.
pub(super) fn noting(
    bytes: impl TryStream<Ok = Vec<u8>, Error = Failure> + Send + 'static,
    cut: Cut,
) -> impl Stream<Item = Result<Vec<u8>, Failure>> + Send + 'static {
    bytes.inspect_err(move |failure| cut.note(failure))
}

/// Servers take only what has a file's name for a file, and some believe its ending.
fn named(part: Part, name: &str, mime_type: &str) -> Result<Part, Failure> {
    let ending = match mime_type.rsplit('/').next().unwrap_or_default() {
        "quicktime" => "mov",
        other => other,
    };
    part.file_name(format!("{name}.{ending}"))
        .mime_str(mime_type)
        .map_err(|_| Failure::new(ErrorClass::ContentInvalid, format!("{mime_type:?} is no type of a file")))
}
