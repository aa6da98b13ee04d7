//! Mentions and hashtags as X and Mastodon find them.

use std::ops::Range;

use super::class::{before, is_accented_latin, is_at, is_hash, is_letter, is_of_tag, is_of_word, run};
use super::link;

/// The most characters of a name on X.
const MAX_USER: usize = 20;
/// The most characters of a host on Mastodon.
const MAX_HOST: usize = 253;

/// The mentions of X: `@user`.
pub(super) fn of_users(text: &str) -> Vec<Range<usize>> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    signs(text, is_at, |start, name| {
        let joins = |c: char| is_of_name(c) || is_at(c) || "!#$%&*".contains(c);
        let follows = before(text, start).is_some_and(joins) && !follows_retweet(text, start);
        let end = run(text, name, is_of_name).min(name + MAX_USER);
        (!follows && end > name && !goes_on(text, end)).then_some(end)
    })
}

/// Whether "RT" stands before a place, as a word of its own.
fn follows_retweet(text: &str, at: usize) -> bool {
    let word = text[..at].strip_suffix(['t', 'T']).and_then(|rest| rest.strip_suffix(['r', 'R']));
    let joins = |c: char| c.is_ascii_alphanumeric() || "_+~.-".contains(c);
    word.is_some_and(|rest| !rest.ends_with(joins))
}

/// The mentions of Mastodon: `@user` and `@user@host`.
pub(super) fn of_accounts(text: &str) -> Vec<Range<usize>> {
    signs(
        text,
        |c| c == '@',
        |start, name| {
            let follows = before(text, start).is_some_and(|c| is_of_word(c) || matches!(c, '=' | '/'));
            let user = joined(text, name, |c| c.is_ascii_alphanumeric() || c == '_').filter(|_| !follows)?;
            let host = text[user..].strip_prefix('@').and_then(|_| joined(text, user + 1, is_of_word));
            let is_long = host.is_some_and(|end| text[user + 1..end].chars().nth(MAX_HOST).is_some());
            let end = host.unwrap_or(user);
            (!is_long && !goes_on(text, end)).then_some(end)
        },
    )
}

/// Hashtags, but for those in a link.
pub(super) fn of_tags(text: &str) -> Vec<Range<usize>> {
    let mut tags = signs(text, is_hash, |start, body| {
        let is_selector = |c: char| matches!(c, '\u{fe0e}' | '\u{fe0f}');
        let follows = before(text, start).is_some_and(|c| c == '&' || (is_of_tag(c) && !is_selector(c)));
        let is_keycap = text[body..].starts_with(['\u{fe0f}', '\u{20e3}']);
        let end = run(text, body, is_of_tag);
        let goes_on = text[end..].starts_with("://") || text[end..].starts_with(is_hash);
        (!follows && !is_keycap && !goes_on && text[body..end].contains(is_letter)).then_some(end)
    });
    if !tags.is_empty() {
        let mut links = link::with_or_without_scheme(text).into_iter().peekable();
        tags.retain(|tag| {
            while links.next_if(|link| link.end <= tag.start).is_some() {}
            links.peek().is_none_or(|link| link.start >= tag.end)
        });
    }
    tags
}

/// What begins with a sign: `end` is asked with where the sign is and what is behind it.
fn signs(
    text: &str,
    is_sign: impl Fn(char) -> bool,
    end: impl Fn(usize, usize) -> Option<usize>,
) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (start, sign) in text.char_indices().filter(|(_, c)| is_sign(*c)) {
        let is_free = found.last().is_none_or(|last| last.end <= start);
        if is_free && let Some(end) = end(start, start + sign.len_utf8()) {
            found.push(start..end);
        }
    }
    found
}

/// The end of words that are joined by dots and hyphens.
fn joined(text: &str, start: usize, is_of_word: impl Fn(char) -> bool) -> Option<usize> {
    text[start..].starts_with(&is_of_word).then_some(())?;
    let end = run(text, start, |c| is_of_word(c) || matches!(c, '.' | '-'));
    Some(start + text[start..end].trim_end_matches(['.', '-']).len())
}

/// Whether what follows makes an address or a word of what looked like a mention.
fn goes_on(text: &str, end: usize) -> bool {
    text[end..].starts_with(|c| is_at(c) || is_accented_latin(c)) || text[end..].starts_with("://")
}
