//! Where emoji begin and end in a text (UTS #51).
//!
//! A grapheme cluster won't do: it takes in every mark that follows an emoji, and platforms count those.

use unicode_properties::{EmojiStatus, UnicodeEmoji};

const JOINER: char = '\u{200d}';
const AS_TEXT: char = '\u{fe0e}';
const AS_EMOJI: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';
const BLACK_FLAG: char = '\u{1f3f4}';
/// The most letters in the tag of a flag: England's is `gbeng`.
const MAX_TAG: usize = 6;

/// A text cut into its emoji, each with `true`, and the single characters between them.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let emoji = sequence(rest);
        let (piece, after) = rest.split_at(emoji.unwrap_or(first.len_utf8()));
        rest = after;
        Some((piece, emoji.is_some()))
    })
}

/// The bytes of the emoji with which a text begins.
fn sequence(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    if first.is_ascii() {
        return keycap(text, first);
    }
    if is_regional(first) {
        let pair = text[first.len_utf8()..].starts_with(is_regional);
        return Some(first.len_utf8() * if pair { 2 } else { 1 });
    }
    let mut length = element(text)?;
    if first == BLACK_FLAG {
        length += tag(&text[length..]);
    }
    while let Some(joined) = text[length..].strip_prefix(JOINER)
        && let Some(more) = element(joined)
    {
        length += JOINER.len_utf8() + more;
    }
    Some(length)
}

fn keycap(text: &str, first: char) -> Option<usize> {
    let rest = text[1..].strip_prefix(AS_EMOJI).unwrap_or(&text[1..]);
    let rest = rest.strip_prefix(KEYCAP).filter(|_| matches!(first, '0'..='9' | '#' | '*'))?;
    Some(text.len() - rest.len())
}

/// One emoji with its colour or its selector. A selector for text makes it none, and © ® ™ are none without one.
/// Twitter-text takes a selector that changes nothing for a character of its own, but for signs older than emoji.
fn element(text: &str) -> Option<usize> {
    use EmojiStatus::{EmojiModifierBase, EmojiOther, EmojiPresentationAndModifierBase};
    let mut chars = text.chars();
    let first = chars.next().filter(|c| !c.is_ascii() && !is_regional(*c) && c.is_emoji_char())?;
    let status = first.emoji_status();
    let length = first.len_utf8();
    match (chars.next(), status) {
        (Some(AS_TEXT), _) => None,
        (Some(AS_EMOJI), EmojiModifierBase | EmojiOther) => Some(length + AS_EMOJI.len_utf8()),
        (Some(AS_EMOJI), _) if is_older_sign(first) => Some(length + AS_EMOJI.len_utf8()),
        (Some(colour), EmojiModifierBase | EmojiPresentationAndModifierBase) if is_colour(colour) => {
            Some(length + colour.len_utf8())
        }
        _ => (!matches!(first, '©' | '®' | '™')).then_some(length),
    }
}

fn is_colour(c: char) -> bool {
    matches!(c, '\u{1f3fb}'..='\u{1f3ff}')
}

/// Emoji without a selector, that were signs in text before there were emoji.
fn is_older_sign(c: char) -> bool {
    matches!(
        c,
        '⌚' | '⌛' | '◽' | '◾' | '☔' | '☕' | '♈'
            ..='♓'
                | '♿'
                | '⚓'
                | '⚡'
                | '⚪'
                | '⚫'
                | '⚽'
                | '⚾'
                | '⛄'
                | '⛅'
                | '⛔'
                | '⛪'
                | '⛲'
                | '⛳'
                | '⛵'
                | '⛺'
                | '⛽'
                | '❗'
                | '⬛'
                | '⬜'
                | '⭐'
                | '⭕'
                | '🀄'
                | '🈚'
                | '🈯'
    )
}

fn is_regional(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

/// The bytes of the tag that makes a black flag the one of a region.
fn tag(text: &str) -> usize {
    let is_tag = |c: &char| matches!(c, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}');
    let length: usize = text.chars().take(MAX_TAG).take_while(is_tag).map(char::len_utf8).sum();
    match text[length..].strip_prefix('\u{e007f}') {
        Some(rest) if length > 0 => text.len() - rest.len(),
        _ => 0,
    }
}
