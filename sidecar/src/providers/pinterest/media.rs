//! Videos: registered, sent to where Pinterest says, and processed. Images need nothing: a pin names or carries them.

use std::time::Duration;

use crier_core::error_class::ErrorClass;
use crier_core::media::{Attachment, Kind};
use crier_core::platform::pinterest::PLATFORM;
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::api::{Api, is_id, read};
use crate::address::check_loopback;
use crate::media::{Fetcher, PART, file_type};
use crate::providers::answer::{Phase, in_time, unclear};
use crate::providers::{Failure, Post, Reach};

/// How long the bytes may take.
const UPLOAD: Duration = Duration::from_secs(9 * 60);
/// How long the processing of a video is waited for in one piece. After it the try ends, and the next one goes on waiting.
const PROCESSING: Duration = Duration::from_secs(2 * 60);
/// How soon Pinterest is asked again: less and less often.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// What was prepared so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Prepared {
    #[serde(default)]
    pub(super) video: Option<Video>,
    /// An upload was gone before it was processed and was made anew; that is done once.
    #[serde(default)]
    begun_anew: bool,
}

/// An upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Video {
    pub(super) id: String,
    /// Whether it is processed.
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
    post: &Post,
    prepared: &Value,
) -> Result<Option<Value>, Failure> {
    let media = post.attachments()?;
    let [video] = media.as_slice() else { return Ok(None) };
    if video.kind() != Kind::Video {
        return Ok(None);
    }
    let next = in_time(piece(api, fetcher, video, parse(prepared))).await?;
    Ok(next.map(|next| json!(next)))
}

async fn piece(
    api: &Api<'_>,
    fetcher: &Fetcher,
    video: &Attachment,
    prepared: Prepared,
) -> Result<Option<Prepared>, Failure> {
    let begun_anew = prepared.begun_anew;
    match prepared.video {
        Some(Video { ready: true, .. }) => Ok(None),
        None => {
            let id = upload(api, fetcher, video).await?;
            Ok(Some(Prepared { video: Some(Video { id, ready: false }), begun_anew }))
        }
        Some(Video { id, .. }) => match processed(api, &id).await {
            Ok(()) => Ok(Some(Prepared { video: Some(Video { id, ready: true }), begun_anew })),
            Err(failure) if failure.class == ErrorClass::TargetMissing && !begun_anew => {
                Ok(Some(Prepared { video: None, begun_anew: true }))
            }
            Err(failure) => Err(failure),
        },
    }
}

#[derive(Deserialize)]
struct Registered {
    media_id: String,
    upload_url: String,
    /// Signatures: they are used at once and never stored.
    upload_parameters: Map<String, Value>,
}

/// Registers an upload and sends the bytes, as one piece: what comes in between is secret.
async fn upload(api: &Api<'_>, fetcher: &Fetcher, video: &Attachment) -> Result<String, Failure> {
    let first = fetcher.part(&PLATFORM, 1, video, 0, PART).await?;
    let body = json!({ "media_type": "video" }).to_string();
    let Registered { media_id, upload_url, upload_parameters } =
        read(Phase::Prepare, api.post("media", body).await)?;
    if !is_id(&media_id) {
        return Err(Failure::new(ErrorClass::Transient, "the answer names no upload"));
    }
    let mime_type = file_type(&first.bytes).unwrap_or("video/mp4");
    let (total, bytes) = (first.total, fetcher.stream(&PLATFORM, 1, video, first));
    let file = Part::stream_with_length(Body::wrap_stream(bytes), total as u64).file_name("media");
    let file = file
        .mime_str(mime_type)
        .map_err(|_| Failure::new(ErrorClass::ContentInvalid, "video 1: its type is none of a file"))?;
    let mut form = Form::new();
    for (name, value) in upload_parameters {
        if let Value::String(value) = value {
            form = form.text(name, value);
        }
    }
    // Pinterest names where to: an address of the public internet, unless Pinterest itself is on this machine.
    let reach = Reach { allow_loopback: check_loopback(api.base_url).is_ok() };
    let client = api.client.within(reach);
    let request = client.request(Method::POST, &upload_url).multipart(form.part("file", file));
    let status = client.status(request.timeout(UPLOAD)).await;
    match status.map_err(|error| unclear(Phase::Prepare, &error))? {
        200..=204 => Ok(media_id),
        status => {
            let class = if status == 413 { ErrorClass::ContentInvalid } else { ErrorClass::Transient };
            let message = format!("video 1: the upload was answered with {status}");
            Err(Failure { status: Some(status), ..Failure::new(class, message) })
        }
    }
}

#[derive(Deserialize)]
struct Upload {
    status: String,
}

/// Waits until an upload is processed.
async fn processed(api: &Api<'_>, id: &str) -> Result<(), Failure> {
    let end = Instant::now() + PROCESSING;
    let mut pause = FIRST_PAUSE;
    loop {
        let answer = api.get(&format!("media/{id}"), &[]).await;
        let Upload { status } = read(Phase::Prepare, answer)?;
        match status.as_str() {
            "succeeded" => return Ok(()),
            "failed" => {
                let message = "video 1: Pinterest can't process it";
                return Err(Failure::new(ErrorClass::ContentInvalid, message));
            }
            _ if Instant::now() + pause >= end => {
                let message = "Pinterest is still processing the video";
                return Err(Failure::new(ErrorClass::Transient, message));
            }
            _ => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back() {
        let video = Some(Video { id: "7".into(), ready: true });
        let prepared = Prepared { video, begun_anew: true };
        assert_eq!(parse(&json!(prepared)), prepared);
        for odd in [Value::Null, json!([1]), json!({ "video": { "id": 7 } })] {
            assert_eq!(parse(&odd), Prepared::default(), "{odd}");
        }
    }
}
