use super::super::tests::any_text;
use super::*;
use proptest::prelude::*;

fn parts(text: &str, limit: usize) -> Vec<String> {
    split(text, Count::Graphemes, limit, None, false).unwrap()
}

/// A space with a mark on it is none.
fn has_space(token: &str) -> bool {
    token.graphemes(true).any(|cluster| cluster.chars().all(is_space))
}

#[test]
fn a_text_that_fits_is_one_part_without_a_number() {
    assert_eq!(split(" a b\n", Count::Graphemes, 3, None, true), Ok(vec!["a b".to_owned()]));
    assert_eq!(split(" \n\u{2003}", Count::Graphemes, 0, None, true), Ok(vec![]));
    assert_eq!(split("", Count::Weighted, 280, None, false), Ok(vec![]));
}

#[test]
fn paragraphs_come_first_then_sentences_then_words() {
    let text = "One two. Three\r\n\r\nfour five. Six seven";
    assert_eq!(parts(text, 30), ["One two. Three", "four five. Six seven"]);
    assert_eq!(parts(text, 17), ["One two. Three", "four five.", "Six seven"]);
    assert_eq!(parts(text, 12), ["One two.", "Three", "four five.", "Six seven"]);
    assert_eq!(parts(text, 8), ["One two.", "Three", "four", "five.", "Six", "seven"]);
    // a line's end is as good as a sentence's
    assert_eq!(parts("- one two\n- three four", 16), ["- one two", "- three four"]);
    // a paragraph that fills less than a third of a part is not left alone
    assert_eq!(parts("Hi!\n\nOne two three four.", 16), ["Hi!\n\nOne two", "three four."]);
    // no abbreviation, number or quote ends a sentence too early
    assert_eq!(parts("It was 3.4 e.g. so. “Yes.” No", 27), ["It was 3.4 e.g. so. “Yes.”", "No"]);
}

#[test]
fn texts_without_spaces_are_cut_at_their_words() {
    assert_eq!(parts("日本語です。次の文です。", 8), ["日本語です。", "次の文です。"]);
    assert_eq!(parts("これは長い、文です", 7), ["これは長い、文", "です"]);
    assert_eq!(parts("Rust は長い文章です", 8), ["Rust は長い", "文章です"]);
    // an unbroken word is cut where it has to be, a longer one only at its clusters
    assert_eq!(parts("a bbbbbbbbbb", 4), ["a", "bbbb", "bbbb", "bb"]);
    assert_eq!(
        parts(&"e\u{301}".repeat(5), 2),
        ["e\u{301}".repeat(2), "e\u{301}".repeat(2), "e\u{301}".to_owned()]
    );
    // a space that does not break holds
    assert_eq!(parts("aa 10\u{a0}km", 6), ["aa", "10\u{a0}km"]);
}

#[test]
fn what_has_a_meaning_is_not_cut() {
    let link = "https://example.com/a/path/(with)/parts";
    let text = format!("日本語{link}は");
    assert_eq!(
        split(&text, Count::Weighted, 24, None, false),
        Ok(vec!["日本語".to_owned(), link.to_owned(), "は".to_owned()])
    );
    // On Bluesky a link begins with a word.
    assert_eq!(parts("see #日本語の長いタグ", 9), ["see", "#日本語の長いタグ"]);
    assert_eq!(parts("@alice.example.com!!", 18), ["@alice.example.com", "!!"]);
    let account = format!("@alice@{}.example", "b".repeat(40));
    let parts = split(&format!("!!{account}"), Count::Mastodon, 7, None, false);
    assert_eq!(parts, Ok(vec!["!!".to_owned(), account]));
}

#[test]
fn what_cannot_be_divided_is_named() {
    let link = "https://example.com/a-path";
    let error = split(&format!("see {link} now"), Count::Graphemes, 20, None, false).unwrap_err();
    assert_eq!(error, CantSplit::Count { token: link.to_owned(), found: link.len(), limit: 20 });
    assert_eq!(
        error.to_string(),
        "\"https://example.com/a-path\" can't be divided and counts 26; a part can count 20"
    );
    let error = split(&format!("see {link} now"), Count::Weighted, 24, Some(20), false).unwrap_err();
    assert_eq!(error, CantSplit::Bytes { token: link.to_owned(), found: link.len(), limit: 20 });
    // its number counts too
    let error = split(&format!("see {link} now"), Count::Weighted, 26, None, true).unwrap_err();
    assert_eq!(error, CantSplit::Count { token: link.to_owned(), found: 27, limit: 26 });
    assert!(split("a", Count::Graphemes, 0, None, false).is_err());
    let long = format!("#{}", "é".repeat(300));
    let error = split(&long, Count::Weighted, 20, None, false).unwrap_err();
    assert!(error.to_string().len() < 300, "{error}");
}

#[test]
fn more_than_nine_parts_have_longer_numbers() {
    let numbered = split(&"aaa ".repeat(12), Count::Graphemes, 10, None, true).unwrap();
    assert_eq!(numbered.len(), 12);
    assert_eq!((numbered[0].as_str(), numbered[11].as_str()), ("aaa 1/12", "aaa 12/12"));
    // nine parts of "a 1/9" would do, ten need more room
    let numbered = split(&"a".repeat(10), Count::Graphemes, 5, None, true);
    assert!(numbered.is_err(), "{numbered:?}");
}

#[test]
fn what_is_made_to_be_slow_is_not() {
    let start = std::time::Instant::now();
    for token in [
        "a",
        "a ",
        "\u{301}",
        "a. ",
        "http://a.com ",
        "#a",
        "👩\u{200d}",
        "a.,",
        "あ",
        ".) ",
        " \n",
        "((",
        "@a@b.c ",
    ] {
        let text = token.repeat(20_000 / token.len());
        let _ = split(&text, Count::Weighted, 280, None, true);
        let _ = split(&text, Count::Graphemes, 300, Some(3_000), true);
    }
    assert!(start.elapsed() < std::time::Duration::from_secs(30), "{:?}", start.elapsed());
}

proptest! {
    #[test]
    fn a_thread_is_its_text(
        text in any_text(),
        count in prop::sample::select(vec![
            Count::Graphemes, Count::Mastodon, Count::Weighted, Count::Characters, Count::Utf16, Count::EmojiBytes,
            Count::Escaped,
        ]),
        limit in 1..90_usize,
        max_bytes in prop::option::of(20..200_usize),
        numbering in any::<bool>(),
    ) {
        let parts = match split(&text, count, limit, max_bytes, numbering) {
            Ok(parts) => parts,
            Err(CantSplit::Count { token, found, limit: stated }) => {
                prop_assert!(stated == limit && found > limit);
                prop_assert!(text.contains(&token) && !has_space(&token));
                return Ok(());
            }
            Err(CantSplit::Bytes { token, found, limit: stated }) => {
                prop_assert!(Some(stated) == max_bytes && found > stated);
                prop_assert!(text.contains(&token) && !has_space(&token));
                return Ok(());
            }
        };
        let clusters: Vec<_> = text.grapheme_indices(true).map(|(at, _)| at).chain([text.len()]).collect();
        let kept = kept(&text, count);
        let mut at = 0;
        for (index, part) in parts.iter().enumerate() {
            prop_assert!(count.count(part) <= limit && part.len() <= max_bytes.unwrap_or(usize::MAX), "{:?}", part);
            let number = format!(" {}/{}", index + 1, parts.len());
            let content = if numbering && parts.len() > 1 { part.strip_suffix(&number) } else { Some(part.as_str()) };
            prop_assert!(content.is_some(), "{:?}", part);
            let content = content.unwrap_or_default();
            // the parts are the text in its order, and only space is missing between them
            let found = text[at..].find(content);
            prop_assert!(!content.is_empty() && found.is_some(), "{:?}", parts);
            let start = at + found.unwrap_or_default();
            prop_assert!(text[at..start].chars().all(is_space), "{:?} is lost", &text[at..start]);
            at = start + content.len();
            for cut in [start, at] {
                prop_assert!(clusters.binary_search(&cut).is_ok(), "{} cuts a cluster of {:?}", cut, text);
                prop_assert!(!kept.iter().any(|range| range.start < cut && cut < range.end), "{} cuts {:?}", cut, kept);
            }
        }
        prop_assert!(text[at..].chars().all(is_space), "{:?} is lost", &text[at..]);
    }
}
