//! The ways in which platforms count a text.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::{Dialect, emoji, graphemes, links, mentions};

/// What a link counts on X and on Mastodon, however long it is.
const LINK: usize = 23;

/// How a platform counts a text.
///
/// ```
/// # use crier_core::text::Count;
/// assert_eq!(Count::Mastodon.count("see https://a.com by @alice@a.example"), 4 + 23 + 4 + 6);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Extended grapheme clusters: Bluesky.
    Graphemes,
    /// Grapheme clusters, where a link counts 23 and of `@user@host` only `@user`: Mastodon.
    Mastodon,
    /// Characters after composition (NFC): 1 for most alphabets, 2 for others and for an emoji, 23 for a link: X.
    Weighted,
    /// Code points: Instagram.
    Characters,
    /// Units of UTF-16: TikTok, Telegram.
    Utf16,
    /// Code points, where an emoji counts its bytes in UTF-8: Threads.
    EmojiBytes,
    /// Units of UTF-16, where what is reserved in "little text" counts its backslash: LinkedIn.
    Escaped,
}

impl Count {
    /// What the text counts.
    pub fn count(self, text: &str) -> usize {
        match self {
            Self::Graphemes => graphemes(text),
            Self::Mastodon => graphemes(&shortened(text)),
            Self::Weighted => weighted(text),
            Self::Characters => text.chars().count(),
            Self::Utf16 => text.chars().map(char::len_utf16).sum(),
            Self::EmojiBytes => {
                emoji::pieces(text).map(|(piece, emoji)| if emoji { piece.len() } else { 1 }).sum()
            }
            Self::Escaped => text.chars().map(|c| c.len_utf16() + usize::from(is_reserved(c))).sum(),
        }
    }

    /// Whose links, mentions and hashtags a text has where it is counted so.
    pub fn dialect(self) -> Dialect {
        match self {
            Self::Graphemes => Dialect::Bluesky,
            Self::Mastodon => Dialect::Mastodon,
            Self::Weighted | Self::Characters | Self::Utf16 | Self::EmojiBytes | Self::Escaped => Dialect::X,
        }
    }
}

/// The text of which Mastodon counts the graphemes: marks join what stands in for a link as they would join a letter.
fn shortened(text: &str) -> Cow<'_, str> {
    let links = links(text, Dialect::Mastodon).into_iter().map(|range| (range, true));
    let mentions = mentions(text, Dialect::Mastodon).into_iter().map(|range| (range, false));
    let mut found: Vec<_> = links.chain(mentions).collect();
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    found.sort_by_key(|(range, _)| range.start);
    let mut short = String::with_capacity(text.len());
    let mut at = 0;
    for (range, is_link) in found {
        if range.start < at {
            continue; // a link inside a mention, or the other way round: the first one counts
        }
        short.push_str(&text[at..range.start]);
        at = range.end;
        if is_link {
            short.extend(std::iter::repeat_n('x', LINK));
        } else {
            let user = text[range].split('@').nth(1).unwrap_or_default();
            short.extend(["@", user]);
        }
    }
    short.push_str(&text[at..]);
    Cow::Owned(short)
}

fn weighted(text: &str) -> usize {
    let text = if is_nfc(text) { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect::<String>()) };
    let mut weight = 0;
    let mut at = 0;
    for link in links(&text, Dialect::X) {
        weight += weight_of(&text[at..link.start]) + LINK;
        at = link.end;
    }
    weight + weight_of(&text[at..])
}

/// The weights of twitter-text's third configuration, where 100 of its units are one here.
fn weight_of(text: &str) -> usize {
    let weight = |c| match c {
        '\0'..='\u{10ff}' | '\u{2000}'..='\u{200d}' | '\u{2010}'..='\u{201f}' | '\u{2032}'..='\u{2037}' => 1,
        _ => 2,
    };
    let pieces = emoji::pieces(text);
    pieces.map(|(piece, emoji)| if emoji { 2 } else { piece.chars().map(weight).sum() }).sum()
}

/// Whether a character is reserved in LinkedIn's "little text".
pub(crate) fn is_reserved(c: char) -> bool {
    "\\|{}@[]()<>#*_~".contains(c)
}

#[cfg(test)]
mod tests;
