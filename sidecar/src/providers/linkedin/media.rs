//! Uploads: a place is asked for, the bytes are sent there, and LinkedIn processes what is no image. Places are good for who knows
//! them, so none is stored: an upload is one piece, however many parts it has.

use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use crier_core::media::{Attachment, Kind};
use crier_core::platform::linkedin::PLATFORM;
use reqwest::Body;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::api::{Api, done, encoded, read};
use crate::client::Answer;
use crate::media::{Fetcher, PART};
use crate::providers::Failure;
use crate::providers::answer::{Fields, Phase};

/// LinkedIn shows no image of more.
const MAX_PIXELS: usize = 36_152_320;
/// The bytes by which a video is known.
const HEAD: usize = 64;
/// The most bytes of a part that LinkedIn may ask for; it asks for 4 MiB.
const MAX_PART: usize = 32 * 1024 * 1024;
/// How long one call of an upload may take.
const UPLOAD: Duration = Duration::from_secs(10 * 60);
/// How long the processing of an upload is waited for in one piece, and when the next try waits on.
const PROCESSING: Duration = Duration::from_secs(3 * 60);
const LATER: Duration = Duration::from_secs(2 * 60);
/// The pauses between two questions: the first, and what they grow to.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// The most characters of the name of an upload.
const MAX_URN: usize = 200;

/// How far LinkedIn is with an upload.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    Ready,
    /// It is not there any more.
    Gone,
}

/// A place for bytes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    upload_url: String,
}

#[derive(Deserialize)]
struct Told<T> {
    value: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parts {
    video: String,
    #[serde(default)]
    upload_token: String,
    upload_instructions: Vec<PartOf>,
}

/// Where some of the bytes go.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PartOf {
    upload_url: String,
    first_byte: usize,
    last_byte: usize,
}

/// Who uploads for whom.
#[derive(Clone, Copy)]
pub(super) struct Uploader<'a> {
    pub(super) api: &'a Api<'a>,
    pub(super) fetcher: &'a Fetcher,
    pub(super) owner: &'a str,
}

impl Uploader<'_> {
    /// Uploads the attachment at place `index` (the first is 1); what LinkedIn calls it.
    pub(super) async fn upload(&self, index: usize, one: &Attachment) -> Result<String, Failure> {
        match one.kind() {
            Kind::Image => self.image(index, one).await,
            Kind::Video => self.video(index, one).await,
            Kind::Document => self.document(index, one).await,
        }
    }

    async fn image(&self, index: usize, image: &Attachment) -> Result<String, Failure> {
        let picture = self.fetcher.picture(&PLATFORM, index, image).await?;
        let pixels = picture.width.saturating_mul(picture.height);
        if pixels > MAX_PIXELS {
            let why = format!("image {index} has {pixels} pixels; linkedin accepts at most {MAX_PIXELS}");
            return Err(Failure::new(ErrorClass::ContentInvalid, why));
        }
        let (place, urn) = self.place("images", "image").await?;
        let len = picture.bytes.len();
        self.put(&place, picture.mime_type, len, Body::from(picture.bytes)).await?;
        Ok(urn)
    }

    async fn document(&self, index: usize, document: &Attachment) -> Result<String, Failure> {
        let first = self.fetcher.part(&PLATFORM, index, document, 0, PART).await?;
        let (place, urn) = self.place("documents", "document").await?;
        let total = first.total;
        let body = Body::wrap_stream(self.fetcher.stream(&PLATFORM, index, document, first));
        self.put(&place, "application/pdf", total, body).await?;
        Ok(urn)
    }

    /// A video goes in the parts that LinkedIn asks for, each to an address of its own.
    async fn video(&self, index: usize, video: &Attachment) -> Result<String, Failure> {
        let total = self.fetcher.head(&PLATFORM, index, video, HEAD).await?.total;
        let request = json!({ "initializeUploadRequest": {
            "owner": self.owner, "fileSizeBytes": total, "uploadCaptions": false, "uploadThumbnail": false,
        }});
        let answer = self.api.post("videos?action=initializeUpload", &request).await;
        let Fields(Told { value: Parts { video: urn, upload_token, upload_instructions } }) =
            read(Phase::Prepare, answer)?;
        check(&urn, "urn:li:video:")?;
        let (mut held, mut from) = (Vec::new(), 0);
        let mut etags = Vec::new();
        let mut next = 0;
        for PartOf { upload_url, first_byte, last_byte } in &upload_instructions {
            let end = last_byte.saturating_add(1).min(total);
            if *first_byte != next || end <= next || end - next > MAX_PART {
                return Err(unreadable());
            }
            // a host that sends no parts has sent the rest at once
            if end > from + held.len() {
                let part = self.fetcher.part(&PLATFORM, index, video, next, end - next).await?;
                if part.total != total || part.bytes.len() < end - next {
                    let why = format!("video {index}: it changed while it was sent");
                    return Err(Failure::new(ErrorClass::ContentInvalid, why));
                }
                (held, from) = (part.bytes, next);
            }
            let bytes = held.get(next - from..end - from).unwrap_or_default().to_vec();
            let sent =
                self.put(upload_url, "application/octet-stream", bytes.len(), Body::from(bytes)).await?;
            let etag = sent.header(&ETAG).map(|etag| etag.trim_matches('"').to_owned());
            etags.push(etag.ok_or_else(unreadable)?);
            next = end;
        }
        if next != total {
            return Err(unreadable());
        }
        let request = json!({ "finalizeUploadRequest": {
            "video": urn, "uploadToken": upload_token, "uploadedPartIds": etags,
        }});
        done(Phase::Prepare, self.api.post("videos?action=finalizeUpload", &request).await)?;
        Ok(urn)
    }

    /// A place for something that goes as a whole, and what it is called then.
    async fn place(&self, path: &str, name: &str) -> Result<(String, String), Failure> {
        let request = json!({ "initializeUploadRequest": { "owner": self.owner } });
        let answer = self.api.post(&format!("{path}?action=initializeUpload"), &request).await;
        let Fields(Told::<Value> { value }) = read(Phase::Prepare, answer)?;
        let urn = value[name].as_str().unwrap_or_default().to_owned();
        check(&urn, &format!("urn:li:{name}:"))?;
        let place: Place = serde_json::from_value(value).map_err(|_| unreadable())?;
        Ok((place.upload_url, urn))
    }

    async fn put(&self, place: &str, kind: &str, len: usize, body: Body) -> Result<Answer, Failure> {
        let request = self.api.put(place).ok_or_else(unreadable)?;
        let request =
            request.header(CONTENT_TYPE, kind).header(CONTENT_LENGTH, len).body(body).timeout(UPLOAD);
        done(Phase::Prepare, self.api.send(request).await)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Processing {
    status: String,
    #[serde(default)]
    processing_failure_reason: Value,
}

/// Waits until LinkedIn has processed a video or a document.
pub(super) async fn processed(api: &Api<'_>, kind: Kind, index: usize, urn: &str) -> Result<State, Failure> {
    let list = if kind == Kind::Document { "documents" } else { "videos" };
    let path = format!("{list}/{}", encoded(urn));
    let until = Instant::now() + PROCESSING;
    let mut pause = FIRST_PAUSE;
    loop {
        let told: Result<Fields<Processing>, Failure> = read(Phase::Prepare, api.get(&path).await);
        match told {
            Ok(Fields(told)) if told.status == "AVAILABLE" => return Ok(State::Ready),
            Ok(Fields(told)) if told.status == "PROCESSING_FAILED" => {
                let why = told.processing_failure_reason.as_str().unwrap_or("it doesn't say why").to_owned();
                let message = format!("{} {index}: linkedin can't process it: {why}", kind.as_str());
                return Err(Failure::new(ErrorClass::ContentInvalid, message));
            }
            Ok(_) => {}
            Err(failure) if failure.class == ErrorClass::TargetMissing => return Ok(State::Gone),
            Err(failure) => return Err(failure),
        }
        if Instant::now() + pause > until {
            let message = format!("linkedin is still processing {} {index}", kind.as_str());
            let retry_at = Some(SystemTime::now() + LATER);
            return Err(Failure { retry_at, ..Failure::new(ErrorClass::Transient, message) });
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// What goes into addresses and posts.
fn check(urn: &str, beginning: &str) -> Result<(), Failure> {
    let id = urn.strip_prefix(beginning).unwrap_or_default();
    let fits = !id.is_empty()
        && urn.len() <= MAX_URN
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if fits { Ok(()) } else { Err(unreadable()) }
}

fn unreadable() -> Failure {
    let message = "linkedin answered with something else than a place for an upload";
    Failure::new(ErrorClass::Transient, message)
}
