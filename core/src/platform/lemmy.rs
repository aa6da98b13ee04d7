//! Lemmy 0.19, on servers of one's own, by version 3 of its interface.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Action, Answers, Form, MediaRules, Platform, Post, Reconcile, Subjects, TextRules, check_reply_to,
    is_language_tag, long_alt, read_settings,
};
use crate::text::Count;

/// The figures of Lemmy's source.
pub static PLATFORM: Platform = Platform {
    name: "lemmy",
    text: TextRules { count: Count::Characters, unit: "characters", limit: 50_000, max_bytes: None },
    // servers show what is at their addresses, or fetch it themselves
    images: MediaRules {
        max: 10,
        max_bytes: 25 * 1024 * 1024,
        types: &["image/jpeg", "image/png", "image/webp", "image/gif"],
    },
    max_media: 10,
    fetches_media: true,
    actions: &[Action::Delete, Action::Metrics, Action::Like],
    answers: Answers::Comments {
        text: TextRules { count: Count::Characters, unit: "characters", limit: 10_000, max_bytes: None },
        check: |_| Vec::new(),
        barred: |_, _| None,
    },
    names_post: |text| subject(text).is_some(),
    subjects: Subjects {
        post: Form {
            fits: |text| matches!(subject(text), Some(Subject::Post(_) | Subject::Comment(_))),
            looks: "the id that a post has on the account's own server, such as 12345, or comment-12345",
        },
        ..Subjects::NONE
    },
    reconcile: Reconcile::ReadBack,
    settles: Duration::from_secs(60),
    numbers_by_server: true,
    check,
    ..Platform::PLAIN
};

/// The fewest and the most characters of a title, and the fewest that must stand together in it.
const MIN_TITLE: usize = 3;
const MAX_TITLE: usize = 200;
/// The most characters of an alternative text.
const MAX_ALT: usize = 1_500;
/// The most characters of a community's name, with that of its server.
const MAX_NAME: usize = 350;
/// The most characters of an address.
const MAX_ADDRESS: usize = 2_000;
/// The most digits of an id.
const MAX_ID: usize = 10;

/// What an application may set.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The title, which every post has.
    #[serde(default)]
    pub title: String,
    /// The community, `rust` or `rust@lemmy.example`.
    pub community: Option<String>,
    /// The community by its id on the account's server, in the place of its name.
    pub community_id: Option<u32>,
    /// A link; otherwise the first image.
    pub url: Option<String>,
    /// Not for everybody to see.
    #[serde(default)]
    pub nsfw: bool,
    /// The language, by its code: one of those that the account has among its own.
    pub language: Option<String>,
    /// What this one comments: a post or a comment, by its id or its address. Then nothing else may be set.
    pub reply_to: Option<String>,
}

/// What is liked, deleted or commented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'a> {
    /// A post, by its id on the account's own server.
    Post(&'a str),
    /// A comment, by its id on the account's own server.
    Comment(&'a str),
    /// Either of them, by its address on any server.
    Address(&'a str),
}

/// Reads an id of a post, `comment-` and an id, or an `https:` address with `/post/` or `/comment/` in it.
pub fn subject(text: &str) -> Option<Subject<'_>> {
    if is_id(text) {
        return Some(Subject::Post(text));
    }
    if let Some(id) = text.strip_prefix("comment-") {
        return is_id(id).then_some(Subject::Comment(id));
    }
    let names = ["/post/", "/comment/"].iter().any(|part| {
        let id = text
            .split_once(part)
            .map_or("", |(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
        is_id(id)
    });
    (names && is_address(text)).then_some(Subject::Address(text))
}

/// Whether it is an id: it goes into requests as a number.
pub fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_address(text: &str) -> bool {
    let host = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    host.is_some_and(|host| !host.is_empty() && !host.starts_with('/'))
        && text.len() <= MAX_ADDRESS
        && text.bytes().all(|b| b.is_ascii_graphic())
}

/// `rust` or `rust@lemmy.example`.
fn is_community(name: &str) -> bool {
    let mut parts = name.splitn(2, '@');
    let local = parts.next().unwrap_or_default();
    let host = parts.next();
    let is_part = |part: &str, signs: &[u8]| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || signs.contains(&b))
    };
    name.len() <= MAX_NAME && is_part(local, b"_") && host.is_none_or(|host| is_part(host, b".-:"))
}

/// Reads and checks the settings.
pub fn settings(value: &Value) -> Result<Settings, String> {
    let settings: Settings = read_settings(value)?;
    check_reply_to(value, PLATFORM.names_post, "12345, comment-12345 or https://lemmy.example/post/12345")?;
    if settings.reply_to.is_some() {
        return Ok(settings);
    }
    let title = settings.title.trim();
    let found = title.chars().count();
    if !title.split_whitespace().any(|word| word.chars().count() >= MIN_TITLE) {
        return Err(format!("have no title with a word of at least {MIN_TITLE} characters"));
    }
    if found > MAX_TITLE {
        return Err(format!("have a title of {found} characters; {MAX_TITLE} are accepted"));
    }
    if title.contains(['\n', '\r']) {
        return Err("have a title of more than one line".to_owned());
    }
    match (&settings.community, settings.community_id) {
        (Some(name), None) if is_community(name) => {}
        (Some(name), None) => {
            let shown: String = name.chars().take(80).collect();
            return Err(format!("have the community {shown:?}; write it like rust or rust@lemmy.example"));
        }
        (None, Some(id)) if id > 0 => {}
        _ => return Err("need a community or a community_id, and not both".to_owned()),
    }
    if settings.url.as_deref().is_some_and(|url| !is_address(url)) {
        return Err("have a url that is no address".to_owned());
    }
    match settings.language.as_deref().filter(|tag| !is_language_tag(tag)) {
        Some(tag) => Err(format!("name the language {tag:?}, which is not a code such as \"en\"")),
        None => Ok(settings),
    }
}

fn check(post: &Post<'_>) -> Vec<String> {
    settings(post.settings).err().into_iter().chain(long_alt(post.media, MAX_ALT)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Excess;
    use crate::validate::{self, Violation};
    use serde_json::json;

    #[test]
    fn settings_are_read_and_checked() {
        for good in [
            json!({"title": "Hello", "community": "rust"}),
            json!({"title": "a bcd", "community": "rust_lang@lemmy.example:8536", "url": "https://a.example/x",
                   "nsfw": true, "language": "de"}),
            json!({"title": "a".repeat(MAX_TITLE), "community_id": 7}),
            json!({"reply_to": "12"}),
            json!({"reply_to": "https://lemmy.example/post/12"}),
        ] {
            assert!(settings(&good).is_ok(), "{good}");
        }
        for bad in [
            json!({}),
            json!({"title": "Hello"}),
            json!({"title": "ab cd", "community": "rust"}),
            json!({"title": "a".repeat(MAX_TITLE + 1), "community": "rust"}),
            json!({"title": "one\ntwo", "community": "rust"}),
            json!({"title": "Hello", "community": "rust", "community_id": 7}),
            json!({"title": "Hello", "community_id": 0}),
            json!({"title": "Hello", "community": "!rust@lemmy.example"}),
            json!({"title": "Hello", "community": "rust@"}),
            json!({"title": "Hello", "community": "rust&id=1"}),
            json!({"title": "Hello", "community": "rust", "url": "javascript:x"}),
            json!({"title": "Hello", "community": "rust", "language": "german"}),
            json!({"title": "Hello", "community": "rust", "body": "x"}),
            json!({"reply_to": "post-12"}),
        ] {
            assert!(settings(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn subjects_have_their_form() {
        assert_eq!(subject("12"), Some(Subject::Post("12")));
        assert_eq!(subject("comment-12"), Some(Subject::Comment("12")));
        for address in
            ["https://a.example/post/12", "https://a.example/comment/12?x=1", "https://a.example/post/1/2"]
        {
            assert_eq!(subject(address), Some(Subject::Address(address)));
        }
        for odd in
            ["", "comment-", "a", "12345678901", "https:///post/1", "https://a.example/c/x", "/post/12"]
        {
            assert_eq!(subject(odd), None, "{odd}");
        }
    }

    #[test]
    fn texts_at_the_limit_are_taken_and_those_past_it_are_not() {
        let of = |text: &str, settings: Value| validate::post(&PLATFORM, text, &json!([]), &settings);
        let post = || json!({"title": "Hello", "community": "rust"});
        assert_eq!(of(&"é".repeat(50_000), post()), []);
        let long = |found, limit| {
            let excess = Excess { from: limit + 1, begins: "é".into() };
            Violation::Text { platform: "lemmy", unit: "characters", found, limit, excess }
        };
        assert_eq!(of(&"é".repeat(50_001), post()), [long(50_001, 50_000)]);
        assert_eq!(of(&"é".repeat(10_000), json!({"reply_to": "1"})), []);
        assert_eq!(of(&"é".repeat(10_001), json!({"reply_to": "1"})), [long(10_001, 10_000)]);
        let alt = json!([{"url": "https://a.example/a.png", "alt": "a".repeat(MAX_ALT + 1)}]);
        assert_eq!(validate::post(&PLATFORM, "", &alt, &post()).len(), 1);
    }
}
