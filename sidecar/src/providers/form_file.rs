//! Images and videos as a form takes them: an image whole, a video as a stream, so that memory holds no more than a part of one.

use crier_core::error_class::ErrorClass;
use crier_core::media::{Attachment, Kind};
use crier_core::platform::Platform;
use reqwest::Body;
use reqwest::multipart::Part;

use super::Failure;
use crate::media::{Fetcher, PART, file_type};

/// The attachment at place `index` (the first is 1). `check`: whether so many bytes are accepted.
pub(super) async fn form_file(
    fetcher: &Fetcher,
    platform: &'static Platform,
    (index, attachment): (usize, &Attachment),
    check: impl Fn(Kind, usize) -> Result<(), Failure>,
) -> Result<Part, Failure> {
    if attachment.kind() == Kind::Image {
        let picture = fetcher.picture(platform, index, attachment).await?;
        check(Kind::Image, picture.bytes.len())?;
        return named(Part::bytes(picture.bytes), picture.mime_type);
    }
    let first = fetcher.part(platform, index, attachment, 0, PART).await?;
    check(attachment.kind(), first.total)?;
    let mime_type = file_type(&first.bytes).unwrap_or("video/mp4");
    let (total, bytes) = (first.total, fetcher.stream(platform, index, attachment, first));
    named(Part::stream_with_length(Body::wrap_stream(bytes), total as u64), mime_type)
}

/// Servers take only what has a file's name for a file, and some believe its ending.
fn named(part: Part, mime_type: &str) -> Result<Part, Failure> {
    let ending = match mime_type.rsplit('/').next().unwrap_or_default() {
        "quicktime" => "mov",
        other => other,
    };
    part.file_name(format!("media.{ending}"))
        .mime_str(mime_type)
        .map_err(|_| Failure::new(ErrorClass::ContentInvalid, format!("{mime_type:?} is no type of a file")))
}
