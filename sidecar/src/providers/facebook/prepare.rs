//! What can be done before a post is out: upload its photos or its video, unpublished, which Facebook fetches itself.

use std::time::{Duration, SystemTime};

use crier_core::error_class::ErrorClass;
use crier_core::media::{Attachment, Kind};
use crier_core::platform::facebook::{self, PLATFORM, Placement};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::classify::read;
use super::video::{Publishing, Video, fetch};
use crate::providers::answer::{Phase, seconds_since_1970};
use crate::providers::graph::containers::{address, invalid};
use crate::providers::graph::{Graph, Params, is_id};
use crate::providers::{Account, Failure, Post};

/// A video takes minutes: its state is asked for less and less often, and then by the next try.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const PROCESSING: Duration = Duration::from_secs(5 * 60);
const PROCESSING_AGAIN: Duration = Duration::from_secs(60);
/// Uploads that were begun are not kept for ever: older than this they are not gone on with.
const MAX_AGE: u64 = 20 * 60 * 60;

/// What a post is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A text, with or without a link or photos.
    Feed,
    /// A video among the posts.
    Video,
    /// A video among the reels.
    Reel,
    /// A photo as a story.
    PhotoStory,
    /// A video as a story.
    VideoStory,
}

impl Form {
    pub(super) fn of(settings: &facebook::Settings, media: &[Attachment]) -> Self {
        let is_video = media.first().is_some_and(|one| one.kind() == Kind::Video);
        match (settings.placement(), is_video) {
            (Placement::Feed, false) => Self::Feed,
            (Placement::Feed, true) => Self::Video,
            (Placement::Reel, _) => Self::Reel,
            (Placement::Story, false) => Self::PhotoStory,
            (Placement::Story, true) => Self::VideoStory,
        }
    }

    /// Where an upload is begun and ended that has a second call.
    pub(super) fn edge(self) -> &'static str {
        if self == Self::Reel { "video_reels" } else { "video_stories" }
    }
}

/// What was prepared so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Prepared {
    /// The photos, in their order.
    #[serde(default)]
    pub(super) photos: Vec<String>,
    /// The video.
    #[serde(default)]
    video: Option<Upload>,
}

/// A video that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Upload {
    id: String,
    /// When, in seconds since 1970.
    made_at: u64,
    /// Where its bytes are to go, until they are on their way.
    #[serde(default)]
    upload_url: Option<String>,
    #[serde(default)]
    is_ready: bool,
}

impl Prepared {
    /// What another version stored differently is prepared again.
    pub(super) fn parse(prepared: &Value) -> Self {
        Self::deserialize(prepared).unwrap_or_default()
    }

    /// The video that is to be published, once it can be.
    pub(super) fn video(&self) -> Option<&str> {
        self.video.as_ref().filter(|video| video.is_ready).map(|video| video.id.as_str())
    }
}

#[derive(Deserialize)]
struct Made {
    id: String,
}

#[derive(Deserialize)]
struct Begun {
    video_id: String,
    upload_url: String,
}

/// Does the next piece; `None` when there is none.
pub(super) async fn step(
    server: &Graph<'_>,
    account: &Account,
    post: &Post,
    prepared: &Value,
) -> Result<Option<Value>, Failure> {
    let media = post.attachments()?;
    let settings = facebook::settings(&post.settings)
        .map_err(|why| invalid(&format!("the settings for facebook {why}")))?;
    let form = Form::of(&settings, &media);
    let mut prepared = Prepared::parse(prepared);
    match form {
        Form::Feed | Form::PhotoStory => {
            let Some(photo) = media.get(prepared.photos.len()) else { return Ok(None) };
            prepared.photos.push(upload(server, account, photo).await?);
        }
        Form::Video | Form::Reel | Form::VideoStory => {
            let [video] = media.as_slice() else { return Err(invalid("the post is not one video")) };
            let Some(next) = video_step(server, account, form, video, post, prepared.video).await? else {
                return Ok(None);
            };
            prepared.video = Some(next);
        }
    }
    Ok(Some(json!(prepared)))
}

/// Uploads a photo that nobody sees.
async fn upload(server: &Graph<'_>, account: &Account, photo: &Attachment) -> Result<String, Failure> {
    let mut params: Params = vec![("url", at(photo)?), ("published", "false".to_owned())];
    if !photo.alt.is_empty() {
        params.push(("alt_text_custom", photo.alt.clone()));
    }
    made(server, &format!("{}/photos", account.external_id), &params).await
}

async fn video_step(
    server: &Graph<'_>,
    account: &Account,
    form: Form,
    video: &Attachment,
    post: &Post,
    upload: Option<Upload>,
) -> Result<Option<Upload>, Failure> {
    let now = seconds_since_1970(SystemTime::now());
    let Some(mut upload) = upload else {
        return begin(server, account, form, video, post)
            .await
            .map(|(id, upload_url)| Some(Upload { id, made_at: now, upload_url, is_ready: false }));
    };
    if upload.is_ready {
        let is_old = now.saturating_sub(upload.made_at) > MAX_AGE;
        // One that is out was published by an earlier try, which the database has lost in a failover: the commit finds out.
        if !is_old || is_out(server, form, &upload.id).await? {
            return Ok(None);
        }
        return Box::pin(video_step(server, account, form, video, post, None)).await;
    }
    if let Some(upload_url) = upload.upload_url.take() {
        // An upload without an answer may be under way, and is not begun twice.
        if !Video::get(server, Phase::Prepare, &upload.id).await?.is_uploading() {
            fetch(server, &upload_url, &at(video)?).await?;
        }
    } else {
        wait(server, form, &upload.id).await?;
        upload.is_ready = true;
    }
    Ok(Some(upload))
}

/// Makes a video that nobody sees, and gives its id; a reel or a story is told where its bytes go.
async fn begin(
    server: &Graph<'_>,
    account: &Account,
    form: Form,
    video: &Attachment,
    post: &Post,
) -> Result<(String, Option<String>), Failure> {
    let page = &account.external_id;
    if form == Form::Video {
        let mut params: Params = vec![("file_url", at(video)?), ("published", "false".to_owned())];
        if !post.content.is_empty() {
            params.push(("description", post.content.clone()));
        }
        return made(server, &format!("{page}/videos"), &params).await.map(|id| (id, None));
    }
    let path = format!("{page}/{}", form.edge());
    let answer = server.post(&path, &vec![("upload_phase", "start".to_owned())]).await;
    let Begun { video_id, upload_url } = read(Phase::Prepare, answer)?;
    if is_id(&video_id) { Ok((video_id, Some(upload_url))) } else { Err(no_id()) }
}

async fn is_out(server: &Graph<'_>, form: Form, id: &str) -> Result<bool, Failure> {
    let video = match Video::get(server, Phase::Prepare, id).await {
        Err(failure) if failure.class == ErrorClass::TargetMissing => return Ok(false),
        video => video?,
    };
    Ok(match form {
        Form::Video => video.is_published() == Some(true),
        _ => matches!(video.publishing(), Publishing::Begun | Publishing::Done),
    })
}

/// Waits until a video can be published: until it is processed, or at least until its bytes are there.
async fn wait(server: &Graph<'_>, form: Form, id: &str) -> Result<(), Failure> {
    let until = Instant::now() + PROCESSING;
    let mut pause = FIRST_PAUSE;
    loop {
        let video = Video::get(server, Phase::Prepare, id).await?;
        if let Some(why) = video.failed() {
            return Err(invalid(&why));
        }
        if video.is_ready() || form != Form::Video && video.is_uploaded() {
            return Ok(());
        }
        if Instant::now() + pause > until {
            let message = "facebook has not finished to process the video yet";
            let retry_at = Some(SystemTime::now() + PROCESSING_AGAIN);
            return Err(Failure { retry_at, ..Failure::new(ErrorClass::Transient, message) });
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The address that Facebook fetches a medium from.
fn at(one: &Attachment) -> Result<String, Failure> {
    address(PLATFORM.name, one).map(|(_, url)| url)
}

async fn made(server: &Graph<'_>, path: &str, params: &Params) -> Result<String, Failure> {
    let Made { id } = read(Phase::Prepare, server.post(path, params).await)?;
    if is_id(&id) { Ok(id) } else { Err(no_id()) }
}

fn no_id() -> Failure {
    let message = "the server answered with no id of what was uploaded";
    Failure { status: Some(200), ..Failure::new(ErrorClass::Transient, message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back() {
        let video = Upload { id: "1".into(), made_at: 7, upload_url: None, is_ready: true };
        let prepared = Prepared { photos: vec!["2".into()], video: Some(video.clone()) };
        assert_eq!(Prepared::parse(&json!(prepared)), prepared);
        assert_eq!(prepared.video(), Some("1"));
        let waits = Prepared { video: Some(Upload { is_ready: false, ..video }), ..Prepared::default() };
        assert_eq!(waits.video(), None);
        for odd in [Value::Null, json!([1]), json!({ "photos": 1 }), json!({ "video": { "id": 7 } })] {
            assert_eq!(Prepared::parse(&odd), Prepared::default(), "{odd}");
        }
    }
}
