//! Misskey, and servers that offer its API.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Action, Answers, Form, MediaRules, Platform, Post, Reconcile, Subjects, TextRules, check_reply_to,
    long_alt, read_settings,
};
use crate::refresh::Rotation;
use crate::text::Count;

/// What a server has as it comes; one that accepts less says so itself when a note is prepared.
pub static PLATFORM: Platform = Platform {
    name: "misskey",
    text: TextRules { count: Count::Characters, unit: "characters", limit: 3_000, max_bytes: None },
    images: MediaRules {
        max: 16,
        max_bytes: 16 * 1024 * 1024,
        types: &["image/jpeg", "image/png", "image/webp", "image/gif"],
    },
    videos: MediaRules {
        max: 16,
        max_bytes: 100 * 1024 * 1024,
        types: &["video/mp4", "video/quicktime", "video/webm"],
    },
    max_media: 16,
    mixes_media: true,
    actions: &[Action::Delete, Action::Metrics, Action::Like, Action::Follow],
    answers: Answers::Posts,
    names_post: |text| note_ref(text).is_some(),
    first_only: &["reply_to"],
    subjects: Subjects {
        post: Form {
            fits: is_id,
            looks: "the id that a note has on the account's own server, such as 9zjkq1a2b3",
        },
        account: Form {
            fits: is_account,
            looks: "a name such as @alice@misskey.example, or the id it has on the account's own server",
        },
    },
    reconcile: Reconcile::ReadBack,
    // lists are made of caches that are filled behind the answer
    settles: Duration::from_secs(60),
    numbers_by_server: true,
    rotation: Rotation::Kept,
    check,
    ..Platform::PLAIN
};

/// The most characters of a warning.
const MAX_WARNING: usize = 100;
/// The most characters of an alternative text.
const MAX_ALT: usize = 512;
/// The most characters of an id.
const MAX_ID: usize = 64;
/// The most characters of a note's address.
const MAX_ADDRESS: usize = 2_048;
/// The most characters of an account's name, with that of its server.
const MAX_NAME: usize = 350;

/// Whether it can be an id: letters and digits, in whatever way the server makes them.
pub fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// `user` or `user@host`, without the `@` in front.
pub fn is_name(name: &str) -> bool {
    let is_part =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || "_.-:".contains(c));
    name.len() <= MAX_NAME && name.split('@').count() <= 2 && name.split('@').all(is_part)
}

/// A name with its `@`, or an id.
fn is_account(text: &str) -> bool {
    text.strip_prefix('@').map_or_else(|| is_id(text), is_name)
}

/// Who sees a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Everybody, also in public timelines.
    Public,
    /// Everybody who looks.
    Home,
    /// Followers.
    Followers,
}

impl Visibility {
    /// As the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Home => "home",
            Self::Followers => "followers",
        }
    }
}

/// What an application may set.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Who sees it; otherwise everybody.
    pub visibility: Option<Visibility>,
    /// A warning in front of the text.
    pub cw: Option<String>,
    /// Media are hidden until somebody asks for them.
    #[serde(default)]
    pub sensitive: bool,
    /// It stays on the account's server.
    #[serde(default)]
    pub local_only: bool,
    /// The note that this one answers: its id on the account's server, or its address.
    pub reply_to: Option<String>,
}

/// How a note is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteRef<'a> {
    /// By its id on the account's own server.
    Id(&'a str),
    /// By its address on any server.
    Address(&'a str),
}

/// Reads the id of a note, or its address.
pub fn note_ref(text: &str) -> Option<NoteRef<'_>> {
    if text.starts_with("https://") || text.starts_with("http://") {
        let is_address = text.len() <= MAX_ADDRESS && text.bytes().all(|b| b.is_ascii_graphic());
        return is_address.then_some(NoteRef::Address(text));
    }
    is_id(text).then_some(NoteRef::Id(text))
}

/// Reads and checks the settings.
pub fn settings(value: &Value) -> Result<Settings, String> {
    let settings: Settings = read_settings(value)?;
    check_reply_to(value, PLATFORM.names_post, "9zjkq1a2b3 or https://misskey.example/notes/9zjkq1a2b3")?;
    let warning = settings.cw.as_deref().map_or(0, |cw| cw.chars().count());
    if warning > MAX_WARNING {
        return Err(format!("have a cw of {warning} characters; {MAX_WARNING} are accepted"));
    }
    Ok(settings)
}

fn check(post: &Post<'_>) -> Vec<String> {
    settings(post.settings).err().into_iter().chain(long_alt(post.media, MAX_ALT)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate;
    use serde_json::json;

    #[test]
    fn settings_are_read_and_checked() {
        let all = json!({"visibility": "home", "cw": "c".repeat(100), "sensitive": true, "local_only": true,
                         "reply_to": "9zjkq1a2b3"});
        assert_eq!(settings(&all).map(|settings| settings.visibility), Ok(Some(Visibility::Home)));
        for bad in [
            json!({"visibility": "specified"}),
            json!({"cw": "c".repeat(101)}),
            json!({"spoiler_text": "cw"}),
            json!({"reply_to": "../1"}),
            json!({"reply_to": "https://a.example/a b"}),
        ] {
            assert!(settings(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_text_at_the_limit_passes_and_one_past_it_is_refused_with_the_count() {
        let refused = |text: &str| {
            let found = validate::post(&PLATFORM, text, &json!([]), &json!({}));
            found.first().map(ToString::to_string)
        };
        assert_eq!(refused(&"🎉".repeat(3_000)), None);
        let why = refused(&"é".repeat(3_001)).expect("refused");
        assert!(why.contains("3001") && why.contains("3000"), "{why}");
        let media = |count| {
            validate::post(
                &PLATFORM,
                "",
                &json!(vec![json!({"url": "https://a.example/a.png"}); count]),
                &json!({}),
            )
        };
        assert_eq!((media(16).len(), media(17).len()), (0, 1));
        let alt = |length: usize| {
            let media = json!([{"url": "https://a.example/a.png", "alt": "é".repeat(length)}]);
            validate::post(&PLATFORM, "", &media, &json!({})).first().map(ToString::to_string)
        };
        assert_eq!(alt(MAX_ALT), None);
        assert!(alt(MAX_ALT + 1).is_some_and(|why| why.contains("513") && why.contains("512")));
    }

    #[test]
    fn accounts_have_a_name_with_a_sign_or_an_id() {
        for account in ["@bob", "@bob@b.example", "@bob@127.0.0.1:3000", "9zjkq1a2b3"] {
            assert!(is_account(account), "{account}");
        }
        for odd in ["", "@", "@a@b@c", "bob@b.example", "a/b", "@bob hi", "@bob?x"] {
            assert!(!is_account(odd), "{odd}");
        }
    }
}
