//! YouTube, Data API version 3.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Action, Answers, Form, MediaRules, Platform, Post, Reconcile, Subjects, TextRules, after, check_reply_to,
    read_settings,
};
use crate::media::{Attachment, Kind};
use crate::text::Count;

/// The figures of the documents. Images are thumbnails: no post consists of one.
pub static PLATFORM: Platform = Platform {
    name: "youtube",
    text: TextRules { count: Count::Characters, unit: "characters", limit: 5_000, max_bytes: Some(5_000) },
    images: MediaRules { max: 0, max_bytes: 2 * 1024 * 1024, types: &["image/jpeg", "image/png"] },
    videos: MediaRules {
        max: 1,
        max_bytes: 256 * 1024 * 1024 * 1024,
        types: &["video/mp4", "video/quicktime", "video/webm"],
    },
    max_media: 1,
    needs_media: true,
    actions: &[Action::Delete, Action::Metrics],
    answers: Answers::Comments {
        text: TextRules { count: Count::Characters, unit: "characters", limit: 10_000, max_bytes: None },
        check: |_| Vec::new(),
        barred,
    },
    names_post: |text| video_id(text).is_some(),
    subjects: Subjects {
        post: Form {
            fits: |text| is_video(text) || is_comment(text),
            looks: "the id of a video or a comment",
        },
        ..Subjects::NONE
    },
    reconcile: Reconcile::Poll,
    // the upload tells at once; the list of videos, which decides where that is gone, is brought up to date later
    settles: Duration::from_secs(2 * 60),
    token_life: Some(Duration::from_secs(60 * 60)),
    check,
    ..Platform::PLAIN
};

/// The most characters of a title.
const MAX_TITLE: usize = 100;
/// The most characters of all tags, as YouTube counts them.
const MAX_TAGS: usize = 500;

/// Whether it is the id of a video: it goes into addresses.
pub fn is_video(text: &str) -> bool {
    text.len() == 11 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// Whether it is the id of a comment, which is longer.
pub fn is_comment(text: &str) -> bool {
    (20..=80).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// The id of a video, from itself or from one of its addresses.
pub fn video_id(text: &str) -> Option<&str> {
    const WATCH: &[&str] = &[
        "https://www.youtube.com/watch?v=",
        "https://youtube.com/watch?v=",
        "https://m.youtube.com/watch?v=",
        "https://www.youtube.com/shorts/",
        "https://youtube.com/shorts/",
        "https://youtu.be/",
    ];
    let id = after(text, WATCH).map_or(Some(text), |rest| rest.split(['?', '&', '#', '/']).next());
    id.filter(|id| is_video(id))
}

/// Who sees a video.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Privacy {
    /// Everybody.
    #[default]
    Public,
    /// Who has its address.
    Unlisted,
    /// Its owner, and whom the owner names.
    Private,
}

impl Privacy {
    /// As the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Unlisted => "unlisted",
            Self::Private => "private",
        }
    }
}

/// What an application may set.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The title of the video, which it must have.
    pub title: Option<String>,
    /// Tags, without `#`.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The number of a category; otherwise YouTube's own choice.
    pub category: Option<String>,
    /// Who sees it; otherwise everybody.
    #[serde(default)]
    pub privacy: Privacy,
    /// Whether it is made for children.
    #[serde(default)]
    pub made_for_kids: bool,
    /// Whether what looks real in it was made by a machine.
    #[serde(default)]
    pub made_with_ai: bool,
    /// Whether those who subscribe are told; otherwise they are.
    pub notify_subscribers: Option<bool>,
    /// The image in front of it: an `https:` or a `data:` address.
    pub thumbnail: Option<String>,
    /// The video that this one comments: its id or its address. Then nothing else may be set.
    pub reply_to: Option<String>,
}

impl Settings {
    /// The image in front of the video.
    pub fn thumbnail(&self) -> Option<Attachment> {
        let url = self.thumbnail.clone()?;
        Some(Attachment { url, alt: String::new(), stated: Some(Kind::Image) })
    }
}

/// Reads and checks the settings.
pub fn settings(value: &Value) -> Result<Settings, String> {
    let settings: Settings = read_settings(value)?;
    check_reply_to(value, PLATFORM.names_post, "dQw4… or https://www.youtube.com/watch?v=dQw4…")?;
    if settings.reply_to.is_some() {
        return Ok(settings);
    }
    let title = settings.title.as_deref().map(str::trim).unwrap_or_default();
    let chars = title.chars().count();
    if title.is_empty() {
        return Err("need a title".to_owned());
    }
    if chars > MAX_TITLE {
        return Err(format!("have a title of {chars} characters; at most {MAX_TITLE} are accepted"));
    }
    if has_bracket(title) {
        return Err("have a title with < or >, which is not accepted".to_owned());
    }
    if settings.tags.iter().any(|tag| tag.trim().is_empty() || has_bracket(tag) || tag.contains(',')) {
        return Err("have a tag that is empty or has a comma, < or >".to_owned());
    }
    let count = count_tags(&settings.tags);
    if count > MAX_TAGS {
        return Err(format!("have tags of {count} characters; at most {MAX_TAGS} are accepted"));
    }
    let is_number = |text: &String| (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if settings.category.as_ref().is_some_and(|category| !is_number(category)) {
        return Err("have a category that is no number".to_owned());
    }
    if let Some(thumbnail) = settings.thumbnail() {
        thumbnail.source().map_err(|why| format!("have a thumbnail that can't be used: {why}"))?;
    }
    Ok(settings)
}

/// YouTube takes neither in any text of a video.
fn has_bracket(text: &str) -> bool {
    text.contains(['<', '>'])
}

/// Commas between tags count, and a tag with a space counts as one in quotes.
fn count_tags(tags: &[String]) -> usize {
    let of = |tag: &String| tag.chars().count() + if tag.contains(' ') { 2 } else { 0 };
    tags.iter().map(of).sum::<usize>() + tags.len().saturating_sub(1)
}

/// Under what nobody can comment.
fn barred(_: &[Attachment], value: &Value) -> Option<&'static str> {
    let settings = settings(value).ok()?;
    match settings {
        Settings { reply_to: Some(_), .. } => Some("a comment"),
        Settings { made_for_kids: true, .. } => Some("a video made for kids"),
        Settings { privacy: Privacy::Private, .. } => Some("a private video"),
        _ => None,
    }
}

fn check(post: &Post<'_>) -> Vec<String> {
    let settings = match settings(post.settings) {
        Ok(settings) => settings,
        Err(why) => return vec![why],
    };
    if settings.reply_to.is_none() && has_bracket(post.content) {
        return vec!["go with a description that has < or >, which is not accepted".to_owned()];
    }
    vec![]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::{self, Violation};
    use serde_json::json;

    fn refused(content: &str, value: &Value) -> Vec<Violation> {
        validate::post(&PLATFORM, content, &json!([{"url": "https://a.example/a.mp4"}]), value)
    }

    fn titled(title: &str) -> Value {
        json!({ "title": title })
    }

    #[test]
    fn a_video_needs_a_title_within_bounds() {
        assert_eq!(refused("", &titled(&"é".repeat(100))), []);
        let long = refused("", &titled(&"é".repeat(101)));
        assert!(long[0].to_string().contains("101 characters; at most 100"), "{long:?}");
        for bad in [json!({}), titled(" "), titled("a > b"), json!({"title": 1}), json!({"titel": "x"})] {
            assert_eq!(refused("", &bad).len(), 1, "{bad}");
        }
        assert_eq!(validate::post(&PLATFORM, "", &json!([]), &titled("t")).len(), 1);
    }

    #[test]
    fn a_description_is_counted_in_bytes() {
        assert_eq!(refused(&"é".repeat(2_500), &titled("t")), []);
        let long = refused(&"é".repeat(2_501), &titled("t"));
        assert!(matches!(long[..], [Violation::Bytes { found: 5_002, limit: 5_000, .. }]), "{long:?}");
        assert_eq!(refused("a < b", &titled("t")).len(), 1);
    }

    #[test]
    fn tags_are_counted_with_what_is_between_them() {
        let tags = |tags: Value| refused("", &json!({"title": "t", "tags": tags})).len();
        let long = "a".repeat(249);
        assert_eq!(tags(json!([long, long])), 0);
        assert_eq!(tags(json!([long, long, "b"])), 1);
        assert_eq!(tags(json!([format!("{} b", "a".repeat(496))])), 0);
        assert_eq!(tags(json!([format!("{} b", "a".repeat(497))])), 1);
        for bad in ["", "a,b", "<"] {
            assert_eq!(tags(json!([bad])), 1, "{bad}");
        }
    }

    #[test]
    fn the_other_settings_are_read() {
        let all = json!({"title": "t", "category": "22", "privacy": "unlisted", "made_for_kids": true, "made_with_ai": true,
                         "notify_subscribers": false, "thumbnail": "https://a.example/a.png"});
        assert_eq!(refused("", &all), []);
        for (name, bad) in [
            ("category", json!("music")),
            ("privacy", json!("secret")),
            ("thumbnail", json!("http://a.example/a.png")),
        ] {
            let mut one = all.clone();
            one[name] = bad;
            assert_eq!(refused("", &one).len(), 1, "{name}");
        }
    }

    #[test]
    fn a_video_is_named_by_its_id_or_its_page() {
        for text in [
            "dQw4w9WgXcQ",
            "https://www.youtube.com/watch?v=dQw4w9WgXcQ&t=9",
            "https://youtu.be/dQw4w9WgXcQ?si=1",
            "https://www.youtube.com/shorts/dQw4w9WgXcQ",
        ] {
            assert_eq!(video_id(text), Some("dQw4w9WgXcQ"), "{text}");
        }
        for odd in ["", "dQw4w9WgXc", "https://youtu.be/", "https://evil.example/watch?v=dQw4w9WgXcQ"] {
            assert_eq!(video_id(odd), None, "{odd}");
        }
        assert!(is_comment("UgxKREhuYm9fYWJjZGVmZ2g4AaABAg") && !is_comment("dQw4w9WgXcQ"));
    }

    #[test]
    fn a_comment_is_text_under_a_video() {
        let comment = |text: &str, value: Value| validate::post(&PLATFORM, text, &json!([]), &value).len();
        let reply = json!({"reply_to": "dQw4w9WgXcQ"});
        assert_eq!(comment(&"a".repeat(10_000), reply.clone()), 0);
        assert_eq!(comment(&"a".repeat(10_001), reply), 1);
        assert_eq!(comment("a", json!({"reply_to": "nowhere"})), 1);
        assert_eq!(barred(&[], &json!({"title": "t", "privacy": "private"})), Some("a private video"));
        assert_eq!(barred(&[], &json!({"title": "t", "made_for_kids": true})), Some("a video made for kids"));
        assert_eq!(barred(&[], &titled("t")), None);
    }
}
