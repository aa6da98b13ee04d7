//! How platforms count text.

use unicode_segmentation::UnicodeSegmentation;

/// How a platform counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Extended grapheme clusters.
    Graphemes,
    /// As Mastodon does.
    Mastodon,
    /// As X does.
    Weighted,
    /// Code points.
    Characters,
}

impl Count {
    /// How much a text counts.
    pub fn count(self, text: &str) -> usize {
        match self {
            Self::Graphemes | Self::Mastodon | Self::Weighted => graphemes(text),
            Self::Characters => text.chars().count(),
        }
    }
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_published_vectors_hold() {
        // From the rich-text tests of the AT Protocol: length in UTF-8 bytes and in graphemes.
        for (text, bytes, clusters) in [
            ("", 0, 0),
            ("👋", 4, 1),
            ("👨‍👩‍👧‍👧", 25, 1),
            ("👨‍👩‍👧‍👧🔥 good!✅", 38, 9),
            ("áàâäã", 10, 5),
            ("\r\n", 2, 1),
        ] {
            assert_eq!((text.len(), graphemes(text)), (bytes, clusters), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn there_are_never_more_graphemes_than_characters(text in "\\PC*") {
            prop_assert!(graphemes(&text) <= text.chars().count());
            prop_assert_eq!(graphemes(&text) == 0, text.is_empty());
        }
    }
}
