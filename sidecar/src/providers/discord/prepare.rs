//! What can be done before a message exists: ask where it goes, and look at its files. They can't be uploaded before, so that what
//! is kept of them are their digests: only the same bytes are sent.

use crier_core::error_class::ErrorClass;
use crier_core::media::{Attachment, Kind};
use crier_core::platform::discord::{self, MAX_FILES, PLATFORM};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::api::{Api, Id, Who, named, object};
use crate::hex::hex;
use crate::media::{Fetcher, plain_name};
use crate::providers::answer::{Phase, in_time};
use crate::providers::{Failure, Post};

/// What was prepared so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Prepared {
    /// Where it goes, once that was asked.
    #[serde(default)]
    pub(super) place: Option<Place>,
    /// The files, in the order of the post.
    #[serde(default)]
    pub(super) files: Vec<File>,
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Whether a bot writes it.
    pub(super) by_bot: bool,
    /// The server, where the channel is of one.
    pub(super) guild: Option<Id>,
    /// The account's channel.
    pub(super) channel: Id,
    /// The message in it that is answered.
    pub(super) answered: Option<Id>,
    /// The thread of it that a webhook writes into.
    pub(super) thread: Option<Id>,
}

/// A file of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) mime_type: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) alt: String,
}

impl File {
    /// As a message describes it that carries it in this place.
    pub(super) fn described(&self, at: usize) -> Value {
        let mut described = json!({ "id": at, "filename": self.name });
        if !self.alt.is_empty() {
            described["description"] = json!(self.alt);
        }
        described
    }
}

/// A channel, as the API shows one, or what it shows of a webhook.
#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    guild_id: Option<Id>,
    #[serde(default)]
    channel_id: Option<Id>,
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
        prepared.place = Some(place(api, post).await?);
    } else if let Some(one) = media.get(prepared.files.len()) {
        let index = prepared.files.len() + 1;
        let (bytes, mime_type) = in_time(fetch(fetcher, index, one)).await?;
        prepared.files.push(File {
            name: plain_name(one, index, mime_type),
            mime_type: mime_type.to_owned(),
            bytes: bytes.len() as u64,
            sha256: digest(&bytes),
            alt: one.alt.clone(),
        });
        check_together(&prepared.files)?;
    } else {
        return Ok(None);
    }
    Ok(Some(json!(prepared)))
}

/// What another version stored differently is prepared again.
pub(super) fn parse(prepared: &Value) -> Prepared {
    Prepared::deserialize(prepared).unwrap_or_default()
}

/// Asks where it goes. A webhook can have been moved, and one that is gone is found out before anything is sent.
async fn place(api: &Api<'_>, post: &Post) -> Result<Place, Failure> {
    let settings = discord::settings(&post.settings)
        .map_err(|why| Failure::new(ErrorClass::ContentInvalid, format!("the settings for discord {why}")))?;
    let reply = post.reply_to.as_deref().map(named).transpose()?;
    let id = |text: &str| Id::try_from(text.to_owned()).ok();
    match api.who()? {
        Who::Bot { channel, .. } => {
            if let Some(name) = settings.of_webhooks() {
                let why = format!("a bot has no {name}: only a webhook does");
                return Err(Failure::new(ErrorClass::ContentInvalid, why));
            }
            if reply.and_then(|reply| reply.channel).is_some_and(|other| other != channel) {
                let why = "the message that is answered is not in the account's channel";
                return Err(Failure::new(ErrorClass::ContentInvalid, why));
            }
            let told: Told = object(Phase::Prepare, api.get(&format!("channels/{channel}")).await)?;
            let channel = id(channel).ok_or_else(nowhere)?;
            let answered = reply.and_then(|reply| id(reply.message));
            Ok(Place { by_bot: true, guild: told.guild_id, channel, answered, thread: None })
        }
        Who::Webhook(_) => {
            let told: Told = object(Phase::Prepare, api.get("").await)?;
            let channel = told.channel_id.ok_or_else(nowhere)?;
            let thread = match reply {
                // the post that makes a thread is not in the channel but in that thread, and so are those that go on with it
                Some(reply) => match reply.channel {
                    Some(thread) if thread != channel.as_str() => id(thread),
                    _ => {
                        let why = "a webhook can answer nothing but what it wrote in a thread";
                        return Err(Failure::new(ErrorClass::Unsupported, why));
                    }
                },
                None => settings.thread_id.as_deref().and_then(id),
            };
            Ok(Place { by_bot: false, guild: told.guild_id, channel, answered: None, thread })
        }
    }
}

fn nowhere() -> Failure {
    Failure::new(ErrorClass::Transient, "the answer names no channel")
}

/// A file with its type, checked against what Discord accepts.
pub(super) async fn fetch(
    fetcher: &Fetcher,
    index: usize,
    one: &Attachment,
) -> Result<(Vec<u8>, &'static str), Failure> {
    let kind = one.kind();
    if kind == Kind::Image {
        let picture = fetcher.picture(&PLATFORM, index, one).await?;
        return Ok((picture.bytes, picture.mime_type));
    }
    let whole = PLATFORM.media(kind).max_bytes;
    let part = fetcher.part(&PLATFORM, index, one, 0, whole).await?;
    match part.mime_type() {
        Some(mime_type) if part.bytes.len() == part.total => Ok((part.bytes, mime_type)),
        _ => {
            let why = format!("{} {index}: its host sent less than it said", kind.as_str());
            Err(Failure::new(ErrorClass::Transient, why))
        }
    }
}

pub(super) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// A message is limited as a whole too.
fn check_together(files: &[File]) -> Result<(), Failure> {
    let together: u64 = files.iter().map(|file| file.bytes).sum();
    if together <= MAX_FILES as u64 {
        return Ok(());
    }
    let why = format!("the files have {together} bytes together; discord accepts at most {MAX_FILES}");
    Err(Failure::new(ErrorClass::ContentInvalid, why))
}

/// Whether bytes are still what was written down.
pub(super) fn is_same(file: &File, bytes: &[u8], mime_type: &str) -> bool {
    file.bytes == bytes.len() as u64 && file.mime_type == mime_type && file.sha256 == digest(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_version_prepared_is_prepared_again() {
        for odd in [Value::Null, json!([1]), json!({"place": {"channel": "../x"}}), json!({"files": [1]})] {
            assert_eq!(parse(&odd), Prepared::default(), "{odd}");
        }
        let file = File { name: "a".into(), bytes: 20_000_000, ..File::default() };
        assert_eq!(check_together(std::slice::from_ref(&file)), Ok(()));
        let failure = check_together(&[file.clone(), file]).unwrap_err();
        assert_eq!(failure.class, ErrorClass::ContentInvalid);
    }
}
