//! Texts and addresses as they are compared with what a platform shows: it trims them, changes the spaces between words, composes
//! letters and marks, and has other addresses lead to the same place.

use unicode_normalization::UnicodeNormalization;
use url::Url;

/// The words of a text, composed (NFC).
pub(super) fn words(text: &str) -> Vec<String> {
    text.nfc().collect::<String>().split_whitespace().map(str::to_owned).collect()
}

/// The words that are no addresses.
pub(super) fn without_addresses(words: &[String]) -> Vec<&String> {
    words.iter().filter(|word| !holds_address(word)).collect()
}

/// Whether a word holds what a platform may take for an address: with a scheme, or a host and a path.
fn holds_address(word: &str) -> bool {
    let is_host = |host: &str| host.trim_matches('.').contains('.');
    word.contains("://")
        || word.starts_with("www.")
        || word.split_once('/').is_some_and(|(host, _)| is_host(host))
}

/// Where a link leads, however it is written.
pub(super) fn address(link: &str) -> String {
    let link = link.trim();
    Url::parse(link).map_or_else(|_| link.to_owned(), |url| url.as_str().trim_end_matches('/').to_owned())
}

/// Whether an address stands in a text, with or without its scheme.
pub(super) fn is_in(text: &str, link: &str) -> bool {
    let bare = |link: &str| {
        let whole = address(link);
        whole
            .split_once("://")
            .map_or_else(|| whole.trim_end_matches('/').to_owned(), |(_, rest)| rest.to_owned())
    };
    let signs = |c: char| c.is_ascii_punctuation() && c != '/' && c != '=';
    let wanted = bare(link);
    text.split_whitespace()
        .any(|word| [word, word.trim_matches(signs)].iter().any(|word| bare(word) == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_composed() {
        assert_eq!(words(" Gru\u{308}n  &\nso "), words("Gr\u{fc}n & so"));
        assert_ne!(words("a b"), words("ab"));
    }

    #[test]
    fn addresses_are_left_out() {
        let left =
            |text: &str| without_addresses(&words(text)).into_iter().cloned().collect::<Vec<_>>().join(" ");
        for text in
            ["a https://b.example/x c", "a (https://lnkd.in/7) c", "a www.b.example c", "a b.example/x c"]
        {
            assert_eq!(left(text), "a c", "{text}");
        }
        for text in ["either/or", "a.b", "1/2", "./x"] {
            assert_eq!(left(text), text);
        }
    }

    #[test]
    fn an_address_is_found_in_a_text() {
        for text in ["see https://a.example/x?y=1", "(a.example/x?y=1)", "HTTPS://A.example/x?y=1, and more"]
        {
            assert!(is_in(text, "https://a.example/x?y=1"), "{text}");
        }
        assert!(
            is_in("a.example", "http://a.example/") && is_in("at https://a.example/.", "https://a.example")
        );
        for text in ["", "see https://a.example/x", "https://b.example/x?y=1"] {
            assert!(!is_in(text, "https://a.example/x?y=1"), "{text}");
        }
    }
}
