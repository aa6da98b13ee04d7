//! X, API version 2.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::poll::{Poll, PollRules};
use super::{
    Action, Answers, Form, MediaRules, MessageRules, Platform, Post, Reconcile, Subjects, TextRules, after,
    check_reply_to, read_settings,
};
use crate::refresh::Rotation;
use crate::text::Count;

/// A post without a link.
pub const POST: &str = "post";
/// A post with a link.
pub const POST_WITH_LINK: &str = "post_with_link";
/// A post of the account that is read.
pub const OWN_POST_READ: &str = "own_post_read";
/// A private message.
pub const DM: &str = "dm";

/// The figures of an account without a subscription.
pub static PLATFORM: Platform = Platform {
    name: "x",
    text: TextRules { count: Count::Weighted, unit: "weighted characters", limit: 280, max_bytes: None },
    images: MediaRules {
        max: 4,
        max_bytes: 5 * 1024 * 1024,
        types: &["image/jpeg", "image/png", "image/webp", "image/gif"],
    },
    videos: MediaRules { max: 1, max_bytes: 512 * 1024 * 1024, types: &["video/mp4", "video/quicktime"] },
    max_media: 4,
    // likes and follows are no longer offered to those who sign up by themselves
    actions: &[Action::Delete, Action::Metrics, Action::DirectMessage],
    answers: Answers::Posts,
    names_post: |text| post_id(text).is_some(),
    first_only: &["poll", "reply_settings", "reply_to"],
    charges: &[POST, POST_WITH_LINK, OWN_POST_READ, DM],
    subjects: Subjects {
        post: Form { fits: is_id, looks: "the id of a post, which is a number" },
        account: Form { fits: is_id, looks: "the id of an account, which is a number" },
    },
    message: Some(MessageRules {
        text: TextRules { count: Count::Characters, unit: "characters", limit: 10_000, max_bytes: None },
        mentions: false,
    }),
    reconcile: Reconcile::RejectsDuplicate,
    // lists are brought up to date a little later
    settles: Duration::from_secs(60),
    token_life: Some(Duration::from_secs(2 * 60 * 60)),
    // a refresh token is good once
    rotation: Rotation::Strict,
    check,
    ..Platform::PLAIN
};

const POLL: PollRules =
    PollRules { max_options: 4, max_chars: 25, minutes: (5, 7 * 24 * 60), multiple: false };

/// An id: digits, so that it can stand in a path.
pub fn is_id(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// Who may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReplySettings {
    /// Those whom the account follows.
    Following,
    /// Those who are mentioned.
    MentionedUsers,
    /// Those who subscribe to it.
    Subscribers,
    /// Verified accounts.
    Verified,
}

impl ReplySettings {
    /// As the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Following => "following",
            Self::MentionedUsers => "mentionedUsers",
            Self::Subscribers => "subscribers",
            Self::Verified => "verified",
        }
    }
}

/// What an application may set.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Who may answer; otherwise everybody.
    pub reply_settings: Option<ReplySettings>,
    /// A poll, instead of media.
    pub poll: Option<Poll>,
    /// Media or text were made by a machine.
    #[serde(default)]
    pub made_with_ai: bool,
    /// Somebody paid for it.
    #[serde(default)]
    pub paid_partnership: bool,
    /// The post that this one answers: its id or its address.
    pub reply_to: Option<String>,
}

/// Where posts have their pages.
const PAGES: &[&str] = &[
    "https://x.com/",
    "https://www.x.com/",
    "https://mobile.x.com/",
    "https://twitter.com/",
    "https://www.twitter.com/",
    "https://mobile.twitter.com/",
];

/// The id of a post, from itself or from `https://x.com/name/status/…`.
pub fn post_id(text: &str) -> Option<&str> {
    let id = match after(text, PAGES) {
        None => text,
        Some(path) => path.split(['?', '#']).next()?.split_once("/status/")?.1,
    };
    is_id(id).then_some(id)
}

/// Reads and checks the settings.
pub fn settings(value: &Value) -> Result<Settings, String> {
    let settings: Settings = read_settings(value)?;
    check_reply_to(value, PLATFORM.names_post, "1790… or https://x.com/name/status/1790…")?;
    settings.poll.as_ref().and_then(|poll| poll.refused(&POLL)).map_or(Ok(settings), Err)
}

fn check(post: &Post<'_>) -> Vec<String> {
    match settings(post.settings) {
        Ok(settings) if settings.poll.is_some() && !post.media.is_empty() => {
            vec!["have a poll beside media, which it does not offer".to_owned()]
        }
        Ok(_) => vec![],
        Err(why) => vec![why],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_are_read_and_checked() {
        let all = json!({"reply_settings": "mentionedUsers", "poll": {"options": ["a", "b"], "minutes": 5},
                         "made_with_ai": true, "paid_partnership": true});
        assert!(settings(&all).is_ok());
        for bad in [
            json!({"reply_settings": "everyone"}),
            json!({"poll": {"options": ["a", "b"], "minutes": 5, "multiple": true}}),
            json!({"quote": 1}),
            json!({"reply_to": 1790}),
            json!({"reply_to": "https://y.example/a/status/1790"}),
        ] {
            assert!(settings(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_post_is_named_by_its_id_or_its_page() {
        for text in ["1790", "https://x.com/a/status/1790", "https://twitter.com/i/status/1790?s=20"] {
            assert_eq!(post_id(text), Some("1790"), "{text}");
        }
        for odd in ["", "a1", "https://x.com/a/status/", "https://x.com/a/status/1/photo/1", "1790 ", "-1"] {
            assert_eq!(post_id(odd), None, "{odd}");
        }
    }
}
