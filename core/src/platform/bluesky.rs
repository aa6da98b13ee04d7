//! Bluesky and every other server of the AT Protocol.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Action, Answers, Form, MediaRules, Platform, Post, Reconcile, Subjects, TextRules, after, check_reply_to,
    is_language_tag, read_settings,
};
use crate::refresh::Rotation;
use crate::text::{Count, graphemes};
pub use crate::text::{MAX_HANDLE, is_handle};

/// The figures are those of the lexicons `app.bsky.feed.post` and `app.bsky.embed.video`, and of the reference server.
pub static PLATFORM: Platform = Platform {
    name: "bluesky",
    text: TextRules { count: Count::Graphemes, unit: "graphemes", limit: 300, max_bytes: Some(3_000) },
    images: MediaRules {
        max: 4,
        max_bytes: 2_000_000,
        types: &["image/jpeg", "image/png", "image/webp", "image/gif"],
    },
    videos: MediaRules { max: 1, max_bytes: 300_000_000, types: &["video/mp4"] },
    max_media: 4,
    actions: &[Action::Delete, Action::Metrics, Action::Like, Action::Follow],
    answers: Answers::Posts,
    names_post: |text| post_ref(text).is_some(),
    first_only: &["reply_to"],
    subjects: Subjects {
        post: Form {
            fits: is_post,
            looks: "the address of a post, such as at://did:plc:abc/app.bsky.feed.post/3jzfcijpj2z2a",
        },
        account: Form { fits: is_account, looks: "a handle such as alice.bsky.social, or a DID" },
    },
    reconcile: Reconcile::NativeKey,
    // The account's own server is read: what it has, it shows.
    settles: Duration::ZERO,
    token_life: Some(Duration::from_secs(2 * 60 * 60)),
    // of sessions that were opened with an app password: a token that comes again buys the same pair
    rotation: Rotation::Grace(Duration::from_secs(2 * 60 * 60)),
    check,
    ..Platform::PLAIN
};

/// Where posts are in a repository.
const POSTS: &str = "app.bsky.feed.post";
/// The most characters of an account's id.
const MAX_DID: usize = 2048;
/// The most characters of a record's key.
const MAX_KEY: usize = 512;

/// Whether it is the id of an account: `did:`, a method, an id.
pub fn is_did(text: &str) -> bool {
    let Some((method, id)) = text.strip_prefix("did:").and_then(|rest| rest.split_once(':')) else {
        return false;
    };
    text.len() <= MAX_DID
        && !method.is_empty()
        && method.bytes().all(|b| b.is_ascii_lowercase())
        && !id.is_empty()
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:%-".contains(&b))
}

/// Whether it can be the key of a record.
fn is_key(text: &str) -> bool {
    (1..=MAX_KEY).contains(&text.len())
        && !matches!(text, "." | "..")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:~-".contains(&b))
}

/// The account and the key in `at://ACCOUNT/app.bsky.feed.post/KEY`, whatever they look like.
fn record_parts(text: &str) -> Option<(&str, &str)> {
    let (account, rest) = text.strip_prefix("at://")?.split_once('/')?;
    Some((account, rest.strip_prefix(POSTS)?.strip_prefix('/')?))
}

/// The account and the key that the address of a post names: `at://DID/app.bsky.feed.post/KEY`.
pub fn post_address(text: &str) -> Option<(&str, &str)> {
    record_parts(text).filter(|(did, key)| is_did(did) && is_key(key))
}

fn is_post(text: &str) -> bool {
    post_address(text).is_some()
}

fn is_account(text: &str) -> bool {
    is_did(text) || is_handle(text)
}

/// The most graphemes of a video's alternative text. Its limit of bytes is more than any attachment's text can have.
const MAX_VIDEO_ALT: usize = 1_000;
/// The most languages a record may name.
pub const MAX_LANGS: usize = 3;
/// The most characters of an account's name in what a post answers.
const MAX_REPO: usize = 300;

/// What an application may set.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Languages of the text as BCP 47 tags.
    #[serde(default)]
    pub langs: Vec<String>,
    /// The post that this one answers, by its address.
    pub reply_to: Option<String>,
}

/// A post by the names of its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostRef<'a> {
    /// The account: its id or its handle.
    pub repo: &'a str,
    /// The key of the record.
    pub rkey: &'a str,
}

/// Reads `at://did:plc:…/app.bsky.feed.post/…` and `https://bsky.app/profile/…/post/…`.
pub fn post_ref(text: &str) -> Option<PostRef<'_>> {
    let (repo, rkey) = match after(text, &["https://bsky.app/profile/"]) {
        Some(rest) => rest.split_once("/post/")?,
        None => record_parts(text)?,
    };
    (is_name(repo, MAX_REPO) && is_name(rkey, MAX_KEY)).then_some(PostRef { repo, rkey })
}

/// Whether a text can be the name of an account or a record.
fn is_name(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:%~-".contains(&b))
}

/// Reads and checks the settings.
pub fn settings(value: &Value) -> Result<Settings, String> {
    let settings: Settings = read_settings(value)?;
    check_reply_to(value, PLATFORM.names_post, "at://did:plc:…/app.bsky.feed.post/…")?;
    if settings.langs.len() > MAX_LANGS {
        return Err(format!("name {} languages; at most {MAX_LANGS} are accepted", settings.langs.len()));
    }
    match settings.langs.iter().find(|lang| !is_language_tag(lang)) {
        Some(lang) => Err(format!("name the language {lang:?}, which is not a BCP 47 tag such as \"en\"")),
        None => Ok(settings),
    }
}

fn check(post: &Post<'_>) -> Vec<String> {
    settings(post.settings).err().into_iter().collect()
}

/// What a record says of a video for those who can't see it, within the bounds of `app.bsky.embed.video`.
pub fn check_video_alt(alt: &str) -> Result<(), String> {
    match graphemes(alt) {
        found if found > MAX_VIDEO_ALT => {
            Err(format!("has {found} graphemes; bluesky accepts at most {MAX_VIDEO_ALT} for a video"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn posts_are_named_by_their_address() {
        let address = "at://did:plc:abc/app.bsky.feed.post/3jzfcijpj2z2a";
        assert_eq!(post_address(address), Some(("did:plc:abc", "3jzfcijpj2z2a")));
        for odd in [
            "",
            "at://alice.test/app.bsky.feed.post/3jzf",
            "at://did:plc:abc/app.bsky.feed.like/3jzf",
            "at://did:plc:abc/app.bsky.feed.post/",
            "at://did:plc:abc/app.bsky.feed.post/..",
            "at://did:plc:abc/app.bsky.feed.post/a/b",
            "https://bsky.app/profile/alice.test/post/3jzf",
        ] {
            assert_eq!(post_address(odd), None, "{odd}");
        }
        assert!(is_account("alice.test") && is_account("did:web:a.example"));
        assert!(!is_account("@alice.test") && !is_account("alice"));
    }

    #[test]
    fn settings_are_read_and_checked() {
        assert_eq!(settings(&json!({})), Ok(Settings::default()));
        assert!(settings(&json!({"langs": ["en", "pt-BR", "zh-Hans"]})).is_ok());
        for bad in [
            json!(null),
            json!([1]),
            json!({"lang": "en"}),
            json!({"langs": ["e"]}),
            json!({"langs": ["en-"]}),
            json!({"langs": ["en", "de", "fr", "es"]}),
            json!({"reply_to": 7}),
            json!({"reply_to": "at://did:plc:a/app.bsky.feed.like/3k"}),
        ] {
            assert!(settings(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_alternative_text_of_a_video_is_bounded() {
        assert_eq!(check_video_alt(""), Ok(()));
        assert_eq!(check_video_alt(&"é".repeat(1_000)), Ok(()));
        assert!(check_video_alt(&"é".repeat(1_001)).unwrap_err().contains("1001 graphemes"));
    }

    #[test]
    fn a_post_is_named_by_its_record_or_its_page() {
        let named = Some(PostRef { repo: "did:plc:a", rkey: "3jzfcijpj2z2a" });
        assert_eq!(post_ref("at://did:plc:a/app.bsky.feed.post/3jzfcijpj2z2a"), named);
        assert_eq!(post_ref("https://bsky.app/profile/did:plc:a/post/3jzfcijpj2z2a"), named);
        for odd in [
            "",
            "3jzfcijpj2z2a",
            "at://did:plc:a/app.bsky.feed.like/3k",
            "at://did:plc:a/app.bsky.feed.post/",
            "at://did:plc:a/app.bsky.feed.post/a/b",
            "at://a b/app.bsky.feed.post/3k",
            "https://evil.example/profile/a.test/post/3k",
        ] {
            assert_eq!(post_ref(odd), None, "{odd}");
        }
    }
}
