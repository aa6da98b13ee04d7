//! Pinterest's API, version 5.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Action, Form, MediaRules, Platform, Post, Reconcile, Subjects, TextRules, long_alt, read_settings,
};
use crate::media::{Attachment, Kind};
use crate::refresh::Rotation;
use crate::text::Count;

/// The figures of the API's description, of December 2025. The text is the description of a pin.
pub static PLATFORM: Platform = Platform {
    name: "pinterest",
    text: TextRules { count: Count::Characters, unit: "characters", limit: 800, max_bytes: None },
    images: MediaRules { max: 5, max_bytes: 20 * 1024 * 1024, types: &["image/jpeg", "image/png"] },
    videos: MediaRules { max: 1, max_bytes: 1024 * 1024 * 1024, types: &["video/mp4", "video/quicktime"] },
    max_media: 5,
    needs_media: true,
    actions: &[Action::Delete, Action::Metrics],
    subjects: Subjects {
        post: Form { fits: is_id, looks: "the id of a pin, which is a number" },
        account: Form { fits: is_id, looks: "the id of an account, which is a number" },
    },
    reconcile: Reconcile::ReadBack,
    // nothing says how soon a board shows a new pin
    settles: Duration::from_secs(2 * 60),
    token_life: Some(Duration::from_secs(30 * 24 * 60 * 60)),
    // each renewal gives a new one, and nothing says how long the old one is good
    rotation: Rotation::Strict,
    check,
    ..Platform::PLAIN
};

/// The most characters of a title, of an alternative text, and of a link.
const MAX_TITLE: usize = 100;
const MAX_ALT: usize = 500;
const MAX_LINK: usize = 2_048;

/// An id: digits, so that it can stand in a path.
pub fn is_id(text: &str) -> bool {
    (1..=24).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// What an application may set.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The board that is pinned to, by its id.
    pub board_id: String,
    /// A section of that board.
    pub board_section_id: Option<String>,
    /// The title.
    pub title: Option<String>,
    /// Where the pin leads.
    pub link: Option<String>,
    /// The image in front of a video; otherwise a picture of the video is.
    pub cover_url: Option<String>,
    /// The second of the video that is shown in front, where there is no `cover_url`; otherwise the first.
    pub cover_second: Option<u32>,
}

/// Reads and checks the settings.
pub fn settings(value: &Value) -> Result<Settings, String> {
    let settings: Settings = read_settings(value)?;
    let section = settings.board_section_id.as_deref();
    for (name, id) in [("board_id", Some(settings.board_id.as_str())), ("board_section_id", section)] {
        if id.is_some_and(|id| !is_id(id)) {
            return Err(format!("have a {name} that is not a number"));
        }
    }
    let title = settings.title.as_deref().map_or(0, |title| title.chars().count());
    if title > MAX_TITLE {
        return Err(format!("have a title of {title} characters; at most {MAX_TITLE} are accepted"));
    }
    let is_web = |url: &str| url.starts_with("https://") || url.starts_with("http://");
    let is_whole = |url: &str| !url.chars().any(|c| c.is_control() || c.is_whitespace());
    if let Some(link) = settings.link.as_deref() {
        let length = link.chars().count();
        if length > MAX_LINK {
            return Err(format!("have a link of {length} characters; at most {MAX_LINK} are accepted"));
        }
        if !is_web(link) || !is_whole(link) {
            return Err("have a link that is not an https: or http: address".to_owned());
        }
    }
    if settings.cover_url.as_deref().is_some_and(|url| !url.starts_with("https://") || !is_whole(url)) {
        return Err("have a cover_url that is not an https: address".to_owned());
    }
    if settings.cover_url.is_some() && settings.cover_second.is_some() {
        return Err("have a cover_url and a cover_second; a video has one cover".to_owned());
    }
    Ok(settings)
}

/// Whether it carries its bytes.
pub fn is_carried(one: &Attachment) -> bool {
    one.url.starts_with("data:")
}

fn check(post: &Post<'_>) -> Vec<String> {
    let settings = match settings(post.settings) {
        Ok(settings) => settings,
        Err(why) => return vec![why],
    };
    let mut found = vec![];
    let has_video = post.media.iter().any(|one| one.kind() == Kind::Video);
    if !has_video && (settings.cover_url.is_some() || settings.cover_second.is_some()) {
        found.push("have a cover, which only a video has".to_owned());
    }
    let carried = post.media.iter().filter(|one| is_carried(one)).count();
    if !has_video && carried > 0 && carried < post.media.len() {
        let why =
            "go with images of which some have addresses and some carry their bytes; all have to be alike";
        found.push(why.to_owned());
    }
    found.extend(long_alt(post.media, MAX_ALT));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate;
    use serde_json::json;

    #[test]
    fn settings_are_read_and_checked() {
        let all = json!({"board_id": "549755885175", "board_section_id": "7", "title": "t".repeat(100),
                         "link": format!("https://a.example/{}", "x".repeat(2_030)), "cover_second": 3});
        assert!(settings(&all).is_ok());
        for (bad, why) in [
            (json!({}), "board_id"),
            (json!({"board_id": "a/b"}), "board_id"),
            (json!({"board_id": ""}), "board_id"),
            (json!({"board_id": "1", "board_section_id": "x"}), "board_section_id"),
            (json!({"board_id": "1", "title": "t".repeat(101)}), "101 characters"),
            (json!({"board_id": "1", "link": format!("https://a.example/{}", "x".repeat(2_031))}), "2049"),
            (json!({"board_id": "1", "link": "javascript:x"}), "link"),
            (json!({"board_id": "1", "link": "https://a b"}), "link"),
            (json!({"board_id": "1", "cover_url": "http://a.example/x.png"}), "cover_url"),
            (
                json!({"board_id": "1", "cover_url": "https://a.example/x.png", "cover_second": 1}),
                "one cover",
            ),
            (json!({"board_id": "1", "note": "x"}), "note"),
        ] {
            let refused = settings(&bad).expect_err("refused");
            assert!(refused.contains(why), "{refused}");
        }
    }

    fn refused(content: &str, media: Value, settings: Value) -> Vec<String> {
        validate::post(&PLATFORM, content, &media, &settings).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_text_at_the_limit_passes() {
        let (board, image) = (json!({"board_id": "1"}), json!([{"url": "https://a.example/x.png"}]));
        assert!(refused(&"é".repeat(800), image.clone(), board.clone()).is_empty());
        let long = refused(&"é".repeat(801), image, board.clone());
        let said = "the text has 801 characters; pinterest accepts at most 800; what is too much begins with character 801: \"é\"";
        assert_eq!(long, [said]);
        assert_eq!(refused("hi", json!([]), board).len(), 1, "a pin without an image");
    }

    #[test]
    fn a_pin_is_an_image_or_several_or_a_video() {
        let (board, image) = (json!({"board_id": "1"}), json!({"url": "https://a.example/x.png"}));
        let (video, carried) =
            (json!({"url": "https://a.example/x.mp4"}), json!({"url": "data:image/png;base64,AAAA"}));
        for media in [
            json!([image]),
            json!([carried]),
            json!([image, image, image, image, image]),
            json!([carried, carried]),
            json!([video]),
        ] {
            assert!(refused("", media.clone(), board.clone()).is_empty(), "{media}");
        }
        let covered = json!({"board_id": "1", "cover_url": "https://a.example/x.png"});
        assert!(refused("", json!([video]), covered.clone()).is_empty());
        for (media, settings) in [
            (json!([image, image, image, image, image, image]), &board),
            (json!([video, video]), &board),
            (json!([video, image]), &board),
            (json!([carried, image]), &board),
            (json!([image]), &covered),
            (json!([{"url": "https://a.example/x.png", "alt": "x".repeat(501)}]), &board),
            (json!([{"url": "https://a.example/x.pdf"}]), &board),
            (json!([{"url": "data:image/gif;base64,AAAA"}]), &board),
        ] {
            assert_eq!(refused("", media.clone(), settings.clone()).len(), 1, "{media}");
        }
    }
}
