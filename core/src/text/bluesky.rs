//! Links, mentions and tags as Bluesky's clients find them, with what each means.
//!
//! A part is a whole word, or the beginning of one: what stands before it is a space or an opening bracket.

use std::net::Ipv6Addr;
use std::ops::Range;

use super::{class::is_hash, graphemes};

/// The most graphemes and bytes of a tag.
const MAX_TAG: (usize, usize) = (64, 640);
/// The most characters of a handle.
pub const MAX_HANDLE: usize = 253;
/// Endings of bare names that are taken for a domain. "e.g" and "file.rs" shall not become links.
const ENDINGS: &[&str] = &[
    "ai", "app", "art", "at", "au", "be", "biz", "blog", "br", "ca", "cc", "ch", "cloud", "club", "cn", "co",
    "com", "cz", "de", "design", "dev", "dk", "edu", "es", "eu", "fi", "fm", "fr", "gg", "gov", "gr", "hu",
    "ie", "in", "info", "int", "io", "it", "jp", "kr", "link", "live", "me", "media", "mil", "museum", "mx",
    "net", "network", "news", "nl", "no", "nz", "online", "org", "page", "pl", "pt", "ro", "se", "sg",
    "shop", "site", "sk", "social", "space", "store", "studio", "team", "tech", "tv", "ua", "uk", "us",
    "video", "wiki", "world", "xyz", "za",
];

/// A part of a text that means something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it is, in bytes.
    pub range: Range<usize>,
    /// What it means.
    pub meaning: Meaning,
}

/// What a part of a text means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A link.
    Link {
        /// Where it leads, with a scheme also where the text has none.
        uri: String,
    },
    /// A mention.
    Mention {
        /// The handle in lower case, without its `@`.
        handle: String,
    },
    /// A hashtag.
    Tag {
        /// The tag without its `#`.
        tag: String,
    },
}

/// Every part of a text, in its order, none overlapping another: each word is at most one part.
pub fn parts(text: &str) -> Vec<Part> {
    words(text).filter_map(|(start, word)| part(start, word)).collect()
}

/// The words of a text with their offsets, without the brackets and quotes before them.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let opens = |c: char| matches!(c, '(' | '[' | '{' | '"' | '\'' | '“' | '„' | '‘' | '«' | '（' | '「');
    text.split_whitespace().map(move |word| {
        let start = word.as_ptr().addr() - text.as_ptr().addr();
        let bare = word.trim_start_matches(opens);
        (start + word.len() - bare.len(), bare)
    })
}

fn part(start: usize, word: &str) -> Option<Part> {
    let (length, meaning) = match word.chars().next()? {
        '@' => mention(word)?,
        c if is_hash(c) => tag(word)?,
        _ => link(word)?,
    };
    Some(Part { range: start..start + length, meaning })
}

fn link(word: &str) -> Option<(usize, Meaning)> {
    let word = without_closing(word);
    let scheme = ["http://", "https://"].into_iter().find(|scheme| {
        word.get(..scheme.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(scheme))
    });
    let is_link = match scheme {
        Some(scheme) => has_host(&word[scheme.len()..]),
        None => is_domain(word.split(['/', '?', '#', ':']).next()?) && has_host(word),
    };
    let uri = if scheme.is_some() { word.to_owned() } else { format!("https://{word}") };
    is_link.then_some((word.len(), Meaning::Link { uri }))
}

/// A link ends before the punctuation of its sentence, and before a bracket that it did not open.
fn without_closing(word: &str) -> &str {
    let stays = |c| matches!(c, '/' | '-' | '_' | '&' | '%' | '#' | '@' | '*');
    let (mut opened, mut closed) = (word.matches('(').count(), word.matches(')').count());
    let mut end = word.len();
    for (at, c) in word.char_indices().rev() {
        match c {
            '(' => opened -= 1,
            ')' if closed > opened => closed -= 1,
            ')' => break,
            _ if !is_punctuation(c) || stays(c) => break,
            _ => {}
        }
        end = at;
    }
    &word[..end]
}

/// Whether what follows `//` begins with a host, and names no user. A parser of URLs may know better.
fn has_host(rest: &str) -> bool {
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    if let Some(address) = authority.strip_prefix('[') {
        let parsed = address.split_once(']').map(|(address, port)| (address.parse::<Ipv6Addr>(), port));
        return parsed.is_some_and(|(address, port)| address.is_ok() && is_port(port));
    }
    let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
    !host.is_empty() && !host.contains(|c: char| c.is_control() || "<>@[]^|".contains(c)) && is_port(port)
}

fn is_port(port: &str) -> bool {
    match port.strip_prefix(':') {
        Some(digits) => {
            digits.bytes().all(|b| b.is_ascii_digit()) && (digits.is_empty() || digits.parse::<u16>().is_ok())
        }
        None => port.is_empty(),
    }
}

/// Two labels at least, the last one of the endings that are known.
fn is_domain(name: &str) -> bool {
    let Some((rest, ending)) = name.rsplit_once('.') else { return false };
    ENDINGS.contains(&ending.to_ascii_lowercase().as_str()) && rest.split('.').all(is_label)
}

fn mention(word: &str) -> Option<(usize, Meaning)> {
    let name = &word[1..];
    let length =
        name.find(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-').unwrap_or(name.len());
    let handle = name[..length].trim_end_matches(['.', '-']);
    is_handle(handle).then(|| (1 + handle.len(), Meaning::Mention { handle: handle.to_ascii_lowercase() }))
}

/// Whether it is a domain name as accounts of Bluesky have one.
pub fn is_handle(text: &str) -> bool {
    let Some((rest, ending)) = text.rsplit_once('.') else { return false };
    text.len() <= MAX_HANDLE
        && rest.split('.').all(is_label)
        && is_label(ending)
        && ending.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// A label of a domain name.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn tag(word: &str) -> Option<(usize, Meaning)> {
    let sign = word.chars().next()?.len_utf8();
    // Invisible characters end a tag, and a second sign begins nothing.
    let body = &word[sign..];
    let end = body
        .find(|c: char| {
            is_hash(c) || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200c}' | '\u{2060}' | '\u{feff}')
        })
        .unwrap_or(body.len());
    let tag = body[..end].trim_end_matches(is_punctuation);
    let is_tag = !tag.is_empty()
        && !tag.starts_with('\u{fe0f}') // the keycap emoji #️⃣
        && tag.chars().any(|c| !c.is_numeric() && !is_punctuation(c))
        && tag.len() <= MAX_TAG.1
        && graphemes(tag) <= MAX_TAG.0;
    is_tag.then(|| (sign + tag.len(), Meaning::Tag { tag: tag.to_owned() }))
}

/// Punctuation as sentences use it, in the scripts that have their own.
fn is_punctuation(c: char) -> bool {
    let ascii = c.is_ascii_punctuation() && !matches!(c, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~');
    ascii
        || matches!(c, '¡' | '§' | '«' | '¶' | '·' | '»' | '¿' | '،' | '؛' | '؟' | '۔' | '।' | '॥')
        || matches!(c, '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}') // dashes, quotes, ellipsis
        || matches!(c, '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}' | '\u{3014}'..='\u{301f}' | '\u{30fb}')
        || matches!(c, '\u{ff01}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff20}' | '\u{ff3b}'..='\u{ff3d}' | '\u{ff5b}'..='\u{ff65}')
}

#[cfg(test)]
mod tests;
