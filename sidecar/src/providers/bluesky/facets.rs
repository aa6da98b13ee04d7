//! Rich text: links, mentions and tags with their UTF-8 byte offsets.

use std::collections::{BTreeMap, BTreeSet};

use crier_core::text::graphemes;
use serde_json::{Value, json};
use url::Url;

use super::syntax::{is_handle, is_label};

/// The most graphemes and bytes of a tag.
const MAX_TAG: (usize, usize) = (64, 640);
/// The most accounts a post mentions: each is a call. Those after stay plain text.
const MAX_MENTIONED: usize = 30;
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) meaning: Meaning,
}

/// What a part means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    Link { uri: String },
    Mention { handle: String },
    Tag { tag: String },
}

/// Every part of a text, in its order, none overlapping another: each word is at most one part.
pub(super) fn parts(text: &str) -> Vec<Part> {
    words(text).filter_map(|(start, word)| part(start, word)).collect()
}

/// The handles that are mentioned, in lower case: each once, the first ones of too many.
pub(super) fn mentioned(text: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    parts(text)
        .into_iter()
        .filter_map(|part| match part.meaning {
            Meaning::Mention { handle } => Some(handle),
            Meaning::Link { .. } | Meaning::Tag { .. } => None,
        })
        .filter(|handle| seen.insert(handle.clone()))
        .take(MAX_MENTIONED)
        .collect()
}

/// The facets of a record. A mention of a handle that belongs to nobody stays plain text.
pub(super) fn facets(text: &str, dids: &BTreeMap<String, Option<String>>) -> Vec<Value> {
    let feature = |meaning: &Meaning| match meaning {
        Meaning::Link { uri } => Some(json!({ "$type": "app.bsky.richtext.facet#link", "uri": uri })),
        Meaning::Tag { tag } => Some(json!({ "$type": "app.bsky.richtext.facet#tag", "tag": tag })),
        Meaning::Mention { handle } => {
            let did = dids.get(handle)?.as_ref()?;
            Some(json!({ "$type": "app.bsky.richtext.facet#mention", "did": did }))
        }
    };
    let facet = |part: Part| {
        Some(json!({
            "index": { "byteStart": part.start, "byteEnd": part.end },
            "features": [feature(&part.meaning)?],
        }))
    };
    parts(text).into_iter().filter_map(facet).collect()
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
        '#' | '＃' => tag(word)?,
        _ => link(word)?,
    };
    Some(Part { start, end: start + length, meaning })
}

fn link(word: &str) -> Option<(usize, Meaning)> {
    let word = without_closing(word);
    let has_scheme = ["http://", "https://"].iter().any(|scheme| {
        word.get(..scheme.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(scheme))
    });
    if !has_scheme && !is_domain(word.split(['/', '?', '#', ':']).next()?) {
        return None;
    }
    let uri = if has_scheme { word.to_owned() } else { format!("https://{word}") };
    let url = Url::parse(&uri).ok()?;
    url.host().filter(|_| url.username().is_empty() && url.password().is_none())?;
    Some((word.len(), Meaning::Link { uri }))
}

/// A link ends before the punctuation of its sentence, and before a bracket that it did not open.
fn without_closing(mut word: &str) -> &str {
    loop {
        let shorter = word.trim_end_matches(|c| {
            is_punctuation(c) && !matches!(c, '/' | '-' | '_' | '&' | '%' | '#' | '@' | ')' | '*')
        });
        let shorter = match shorter.strip_suffix(')') {
            Some(inner) if inner.matches('(').count() <= inner.matches(')').count() => inner,
            _ => shorter,
        };
        if shorter.len() == word.len() {
            return word;
        }
        word = shorter;
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

fn tag(word: &str) -> Option<(usize, Meaning)> {
    let sign = word.chars().next()?.len_utf8();
    // Invisible characters end a tag, and a second sign begins nothing.
    let body = &word[sign..];
    let end = body
        .find(|c: char| {
            matches!(c, '#' | '＃' | '\u{ad}' | '\u{200b}'..='\u{200c}' | '\u{2060}' | '\u{feff}')
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
