//! Nostr: signed events on relays.

mod names;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Action, Answers, Form, MediaRules, Platform, Post, Reconcile, Subjects, TextRules, after, check_reply_to,
    read_settings,
};
use crate::text::Count;

pub use names::{EventRef, Key, event_ref, mentions, nevent, npub, public_key, secret_key};

/// The most relays besides the account's own.
const MAX_RELAYS: usize = 10;
/// The most characters of a relay's address.
const MAX_ADDRESS: usize = 200;
/// The most characters of all of them: a post is called by them, so that it can be taken back there.
const MAX_TOGETHER: usize = names::MAX_RELAY_BYTES - 2 * MAX_RELAYS;

/// Nobody limits a text but each relay; most take as many bytes as this.
pub static PLATFORM: Platform = Platform {
    name: "nostr",
    text: TextRules { count: Count::Characters, unit: "characters", limit: 8_192, max_bytes: Some(8_192) },
    images: MediaRules {
        max: 10,
        max_bytes: usize::MAX,
        types: &["image/jpeg", "image/png", "image/webp", "image/gif"],
    },
    videos: MediaRules {
        max: 10,
        max_bytes: usize::MAX,
        types: &["video/mp4", "video/quicktime", "video/webm"],
    },
    max_media: 10,
    mixes_media: true,
    // events have no media: readers fetch them
    fetches_media: true,
    // who follows whom is one list for all programs of a person: whoever writes it without the newest one loses some
    actions: &[Action::Delete, Action::Like],
    answers: Answers::Posts,
    names_post: |text| event_ref(text).is_some(),
    first_only: &["reply_to"],
    subjects: Subjects {
        post: Form {
            fits: |text| event_ref(text).is_some(),
            looks: "the id of an event: nevent1…, note1…, or 64 digits",
        },
        ..Subjects::NONE
    },
    // an event's id is the hash of all that it says: whoever has it has this one, however often it comes
    reconcile: Reconcile::NativeKey,
    check,
    ..Platform::PLAIN
};

/// What an application may set.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Relays besides the account's own.
    #[serde(default)]
    pub relays: Vec<String>,
    /// Why readers should be asked before they see it.
    pub content_warning: Option<String>,
    /// The event that this one answers: its id, or its address.
    pub reply_to: Option<String>,
}

/// Whether it can be the address of a relay. What it leads to is looked at when it is connected to.
fn is_relay(text: &str) -> bool {
    const SCHEMES: [&str; 4] = ["wss://", "ws://127.0.0.1", "ws://localhost", "ws://[::1]"];
    after(text, &SCHEMES).is_some_and(|rest| !rest.is_empty())
        && text.len() <= MAX_ADDRESS
        && text.bytes().all(|b| b.is_ascii_graphic() && !b"@?#\"\\<>".contains(&b))
}

/// Reads and checks the settings.
pub fn settings(value: &Value) -> Result<Settings, String> {
    let settings: Settings = read_settings(value)?;
    check_reply_to(value, PLATFORM.names_post, "nevent1… or note1…")?;
    if settings.relays.len() > MAX_RELAYS {
        return Err(format!("name {} relays; at most {MAX_RELAYS} are accepted", settings.relays.len()));
    }
    let together: usize = settings.relays.iter().map(String::len).sum();
    if together > MAX_TOGETHER {
        return Err(format!(
            "name relays whose addresses have {together} characters together; {MAX_TOGETHER} are accepted"
        ));
    }
    match settings.relays.iter().find(|relay| !is_relay(relay)) {
        Some(odd) => {
            let shown: String = odd.chars().take(80).collect();
            Err(format!("name the relay {shown:?}; write it like wss://relay.example"))
        }
        None => Ok(settings),
    }
}

fn check(post: &Post<'_>) -> Vec<String> {
    let settings = match settings(post.settings) {
        Ok(settings) => settings,
        Err(why) => return vec![why],
    };
    // how programs hash these they don't agree about
    let is_odd = |c: char| c.is_ascii_control() && !"\n\r\t".contains(c);
    let texts = [Some(post.content), settings.content_warning.as_deref()];
    let alts = post.media.iter().map(|one| one.alt.as_str());
    if texts.into_iter().flatten().chain(alts).any(|text| text.contains(is_odd)) {
        return vec!["have a control character in a text".to_owned()];
    }
    vec![]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reasons(content: &str, settings: Value) -> Vec<String> {
        check(&Post { content, media: &[], settings: &settings })
    }

    #[test]
    fn settings_are_read_and_checked() {
        let all = json!({"relays": ["wss://relay.example", "wss://b.example:7777/path"], "content_warning": "cw",
                         "reply_to": "f".repeat(64)});
        assert_eq!(reasons("hi", all), Vec::<String>::new());
        for bad in [
            json!({"relays": ["https://relay.example"]}),
            json!({"relays": ["ws://relay.example"]}),
            json!({"relays": ["wss://u:p@relay.example"]}),
            json!({"relays": ["wss://"]}),
            json!({"relays": vec!["wss://relay.example"; 11]}),
            json!({"relays": "wss://relay.example"}),
            json!({"reply_to": "npub1"}),
            json!({"content_warning": "a\u{7}"}),
            json!({"hashtags": ["a"]}),
        ] {
            assert_eq!(reasons("hi", bad.clone()).len(), 1, "{bad}");
        }
        let together = |length: usize| {
            json!({"relays": (0..10).map(|n| match n {
            0 => format!("wss://{}", "a".repeat(length - 9 * 20 - 6)),
            n => format!("wss://relay{n}.example"),
        }).collect::<Vec<_>>()})
        };
        assert_eq!(reasons("hi", together(MAX_TOGETHER)), Vec::<String>::new());
        assert_eq!(reasons("hi", together(MAX_TOGETHER + 1)).len(), 1);
        assert_eq!(reasons("a\u{1}", json!({})).len(), 1);
        assert!(reasons("a\n\tb", json!({})).is_empty());
    }
}
