//! Uploads: images whole, videos as a stream, so that memory holds no more than a part of one.

use std::time::Duration;

use crier_core::error_class::ErrorClass;
use crier_core::media::{Attachment, Kind};
use crier_core::platform::mastodon::PLATFORM;
use reqwest::Method;
use reqwest::multipart::Form;
use serde::{Deserialize, Serialize};

use super::api::{Api, Id};
use super::classify::failure;
use super::prepare::Limits;
use crate::media::Fetcher;
use crate::providers::Failure;
use crate::providers::answer::{Phase, content, unclear};
use crate::providers::form_file::{Cut, form_file};

const UPLOAD: &str = "api/v2/media";

/// How long an upload may take.
const UPLOAD_TIME: Duration = Duration::from_secs(10 * 60);

/// What the server has of an image or a video.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Uploaded {
    pub(super) id: Id,
    /// Whether it is processed: before that no post may name it.
    pub(super) ready: bool,
}

/// How far the server is with an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Ready,
    Processing,
    /// It is not there, or a post has it already.
    Gone,
}

#[derive(Deserialize)]
struct Made {
    id: Id,
}

/// Uploads the attachment at place `index` (the first is 1).
pub(super) async fn upload(
    server: &Api<'_>,
    fetcher: &Fetcher,
    limits: &Limits,
    index: usize,
    attachment: &Attachment,
) -> Result<Uploaded, Failure> {
    let check = |kind, len| {
        let limit = if kind == Kind::Image { limits.image_bytes } else { limits.video_bytes };
        check_len(kind, index, len, limit)
    };
    let file = form_file(fetcher, &PLATFORM, (index, attachment), "media", &Cut::default(), check).await?;
    let mut form = Form::new().part("file", file);
    if !attachment.alt.is_empty() {
        form = form.text("description", attachment.alt.clone());
    }
    let request = server.request(Method::POST, UPLOAD).multipart(form).timeout(UPLOAD_TIME);
    let answer = server.send(request).await.map_err(|error| unclear(Phase::Prepare, &error))?;
    let ready = match answer.status {
        200 => true,
        202 => false,
        _ => return Err(failure(Phase::Prepare, &answer, std::time::SystemTime::now())),
    };
    let Made { id } = content(Phase::Prepare, &answer)?;
    Ok(Uploaded { id, ready })
}

/// Asks how far an upload is. What could not be processed is the content's fault.
pub(super) async fn state(server: &Api<'_>, id: &Id) -> Result<State, Failure> {
    let answer = server.get(&format!("api/v1/media/{}", id.as_str())).await;
    let answer = answer.map_err(|error| unclear(Phase::Prepare, &error))?;
    match answer.status {
        200 => Ok(State::Ready),
        202 | 206 => Ok(State::Processing),
        404 => Ok(State::Gone),
        _ => Err(failure(Phase::Prepare, &answer, std::time::SystemTime::now())),
    }
}

fn check_len(kind: Kind, index: usize, found: usize, limit: Option<u64>) -> Result<(), Failure> {
    match limit {
        Some(limit) if found as u64 > limit => {
            let kind = kind.as_str();
            let message =
                format!("{kind} {index} has {found} bytes; the account's server accepts at most {limit}");
            Err(Failure::new(ErrorClass::ContentInvalid, message))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_own_limit_counts() {
        assert_eq!(check_len(Kind::Image, 1, 10, Some(10)), Ok(()));
        assert_eq!(check_len(Kind::Image, 1, 10, None), Ok(()));
        let failure = check_len(Kind::Video, 2, 11, Some(10)).unwrap_err();
        assert_eq!(failure.class, ErrorClass::ContentInvalid);
        assert!(failure.message.starts_with("video 2 has 11 bytes"), "{failure}");
    }
}
