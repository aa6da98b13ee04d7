//! What can be done before a post exists: find what it answers, and sign the event. A signature needs the key, which is at hand
//! here and not where the post is written down.

use std::time::SystemTime;

use crier_core::error_class::ErrorClass;
use crier_core::media::Attachment;
use crier_core::platform::nostr::{self, PLATFORM, Settings};
use crier_core::text::{Dialect, hashtags};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::event::{Author, Event, Said, TEXT};
use super::relay::Relays;
use crate::hex::hex;
use crate::providers::answer::seconds_since_1970;
use crate::providers::key::new_key;
use crate::providers::{Caller, Failure, Post};

/// The event, and the relays that it goes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Prepared {
    pub(super) event: Event,
    pub(super) relays: Vec<String>,
    /// The hash of what was to be said: one that was changed since is signed anew.
    of: String,
}

fn hash(post: &Post) -> String {
    let Post { content, media, settings, reply_to, .. } = post;
    hex(&Sha256::digest(json!([content, media, settings, reply_to]).to_string().as_bytes()))
}

/// What another version stored differently is prepared again.
pub(super) fn parse(prepared: &Value) -> Option<Prepared> {
    Prepared::deserialize(prepared).ok()
}

/// Signs the event; `None` where that is done.
pub(super) async fn step(caller: &Caller, post: &Post, prepared: &Value) -> Result<Option<Value>, Failure> {
    let of = hash(post);
    if parse(prepared).is_some_and(|prepared| prepared.of == of) {
        return Ok(None);
    }
    let wrong = |why| Failure::new(ErrorClass::ContentInvalid, format!("the settings for nostr {why}"));
    let settings = nostr::settings(&post.settings).map_err(wrong)?;
    let author = Author::of(&caller.session.access)?;
    let relays = Relays::new(&caller.account.base_url, &settings.relays);
    relays.check().await?;
    let answered = match &post.reply_to {
        Some(answered) => Some(find(&relays, answered).await?),
        None => None,
    };
    let said = said(post, &settings, answered.as_ref(), relays.addresses(), SystemTime::now())?;
    let event = author.sign(said)?;
    Ok(Some(json!(Prepared { event, relays: relays.addresses().to_vec(), of })))
}

/// The event of a name, from one of the relays: what answers it names its author, and what it answers itself.
pub(super) async fn find(relays: &Relays, named: &str) -> Result<Event, Failure> {
    let unreadable =
        || Failure::new(ErrorClass::ContentInvalid, format!("that is no event on {}", PLATFORM.name));
    let id = hex(&nostr::event_ref(named).ok_or_else(unreadable)?.id);
    let mut failed = None;
    for found in relays.find(&id).await {
        match found {
            Ok(Some(event)) => return Ok(event),
            Ok(None) => {}
            Err(failure) => failed = failed.or(Some(failure)),
        }
    }
    let missing = || Failure::new(ErrorClass::TargetMissing, "no relay of the account has that event");
    Err(failed.unwrap_or_else(missing))
}

/// What the event says.
fn said(
    post: &Post,
    settings: &Settings,
    answered: Option<&Event>,
    relays: &[String],
    now: SystemTime,
) -> Result<Said, Failure> {
    let media = post.attachments()?;
    let mut tags = Tags::default();
    if let Some(answered) = answered {
        tags.answer(answered, relays.first().map_or("", String::as_str));
    }
    for word in nostr::mentions(&post.content) {
        if let Some(key) = nostr::public_key(word) {
            tags.add(&["p", &hex(&key)]);
        } else if let Some(event) = nostr::event_ref(word) {
            tags.add(&["q", &hex(&event.id)]);
        }
    }
    for range in hashtags(&post.content, Dialect::Mastodon) {
        let tag = post.content.get(range).unwrap_or_default().trim_start_matches('#').to_lowercase();
        tags.add(&["t", &tag]);
    }
    media.iter().for_each(|one| tags.media(one));
    if let Some(why) = &settings.content_warning {
        tags.add(&["content-warning", why]);
    }
    // of two events that say the same in the same second there would be one
    tags.add(&["crier", &new_key(now)?]);
    let addresses = media.iter().map(|one| one.url.as_str());
    let parts: Vec<_> =
        [post.content.as_str()].into_iter().filter(|text| !text.is_empty()).chain(addresses).collect();
    Ok(Said { kind: TEXT, created_at: seconds_since_1970(now), tags: tags.0, content: parts.join("\n") })
}

/// What an event is about, for machines.
#[derive(Default)]
struct Tags(Vec<Vec<String>>);

impl Tags {
    /// Each once.
    fn add(&mut self, tag: &[&str]) {
        let tag: Vec<_> = tag.iter().map(|part| (*part).to_owned()).collect();
        if !self.0.contains(&tag) {
            self.0.push(tag);
        }
    }

    /// The beginning of the thread, what is answered, and whom that concerns (NIP-10).
    fn answer(&mut self, answered: &Event, relay: &str) {
        let has_mark = |tag: &&Vec<String>, mark: &str| tag.get(3).is_some_and(|is| is == mark);
        let events = || answered.tags.iter().filter(|tag| tag.first().is_some_and(|name| name == "e"));
        // in the old way, the first is the beginning
        let unmarked = || events().find(|tag| tag.len() < 4);
        let root = events().find(|tag| has_mark(tag, "root")).or_else(unmarked).and_then(|tag| tag.get(1));
        match root.filter(|id| super::event::key(id).is_some()) {
            Some(root) => {
                self.add(&["e", root, relay, "root"]);
                self.add(&["e", &answered.id, relay, "reply", &answered.pubkey]);
            }
            None => self.add(&["e", &answered.id, relay, "root", &answered.pubkey]),
        }
        self.add(&["p", &answered.pubkey]);
        let concerned = answered.tags.iter().filter(|tag| tag.first().is_some_and(|name| name == "p"));
        for key in concerned.filter_map(|tag| tag.get(1)).filter(|key| super::event::key(key).is_some()) {
            self.add(&["p", key]);
        }
    }

    /// What stands behind an address in the text (NIP-92).
    fn media(&mut self, one: &Attachment) {
        let url = format!("url {}", one.url);
        let alt = format!("alt {}", one.alt.replace('\n', " "));
        if one.alt.is_empty() { self.add(&["imeta", &url]) } else { self.add(&["imeta", &url, &alt]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::answer::since_1970;

    const ALICE: &str = "7e7e9c42a91bfef19fa929e5fda1b72e0ebc1a4c1141673e2794234d86addf4e";
    const NPUB: &str = "npub10elfcs4fr0l0r8af98jlmgdh9c8tcxjvz9qkw038js35mp4dma8qzvjptg";

    fn tags_of(
        content: &str,
        media: Value,
        settings: Value,
        answered: Option<&Event>,
    ) -> (Vec<Vec<String>>, String) {
        let settings = nostr::settings(&settings).unwrap();
        let post = Post { content: content.into(), media, settings: Value::Null, attempt: 1, reply_to: None };
        let relays = ["wss://relay.example".to_owned()];
        let Said { mut tags, content, .. } =
            said(&post, &settings, answered, &relays, since_1970(1_795_000_000)).unwrap();
        let nonce = tags.pop().unwrap();
        assert_eq!((nonce[0].as_str(), nonce[1].len()), ("crier", 36));
        (tags, content)
    }

    fn tags(tags: &[&[&str]]) -> Vec<Vec<String>> {
        tags.iter().map(|tag| tag.iter().map(|part| (*part).to_owned()).collect()).collect()
    }

    #[test]
    fn a_text_says_who_and_what_it_is_about() {
        let text = format!("#Rust and #rust by nostr:{NPUB} (nostr:{NPUB}), not #1");
        let (found, content) = tags_of(&text, json!([]), json!({ "content_warning": "cw" }), None);
        assert_eq!(found, tags(&[&["p", ALICE], &["t", "rust"], &["content-warning", "cw"]]));
        assert_eq!(content, text);
        let media = json!([{ "url": "https://a.example/x.jpg", "alt": "two\nlines" }, { "url": "https://a.example/y.mp4" }]);
        let (found, content) = tags_of("see", media, json!({}), None);
        let expected = tags(&[
            &["imeta", "url https://a.example/x.jpg", "alt two lines"],
            &["imeta", "url https://a.example/y.mp4"],
        ]);
        assert_eq!(
            (found, content.as_str()),
            (expected, "see\nhttps://a.example/x.jpg\nhttps://a.example/y.mp4")
        );
    }

    #[test]
    fn an_answer_names_the_beginning_and_what_it_answers() {
        let (a, b, c) = ("a".repeat(64), "b".repeat(64), "c".repeat(64));
        let event = |tags: Value| Event {
            id: a.clone(),
            pubkey: b.clone(),
            created_at: 1,
            kind: TEXT,
            tags: serde_json::from_value(tags).unwrap(),
            content: "x".into(),
            sig: String::new(),
        };
        let relay = "wss://relay.example";
        let first = tags_of("y", json!([]), json!({}), Some(&event(json!([])))).0;
        assert_eq!(first, tags(&[&["e", &a, relay, "root", &b], &["p", &b]]));
        for root in [json!(["e", c, "", "root"]), json!(["e", c])] {
            let answered = event(json!([["p", ALICE], root, ["p", "odd"], []]));
            let later = tags_of("y", json!([]), json!({}), Some(&answered)).0;
            let expected: &[&[&str]] =
                &[&["e", &c, relay, "root"], &["e", &a, relay, "reply", &b], &["p", &b], &["p", ALICE]];
            assert_eq!(later, tags(expected));
        }
    }
}
