//! Telegram, by a bot of the Bot API.

mod markup;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Action, Answers, Form, MediaRules, Platform, Post, Reconcile, Subjects, TextRules, after, check_reply_to,
    read_settings,
};
use crate::media::Kind;
use crate::text::Count;

/// The most bytes of all media of a post, which go out in one call.
pub const MAX_BYTES: usize = 50 * 1024 * 1024;
/// The most units of UTF-16 of a text beside media.
const MAX_CAPTION: usize = 1_024;
/// The most entities of a text; Telegram leaves out more.
const MAX_ENTITIES: usize = 100;
/// The most messages of an album.
const MAX_ALBUM: usize = 10;

/// The figures of the Bot API on Telegram's own server.
pub static PLATFORM: Platform = Platform {
    name: "telegram",
    text: TextRules { count: Count::Utf16, unit: "units of UTF-16", limit: 4_096, max_bytes: None },
    images: MediaRules {
        max: MAX_ALBUM,
        max_bytes: 10 * 1024 * 1024,
        types: &["image/jpeg", "image/png", "image/webp", "image/gif"],
    },
    videos: MediaRules { max: MAX_ALBUM, max_bytes: MAX_BYTES, types: &["video/mp4"] },
    documents: MediaRules { max: MAX_ALBUM, max_bytes: MAX_BYTES, types: &["application/pdf"] },
    max_media: MAX_ALBUM,
    // images and videos, but nothing beside documents: see `check`
    mixes_media: true,
    actions: &[Action::Delete],
    answers: Answers::Posts,
    names_post: |text| post_ref(text).is_some(),
    first_only: &["entities", "reply_to"],
    subjects: Subjects {
        post: Form {
            fits: |text| message_ids(text).is_some(),
            looks: "the number of a message, or those of an album with commas between them",
        },
        ..Subjects::NONE
    },
    // a bot can neither send under a key nor read what it has sent
    reconcile: Reconcile::Nothing,
    check,
    ..Platform::PLAIN
};

/// How marks in the text are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum ParseMode {
    /// Tags of HTML, as many as Telegram knows.
    #[serde(rename = "HTML")]
    Html,
    /// Telegram's own Markdown, the second.
    MarkdownV2,
}

/// What a piece of a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityKind {
    /// Bold.
    Bold,
    /// Italic.
    Italic,
    /// Underlined.
    Underline,
    /// Struck through.
    Strikethrough,
    /// Hidden until somebody asks for it.
    Spoiler,
    /// A quotation.
    Blockquote,
    /// A quotation that is folded up.
    ExpandableBlockquote,
    /// Letters of one width.
    Code,
    /// A block of such letters.
    Pre,
    /// A link behind other words.
    TextLink,
    /// An emoji of Telegram's.
    CustomEmoji,
}

/// What a piece of the text is. Places are counted in units of UTF-16.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entity {
    /// What.
    #[serde(rename = "type")]
    pub kind: EntityKind,
    /// Where it begins.
    pub offset: usize,
    /// How long it is.
    pub length: usize,
    /// Where a link leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// In which language a block is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Which emoji it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_emoji_id: Option<String>,
}

/// How the preview of a link is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LinkPreview {
    /// Not at all.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_disabled: bool,
    /// Of this address, which need not stand in the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// With a small image.
    #[serde(default, skip_serializing_if = "is_false")]
    pub prefer_small_media: bool,
    /// With a large image.
    #[serde(default, skip_serializing_if = "is_false")]
    pub prefer_large_media: bool,
    /// Above the text.
    #[serde(default, skip_serializing_if = "is_false")]
    pub show_above_text: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// What an application may set.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How marks in the text are read; otherwise it is sent as it stands.
    pub parse_mode: Option<ParseMode>,
    /// What pieces of the text are, instead of marks.
    #[serde(default)]
    pub entities: Vec<Entity>,
    /// Nobody's telephone makes a sound.
    #[serde(default)]
    pub silent: bool,
    /// It can be neither forwarded nor saved.
    #[serde(default)]
    pub protect_content: bool,
    /// How the preview of a link is shown, of a post without media.
    pub link_preview: Option<LinkPreview>,
    /// The topic of a forum: the number of the message that began it.
    pub thread_id: Option<u32>,
    /// Images and videos are hidden until somebody asks for them.
    #[serde(default)]
    pub spoiler: bool,
    /// The message that this one answers: its number, or its address.
    pub reply_to: Option<String>,
}

/// The numbers of the messages that a post is: one, or those of an album with commas between them.
pub fn message_ids(text: &str) -> Option<Vec<u64>> {
    let ids: Option<Vec<u64>> = text.split(',').map(message_id).collect();
    ids.filter(|ids| ids.len() <= MAX_ALBUM)
}

fn message_id(text: &str) -> Option<u64> {
    let is_number = (1..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if is_number { text.parse().ok().filter(|id| *id > 0) } else { None }
}

/// Whether it can be the public name of a chat, without its `@`.
pub fn is_name(text: &str) -> bool {
    (4..=32).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The message that is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostRef {
    /// The chat it is in, as the API names it, where that is said.
    pub chat: Option<String>,
    /// Its number there.
    pub message: u64,
}

/// Where messages have their pages.
const PAGES: &[&str] = &["https://t.me/", "https://telegram.me/"];

/// Reads the number of a message, those of an album, or `https://t.me/name/123` and `https://t.me/c/1234567890/123`.
pub fn post_ref(text: &str) -> Option<PostRef> {
    let Some(path) = after(text, PAGES) else {
        return message_ids(text)?.first().map(|message| PostRef { chat: None, message: *message });
    };
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    if query.contains("comment=") {
        return None; // that is a message of another chat
    }
    let parts: Vec<_> = path.trim_end_matches('/').split('/').collect();
    // what stands before the last is the topic of a forum
    let (chat, message) = match parts[..] {
        ["c", chat, message] | ["c", chat, _, message] => {
            let is_id = (1..=16).contains(&chat.len()) && chat.bytes().all(|b| b.is_ascii_digit());
            (is_id.then(|| format!("-100{chat}"))?, message)
        }
        [name, message] | [name, _, message] => (is_name(name).then(|| format!("@{name}"))?, message),
        _ => return None,
    };
    Some(PostRef { chat: Some(chat), message: message_id(message)? })
}

/// Reads and checks the settings, those that need no text for it.
pub fn settings(value: &Value) -> Result<Settings, String> {
    let settings: Settings = read_settings(value)?;
    check_reply_to(value, PLATFORM.names_post, "123 or https://t.me/name/123")?;
    let Settings { parse_mode, entities, link_preview, .. } = &settings;
    if parse_mode.is_some() && !entities.is_empty() {
        return Err("have a parse_mode beside entities: it is one or the other".to_owned());
    }
    if entities.len() > MAX_ENTITIES {
        return Err(format!("have {} entities; at most {MAX_ENTITIES} are accepted", entities.len()));
    }
    let is_odd = |address: &Option<String>| address.as_deref().is_some_and(|text| !is_address(text));
    if link_preview.as_ref().is_some_and(|preview| is_odd(&preview.url)) {
        return Err("have a link_preview whose url is no http: or https: address".to_owned());
    }
    Ok(settings)
}

fn is_address(text: &str) -> bool {
    after(text, &["https://", "http://", "tg://"]).is_some_and(|rest| !rest.is_empty())
        && text.len() <= 2_048
        && !text.chars().any(|c| c.is_control() || c == ' ')
}

fn check(post: &Post<'_>) -> Vec<String> {
    let settings = match settings(post.settings) {
        Ok(settings) => settings,
        Err(why) => return vec![why],
    };
    let documents = post.media.iter().filter(|one| one.kind() == Kind::Document).count();
    let mut found = Vec::new();
    if documents > 0 && documents < post.media.len() {
        found.push("have documents beside other media, which an album can't hold".to_owned());
    }
    if settings.link_preview.is_some() && !post.media.is_empty() {
        found.push("have a link_preview beside media, which have none".to_owned());
    }
    if settings.spoiler && (post.media.is_empty() || documents > 0) {
        found.push("have a spoiler, which hides images and videos, and there are none".to_owned());
    }
    match plain(post.content, &settings) {
        Ok(length) if !post.media.is_empty() && length > MAX_CAPTION => {
            found.push(format!("have {length} units of UTF-16 beside media; {MAX_CAPTION} are accepted"))
        }
        Ok(0) if post.media.is_empty() && !post.content.is_empty() => {
            found.push("leave nothing of the text but marks".to_owned());
        }
        Ok(_) => {}
        Err(why) => found.push(why),
    }
    found
}

/// How many units of UTF-16 remain of a text when its marks are read; why they can't be.
fn plain(content: &str, settings: &Settings) -> Result<usize, String> {
    match settings.parse_mode {
        Some(ParseMode::Html) => {
            markup::html(content).map_err(|why| format!("have the parse_mode HTML, and {why}"))
        }
        Some(ParseMode::MarkdownV2) => {
            markup::markdown(content).map_err(|why| format!("have the parse_mode MarkdownV2, and {why}"))
        }
        None => {
            let places = markup::places(content);
            let odd = settings.entities.iter().position(|entity| !fits(entity, &places));
            match odd {
                Some(at) => Err(format!("have an entity {at} (the first is 0) that does not fit the text")),
                None => Ok(places.len() - 1),
            }
        }
    }
}

/// Whether an entity is within the text, begins and ends between characters, and has what its kind needs.
fn fits(entity: &Entity, places: &[bool]) -> bool {
    let Entity { kind, offset, length, url, language, custom_emoji_id } = entity;
    let end = offset.checked_add(*length);
    let is_place = |at: usize| places.get(at).copied().unwrap_or(false);
    let has = |what: &Option<String>, needed: bool| what.is_some() == needed;
    *length > 0
        && is_place(*offset)
        && end.is_some_and(is_place)
        && has(url, *kind == EntityKind::TextLink)
        && url.as_deref().is_none_or(is_address)
        && (language.is_none() || *kind == EntityKind::Pre)
        && has(custom_emoji_id, *kind == EntityKind::CustomEmoji)
}

#[cfg(test)]
mod tests;
