//! What X does to a text: counts it, finds its links and shortens them, and escapes what could be markup.
//!
//! Simpler than twitter-text: only links that begin with `http://` or `https://`, and no normal form.

use std::ops::Range;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::bluesky::cid;

/// What a link counts, however long it is.
const LINK: usize = 23;

/// Where the links of a text are, in bytes.
pub(super) fn links(text: &str) -> Vec<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    let mut links: Vec<Range<usize>> = Vec::new();
    for scheme in lower.match_indices("http").map(|(at, _)| at) {
        let rest = &lower[scheme..];
        let Some(host) = rest.strip_prefix("https://").or_else(|| rest.strip_prefix("http://")) else {
            continue;
        };
        let inside_a_word = lower[..scheme].ends_with(|c: char| c.is_alphanumeric() || "@#$_".contains(c));
        let inside_a_link = links.last().is_some_and(|last| scheme < last.end);
        let is_end = |c: char| c.is_whitespace() || !c.is_ascii() || "<>\"".contains(c);
        let address =
            host.split(is_end).next().unwrap_or_default().trim_end_matches(|c| ".,:;!?'()[]*".contains(c));
        let has_domain = address.split('/').next().is_some_and(|host| host.contains('.'));
        if has_domain && !inside_a_word && !inside_a_link {
            links.push(scheme..scheme + (rest.len() - host.len()) + address.len());
        }
    }
    links
}

/// The weighted length: 1 for Latin and its like, 2 for everything else and for every emoji, 23 for a link.
pub(super) fn weight(text: &str) -> usize {
    let links = links(text);
    let linked: usize = links.iter().map(|link| link.len()).sum();
    let mut rest = String::with_capacity(text.len() - linked);
    let mut done = 0;
    for link in &links {
        rest.push_str(&text[done..link.start]);
        done = link.end;
    }
    rest.push_str(&text[done..]);
    links.len() * LINK + weight_of_words(&rest)
}

fn weight_of_words(text: &str) -> usize {
    let mut characters = text.chars().peekable();
    let mut weight = 0;
    while let Some(character) = characters.next() {
        if matches!(character, '0'..='9' | '#' | '*') && characters.next_if_eq(&'\u{fe0f}').is_some() {
            characters.next_if_eq(&'\u{20e3}');
            weight += 2;
            continue;
        }
        weight += match character {
            '\0'..='\u{10ff}'
            | '\u{2000}'..='\u{200d}'
            | '\u{2010}'..='\u{201f}'
            | '\u{2032}'..='\u{2037}' => 1,
            _ => 2,
        };
        if !is_emoji(character) {
            continue;
        }
        // two letters make a flag; everything else grows by joiners, tones and variants
        if is_flag_letter(character) {
            characters.next_if(|next| is_flag_letter(*next));
            continue;
        }
        while let Some(more) = characters.next_if(|next| is_modifier(*next)) {
            if more == '\u{200d}' {
                characters.next_if(|next| is_emoji(*next));
            }
        }
    }
    weight
}

fn is_emoji(character: char) -> bool {
    matches!(character, '\u{2190}'..='\u{2bff}' | '\u{3030}'..='\u{303d}' | '\u{3297}'..='\u{3299}' | '\u{1f000}'..='\u{1faff}')
}

fn is_flag_letter(character: char) -> bool {
    matches!(character, '\u{1f1e6}'..='\u{1f1ff}')
}

fn is_modifier(character: char) -> bool {
    matches!(character, '\u{200d}' | '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}')
}

/// A text as X gives it back, and the links in it.
pub(super) struct Shown {
    pub(super) text: String,
    pub(super) urls: Vec<Value>,
}

/// Shows the text of the tweet `id`: links are shortened, and media has a link of its own at the end.
pub(super) fn shown(text: &str, id: u64, media: Option<(String, &str)>) -> Shown {
    let mut shown = Shown { text: String::new(), urls: Vec::new() };
    let mut done = 0;
    for link in links(text) {
        shown.text += &escape(&text[done..link.start]);
        done = link.end;
        let address = &text[link];
        let display = address.split_once("://").map_or(address, |(_, rest)| rest).trim_start_matches("www.");
        let display = match display.char_indices().nth(26) {
            Some((at, _)) => format!("{}…", &display[..at]),
            None => display.to_owned(),
        };
        shown.push_link(id, json!({"expanded_url": address, "display_url": display}));
    }
    shown.text += &escape(&text[done..]);
    if let Some((address, key)) = media {
        if !shown.text.is_empty() {
            shown.text.push(' ');
        }
        let display = format!("pic.x.com/{}", short(id, shown.urls.len()));
        shown.push_link(id, json!({"expanded_url": address, "display_url": display, "media_key": key}));
    }
    shown
}

impl Shown {
    fn push_link(&mut self, id: u64, mut url: Value) {
        let start = self.text.chars().count();
        let address = format!("https://t.co/{}", short(id, self.urls.len()));
        self.text += &address;
        url["start"] = json!(start);
        url["end"] = json!(start + address.len());
        url["url"] = json!(address);
        self.urls.push(url);
    }
}

/// What a tweet's link number `at` is called.
fn short(id: u64, at: usize) -> String {
    cid::base32(&Sha256::digest(format!("{id} {at}")))[..10].to_owned()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_weighted() {
        for (text, expected) in [
            ("", 0),
            ("aé€ё", 5),
            ("“quoted” – it’s", 15),
            ("日本", 4),
            ("👋👋🏽", 4),
            ("👨‍👩‍👧‍👧❤️🇩🇪1️⃣", 8),
            ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", 2),
            ("see https://example.com/a/very/long/path?with=a&query=1.", 28),
            ("http://a.de", 23),
            ("(https://a.de/x)", 25),
            ("http://localhost xhttps://a.de", 30),
        ] {
            assert_eq!(weight(text), expected, "{text:?}");
        }
    }

    #[test]
    fn links_are_replaced_and_the_rest_is_escaped() {
        let Shown { text, urls } =
            shown("é <b> https://a.example/?x=1&y=2!", 7, Some(("https://x.com/i".into(), "3_1")));
        let words: Vec<_> = text.split(' ').collect();
        assert_eq!(words[..2], ["é", "&lt;b&gt;"]);
        for (word, expanded) in [(2, "https://a.example/?x=1&y=2"), (3, "https://x.com/i")] {
            let url = &urls[word - 2];
            assert_eq!(url["expanded_url"], expanded);
            let at = |key: &str| url[key].as_u64().and_then(|at| usize::try_from(at).ok()).expect("a place");
            let found: String = text.chars().skip(at("start")).take(at("end") - at("start")).collect();
            assert_eq!(json!(found), url["url"], "{text}");
            assert!(found.starts_with("https://t.co/") && found.len() == 23, "{found}");
        }
        assert_ne!(urls[0]["url"], urls[1]["url"]);
    }
}
