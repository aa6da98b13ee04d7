//! Discord, API version 10: by a webhook, or by a bot that writes into a channel.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Action, Answers, Form, MediaRules, Platform, Post, Reconcile, Subjects, TextRules, after, check_reply_to,
    long_alt, read_settings,
};
use crate::text::Count;

/// What a server without boosts takes of one file.
const MAX_FILE: usize = 10 * 1024 * 1024;
/// What a message may have together, with room for its text and for what stands between the files.
pub const MAX_FILES: usize = 25 * 1024 * 1024 - 64 * 1024;
/// The most characters of an alternative text.
const MAX_ALT: usize = 1_024;

/// The figures of bots and webhooks, without boosts.
pub static PLATFORM: Platform = Platform {
    name: "discord",
    text: TextRules { count: Count::Characters, unit: "characters", limit: 2_000, max_bytes: None },
    images: MediaRules {
        max: 10,
        max_bytes: MAX_FILE,
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
    first_only: &["thread_name", "embeds", "reply_to"],
    subjects: Subjects {
        post: Form {
            fits: |text| post_ref(text).is_some(),
            looks: "the id of a message, or its address, such as https://discord.com/channels/1/2/3",
        },
        ..Subjects::NONE
    },
    // of a bot: whoever has a webhook alone can read nothing
    reconcile: Reconcile::ReadBack,
    // A send carries its files and may last two minutes, see the provider. Messages can be read at once.
    settles: Duration::from_secs(2 * 60),
    check,
    ..Platform::PLAIN
};

/// An id: a number, so that it can stand in a path.
pub fn is_id(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// How a message is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostRef<'a> {
    /// Its channel, where it is named: otherwise the account's own.
    pub channel: Option<&'a str>,
    /// Its id.
    pub message: &'a str,
}

/// Where messages have their pages.
const PAGES: &[&str] = &[
    "https://discord.com/channels/",
    "https://ptb.discord.com/channels/",
    "https://canary.discord.com/channels/",
    "https://discordapp.com/channels/",
];

/// Reads the id of a message, `channel/id`, or its address.
pub fn post_ref(text: &str) -> Option<PostRef<'_>> {
    let page = after(text, PAGES).map(|path| path.split(['?', '#']).next().unwrap_or_default());
    let named = match page {
        None => text,
        Some(page) => page.trim_end_matches('/').split_once('/')?.1,
    };
    let (channel, message) = match named.split_once('/') {
        Some((channel, message)) => (Some(channel), message),
        None if page.is_some() => return None,
        None => (None, named),
    };
    (is_id(message) && channel.is_none_or(is_id)).then_some(PostRef { channel, message })
}

/// Who is notified when the text mentions them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mention {
    /// `@everyone` and `@here`.
    Everyone,
    /// Those who have a role.
    Roles,
    /// Single users; also who wrote what is answered.
    Users,
}

impl Mention {
    /// As the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Roles => "roles",
            Self::Users => "users",
        }
    }
}

/// A box below the text.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embed {
    /// Its heading.
    pub title: Option<String>,
    /// Its text.
    pub description: Option<String>,
    /// Where the heading leads.
    pub url: Option<String>,
    /// The colour of its edge, as a number.
    pub color: Option<u32>,
    /// The address of an image in it.
    pub image: Option<String>,
}

/// What an application may set.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Who is notified when the text mentions them; otherwise nobody.
    #[serde(default)]
    pub mentions: Vec<Mention>,
    /// It appears without a notification on anybody's device.
    #[serde(default)]
    pub silent: bool,
    /// Links in the text are not shown with a preview.
    #[serde(default)]
    pub without_previews: bool,
    /// Boxes below the text.
    #[serde(default)]
    pub embeds: Vec<Embed>,
    /// The name it appears under instead of the webhook's. Webhooks only.
    pub username: Option<String>,
    /// The address of the picture it appears under instead of the webhook's. Webhooks only.
    pub avatar_url: Option<String>,
    /// Makes a new thread of this name in a forum. Webhooks only.
    pub thread_name: Option<String>,
    /// The thread of the webhook's channel that it goes to. Webhooks only.
    pub thread_id: Option<String>,
    /// The message that this one answers: its id or its address.
    pub reply_to: Option<String>,
}

/// Reads and checks the settings.
pub fn settings(value: &Value) -> Result<Settings, String> {
    let settings: Settings = read_settings(value)?;
    check_reply_to(value, PLATFORM.names_post, "1190… or https://discord.com/channels/1/2/1190…")?;
    let refused = settings.webhooks_refusal().or_else(|| settings.embeds_refusal());
    refused.map_or(Ok(settings), Err)
}

impl Settings {
    /// What is set that only a webhook has.
    pub fn of_webhooks(&self) -> Option<&'static str> {
        [
            ("username", self.username.is_some()),
            ("avatar_url", self.avatar_url.is_some()),
            ("thread_name", self.thread_name.is_some()),
            ("thread_id", self.thread_id.is_some()),
        ]
        .into_iter()
        .find(|(_, is_set)| *is_set)
        .map(|(name, _)| name)
    }

    fn webhooks_refusal(&self) -> Option<String> {
        let is_long = |text: &Option<String>, max: usize| {
            text.as_deref().is_some_and(|text| text.trim().is_empty() || text.chars().count() > max)
        };
        if is_long(&self.username, 80) {
            return Some("have a username that is empty or longer than 80 characters".to_owned());
        }
        let name = self.username.as_deref().unwrap_or_default().to_lowercase();
        if let Some(word) = ["clyde", "discord"].into_iter().find(|word| name.contains(word)) {
            return Some(format!("have a username with {word:?} in it, which Discord lets nobody have"));
        }
        if self.avatar_url.as_deref().is_some_and(|url| !is_address(url)) {
            return Some("have an avatar_url that is no https: address".to_owned());
        }
        if is_long(&self.thread_name, 100) {
            return Some("have a thread_name that is empty or longer than 100 characters".to_owned());
        }
        if self.thread_id.as_deref().is_some_and(|id| !is_id(id)) {
            return Some("have a thread_id that is no number".to_owned());
        }
        let both = self.thread_id.is_some() && self.thread_name.is_some();
        both.then(|| "name both a new thread and one that is there".to_owned())
    }

    fn embeds_refusal(&self) -> Option<String> {
        if self.embeds.len() > 10 {
            return Some(format!("have {} embeds; 10 are accepted", self.embeds.len()));
        }
        let len = |text: &Option<String>| text.as_ref().map_or(0, |text| text.chars().count());
        let mut together = 0;
        for embed in &self.embeds {
            let (title, description) = (len(&embed.title), len(&embed.description));
            together += title + description;
            if title + description == 0 && embed.image.is_none() {
                return Some("have an embed with neither title, description nor image".to_owned());
            }
            if title > 256 || description > 4_096 {
                return Some(
                    "have an embed with a title of over 256 or a description of over 4,096 characters"
                        .to_owned(),
                );
            }
            if [&embed.url, &embed.image].into_iter().flatten().any(|url| !is_address(url)) {
                return Some("have an embed with an address that does not begin with https:".to_owned());
            }
            if embed.color.is_some_and(|color| color > 0x00ff_ffff) {
                return Some("have an embed with a color beyond 16777215".to_owned());
            }
        }
        (together > 6_000).then(|| format!("have embeds of {together} characters; 6,000 are accepted"))
    }
}

fn is_address(url: &str) -> bool {
    url.starts_with("https://") && url.len() <= 2_048 && url.bytes().all(|b| b.is_ascii_graphic())
}

fn check(post: &Post<'_>) -> Vec<String> {
    let mut found: Vec<_> = settings(post.settings).err().into_iter().collect();
    found.extend(long_alt(post.media, MAX_ALT));
    let known = post.media.iter().filter_map(|one| one.source().ok()?.known_len());
    let together: usize = known.sum();
    if together > MAX_FILES {
        found.push(format!("have files of {together} bytes together; {MAX_FILES} are accepted"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media;
    use crate::validate;
    use serde_json::json;

    #[test]
    fn a_text_at_the_limit_passes_and_one_past_it_is_refused() {
        let refused = |text: &str| validate::post(&PLATFORM, text, &json!([]), &json!({}));
        assert_eq!(refused(&"é".repeat(2_000)), []);
        let long = refused(&"é".repeat(2_001));
        assert_eq!(long.len(), 1);
        assert!(long[0].to_string().contains("2001") && long[0].to_string().contains("2000"), "{long:?}");
    }

    #[test]
    fn files_of_all_kinds_go_together_up_to_ten() {
        let files = |count: usize| {
            let kinds = ["https://a.example/a.png", "https://a.example/a.mp4", "https://a.example/a.pdf"];
            let urls = kinds.into_iter().cycle().take(count);
            Value::from(urls.map(|url| json!({ "url": url })).collect::<Vec<_>>())
        };
        assert_eq!(validate::post(&PLATFORM, "", &files(10), &json!({})), []);
        assert_eq!(validate::post(&PLATFORM, "", &files(11), &json!({})).len(), 1);
    }

    #[test]
    fn what_is_known_of_files_is_added_up() {
        let file =
            |bytes: usize| json!({"url": format!("data:image/png;base64,{}", "A".repeat(bytes / 3 * 4))});
        let of = |bytes: &[usize]| {
            let files = Value::from(bytes.iter().map(|bytes| file(*bytes)).collect::<Vec<_>>());
            let files = media::parse(&files).expect("media");
            check(&Post { content: "", media: &files, settings: &json!({}) }).len()
        };
        assert_eq!((of(&[9_000_000, 9_000_000]), of(&[9_000_000; 3])), (0, 1));
        let long = media::parse(&json!([{"url": "https://a.example/1", "alt": "a".repeat(1_025)}]));
        let long = long.expect("media");
        assert_eq!(check(&Post { content: "", media: &long, settings: &json!({}) }).len(), 1);
    }

    #[test]
    fn settings_are_read_and_checked() {
        let all = json!({"mentions": ["everyone", "roles", "users"], "silent": true, "without_previews": true,
                         "embeds": [{"title": "t", "description": "d", "url": "https://a.example", "color": 255,
                                     "image": "https://a.example/a.png"}],
                         "username": "News", "avatar_url": "https://a.example/a.png", "thread_name": "May"});
        assert_eq!(settings(&all).map(|settings| settings.of_webhooks()), Ok(Some("username")));
        assert_eq!(settings(&json!({})).map(|settings| settings.of_webhooks()), Ok(None));
        for bad in [
            json!({"mentions": "everyone"}),
            json!({"mentions": ["here"]}),
            json!({"tts": true}),
            json!({"username": ""}),
            json!({"username": "Discord news"}),
            json!({"username": "x".repeat(81)}),
            json!({"avatar_url": "http://a.example/a.png"}),
            json!({"thread_name": " "}),
            json!({"thread_name": "x".repeat(101)}),
            json!({"thread_id": "abc"}),
            json!({"thread_id": "1", "thread_name": "May"}),
            json!({"embeds": [{}]}),
            json!({"embeds": [{"title": "x".repeat(257)}]}),
            json!({"embeds": [{"description": "x".repeat(4_097)}]}),
            json!({"embeds": [{"description": "x".repeat(4_000)}, {"description": "x".repeat(2_001)}]}),
            json!({"embeds": [{"title": "t", "color": 16_777_216}]}),
            json!({"embeds": [{"title": "t", "url": "javascript:1"}]}),
            json!({"embeds": vec![json!({"title": "t"}); 11]}),
            json!({"reply_to": 7}),
            json!({"reply_to": "https://discord.com/channels/1/2"}),
        ] {
            assert!(settings(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_message_is_named_by_its_id_its_channel_or_its_page() {
        let named = |text| post_ref(text).map(|named| (named.channel, named.message));
        assert_eq!(named("119"), Some((None, "119")));
        assert_eq!(named("22/119"), Some((Some("22"), "119")));
        for page in [
            "https://discord.com/channels/1/22/119",
            "https://ptb.discord.com/channels/@me/22/119/",
            "https://discord.com/channels/1/22/119?x=1",
        ] {
            assert_eq!(named(page), Some((Some("22"), "119")), "{page}");
        }
        for odd in ["", "a", "1/2/3", "1/", "/1", "-1", "https://discord.com/channels/1/2", "1 "] {
            assert_eq!(named(odd), None, "{odd}");
        }
    }
}
