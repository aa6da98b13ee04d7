//! Mastodon, and servers that offer its API.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::poll::{Poll, PollRules};
use super::{
    Action, Answers, Form, MediaRules, MessageRules, Platform, Post, Reconcile, Subjects, TextRules,
    check_reply_to, is_language_tag, read_settings,
};
use crate::refresh::Rotation;
use crate::text::Count;

const TEXT: TextRules = TextRules { count: Count::Mastodon, unit: "characters", limit: 500, max_bytes: None };

/// What a server has as it comes; many allow more characters, which it says itself when a post is prepared.
pub static PLATFORM: Platform = Platform {
    name: "mastodon",
    text: TEXT,
    images: MediaRules {
        max: 4,
        max_bytes: 16 * 1024 * 1024,
        types: &["image/jpeg", "image/png", "image/webp", "image/gif"],
    },
    videos: MediaRules {
        max: 1,
        max_bytes: 99 * 1024 * 1024,
        types: &["video/mp4", "video/quicktime", "video/webm"],
    },
    max_media: 4,
    actions: &[Action::Delete, Action::Metrics, Action::Like, Action::Follow, Action::DirectMessage],
    answers: Answers::Posts,
    names_post: |text| post_ref(text).is_some(),
    first_only: &["poll", "reply_to"],
    taken: warning,
    subjects: Subjects {
        post: Form {
            fits: is_id,
            looks: "the id that a post has on the account's own server, such as 109876543210987654",
        },
        account: Form {
            fits: is_account,
            looks: "a name such as @alice@mastodon.example, or the id it has on the account's own server",
        },
    },
    // a post that only those see who are mentioned
    message: Some(MessageRules { text: TEXT, mentions: true }),
    reconcile: Reconcile::NativeKey,
    // A server may still be at the first try when its answer is long lost, and some forget keys that are used at once.
    settles: Duration::from_secs(60),
    numbers_by_server: true,
    rotation: Rotation::Kept,
    check,
    ..Platform::PLAIN
};

/// The most characters of a post's address.
const MAX_ADDRESS: usize = 2_048;

const POLL: PollRules =
    PollRules { max_options: 4, max_chars: 50, minutes: (5, 7 * 24 * 60), multiple: true };

/// The most characters of an id.
const MAX_ID: usize = 100;
/// The most characters of an account's name, with that of its server.
const MAX_NAME: usize = 350;

/// Whether it can be an id. Mastodon has numbers, other servers words; it goes into paths.
pub fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// `user` or `user@host`. It goes into a path and into a text, where nothing of it may be another mention.
pub fn is_name(name: &str) -> bool {
    let is_part =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || "_.-:".contains(c));
    name.len() <= MAX_NAME && name.split('@').count() <= 2 && name.split('@').all(is_part)
}

/// A name with or without its `@`, or an id.
fn is_account(text: &str) -> bool {
    is_name(text.strip_prefix('@').unwrap_or(text))
}

/// Who sees a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Everybody, also in public timelines.
    Public,
    /// Everybody who looks.
    Unlisted,
    /// Followers.
    Private,
    /// Those who are mentioned.
    Direct,
}

impl Visibility {
    /// As the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Unlisted => "unlisted",
            Self::Private => "private",
            Self::Direct => "direct",
        }
    }
}

/// What an application may set.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Who sees it; otherwise the account's own default.
    pub visibility: Option<Visibility>,
    /// A warning in front of the text. Counts like text.
    pub spoiler_text: Option<String>,
    /// Media are hidden until somebody asks for them.
    #[serde(default)]
    pub sensitive: bool,
    /// The language as a BCP 47 tag.
    pub language: Option<String>,
    /// A poll, instead of media.
    pub poll: Option<Poll>,
    /// The post that this one answers: its id on the account's server, or its address.
    pub reply_to: Option<String>,
}

/// How a post is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostRef<'a> {
    /// By its id on the account's own server.
    Id(&'a str),
    /// By its address on any server.
    Address(&'a str),
}

/// Reads the id of a post, or its `https:` address.
pub fn post_ref(text: &str) -> Option<PostRef<'_>> {
    if text.starts_with("https://") || text.starts_with("http://") {
        let is_address = text.len() <= MAX_ADDRESS && text.bytes().all(|b| b.is_ascii_graphic());
        return is_address.then_some(PostRef::Address(text));
    }
    is_id(text).then_some(PostRef::Id(text))
}

/// What the warning takes of the text's room.
fn warning(settings: &Value) -> usize {
    settings.get("spoiler_text").and_then(Value::as_str).map_or(0, |text| PLATFORM.text.count.count(text))
}

/// Reads and checks the settings.
pub fn settings(value: &Value) -> Result<Settings, String> {
    let settings: Settings = read_settings(value)?;
    check_reply_to(value, PLATFORM.names_post, "115585… or https://mastodon.social/@name/115585…")?;
    if let Some(language) = settings.language.as_deref().filter(|tag| !is_language_tag(tag)) {
        return Err(format!("name the language {language:?}, which is not a BCP 47 tag such as \"en\""));
    }
    settings.poll.as_ref().and_then(|poll| poll.refused(&POLL)).map_or(Ok(settings), Err)
}

fn check(post: &Post<'_>) -> Vec<String> {
    let settings = match settings(post.settings) {
        Ok(settings) => settings,
        Err(why) => return vec![why],
    };
    let mut found = Vec::new();
    if settings.poll.is_some() && !post.media.is_empty() {
        found.push("have a poll beside media, which it does not offer".to_owned());
    }
    let TextRules { count, limit, .. } = PLATFORM.text;
    let warning = warning(post.settings);
    let text = count.count(post.content);
    if warning > 0 && text <= limit && text + warning > limit {
        found.push(format!(
            "have a warning of {warning} characters, with which the text has {}; {limit} are accepted",
            text + warning
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reasons(content: &str, value: Value) -> Vec<String> {
        check(&Post { content, media: &[], settings: &value })
    }

    #[test]
    fn names_have_their_form() {
        for name in ["bob", "b.o-b_1@a.example", "bob@bücher.example", "bob@127.0.0.1:3000", "7"] {
            assert!(is_name(name) && is_account(&format!("@{name}")), "{name}");
        }
        for odd in ["", "@", "bob@", "a@b@c", "bob hi", "bob/../x", "bob?x=1", "bob&x", "b\n@eve", "bob#"] {
            assert!(!is_name(odd) && !is_account(odd), "{odd}");
        }
        assert!(!is_account("@@bob"));
    }

    #[test]
    fn settings_are_read_and_checked() {
        let all = json!({"visibility": "unlisted", "spoiler_text": "cw", "sensitive": true, "language": "pt-BR",
                         "poll": {"options": ["a", "b"], "minutes": 5, "multiple": true}});
        assert_eq!(settings(&all).map(|settings| settings.visibility), Ok(Some(Visibility::Unlisted)));
        for bad in [
            json!({"visibility": "Public"}),
            json!({"language": "english"}),
            json!({"poll": {"options": ["a"], "minutes": 5}}),
            json!({"langs": ["en"]}),
            json!({"reply_to": "../1"}),
            json!({"reply_to": "https://a.example/a b"}),
        ] {
            assert!(settings(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_warning_counts_with_the_text() {
        assert_eq!(reasons(&"a".repeat(400), json!({"spoiler_text": "a".repeat(100)})), Vec::<String>::new());
        let why = reasons(&"a".repeat(400), json!({"spoiler_text": "a".repeat(101)}));
        assert!(why[0].contains("501"), "{why:?}");
    }
}
