//! Threads.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::meta::is_id;
use super::{
    Action, Answers, Form, MediaRules, Platform, Post, Reconcile, Subjects, TextRules, check_reply_to,
    read_settings,
};
use crate::media::MAX_URL_CHARS;
use crate::refresh::Rotation;
use crate::text::{Count, Dialect, links};

/// The figures of the API.
pub static PLATFORM: Platform = Platform {
    name: "threads",
    text: TextRules {
        count: Count::EmojiBytes,
        unit: "characters (an emoji counts its bytes)",
        limit: 500,
        max_bytes: None,
    },
    images: MediaRules { max: 20, max_bytes: 8 * 1024 * 1024, types: &["image/jpeg", "image/png"] },
    videos: MediaRules { max: 20, max_bytes: 1024 * 1024 * 1024, types: &["video/mp4", "video/quicktime"] },
    max_media: 20,
    mixes_media: true,
    fetches_media: true,
    // There is no call that likes or follows, and there are no messages.
    actions: &[Action::Delete, Action::Metrics],
    answers: Answers::Posts,
    names_post: is_id,
    first_only: &["reply_control", "topic_tag", "quote", "link_attachment", "reply_to"],
    subjects: Subjects {
        post: Form { fits: is_id, looks: "the id of a post, which is a number" },
        account: Form { fits: is_id, looks: "the id of an account, which is a number" },
    },
    reconcile: Reconcile::Poll,
    // The container knows at once, but a publish may still be at it when its answer is long lost.
    settles: Duration::from_secs(2 * 60),
    token_life: Some(Duration::from_secs(60 * 24 * 60 * 60)),
    // a token is prolonged with itself
    rotation: Rotation::Kept,
    check,
    ..Platform::PLAIN
};

/// The most different links of a post.
const MAX_LINKS: usize = 5;
/// The most characters of a topic.
const MAX_TOPIC: usize = 50;

/// Who may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyControl {
    /// Everybody.
    Everyone,
    /// Those whom the account follows.
    AccountsYouFollow,
    /// Those who are mentioned.
    MentionedOnly,
    /// Whoever wrote what this one answers.
    ParentPostAuthorOnly,
    /// Those who follow the account.
    FollowersOnly,
}

impl ReplyControl {
    /// As the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::AccountsYouFollow => "accounts_you_follow",
            Self::MentionedOnly => "mentioned_only",
            Self::ParentPostAuthorOnly => "parent_post_author_only",
            Self::FollowersOnly => "followers_only",
        }
    }
}

/// What an application may set.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Who may answer; otherwise everybody.
    pub reply_control: Option<ReplyControl>,
    /// What it is about, without the sign.
    pub topic_tag: Option<String>,
    /// The post that is quoted: its id.
    pub quote: Option<String>,
    /// An address, of which Threads shows a card. Not beside media.
    pub link_attachment: Option<String>,
    /// The post that this one answers: its id.
    pub reply_to: Option<String>,
}

/// Reads and checks the settings.
pub fn settings(value: &Value) -> Result<Settings, String> {
    let settings: Settings = read_settings(value)?;
    check_reply_to(value, PLATFORM.names_post, "1800…")?;
    if settings.quote.as_deref().is_some_and(|quoted| !is_id(quoted)) {
        return Err("quote something that is not the id of a post".to_owned());
    }
    if settings.topic_tag.as_deref().is_some_and(|topic| !is_topic(topic)) {
        return Err(format!(
            "have a topic_tag that is none: 1 to {MAX_TOPIC} characters, no dot, no ampersand, no line break"
        ));
    }
    let is_address = |link: &str| {
        link.strip_prefix("https://").is_some_and(|rest| !rest.is_empty())
            && link.chars().count() <= MAX_URL_CHARS
            && !link.chars().any(|c| c.is_control() || c.is_whitespace())
    };
    match settings.link_attachment.as_deref() {
        Some(link) if !is_address(link) => Err("have a link_attachment that is no https: address".to_owned()),
        _ => Ok(settings),
    }
}

fn is_topic(topic: &str) -> bool {
    (1..=MAX_TOPIC).contains(&topic.chars().count())
        && !topic.trim().is_empty()
        && !topic.chars().any(|c| c.is_control() || matches!(c, '.' | '&'))
}

fn check(post: &Post<'_>) -> Vec<String> {
    let settings = match settings(post.settings) {
        Ok(settings) => settings,
        Err(why) => return vec![why],
    };
    let mut found = Vec::new();
    if settings.link_attachment.is_some() && !post.media.is_empty() {
        found.push("have a link_attachment beside media, which it does not offer".to_owned());
    }
    let in_text = links(post.content, Dialect::X).into_iter().map(|range| &post.content[range]);
    let all: BTreeSet<_> = in_text.chain(settings.link_attachment.as_deref()).collect();
    if all.len() > MAX_LINKS {
        found.push(format!("come with {} different links; at most {MAX_LINKS} are accepted", all.len()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate;
    use serde_json::json;

    fn refusals(content: &str, media: Value, settings: Value) -> Vec<String> {
        let found = validate::post(&PLATFORM, content, &media, &settings);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_emoji_counts_its_bytes() {
        // 4 bytes each
        let fits = "😀".repeat(125);
        assert!(refusals(&fits, json!([]), json!({})).is_empty());
        let long = refusals(&format!("{fits}a"), json!([]), json!({}));
        let words = "the text has 501 characters (an emoji counts its bytes); threads accepts at most 500";
        assert!(long[0].starts_with(words), "{long:?}");
        assert!(refusals(&"ä".repeat(500), json!([]), json!({})).is_empty());
    }

    #[test]
    fn settings_are_read_and_checked() {
        let image = json!({"url": "https://a.example/a.jpg"});
        let six = "https://a.com/1 https://a.com/2 https://a.com/3 b.com/4 b.com/5";
        for (content, media, settings, count) in [
            (
                "hi",
                json!([]),
                json!({"reply_control": "mentioned_only", "topic_tag": "cats", "quote": "18"}),
                0,
            ),
            ("hi", json!([image]), json!({"reply_to": "18"}), 0),
            ("", json!(vec![image.clone(); 20]), json!({}), 0),
            ("hi", json!([]), json!({"link_attachment": "https://a.com/1"}), 0),
            (six, json!([]), json!({"link_attachment": "https://a.com/1"}), 0),
            (six, json!([]), json!({"link_attachment": "https://a.com/6"}), 1),
            ("hi", json!(vec![image.clone(); 21]), json!({}), 1),
            ("hi", json!([image]), json!({"link_attachment": "https://a.com/1"}), 1),
            ("hi", json!([]), json!({"link_attachment": "http://a.com/1"}), 1),
            ("hi", json!([]), json!({"reply_control": "nobody"}), 1),
            ("hi", json!([]), json!({"topic_tag": "a.b"}), 1),
            ("hi", json!([]), json!({"topic_tag": ""}), 1),
            ("hi", json!([]), json!({"topic_tag": "x".repeat(51)}), 1),
            ("hi", json!([]), json!({"quote": "https://www.threads.com/@a/post/x"}), 1),
            ("hi", json!([]), json!({"reply_to": "x"}), 1),
            ("hi", json!([]), json!({"mood": "good"}), 1),
        ] {
            let found = refusals(content, media.clone(), settings.clone());
            assert_eq!(found.len(), count, "{media} {settings}: {found:?}");
        }
    }
}
