//! WordPress, on servers of one's own: the REST interface that every site has.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{Action, Form, MediaRules, Platform, Post, Reconcile, Subjects, TextRules, read_settings};
use crate::text::Count;

/// WordPress itself limits next to nothing. These figures stay within what web servers in front of it take as they come: nginx
/// a megabyte of a request.
pub static PLATFORM: Platform = Platform {
    name: "wordpress",
    text: TextRules {
        count: Count::Characters,
        unit: "characters",
        limit: 200_000,
        max_bytes: Some(700_000),
    },
    images: MediaRules {
        max: 20,
        max_bytes: 10 * 1024 * 1024,
        types: &["image/jpeg", "image/png", "image/webp", "image/gif"],
    },
    max_media: 20,
    actions: &[Action::Delete, Action::Metrics],
    subjects: Subjects {
        post: Form { fits: is_id, looks: "the id of a post on the account's site, which is a number" },
        ..Subjects::NONE
    },
    // The slug: nobody else makes the same, and it can be asked for. It does not stop a second post, which gets another one.
    reconcile: Reconcile::NativeKey,
    // So nothing is sent again while a site could still be at the first send: most stop a request after half a minute.
    settles: Duration::from_secs(2 * 60),
    numbers_by_server: true,
    check,
    ..Platform::PLAIN
};

/// The most characters of a title.
const MAX_TITLE: usize = 300;
/// The most characters of an excerpt.
const MAX_EXCERPT: usize = 10_000;
/// The most categories, and the most tags.
const MAX_TERMS: usize = 50;
/// The most digits of an id.
const MAX_ID: usize = 18;

/// Whether it is an id: it goes into paths.
pub fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// What the text of a post is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Markup {
    /// Plain: paragraphs are told by an empty line.
    #[default]
    Plain,
    /// HTML, as it is. What the account may not write the site takes out.
    Html,
}

/// The form in which a theme shows a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PostFormat {
    /// As any other.
    Standard,
    /// A note without a title.
    Aside,
    /// A conversation.
    Chat,
    /// Images.
    Gallery,
    /// A link to another site.
    Link,
    /// One image.
    Image,
    /// A quotation.
    Quote,
    /// A short update.
    Status,
    /// A video.
    Video,
    /// Something to listen to.
    Audio,
}

impl PostFormat {
    /// As the interface writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Aside => "aside",
            Self::Chat => "chat",
            Self::Gallery => "gallery",
            Self::Link => "link",
            Self::Image => "image",
            Self::Quote => "quote",
            Self::Status => "status",
            Self::Video => "video",
            Self::Audio => "audio",
        }
    }
}

/// What an application sets.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The title, which every post has.
    #[serde(default)]
    pub title: String,
    /// What the text is; otherwise plain.
    #[serde(default)]
    pub markup: Markup,
    /// What lists show of the post; otherwise its beginning.
    pub excerpt: Option<String>,
    /// Categories, by their ids on the site; otherwise the site's own default.
    #[serde(default)]
    pub categories: Vec<u32>,
    /// Tags, by their ids on the site.
    #[serde(default)]
    pub tags: Vec<u32>,
    /// The form in which the theme shows it.
    pub format: Option<PostFormat>,
}

/// Reads and checks the settings.
pub fn settings(value: &Value) -> Result<Settings, String> {
    let settings: Settings = read_settings(value)?;
    let title = settings.title.chars().count();
    let excerpt = settings.excerpt.as_deref().map_or(0, |excerpt| excerpt.chars().count());
    if settings.title.trim().is_empty() {
        return Err("have no title, which every post there has".to_owned());
    }
    if title > MAX_TITLE {
        return Err(format!("have a title of {title} characters; {MAX_TITLE} are accepted"));
    }
    if excerpt > MAX_EXCERPT {
        return Err(format!("have an excerpt of {excerpt} characters; {MAX_EXCERPT} are accepted"));
    }
    for (what, ids) in [("categories", &settings.categories), ("tags", &settings.tags)] {
        if ids.len() > MAX_TERMS {
            return Err(format!("name {} {what}; {MAX_TERMS} are accepted", ids.len()));
        }
        if ids.contains(&0) {
            return Err(format!("name 0 among the {what}, which is no id"));
        }
    }
    Ok(settings)
}

fn check(post: &Post<'_>) -> Vec<String> {
    settings(post.settings).err().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Excess;
    use crate::validate::{self, Violation};
    use serde_json::json;

    #[test]
    fn settings_are_read_and_checked() {
        let all = json!({"title": "A", "markup": "html", "excerpt": "e", "categories": [3], "tags": [1, 2],
                         "format": "aside"});
        let read = settings(&all).expect("settings");
        assert_eq!((read.markup, read.format), (Markup::Html, Some(PostFormat::Aside)));
        assert!(
            settings(&json!({"title": "a".repeat(MAX_TITLE), "excerpt": "e".repeat(MAX_EXCERPT)})).is_ok()
        );
        for bad in [
            json!({}),
            json!({"title": " \n"}),
            json!({"title": "a".repeat(MAX_TITLE + 1)}),
            json!({"title": "a", "excerpt": "e".repeat(MAX_EXCERPT + 1)}),
            json!({"title": "a", "tags": vec![1; MAX_TERMS + 1]}),
            json!({"title": "a", "categories": [0]}),
            json!({"title": "a", "tags": ["news"]}),
            json!({"title": "a", "format": "poem"}),
            json!({"title": "a", "status": "draft"}),
        ] {
            assert!(settings(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_text_at_the_limit_is_taken_and_one_past_it_is_not() {
        let of = |text: &str| validate::post(&PLATFORM, text, &json!([]), &json!({"title": "a"}));
        assert_eq!(of(&"a".repeat(200_000)), []);
        let excess = Excess { from: 200_001, begins: "a".into() };
        let (unit, found, limit) = ("characters", 200_001, 200_000);
        let long = Violation::Text { platform: "wordpress", unit, found, limit, excess };
        assert_eq!(of(&"a".repeat(200_001)), [long]);
        assert_eq!(of(&"é".repeat(150_000)), []);
        let excess = Excess { from: 233_334, begins: "字".repeat(20) };
        let heavy = Violation::Bytes { platform: "wordpress", found: 750_000, limit: 700_000, excess };
        assert_eq!(of(&"字".repeat(250_000)).into_iter().find(|found| *found == heavy), Some(heavy));
    }

    #[test]
    fn ids_are_numbers() {
        assert!(is_id("7") && is_id(&"9".repeat(18)));
        for odd in ["", "a", "1/2", "-1", "1 ", &"9".repeat(19)] {
            assert!(!is_id(odd), "{odd}");
        }
    }
}
