//! How far the task of a post is: what an id of a publish tells, whenever it is asked.

use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use crier_core::platform::tiktok::is_post;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::api::Api;
use super::classify::{failed, read};
use crate::providers::answer::Phase;
use crate::providers::{Account, Failure, Published};

/// How long is waited for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waits {
    /// Before a task is asked for again: less and less often.
    pub(super) first_pause: Duration,
    pub(super) longest_pause: Duration,
    /// Before the id of a post is asked for again. It comes once TikTok has approved it.
    pub(super) id_pauses: [Duration; 2],
    /// For a video that was sent. What takes longer is looked for later.
    pub(super) video: Duration,
    /// For photos, which nobody can ask for where nobody waits: as long as one piece of a try may take.
    pub(super) photos: Duration,
    /// For a video that is looked for: the looks of a try are few.
    pub(super) look: Duration,
}

impl Waits {
    /// Posts are there in seconds, large videos in minutes; a token may ask thirty times a minute.
    pub(super) const USUAL: Self = Self {
        first_pause: Duration::from_secs(1),
        longest_pause: Duration::from_secs(15),
        id_pauses: [Duration::from_secs(2), Duration::from_secs(4)],
        video: Duration::from_secs(60),
        photos: Duration::from_secs(10 * 60),
        look: Duration::from_secs(4 * 60),
    };
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Status {
    /// It has so many bytes of the video, where that is told.
    Uploading(Option<u64>),
    /// TikTok fetches photos.
    Downloading,
    /// The draft is in the inbox of the account's owner.
    InInbox,
    /// It is out; its id is told once TikTok has approved it, of a post that everybody sees.
    Complete(Option<String>),
    /// It came to nothing, for this reason.
    Failed(String),
    /// There is no such task, or no longer.
    Gone,
}

#[derive(Deserialize)]
struct Told {
    status: String,
    #[serde(default)]
    fail_reason: Value,
    /// So TikTok writes it.
    #[serde(default)]
    publicaly_available_post_id: Value,
    #[serde(default)]
    uploaded_bytes: Value,
}

impl Told {
    fn post(&self) -> Option<String> {
        // numbers of 19 digits
        let id = match self.publicaly_available_post_id.get(0)? {
            Value::String(id) => id.clone(),
            id => id.as_u64()?.to_string(),
        };
        is_post(&id).then_some(id)
    }
}

/// Asks.
pub(super) async fn fetch(api: &Api<'_>, phase: Phase, publish_id: &str) -> Result<Status, Failure> {
    let answer = api.post("post/publish/status/fetch", &[], &json!({ "publish_id": publish_id })).await;
    let told: Told = match read(phase, answer) {
        Err(failure) if failure.class == ErrorClass::TargetMissing => return Ok(Status::Gone),
        told => told?,
    };
    Ok(match told.status.as_str() {
        "PROCESSING_UPLOAD" => Status::Uploading(told.uploaded_bytes.as_u64()),
        "PROCESSING_DOWNLOAD" => Status::Downloading,
        "SEND_TO_USER_INBOX" => Status::InInbox,
        "PUBLISH_COMPLETE" => Status::Complete(told.post()),
        "FAILED" => Status::Failed(told.fail_reason.as_str().unwrap_or_default().to_owned()),
        _ => {
            let why = "the server answered with an unknown status of a post";
            return Err(Failure { status: Some(200), ..Failure::new(ErrorClass::Transient, why) });
        }
    })
}

/// What is asked about.
#[derive(Clone, Copy)]
pub(super) struct Task<'a> {
    pub(super) api: &'a Api<'a>,
    pub(super) waits: Waits,
    pub(super) account: &'a Account,
    pub(super) publish_id: &'a str,
    /// How many bytes its video has; none of photos.
    pub(super) total: Option<usize>,
    /// Whether everybody will see it: then it gets an id.
    pub(super) is_public: bool,
}

impl Task<'_> {
    /// Whether TikTok is at work. Of a video that it has not whole it is not.
    pub(super) fn is_processed(&self, status: &Status) -> bool {
        match status {
            Status::Uploading(sent) => sent.zip(self.total).is_some_and(|(sent, total)| sent >= total as u64),
            Status::Downloading => true,
            Status::InInbox | Status::Complete(_) | Status::Failed(_) | Status::Gone => false,
        }
    }

    /// Waits until TikTok is no longer at it, but not longer than this. What stands in the way of an answer is waited out.
    pub(super) async fn settled(&self, patience: Duration) -> Result<Status, Failure> {
        let until = Instant::now() + patience;
        let mut pause = self.waits.first_pause;
        loop {
            let status = fetch(self.api, Phase::Read, self.publish_id).await;
            let goes_on = match &status {
                Ok(status) => self.is_processed(status),
                // A limit is waited out only where nobody can ask later.
                Err(failure) => match failure.class {
                    ErrorClass::Transient => true,
                    ErrorClass::RateLimited => self.total.is_none(),
                    _ => false,
                },
            };
            if !goes_on || Instant::now() + pause > until {
                return status;
            }
            sleep(pause).await;
            pause = (pause * 2).min(self.waits.longest_pause);
        }
    }

    /// The post of a task that is complete. Where it has no id yet, or never gets one, the id of the publish stands in.
    pub(super) async fn published(&self, mut post: Option<String>) -> Published {
        for pause in self.waits.id_pauses.into_iter().filter(|_| self.is_public) {
            if post.is_some() {
                break;
            }
            sleep(pause).await;
            // it is out, whatever comes of asking
            if let Ok(Status::Complete(id)) = fetch(self.api, Phase::Read, self.publish_id).await {
                post = id;
            }
        }
        let page = format!("https://www.tiktok.com/@{}", self.account.handle);
        let kind = if self.total.is_some() { "video" } else { "photo" };
        match post {
            Some(id) => Published { url: format!("{page}/{kind}/{id}"), external_id: id, cid: None },
            None => self.stand_in(),
        }
    }

    /// What is known of a post without an id, and of a draft.
    pub(super) fn stand_in(&self) -> Published {
        Published {
            external_id: self.publish_id.to_owned(),
            url: format!("https://www.tiktok.com/@{}", self.account.handle),
            cid: None,
        }
    }

    /// What came of a task, as an answer to what was sent: whatever is not clear is unknown.
    pub(super) async fn outcome(&self) -> Result<Published, Failure> {
        let patience = if self.total.is_some() { self.waits.video } else { self.waits.photos };
        match self.settled(patience).await.map_err(Failure::into_unknown)? {
            Status::Complete(post) => Ok(self.published(post).await),
            Status::InInbox => Ok(self.stand_in()),
            Status::Failed(reason) => Err(failed(&reason, SystemTime::now())),
            Status::Uploading(_) | Status::Downloading | Status::Gone => {
                Err(Failure::new(ErrorClass::OutcomeUnknown, "TikTok is still processing the post"))
            }
        }
    }
}
