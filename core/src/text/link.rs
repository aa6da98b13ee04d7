//! Links as X and Mastodon find them: the grammar of twitter-text, without its regular expressions.

use std::ops::Range;

use super::class::{before, is_accented_latin, is_at, is_cyrillic, is_hash, run};
use super::domain;

/// The most characters of a link. A longer one is none.
const MAX_LINK: usize = 4_096;

/// The links with `http://` or `https://`; a path has any character. Mastodon takes these.
pub(super) fn with_scheme(text: &str) -> Vec<Range<usize>> {
    find(text, &Grammar { needs_scheme: true, ..MASTODON })
}

/// The links of X: also `a.com`, without a scheme.
pub(super) fn with_or_without_scheme(text: &str) -> Vec<Range<usize>> {
    find(text, &X)
}

/// What the paths and queries of links consist of.
struct Grammar {
    needs_scheme: bool,
    of_path: fn(char) -> bool,
    ends_path: fn(char) -> bool,
    of_query: fn(char) -> bool,
    ends_query: fn(char) -> bool,
}

const X: Grammar = Grammar {
    needs_scheme: false,
    of_path: |c| {
        is_letter_of_path(c) || matches!(c, '\u{2010}'..='\u{2015}') || "!*';:=+,.$/%#[]-_~&|@".contains(c)
    },
    ends_path: |c| is_letter_of_path(c) || "=_#/+-".contains(c),
    of_query: is_of_query,
    ends_query,
};

const MASTODON: Grammar = Grammar {
    needs_scheme: true,
    of_path: |c| !c.is_whitespace() && !"<>()?".contains(c),
    ends_path: |c| !c.is_whitespace() && !"()?!*\"'「」<>;:=,.$%[]~&|@".contains(c),
    of_query: |c| is_of_query(c) || c == '^' || is_wide_in_query(c),
    ends_query: |c| ends_query(c) || is_wide_in_query(c),
};

fn is_letter_of_path(c: char) -> bool {
    c.is_ascii_alphanumeric() || is_cyrillic(c) || is_accented_latin(c)
}

fn is_of_query(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!?*'();:&=+$/%#[]-_.,~|@".contains(c)
}

fn ends_query(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_&=#/-".contains(c)
}

fn is_wide_in_query(c: char) -> bool {
    c >= '\u{a0}' && !c.is_whitespace()
}

/// A text is a row of runs: characters that a domain may hold, and others between them. A link begins in a run.
fn find(text: &str, grammar: &Grammar) -> Vec<Range<usize>> {
    let mut links = Vec::new();
    let mut at = 0;
    while let Some(offset) = text[at..].find(is_of_domain) {
        let start = at + offset;
        let end = run(text, start, is_of_domain);
        let scheme = scheme(text, start..end);
        let host = scheme.map(|_| end + "://".len());
        let bare = start..scheme.unwrap_or(end);
        if !grammar.needs_scheme {
            at = find_bare(text, bare, grammar, &mut links);
            if at > end {
                continue;
            }
        }
        at = host.unwrap_or(end);
        if let Some((scheme, host)) = scheme.zip(host) {
            let labels = &text[host..run(text, host, is_of_domain)];
            let after = text[host + labels.len()..].chars().next();
            if let Some(length) = domain::longest(labels, after) {
                at = tail(text, host + length, grammar);
                push(text, scheme..at, host..host + length, &mut links);
            }
        }
    }
    links
}

/// Where the scheme begins with which a run ends, if a link may begin there.
fn scheme(text: &str, run: Range<usize>) -> Option<usize> {
    text[run.end..].starts_with("://").then_some(())?;
    let at = ["https", "http"].into_iter().find_map(|scheme| {
        let at = run.end.checked_sub(scheme.len()).filter(|at| *at >= run.start)?;
        text.get(at..run.end)?.eq_ignore_ascii_case(scheme).then_some(at)
    })?;
    let follows = before(text, at);
    follows.is_none_or(|c| !c.is_ascii_alphanumeric() && !is_at(c) && !is_hash(c) && c != '$').then_some(at)
}

/// Finds the domains without a scheme inside a run: they are ASCII or Latin, but for the top-level domain. Returns
/// where to go on.
fn find_bare(text: &str, within: Range<usize>, grammar: &Grammar, links: &mut Vec<Range<usize>>) -> usize {
    let whole = &text[..within.end];
    let is_latin = |c: char| c.is_ascii() || is_accented_latin(c);
    let mut at = within.start;
    while let Some(offset) = whole[at..].find(is_latin) {
        let start = at + offset;
        at = run(whole, start, is_latin);
        let no_link_follows = |c: char| is_at(c) || is_hash(c) || matches!(c, '$' | '/');
        if before(text, start).is_some_and(no_link_follows) {
            continue;
        }
        let end = if whole[..at].ends_with('.') { run(whole, at, domain::is_of_label) } else { at };
        let after = text[end..].chars().next();
        if let Some(length) = domain::longest(&text[start..end], after) {
            let domain = start..start + length;
            let port = port(text, domain.end);
            let has_path = text[port..].starts_with('/');
            let end = if has_path { tail(text, domain.end, grammar) } else { domain.end };
            push(text, start..end, domain, links);
            if has_path && end > at {
                return end;
            }
        }
    }
    at
}

fn push(text: &str, link: Range<usize>, domain: Range<usize>, links: &mut Vec<Range<usize>>) {
    let is_short = text[link.clone()].chars().nth(MAX_LINK).is_none();
    if is_short && domain::is_resolvable(&text[domain]) {
        links.push(link);
    }
}

fn is_of_domain(c: char) -> bool {
    domain::is_of_label(c) || matches!(c, '.' | '-' | '_')
}

/// Where the port ends that follows a domain.
fn port(text: &str, at: usize) -> usize {
    if !text[at..].starts_with(':') {
        return at;
    }
    let end = run(text, at + 1, |c| c.is_ascii_digit());
    if end > at + 1 { end } else { at }
}

/// Where the link ends of which this is the end of the domain.
fn tail(text: &str, domain: usize, grammar: &Grammar) -> usize {
    let mut end = port(text, domain);
    if text[end..].starts_with('/') {
        end = path(text, end + 1, grammar);
    }
    if text[end..].starts_with('?') {
        let query = &text[end..run(text, end, grammar.of_query)];
        end += query
            .rfind(grammar.ends_query)
            .map_or(0, |last| last + query[last..].chars().next().map_or(0, char::len_utf8));
    }
    end
}

/// Where a path ends: after the last character that may end one, or a bracket that it opened itself.
fn path(text: &str, start: usize, grammar: &Grammar) -> usize {
    let mut end = start;
    let mut at = start;
    while let Some(c) = text[at..].chars().next() {
        if (grammar.of_path)(c) {
            at += c.len_utf8();
            if (grammar.ends_path)(c) {
                end = at;
            }
        } else if let Some(closed) = brackets(text, at, grammar, 2) {
            at = closed;
            end = at;
        } else {
            break;
        }
    }
    end
}

/// Where the bracket ends that is opened at a place, with at most one more inside it.
fn brackets(text: &str, open: usize, grammar: &Grammar, depth: usize) -> Option<usize> {
    text[open..].starts_with('(').then_some(())?;
    let start = open + 1;
    let mut at = run(text, start, grammar.of_path);
    if depth > 1
        && let Some(closed) = brackets(text, at, grammar, depth - 1)
    {
        at = run(text, closed, grammar.of_path);
    }
    (at > start && text[at..].starts_with(')')).then_some(at + 1)
}
