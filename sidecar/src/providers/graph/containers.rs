//! Containers: what becomes a post once it is published, on Instagram and on Threads. Making one shows nothing to anyone, its id
//! is the key that is frozen, and it is published once or never.

mod classify;
mod prepare;
mod publish;

use std::time::Duration;

use crier_core::error_class::ErrorClass;
use crier_core::media::{Attachment, Kind, Source};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{Graph, Params, is_id};
use crate::providers::answer::Phase;
use crate::providers::{Account, Failure, Post};
pub(in crate::providers) use classify::{failure, is_gone, read};
pub(in crate::providers) use prepare::step;
pub(in crate::providers) use publish::{commit, draft, look};

/// Images are ready at once, videos take minutes: the state is asked for less and less often.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How a platform has containers.
#[derive(Debug)]
pub(in crate::providers) struct Containers {
    /// The platform's name.
    pub(in crate::providers) platform: &'static str,
    /// Where they are made.
    pub(in crate::providers) make: &'static str,
    /// Where they are published.
    pub(in crate::providers) publish: &'static str,
    /// Where it is told how much may be published.
    pub(in crate::providers) quota: &'static str,
    /// The fields that tell how far one is, and why it came to nothing.
    pub(in crate::providers) state: [&'static str; 2],
    /// What the text of a post is called in a list.
    pub(in crate::providers) text: &'static str,
    /// The lists of an account's posts, by where they are shown.
    pub(in crate::providers) list: fn(Shown) -> &'static str,
    /// What a post is made of.
    pub(in crate::providers) plan: fn(&Post) -> Result<Plan, Failure>,
    /// The page of an account.
    pub(in crate::providers) page: fn(&Account) -> String,
}

/// Where a post is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::providers) enum Shown {
    /// Among the posts of the account.
    #[default]
    Feed,
    /// Among its stories, without a text.
    Story,
    /// Under another post.
    Reply,
}

/// The containers a post needs, as the parameters that make them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::providers) struct Plan {
    /// What a carousel is made of.
    pub(in crate::providers) parts: Vec<Params>,
    /// What is published. A carousel is told its parts when they are there.
    pub(in crate::providers) whole: Params,
    /// Where it is shown.
    pub(in crate::providers) shown: Shown,
}

/// The address of a medium, which Meta fetches itself.
pub(in crate::providers) fn address(
    platform: &str,
    one: &Attachment,
) -> Result<(&'static str, String), Failure> {
    let name = match one.kind() {
        Kind::Image => "image_url",
        Kind::Video => "video_url",
        Kind::Document => return Err(invalid(&format!("{platform} accepts no documents"))),
    };
    match one.source().map_err(|error| invalid(&error.to_string()))? {
        Source::Https(url) => Ok((name, url.to_owned())),
        Source::Data { .. } => {
            Err(invalid(&format!("{platform} fetches media itself and needs a public https: address")))
        }
    }
}

/// The words for those who can't see a medium.
pub(in crate::providers) fn alternative(one: &Attachment) -> Option<(&'static str, String)> {
    (!one.alt.is_empty()).then(|| ("alt_text", one.alt.clone()))
}

#[derive(Deserialize)]
struct Made {
    id: String,
}

/// Makes a container and gives its id.
async fn make(
    server: &Graph<'_>,
    account: &Account,
    kind: &Containers,
    params: &Params,
) -> Result<String, Failure> {
    let answer = server.post(&format!("{}/{}", account.external_id, kind.make), params).await;
    let Made { id } = read(Phase::Prepare, answer)?;
    is_id(&id).then_some(id).ok_or_else(|| unreadable("the server answered with no id of a container"))
}

/// How far a container is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
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

/// Asks how far a container is.
async fn state(server: &Graph<'_>, phase: Phase, kind: &Containers, id: &str) -> Result<State, Failure> {
    let [word, reason] = kind.state;
    let answer = server.get(id, &[("fields", &kind.state.join(","))]).await;
    let status: Value = match read(phase, answer) {
        Err(failure) if failure.class == ErrorClass::TargetMissing || is_gone(&failure) => {
            return Ok(State::Gone);
        }
        status => status?,
    };
    Ok(match status[word].as_str() {
        Some("IN_PROGRESS") => State::InProgress,
        Some("FINISHED") => State::Finished,
        Some("PUBLISHED") => State::Published,
        Some("ERROR") => State::Failed(status[reason].as_str().unwrap_or_default().to_owned()),
        Some("EXPIRED") => State::Gone,
        _ => return Err(unreadable("the server answered with an unknown state of a container")),
    })
}

/// Waits until nothing is under way with a container, but no longer than this.
async fn settled(
    server: &Graph<'_>,
    phase: Phase,
    (kind, id): (&Containers, &str),
    patience: Duration,
) -> Result<State, Failure> {
    let until = Instant::now() + patience;
    let mut pause = FIRST_PAUSE;
    loop {
        let state = state(server, phase, kind, id).await?;
        if state != State::InProgress || Instant::now() + pause > until {
            return Ok(state);
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Something that the platform would refuse.
pub(in crate::providers) fn invalid(why: &str) -> Failure {
    Failure::new(ErrorClass::ContentInvalid, why)
}

fn unreadable(why: &str) -> Failure {
    Failure { status: Some(200), ..Failure::new(ErrorClass::Transient, why) }
}
