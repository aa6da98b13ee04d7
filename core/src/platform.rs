//! What each platform accepts and how a publish on it can be confirmed, as data.
//!
//! One file per platform and one line in [`ALL`]; docs/add-a-platform.md goes through all that a platform needs. The extension
//! validates against these figures before it accepts a post; the sidecar's provider of the same name sends what they allow.

pub mod bluesky;
pub mod devto;
pub mod discord;
pub mod facebook;
pub mod instagram;
pub mod lemmy;
pub mod linkedin;
pub mod mastodon;
pub mod meta;
pub mod misskey;
pub mod nostr;
pub mod pinterest;
pub mod poll;
pub mod reddit;
pub mod slack;
pub mod telegram;
pub mod threads;
pub mod tiktok;
pub mod wordpress;
pub mod x;
pub mod youtube;

use std::time::Duration;

use serde_json::Value;

use crate::media::{Attachment, Kind};
use crate::refresh::Rotation;
use crate::text::Count;

/// What the platform offers to find out whether an unclear publish happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reconcile {
    /// A key chosen before the first try: sending it again can't publish twice, reading it tells.
    NativeKey,
    /// A handle that can be polled until it says published.
    Poll,
    /// The platform refuses a duplicate, which proves that the first try arrived.
    RejectsDuplicate,
    /// Only the account's recent posts can be read and compared.
    ReadBack,
    /// Nothing: a person has to look.
    Nothing,
}

/// What an account may do besides publishing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Take a post back.
    Delete,
    /// Read how often a post was seen, liked and shared.
    Metrics,
    /// Like a post.
    Like,
    /// Follow an account.
    Follow,
    /// Write to an account in private.
    DirectMessage,
}

impl Action {
    /// The actions that are jobs, with the names of their kinds.
    const KINDS: [(Self, &'static str); 5] = [
        (Self::Like, "like"),
        (Self::Follow, "follow"),
        (Self::DirectMessage, "send_dm"),
        (Self::Delete, "delete_post"),
        (Self::Metrics, "read_metrics"),
    ];

    /// The kind of the jobs that do it, if it has one.
    pub fn kind(self) -> Option<&'static str> {
        Self::KINDS.into_iter().find(|(action, _)| *action == self).map(|(_, kind)| kind)
    }

    /// What jobs of a kind do.
    pub fn of_kind(kind: &str) -> Option<Self> {
        Self::KINDS.into_iter().find(|(_, name)| *name == kind).map(|(action, _)| action)
    }
}

/// What an answer to a post is.
#[derive(Clone, Copy, Debug)]
pub enum Answers {
    /// Nothing: there are neither threads nor comments.
    None,
    /// A post as any other: there are threads.
    Posts,
    /// A comment, which is text alone.
    Comments {
        /// Of its text.
        text: TextRules,
        /// What else the platform asks of its text. Gives the reasons for a refusal.
        check: fn(&str) -> Vec<String>,
        /// What of a post nobody can comment on, where that is so.
        barred: fn(&[Attachment], &Value) -> Option<&'static str>,
    },
}

/// What something looks like that is named to a platform.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// Whether a text has it.
    pub fits: fn(&str) -> bool,
    /// In words, for a message.
    pub looks: &'static str,
}

/// What a platform calls what an account does something with.
#[derive(Clone, Copy, Debug)]
pub struct Subjects {
    /// A post, of anybody.
    pub post: Form,
    /// An account.
    pub account: Form,
}

impl Subjects {
    /// Of a platform where an account does nothing besides publishing.
    pub const NONE: Self = {
        let none = Form { fits: |_| false, looks: "nothing" };
        Self { post: none, account: none }
    };
}

/// What a message to one account may be.
#[derive(Clone, Copy, Debug)]
pub struct MessageRules {
    /// Of its text.
    pub text: TextRules,
    /// Whether it is a post that only those see who are mentioned in it: then the addressee's name counts too, and nobody
    /// else may be mentioned.
    pub mentions: bool,
}

/// What a text may be.
#[derive(Clone, Copy, Debug)]
pub struct TextRules {
    /// How the platform counts.
    pub count: Count,
    /// What is counted, in the plural: a word for messages.
    pub unit: &'static str,
    /// The most a text may count. A server of the account's own may allow more.
    pub limit: usize,
    /// The most UTF-8 bytes a text may have, where that is limited too.
    pub max_bytes: Option<usize>,
}

/// What one kind of media may be.
#[derive(Clone, Copy, Debug)]
pub struct MediaRules {
    /// The most that a post may carry.
    pub max: usize,
    /// The most bytes of each.
    pub max_bytes: usize,
    /// MIME types that are accepted.
    pub types: &'static [&'static str],
}

impl MediaRules {
    /// None are accepted.
    pub const NONE: Self = Self { max: 0, max_bytes: 0, types: &[] };
}

/// What a platform accepts.
#[derive(Clone, Copy, Debug)]
pub struct Platform {
    /// The name in SQL, configuration and logs.
    pub name: &'static str,
    /// Of the text.
    pub text: TextRules,
    /// Of the images.
    pub images: MediaRules,
    /// Of the videos.
    pub videos: MediaRules,
    /// Of the documents.
    pub documents: MediaRules,
    /// The most media together.
    pub max_media: usize,
    /// Whether media of several kinds may stand in one post.
    pub mixes_media: bool,
    /// Whether a post needs media.
    pub needs_media: bool,
    /// Whether a post may have neither text nor media: what its settings say of it is enough.
    pub may_be_empty: bool,
    /// Whether the platform fetches media itself: they need an `https:` address that anybody can read.
    pub fetches_media: bool,
    /// What an account may do besides publishing. Everything else is `unsupported`.
    pub actions: &'static [Action],
    /// What an answer to a post is there.
    pub answers: Answers,
    /// Whether a text is the id or the address of a post there.
    pub names_post: fn(&str) -> bool,
    /// Settings that only the first part of a thread takes.
    pub first_only: &'static [&'static str],
    /// What the settings take of the room for the text.
    pub taken: fn(&Value) -> usize,
    /// What it charges for, in the words of `crier.platform_price`; most charge for nothing.
    pub charges: &'static [&'static str],
    /// What it calls posts and accounts.
    pub subjects: Subjects,
    /// What a message may be, where there are any.
    pub message: Option<MessageRules>,
    /// How an unclear publish is settled.
    pub reconcile: Reconcile,
    /// How long after a send a post may be there and not be found: only what is absent for longer is proven absent.
    pub settles: Duration,
    /// How long an access token is good, where it ends by itself.
    pub token_life: Option<Duration>,
    /// Whether every server numbers its accounts by itself, so that the id alone doesn't name one.
    pub numbers_by_server: bool,
    /// What becomes of a refresh token that was used.
    pub rotation: Rotation,
    /// What only this platform asks of a post: its settings, and what doesn't go together. Gives the reasons for a refusal.
    pub check: fn(&Post<'_>) -> Vec<String>,
}

impl Platform {
    /// A platform of short texts that has nothing besides: what others are written as changes of. What settles an unclear
    /// publish, and when, has no default: each says it.
    pub const PLAIN: Self = Self {
        name: "",
        text: TextRules { count: Count::Characters, unit: "characters", limit: 0, max_bytes: None },
        images: MediaRules::NONE,
        videos: MediaRules::NONE,
        documents: MediaRules::NONE,
        max_media: 0,
        mixes_media: false,
        needs_media: false,
        may_be_empty: false,
        fetches_media: false,
        actions: &[],
        answers: Answers::None,
        names_post: |_| false,
        first_only: &[],
        taken: |_| 0,
        charges: &[],
        subjects: Subjects::NONE,
        message: None,
        reconcile: Reconcile::Nothing,
        settles: Duration::ZERO,
        token_life: None,
        numbers_by_server: false,
        rotation: Rotation::Kept,
        check: |_| Vec::new(),
    };

    /// The kinds of jobs that do something on it besides publishing.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.actions.iter().filter_map(|action| action.kind())
    }

    /// Within what the id of an account names one: its server, or the whole platform, where accounts may move.
    pub const fn realm<'a>(&self, base_url: &'a str) -> &'a str {
        if self.numbers_by_server { base_url } else { "" }
    }

    /// What it accepts of one kind of media.
    pub const fn media(&self, kind: Kind) -> &MediaRules {
        match kind {
            Kind::Image => &self.images,
            Kind::Video => &self.videos,
            Kind::Document => &self.documents,
        }
    }

    /// The settings of a part of a thread behind the first.
    pub fn later_settings(&self, settings: &Value) -> Value {
        let mut later = settings.clone();
        if let Value::Object(fields) = &mut later {
            fields.retain(|name, _| !self.first_only.contains(&name.as_str()));
        }
        later
    }
}

/// A post as a platform looks at it.
#[derive(Clone, Copy, Debug)]
pub struct Post<'a> {
    /// The text.
    pub content: &'a str,
    /// Images and videos.
    pub media: &'a [Attachment],
    /// What the application set for this platform; `{}` where it set nothing.
    pub settings: &'a Value,
}

/// The most characters of what a platform calls a post: more are not kept.
pub const MAX_EXTERNAL_ID: usize = 500;

/// Every platform this version can publish to.
pub static ALL: &[&Platform] = &[
    // one a line
    &bluesky::PLATFORM,
    &mastodon::PLATFORM,
    &x::PLATFORM,
    &instagram::PLATFORM,
    &linkedin::PLATFORM,
    &misskey::PLATFORM,
    &discord::PLATFORM,
    &pinterest::PLATFORM,
    &telegram::PLATFORM,
    &slack::PLATFORM,
    &youtube::PLATFORM,
    &facebook::PLATFORM,
    &threads::PLATFORM,
    &tiktok::PLATFORM,
    &wordpress::PLATFORM,
    &devto::PLATFORM,
    &lemmy::PLATFORM,
    &nostr::PLATFORM,
    &reddit::PLATFORM,
];

/// The platform with this name.
pub fn find(name: &str) -> Option<&'static Platform> {
    ALL.iter().copied().find(|platform| platform.name == name)
}

/// The post that these settings of a platform have answered.
pub fn reply_to(settings: &Value) -> Option<&str> {
    settings.get("reply_to")?.as_str()
}

/// Refuses what is not the id or the address of a post.
pub(crate) fn check_reply_to(
    settings: &Value,
    names_post: fn(&str) -> bool,
    example: &str,
) -> Result<(), String> {
    match settings.get("reply_to") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(post)) if names_post(post) => Ok(()),
        Some(odd) => {
            let shown: String = odd.to_string().chars().take(80).collect();
            Err(format!("answer {shown}, which names no post; write it like {example}"))
        }
    }
}

/// Refuses an alternative text that is too long.
pub(crate) fn long_alt(media: &[Attachment], max: usize) -> Option<String> {
    let long = media.iter().map(|one| one.alt.chars().count()).find(|found| *found > max)?;
    Some(format!("go with an alternative text of {long} characters; {max} are accepted"))
}

/// What follows one of the beginnings of an address.
pub(crate) fn after<'t>(text: &'t str, beginnings: &[&str]) -> Option<&'t str> {
    beginnings.iter().find_map(|beginning| text.strip_prefix(beginning))
}

/// Reads settings of a platform. The reason of a refusal follows the words "the settings for x".
pub(crate) fn read_settings<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, String> {
    T::deserialize(value).map_err(|error| format!("can't be read: {error}"))
}

/// The form of a BCP 47 tag: parts of 1 to 8 letters or digits, the first of 2 or 3 letters.
pub(crate) fn is_language_tag(tag: &str) -> bool {
    let part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    let first = tag.split('-').next().unwrap_or_default();
    tag.len() <= 35
        && (2..=3).contains(&first.len())
        && first.bytes().all(|b| b.is_ascii_alphabetic())
        && tag.split('-').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_given_once() {
        for platform in ALL {
            assert_eq!(
                ALL.iter().filter(|other| other.name == platform.name).count(),
                1,
                "{}",
                platform.name
            );
            assert!(std::ptr::eq(find(platform.name).expect("itself"), *platform));
        }
    }

    #[test]
    fn what_a_platform_allows_can_be() {
        for Platform { name, text, images, videos, documents, max_media, .. } in ALL.iter().copied() {
            assert!(!name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase()), "{name:?}");
            assert!(text.limit > 0 && text.max_bytes.is_none_or(|bytes| bytes >= text.limit), "{name}");
            assert!(*max_media >= images.max.max(videos.max).max(documents.max), "{name}");
            for rules in [images, videos, documents] {
                assert!(rules.max == 0 || !rules.types.is_empty(), "{name}");
            }
        }
    }

    #[test]
    fn every_kind_names_one_action() {
        for (action, kind) in Action::KINDS {
            assert_eq!((action.kind(), Action::of_kind(kind)), (Some(kind), Some(action)));
        }
        assert_eq!(Action::of_kind("publish_post"), None);
    }

    #[test]
    fn what_writes_messages_says_what_they_may_be() {
        for platform in ALL {
            let offers = platform.actions.contains(&Action::DirectMessage);
            assert_eq!(platform.message.is_some(), offers, "{}", platform.name);
        }
    }

    #[test]
    fn language_tags_are_told_from_other_words() {
        assert!(["en", "pt-BR", "zh-Hans", "ast"].into_iter().all(is_language_tag));
        assert!(!["", "e", "en-", "-en", "english", "en_GB", "e1"].into_iter().any(is_language_tag));
    }
}
