//! Where a text becomes too long.

use std::fmt;

use unicode_segmentation::UnicodeSegmentation;

use super::Count;
use super::split::last_that;

/// The most characters that are shown of what is too much.
const MAX_SHOWN: usize = 20;

/// What of a text is too much: where it begins, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess {
    /// The number of its first character; the text's first is 1.
    pub from: usize,
    /// Its first characters.
    pub begins: String,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "what is too much begins with character {}: {:?}", self.from, self.begins)
    }
}

/// What comes after the longest beginning of the text that counts, with what stands before the text, at most `limit`. A link that
/// doesn't fit is cut where its own beginning still would.
///
/// ```
/// # use crier_core::text::{Count, excess};
/// let excess = excess("", "👍🏽👍🏽ab", Count::Graphemes, 3);
/// assert_eq!((excess.from, excess.begins.as_str()), (6, "b"));
/// ```
pub fn excess(before: &str, text: &str, count: Count, limit: usize) -> Excess {
    after(text, |beginning| count.count(&format!("{before}{beginning}")) <= limit)
}

/// The same of a text that may take so many bytes.
pub fn excess_bytes(before: &str, text: &str, limit: usize) -> Excess {
    after(text, |beginning| before.len() + beginning.len() <= limit)
}

fn after(text: &str, fits: impl Fn(&str) -> bool) -> Excess {
    let ends: Vec<_> = text.grapheme_indices(true).map(|(at, _)| at).chain([text.len()]).collect();
    let kept = ends[last_that(ends.len(), |at| fits(&text[..ends[at]]))];
    Excess { from: text[..kept].chars().count() + 1, begins: text[kept..].chars().take(MAX_SHOWN).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn it_begins_where_the_limit_is_passed() {
        let of = |text: &str, count, limit| {
            let Excess { from, begins } = excess("", text, count, limit);
            (from, begins)
        };
        assert_eq!(of(&"a".repeat(301), Count::Graphemes, 300), (301, "a".to_owned()));
        assert_eq!(of("abc", Count::Characters, 0), (1, "abc".to_owned()));
        // a cluster is not divided
        assert_eq!(of("x👨‍👩‍👧‍👧y", Count::Utf16, 5), (2, "👨‍👩‍👧‍👧y".to_owned()));
        assert_eq!(excess_bytes("", "aéé", 4), Excess { from: 3, begins: "é".into() });
        assert_eq!(excess("", &"long ".repeat(99), Count::Characters, 5).begins.chars().count(), MAX_SHOWN);
    }

    proptest! {
        #[test]
        fn what_comes_before_it_fits(text in "\\PC{1,80}", limit in 0_usize..80) {
            for count in [Count::Graphemes, Count::Characters, Count::Utf16, Count::Escaped] {
                let kept: String = text.chars().take(excess("", &text, count, limit).from - 1).collect();
                prop_assert!(count.count(&kept) <= limit, "{count:?} {kept:?}");
            }
        }
    }
}
