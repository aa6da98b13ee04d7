//! Posts as X gives them back, held against what was sent: X shortens links, adds one for media, and escapes `&<>`.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use serde::Deserialize;

use crate::providers::{Failure, words};

/// No text has more links; what is beyond is not X's.
const MAX_LINKS: usize = 100;

/// A post as X gives it back.
#[derive(Debug, Deserialize)]
pub(super) struct Shown {
    pub(super) id: String,
    text: String,
    created_at: String,
    #[serde(default)]
    entities: Entities,
    #[serde(default)]
    attachments: Attachments,
    #[serde(default)]
    referenced_tweets: Vec<Referenced>,
}

/// Another post that this one is about.
#[derive(Debug, Deserialize)]
struct Referenced {
    #[serde(rename = "type")]
    how: String,
    id: String,
}

#[derive(Debug, Default, Deserialize)]
struct Entities {
    #[serde(default)]
    urls: Vec<Link>,
}

#[derive(Debug, Deserialize)]
struct Link {
    url: String,
    #[serde(default)]
    expanded_url: String,
    #[serde(default)]
    media_key: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Attachments {
    #[serde(default)]
    media_keys: Vec<String>,
}

impl Shown {
    /// When it was made. A post that is like ours and doesn't tell is no reason to take it for none.
    pub(super) fn created_at(&self) -> Result<SystemTime, Failure> {
        let unreadable =
            |_| Failure::new(ErrorClass::Transient, "the list of posts has an unknown form of time");
        humantime::parse_rfc3339(&self.created_at).map_err(unreadable)
    }

    /// The post that it answers.
    pub(super) fn answers(&self) -> Option<&str> {
        let answered = self.referenced_tweets.iter().find(|other| other.how == "replied_to");
        answered.map(|other| other.id.as_str())
    }

    /// Whether it is what was sent. Media are named by the ids of their uploads, which no other post has: they decide,
    /// whatever became of the text.
    pub(super) fn is(&self, text: &str, media_ids: &[&str]) -> bool {
        // `3_` and the id, or another number for another kind
        let shown = self.attachments.media_keys.iter();
        let same_media =
            shown.map(|key| key.rsplit('_').next().unwrap_or_default()).eq(media_ids.iter().copied());
        same_media && (!media_ids.is_empty() || words(&self.original()).eq(words(text)))
    }

    /// The text as it was written, as far as that can be told.
    fn original(&self) -> String {
        let unescaped = self.text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        let links = self.entities.urls.iter().take(MAX_LINKS).filter(|link| !link.url.is_empty());
        links.fold(unescaped, |text, link| {
            let original = if self.is_of_media(link) { "" } else { &link.expanded_url };
            text.replacen(&link.url, original, 1)
        })
    }

    fn is_of_media(&self, link: &Link) -> bool {
        let own = |what: &str| link.expanded_url.contains(&format!("/status/{}/{what}/", self.id));
        link.media_key.is_some() || own("photo") || own("video")
    }
}

/// The words of a text. X may change the spaces between them, composes letters and marks, and gives a link without scheme one.
fn words(text: &str) -> impl Iterator<Item = String> {
    words::words(text).into_iter().map(|word| {
        let word = word.replace("https://", "").replace("http://", "");
        word.trim_end_matches('/').to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn shown(text: &str, urls: Value, media_keys: Value) -> Shown {
        let tweet = json!({
            "id": "7", "text": text, "created_at": "2026-11-18T11:06:40.000Z", "edit_history_tweet_ids": ["7"],
            "entities": { "urls": urls }, "attachments": { "media_keys": media_keys },
        });
        serde_json::from_value(tweet).unwrap()
    }

    fn link(url: &str, expanded: &str) -> Value {
        json!({ "url": url, "expanded_url": expanded, "start": 0, "end": 0 })
    }

    #[test]
    fn what_x_does_to_a_text_is_undone() {
        let urls = json!([
            link("https://t.co/aaaaaaaaaa", "https://a.example/?x=1&y=2"),
            link("https://t.co/bbbbbbbbbb", "http://b.example"),
            link("https://t.co/cccccccccc", "https://x.com/alice/status/7/photo/1"),
        ]);
        let text = "1 &lt; 2 &amp; (https://t.co/aaaaaaaaaa) https://t.co/bbbbbbbbbb! &amp;amp; \n\nend https://t.co/cccccccccc";
        let tweet = shown(text, urls, json!([]));
        let sent = "1 < 2 & (https://a.example/?x=1&y=2) b.example! &amp;  \n end";
        assert!(tweet.is(sent, &[]), "{}", tweet.original());
        assert!(!tweet.is(&format!("{sent} more"), &[]));
        assert!(!tweet.is(&sent.replace("y=2", "y=3"), &[]));
    }

    #[test]
    fn media_are_told_by_their_uploads() {
        let urls = json!([{ "url": "https://t.co/cccccccccc", "media_key": "3_11" }]);
        let tweet = shown("https://t.co/cccccccccc", urls, json!(["3_11", "3_12"]));
        assert!(tweet.is("", &["11", "12"]));
        for other in [&["12", "11"][..], &["11"], &["11", "13"], &[]] {
            assert!(!tweet.is("", other), "{other:?}");
        }
        assert!(!shown("hi", json!([]), json!([])).is("hi", &["11"]));
    }

    #[test]
    fn the_media_of_a_post_decide_whatever_its_text_became() {
        let tweet = shown("something X made of it", json!([]), json!(["3_11"]));
        assert!(tweet.is("something else", &["11"]));
        assert!(!tweet.is("something X made of it", &["12"]));
        assert!(!tweet.is("something X made of it", &[]));
    }

    #[test]
    fn letters_and_marks_are_compared_composed() {
        let (composed, apart) = ("Gr\u{fc}\u{df}e \u{e9}", "Gru\u{308}\u{df}e e\u{301}");
        for (listed, sent) in [(composed, apart), (apart, composed)] {
            assert!(shown(listed, json!([]), json!([])).is(sent, &[]), "{listed:?} {sent:?}");
        }
        assert!(!shown("Gr\u{fc}", json!([]), json!([])).is("Gru", &[]));
    }

    #[test]
    fn what_is_not_there_is_empty() {
        let tweet: Shown =
            serde_json::from_value(json!({ "id": "7", "text": "hi", "created_at": "soon" })).unwrap();
        assert!(tweet.is(" hi ", &[]));
        assert_eq!(tweet.created_at().unwrap_err().class, ErrorClass::Transient);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*", url in "\\PC*", expanded in "\\PC*", key in "\\PC*", sent in "\\PC*") {
            let tweet = shown(&text, json!([link(&url, &expanded)]), json!([key]));
            let _ = tweet.is(&sent, &[]);
        }

        #[test]
        fn a_text_without_links_is_found_again(text in "[^h]{0,80}") {
            let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            prop_assert!(shown(escaped.trim(), json!([]), json!([])).is(&text, &[]));
        }
    }
}
