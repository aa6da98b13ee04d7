use super::*;
use crate::media::Attachment;
use proptest::prelude::*;
use serde_json::json;

fn media(kinds: &[&str]) -> Vec<Attachment> {
    let end = |kind: &&str| Attachment {
        url: format!("https://a.example/x.{kind}"),
        alt: String::new(),
        stated: None,
    };
    kinds.iter().map(end).collect()
}

fn reasons(content: &str, kinds: &[&str], settings: Value) -> Vec<String> {
    check(&Post { content, media: &media(kinds), settings: &settings })
}

fn refused(content: &str, kinds: &[&str], settings: Value) -> String {
    let found = reasons(content, kinds, settings);
    assert_eq!(found.len(), 1, "{content:?}: {found:?}");
    found.concat()
}

#[test]
fn settings_are_read_and_checked() {
    let all = json!({"entities": [{"type": "text_link", "offset": 0, "length": 2, "url": "https://a.example"}],
                     "silent": true, "protect_content": true, "thread_id": 7, "reply_to": "12",
                     "link_preview": {"is_disabled": true}});
    assert_eq!(reasons("hi", &[], all), Vec::<String>::new());
    for bad in [
        json!({"parse_mode": "Markdown"}),
        json!({"parse_mode": "html"}),
        json!({"parse_mode": "HTML", "entities": [{"type": "bold", "offset": 0, "length": 1}]}),
        json!({"entities": [{"type": "bold", "offset": 0, "length": 0}]}),
        json!({"entities": [{"type": "bold", "offset": 1, "length": 2}]}),
        json!({"entities": [{"type": "bold", "offset": 0, "length": u64::MAX}]}),
        json!({"entities": [{"type": "bold", "offset": -1, "length": 1}]}),
        json!({"entities": [{"type": "mention", "offset": 0, "length": 1}]}),
        json!({"entities": [{"type": "text_link", "offset": 0, "length": 1}]}),
        json!({"entities": [{"type": "text_link", "offset": 0, "length": 1, "url": "javascript:x"}]}),
        json!({"entities": [{"type": "bold", "offset": 0, "length": 1, "language": "rust"}]}),
        json!({"entities": vec![json!({"type": "bold", "offset": 0, "length": 1}); 101]}),
        json!({"link_preview": true}),
        json!({"link_preview": {"url": "a.example"}}),
        json!({"thread_id": "7"}),
        json!({"spoiler": true}),
        json!({"reply_to": 12}),
        json!({"reply_to": "https://t.me/news/12?comment=3"}),
        json!({"disable_notification": true}),
    ] {
        refused("hi", &[], bad);
    }
}

#[test]
fn entities_are_counted_in_units_of_utf_16() {
    let bold = |offset, length| json!({"entities": [{"type": "bold", "offset": offset, "length": length}]});
    // 🎉 has two
    for good in [bold(0, 2), bold(2, 1), bold(0, 3)] {
        assert_eq!(reasons("🎉a", &[], good), Vec::<String>::new());
    }
    for bad in [bold(0, 1), bold(1, 1), bold(1, 2), bold(3, 1), bold(0, 4)] {
        refused("🎉a", &[], bad);
    }
}

#[test]
fn a_caption_has_fewer() {
    let text = |units: usize| format!("🎉{}", "a".repeat(units - 2));
    assert_eq!(reasons(&text(1_024), &["png"], json!({})), Vec::<String>::new());
    let why = refused(&text(1_025), &["png"], json!({}));
    assert!(why.contains("1025") && why.contains("1024"), "{why}");
    assert_eq!(reasons(&text(1_025), &[], json!({})), Vec::<String>::new());
    // marks don't count
    let marked = format!("<b>{}</b>", text(1_024));
    assert_eq!(reasons(&marked, &["png"], json!({"parse_mode": "HTML"})), Vec::<String>::new());
    refused(&format!("{marked}x"), &["png"], json!({"parse_mode": "HTML"}));
}

#[test]
fn an_album_holds_images_and_videos_or_documents() {
    for good in [&["png", "mp4"][..], &["pdf", "pdf"], &["mp4"], &["pdf"]] {
        assert_eq!(reasons("hi", good, json!({})), Vec::<String>::new(), "{good:?}");
    }
    for bad in [["png", "pdf"], ["mp4", "pdf"]] {
        refused("hi", &bad, json!({}));
    }
    refused("hi", &["png"], json!({"link_preview": {"is_disabled": true}}));
    refused("hi", &["pdf"], json!({"spoiler": true}));
    assert_eq!(reasons("", &["png"], json!({"spoiler": true})), Vec::<String>::new());
}

#[test]
fn a_post_is_named_by_its_number_or_its_page() {
    let of = |text: &str| post_ref(text).map(|post| (post.chat.unwrap_or_default(), post.message));
    for (text, chat, message) in [
        ("12", "", 12),
        ("12,13,14", "", 12),
        ("https://t.me/news/12", "@news", 12),
        ("https://t.me/news/5/12?single", "@news", 12),
        ("https://t.me/c/1234567890/12", "-1001234567890", 12),
        ("https://t.me/c/1234567890/5/12", "-1001234567890", 12),
    ] {
        assert_eq!(of(text), Some((chat.to_owned(), message)), "{text}");
    }
    for odd in [
        "",
        "0",
        "-1",
        "12,",
        "12345678901",
        "1,2,3,4,5,6,7,8,9,10,11",
        "https://t.me/12",
        "https://t.me/n/12",
        "https://t.me/news/x",
        "https://t.me/c/x/12",
        "https://t.me/news/1/2/3",
        "https://example.org/news/12",
    ] {
        assert_eq!(of(odd), None, "{odd}");
    }
}

#[test]
fn html_is_read() {
    for (text, units) in [
        ("plain & simple", 14),
        ("<b>bold <i>both</i></b> &lt;&#128512;&amp", 17),
        ("<a href=\"https://a.example/?x=1&amp;y=2\">link</a>", 4),
        ("<span class=\"tg-spoiler\">x</span><tg-spoiler>y</tg-spoiler>", 2),
        ("<pre><code class=\"language-rust\">fn</code></pre>", 2),
        ("<BLOCKQUOTE expandable>q</blockquote>", 1),
    ] {
        assert_eq!(markup::html(text), Ok(units), "{text}");
    }
    for bad in ["a < b", "<b>x", "x</b>", "<b><i>x</b></i>", "<p>x</p>", "<span>x</span>", "<br>", "<"] {
        assert!(markup::html(bad).is_err(), "{bad}");
        refused(bad, &[], json!({"parse_mode": "HTML"}));
    }
    refused("<b></b>", &[], json!({"parse_mode": "HTML"}));
}

#[test]
fn markdown_is_read() {
    for (text, units) in [
        ("plain", 5),
        ("*bold _both_* __u__ ~s~ ||h||", 15),
        ("1\\. no\\!", 6),
        ("[link](https://a.example/x_y.z)", 4),
        ("[words]", 5),
        ("![👍](tg://emoji?id=5368324170671202286)", 2),
        ("`a*b` ```\n_c_\n```", 3 + 1 + 5),
        (">quoted\n>more", 11),
        (">quoted\n>more||", 11),
        (">a\n**>b||\nc", 5),
        (">a ||h||||", 3),
        (">a\n>||h||\n>b||", 5),
        ("a\\\\b", 3),
    ] {
        assert_eq!(markup::markdown(text), Ok(units), "{text}");
    }
    for bad in [
        "*x", "x.", "a > b", "_a*b_c*", "[x](y", "![x]", "`x", "```x", "x!", "a]", "1-2", "||x|", "x||",
        ">a||\n>b", ">a\nb||", "#tag", "(x)",
    ] {
        assert!(markup::markdown(bad).is_err(), "{bad}");
        refused(bad, &[], json!({"parse_mode": "MarkdownV2"}));
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "[<>a-b/&;#0-9_*~|`!\\[\\]()\\\\é🎉 \n.]{0,40}") {
        let units = text.encode_utf16().count();
        for found in [markup::html(&text), markup::markdown(&text)].into_iter().flatten() {
            prop_assert!(found <= units, "{found} of {units}");
        }
    }
}
