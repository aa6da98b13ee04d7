//! Images in a text of Markdown, for platforms that take no files.

use std::fmt::Write as _;

use crier_core::media::Attachment;

/// The text, and the images behind it.
pub(super) fn with_images(text: &str, images: impl IntoIterator<Item = Attachment>) -> String {
    let mut markdown = text.to_owned();
    for image in images {
        if !markdown.is_empty() {
            markdown.push_str("\n\n");
        }
        // writing to a string can't fail
        let _ = write!(markdown, "![{}]({})", alt(&image.alt), address(&image.url));
    }
    markdown
}

/// Words within the brackets: one line, no markup, nothing that begins a tag of a platform's own.
fn alt(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        match c {
            '[' | ']' | '\\' | '`' | '*' | '_' | '<' | '!' => out.extend(['\\', c]),
            '{' => out.push_str("&#123;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
        out
    })
}

/// An address within the parentheses.
fn address(url: &str) -> String {
    url.replace('(', "%28").replace(')', "%29").replace('<', "%3C").replace('>', "%3E").replace('{', "%7B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_an_image_becomes_markup() {
        let image = |url: &str, alt: &str| Attachment { url: url.into(), alt: alt.into(), stated: None };
        let images =
            [image("https://a.example/a(1).png", "a [desk]\n{% x %}"), image("https://a.example/b.png", "")];
        assert_eq!(
            with_images("Hi", images.clone()),
            "Hi\n\n![a \\[desk\\] &#123;% x %}](https://a.example/a%281%29.png)\n\n![](https://a.example/b.png)"
        );
        assert!(with_images("", images).starts_with("![a "));
    }
}
