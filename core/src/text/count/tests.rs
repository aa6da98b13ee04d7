use std::time::{Duration, Instant};

use super::super::tests::{any_text, vectors};
use super::*;
use proptest::prelude::*;

const ALL: [Count; 7] = [
    Count::Graphemes,
    Count::Mastodon,
    Count::Weighted,
    Count::Characters,
    Count::Utf16,
    Count::EmojiBytes,
    Count::Escaped,
];

#[test]
fn weights_are_those_of_twitter_text() {
    for (text, expected) in vectors::<usize>(include_str!("../vectors/weighted.json")) {
        assert_eq!(Count::Weighted.count(&text), expected, "{text:?}");
    }
}

#[test]
fn a_label_that_no_server_takes_makes_no_link() {
    // twitter-text's longest vector, which is too long to be read
    let intro = "Long url with invalid domain labels and a short url: ";
    let long = "somesuperlongurl".repeat(4);
    let text = format!("{intro}https://{long}.com https://a.com");
    assert_eq!(Count::Weighted.count(&text), intro.len() + "https://".len() + long.len() + 5 + LINK);
}

#[test]
fn emoji_are_found_whole() {
    for (text, weight) in [
        ("👁️‍🗨️🏳️‍⚧️🏴‍☠️", 6),
        ("🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}", 2),
        ("🇩🇪🇫🇷🇩", 6),
        ("1️⃣#⃣*️⃣", 6),
        ("12", 2),
        ("©®", 2),
        ("©️®️", 4),
        ("☺☺️", 4),
        ("✅✅️⚡️", 8),
        ("☺\u{fe0e}", 4),
        ("👍🏿🐱🏿", 6),
        ("👍\u{200d}", 3),
        ("👍\u{301}\u{301}", 4),
        ("🏴\u{e0067}", 4),
    ] {
        assert_eq!(Count::Weighted.count(text), weight, "{text:?}");
    }
}

#[test]
fn mastodon_counts_as_its_own_tests_say() {
    let count = |text: &str| Count::Mastodon.count(text);
    let link = format!("http://{}.com/example", "b".repeat(30));
    assert_eq!(count(&format!("{} {link}", "a".repeat(476))), 500);
    // not autolinkable: a letter stands before it
    assert_eq!(count(&format!("{}{link}", "a".repeat(476))), 476 + link.len());
    // overly long
    let long = format!("http://example.com/valid?{}", "#foo?".repeat(1000));
    assert_eq!(count(&long), long.len());
    assert_eq!(count(&format!("{} @alice@{}.com", "a".repeat(475), "b".repeat(30))), 482);
    let long = format!("@alice@{}.com", "b".repeat(500));
    assert_eq!(count(&long), long.len());
    assert_eq!(count(&"✨".repeat(500)), 500);
    assert_eq!(count(&"🏳️‍⚧️".repeat(500)), 500);
    // a mark after a link makes no character of its own
    assert_eq!(count("http://a.com\u{301}x"), 24);
}

#[test]
fn others_count_units() {
    let text = "a\u{301}👨‍👩‍👧‍👧 日#";
    let counts = [Count::Characters, Count::Utf16, Count::EmojiBytes, Count::Escaped];
    assert_eq!(counts.map(|count| count.count(text)), [12, 16, 2 + 25 + 3, 17]);
    assert_eq!(Count::EmojiBytes.count("©™ ☺☺️☺\u{fe0e}1️⃣"), 3 + 3 + 6 + 2 + 7);
    let reserved = "\\ | { } @ [ ] ( ) < > # * _ ~";
    assert_eq!(Count::Escaped.count(reserved), 15 * 2 + 14);
    assert_eq!(Count::Escaped.count("!\"$%&'+,-./:;=?^`"), 17);
}

#[test]
fn what_is_made_to_be_slow_is_not() {
    let tokens = [
        "a",
        "a.",
        ".",
        "com.",
        "a.com",
        "-",
        "http://",
        "http://a.com/(",
        "http://a.com/((",
        "a.com?(",
        "(",
        "@",
        "@a",
        "@a@",
        "@a.",
        "@a@b.",
        "#",
        "#a",
        "#1",
        "\u{301}",
        "\u{200d}",
        "👩\u{200d}",
        "🇩",
        "🏴\u{e0067}",
        "1\u{fe0f}",
        "クa.com",
        "あ.",
        "a\u{327}\u{301}",
        "\u{1100}",
        "क\u{94d}",
        "\u{600}",
        "xn--",
        "xn--a.",
        "＃",
        "a。 ",
        ". ",
    ];
    let heads = [("", ""), ("http://a.com/", ")"), ("http://", ".com"), ("@a@", ""), ("#", "://")];
    for (token, (head, tail)) in tokens.into_iter().flat_map(|token| heads.map(|head| (token, head))) {
        let text = format!("{head}{}{tail}", token.repeat(50_000 / token.len()));
        // heads change nothing where links do not count
        let counts = if head.is_empty() { &ALL[..] } else { &[Count::Mastodon, Count::Weighted] };
        for count in counts {
            let start = Instant::now();
            count.count(&text);
            let took = start.elapsed();
            // not optimized; what is quadratic takes ten times as long
            assert!(took < Duration::from_secs(3), "{count:?} of {head}{token}…{tail} took {took:?}");
        }
    }
}

proptest! {
    #[test]
    fn plain_ascii_counts_its_length(text in "[a-zA-Z0-9 ,;:!?'\"%&+=/$-]{0,80}") {
        prop_assume!(links(&text, Dialect::X).is_empty());
        for count in ALL {
            prop_assert_eq!(count.count(&text), text.len(), "{:?}", count);
        }
    }

    #[test]
    fn no_count_is_out_of_bounds(text in any_text()) {
        let [graphemes, mastodon, weighted, characters, utf16, emoji_bytes, escaped] = ALL.map(|count| count.count(&text));
        let links = |dialect| links(&text, dialect).len();
        prop_assert!(graphemes <= characters && characters <= utf16 && utf16 <= text.len());
        prop_assert!(characters <= emoji_bytes.max(characters) && emoji_bytes <= text.len());
        prop_assert!(utf16 <= escaped && escaped <= 2 * utf16);
        prop_assert!(mastodon <= graphemes + LINK * links(Dialect::Mastodon));
        // composition can lengthen a text, by a factor of three at the most
        prop_assert!(weighted <= 3 * 2 * characters + LINK * text.matches('.').count());
    }

    /// Where nothing depends on what follows, more text never counts less, and two texts count what both do.
    #[test]
    fn units_add_up(first in any_text(), second in any_text()) {
        let both = first.clone() + &second;
        for count in [Count::Characters, Count::Utf16, Count::Escaped] {
            prop_assert_eq!(count.count(&both), count.count(&first) + count.count(&second), "{:?}", count);
        }
        let [first, second, both] = [&first, &second, &both].map(|text| graphemes(text));
        prop_assert!(first <= both && both <= first + second);
    }

    /// A space keeps two texts apart, but for marks that would join what is before them.
    #[test]
    fn what_a_space_divides_adds_up(first in any_text(), second in "[a-z#@(👍][a-zé日 @#./:👍\u{fe0f}]{0,20}") {
        prop_assume!(!first.ends_with('\u{600}'));
        let both = format!("{first} {second}");
        for count in ALL {
            prop_assert_eq!(count.count(&both), count.count(&first) + 1 + count.count(&second), "{:?}", count);
        }
    }
}
