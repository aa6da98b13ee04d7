//! Finds a secret in a text, as it is or written in one of the ways in which answers quote: percent-encoding and the escapes of
//! JSON, also mixed.

use std::ops::Range;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// Shorter ones are not looked for: as many bytes as a `u64` has.
const SHORTEST: usize = 8;
/// Of a part that is shorter nobody can tell that it is no word of its own.
const PART: usize = 16;
/// What stands in the place of a secret.
const REDACTED: &str = "[redacted]";

/// What is not to be shown, with its pieces of [`SHORTEST`] bytes, in order. Whatever is hidden begins with one of them, so that
/// most of a text is passed over at once: every answer is looked through, and tokens are long.
pub(super) struct Hidden {
    secret: SecretString,
    pieces: Zeroizing<Vec<u64>>,
}

impl Hidden {
    /// Nothing for one that is shorter than [`SHORTEST`]: it is a word like others, and guessed in no time.
    pub(super) fn new(secret: &SecretString) -> Option<Self> {
        let bytes = secret.expose_secret().as_bytes();
        let mut pieces = Zeroizing::new(Vec::with_capacity(bytes.len()));
        pieces.extend(bytes.windows(SHORTEST).map(|piece| number(piece.iter().copied())));
        pieces.sort_unstable();
        (!pieces.is_empty()).then(|| Self { secret: secret.clone(), pieces })
    }

    /// Puts a word in the place of the secret and of parts of it, wherever they stand in the text.
    pub(super) fn hide(&self, text: &mut String) {
        if text.contains(['%', '\\']) {
            self.replace(text, decoded);
        }
        self.replace(text, plain);
    }

    fn replace(&self, text: &mut String, read: fn(&str) -> Vec<Unit>) {
        for range in self.find(text, &read(text)).into_iter().rev() {
            text.replace_range(range, REDACTED);
        }
    }

    /// Where the secret is written, or so much of it that it is no accident: texts are cut off, and addresses taken apart.
    fn find(&self, text: &str, units: &[Unit]) -> Vec<Range<usize>> {
        let secret = self.secret.expose_secret().as_bytes();
        let (mut found, mut from) = (vec![], 0);
        while let Some(piece) = units.get(from..from + SHORTEST) {
            let piece = number(piece.iter().map(|(byte, _)| *byte));
            let may_begin = self.pieces.binary_search(&piece).is_ok();
            let len = if may_begin { shown(&units[from..], secret) } else { 0 };
            // One that is not ASCII could begin or end within a character of the text.
            let range = units[from].1.start..units[from + len.max(1) - 1].1.end;
            if len > 0 && text.is_char_boundary(range.start) && text.is_char_boundary(range.end) {
                found.push(range);
                from += len;
            } else {
                from += 1;
            }
        }
        found
    }
}

/// [`SHORTEST`] bytes as one number.
fn number(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0, |number, byte| number << 8 | u64::from(byte))
}

/// A byte that is meant, and where it is written.
type Unit = (u8, Range<usize>);

/// The text as it is.
fn plain(text: &str) -> Vec<Unit> {
    text.bytes().enumerate().map(|(at, byte)| (byte, at..at + 1)).collect()
}

/// The text without its escapes.
fn decoded(text: &str) -> Vec<Unit> {
    let bytes = text.as_bytes();
    let hex = |range: Range<usize>| {
        let digits = bytes.get(range)?;
        let all = digits.iter().all(u8::is_ascii_hexdigit);
        u32::from_str_radix(std::str::from_utf8(digits).ok().filter(|_| all)?, 16).ok()
    };
    let mut units = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let (byte, len) = match (bytes[at], bytes.get(at + 1)) {
            (b'%', _) => hex(at + 1..at + 3).map_or((b'%', 1), |code| (code.to_le_bytes()[0], 3)),
            // Secrets are ASCII: an escape of anything else is no part of one.
            (b'\\', Some(b'u')) => match hex(at + 2..at + 6) {
                Some(code) if code < 128 => (code.to_le_bytes()[0], 6),
                _ => (b'\\', 1),
            },
            (b'\\', Some(escaped @ (b'/' | b'"' | b'\\'))) => (*escaped, 2),
            (byte, _) => (byte, 1),
        };
        units.push((byte, at..at + len));
        at += len;
    }
    units
}

/// How many of these bytes are the secret, a large part of it, or its beginning with the end of the text behind it.
fn shown(units: &[Unit], secret: &[u8]) -> usize {
    let from =
        |at: usize| units.iter().zip(&secret[at..]).take_while(|((byte, _), own)| byte == *own).count();
    let begin = from(0);
    let is_cut = begin == units.len() && begin >= SHORTEST;
    if begin == secret.len() || is_cut {
        return begin;
    }
    let longest = (1..secret.len()).map(from).fold(begin, usize::max);
    if longest >= PART { longest } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: &str = "eyJ/a+b=c-d_e.f~\"g";

    fn hide(text: &mut String, secret: &str) {
        if let Some(hidden) = Hidden::new(&secret.into()) {
            hidden.hide(text);
        }
    }

    fn hidden(text: &str) -> String {
        let mut text = text.to_owned();
        hide(&mut text, SECRET);
        text
    }

    /// Looks at every place of a text.
    fn found_slowly(text: &str, secret: &str) -> Vec<Range<usize>> {
        let (units, mut found, mut from) = (plain(text), vec![], 0);
        while from < units.len() {
            let len = shown(&units[from..], secret.as_bytes());
            if len > 0 {
                found.push(from..from + len);
            }
            from += len.max(1);
        }
        found
    }

    #[test]
    fn a_secret_is_hidden_in_every_spelling() {
        let percent: String = SECRET.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let escaped: String = SECRET.bytes().map(|byte| format!("\\u{byte:04X}")).collect();
        let json = serde_json::to_string(SECRET).unwrap();
        let form = SECRET.replace('/', "%2F").replace('+', "%2b").replace('=', "%3D").replace('"', "%22");
        let mixed = SECRET.replace('/', "\\/").replace('"', "\\\"").replace('+', "%2B");
        for written in [SECRET, &percent, &escaped, json.trim_matches('"'), &form, &mixed] {
            assert_eq!(
                hidden(&format!("a {written} b {written}!")),
                "a [redacted] b [redacted]!",
                "{written}"
            );
        }
    }

    #[test]
    fn what_a_cut_left_of_it_is_hidden_too() {
        assert_eq!(hidden(&format!("token {}", &SECRET[..8])), "token [redacted]");
        assert_eq!(hidden(&format!("token {} and more", &SECRET[2..])), "token [redacted] and more");
        for part in [&SECRET[..7], &SECRET[4..15]] {
            assert_eq!(hidden(&format!("token {part}")), format!("token {part}"));
        }
        // a word in it is a word elsewhere
        let mut address = "http://127.0.0.1:1/mastodon".to_owned();
        hide(&mut address, "canary-mastodon-token");
        assert_eq!(address, "http://127.0.0.1:1/mastodon");
    }

    #[test]
    fn other_words_stay() {
        for text in ["", "%", "%4", "%zz\\", "\\u12", "\\u00e9 100% of é", "eyJ"] {
            assert_eq!(hidden(text), text);
        }
        let mut text = "a redacted token".to_owned();
        hide(&mut text, "redacted");
        assert_eq!(text, "a [redacted] token");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_none_keeps_it(before in "\\PC{0,20}", secret in "[a-zA-Z0-9_/+=.-]{8,40}", after in "\\PC{0,20}") {
            let mut text = format!("{before}{secret}{after}");
            hide(&mut text, &secret);
            prop_assert!(!text.contains(&secret) || REDACTED.contains(&secret));
        }

        #[test]
        fn no_place_is_passed_over(text in "[ab]{0,60}", secret in "[ab]{8,24}", cut in 0_usize..24) {
            let text = format!("{text}{}", &secret[..cut.min(secret.len())]);
            let hidden = Hidden::new(&secret.as_str().into()).expect("long enough");
            prop_assert_eq!(hidden.find(&text, &plain(&text)), found_slowly(&text, &secret));
        }

        #[test]
        fn odd_secrets_do_not_panic(text in "\\PC{0,40}", secret in "\\PC{8,20}") {
            let mut text = text;
            hide(&mut text, &secret);
        }
    }
}
