//! How platforms count text, what they find in it, and how a long text becomes a thread.
//!
//! Every platform limits a text, and each counts it in its own way: [`Count`]. What is a link, a mention or a
//! hashtag differs as well, and some counts depend on it: [`Dialect`]. All of it reads a text once from its
//! beginning to its end, so that megabytes made to be slow are not.

mod bluesky;
mod class;
mod count;
mod domain;
mod emoji;
mod excess;
mod link;
mod name;
mod split;

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

pub use bluesky::{MAX_HANDLE, Meaning, Part, is_handle, parts};
pub use count::Count;
pub(crate) use count::is_reserved;
pub use excess::{Excess, excess, excess_bytes};
pub use split::{CantSplit, split};

/// Whose rules say what in a text is a link, a mention or a hashtag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Whole words, as the facets of Bluesky's own clients: see [`parts`].
    Bluesky,
    /// Links with `http://` or `https://` and any path, mentions `@user` and `@user@host`.
    Mastodon,
    /// Links as of twitter-text: the scheme may be missing, a path has few characters beyond ASCII.
    X,
}

/// The links of a text as ranges of bytes, in their order.
///
/// ```
/// # use crier_core::text::{Dialect, links};
/// let text = "見てhttps://en.wikipedia.org/wiki/Rust_(fungus).";
/// assert_eq!(links(text, Dialect::X), [6..text.len() - 1]);
/// ```
pub fn links(text: &str, dialect: Dialect) -> Vec<Range<usize>> {
    match dialect {
        Dialect::Bluesky => of_bluesky(text, |meaning| matches!(meaning, Meaning::Link { .. })),
        Dialect::Mastodon => link::with_scheme(text),
        Dialect::X => link::with_or_without_scheme(text),
    }
}

/// The mentions of a text as ranges of bytes, in their order, each from its `@` on.
///
/// ```
/// # use crier_core::text::{Dialect, mentions};
/// assert_eq!(mentions("by @alice@a.example.", Dialect::Mastodon), [3..19]);
/// ```
pub fn mentions(text: &str, dialect: Dialect) -> Vec<Range<usize>> {
    match dialect {
        Dialect::Bluesky => of_bluesky(text, |meaning| matches!(meaning, Meaning::Mention { .. })),
        Dialect::Mastodon => name::of_accounts(text),
        Dialect::X => name::of_users(text),
    }
}

/// The hashtags of a text as ranges of bytes, in their order, each from its `#` on.
///
/// ```
/// # use crier_core::text::{Dialect, hashtags};
/// assert_eq!(hashtags("in #rust, not #1", Dialect::X), [3..8]);
/// ```
pub fn hashtags(text: &str, dialect: Dialect) -> Vec<Range<usize>> {
    match dialect {
        Dialect::Bluesky => of_bluesky(text, |meaning| matches!(meaning, Meaning::Tag { .. })),
        Dialect::Mastodon | Dialect::X => name::of_tags(text),
    }
}

fn of_bluesky(text: &str, wanted: impl Fn(&Meaning) -> bool) -> Vec<Range<usize>> {
    parts(text).into_iter().filter(|part| wanted(&part.meaning)).map(|part| part.range).collect()
}

/// Extended grapheme clusters (UAX #29): what a reader calls a character. Bluesky counts so.
///
/// ```
/// # use crier_core::text::graphemes;
/// assert_eq!(graphemes("e\u{301}👩‍👩‍👧‍👦🇩🇪"), 3);
/// ```
pub fn graphemes(text: &str) -> usize {
    text.graphemes(true).count()
}

#[cfg(test)]
mod tests;
