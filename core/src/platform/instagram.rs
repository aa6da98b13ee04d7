//! Instagram's API for professional accounts, by either of its logins.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::meta::is_id;
use super::{
    Action, Answers, Form, MediaRules, Platform, Post, Reconcile, Subjects, TextRules, after, check_reply_to,
    read_settings,
};
use crate::media::{Attachment, Kind};
use crate::refresh::Rotation;
use crate::text::{Count, Dialect, hashtags, links};

pub use super::meta::Placement;

/// The figures of the Graph API.
pub static PLATFORM: Platform = Platform {
    name: "instagram",
    text: TextRules { count: Count::Characters, unit: "characters", limit: 2_200, max_bytes: None },
    images: MediaRules { max: 10, max_bytes: 8 * 1024 * 1024, types: &["image/jpeg"] },
    videos: MediaRules { max: 10, max_bytes: 300 * 1024 * 1024, types: &["video/mp4", "video/quicktime"] },
    max_media: 10,
    mixes_media: true,
    needs_media: true,
    fetches_media: true,
    // There is no call that likes or follows, and messages only answer within a day.
    actions: &[Action::Delete, Action::Metrics],
    answers: Answers::Comments {
        text: TextRules { count: Count::Characters, unit: "characters", limit: 300, max_bytes: None },
        check: check_comment,
        barred,
    },
    names_post: |text| post_ref(text).is_some(),
    subjects: Subjects {
        post: Form { fits: is_id, looks: "the id of a medium, which is a number" },
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

/// The most hashtags of a caption.
const MAX_HASHTAGS: usize = 30;
/// The most accounts that are invited to share a post.
const MAX_COLLABORATORS: usize = 3;
/// The most hashtags and links of a comment.
const MAX_COMMENT_HASHTAGS: usize = 4;
const MAX_COMMENT_LINKS: usize = 1;
/// The most characters of what a post's address ends with.
const MAX_CODE: usize = 64;

/// What an application may set.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where it appears; otherwise one video is a reel, and everything else is in the feed.
    pub placement: Option<Placement>,
    /// Whether a reel is in the feed too.
    pub share_to_feed: Option<bool>,
    /// Accounts that are invited to share it.
    #[serde(default)]
    pub collaborators: Vec<String>,
    /// A place, by its id.
    pub location_id: Option<String>,
    /// The image in front of a reel.
    pub cover_url: Option<String>,
    /// The post that this one comments: its id, or the address of a post of the account's own. Then nothing else may be set.
    pub reply_to: Option<String>,
}

/// How a post is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostRef<'a> {
    /// By its id.
    Id(&'a str),
    /// By what its address ends with.
    Code(&'a str),
}

/// Reads the id of a post, or an address such as `https://www.instagram.com/p/…/`.
pub fn post_ref(text: &str) -> Option<PostRef<'_>> {
    if is_id(text) {
        return Some(PostRef::Id(text));
    }
    let path = after(text, &["https://www.instagram.com/", "https://instagram.com/"])?;
    let code = after(path, &["p/", "reel/", "tv/"])?.split(['?', '#']).next()?;
    let code = code.strip_suffix('/').unwrap_or(code);
    let is_code = (1..=MAX_CODE).contains(&code.len())
        && code.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    is_code.then_some(PostRef::Code(code))
}

/// Reads and checks the settings.
pub fn settings(value: &Value) -> Result<Settings, String> {
    let settings: Settings = read_settings(value)?;
    check_reply_to(value, PLATFORM.names_post, "1800… or https://www.instagram.com/p/…/")?;
    if settings.collaborators.len() > MAX_COLLABORATORS {
        let count = settings.collaborators.len();
        return Err(format!("name {count} collaborators; at most {MAX_COLLABORATORS} are accepted"));
    }
    if settings.cover_url.as_deref().is_some_and(|url| !url.starts_with("https://")) {
        return Err("have a cover_url that is not an https: address".to_owned());
    }
    Ok(settings)
}

impl Settings {
    /// Where it appears.
    pub fn placement(&self, media: &[crate::media::Attachment]) -> Placement {
        self.placement.unwrap_or(match media {
            [only] if only.kind() == Kind::Video => Placement::Reel,
            _ => Placement::Feed,
        })
    }
}

/// Stories are answered in private, and comments by another call.
fn barred(media: &[Attachment], value: &Value) -> Option<&'static str> {
    let settings = settings(value).ok()?;
    if settings.reply_to.is_some() {
        return Some("a comment");
    }
    (settings.placement(media) == Placement::Story).then_some("a story")
}

/// What a comment may be is said in the documents of the API.
fn check_comment(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (tags, addresses) = (hashtags(text, Dialect::X).len(), links(text, Dialect::Mastodon).len());
    if tags > MAX_COMMENT_HASHTAGS {
        found.push(format!(
            "the comment has {tags} hashtags; instagram accepts at most {MAX_COMMENT_HASHTAGS}"
        ));
    }
    if addresses > MAX_COMMENT_LINKS {
        found.push(format!(
            "the comment has {addresses} links; instagram accepts at most {MAX_COMMENT_LINKS}"
        ));
    }
    let mut letters = text.chars().filter(|c| c.is_uppercase() || c.is_lowercase()).peekable();
    if letters.peek().is_some() && letters.all(char::is_uppercase) {
        found.push("the comment is in capital letters alone, which instagram does not accept".to_owned());
    }
    found
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
    let placement = settings.placement(post.media);
    let mut found: Vec<_> = placement.refuses(post.media.len(), videos).into_iter().collect();
    if placement == Placement::Feed && (post.media.len(), videos) == (1, 1) {
        found.push("ask for a video in the feed, which is a reel".to_owned());
    }
    let hashtags = post.content.split_whitespace().filter(|word| word.starts_with('#')).count();
    if hashtags > MAX_HASHTAGS {
        found.push(format!("have a caption with {hashtags} hashtags; at most {MAX_HASHTAGS} are accepted"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media;
    use serde_json::json;

    fn reasons(media: Value, value: Value) -> usize {
        let media = media::parse(&media).expect("media");
        check(&Post { content: "hello", media: &media, settings: &value }).len()
    }

    #[test]
    fn a_placement_goes_with_its_media() {
        let (image, video) =
            (json!({"url": "https://a.example/a.jpg"}), json!({"url": "https://a.example/a.mp4"}));
        assert_eq!(reasons(json!([image]), json!({})), 0);
        assert_eq!(reasons(json!([video]), json!({})), 0);
        assert_eq!(reasons(json!([image, video]), json!({})), 0);
        assert_eq!(reasons(json!([image, video]), json!({"placement": "story"})), 1);
        assert_eq!(reasons(json!([image]), json!({"placement": "reel"})), 1);
        assert_eq!(reasons(json!([video]), json!({"placement": "feed"})), 1);
        assert_eq!(reasons(json!([image]), json!({"collaborators": ["a", "b", "c", "d"]})), 1);
    }
}
