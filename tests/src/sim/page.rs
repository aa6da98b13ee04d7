//! The page that shows what is visible on the simulated platforms.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use hyper::{Response, StatusCode};

use super::{Piece, Platform, Visible, VisibleImage};
use crate::serve;

const HEAD: &str = include_str!("page.html");
/// Longer threads than this are none of ours.
const MAX_DEPTH: usize = 100;

pub(super) fn timeline(platforms: &[Arc<dyn Platform>]) -> Response<Bytes> {
    let mut posts: Vec<_> = platforms.iter().flat_map(|platform| platform.timeline()).collect();
    posts.sort_by(|a, b| a.at.cmp(&b.at));
    let count = match posts.len() {
        1 => "1 post".to_owned(),
        many => format!("{many} posts"),
    };
    let list = if posts.is_empty() {
        "<p class=\"empty\">Nothing has been published yet.</p>".to_owned()
    } else {
        let known = |uri: &String| posts.iter().any(|post| post.uri == *uri);
        let firsts = posts.iter().filter(|post| !post.reply_to.as_ref().is_some_and(known));
        firsts.rev().map(|post| thread(&posts, post, 0)).collect()
    };
    let html = HEAD.replace("{{count}}", &count).replace("{{posts}}", &list);
    serve::with_type(StatusCode::OK, "text/html; charset=utf-8", Bytes::from(html))
}

/// A post, and under it what answers it, the oldest first.
fn thread(posts: &[Visible], post: &Visible, depth: usize) -> String {
    let mut html = article(post, depth);
    if depth < MAX_DEPTH {
        let answers = posts.iter().filter(|other| other.reply_to.as_ref() == Some(&post.uri));
        html.extend(answers.map(|answer| thread(posts, answer, depth + 1)));
    }
    html
}

fn article(post: &Visible, depth: usize) -> String {
    let initial: String = post.handle.chars().take(1).flat_map(char::to_uppercase).collect();
    // each author keeps one colour
    let hue = post.handle.bytes().fold(0_u32, |hue, byte| (hue * 31 + u32::from(byte)) % 360);
    let text: String = post.text.iter().map(piece).collect();
    let images: String = post.images.iter().map(image).collect();
    let images = match post.images.len() {
        0 => String::new(),
        count => format!("<div class=\"images n{count}\">{images}</div>"),
    };
    format!(
        "<article{reply}>\
         <div class=\"avatar\" style=\"--hue:{hue}\" aria-hidden=\"true\">{initial}</div>\
         <div class=\"body\"><header><b>{handle}</b><span class=\"platform\">{platform}</span>\
         <time datetime=\"{at}\">{day} · {time} UTC</time></header>\
         <p>{text}</p>{images}<footer>{uri}</footer></div></article>\n",
        reply = if depth > 0 { " class=\"reply\"" } else { "" },
        initial = escape(&initial),
        handle = escape(&post.handle),
        platform = escape(post.platform),
        at = escape(&post.at),
        day = escape(post.at.get(..10).unwrap_or_default()),
        time = escape(post.at.get(11..19).unwrap_or_default()),
        uri = escape(&post.uri),
    )
}

fn piece(piece: &Piece) -> String {
    match &piece.link {
        // a link that is no web address would run as script in the reader's browser
        Some(link) if link.starts_with("https://") || link.starts_with("http://") => {
            format!("<a href=\"{}\" rel=\"noopener nofollow\">{}</a>", escape(link), escape(&piece.text))
        }
        _ => escape(&piece.text),
    }
}

fn image(image: &VisibleImage) -> String {
    let ratio = match image.aspect_ratio {
        Some((width, height)) => format!(" style=\"aspect-ratio:{width}/{height}\""),
        None => String::new(),
    };
    let caption = match image.alt.as_str() {
        "" => String::new(),
        alt => format!("<figcaption><span>ALT</span> {}</figcaption>", escape(alt)),
    };
    format!(
        "<figure><img src=\"{}\" alt=\"{}\" loading=\"lazy\"{ratio}>{caption}</figure>",
        escape(&image.src),
        escape(&image.alt)
    )
}

fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, character| {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' | '\'' => {
                // writing to a string can't fail
                let _ = write!(out, "&#{};", u32::from(character));
            }
            _ => out.push(character),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_post_becomes_markup() {
        assert_eq!(escape("<b a='1' b=\"2\">&"), "&lt;b a=&#39;1&#39; b=&#34;2&#34;&gt;&amp;");
        let hostile = Piece { text: "x".into(), link: Some("javascript:alert(1)".into()) };
        assert_eq!(piece(&hostile), "x");
        let quoted = Piece { text: "x".into(), link: Some("https://a/\"onclick=".into()) };
        assert_eq!(piece(&quoted), "<a href=\"https://a/&#34;onclick=\" rel=\"noopener nofollow\">x</a>");
    }
}
