//! Domains inside a text: where they end when no space says so.

use std::sync::LazyLock;

use super::class::{is_directional, run};

/// Every top-level domain that IANA knows, in Unicode: sorted by bytes, one a line.
static ENDINGS: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("tlds.txt").lines().collect());
/// The most characters of a top-level domain that isn't ASCII.
const MAX_ENDING: usize = 20;
/// The most bytes of a label, in ASCII.
const MAX_LABEL: usize = 63;

/// Whether it is a top-level domain, in lower case.
fn is_ending(name: &str) -> bool {
    ENDINGS.binary_search(&name).is_ok()
}

/// What a label of a domain consists of, apart from `-` and `_` inside it.
pub(super) fn is_of_label(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    !c.is_control()
        && !c.is_whitespace()
        && !is_directional(c)
        && !matches!(c, '\u{180e}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// The length of the longest domain with which a run of labels begins, where `after` follows the run.
///
/// It may end inside a label: "a.comは" is a domain and a word.
pub(super) fn longest(labels: &str, after: Option<char>) -> Option<usize> {
    let mut longest = None;
    let mut start = 0;
    let mut previous: Option<&str> = None;
    for label in labels.split('.') {
        if previous.is_some_and(is_name)
            && let Some(length) = ending(label, after.filter(|_| start + label.len() == labels.len()))
        {
            longest = Some(start + length);
        }
        if !is_subdomain(label) {
            break;
        }
        previous = Some(label);
        start += label.len() + 1;
    }
    longest
}

/// Whether each label is short enough for a name server.
pub(super) fn is_resolvable(domain: &str) -> bool {
    domain.split('.').all(|label| match label.is_ascii() {
        true => label.len() <= MAX_LABEL,
        // what says that it is Punycode has to be
        false if label.starts_with("xn--") => false,
        false => label.len() <= 4 * MAX_LABEL && "xn--".len() + punycode(label) <= MAX_LABEL,
    })
}

fn is_subdomain(label: &str) -> bool {
    !label.is_empty() && !label.starts_with(['-', '_']) && !label.ends_with(['-', '_'])
}

/// The label before the last can't have a `_`.
fn is_name(label: &str) -> bool {
    is_subdomain(label) && !label.contains('_')
}

/// The length of the top-level domain with which a label begins. What follows it may not look like more of a name.
fn ending(label: &str, after: Option<char>) -> Option<usize> {
    let stops = |length: usize| {
        let next = label[length..].chars().next().or(after);
        !next.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '@' | '+' | '-'))
    };
    let ascii = run(label, 0, |c| c.is_ascii_alphanumeric());
    if label[..ascii].eq_ignore_ascii_case("xn") && label[ascii..].starts_with("--") {
        let start = ascii + 2;
        let end = run(label, start, |c| c.is_ascii_alphanumeric());
        return (end > start).then_some(end);
    }
    if ascii > 0 && is_ending(&label[..ascii].to_ascii_lowercase()) {
        return Some(ascii).filter(|length| stops(*length));
    }
    // the lower case of a character may have another length, so it is made of each
    let mut name = String::new();
    let mut found = None;
    for (at, c) in label.char_indices().take(MAX_ENDING) {
        name.extend(c.to_lowercase());
        let end = at + c.len_utf8();
        if end > ascii && is_ending(&name) && stops(end) {
            found = Some(end);
        }
    }
    found
}

/// The length of a label in Punycode (RFC 3492), without its prefix.
fn punycode(label: &str) -> usize {
    const BASE: usize = 36;
    let basic = label.bytes().filter(u8::is_ascii).count();
    let mut length = basic + usize::from(basic > 0);
    let (mut code, mut delta, mut bias, mut handled) = (0x80, 0, 72, basic);
    while let Some(next) = label.chars().map(|c| c as usize).filter(|c| *c >= code).min() {
        delta += (next - code) * (handled + 1);
        for c in label.chars().map(|c| c as usize) {
            if c < next {
                delta += 1;
            } else if c == next {
                let mut rest = delta;
                for step in 1.. {
                    length += 1;
                    let threshold = (step * BASE).saturating_sub(bias).clamp(1, 26);
                    if rest < threshold {
                        break;
                    }
                    rest = (rest - threshold) / (BASE - threshold);
                }
                bias = adapted(delta, handled + 1, handled == basic);
                delta = 0;
                handled += 1;
            }
        }
        delta += 1;
        code = next + 1;
    }
    length
}

fn adapted(delta: usize, count: usize, first: bool) -> usize {
    let mut delta = delta / if first { 700 } else { 2 };
    delta += delta / count;
    let mut steps = 0;
    while delta > 455 {
        delta /= 35;
        steps += 36;
    }
    steps + 36 * delta / (delta + 38)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_level_domains_can_be_looked_up() {
        assert!(ENDINGS.is_sorted());
        assert!(
            ENDINGS.iter().all(|name| name.to_lowercase() == *name && name.chars().count() <= MAX_ENDING)
        );
        assert!(is_ending("com") && is_ending("みんな") && !is_ending("example") && !is_ending(""));
    }

    #[test]
    fn punycode_is_as_long_as_the_rfc_says() {
        // the samples of RFC 3492, section 7.1, that are lower case
        for (label, encoded) in [
            ("他们为什么不说中文", "ihqwcrb4cv8a8dqg056pqjye"),
            ("почемужеонинеговорятпорусски", "b1abfaaepdrnnbgefbadotcwatmq2g4l"),
            ("なぜみんな日本語を話してくれないのか", "n8jok5ay5dzabd5bym9f0cm5685rrjetr6pdxa"),
            ("3年b組金八先生", "3b-ww4c5e180e575a65lsy2b"),
            ("bücher", "bcher-kva"),
        ] {
            assert_eq!(punycode(label), encoded.len(), "{label}");
        }
    }
}
