//! Containers: what becomes a post once it is published. Making one shows nothing to anyone.

use std::time::Duration;

use crier_core::error_class::ErrorClass;
use crier_core::media::{Attachment, Kind, Source};
use crier_core::platform::instagram::{self, Placement, Settings};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::classify::{is_gone, read};
use crate::providers::answer::Phase;
use crate::providers::graph::{Graph, Params, is_id};
use crate::providers::{Account, Failure, Post};

/// Images are ready at once, videos take minutes: the state is asked for less and less often.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The containers a post needs, as the parameters that make them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    /// What a carousel is made of.
    pub(super) parts: Vec<Params>,
    /// What is published. A carousel is told its parts when they are there.
    pub(super) whole: Params,
    /// Stories have no caption and a list of their own.
    pub(super) is_story: bool,
}

/// Plans the containers of a post.
pub(super) fn plan(post: &Post) -> Result<Plan, Failure> {
    let media = post.attachments()?;
    let settings = instagram::settings(&post.settings)
        .map_err(|why| invalid(&format!("the settings for instagram {why}")))?;
    let placement = settings.placement(&media);
    let is_story = placement == Placement::Story;
    let (parts, mut whole) = match (placement, media.as_slice()) {
        (Placement::Story, [only]) => (vec![], story(only)?),
        (Placement::Reel | Placement::Feed, [only]) => (vec![], single(only, &settings)?),
        (Placement::Feed, [_, _, ..]) => {
            let parts = media.iter().map(part).collect::<Result<_, _>>()?;
            (parts, vec![("media_type", "CAROUSEL".to_owned())])
        }
        _ => return Err(invalid("the post is not what its placement takes")),
    };
    if !is_story {
        describe(&mut whole, &post.content, settings);
    }
    Ok(Plan { parts, whole, is_story })
}

fn single(only: &Attachment, settings: &Settings) -> Result<Params, Failure> {
    let mut params = vec![];
    if only.kind() == Kind::Video {
        params.push(("media_type", "REELS".to_owned()));
    }
    params.push(address(only)?);
    match only.kind() {
        Kind::Image => params.extend(alternative(only)),
        Kind::Video | Kind::Document => {
            params.extend(settings.share_to_feed.map(|share| ("share_to_feed", share.to_string())));
            params.extend(settings.cover_url.clone().map(|url| ("cover_url", url)));
        }
    }
    Ok(params)
}

fn story(only: &Attachment) -> Result<Params, Failure> {
    Ok(vec![("media_type", "STORIES".to_owned()), address(only)?])
}

fn part(one: &Attachment) -> Result<Params, Failure> {
    let mut params = vec![("is_carousel_item", "true".to_owned())];
    match one.kind() {
        Kind::Image => params.extend(alternative(one)),
        Kind::Video | Kind::Document => params.push(("media_type", "VIDEO".to_owned())),
    }
    params.push(address(one)?);
    Ok(params)
}

/// What a story and the parts of a carousel don't have.
fn describe(params: &mut Params, caption: &str, settings: Settings) {
    if !caption.is_empty() {
        params.push(("caption", caption.to_owned()));
    }
    if !settings.collaborators.is_empty() {
        params.push(("collaborators", json!(settings.collaborators).to_string()));
    }
    params.extend(settings.location_id.map(|id| ("location_id", id)));
}

/// Instagram fetches media itself.
fn address(one: &Attachment) -> Result<(&'static str, String), Failure> {
    let name = match one.kind() {
        Kind::Image => "image_url",
        Kind::Video => "video_url",
        Kind::Document => return Err(invalid("instagram accepts no documents")),
    };
    match one.source().map_err(|error| invalid(&error.to_string()))? {
        Source::Https(url) => Ok((name, url.to_owned())),
        Source::Data { .. } => {
            Err(invalid("instagram fetches media itself and needs a public https: address"))
        }
    }
}

fn alternative(image: &Attachment) -> Option<(&'static str, String)> {
    (!image.alt.is_empty()).then(|| ("alt_text", image.alt.clone()))
}

#[derive(Deserialize)]
struct Made {
    id: String,
}

/// Makes a container and gives its id.
pub(super) async fn make(server: &Graph<'_>, account: &Account, params: &Params) -> Result<String, Failure> {
    let answer = server.post(&format!("{}/media", account.external_id), params).await;
    let Made { id } = read(Phase::Prepare, answer)?;
    is_id(&id).then_some(id).ok_or_else(|| unreadable("the server answered with no id of a container"))
}

/// How far a container is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Media are being fetched, or it is being published.
    InProgress,
    /// It can be published.
    Finished,
    /// It is out.
    Published,
    /// It came to nothing, for this reason.
    Failed(String),
    /// Nobody published it for a day, or there is none any more.
    Gone,
}

#[derive(Deserialize)]
struct Status {
    status_code: String,
    #[serde(default)]
    status: Value,
}

/// Asks how far a container is.
pub(super) async fn state(server: &Graph<'_>, phase: Phase, id: &str) -> Result<State, Failure> {
    let answer = server.get(id, &[("fields", "status_code,status")]).await;
    let status: Status = match read(phase, answer) {
        Err(failure) if failure.class == ErrorClass::TargetMissing || is_gone(&failure) => {
            return Ok(State::Gone);
        }
        status => status?,
    };
    Ok(match status.status_code.as_str() {
        "IN_PROGRESS" => State::InProgress,
        "FINISHED" => State::Finished,
        "PUBLISHED" => State::Published,
        "ERROR" => State::Failed(status.status.as_str().unwrap_or_default().to_owned()),
        "EXPIRED" => State::Gone,
        _ => return Err(unreadable("the server answered with an unknown state of a container")),
    })
}

/// Waits until nothing is under way with a container, but no longer than this.
pub(super) async fn settled(
    server: &Graph<'_>,
    phase: Phase,
    id: &str,
    patience: Duration,
) -> Result<State, Failure> {
    let until = Instant::now() + patience;
    let mut pause = FIRST_PAUSE;
    loop {
        let state = state(server, phase, id).await?;
        if state != State::InProgress || Instant::now() + pause > until {
            return Ok(state);
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn invalid(why: &str) -> Failure {
    Failure::new(ErrorClass::ContentInvalid, why)
}

fn unreadable(why: &str) -> Failure {
    Failure { status: Some(200), ..Failure::new(ErrorClass::Transient, why) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(content: &str, media: Value, settings: Value) -> Result<Plan, Failure> {
        plan(&Post { content: content.into(), media, settings, attempt: 1, reply_to: None })
    }

    #[test]
    fn what_has_no_place_is_refused() {
        let (image, video) =
            (json!({"url": "https://a.example/a.jpg"}), json!({"url": "https://a.example/a.mp4"}));
        for (media, settings) in [
            (json!([]), json!({})),
            (json!(1), json!({})),
            (json!([{"url": "data:image/jpeg;base64,AAAA"}]), json!({})),
            (json!([{"url": "http://a.example/a.jpg"}]), json!({})),
            (json!([image, video]), json!({"placement": "story"})),
            (json!([image, video]), json!({"placement": "reel"})),
            (json!([image]), json!({"placement": "wall"})),
        ] {
            let failure = planned("x", media.clone(), settings).unwrap_err();
            assert_eq!(failure.class, ErrorClass::ContentInvalid, "{media}");
        }
    }

    #[test]
    fn a_story_says_nothing() {
        let plan = planned(
            "unseen",
            json!([{"url": "https://a.example/a.jpg", "alt": "unseen"}]),
            json!({"placement": "story", "location_id": "7"}),
        );
        let whole = vec![("media_type", "STORIES".into()), ("image_url", "https://a.example/a.jpg".into())];
        assert_eq!(plan.unwrap(), Plan { parts: vec![], whole, is_story: true });
    }
}
