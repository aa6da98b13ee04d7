//! Pages on Facebook.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::meta::{is_id, is_object};
use super::{
    Action, Answers, Form, MediaRules, Platform, Post, Reconcile, Subjects, TextRules, check_reply_to,
    read_settings,
};
use crate::media::{Attachment, Kind, MAX_URL_CHARS};
use crate::text::Count;

pub use super::meta::Placement;

/// The figures of the Graph API.
pub static PLATFORM: Platform = Platform {
    name: "facebook",
    text: TextRules { count: Count::Characters, unit: "characters", limit: 63_206, max_bytes: None },
    images: MediaRules {
        max: 10,
        max_bytes: 4 * 1024 * 1024,
        types: &["image/jpeg", "image/png", "image/gif", "image/bmp", "image/tiff"],
    },
    videos: MediaRules { max: 1, max_bytes: 1024 * 1024 * 1024, types: &["video/mp4", "video/quicktime"] },
    max_media: 10,
    fetches_media: true,
    // A page likes and follows nobody through the API, and messages only answer within a day.
    actions: &[Action::Delete, Action::Metrics],
    answers: Answers::Comments {
        text: TextRules { count: Count::Characters, unit: "characters", limit: 8_000, max_bytes: None },
        check: |_| Vec::new(),
        barred,
    },
    names_post: is_object,
    subjects: Subjects {
        post: Form {
            fits: is_object,
            looks: "the id of a post, like 1234_5678, or of a video, which is a number",
        },
        account: Form { fits: is_id, looks: "the id of a page, which is a number" },
    },
    // It refuses a text that it has, but not always. What is a video can be asked for by its id.
    reconcile: Reconcile::ReadBack,
    // Lists lag, and a publish may still be at it when its answer is long lost.
    settles: Duration::from_secs(2 * 60),
    check,
    ..Platform::PLAIN
};

/// What an application may set.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where it appears; otherwise in the feed.
    pub placement: Option<Placement>,
    /// What a text is about: an address, of which Facebook shows a card. Not beside media.
    pub link: Option<String>,
    /// The post that this one comments: its id. Then nothing else may be set.
    pub reply_to: Option<String>,
}

impl Settings {
    /// Where it appears.
    pub fn placement(&self) -> Placement {
        self.placement.unwrap_or(Placement::Feed)
    }
}

/// Reads and checks the settings.
pub fn settings(value: &Value) -> Result<Settings, String> {
    let settings: Settings = read_settings(value)?;
    check_reply_to(value, PLATFORM.names_post, "1234_5678")?;
    let is_address = |link: &str| {
        let beyond = link.strip_prefix("https://").or_else(|| link.strip_prefix("http://"));
        beyond.is_some_and(|rest| !rest.is_empty())
            && link.chars().count() <= MAX_URL_CHARS
            && !link.chars().any(|c| c.is_control() || c.is_whitespace())
    };
    match settings.link.as_deref() {
        Some(link) if !is_address(link) => Err("have a link that is no http: or https: address".to_owned()),
        _ => Ok(settings),
    }
}

/// Stories are answered in private, and comments by another call.
fn barred(_: &[Attachment], value: &Value) -> Option<&'static str> {
    let settings = settings(value).ok()?;
    if settings.reply_to.is_some() {
        return Some("a comment");
    }
    (settings.placement() == Placement::Story).then_some("a story")
}

fn check(post: &Post<'_>) -> Vec<String> {
    let settings = match settings(post.settings) {
        Ok(settings) => settings,
        Err(why) => return vec![why],
    };
    if settings.reply_to.is_some() {
        return vec![];
    }
    let videos = post.media.iter().filter(|one| one.kind() == Kind::Video).count();
    let mut found: Vec<_> = settings.placement().refuses(post.media.len(), videos).into_iter().collect();
    if settings.link.is_some() && !post.media.is_empty() {
        found.push("have a link beside media, of which a post shows one".to_owned());
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
    fn a_text_at_the_limit_passes_and_one_past_it_is_refused() {
        assert_eq!(refusals(&"ä".repeat(63_206), json!([]), json!({})), Vec::<String>::new());
        let long = refusals(&"ä".repeat(63_207), json!([]), json!({}));
        assert!(
            long[0].starts_with("the text has 63207 characters; facebook accepts at most 63206"),
            "{long:?}"
        );
        let comment = |len| refusals(&"a".repeat(len), json!([]), json!({"reply_to": "1_2"}));
        assert!(comment(8_000).is_empty());
        let long = comment(8_001);
        assert!(
            long[0].starts_with("the text has 8001 characters; facebook accepts at most 8000"),
            "{long:?}"
        );
    }

    #[test]
    fn a_placement_goes_with_its_media() {
        let (image, video) =
            (json!({"url": "https://a.example/a.jpg"}), json!({"url": "https://a.example/a.mp4"}));
        for (media, settings, count) in [
            (json!([image, image]), json!({}), 0),
            (json!([video]), json!({}), 0),
            (json!([video]), json!({"placement": "reel"}), 0),
            (json!([image]), json!({"placement": "story"}), 0),
            (json!([]), json!({"link": "https://a.example/b?c"}), 0),
            (json!([image, video]), json!({}), 1),
            (json!([image]), json!({"placement": "reel"}), 1),
            (json!([]), json!({"placement": "reel"}), 1),
            (json!([image, image]), json!({"placement": "story"}), 1),
            (json!([image]), json!({"link": "https://a.example"}), 1),
            (json!([]), json!({"link": "ftp://a.example"}), 1),
            (json!([]), json!({"link": "https://a example"}), 1),
            (json!([]), json!({"title": "x"}), 1),
            (json!([]), json!({"reply_to": "1/2"}), 1),
            (json!([image]), json!({"reply_to": "1_2"}), 1),
            (json!([{"url": "data:image/png;base64,AAAA"}]), json!({}), 1),
        ] {
            let found = refusals("hi", media.clone(), settings.clone());
            assert_eq!(found.len(), count, "{media} {settings}: {found:?}");
        }
        assert_eq!(barred(&[], &json!({"placement": "story"})), Some("a story"));
        assert_eq!(barred(&[], &json!({})), None);
    }
}
