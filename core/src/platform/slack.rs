//! Slack: by an incoming webhook, or by a bot that writes into a channel.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Action, Answers, Form, MediaRules, Platform, Post, Reconcile, Subjects, TextRules, check_reply_to,
    read_settings,
};
use crate::text::Count;

/// What a free plan takes of one file, and far below what any other takes.
const MAX_FILE: usize = 100 * 1024 * 1024;

/// Slack shows 40,000 characters and says to keep to 4,000.
pub static PLATFORM: Platform = Platform {
    name: "slack",
    text: TextRules { count: Count::Characters, unit: "characters", limit: 4_000, max_bytes: None },
    images: MediaRules {
        max: 10,
        max_bytes: 20 * 1024 * 1024,
        types: &["image/jpeg", "image/png", "image/webp", "image/gif"],
    },
    videos: MediaRules {
        max: 10,
        max_bytes: MAX_FILE,
        types: &["video/mp4", "video/quicktime", "video/webm"],
    },
    documents: MediaRules { max: 10, max_bytes: MAX_FILE, types: &["application/pdf"] },
    max_media: 10,
    mixes_media: true,
    actions: &[Action::Delete, Action::Metrics, Action::Like],
    answers: Answers::Posts,
    names_post: |text| post_ref(text).is_some(),
    first_only: &["reply_to", "broadcast"],
    subjects: Subjects {
        post: Form {
            fits: |text| post_ref(text).is_some(),
            looks: "the address of a message, such as https://acme.slack.com/archives/C012/p1795000000000100, \
                    or channel/time, such as C012/1795000000.000100",
        },
        ..Subjects::NONE
    },
    // of a bot, by a key in its metadata: whoever has a webhook alone can read nothing
    reconcile: Reconcile::ReadBack,
    // files are shown in their channel once they were looked at
    settles: Duration::from_secs(60),
    check,
    ..Platform::PLAIN
};

/// The id of a channel, a team, a user: in upper case, so that it can stand in a path.
pub fn is_id(text: &str) -> bool {
    (2..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// The time of a message, which is its name in its channel: seconds and six digits behind a point.
pub fn is_time(text: &str) -> bool {
    text.split_once('.').is_some_and(|(seconds, rest)| {
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        (9..=11).contains(&seconds.len()) && rest.len() == 6 && digits(seconds) && digits(rest)
    })
}

/// How a message is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostRef {
    /// Its channel.
    pub channel: String,
    /// Its time.
    pub at: String,
    /// The time of the message that it answers, if it is in a thread.
    pub thread: Option<String>,
}

/// Reads `channel/time`, `channel/time/time of the thread`, or the address of a message.
pub fn post_ref(text: &str) -> Option<PostRef> {
    let found = match text.strip_prefix("https://") {
        Some(address) => by_address(address)?,
        None => {
            let mut parts = text.split('/').map(str::to_owned);
            let (channel, at, thread) = (parts.next()?, parts.next()?, parts.next());
            if parts.next().is_some() {
                return None;
            }
            PostRef { channel, at, thread }
        }
    };
    let is_one = is_id(&found.channel) && is_time(&found.at) && found.thread.as_deref().is_none_or(is_time);
    is_one.then_some(found)
}

/// `acme.slack.com/archives/C012/p1795000000000100?thread_ts=1795000000.000100&cid=C012`.
fn by_address(address: &str) -> Option<PostRef> {
    let (host, path) = address.split_once("/archives/")?;
    if host != "slack.com" && !host.ends_with(".slack.com") || host.contains('/') {
        return None;
    }
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let (channel, name) = path.trim_end_matches('/').split_once('/')?;
    let digits = name.strip_prefix('p').filter(|digits| digits.is_ascii() && digits.len() > 6)?;
    let (seconds, rest) = digits.split_at_checked(digits.len() - 6)?;
    let thread = query.split('&').find_map(|pair| pair.strip_prefix("thread_ts="));
    Some(PostRef {
        channel: channel.to_owned(),
        at: format!("{seconds}.{rest}"),
        thread: thread.map(str::to_owned),
    })
}

/// What an application may set.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Links in the text are shown with a preview.
    #[serde(default)]
    pub previews: bool,
    /// An answer is shown in the channel too.
    #[serde(default)]
    pub broadcast: bool,
    /// The message that this one answers, in its thread.
    pub reply_to: Option<String>,
}

/// Reads and checks the settings.
pub fn settings(value: &Value) -> Result<Settings, String> {
    let settings: Settings = read_settings(value)?;
    let example = "C012/1795000000.000100 or https://acme.slack.com/archives/C012/p1795000000000100";
    check_reply_to(value, PLATFORM.names_post, example)?;
    if settings.broadcast && settings.reply_to.is_none() {
        return Err("have broadcast, and answer nothing".to_owned());
    }
    Ok(settings)
}

fn check(post: &Post<'_>) -> Vec<String> {
    match settings(post.settings) {
        Ok(settings) if settings.broadcast && !post.media.is_empty() => {
            vec!["have broadcast beside media, which it does not offer".to_owned()]
        }
        Ok(_) => vec![],
        Err(why) => vec![why],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate;
    use serde_json::json;

    #[test]
    fn a_text_at_the_limit_passes_and_one_past_it_is_refused() {
        let refused = |text: &str| validate::post(&PLATFORM, text, &json!([]), &json!({}));
        assert_eq!(refused(&"é".repeat(4_000)), []);
        assert_eq!(refused(&"é".repeat(4_001)).len(), 1);
    }

    #[test]
    fn settings_are_read_and_checked() {
        let reply = "C012/1795000000.000100";
        assert!(settings(&json!({"previews": true, "broadcast": true, "reply_to": reply})).is_ok());
        for bad in [
            json!({"broadcast": true}),
            json!({"mrkdwn": true}),
            json!({"reply_to": "C012"}),
            json!({"reply_to": 7}),
            json!({"previews": "yes"}),
        ] {
            assert!(settings(&bad).is_err(), "{bad}");
        }
        let media = [crate::media::Attachment {
            url: "https://a.example/a.png".into(),
            alt: String::new(),
            stated: None,
        }];
        let broadcast = json!({"broadcast": true, "reply_to": reply});
        assert_eq!(check(&Post { content: "x", media: &media, settings: &broadcast }).len(), 1);
    }

    #[test]
    fn a_message_is_named_by_its_channel_and_time_or_its_address() {
        let top = PostRef { channel: "C012".into(), at: "1795000000.000100".into(), thread: None };
        let answer = PostRef { thread: Some("1794000000.000200".into()), ..top.clone() };
        for (text, named) in [
            ("C012/1795000000.000100", &top),
            ("C012/1795000000.000100/1794000000.000200", &answer),
            ("https://acme.slack.com/archives/C012/p1795000000000100", &top),
            (
                "https://acme.slack.com/archives/C012/p1795000000000100?thread_ts=1794000000.000200&cid=C012",
                &answer,
            ),
        ] {
            assert_eq!(post_ref(text).as_ref(), Some(named), "{text}");
        }
        for odd in [
            "",
            "C012",
            "c012/1795000000.000100",
            "C012/1795000000",
            "C012/1795000000.0001",
            "C012/1795000000.000100/x",
            "C012/1795000000.000100/1794000000.000200/1",
            "https://evil.example/archives/C012/p1795000000000100",
            "https://evil.example/x.slack.com/archives/C012/p1795000000000100",
            "https://acme.slack.com/archives/C012/1795000000000100",
            "https://acme.slack.com/archives/C012/p1",
            "https://acme.slack.com/archives/C012/pééééééé",
        ] {
            assert_eq!(post_ref(odd), None, "{odd}");
        }
    }
}
