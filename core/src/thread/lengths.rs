//! How long the texts of a draft are on a platform, and how long they may be.

use serde::Serialize;
use serde_json::Value;

use super::{Draft, cut, is_comment};
use crate::platform::{Answers, Platform, TextRules};

/// The length of one text, as the platform counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Length {
    /// Which text: `part 0` is the post itself; or `first_comment`.
    pub of: String,
    /// How much there is.
    pub found: usize,
    /// How much there may be.
    pub limit: usize,
    /// What is counted.
    pub unit: &'static str,
}

/// The length of each text: those of the pieces where a long text is split.
pub fn lengths(platform: &'static Platform, draft: &Draft<'_>, settings: &Value) -> Vec<Length> {
    let length = |of: String, text: &str, rules: &TextRules, settings: &Value| Length {
        of,
        found: rules.count.count(text),
        limit: rules.limit.saturating_sub((platform.taken)(settings)),
        unit: rules.unit,
    };
    let comments = match &platform.answers {
        Answers::Comments { text, .. } => text,
        Answers::None | Answers::Posts => &platform.text,
    };
    let of_post = if is_comment(platform, settings) { comments } else { &platform.text };
    // what can't be split is told by its refusal
    let pieces = cut(platform, draft, settings).unwrap_or_default();
    let first = pieces.first().map_or(draft.content, String::as_str);
    let later = platform.later_settings(settings);
    let rest = pieces.iter().skip(1).map(String::as_str);
    let rest = rest.chain(draft.thread.iter().map(|piece| piece.content.as_str()));
    let mut found = vec![length("part 0".into(), first, of_post, settings)];
    found
        .extend((1..).zip(rest).map(|(at, text)| length(format!("part {at}"), text, &platform.text, &later)));
    let comment = draft.first_comment.map(|text| length("first_comment".into(), text, comments, &later));
    found.extend(comment);
    found
}
