//! What the server sees in a text: links, mentions and hashtags, the length it counts, and the HTML it makes of it.

use std::ops::Range;

use crier_core::text::graphemes;

use crate::sim::Piece;

/// What every address counts.
const ADDRESS: &str = "xxxxxxxxxxxxxxxxxxxxxxx";
/// How much of an address people see.
const SHOWN: usize = 30;

/// Something in a text that is more than its characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entity<'a> {
    Address(&'a str),
    /// A name, and the server where it isn't this one.
    Mention(&'a str, Option<&'a str>),
    /// Without its `#`.
    Tag(&'a str),
}

/// The entities of a text, from left to right; none overlap. The real server knows every top-level domain, this one
/// takes any that could be one.
pub(super) fn entities(text: &str) -> Vec<(Range<usize>, Entity<'_>)> {
    let mut found = Vec::new();
    let (mut at, mut before) = (0, None);
    while let Some(character) = text[at..].chars().next() {
        let rest = &text[at..];
        let entity = match character {
            'h' | 'H' if before.is_none_or(may_precede_address) => address(rest),
            '@' if before.is_none_or(|c| !is_word(c) && c != '/' && c != '=') => mention(rest),
            '#' if before.is_none_or(|c| !is_word(c) && c != '/' && c != ')') => tag(rest),
            _ => None,
        };
        let end = at + entity.map_or(character.len_utf8(), |(length, _)| length);
        found.extend(entity.map(|(_, entity)| (at..end, entity)));
        before = text[at..end].chars().next_back();
        at = end;
    }
    found
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn may_precede_address(character: char) -> bool {
    !character.is_ascii_alphanumeric() && !"@＠$#＃\u{fffe}\u{feff}\u{ffff}".contains(character)
}

/// The address with its scheme that a text begins with, and its length.
fn address(text: &str) -> Option<(usize, Entity<'_>)> {
    let scheme = ["https://", "http://"]
        .into_iter()
        .find(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))?;
    let start = scheme.len();
    let host = dotted(&text[start..], is_word);
    let (name, top) = text[start..start + host].rsplit_once('.')?;
    let could_be_top = top.chars().count() >= 2 && top.chars().all(char::is_alphabetic);
    if name.is_empty() || !(could_be_top || top.starts_with("xn--")) {
        return None;
    }
    let mut end = start + host;
    if let Some(port) = text[end..].strip_prefix(':') {
        let digits = port.bytes().take_while(u8::is_ascii_digit).count();
        end += if digits > 0 { 1 + digits } else { 0 };
    }
    if text[end..].starts_with('/') {
        end += 1 + path(&text[end + 1..]);
    }
    if let Some(query) = text[end..].strip_prefix('?') {
        let length = query_length(query);
        end += if length > 0 { 1 + length } else { 0 };
    }
    Some((end, Entity::Address(&text[..end])))
}

/// Words with dots and hyphens between them.
fn dotted(text: &str, is_word: impl Fn(char) -> bool) -> usize {
    let mut end = 0;
    for (at, character) in text.char_indices() {
        if is_word(character) {
            end = at + character.len_utf8();
        } else if at == 0 || !matches!(character, '.' | '-') {
            break;
        }
    }
    end
}

/// A path ends neither in a full stop nor in a parenthesis that was opened before it.
fn path(text: &str) -> usize {
    let (mut end, mut at) = (0, 0);
    while let Some(character) = text[at..].chars().next() {
        if character == '(' {
            let Some(length) = parentheses(&text[at..]) else { break };
            at += length;
            end = at;
            continue;
        }
        if !is_in_path(character) {
            break;
        }
        at += character.len_utf8();
        if !"!*\"'「」;:=,.$%[]~&|@".contains(character) {
            end = at;
        }
    }
    end
}

fn is_in_path(character: char) -> bool {
    !character.is_whitespace() && !"<>()?".contains(character)
}

/// A pair of parentheses with something between them, which may be another pair.
fn parentheses(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, character) in text.char_indices() {
        match character {
            '(' if depth < 2 => depth += 1,
            ')' if depth == 1 => return (at > 1).then_some(at + 1),
            ')' => depth -= 1,
            _ if is_in_path(character) => {}
            _ => return None,
        }
    }
    None
}

fn query_length(text: &str) -> usize {
    let mut end = 0;
    for (at, character) in text.char_indices() {
        let is_letter =
            character.is_ascii_alphanumeric() || (character >= '\u{a0}' && !character.is_whitespace());
        if is_letter || "_&=#/-".contains(character) {
            end = at + character.len_utf8();
        } else if !"!?*'();:+$%[].,~|@^".contains(character) {
            break;
        }
    }
    end
}

fn mention(text: &str) -> Option<(usize, Entity<'_>)> {
    let end = 1 + dotted(&text[1..], |c| c.is_ascii_alphanumeric() || c == '_');
    let server = text[end..].strip_prefix('@').unwrap_or_default();
    let server = &server[..dotted(server, is_word)];
    match (&text[1..end], server) {
        ("", _) => None,
        (name, "") => Some((end, Entity::Mention(name, None))),
        (name, server) => Some((end + 1 + server.len(), Entity::Mention(name, Some(server)))),
    }
}

fn tag(text: &str) -> Option<(usize, Entity<'_>)> {
    let word: usize = text[1..].chars().take_while(|c| is_word(*c)).map(char::len_utf8).sum();
    let word = &text[1..=word];
    let is_number = word.chars().all(char::is_numeric);
    (!is_number).then_some((1 + word.len(), Entity::Tag(word)))
}

/// The length that is limited: grapheme clusters of warning and text, where an address counts 23 and a mention only
/// its name.
pub(super) fn counted(warning: &str, text: &str) -> usize {
    let mut shortened = warning.to_owned();
    let mut done = 0;
    for (range, entity) in entities(text) {
        shortened.push_str(&text[done..range.start]);
        match entity {
            Entity::Address(_) => shortened.push_str(ADDRESS),
            Entity::Mention(name, _) => shortened.extend(["@", name]),
            Entity::Tag(_) => shortened.push_str(&text[range.clone()]),
        }
        done = range.end;
    }
    shortened.push_str(&text[done..]);
    graphemes(&shortened)
}

/// The HTML of a text, as readers of statuses get it. `profile` gives the address of someone this server knows.
pub(super) fn html(text: &str, base: &str, profile: impl Fn(&str, Option<&str>) -> Option<String>) -> String {
    if text.trim().is_empty() {
        return String::new();
    }
    let mut html = String::new();
    let mut done = 0;
    for (range, entity) in entities(text) {
        html.push_str(&escape(&text[done..range.start]));
        let link = match entity {
            Entity::Address(address) => Some(anchor(address)),
            Entity::Tag(tag) => Some(format!(
                "<a href=\"{base}/tags/{0}\" class=\"mention hashtag\" rel=\"tag\">#<span>{0}</span></a>",
                escape(tag)
            )),
            Entity::Mention(name, server) => profile(name, server).map(|profile| {
                format!(
                    "<span class=\"h-card\" translate=\"no\"><a href=\"{}\" class=\"u-url mention\">@<span>{}</span></a></span>",
                    escape(&profile),
                    escape(name)
                )
            }),
        };
        html.push_str(&link.unwrap_or_else(|| escape(&text[range.clone()])));
        done = range.end;
    }
    html.push_str(&escape(&text[done..]));
    paragraphs(&html)
}

fn anchor(address: &str) -> String {
    let scheme = address.find("//").map_or(0, |at| at + 2);
    let prefix = scheme + if address[scheme..].starts_with("www.") { 4 } else { 0 };
    let (prefix, rest) = address.split_at(prefix);
    let cut = rest.char_indices().nth(SHOWN).map_or(rest.len(), |(at, _)| at);
    let class = if cut < rest.len() { "ellipsis" } else { "" };
    format!(
        "<a href=\"{}\" target=\"_blank\" rel=\"nofollow noopener\" translate=\"no\">\
         <span class=\"invisible\">{}</span><span class=\"{class}\">{}</span><span class=\"invisible\">{}</span></a>",
        escape(address),
        escape(prefix),
        escape(&rest[..cut]),
        escape(&rest[cut..])
    )
}

/// An empty line ends a paragraph, a single end of line breaks it.
fn paragraphs(html: &str) -> String {
    let html = html.replace("\r\n", "\n").replace('\r', "\n");
    let paragraphs = html.split("\n\n").map(|part| part.trim_matches('\n')).filter(|part| !part.is_empty());
    paragraphs.map(|part| format!("<p>{}</p>", part.replace('\n', "<br />"))).collect()
}

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

/// The text in pieces for the page, some with a link.
pub(super) fn pieces(text: &str, base: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut done = 0;
    for (range, entity) in entities(text) {
        let link = match entity {
            Entity::Address(address) => address.to_owned(),
            Entity::Tag(tag) => format!("{base}/tags/{tag}"),
            Entity::Mention(..) => continue,
        };
        pieces.push(Piece { text: text[done..range.start].to_owned(), link: None });
        pieces.push(Piece { text: text[range.clone()].to_owned(), link: Some(link) });
        done = range.end;
    }
    pieces.push(Piece { text: text[done..].to_owned(), link: None });
    pieces.retain(|piece| !piece.text.is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_end_where_the_sentence_goes_on() {
        for (text, address) in [
            ("see https://a.example.", "https://a.example"),
            ("(https://a.example/b_(c)_d)", "https://a.example/b_(c)_d"),
            ("https://a.example/(", "https://a.example/"),
            ("x HTTPS://A.example:8080/b/?c=d&e=ü#f!", "HTTPS://A.example:8080/b/?c=d&e=ü#f"),
            ("https://bücher.example/ä, b", "https://bücher.example/ä"),
            ("https://a.example?q", "https://a.example?q"),
            ("https://a.example:x", "https://a.example"),
            ("https://a.xn--p1ai", "https://a.xn--p1ai"),
        ] {
            let found: Vec<_> = entities(text).into_iter().map(|(_, entity)| entity).collect();
            assert_eq!(found, [Entity::Address(address)], "{text}");
        }
        for text in [
            "https://localhost/x",
            "xhttps://a.example",
            "https://",
            "https://.a",
            "a.example",
            "https://a.1",
        ] {
            assert_eq!(entities(text), [], "{text}");
        }
    }

    #[test]
    fn mentions_and_tags_are_words_of_their_own() {
        let of = |text| entities(text).into_iter().map(|(_, entity)| entity).collect::<Vec<_>>();
        assert_eq!(of("@bob, hi"), [Entity::Mention("bob", None)]);
        assert_eq!(of("@b.o-b@a.example."), [Entity::Mention("b.o-b", Some("a.example"))]);
        assert_eq!(
            of("#news (#日本語) #1 #1a"),
            [Entity::Tag("news"), Entity::Tag("日本語"), Entity::Tag("1a")]
        );
        for text in ["a@b.example", "/@bob", "a#b", "@", "#", "@@", "#!", "@é"] {
            assert_eq!(of(text), [], "{text}");
        }
        assert_eq!(of("https://a.example/@bob#x").len(), 1, "an address has neither inside");
    }

    #[test]
    fn lengths_are_counted_as_the_server_does() {
        for (warning, text, expected) in [
            ("", "", 0),
            ("", "👨‍👩‍👧‍👧é", 2),
            ("cw", "text", 6),
            ("", "a https://a.example/ and more", 2 + 23 + 9),
            ("", "https://a-very-long-name.example/with?a=query&that=does-not-count", 23),
            ("", "@bob@a-long-name.example hi", 7),
            ("", "#tag @bob", 9),
        ] {
            assert_eq!(counted(warning, text), expected, "{warning:?} {text:?}");
        }
    }

    #[test]
    fn html_is_what_readers_get() {
        let known = |name: &str, server: Option<&str>| {
            (name == "bob" && server.is_none()).then(|| "http://sim/@bob".to_owned())
        };
        for (text, expected) in [
            ("", ""),
            ("<b> & \"c\" 'd'", "<p>&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;</p>"),
            ("a\nb\r\n\r\n\nc", "<p>a<br />b</p><p>c</p>"),
            (
                "#News",
                "<p><a href=\"http://sim/tags/News\" class=\"mention hashtag\" rel=\"tag\">#<span>News</span></a></p>",
            ),
            ("@eve @bob@b.example", "<p>@eve @bob@b.example</p>"),
            (
                "@bob",
                "<p><span class=\"h-card\" translate=\"no\"><a href=\"http://sim/@bob\" class=\"u-url mention\">\
                 @<span>bob</span></a></span></p>",
            ),
            (
                "https://www.a.example/?a=1&b",
                "<p><a href=\"https://www.a.example/?a=1&amp;b\" target=\"_blank\" rel=\"nofollow noopener\" \
                 translate=\"no\"><span class=\"invisible\">https://www.</span><span class=\"\">a.example/?a=1&amp;b\
                 </span><span class=\"invisible\"></span></a></p>",
            ),
        ] {
            assert_eq!(html(text, "http://sim", known), expected, "{text:?}");
        }
        let long = html("https://a.example/0123456789012345678901234567890", "", known);
        assert!(long.contains("<span class=\"ellipsis\">a.example/01234567890123456789</span>"), "{long}");
    }

    #[test]
    fn the_page_shows_links() {
        let plain = |text: &str| Piece { text: text.into(), link: None };
        let linked = Piece { text: "#tag".into(), link: Some("http://sim/tags/tag".into()) };
        assert_eq!(pieces("@bob #tag!", "http://sim"), [plain("@bob "), linked, plain("!")]);
    }
}
