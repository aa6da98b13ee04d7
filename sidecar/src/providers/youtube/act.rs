//! What an account does besides publishing, and how its videos do.

use crier_core::error_class::ErrorClass;
use crier_core::platform::youtube::{PLATFORM, is_comment, is_video};
use serde::Deserialize;
use serde_json::Value;

use super::api::Api;
use super::classify::{done, read};
use crate::providers::answer::Phase;
use crate::providers::{Act, Done, Failure, Metrics};

/// Does it.
pub(super) async fn act(api: &Api<'_>, act: &Act) -> Result<Done, Failure> {
    match act {
        Act::Delete { post } if is_video(post) => delete(api, "videos", post).await,
        Act::Delete { post } if is_comment(post) => delete(api, "comments", post).await,
        Act::Delete { .. } => Err(no_id()),
        Act::Like { .. } | Act::Follow { .. } | Act::DirectMessage { .. } => {
            Err(Failure::unsupported(PLATFORM.name, act))
        }
    }
}

/// Takes a video or a comment back. It may be done twice.
async fn delete(api: &Api<'_>, resource: &str, id: &str) -> Result<Done, Failure> {
    match done(Phase::Prepare, api.delete(resource, id).await) {
        Err(failure) if failure.class != ErrorClass::TargetMissing => Err(failure),
        _ => Ok(Done::default()),
    }
}

#[derive(Deserialize)]
struct Videos {
    items: Vec<Video>,
}

#[derive(Deserialize)]
struct Video {
    statistics: Value,
}

/// How a video does.
pub(super) async fn metrics(api: &Api<'_>, post: &str) -> Result<Metrics, Failure> {
    if !is_video(post) {
        return Err(no_id());
    }
    let videos: Videos = read(Phase::Read, api.get("videos", &[("part", "statistics"), ("id", post)]).await)?;
    let missing = || Failure::new(ErrorClass::TargetMissing, "there is no such video");
    let video = videos.items.into_iter().next().ok_or_else(missing)?;
    // numbers are texts there
    let of = |name: &str| {
        let count = &video.statistics[name];
        count.as_u64().or_else(|| count.as_str()?.parse().ok())
    };
    Ok(Metrics { views: of("viewCount"), likes: of("likeCount"), replies: of("commentCount"), shares: None })
}

fn no_id() -> Failure {
    Failure::new(ErrorClass::ContentInvalid, "YouTube names videos by eleven letters and digits")
}
