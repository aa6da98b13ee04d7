//! What an account does besides publishing.

use crier_core::error_class::ErrorClass;
use crier_core::platform::discord::{PLATFORM, PostRef};
use reqwest::Method;
use serde::Deserialize;

use super::api::{Api, Who, named, object};
use crate::providers::answer::Phase;
use crate::providers::{Act, Done, Failure, Metrics};

/// A thumb that is up, as it stands in a path.
const LIKE: &str = "%F0%9F%91%8D";

pub(super) async fn act(api: &Api<'_>, act: &Act) -> Result<Done, Failure> {
    match act {
        Act::Delete { post } => delete(api, &path(api, named(post)?)?).await,
        Act::Like { post, .. } => {
            if let Who::Webhook(_) = api.who()? {
                return Err(Failure::new(ErrorClass::Unsupported, "a webhook can't react to a message"));
            }
            let path = format!("{}/reactions/{LIKE}/@me", path(api, named(post)?)?);
            api.done(Method::PUT, &path).await.map(|()| Done::default())
        }
        Act::Follow { .. } | Act::DirectMessage { .. } => Err(Failure::unsupported(PLATFORM.name, act)),
    }
}

/// Where a message is. A webhook has to be told the thread, if that is not its channel.
fn path(api: &Api<'_>, post: PostRef<'_>) -> Result<String, Failure> {
    let message = post.message;
    Ok(match (api.who()?, post.channel) {
        (Who::Bot { channel, .. }, named) => {
            format!("channels/{}/messages/{message}", named.unwrap_or(channel))
        }
        (Who::Webhook(_), None) => format!("/messages/{message}"),
        (Who::Webhook(_), Some(thread)) => format!("/messages/{message}?thread_id={thread}"),
    })
}

/// What is gone already is taken back too.
async fn delete(api: &Api<'_>, path: &str) -> Result<Done, Failure> {
    match api.done(Method::DELETE, path).await {
        Err(failure) if failure.code.as_deref() != Some("10008") => Err(failure),
        _ => Ok(Done::default()),
    }
}

#[derive(Deserialize)]
struct Counted {
    #[serde(default)]
    reactions: Vec<Reaction>,
}

#[derive(Deserialize)]
struct Reaction {
    count: u64,
}

/// How many reactions of all kinds a message has.
pub(super) async fn metrics(api: &Api<'_>, post: &str) -> Result<Metrics, Failure> {
    let shown: Counted = object(Phase::Read, api.get(&path(api, named(post)?)?).await)?;
    let likes = shown.reactions.iter().map(|reaction| reaction.count).fold(0, u64::saturating_add);
    Ok(Metrics { likes: Some(likes), ..Metrics::default() })
}
