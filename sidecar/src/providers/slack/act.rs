//! What an account does besides publishing.

use crier_core::error_class::ErrorClass;
use crier_core::platform::slack::{PLATFORM, PostRef};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Api, Who, named, object};
use crate::providers::answer::Phase;
use crate::providers::{Act, Done, Failure, Metrics};

/// A thumb that is up.
const LIKE: &str = "thumbsup";

pub(super) async fn act(api: &Api<'_>, act: &Act) -> Result<Done, Failure> {
    if let Who::Webhook(_) = api.who()? {
        return Err(Failure::new(ErrorClass::Unsupported, "a webhook can do nothing but post"));
    }
    match act {
        Act::Delete { post } => {
            let PostRef { channel, at, .. } = named(post)?;
            done(api, "chat.delete", &json!({ "channel": channel, "ts": at }), "message_not_found").await
        }
        Act::Like { post, .. } => {
            let PostRef { channel, at, .. } = named(post)?;
            let body = json!({ "channel": channel, "timestamp": at, "name": LIKE });
            done(api, "reactions.add", &body, "already_reacted").await
        }
        Act::Follow { .. } | Act::DirectMessage { .. } => Err(Failure::unsupported(PLATFORM.name, act)),
    }
}

/// A call that may be repeated: what says that it was done is no failure.
async fn done(api: &Api<'_>, name: &str, body: &Value, was_done: &str) -> Result<Done, Failure> {
    match object::<Value>(Phase::Prepare, api.post(name, body).await) {
        Err(failure) if failure.code.as_deref() != Some(was_done) => Err(failure),
        _ => Ok(Done::default()),
    }
}

#[derive(Deserialize)]
struct Counted {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    reactions: Vec<Reaction>,
    #[serde(default)]
    reply_count: Option<u64>,
}

#[derive(Deserialize)]
struct Reaction {
    count: u64,
}

/// How many reactions of all kinds a message has.
pub(super) async fn metrics(api: &Api<'_>, post: &str) -> Result<Metrics, Failure> {
    if let Who::Webhook(_) = api.who()? {
        return Err(Failure::new(ErrorClass::Unsupported, "a webhook is told nothing about a message"));
    }
    let PostRef { channel, at, .. } = named(post)?;
    let params = [("channel", channel.as_str()), ("timestamp", at.as_str()), ("full", "true")];
    let Counted { message } = object(Phase::Read, api.get("reactions.get", &params).await)?;
    let likes = message.reactions.iter().map(|reaction| reaction.count).fold(0, u64::saturating_add);
    Ok(Metrics { likes: Some(likes), replies: message.reply_count, ..Metrics::default() })
}
