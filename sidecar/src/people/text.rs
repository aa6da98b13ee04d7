//! Text for a terminal: how wide it is, and nothing in it that the terminal would obey.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// How many columns it takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// In one line, without control characters: what a post says must not steer the terminal of who reads it. Characters that change
/// the direction of writing go, too.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(1_024));
    let mut blank = false;
    for character in text.chars() {
        if character.is_whitespace() {
            blank = !line.is_empty();
        } else if !steers(character) {
            if std::mem::take(&mut blank) {
                line.push(' ');
            }
            line.push(character);
        }
    }
    line
}

fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The first words of a text, in at most so many columns.
pub(crate) fn first_words(text: &str, columns: usize) -> String {
    // a grapheme is seldom more bytes than this, and what comes after is not shown
    let enough = text.char_indices().map(|(at, _)| at).find(|at| *at > 64 * (columns + 1));
    let line = one_line(&text[..enough.unwrap_or(text.len())]);
    if width(&line) <= columns && enough.is_none() {
        return line;
    }
    let mut kept = String::new();
    let mut used = 0;
    for grapheme in line.graphemes(true) {
        used += width(grapheme);
        if used + 1 > columns {
            break;
        }
        kept.push_str(grapheme);
    }
    if columns == 0 {
        return String::new();
    }
    format!("{}…", kept.trim_end())
}

/// Filled up with blanks to so many columns.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn emoji_and_cjk_take_two_columns() {
        assert_eq!((width("abc"), width("日本語"), width("👩‍👩‍👧‍👦"), width("e\u{301}")), (3, 6, 2, 1));
        assert_eq!(first_words("日本語の投稿", 7), "日本語…");
        assert_eq!(first_words("日本語の投稿", 8), "日本語…");
        assert_eq!(first_words("👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 5), "👩‍👩‍👧‍👦👩‍👩‍👧‍👦…");
        assert_eq!(pad("日本", 6), "日本  ");
    }

    #[test]
    fn a_text_is_one_line_that_steers_nothing() {
        assert_eq!(one_line("  one\n\ttwo\r\n three "), "one two three");
        assert_eq!(one_line("a\u{1b}[31mb\u{7}\u{202e}c\u{9b}"), "a[31mbc");
        assert_eq!(first_words("one two three", 8), "one two…");
        assert_eq!(first_words("one two three", 9), "one two…");
        assert_eq!(first_words("one two three", 13), "one two three");
        assert_eq!(first_words("", 10), "");
    }

    proptest! {
        #[test]
        fn it_never_takes_more_than_there_is(text in "\\PC{0,200}|[\u{1f300}-\u{1faff}\u{200d}\u{fe0f}a日 ]{0,60}|\\p{Any}{0,60}", columns in 0_usize..60) {
            let shown = first_words(&text, columns);
            prop_assert!(width(&shown) <= columns, "{} of {columns}: {shown:?}", width(&shown));
            prop_assert!(!shown.chars().any(char::is_control));
            prop_assert_eq!(width(&pad(&shown, columns)), columns);
        }
    }
}
