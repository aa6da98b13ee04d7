//! A text as far as servers leave it as it is. They put their own addresses in the place of those of images, and take out of links
//! what follows their readers.

/// What an address in a text ends with.
const ENDS: &str = ")>]\"'`";
/// Signs that stand behind an address rather than in it.
const SIGNS: &str = ".,;:!?*_";

/// The words of a text, and what its links ask for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Words<'t> {
    /// Without the queries of links.
    words: Vec<String>,
    queries: Vec<&'t str>,
}

impl<'t> Words<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let mut words = Self::default();
        let mut begins = true;
        for piece in without_images(text) {
            // a piece goes on with the word before it
            for (at, word) in piece.split(char::is_whitespace).enumerate() {
                words.add(word, begins || at > 0);
            }
            begins = false;
        }
        words.words.retain(|word| !word.is_empty());
        words
    }

    fn add(&mut self, word: &'t str, begins: bool) {
        if begins {
            self.words.push(String::new());
        }
        let plain = self.plain(word);
        if let Some(last) = self.words.last_mut() {
            last.push_str(&plain);
        }
    }

    /// A word without the queries of its links, which are kept.
    fn plain(&mut self, word: &'t str) -> String {
        let (mut plain, mut rest) = (String::new(), word);
        while let Some((before, link)) = rest.split_once("://") {
            let end = link.find(|c: char| ENDS.contains(c)).unwrap_or(link.len());
            let end = link[..end].trim_end_matches(|c: char| SIGNS.contains(c)).len();
            let (link, after) = link.split_at(end);
            let (link, fragment) = link.split_once('#').unwrap_or((link, ""));
            let (path, query) = link.split_once('?').unwrap_or((link, ""));
            self.queries.extend(query.split('&').filter(|part| !part.is_empty()));
            for part in [before, "://", path.trim_end_matches('/'), "#", fragment] {
                plain.push_str(part);
            }
            rest = after;
        }
        plain.push_str(rest);
        plain
    }

    /// Whether a server may have made the other one of this: it takes parts of queries out, and puts none in.
    pub(super) fn can_become(&self, shown: &Self) -> bool {
        let mut sent = self.queries.iter();
        self.words == shown.words && shown.queries.iter().all(|part| sent.any(|sent| sent == part))
    }
}

/// The pieces of a text between the addresses of its images.
fn without_images(text: &str) -> Vec<&str> {
    let (mut pieces, mut begin, mut at) = (vec![], 0, 0);
    while let Some(found) = text.get(at..).and_then(|rest| rest.find("](")) {
        let address = at + found + 2;
        let is_image = text[at..address].contains("![");
        let end = text[address..].find(')').filter(|_| is_image);
        if let Some(end) = end {
            pieces.push(&text[begin..address]);
            begin = address + end;
        }
        at = end.map_or(address, |end| address + end);
    }
    pieces.push(&text[begin..]);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn becomes(sent: &str, shown: &str) -> bool {
        Words::of(sent).can_become(&Words::of(shown))
    }

    #[test]
    fn what_servers_change_makes_no_difference() {
        let sent = "see [this](https://a.example/x)  \n![a desk](https://a.example/a.png) end";
        let shown =
            "see [this](https://a.example/x)\n![a desk](https://lemmy.example/api/v3/image_proxy?url=x) end";
        assert!(becomes(sent, shown) && becomes(sent, sent));
        assert!(!becomes(sent, &shown.replace("/x)", "/y)")));
        assert!(!becomes(sent, &shown.replace("a desk", "a lamp")));
        assert!(!becomes("![a](b", "![a](c"));
        assert!(!becomes("one", "") && becomes("", " \n"));
    }

    #[test]
    fn what_is_taken_out_of_a_link_makes_no_difference() {
        for (sent, shown) in [
            ("https://a.example/x?utm_source=b&page=2", "https://a.example/x?page=2"),
            ("https://a.example?utm_source=b.", "https://a.example/."),
            ("(https://a.example/x?utm_source=b#c), d", "(https://a.example/x#c), d"),
            (
                "[a](https://a.example/?utm_source=b) <https://c.example?a=1>",
                "[a](https://a.example/) <https://c.example?a=1>",
            ),
            ("**https://a.example/?utm_source=b**", "**https://a.example/**"),
        ] {
            assert!(becomes(sent, shown), "{sent}");
            assert!(!becomes(shown, sent), "{sent}");
        }
        for (sent, shown) in [
            ("https://a.example/?page=1", "https://a.example/?page=2"),
            ("https://a.example/x?a=1", "https://a.example/y?a=1"),
            ("https://a.example/#a", "https://a.example/#b"),
            ("why? because", "why"),
        ] {
            assert!(!becomes(sent, shown), "{sent}");
        }
    }
}
