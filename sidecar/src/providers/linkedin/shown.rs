//! Posts as LinkedIn gives them back, held against what was sent.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::Value;

use super::publish::published;
use crate::providers::answer::since_1970;
use crate::providers::own_posts::{Likeness, Listed};
use crate::providers::words::{self, without_addresses};

/// What of the frozen body is found again.
#[derive(Debug, Deserialize)]
pub(super) struct Sent {
    pub(super) author: String,
    commentary: String,
    #[serde(default)]
    content: Value,
}

/// A post as LinkedIn gives it back.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown {
    id: String,
    author: String,
    #[serde(default)]
    commentary: String,
    #[serde(default)]
    content: Value,
    #[serde(default)]
    created_at: Option<u64>,
    #[serde(default)]
    published_at: Option<u64>,
    #[serde(default)]
    lifecycle_state: String,
    #[serde(default)]
    reshare_context: Value,
}

impl Shown {
    /// As a look takes it.
    pub(super) fn listed(&self, sent: &Sent) -> Listed {
        Listed { at: self.created_at.or(self.published_at).and_then(millis), likeness: self.likeness(sent) }
    }

    /// Media are named by the names of their uploads, which no other post has: they decide, whatever became of the text.
    pub(super) fn likeness(&self, sent: &Sent) -> Likeness {
        let is_other = self.author != sent.author
            || !self.reshare_context.is_null()
            || matches!(self.lifecycle_state.as_str(), "DRAFT" | "PUBLISH_FAILED");
        if is_other {
            return Likeness::Different;
        }
        let (theirs, ours) = (media(&self.content), media(&sent.content));
        let (text, sent_text) = (words(&self.commentary), words(&sent.commentary));
        let same_text = text == sent_text;
        // LinkedIn may have put shorter addresses in the place of those that were sent
        let (rest, sent_rest) = (without_addresses(&text), without_addresses(&sent_text));
        let like_text = same_text || rest == sent_rest && sent_rest.len() < sent_text.len();
        let same = || match published(&self.id) {
            Some(published) => Likeness::Same(published),
            None => Likeness::Alike(self.id.clone()),
        };
        match (theirs.is_empty(), ours.is_empty()) {
            (false, false) if theirs == ours => same(),
            // a post with other uploads is another one
            (false, _) => Likeness::Different,
            // what it showed is gone, or shown in a way that can't be read
            (true, false) if like_text => Likeness::Alike(self.id.clone()),
            (true, true) if same_text && source(&self.content) == source(&sent.content) => same(),
            (true, true) if like_text => Likeness::Alike(self.id.clone()),
            (true, _) => Likeness::Different,
        }
    }
}

/// A time as LinkedIn writes it.
pub(super) fn millis(millis: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis))
}

/// When what has this number was made: LinkedIn's numbers begin with the time, in milliseconds.
pub(super) fn made(urn: &str) -> Option<SystemTime> {
    let number: u64 = urn.rsplit(':').next()?.parse().ok()?;
    millis(number >> 22)
}

/// The names of the uploads that a content shows.
fn media(content: &Value) -> Vec<&str> {
    let images = content["multiImage"]["images"].as_array().into_iter().flatten();
    let all = images.map(|image| &image["id"]).chain([&content["media"]["id"]]);
    all.filter_map(Value::as_str).collect()
}

/// Where a card leads.
fn source(content: &Value) -> &str {
    content["article"]["source"].as_str().unwrap_or_default().trim_end_matches('/')
}

/// The words of a text, however LinkedIn writes it: with other escapes, hashtags as templates, other spaces.
fn words(little: &str) -> Vec<String> {
    words::words(&plain(little))
}

/// A "little text" as people read it. What is no escape and no template stays as it is.
fn plain(little: &str) -> String {
    const TEMPLATE: &str = "{hashtag|";
    let mut plain = String::with_capacity(little.len());
    let mut rest = little;
    while let Some(first) = rest.chars().next() {
        let after = &rest[first.len_utf8()..];
        if let Some((sign, tag, behind)) = rest.strip_prefix(TEMPLATE).and_then(template) {
            plain.push_str(sign);
            plain.push_str(&plain_tag(tag));
            rest = behind;
        } else if let ('\\', Some(escaped)) = (first, after.chars().next()) {
            plain.push(escaped);
            rest = &after[escaped.len_utf8()..];
        } else {
            plain.push(first);
            rest = after;
        }
    }
    plain
}

/// The sign and the word of `\#|word}`, and what follows.
fn template(rest: &str) -> Option<(&str, &str, &str)> {
    let (sign, rest) = rest.split_once('|')?;
    let sign = sign.trim_start_matches('\\');
    let (tag, behind) = rest.split_once('}')?;
    matches!(sign, "#" | "＃").then_some((sign, tag, behind))
}

fn plain_tag(tag: &str) -> String {
    tag.replace('\\', "")
}

/// A time so many seconds before another.
pub(super) fn before(at: SystemTime, seconds: u64) -> SystemTime {
    at.checked_sub(Duration::from_secs(seconds)).unwrap_or_else(|| since_1970(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::Published;
    use proptest::prelude::*;
    use serde_json::json;

    const ALICE: &str = "urn:li:person:a";

    fn sent(text: &str, content: &Value) -> Sent {
        let commentary = crier_core::platform::linkedin::little(text);
        serde_json::from_value(json!({ "author": ALICE, "commentary": commentary, "content": content }))
            .unwrap()
    }

    fn shown(text: &str, content: &Value) -> Shown {
        let shown =
            json!({ "id": "urn:li:share:7", "author": ALICE, "commentary": text, "content": content });
        serde_json::from_value(shown).unwrap()
    }

    fn is_same(found: &Likeness) -> bool {
        matches!(found, Likeness::Same(Published { external_id, .. }) if external_id == "urn:li:share:7")
    }

    #[test]
    fn what_linkedin_does_to_a_text_is_undone() {
        let ours = sent("Hi (you) #rust & #go_on\n\nbye", &json!(null));
        for text in
            [r"Hi \(you\) #rust & \#go\_on  bye", r"Hi (you) {hashtag|\#|rust} & {hashtag|#|go\_on} bye"]
        {
            assert!(is_same(&shown(text, &json!(null)).likeness(&ours)), "{text}");
        }
        assert_eq!(shown("Hi", &json!(null)).likeness(&ours), Likeness::Different);
        for odd in ["{hashtag|", "{hashtag|x|y}", "\\", "{hashtag|#|a", "{"] {
            assert_eq!(plain(odd).len(), odd.len(), "{odd}");
        }
    }

    #[test]
    fn media_decide_whatever_became_of_the_text() {
        let one = |id: &str| json!({ "media": { "id": id, "altText": "x" } });
        let many = |ids: &[&str]| json!({ "multiImage": { "images": ids.iter().map(|id| json!({ "id": id })).collect::<Vec<_>>() } });
        let card = |source: &str| json!({ "article": { "source": source, "title": "x" } });
        let none = json!(null);
        assert!(is_same(&shown("other", &one("i1")).likeness(&sent("hi", &one("i1")))));
        assert!(is_same(&shown("hi", &many(&["i1", "i2"])).likeness(&sent("hi", &many(&["i1", "i2"])))));
        assert!(is_same(
            &shown("hi", &card("https://a.example/")).likeness(&sent("hi", &card("https://a.example")))
        ));
        for (theirs, ours) in
            [(one("i1"), one("i2")), (many(&["i2", "i1"]), many(&["i1", "i2"])), (one("i1"), none.clone())]
        {
            assert_eq!(
                shown("hi", &theirs).likeness(&sent("hi", &ours)),
                Likeness::Different,
                "{theirs} {ours}"
            );
        }
        for (theirs, ours) in [
            (none.clone(), one("i1")),
            (none.clone(), card("https://a.example")),
            (card("https://b.example"), none),
        ] {
            let alike = Likeness::Alike("urn:li:share:7".into());
            assert_eq!(shown("hi", &theirs).likeness(&sent("hi", &ours)), alike, "{theirs} {ours}");
        }
    }

    #[test]
    fn what_another_shared_or_never_came_out_is_not_ours() {
        let ours = sent("hi", &json!(null));
        for (name, value) in [
            ("author", json!("urn:li:person:b")),
            ("reshareContext", json!({ "parent": "urn:li:share:1" })),
            ("lifecycleState", json!("PUBLISH_FAILED")),
        ] {
            let mut theirs = json!({ "id": "urn:li:share:7", "author": ALICE, "commentary": "hi" });
            theirs[name] = value;
            let theirs: Shown = serde_json::from_value(theirs).unwrap();
            assert_eq!(theirs.likeness(&ours), Likeness::Different, "{name}");
        }
    }

    #[test]
    fn a_number_tells_when_it_was_given() {
        let at = made("urn:li:share:7141138937766391808").unwrap();
        assert_eq!(humantime::format_rfc3339_seconds(at).to_string(), "2023-12-14T18:56:38Z");
        assert_eq!(made("urn:li:share:x"), None);
    }

    #[test]
    fn a_text_whose_addresses_became_others_may_be_ours() {
        let none = json!(null);
        let ours = sent("read https://a.example/x_y and more", &none);
        let alike = Likeness::Alike("urn:li:share:7".into());
        assert_eq!(shown("read https://lnkd.in/e7 and more", &none).likeness(&ours), alike);
        for other in ["read https://lnkd.in/e7 and less", "read and"] {
            assert_eq!(shown(other, &none).likeness(&ours), Likeness::Different, "{other}");
        }
        // without an address in it a text stays as it is
        assert_eq!(shown("hi https://a.example/x", &none).likeness(&sent("hi", &none)), Likeness::Different);
    }

    proptest! {
        #[test]
        fn a_text_is_found_again(text in "\\PC{0,80}") {
            let ours = sent(&text, &json!(null));
            prop_assert!(is_same(&shown(&ours.commentary, &json!(null)).likeness(&ours)));
            prop_assert_eq!(words(&ours.commentary), words::words(&text));
        }

        #[test]
        fn no_text_panics(text in "[{}|#\\\\hastg é]{0,40}|\\PC*") {
            let _ = plain(&text);
        }
    }
}
