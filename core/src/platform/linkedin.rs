//! LinkedIn's versioned REST API, for members and for the pages of organizations.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Action, Answers, Form, MediaRules, Platform, Post, Reconcile, Subjects, TextRules, after, check_reply_to,
    read_settings,
};
use crate::media::{Attachment, Kind};
use crate::refresh::Rotation;
use crate::text::{Count, Dialect, hashtags, is_reserved};

/// The figures of the documentation. It doesn't say in what a text is counted: UTF-16 with the backslashes is the most that it can
/// be.
pub static PLATFORM: Platform = Platform {
    name: "linkedin",
    text: TextRules { count: Count::Escaped, unit: "characters", limit: 3_000, max_bytes: None },
    // Bytes are not limited there, but pixels; this much is held at once.
    images: MediaRules {
        max: 20,
        max_bytes: 10 * 1024 * 1024,
        types: &["image/jpeg", "image/png", "image/gif"],
    },
    videos: MediaRules { max: 1, max_bytes: 500 * 1024 * 1024, types: &["video/mp4"] },
    documents: MediaRules { max: 1, max_bytes: 100 * 1024 * 1024, types: &["application/pdf"] },
    max_media: 20,
    actions: &[Action::Delete, Action::Metrics],
    answers: Answers::Comments {
        text: TextRules { count: Count::Utf16, unit: "characters", limit: 1_250, max_bytes: None },
        check: |_| Vec::new(),
        barred: |_, settings| super::reply_to(settings).map(|_| "a comment"),
    },
    names_post: |text| post_urn(text).is_some(),
    subjects: Subjects {
        post: Form { fits: is_post, looks: "the URN of a post, such as urn:li:share:7141138937766391808" },
        ..Subjects::NONE
    },
    reconcile: Reconcile::RejectsDuplicate,
    // how far its lists lag nobody says
    settles: Duration::from_secs(2 * 60),
    token_life: Some(Duration::from_secs(60 * 24 * 60 * 60)),
    // its life is not prolonged, and it is not used up
    rotation: Rotation::Kept,
    check,
    ..Platform::PLAIN
};

/// The most characters of the title of an article, a document or a video.
const MAX_TITLE: usize = 400;
/// The most characters of an article's description.
const MAX_DESCRIPTION: usize = 4_000;
/// The most characters of an article's address.
const MAX_URL: usize = 2_048;
/// The most digits of an id.
const MAX_ID: usize = 20;

/// Who sees a post.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Everybody.
    #[default]
    Public,
    /// Those whom the member is connected with. A page has none.
    Connections,
}

impl Visibility {
    /// As the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "PUBLIC",
            Self::Connections => "CONNECTIONS",
        }
    }
}

/// A link with a card of its own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Article {
    /// Where it leads.
    pub url: String,
    /// What stands on the card.
    pub title: String,
    /// What stands below.
    #[serde(default)]
    pub description: String,
}

/// What an application may set.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Who sees it; otherwise everybody.
    #[serde(default)]
    pub visibility: Visibility,
    /// A link with a card, instead of media.
    pub article: Option<Article>,
    /// The title of a document or a video.
    pub title: Option<String>,
    /// Nobody can share it.
    #[serde(default)]
    pub no_resharing: bool,
    /// After a send without an answer, where `LinkedIn` doesn't let the account's posts be read: send it again rather than ask a
    /// person. `LinkedIn` refuses a text that it has, but promises nowhere that it does.
    #[serde(default)]
    pub resend_unclear: bool,
    /// The post that this one comments: its URN or its address. Then nothing else may be set.
    pub reply_to: Option<String>,
}

/// Whether it is the URN of a post. It goes into addresses.
pub fn is_post(text: &str) -> bool {
    let number = after(text, &["urn:li:share:", "urn:li:ugcPost:", "urn:li:activity:"]);
    number.is_some_and(is_number)
}

fn is_number(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// The URN of a post, from itself or from an address of its page.
pub fn post_urn(text: &str) -> Option<String> {
    if is_post(text) {
        return Some(text.to_owned());
    }
    let path = after(text, &["https://www.linkedin.com/", "https://linkedin.com/"])?;
    let path = path.split(['?', '#']).next()?.trim_end_matches('/');
    if let Some(urn) = path.strip_prefix("feed/update/") {
        return is_post(urn).then(|| urn.to_owned());
    }
    // https://www.linkedin.com/posts/name_first-words-activity-7141138937766391808-AbCd
    let slug = path.strip_prefix("posts/")?;
    ["activity", "share", "ugcPost"].into_iter().find_map(|kind| {
        let (_, rest) = slug.rsplit_once(&format!("-{kind}-"))?;
        let number = rest.split('-').next()?;
        is_number(number).then(|| format!("urn:li:{kind}:{number}"))
    })
}

/// A text as "little text", in which `LinkedIn` takes it: what is reserved has a backslash, or the rest is dropped without a word.
/// Hashtags stay what they are.
pub fn little(text: &str) -> String {
    let plain = |tag: &str| tag.chars().skip(1).all(char::is_alphanumeric);
    let tags: Vec<_> =
        hashtags(text, Dialect::X).into_iter().filter(|range| plain(&text[range.clone()])).collect();
    let begins = |at: usize| tags.iter().any(|range| range.start == at);
    let mut little = String::with_capacity(text.len() + 16);
    for (at, c) in text.char_indices() {
        if is_reserved(c) && !begins(at) {
            little.push('\\');
        }
        little.push(c);
    }
    little
}

/// Reads and checks the settings.
pub fn settings(value: &Value) -> Result<Settings, String> {
    let settings: Settings = read_settings(value)?;
    check_reply_to(
        value,
        PLATFORM.names_post,
        "urn:li:share:71… or https://www.linkedin.com/feed/update/urn:li:share:71…",
    )?;
    let too_long = |what: &str, text: &str, max: usize| {
        let count = text.chars().count();
        (count > max).then(|| format!("have {what} of {count} characters; {max} are accepted"))
    };
    let title = settings.title.as_deref().and_then(|title| too_long("a title", title, MAX_TITLE));
    let article = settings.article.as_ref().and_then(|Article { url, title, description }| {
        if !url.starts_with("https://") && !url.starts_with("http://") || url.contains(char::is_whitespace) {
            return Some("have an article whose url is no address of a page".to_owned());
        }
        if title.trim().is_empty() {
            return Some("have an article without a title".to_owned());
        }
        too_long("an article's url", url, MAX_URL)
            .or_else(|| too_long("an article's title", title, MAX_TITLE))
            .or_else(|| too_long("an article's description", description, MAX_DESCRIPTION))
    });
    title.or(article).map_or(Ok(settings), Err)
}

fn check(post: &Post<'_>) -> Vec<String> {
    let settings = match settings(post.settings) {
        Ok(settings) => settings,
        Err(why) => return vec![why],
    };
    let mut found = Vec::new();
    if settings.article.is_some() && !post.media.is_empty() {
        found.push("have an article beside media, which it does not offer".to_owned());
    }
    let is_titled = |one: &Attachment| one.kind() != Kind::Image;
    if settings.title.is_some() && !post.media.iter().any(is_titled) {
        found.push("have a title, which only a document or a video has".to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate;
    use proptest::prelude::*;
    use serde_json::json;

    fn reasons(content: &str, media: Value, settings: Value) -> Vec<String> {
        let found = validate::post(&PLATFORM, content, &media, &settings);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn settings_are_read_and_checked() {
        let article = json!({"url": "https://a.example/x", "title": "X", "description": "about X"});
        let all = json!({"visibility": "connections", "article": article, "no_resharing": true, "resend_unclear": true});
        assert_eq!(settings(&all).map(|settings| settings.visibility), Ok(Visibility::Connections));
        assert_eq!(reasons("hi", json!([]), all), Vec::<String>::new());
        for bad in [
            json!({"visibility": "PUBLIC"}),
            json!({"title": "t".repeat(401)}),
            json!({"article": {"url": "https://a.example/x"}}),
            json!({"article": {"url": "a.example", "title": "X"}}),
            json!({"article": {"url": "https://a.example/x", "title": " "}}),
            json!({"article": {"url": "https://a.example/x", "title": "X", "description": "d".repeat(4_001)}}),
            json!({"poll": {}}),
            json!({"reply_to": "urn:li:person:7"}),
        ] {
            assert!(settings(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_text_at_the_limit_passes_and_one_past_it_is_refused_with_the_count() {
        assert_eq!(reasons(&"a".repeat(3_000), json!([]), json!({})), Vec::<String>::new());
        assert_eq!(reasons(&"(".repeat(1_500), json!([]), json!({})), Vec::<String>::new());
        for long in ["a".repeat(3_001), "(".repeat(1_500) + "a"] {
            let why = reasons(&long, json!([]), json!({}));
            assert!(why[0].contains("3001") && why[0].contains("3000"), "{why:?}");
        }
        let comment = |text: &str| reasons(text, json!([]), json!({"reply_to": "urn:li:share:7"}));
        assert_eq!(comment(&"(".repeat(1_250)), Vec::<String>::new());
        assert!(comment(&"a".repeat(1_251))[0].contains("1251"));
    }

    #[test]
    fn media_are_of_one_kind() {
        let (image, video, document) = (
            json!({"url": "https://a.example/a.png"}),
            json!({"url": "https://a.example/a.mp4"}),
            json!({"url": "https://a.example/a.pdf"}),
        );
        assert_eq!(reasons("", json!(vec![&image; 20]), json!({})), Vec::<String>::new());
        assert_eq!(reasons("", json!([document]), json!({"title": "Slides"})), Vec::<String>::new());
        for (media, settings) in [
            (json!(vec![&image; 21]), json!({})),
            (json!([image, video]), json!({})),
            (json!([document, document]), json!({})),
            (json!([image]), json!({"title": "of nothing"})),
            (json!([image]), json!({"article": {"url": "https://a.example/x", "title": "X"}})),
            (json!([{"url": "data:image/webp;base64,AAAA"}]), json!({})),
        ] {
            assert_eq!(reasons("hi", media.clone(), settings).len(), 1, "{media}");
        }
    }

    #[test]
    fn a_post_is_named_by_its_urn_or_its_page() {
        for (text, urn) in [
            ("urn:li:share:7141138937766391808", "urn:li:share:7141138937766391808"),
            ("https://www.linkedin.com/feed/update/urn:li:ugcPost:71/?x=1", "urn:li:ugcPost:71"),
            ("https://www.linkedin.com/posts/al-ice_we-share-x-activity-71-AbCd?utm=1", "urn:li:activity:71"),
        ] {
            assert_eq!(post_urn(text).as_deref(), Some(urn), "{text}");
        }
        for odd in [
            "",
            "71",
            "urn:li:share:",
            "urn:li:share:7a",
            "urn:li:person:71",
            "https://www.linkedin.com/in/alice",
            "https://www.linkedin.com/posts/alice_activity-x-1",
            "https://evil.example/feed/update/urn:li:share:71",
        ] {
            assert_eq!(post_urn(odd), None, "{odd}");
        }
    }

    #[test]
    fn what_is_reserved_is_escaped_and_a_hashtag_stays_one() {
        for (text, expected) in [
            ("a (b) [c] {d} <e> @f |g ~h *i _j \\k", r"a \(b\) \[c\] \{d\} \<e\> \@f \|g \~h \*i \_j \\k"),
            ("on #rust, not # 1", r"on #rust, not \# 1"),
            ("#snake_case C#", r"\#snake\_case C\#"),
        ] {
            assert_eq!(little(text), expected);
        }
    }

    proptest! {
        #[test]
        fn a_text_is_never_longer_than_it_counts(text in "[#_a-c(é😀 ]{0,60}|\\PC{0,60}") {
            let sent = little(&text);
            prop_assert!(sent.encode_utf16().count() <= PLATFORM.text.count.count(&text));
            prop_assert_eq!(sent.replace('\\', ""), text.replace('\\', ""));
        }
    }
}
