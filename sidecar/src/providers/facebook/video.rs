//! Videos: each has an id before anybody sees it, and that tells how far it is.

use std::time::Duration;

use crier_core::error_class::ErrorClass;
use reqwest::Method;
use serde::de::IgnoredAny;
use serde_json::Value;
use url::Url;

use super::classify::read;
use crate::client::token_as;
use crate::providers::Failure;
use crate::providers::answer::Phase;
use crate::providers::graph::Graph;

/// Where videos are uploaded, whatever an answer says.
const UPLOADS: &str = "https://rupload.facebook.com/";
/// How long a video that was just published is looked at, to hear at once of one that can't be.
const AFTER: Duration = Duration::from_secs(10);

/// What the platform says of a video.
#[derive(Debug)]
pub(super) struct Video(Value);

/// How far a video is that was uploaded to be published in a second call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Publishing {
    /// Nobody has asked for it.
    NotBegun,
    /// It is under way.
    Begun,
    /// It is out.
    Done,
    /// It came to nothing, for this reason.
    Failed(String),
}

impl Video {
    /// Asks for it.
    pub(super) async fn get(server: &Graph<'_>, phase: Phase, id: &str) -> Result<Self, Failure> {
        let answer = server.get(id, &[("fields", "status,published,permalink_url")]).await;
        let video: Value = read(phase, answer)?;
        if !video["status"].is_object() {
            let message = "the server answered with no state of a video";
            return Err(Failure { status: Some(200), ..Failure::new(ErrorClass::Transient, message) });
        }
        Ok(Self(video))
    }

    fn word(&self) -> &str {
        self.0["status"]["video_status"].as_str().unwrap_or_default()
    }

    fn phase(&self, name: &str) -> &str {
        self.0["status"][name]["status"].as_str().unwrap_or_default()
    }

    /// Why it can never be published, if so.
    pub(super) fn failed(&self) -> Option<String> {
        const PHASES: [&str; 3] = ["uploading_phase", "processing_phase", "publishing_phase"];
        let status = &self.0["status"];
        let named = PHASES.into_iter().find(|name| self.phase(name) == "error");
        if named.is_none() && !matches!(self.word(), "error" | "upload_failed" | "expired") {
            return None;
        }
        let phase = &status[named.unwrap_or_default()];
        let told = phase["error"]["message"].as_str().or(phase["errors"][0]["message"].as_str());
        Some(told.unwrap_or("facebook could not process the video").to_owned())
    }

    /// Whether its bytes are there.
    pub(super) fn is_uploaded(&self) -> bool {
        self.phase("uploading_phase") == "complete" || matches!(self.word(), "upload_complete" | "ready")
    }

    /// Whether Facebook has begun to fetch them.
    pub(super) fn is_uploading(&self) -> bool {
        self.is_uploaded() || self.phase("uploading_phase") == "in_progress"
    }

    /// Whether it can be shown.
    pub(super) fn is_ready(&self) -> bool {
        self.word() == "ready"
    }

    /// Whether it is shown, of one that was made unpublished.
    pub(super) fn is_published(&self) -> Option<bool> {
        self.0["published"].as_bool()
    }

    /// How far it is, of one whose upload was begun to be a reel or a story.
    pub(super) fn publishing(&self) -> Publishing {
        let status = &self.0["status"]["publishing_phase"];
        if self.phase("publishing_phase") == "complete" || status["publish_status"] == "published" {
            return Publishing::Done;
        }
        if let Some(why) = self.failed() {
            return Publishing::Failed(why);
        }
        let is_begun = |name: &str| !matches!(self.phase(name), "" | "not_started");
        match is_begun("processing_phase") || is_begun("publishing_phase") {
            true => Publishing::Begun,
            false => Publishing::NotBegun,
        }
    }

    /// Its address: Facebook gives a path.
    pub(super) fn url(&self) -> Option<String> {
        let url = self.0["permalink_url"].as_str()?;
        Some(if url.starts_with('/') { format!("https://www.facebook.com{url}") } else { url.to_owned() })
    }
}

/// A video that was just published: one that failed by then was not.
pub(super) async fn after(server: &Graph<'_>, id: &str) -> Result<Option<String>, Failure> {
    let look = Video::get(server, Phase::Read, id);
    let Ok(Ok(video)) = tokio::time::timeout(AFTER, look).await else { return Ok(None) };
    match video.failed() {
        Some(why) => Err(Failure::new(ErrorClass::ContentInvalid, why)),
        None => Ok(video.url()),
    }
}

/// Has Facebook fetch the bytes of a video whose upload was begun. The token goes to Meta's server for uploads alone.
pub(super) async fn fetch(server: &Graph<'_>, upload_url: &str, file_url: &str) -> Result<(), Failure> {
    let (client, base_url, token) = server.beside();
    let rest =
        upload_url.strip_prefix(base_url).or_else(|| upload_url.strip_prefix(UPLOADS.trim_end_matches('/')));
    if !rest.is_some_and(|rest| rest.starts_with('/')) {
        let message = "the server names an address for uploads that is not Meta's";
        return Err(Failure::new(ErrorClass::Transient, message));
    }
    let url = Url::parse(file_url)
        .map_err(|_| Failure::new(ErrorClass::ContentInvalid, "the address of the video is none"))?;
    let request = client.request(Method::POST, upload_url).header("file_url", url.as_str());
    let request = token.into_iter().fold(request, |request, token| token_as(request, "OAuth", token));
    read::<IgnoredAny>(Phase::Prepare, client.send(request).await).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn video(status: Value) -> Video {
        Video(json!({ "id": "1", "status": status }))
    }

    #[test]
    fn a_video_tells_how_far_it_is() {
        let phases = |uploading: &str, processing: &str, publishing: &str| {
            video(json!({
                "video_status": "processing", "uploading_phase": { "status": uploading },
                "processing_phase": { "status": processing }, "publishing_phase": { "status": publishing },
            }))
        };
        for (video, expected) in [
            (phases("complete", "not_started", "not_started"), Publishing::NotBegun),
            (phases("complete", "in_progress", "not_started"), Publishing::Begun),
            (phases("complete", "complete", "in_progress"), Publishing::Begun),
            (phases("complete", "complete", "complete"), Publishing::Done),
            (video(json!({ "publishing_phase": { "publish_status": "published" } })), Publishing::Done),
            (video(json!({})), Publishing::NotBegun),
            (
                video(
                    json!({ "processing_phase": { "status": "error", "errors": [{ "message": "too long" }] } }),
                ),
                Publishing::Failed("too long".into()),
            ),
        ] {
            assert_eq!(video.publishing(), expected, "{video:?}");
        }
        assert!(phases("in_progress", "not_started", "not_started").is_uploading());
        assert!(!phases("in_progress", "not_started", "not_started").is_uploaded());
        assert!(video(json!({ "video_status": "expired" })).failed().is_some());
        assert!(video(json!({ "video_status": "ready" })).is_ready());
    }

    #[test]
    fn an_address_is_made_whole() {
        let url = |url: Value| Video(json!({ "permalink_url": url })).url();
        assert_eq!(url(json!("/reel/1/")).as_deref(), Some("https://www.facebook.com/reel/1/"));
        assert_eq!(url(json!("https://fb.example/1")).as_deref(), Some("https://fb.example/1"));
        assert_eq!(url(json!(7)), None);
    }
}
