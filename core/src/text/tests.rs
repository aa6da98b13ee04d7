use super::*;
use proptest::prelude::*;

/// Pairs of a text and what is expected of it, from the conformance tests of twitter-text 3.1.
pub(super) fn vectors<T: serde::de::DeserializeOwned>(json: &str) -> Vec<(String, T)> {
    serde_json::from_str(json).unwrap()
}

/// Texts full of what is found, counted and cut in its own way.
pub(super) fn any_text() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        4 => r"[a-zäß0-9]{1,9}",
        2 => r"\PC{1,3}",
        3 => prop::sample::select(vec![" ", "\n", "\n\n", ". ", "! ", ", ", "。", "、", "\u{a0}", "\r\n\r\n"]).prop_map(str::to_owned),
        3 => prop::sample::select(vec![
            "http://", "https://", "https://a.com", "a.co.uk/x(y)", "/", "?q=1", "@alice", "@bob@b.example", "#tag",
            "＃全角", ".com", ".みんな", "(", ")", "_", "*", "://", "@", "#", "日本語", "見ては",
        ]).prop_map(str::to_owned),
        3 => prop::sample::select(vec![
            "👨‍👩‍👧‍👧", "🇩🇪", "🇩", "🏴\u{e0067}\u{e0062}\u{e007f}", "1\u{fe0f}\u{20e3}", "☺", "\u{fe0e}", "\u{fe0f}", "\u{200d}",
            "👍🏿", "\u{1f3ff}", "©", "e\u{301}", "\u{301}", "\u{1100}\u{1161}", "\u{600}", "क\u{94d}ष",
        ]).prop_map(str::to_owned),
    ];
    proptest::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

const DIALECTS: [Dialect; 3] = [Dialect::Bluesky, Dialect::Mastodon, Dialect::X];

fn slices(text: &str, ranges: Vec<Range<usize>>) -> Vec<&str> {
    ranges.into_iter().map(|range| &text[range]).collect()
}

#[test]
fn the_published_vectors_hold() {
    // From the rich-text tests of the AT Protocol: length in UTF-8 bytes and in graphemes.
    for (text, bytes, clusters) in
        [("", 0, 0), ("👋", 4, 1), ("👨‍👩‍👧‍👧", 25, 1), ("👨‍👩‍👧‍👧🔥 good!✅", 38, 9), ("áàâäã", 10, 5), ("\r\n", 2, 1)]
    {
        assert_eq!((text.len(), graphemes(text)), (bytes, clusters), "{text:?}");
    }
}

#[test]
fn links_are_those_of_twitter_text() {
    for (text, expected) in vectors::<Vec<String>>(include_str!("vectors/links.json")) {
        assert_eq!(slices(&text, links(&text, Dialect::X)), expected, "{text:?}");
    }
}

#[test]
fn hashtags_are_those_of_twitter_text() {
    for (text, expected) in vectors::<Vec<String>>(include_str!("vectors/hashtags.json")) {
        let tags: Vec<_> = slices(&text, hashtags(&text, Dialect::X));
        let tags: Vec<_> = tags.iter().map(|tag| tag.trim_start_matches(['#', '＃'])).collect();
        assert_eq!(tags, expected, "{text:?}");
    }
}

#[test]
fn mentions_are_those_of_twitter_text() {
    for (text, expected) in vectors::<Vec<String>>(include_str!("vectors/mentions.json")) {
        let names = slices(&text, mentions(&text, Dialect::X));
        let names: Vec<_> = names.iter().map(|name| &name[1..]).collect();
        assert_eq!(names, expected, "{text:?}");
    }
}

#[test]
fn mastodon_takes_any_path_and_no_bare_domain() {
    for (text, expected) in [
        ("see a.com and https://a.com/これは。", vec!["https://a.com/これは。"]),
        ("https://a.com/x(y(z))), then", vec!["https://a.com/x(y(z))"]),
        ("https://a.com/\u{1f600}!? http://b.com?q=é^", vec!["https://a.com/\u{1f600}", "http://b.com?q=é"]),
        ("http://localhost/ http://a.example/ xhttp://a.com @http://a.com", vec![]),
    ] {
        assert_eq!(slices(text, links(text, Dialect::Mastodon)), expected, "{text:?}");
    }
    for (text, expected) in [
        ("@alice @bob@b.example. (@c.d-e@ü.example)", vec!["@alice", "@bob@b.example", "@c.d-e@ü.example"]),
        ("a@b.example /@alice =@alice @a@b@c @aliceé @-", vec![]),
    ] {
        assert_eq!(slices(text, mentions(text, Dialect::Mastodon)), expected, "{text:?}");
    }
}

proptest! {
    #[test]
    fn there_are_never_more_graphemes_than_characters(text in "\\PC*") {
        prop_assert!(graphemes(&text) <= text.chars().count());
        prop_assert_eq!(graphemes(&text) == 0, text.is_empty());
    }

    /// What is found lies on boundaries of characters, in order, without space, and is what it is taken for.
    #[test]
    fn what_is_found_are_slices_in_order(text in any_text()) {
        for dialect in DIALECTS {
            for (found, signs) in [
                (links(&text, dialect), None),
                (mentions(&text, dialect), Some(['@', '＠'])),
                (hashtags(&text, dialect), Some(['#', '＃'])),
            ] {
                let mut last = 0;
                for range in found {
                    prop_assert!(range.start >= last && range.end > range.start);
                    last = range.end;
                    let slice = text.get(range.clone());
                    prop_assert!(slice.is_some(), "{:?} cuts a character of {:?}", range, text);
                    let slice = slice.unwrap_or_default();
                    prop_assert!(!slice.contains(char::is_whitespace), "{:?}", slice);
                    prop_assert!(signs.is_none_or(|signs| slice.starts_with(signs)), "{:?}", slice);
                }
            }
        }
    }

    /// A link between spaces is found whole, whatever stands around it.
    #[test]
    fn a_link_between_spaces_is_found(before in any_text(), path in "[a-z]{0,5}(\\([a-z]{1,3}\\))?(\\?q=[a-z]{1,3})?", after in any_text()) {
        let link = format!("https://a.com/{path}");
        let text = format!("{before} {link} {after}");
        let range = before.len() + 1..before.len() + 1 + link.len();
        for dialect in DIALECTS {
            prop_assert!(links(&text, dialect).contains(&range), "{:?}: {:?}", dialect, text);
        }
    }
}
