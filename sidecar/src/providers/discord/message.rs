//! A message: as it is written down and sent, and as Discord shows it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crier_core::error_class::ErrorClass;
use crier_core::platform::discord::{Embed, Settings};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::Id;
use super::prepare::File;
use crate::providers::{Failure, Frozen, Published};

/// When ids begin: milliseconds since 1970.
const EPOCH: u64 = 1_420_070_400_000;
/// Where people see messages.
const PAGES: &str = "https://discord.com/channels";

/// No previews of links.
const SUPPRESS_EMBEDS: u64 = 1 << 2;
/// No notifications.
const SUPPRESS_NOTIFICATIONS: u64 = 1 << 12;

/// What was written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sent {
    /// The server, where the channel is of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) guild: Option<Id>,
    /// The account's own channel.
    pub(super) channel: Id,
    /// The thread of it that a webhook writes into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) thread: Option<Id>,
    /// The message to the byte, as it is sent.
    pub(super) payload: String,
    /// Its files, as they have to be when it is sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) files: Vec<File>,
}

impl Sent {
    pub(super) fn of(frozen: &Frozen) -> Result<Self, Failure> {
        serde_json::from_str(&frozen.request).map_err(|_| other_version())
    }

    pub(super) fn payload(&self) -> Result<Payload, Failure> {
        serde_json::from_str(&self.payload).map_err(|_| other_version())
    }

    /// Where a message is: its id alone in the account's own channel.
    pub(super) fn published(&self, message: &Id, channel: &Id) -> Published {
        let server = self.guild.as_ref().map_or("@me", Id::as_str);
        let external_id = match *channel == self.channel {
            true => message.as_str().to_owned(),
            false => format!("{}/{}", channel.as_str(), message.as_str()),
        };
        let url = format!("{PAGES}/{server}/{}/{}", channel.as_str(), message.as_str());
        Published { external_id, url, cid: None }
    }
}

fn other_version() -> Failure {
    Failure::new(ErrorClass::Config, "the stored request is not a message of this version")
}

/// What Discord calls `payload_json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Payload {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) content: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) nonce: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enforce_nonce: Option<bool>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    embeds: Vec<Value>,
    allowed_mentions: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    flags: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message_reference: Option<Reference>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    avatar_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    thread_name: Option<String>,
}

/// What a message answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reference {
    #[serde(default)]
    pub(super) message_id: Option<Id>,
}

impl Payload {
    /// Nobody is notified who is not asked for, whatever the text says.
    pub(super) fn new(content: &str, settings: Settings, files: &[File]) -> Self {
        let parse: Vec<_> = settings.mentions.iter().map(|mention| mention.as_str()).collect();
        let notifies_author = parse.contains(&"users");
        let flags = [(settings.without_previews, SUPPRESS_EMBEDS), (settings.silent, SUPPRESS_NOTIFICATIONS)];
        let flags = flags.into_iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| flag).sum();
        let attachments = files.iter().enumerate().map(|(at, file)| file.described(at));
        Self {
            content: content.to_owned(),
            embeds: settings.embeds.iter().map(embed).collect(),
            allowed_mentions: json!({ "parse": parse, "replied_user": notifies_author }),
            flags: Some(flags).filter(|flags| *flags > 0),
            attachments: attachments.collect(),
            username: settings.username,
            avatar_url: settings.avatar_url,
            thread_name: settings.thread_name,
            ..Self::default()
        }
    }

    /// The same of a bot: a second message under the same nonce is none, for some minutes.
    pub(super) fn of_bot(self, nonce: String, answered: Option<Id>) -> Self {
        Self {
            nonce: Some(nonce),
            enforce_nonce: Some(true),
            message_reference: answered.map(|id| Reference { message_id: Some(id) }),
            ..self
        }
    }
}

fn embed(embed: &Embed) -> Value {
    let mut made = json!({});
    for (name, text) in [("title", &embed.title), ("description", &embed.description), ("url", &embed.url)] {
        if let Some(text) = text {
            made[name] = json!(text);
        }
    }
    if let Some(color) = embed.color {
        made["color"] = json!(color);
    }
    if let Some(image) = &embed.image {
        made["image"] = json!({ "url": image });
    }
    made
}

/// A message that was made, as far as it has to be known.
#[derive(Debug, Deserialize)]
pub(super) struct Made {
    pub(super) id: Id,
    pub(super) channel_id: Id,
}

/// A message in a channel.
#[derive(Debug, Deserialize)]
pub(super) struct Shown {
    pub(super) id: Id,
    pub(super) channel_id: Id,
    pub(super) author: Author,
    #[serde(default)]
    webhook_id: Value,
    content: String,
    #[serde(default)]
    nonce: Value,
    #[serde(default)]
    edited_timestamp: Value,
    #[serde(default)]
    message_reference: Option<Reference>,
    #[serde(default)]
    attachments: Vec<Attached>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Author {
    pub(super) id: Id,
}

#[derive(Debug, Deserialize)]
struct Attached {
    filename: String,
    size: u64,
}

/// How a message compares with what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likeness {
    Same,
    /// It could be it: changed since, or by Discord, which leaves out characters that it doesn't like.
    Alike,
    Different,
}

impl Shown {
    /// Ids tell the time, to a millisecond.
    pub(super) fn at(&self) -> Option<SystemTime> {
        let id: u64 = self.id.as_str().parse().ok()?;
        UNIX_EPOCH.checked_add(Duration::from_millis((id >> 22).checked_add(EPOCH)?))
    }

    /// Files are told by names and sizes, which are as they were sent.
    pub(super) fn compare(&self, sent: &Payload, files: &[File], bot: &str) -> Likeness {
        if self.author.id.as_str() != bot || !self.webhook_id.is_null() {
            return Likeness::Different;
        }
        match (self.nonce.as_str(), sent.nonce.as_deref()) {
            (Some(shown), Some(ours)) if shown == ours => return Likeness::Same,
            (Some(_), Some(_)) => return Likeness::Different,
            _ => {}
        }
        let answered = |reference: &Option<Reference>| {
            reference.as_ref().and_then(|reference| reference.message_id.clone())
        };
        if answered(&self.message_reference) != answered(&sent.message_reference) {
            return Likeness::Different;
        }
        let shown = self.attachments.iter().map(|file| (file.filename.as_str(), file.size));
        let same_files = shown.eq(files.iter().map(|file| (file.name.as_str(), file.bytes)));
        let is_edited = !self.edited_timestamp.is_null();
        match words(&self.content).eq(words(&sent.content)) {
            true if same_files => Likeness::Same,
            true => Likeness::Alike,
            false if is_edited || letters(&self.content).eq(letters(&sent.content)) => Likeness::Alike,
            false => Likeness::Different,
        }
    }
}

/// The words of a text, without what is not seen: Discord cuts blanks off at the ends.
fn words(text: &str) -> impl Iterator<Item = String> {
    let is_seen = |c: &char| !c.is_control() && !('\u{200b}'..='\u{200f}').contains(c) && *c != '\u{feff}';
    text.split_whitespace()
        .map(move |word| word.chars().filter(is_seen).collect())
        .filter(|word: &String| !word.is_empty())
}

/// What no cleaning leaves out.
fn letters(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(changes: Value) -> Shown {
        let mut shown = json!({"id": "1571846307840000007", "channel_id": "22", "author": {"id": "7"},
                               "content": "hi there", "edited_timestamp": null, "attachments": []});
        for (name, value) in changes.as_object().unwrap() {
            shown[name] = value.clone();
        }
        serde_json::from_value(shown).unwrap()
    }

    fn payload(content: &str) -> Payload {
        Payload::new(content, Settings::default(), &[]).of_bot("n".into(), None)
    }

    #[test]
    fn words_files_and_what_is_answered_make_a_message_ours() {
        let file = |name: &str, bytes| File { name: name.into(), bytes, ..File::default() };
        for (changes, sent, files, likeness) in [
            (json!({}), payload(" hi  there\n"), vec![], Likeness::Same),
            (json!({}), payload("hi\u{200b} there"), vec![], Likeness::Same),
            (json!({}), payload("hi, there!"), vec![], Likeness::Alike),
            (json!({}), payload("hi"), vec![], Likeness::Different),
            (json!({"edited_timestamp": "2026-11-18T11:06:40Z"}), payload("hi"), vec![], Likeness::Alike),
            (json!({"author": {"id": "8"}}), payload("hi there"), vec![], Likeness::Different),
            (json!({"webhook_id": "7"}), payload("hi there"), vec![], Likeness::Different),
            (json!({"nonce": "n"}), payload("hi"), vec![], Likeness::Same),
            (json!({"nonce": "m"}), payload("hi there"), vec![], Likeness::Different),
            (
                json!({"message_reference": {"message_id": "9"}}),
                payload("hi there"),
                vec![],
                Likeness::Different,
            ),
            (json!({}), payload("hi there"), vec![file("a.png", 3)], Likeness::Alike),
            (
                json!({"attachments": [{"filename": "a.png", "size": 3}]}),
                payload("hi there"),
                vec![file("a.png", 3)],
                Likeness::Same,
            ),
            (
                json!({"attachments": [{"filename": "a.png", "size": 4}]}),
                payload("hi there"),
                vec![file("a.png", 3)],
                Likeness::Alike,
            ),
            (
                json!({"attachments": [{"filename": "a.png", "size": 3}]}),
                payload("something else"),
                vec![file("a.png", 3)],
                Likeness::Different,
            ),
        ] {
            assert_eq!(shown(changes.clone()).compare(&sent, &files, "7"), likeness, "{changes} {files:?}");
        }
        let answer = Payload::new("hi there", Settings::default(), &[])
            .of_bot("n".into(), Id::try_from("9".to_owned()).ok());
        let of = |changes| shown(changes).compare(&answer, &[], "7");
        assert_eq!(of(json!({"message_reference": {"message_id": "9"}})), Likeness::Same);
        assert_eq!(of(json!({})), Likeness::Different);
    }

    #[test]
    fn an_id_tells_the_time() {
        let at = |id: &str| shown(json!({ "id": id })).at();
        // the example of Discord's documentation
        let known = UNIX_EPOCH + Duration::from_millis(1_462_015_105_796);
        assert_eq!(at("175928847299117063"), Some(known));
        assert!(at("18446744073709551615").is_some());
        assert_eq!(at("99999999999999999999"), None);
    }

    #[test]
    fn a_message_elsewhere_is_named_with_its_channel() {
        let id = |text: &str| Id::try_from(text.to_owned()).unwrap();
        let sent = Sent {
            guild: Some(id("1")),
            channel: id("22"),
            thread: None,
            payload: String::new(),
            files: vec![],
        };
        let own = sent.published(&id("9"), &id("22"));
        assert_eq!(
            (own.external_id.as_str(), own.url.as_str()),
            ("9", "https://discord.com/channels/1/22/9")
        );
        let other = Sent { guild: None, ..sent }.published(&id("9"), &id("23"));
        assert_eq!(
            (other.external_id.as_str(), other.url.as_str()),
            ("23/9", "https://discord.com/channels/@me/23/9")
        );
    }
}
