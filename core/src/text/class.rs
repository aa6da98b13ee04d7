//! Classes of characters, as twitter-text defines them for X and Mastodon.

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// Marks that turn the direction of writing. They end names and links, and a link may follow them.
pub(super) fn is_directional(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `@` and its wide form.
pub(super) fn is_at(c: char) -> bool {
    matches!(c, '@' | '＠')
}

/// `#` and its wide form.
pub(super) fn is_hash(c: char) -> bool {
    matches!(c, '#' | '＃')
}

/// Letters of Latin script with an accent, and the accents.
pub(super) fn is_accented_latin(c: char) -> bool {
    matches!(c,
        '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{24f}' | '\u{253}' | '\u{254}' | '\u{256}'
        | '\u{257}' | '\u{259}' | '\u{25b}' | '\u{263}' | '\u{268}' | '\u{26f}' | '\u{272}' | '\u{289}'
        | '\u{28b}' | '\u{2bb}' | '\u{300}'..='\u{36f}' | '\u{1e00}'..='\u{1eff}')
}

/// Letters of Cyrillic script.
pub(super) fn is_cyrillic(c: char) -> bool {
    matches!(c, '\u{400}'..='\u{52f}' | '\u{1c80}'..='\u{1c8f}' | '\u{2de0}'..='\u{2dff}' | '\u{a640}'..='\u{a69f}')
}

/// A letter, or a mark that belongs to one: what makes a hashtag out of digits.
pub(super) fn is_letter(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphabetic();
    }
    matches!(c.general_category_group(), GeneralCategoryGroup::Letter | GeneralCategoryGroup::Mark)
}

/// What a hashtag may hold.
pub(super) fn is_of_tag(c: char) -> bool {
    is_letter(c)
        || c == '_'
        || c.general_category() == GeneralCategory::DecimalNumber
        || matches!(
            c,
            '·' | '\u{200c}'
                | '\u{200d}'
                | '\u{a67e}'
                | '\u{5be}'
                | '\u{5f3}'
                | '\u{5f4}'
                | '\u{ff5e}'
                | '\u{301c}'
                | '\u{309b}'
                | '\u{309c}'
                | '\u{30a0}'
                | '\u{30fb}'
                | '\u{3003}'
                | '\u{f0b}'
                | '\u{f0c}'
        )
}

/// What a word holds, so that an `@` after it begins no mention.
pub(super) fn is_of_word(c: char) -> bool {
    is_letter(c) || c == '_' || c.is_numeric()
}

/// The character before a place.
pub(super) fn before(text: &str, at: usize) -> Option<char> {
    text[..at].chars().next_back()
}

/// Where the run of such characters that begins at a place ends.
pub(super) fn run(text: &str, at: usize, is_of_run: impl Fn(char) -> bool) -> usize {
    text[at..].find(|c| !is_of_run(c)).map_or(text.len(), |length| at + length)
}
