//! DEV (dev.to), by the interface of Forem, version 1.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{Action, Form, MediaRules, Platform, Post, Reconcile, Subjects, TextRules, read_settings};
use crate::text::Count;

/// Forem takes 800 kilobytes of text. What goes through the queue is less.
pub static PLATFORM: Platform = Platform {
    name: "devto",
    text: TextRules {
        count: Count::Characters,
        unit: "characters",
        limit: 100_000,
        max_bytes: Some(200_000),
    },
    // it takes no files: it shows what is at their addresses
    images: MediaRules {
        max: 20,
        max_bytes: 25 * 1024 * 1024,
        types: &["image/jpeg", "image/png", "image/webp", "image/gif"],
    },
    max_media: 20,
    fetches_media: true,
    // there is no call that deletes: an article is made a draft again
    actions: &[Action::Delete, Action::Metrics],
    subjects: Subjects {
        post: Form { fits: is_id, looks: "the id of an article, which is a number" },
        ..Subjects::NONE
    },
    reconcile: Reconcile::RejectsDuplicate,
    settles: Duration::from_secs(60),
    check,
    ..Platform::PLAIN
};

/// The most characters of a title.
const MAX_TITLE: usize = 128;
/// The most characters of what is shown in lists.
const MAX_DESCRIPTION: usize = 150;
/// The most tags, and characters of one.
const MAX_TAGS: usize = 4;
const MAX_TAG: usize = 30;
/// The most characters of a series' name.
const MAX_SERIES: usize = 128;
/// The most characters of an address.
const MAX_ADDRESS: usize = 2_048;
/// The most digits of an id.
const MAX_ID: usize = 18;

/// Whether it is an id: it goes into paths.
pub fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// What an application sets.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The title, which every article has.
    #[serde(default)]
    pub title: String,
    /// Up to four tags, letters and digits alone.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Where the text was published first.
    pub canonical_url: Option<String>,
    /// The image above the title: an `https:` address.
    pub main_image: Option<String>,
    /// What lists show; otherwise the beginning of the text.
    pub description: Option<String>,
    /// The series that it is a part of.
    pub series: Option<String>,
    /// The organization in whose name it is published, by its id.
    pub organization_id: Option<u32>,
}

/// Reads and checks the settings.
pub fn settings(value: &Value) -> Result<Settings, String> {
    let settings: Settings = read_settings(value)?;
    if settings.title.trim().is_empty() {
        return Err("have no title, which every article there has".to_owned());
    }
    let long = [
        ("a title", Some(&settings.title), MAX_TITLE),
        ("a description", settings.description.as_ref(), MAX_DESCRIPTION),
        ("a series", settings.series.as_ref(), MAX_SERIES),
    ];
    for (what, text, limit) in long {
        let found = text.map_or(0, |text| text.chars().count());
        if found > limit {
            return Err(format!("have {what} of {found} characters; {limit} are accepted"));
        }
    }
    if settings.tags.len() > MAX_TAGS {
        return Err(format!("have {} tags; {MAX_TAGS} are accepted", settings.tags.len()));
    }
    if let Some(odd) = settings.tags.iter().find(|tag| !is_tag(tag)) {
        let shown: String = odd.chars().take(80).collect();
        return Err(format!(
            "have the tag {shown:?}; a tag is 1 to {MAX_TAG} letters and digits, without spaces and signs"
        ));
    }
    if settings.canonical_url.as_deref().is_some_and(|url| !is_address(url, &["https://", "http://"])) {
        return Err("have a canonical_url that is no address".to_owned());
    }
    if settings.main_image.as_deref().is_some_and(|url| !is_address(url, &["https://"])) {
        return Err("have a main_image that is no https: address".to_owned());
    }
    Ok(settings)
}

fn is_tag(tag: &str) -> bool {
    (1..=MAX_TAG).contains(&tag.chars().count()) && tag.chars().all(char::is_alphanumeric)
}

fn is_address(text: &str, schemes: &[&str]) -> bool {
    let host = schemes.iter().find_map(|scheme| text.strip_prefix(scheme));
    host.is_some_and(|host| !host.is_empty())
        && text.len() <= MAX_ADDRESS
        && text.bytes().all(|b| b.is_ascii_graphic())
}

fn check(post: &Post<'_>) -> Vec<String> {
    let mut found: Vec<_> = settings(post.settings).err().into_iter().collect();
    // Forem reads a title, tags and whether it is published at all from there, in the place of what is set
    if post.content.trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t']).starts_with("---") {
        found.push(
            "go with a text that begins with ---, which is read as settings of another kind".to_owned(),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Excess;
    use crate::validate::{self, Violation};
    use serde_json::json;

    #[test]
    fn settings_are_read_and_checked() {
        let all = json!({"title": "A", "tags": ["rust", "größe", "a1", "b"], "canonical_url": "http://a.example/x",
                         "main_image": "https://a.example/a.png", "description": "d", "series": "s", "organization_id": 7});
        assert!(settings(&all).is_ok());
        assert!(settings(&json!({"title": "a".repeat(MAX_TITLE), "tags": ["a".repeat(MAX_TAG)]})).is_ok());
        for bad in [
            json!({}),
            json!({"title": "\t"}),
            json!({"title": "a".repeat(MAX_TITLE + 1)}),
            json!({"title": "a", "description": "d".repeat(MAX_DESCRIPTION + 1)}),
            json!({"title": "a", "tags": ["a", "b", "c", "d", "e"]}),
            json!({"title": "a", "tags": ["c++"]}),
            json!({"title": "a", "tags": [""]}),
            json!({"title": "a", "tags": "rust"}),
            json!({"title": "a", "canonical_url": "a.example"}),
            json!({"title": "a", "main_image": "http://a.example/a.png"}),
            json!({"title": "a", "main_image": "https://a.example/a b"}),
            json!({"title": "a", "published": false}),
        ] {
            assert!(settings(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_text_at_the_limit_is_taken_and_one_past_it_is_not() {
        let of = |text: &str| validate::post(&PLATFORM, text, &json!([]), &json!({"title": "a"}));
        assert_eq!(of(&"a".repeat(100_000)), []);
        let excess = Excess { from: 100_001, begins: "a".into() };
        let long =
            Violation::Text { platform: "devto", unit: "characters", found: 100_001, limit: 100_000, excess };
        assert_eq!(of(&"a".repeat(100_001)), [long]);
        let excess = Excess { from: 66_667, begins: "字".into() };
        let heavy = Violation::Bytes { platform: "devto", found: 200_001, limit: 200_000, excess };
        assert_eq!(of(&"字".repeat(66_667)), [heavy]);
    }

    #[test]
    fn a_text_says_nothing_about_the_article() {
        let settings = json!({"title": "a"});
        let reasons = |content| check(&Post { content, media: &[], settings: &settings }).len();
        assert_eq!((reasons("a\n---\nb"), reasons("-- a")), (0, 0));
        for odd in ["---\npublished: false\n---\nx", " \n---\n", "\u{feff}---"] {
            assert_eq!(reasons(odd), 1, "{odd:?}");
        }
    }
}
