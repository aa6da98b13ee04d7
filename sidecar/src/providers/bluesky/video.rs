//! The video of a post: uploaded to a service that processes it and hands it to the account's server, or to that server
//! itself, which has it processed once the post is there.
//!
//! The service knows a video by its bytes: one that it has already is not processed again, so an upload may be repeated.

use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use crier_core::media::Attachment;
use crier_core::platform::bluesky::{PLATFORM, check_video_alt};
use reqwest::Body;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use url::Url;

use super::classify::failure;
use super::prepare::{Preparation, UPLOAD_BLOB, Uploaded, blob};
use super::xrpc::{As, File, Xrpc, read};
use crate::client::{Answer, CallError};
use crate::media::{PART, shape};
use crate::providers::answer::{Phase, content, unclear};
use crate::providers::failure::clean;
use crate::providers::redact::Secrets;
use crate::providers::{Failure, Post, VideoService};

const SERVICE_AUTH: &str = "com.atproto.server.getServiceAuth";
const UPLOAD: &str = "app.bsky.video.uploadVideo";
const STATUS: &str = "app.bsky.video.getJobStatus";

/// Where Bluesky has the videos of accounts on its own servers processed.
const BLUESKYS: &str = "https://video.bsky.app";
/// What the names of its servers end with.
const BLUESKYS_HOSTS: &str = ".bsky.network";

/// How long the service may act for the account: it uploads the video to the account's server when it is done.
const TOKEN_LIFE: Duration = Duration::from_secs(30 * 60);
/// How long a job is waited for in one try, and how long after that the next try is.
const PROCESSING: Duration = Duration::from_secs(3 * 60);
const LATER: Duration = Duration::from_secs(2 * 60);
/// The pauses between two questions: the first, and what they grow to.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// The most characters of a job's name, and of the code of a failure.
const MAX_JOB: usize = 200;
const MAX_CODE: usize = 80;

/// The video of a post, from its upload until a record can embed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Video {
    stage: Stage,
    /// Width and height, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shape: Option<(u32, u32)>,
    /// The service lost a job once.
    #[serde(default)]
    lost: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// It is uploaded once more.
    Again,
    /// The service works on it, under this name.
    Job(String),
    /// The account's server has it.
    Blob(Value),
}

impl Video {
    /// What a record says of it.
    pub(super) fn embed(&self, post: &Post) -> Result<Value, Failure> {
        let Stage::Blob(blob) = &self.stage else {
            return Err(Failure::new(ErrorClass::Transient, "the video is not processed yet"));
        };
        let mut embed = json!({ "$type": "app.bsky.embed.video", "video": blob });
        let alt = post.attachments()?.into_iter().next().map(|video| video.alt).unwrap_or_default();
        if !alt.is_empty() {
            embed["alt"] = alt.into();
        }
        if let Some((width, height)) = self.shape {
            embed["aspectRatio"] = json!({ "width": width, "height": height });
        }
        Ok(embed)
    }
}

/// The service for an account on this server; none: its videos go to the server itself.
///
/// An account at the entryway is not known by its server's name, without which no service can be told whom to hand a video to.
pub(super) fn service<'a>(wanted: &'a VideoService, base_url: &str) -> Option<&'a str> {
    match wanted {
        VideoService::At(url) => Some(url),
        VideoService::None => None,
        VideoService::Usual => {
            let url = Url::parse(base_url).ok()?;
            url.host_str().is_some_and(|host| host.ends_with(BLUESKYS_HOSTS)).then_some(BLUESKYS)
        }
    }
}

impl Preparation<'_> {
    /// The next piece of a video; `None` when there is none.
    pub(super) async fn video(
        &self,
        attachment: &Attachment,
        video: Option<&Video>,
    ) -> Result<Option<Video>, Failure> {
        let again = "the video service lost a job twice";
        let (stage, lost) = match (video, &self.video_service) {
            (Some(Video { stage: Stage::Blob(_), .. }), _) => return Ok(None),
            (Some(Video { stage: Stage::Job(job), lost, .. }), Some(service)) => {
                match processed(service, job).await? {
                    Some(blob) => (Stage::Blob(blob), *lost),
                    None if *lost => return Err(Failure::new(ErrorClass::Transient, again)),
                    None => (Stage::Again, true),
                }
            }
            (video, _) => {
                return self.uploaded(attachment, video.is_some_and(|video| video.lost)).await.map(Some);
            }
        };
        Ok(Some(Video { stage, lost, shape: video.and_then(|video| video.shape) }))
    }

    /// Uploads a video that stands alone in its post.
    async fn uploaded(&self, video: &Attachment, lost: bool) -> Result<Video, Failure> {
        check_video_alt(&video.alt).map_err(|why| {
            Failure::new(ErrorClass::ContentInvalid, format!("video 1: its alternative text {why}"))
        })?;
        let first = self.fetcher.part(&PLATFORM, 1, video, 0, PART).await?;
        let (shape, len) = (shape(&first.bytes), first.total);
        let body = Body::wrap_stream(self.fetcher.stream(&PLATFORM, 1, video, first));
        let file = File { mime_type: "video/mp4", len, body };
        let stage = match &self.video_service {
            Some(service) => self.to_service(service, file).await?,
            None => Stage::Blob(self.to_server(file).await?),
        };
        Ok(Video { stage, shape, lost })
    }

    async fn to_server(&self, file: File) -> Result<Value, Failure> {
        let answer = self.server.upload(UPLOAD_BLOB, &[], As::Account(&self.caller.session), file).await;
        let uploaded: Uploaded = read(Phase::Prepare, answer)?;
        blob(&uploaded.blob).ok_or_else(|| unreadable("the upload of a video"))
    }

    async fn to_service(&self, service: &Xrpc<'_>, file: File) -> Result<Stage, Failure> {
        let account = &self.caller.account;
        let token = self.service_token(&account.base_url).await?;
        // The token is not the session's: nobody else takes it out of what the service says.
        let secrets = Secrets::of(&token);
        let params = [("did", account.external_id.as_str()), ("name", "video.mp4")];
        let answer = service.upload(UPLOAD, &params, As::Token(&token), file).await;
        let mut told = told(answer, |status| status == 409).map_err(|failure| secrets.failure(failure))?;
        secrets.value(&mut told);
        stage(&told)
    }

    /// Lets the service upload one file to the account's server.
    async fn service_token(&self, base_url: &str) -> Result<SecretString, Failure> {
        #[derive(Deserialize)]
        struct Granted {
            token: SecretString,
        }
        let until = (SystemTime::now() + TOKEN_LIFE).duration_since(SystemTime::UNIX_EPOCH);
        let until = until.map_or(0, |until| until.as_secs()).to_string();
        let audience = did_of(base_url).ok_or_else(|| {
            Failure::new(ErrorClass::Config, "the address of the account's server names no host")
        })?;
        let params = [("aud", audience.as_str()), ("lxm", UPLOAD_BLOB), ("exp", &until)];
        let answer = self.server.query_as(As::Account(&self.caller.session), SERVICE_AUTH, &params).await;
        read::<Granted>(Phase::Prepare, answer).map(|granted| granted.token)
    }
}

/// The DID of a server: its host, and its port where it is not the usual one.
fn did_of(base_url: &str) -> Option<String> {
    let url = Url::parse(base_url).ok()?;
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| format!("did:web:{host}"), |port| format!("did:web:{host}%3A{port}")))
}

/// What the service says of a job. Some answers have it by itself, others as one of their fields.
fn told(answer: Result<Answer, CallError>, also: impl Fn(u16) -> bool) -> Result<Value, Failure> {
    let answer = answer.map_err(|error| unclear(Phase::Prepare, &error))?;
    if !(200..=202).contains(&answer.status) && !also(answer.status) {
        let failure = failure(Phase::Prepare, &answer, SystemTime::now());
        // What is refused is the token of this one upload, or nothing that has a token: no reason to renew a session.
        let class =
            if failure.class == ErrorClass::AuthExpired { ErrorClass::Transient } else { failure.class };
        return Err(Failure { class, ..failure });
    }
    let mut told: Value = content(Phase::Prepare, &answer)?;
    Ok(if told["jobStatus"].is_object() { told["jobStatus"].take() } else { told })
}

/// How an upload stands that the service has taken, now or earlier.
fn stage(told: &Value) -> Result<Stage, Failure> {
    if let Some(outcome) = outcome(told)? {
        return Ok(Stage::Blob(outcome));
    }
    let job = told["jobId"].as_str().filter(|job| is_job(job));
    job.map(|job| Stage::Job(job.to_owned())).ok_or_else(|| unreadable("the upload of a video"))
}

/// The video as it was processed, if it is.
fn outcome(told: &Value) -> Result<Option<Value>, Failure> {
    let text = |name: &str| told[name].as_str().filter(|text| !text.is_empty());
    if told["blob"].is_object() {
        return blob(&told["blob"]).map(Some).ok_or_else(|| unreadable("a question about a video"));
    }
    if text("state") != Some("JOB_STATE_FAILED") {
        return Ok(None);
    }
    let code = text("failureCode").or_else(|| text("error"));
    let why = text("message").or(code).unwrap_or("it doesn't say why");
    let message = format!("the video service can't process the video: {why}");
    Err(Failure {
        code: code.map(|code| clean(code, MAX_CODE)),
        ..Failure::new(ErrorClass::ContentInvalid, message)
    })
}

/// Waits until a job is done. None: it has to be done again, the service doesn't know it any more.
async fn processed(service: &Xrpc<'_>, job: &str) -> Result<Option<Value>, Failure> {
    let until = Instant::now() + PROCESSING;
    let mut pause = FIRST_PAUSE;
    loop {
        let answer = service.query(STATUS, &[("jobId", job)]).await;
        if answer.as_ref().is_ok_and(|answer| matches!(answer.status, 400 | 404) && is_named(answer)) {
            return Ok(None);
        }
        match outcome(&told(answer, |_| false)?) {
            // not the video's fault: the account's server didn't take it
            Err(failure) if failure.code.as_deref() == Some("pds_upload_failure") => return Ok(None),
            Ok(None) => {}
            ended => return ended,
        }
        if Instant::now() + pause > until {
            let message = "the video service is still processing the video";
            let retry_at = Some(SystemTime::now() + LATER);
            return Err(Failure { retry_at, ..Failure::new(ErrorClass::Transient, message) });
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Whether a refusal is the service's own, not that of something in between, and about the job: the call has no token.
fn is_named(answer: &Answer) -> bool {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    body["error"].as_str().is_some_and(|name| !matches!(name, "" | "ExpiredToken" | "InvalidToken"))
}

fn is_job(name: &str) -> bool {
    (1..=MAX_JOB).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

fn unreadable(what: &str) -> Failure {
    let message = format!("the server answered {what} with something unreadable");
    Failure { status: Some(200), ..Failure::new(ErrorClass::Transient, message) }
}

#[cfg(test)]
mod tests;
