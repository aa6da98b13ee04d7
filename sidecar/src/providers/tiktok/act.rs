//! How posts do. TikTok offers nothing else besides publishing.

use crier_core::error_class::ErrorClass;
use crier_core::platform::tiktok::is_post;
use serde::Deserialize;
use serde_json::json;

use super::api::Api;
use super::classify::read;
use super::prepare::is_publish;
use super::status::{Status, fetch};
use crate::providers::answer::Phase;
use crate::providers::{Failure, Metrics};

/// What is asked for.
const FIELDS: &str = "id,view_count,like_count,comment_count,share_count";

#[derive(Deserialize)]
struct Videos {
    videos: Vec<Video>,
}

#[derive(Deserialize)]
struct Video {
    id: String,
    #[serde(default)]
    view_count: Option<u64>,
    #[serde(default)]
    like_count: Option<u64>,
    #[serde(default)]
    comment_count: Option<u64>,
    #[serde(default)]
    share_count: Option<u64>,
}

/// How a post does. One that had no id when it was published may have one by now.
pub(super) async fn metrics(api: &Api<'_>, post: &str) -> Result<Metrics, Failure> {
    let id = match is_post(post) {
        true => post.to_owned(),
        false => id_of(api, post).await?,
    };
    let body = json!({ "filters": { "video_ids": [id] } });
    let answer = api.post("video/query", &[("fields", FIELDS)], &body).await;
    let Videos { videos } = read(Phase::Read, answer)?;
    let missing = || Failure::new(ErrorClass::TargetMissing, "TikTok shows no such post");
    let video = videos.into_iter().find(|video| video.id == id).ok_or_else(missing)?;
    Ok(Metrics {
        views: video.view_count,
        likes: video.like_count,
        replies: video.comment_count,
        shares: video.share_count,
    })
}

/// The id of the post that a publish became.
async fn id_of(api: &Api<'_>, publish: &str) -> Result<String, Failure> {
    if !is_publish(publish) {
        return Err(Failure::new(ErrorClass::ContentInvalid, "TikTok names posts by numbers"));
    }
    match fetch(api, Phase::Read, publish).await? {
        Status::Complete(Some(id)) => Ok(id),
        _ => {
            let why = "TikTok has no id for the post: not everybody sees it, or it is not approved yet";
            Err(Failure::new(ErrorClass::TargetMissing, why))
        }
    }
}
