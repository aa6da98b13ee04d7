//! What a post becomes on one platform: itself, the parts of a thread, and a first comment.

mod lengths;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::media;
use crate::platform::{Answers, Platform, reply_to};
use crate::text;
use crate::validate::{self, Violation};

pub use lengths::{Length, lengths};

/// The most parts of a thread, the post itself included.
pub const MAX_PARTS: usize = 25;

/// One part of a thread behind the post itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Piece {
    /// The text.
    #[serde(default)]
    pub content: String,
    /// Images and videos, see [`media`].
    #[serde(default = "no_media")]
    pub media: Value,
}

fn no_media() -> Value {
    json!([])
}

/// What an application wants to have published.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// The text.
    pub content: &'a str,
    /// Images and videos.
    pub media: &'a Value,
    /// What follows it in a thread.
    pub thread: &'a [Piece],
    /// What answers it once everything is out.
    pub first_comment: Option<&'a str>,
    /// Whether a text that is too long becomes a thread.
    pub split: bool,
}

/// One part as it is published on a platform. The post itself is part 0, and every other waits for the one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// A text that is not where the draft has it: a piece of a split text, or the first comment.
    pub content: Option<String>,
    /// The part that this one answers.
    pub answers: Option<usize>,
    /// Whether it is a comment, which counts as one and not as a post.
    pub is_comment: bool,
}

/// Where in a post something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A part of the thread; the post itself is 0.
    Part(usize),
    /// The first comment.
    FirstComment,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part(0) => Ok(()),
            Self::Part(part) => write!(f, "part {part}: "),
            Self::FirstComment => f.write_str("the first comment: "),
        }
    }
}

/// Why a platform refuses a part.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}{violation}")]
pub struct Refusal {
    /// Where.
    pub place: Place,
    /// Why.
    pub violation: Violation,
}

impl From<Violation> for Refusal {
    /// Of something that has no parts.
    fn from(violation: Violation) -> Self {
        Self { place: Place::Part(0), violation }
    }
}

/// The parts of a draft on a platform, or everything for which that would refuse it.
pub fn parts(
    platform: &'static Platform,
    draft: &Draft<'_>,
    settings: &Value,
) -> Result<Vec<Part>, Vec<Refusal>> {
    let cut = cut(platform, draft, settings).map_err(|refusal| vec![refusal])?;
    let mut refusals = Vec::new();
    let mut refuse = |place, found: Vec<Violation>| {
        refusals.extend(found.into_iter().map(|violation| Refusal { place, violation }));
    };
    let first = cut.first().map_or(draft.content, String::as_str);
    refuse(Place::Part(0), validate::post(platform, first, draft.media, settings));
    let is_comment = is_comment(platform, settings);
    let content = |text: &String| Some(text.clone());
    let mut parts = vec![Part { content: cut.first().and_then(content), answers: None, is_comment }];
    if !draft.thread.is_empty() && !matches!(platform.answers, Answers::Posts) {
        refuse(Place::Part(1), vec![Violation::NoThreads { platform: platform.name }]);
    } else {
        let later = platform.later_settings(settings);
        let none = no_media();
        let cut = cut.iter().skip(1).map(|text| (text.as_str(), &none, Some(text.clone())));
        let pieces = draft.thread.iter().map(|piece| (piece.content.as_str(), &piece.media, None));
        for (at, (text, media, content)) in (1..).zip(cut.chain(pieces)) {
            refuse(Place::Part(at), validate::post(platform, text, media, &later));
            parts.push(Part { content, answers: Some(at - 1), is_comment: false });
        }
    }
    if let Some(comment) = draft.first_comment {
        refuse(Place::FirstComment, comment_of(platform, draft, settings, comment));
        let is_comment = matches!(platform.answers, Answers::Comments { .. });
        parts.push(Part { content: Some(comment.to_owned()), answers: Some(0), is_comment });
    }
    if refusals.is_empty() { Ok(parts) } else { Err(refusals) }
}

/// The pieces of a text that is too long and is to be split; none otherwise.
fn cut(platform: &'static Platform, draft: &Draft<'_>, settings: &Value) -> Result<Vec<String>, Refusal> {
    let of_post = |violation| Refusal { place: Place::Part(0), violation };
    let rules = &platform.text;
    let limit = rules.limit.saturating_sub((platform.taken)(settings)).max(1);
    let is_long = || {
        rules.count.count(draft.content) > limit
            || rules.max_bytes.is_some_and(|bytes| draft.content.len() > bytes)
    };
    if !draft.split || !matches!(platform.answers, Answers::Posts) || !is_long() {
        return Ok(vec![]);
    }
    let pieces = text::split(draft.content, rules.count, limit, rules.max_bytes, true)
        .map_err(|why| of_post(Violation::Split(why)))?;
    match pieces.len() {
        found if found > MAX_PARTS => Err(of_post(Violation::Parts { found, limit: MAX_PARTS })),
        _ => Ok(pieces),
    }
}

fn comment_of(
    platform: &'static Platform,
    draft: &Draft<'_>,
    settings: &Value,
    comment: &str,
) -> Vec<Violation> {
    let (text, check, barred) = match &platform.answers {
        Answers::None => {
            return vec![Violation::NoComments { platform: platform.name, what: "its posts" }];
        }
        Answers::Posts => {
            return validate::post(platform, comment, &no_media(), &platform.later_settings(settings));
        }
        Answers::Comments { text, check, barred } => (text, check, barred),
    };
    let mut found = validate::comment(platform, text, *check, comment);
    let what = media::parse(draft.media).ok().and_then(|media| barred(&media, settings));
    found.extend(what.map(|what| Violation::NoComments { platform: platform.name, what }));
    found
}

/// Whether a post with these settings is a comment, which has no thread.
fn is_comment(platform: &Platform, settings: &Value) -> bool {
    matches!(platform.answers, Answers::Comments { .. }) && reply_to(settings).is_some()
}

#[cfg(test)]
mod tests;
