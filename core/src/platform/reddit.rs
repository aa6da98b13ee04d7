//! Reddit, by its API for apps.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Action, Answers, Form, MediaRules, Platform, Post, Reconcile, Subjects, TextRules, after, check_reply_to,
    read_settings,
};
use crate::media::{Attachment, Kind};
use crate::text::{Count, excess};

/// The figures of Reddit's source as far as it was open, and of the documents since. The text is the body of a post.
pub static PLATFORM: Platform = Platform {
    name: "reddit",
    text: TextRules { count: Count::Characters, unit: "characters", limit: 40_000, max_bytes: None },
    images: MediaRules {
        max: 20,
        max_bytes: 20 * 1024 * 1024,
        types: &["image/jpeg", "image/png", "image/gif"],
    },
    videos: MediaRules { max: 1, max_bytes: 1024 * 1024 * 1024, types: &["video/mp4", "video/quicktime"] },
    max_media: 20,
    // the title is enough
    may_be_empty: true,
    // votes are for people: the rules forbid that a program casts any
    actions: &[Action::Delete, Action::Metrics],
    answers: Answers::Comments {
        text: TextRules { count: Count::Characters, unit: "characters", limit: 10_000, max_bytes: None },
        check: |_| Vec::new(),
        barred: |_, _| None,
    },
    names_post: |text| thing(text).is_some(),
    subjects: Subjects {
        post: Form {
            fits: is_thing,
            looks: "the full name of a post or a comment, such as t3_1abcde or t1_k2fghij",
        },
        ..Subjects::NONE
    },
    reconcile: Reconcile::ReadBack,
    // what a list shows is brought up to date from a queue; of images and videos the provider has longer times
    settles: Duration::from_secs(2 * 60),
    token_life: Some(Duration::from_secs(24 * 60 * 60)),
    check,
    ..Platform::PLAIN
};

/// The most characters of a title, of the text of a flair, and of the caption of an image in a gallery.
const MAX_TITLE: usize = 300;
const MAX_FLAIR: usize = 64;
const MAX_CAPTION: usize = 180;
/// The most characters of an address.
const MAX_ADDRESS: usize = 2_000;
/// The most characters of the id of a post, a comment or an upload.
const MAX_ID: usize = 20;

/// What an application may set.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where it goes: `rust`, or `u_alice` for the page of an account.
    #[serde(default)]
    pub subreddit: String,
    /// The title, which every post has.
    #[serde(default)]
    pub title: String,
    /// Where the post leads, in the place of media.
    pub link: Option<String>,
    /// Whether a link may go where somebody has posted it before.
    #[serde(default)]
    pub resubmit: bool,
    /// The image in front of a video, which needs one: an `https:` or a `data:` address.
    pub poster: Option<String>,
    /// A flair of the subreddit, by the id of its template.
    pub flair_id: Option<String>,
    /// Its text, where the subreddit has it written by those who post.
    pub flair_text: Option<String>,
    /// Not for everybody to see.
    #[serde(default)]
    pub nsfw: bool,
    /// Hidden until somebody asks for it.
    #[serde(default)]
    pub spoiler: bool,
    /// Whether the account gets a message of each comment; otherwise it does.
    pub send_replies: Option<bool>,
    /// What this one comments: a post or a comment, by its full name or its address. Then nothing else may be set.
    pub reply_to: Option<String>,
}

impl Settings {
    /// The image in front of a video.
    pub fn poster(&self) -> Option<Attachment> {
        let url = self.poster.clone()?;
        Some(Attachment { url, alt: String::new(), stated: Some(Kind::Image) })
    }
}

/// What a post is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A text, or a title alone.
    Text,
    /// A link.
    Link,
    /// One image.
    Image,
    /// Several images.
    Gallery,
    /// A video.
    Video,
}

impl Shape {
    /// What its media and settings make of a post.
    pub fn of(media: &[Attachment], settings: &Settings) -> Self {
        match media {
            _ if settings.link.is_some() => Self::Link,
            [] => Self::Text,
            [only] if only.kind() == Kind::Video => Self::Video,
            [_] => Self::Image,
            [_, _, ..] => Self::Gallery,
        }
    }
}

/// The id of a post, a comment or an upload, without its kind: it goes into addresses.
pub fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// The full name of a post (`t3_…`) or of a comment (`t1_…`).
pub fn is_thing(text: &str) -> bool {
    ["t3_", "t1_"].iter().any(|kind| text.strip_prefix(kind).is_some_and(is_id))
}

/// The full name of a post or a comment, from itself or from its address.
pub fn thing(text: &str) -> Option<String> {
    if is_thing(text) {
        return Some(text.to_owned());
    }
    const HOSTS: &[&str] = &["https://www.reddit.com/", "https://old.reddit.com/", "https://reddit.com/"];
    let path = |rest: &str| rest.split(['?', '#']).next().unwrap_or_default().to_owned();
    if let Some(id) = after(text, &["https://redd.it/"]).map(path) {
        let id = id.trim_end_matches('/');
        return is_id(id).then(|| format!("t3_{id}"));
    }
    let path = after(text, HOSTS).map(path)?;
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    let rest = match parts.as_slice() {
        ["comments", rest @ ..] | ["r" | "u" | "user", _, "comments", rest @ ..] => rest,
        _ => return None,
    };
    match rest {
        // between a post and a comment stands the title, or a word in its place
        [post, _, comment] if is_id(post) && is_id(comment) => Some(format!("t1_{comment}")),
        [post] | [post, _] if is_id(post) => Some(format!("t3_{post}")),
        _ => None,
    }
}

/// `rust`, or `u_alice`.
fn is_subreddit(name: &str) -> bool {
    let is = |name: &str, signs: &[u8], longest: usize| {
        (3..=longest).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || signs.contains(&b))
    };
    match name.strip_prefix("u_") {
        Some(account) => is(account, b"_-", 20),
        None => is(name, b"_", 21) && !name.starts_with('_'),
    }
}

fn is_address(text: &str) -> bool {
    let host = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    host.is_some_and(|host| !host.is_empty() && !host.starts_with('/'))
        && text.len() <= MAX_ADDRESS
        && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// Why a text is too long, with the place where it becomes so.
fn too_long(what: &str, text: &str, limit: usize) -> Option<String> {
    let count = Count::Characters;
    let found = count.count(text);
    (found > limit).then(|| {
        let excess = excess("", text, count, limit);
        format!("{what} of {found} characters; at most {limit} are accepted; {excess}")
    })
}

/// Reads and checks the settings.
pub fn settings(value: &Value) -> Result<Settings, String> {
    let settings: Settings = read_settings(value)?;
    check_reply_to(
        value,
        PLATFORM.names_post,
        "t3_1abcde or https://www.reddit.com/r/rust/comments/1abcde/…",
    )?;
    if settings.reply_to.is_some() {
        return Ok(settings);
    }
    if !is_subreddit(&settings.subreddit) {
        let shown: String = settings.subreddit.chars().take(80).collect();
        return Err(format!(
            "have the subreddit {shown:?}; write it like rust, or u_alice for an account's page"
        ));
    }
    let title = settings.title.trim();
    if title.is_empty() {
        return Err("need a title".to_owned());
    }
    if let Some(why) = too_long("have a title", title, MAX_TITLE) {
        return Err(why);
    }
    if title.chars().any(char::is_control) {
        return Err("have a title of more than one line".to_owned());
    }
    if settings.link.as_deref().is_some_and(|link| !is_address(link)) {
        return Err("have a link that is not an https: or http: address".to_owned());
    }
    if settings.resubmit && settings.link.is_none() {
        return Err("have resubmit, which only a link has".to_owned());
    }
    let is_template =
        |id: &str| (1..=40).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if let Some(id) = settings.flair_id.as_deref().filter(|id| !is_template(id)) {
        let shown: String = id.chars().take(80).collect();
        return Err(format!(
            "have the flair_id {shown:?}; it is the id of a template, letters, digits and hyphens"
        ));
    }
    match settings.flair_text.as_deref() {
        Some(_) if settings.flair_id.is_none() => {
            return Err("have a flair_text without the flair_id of what it is written into".to_owned());
        }
        Some(text) => too_long("have a flair_text", text, MAX_FLAIR).map_or(Ok(()), Err)?,
        None => {}
    }
    if let Some(poster) = settings.poster() {
        poster.source().map_err(|why| format!("have a poster that can't be used: {why}"))?;
    }
    Ok(settings)
}

fn check(post: &Post<'_>) -> Vec<String> {
    let settings = match settings(post.settings) {
        Ok(settings) => settings,
        Err(why) => return vec![why],
    };
    if settings.reply_to.is_some() {
        return vec![];
    }
    let shape = Shape::of(post.media, &settings);
    let mut found = vec![];
    if shape == Shape::Link && !post.media.is_empty() {
        found.push("have a link, but the post has media; a post on reddit is one or the other".to_owned());
    }
    let has_video = post.media.iter().any(|one| one.kind() == Kind::Video);
    match (has_video, settings.poster.is_some()) {
        (true, false) => found.push("need a poster, the image in front of the video".to_owned()),
        (false, true) => found.push("have a poster, which only a video has".to_owned()),
        _ => {}
    }
    if shape == Shape::Gallery {
        let captions = post.media.iter().enumerate().filter_map(|(at, one)| {
            too_long(&format!("go with an alternative text of image {}", at + 1), &one.alt, MAX_CAPTION)
        });
        found.extend(captions);
    }
    found
}

#[cfg(test)]
mod tests;
