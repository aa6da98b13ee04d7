//! What can be done before a message exists: say where it goes, and upload its files. Until they are completed nobody sees them.

use crier_core::error_class::ErrorClass;
use crier_core::platform::slack;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::{Api, Who, named};
use super::upload::upload;
use crate::media::Fetcher;
use crate::providers::answer::in_time;
use crate::providers::{Failure, Post};

/// What was prepared so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Prepared {
    /// Where it goes, once that was looked at.
    #[serde(default)]
    pub(super) place: Option<Place>,
    /// The files, in the order of the post.
    #[serde(default)]
    pub(super) files: Vec<File>,
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// The channel, which only bots know.
    pub(super) channel: Option<String>,
    /// The thread: the time of its first message.
    pub(super) thread: Option<String>,
}

/// A file that is uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct File {
    pub(super) id: String,
    pub(super) title: String,
}

/// Does the next piece; `None` when there is none.
pub(super) async fn step(
    api: &Api<'_>,
    fetcher: &Fetcher,
    post: &Post,
    prepared: &Value,
) -> Result<Option<Value>, Failure> {
    let mut prepared = parse(prepared);
    let media = post.attachments()?;
    if prepared.place.is_none() {
        prepared.place = Some(place(api, post, media.is_empty())?);
    } else if let Some(one) = media.get(prepared.files.len()) {
        let index = prepared.files.len() + 1;
        prepared.files.push(in_time(upload(api, fetcher, index, one)).await?);
    } else {
        return Ok(None);
    }
    Ok(Some(json!(prepared)))
}

/// What another version stored differently is prepared again.
pub(super) fn parse(prepared: &Value) -> Prepared {
    Prepared::deserialize(prepared).unwrap_or_default()
}

fn place(api: &Api<'_>, post: &Post, without_files: bool) -> Result<Place, Failure> {
    slack::settings(&post.settings)
        .map_err(|why| Failure::new(ErrorClass::ContentInvalid, format!("the settings for slack {why}")))?;
    let unsupported = |why: &str| Failure::new(ErrorClass::Unsupported, why);
    let channel = match api.who()? {
        Who::Bot { channel, .. } => Some(channel),
        Who::Webhook(_) if without_files => None,
        Who::Webhook(_) => return Err(unsupported("a webhook takes no files")),
    };
    let Some(answered) = post.reply_to.as_deref() else {
        return Ok(Place { channel: channel.map(str::to_owned), thread: None });
    };
    let answered = match channel {
        Some(_) => named(answered)?,
        // it is not told what its own messages are called
        None => {
            named(answered).map_err(|_| unsupported("a webhook can't go on with what it wrote itself"))?
        }
    };
    if channel.is_some_and(|channel| channel != answered.channel) {
        let why = "the message that is answered is not in the account's channel";
        return Err(Failure::new(ErrorClass::ContentInvalid, why));
    }
    // an answer to an answer stands in the same thread
    let thread = answered.thread.unwrap_or(answered.at);
    Ok(Place { channel: channel.map(str::to_owned), thread: Some(thread) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_version_prepared_is_prepared_again() {
        for odd in [Value::Null, json!([1]), json!({"place": 7}), json!({"files": [1]})] {
            assert_eq!(parse(&odd), Prepared::default(), "{odd}");
        }
    }
}
