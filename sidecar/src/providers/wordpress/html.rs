//! The content of a post as HTML.

use std::fmt::Write as _;

use crier_core::platform::wordpress::Markup;

/// An image of the post's text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figure<'a> {
    pub(super) id: u64,
    pub(super) address: &'a str,
    pub(super) alt: &'a str,
}

/// The text, and the images behind it. Tags and signs are written as WordPress stores them.
pub(super) fn content<'a>(
    text: &str,
    markup: Markup,
    figures: impl IntoIterator<Item = Figure<'a>>,
) -> String {
    let mut html = match markup {
        Markup::Html => text.to_owned(),
        Markup::Plain => paragraphs(text),
    };
    for Figure { id, address, alt } in figures {
        let (address, alt) = (escaped(address), escaped(alt));
        if !html.is_empty() {
            html.push('\n');
        }
        // writing to a string can't fail
        let _ = write!(
            html,
            r#"<figure class="wp-block-image"><img src="{address}" alt="{alt}" class="wp-image-{id}" /></figure>"#
        );
    }
    html
}

/// Paragraphs are what empty lines part; other lines are lines of theirs.
fn paragraphs(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let mut paragraphs: Vec<Vec<String>> = vec![vec![]];
    for line in text.lines().map(str::trim_end) {
        match paragraphs.last_mut() {
            Some(last) if !line.is_empty() => last.push(escaped(line)),
            _ => paragraphs.push(vec![]),
        }
    }
    let whole = paragraphs.iter().filter(|lines| !lines.is_empty());
    whole.map(|lines| format!("<p>{}</p>", lines.join("<br />"))).collect::<Vec<_>>().join("\n")
}

/// Text that is no markup.
pub(super) fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The same within a page, where WordPress looks for markup of its own: `[` begins a shortcode.
fn escaped(text: &str) -> String {
    plain(text).replace('"', "&quot;").replace('[', "&#091;").replace(']', "&#093;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_text_has_paragraphs_and_no_markup() {
        let text = "One & <two>\r\n  three\n\n\n \n[gallery] \"four\"\n";
        let html = content(text, Markup::Plain, []);
        assert_eq!(
            html,
            "<p>One &amp; &lt;two&gt;<br />  three</p>\n<p>&#091;gallery&#093; &quot;four&quot;</p>"
        );
        assert_eq!(content(" \n", Markup::Plain, []), "");
    }

    #[test]
    fn images_stand_behind_the_text() {
        let figure = Figure { id: 7, address: "https://a.example/a.png?x=1&y=2", alt: "a \"desk\" <b>" };
        let expected = "<figure class=\"wp-block-image\"><img src=\"https://a.example/a.png?x=1&amp;y=2\" \
                        alt=\"a &quot;desk&quot; &lt;b&gt;\" class=\"wp-image-7\" /></figure>";
        assert_eq!(content("", Markup::Plain, [figure]), expected);
        assert_eq!(content("<h2>A</h2>", Markup::Html, [figure]), format!("<h2>A</h2>\n{expected}"));
    }
}
