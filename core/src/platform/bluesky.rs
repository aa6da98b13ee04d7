//! Bluesky and every other server of the AT Protocol.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{Action, MediaRules, Platform, Post, Reconcile, TextRules, is_language_tag, read_settings};
use crate::text::Count;

/// The figures are those of the lexicon `app.bsky.feed.post` and of the reference server.
pub static PLATFORM: Platform = Platform {
    name: "bluesky",
    text: TextRules { count: Count::Graphemes, unit: "graphemes", limit: 300, max_bytes: Some(3_000) },
    images: MediaRules {
        max: 4,
        max_bytes: 2_000_000,
        types: &["image/jpeg", "image/png", "image/webp", "image/gif"],
    },
    videos: MediaRules { max: 0, max_bytes: 0, types: &[] },
    max_media: 4,
    mixes_media: false,
    needs_media: false,
    fetches_media: false,
    actions: &[Action::Delete, Action::Metrics, Action::Reply, Action::Like, Action::Follow],
    charges: &[],
    reconcile: Reconcile::NativeKey,
    // The account's own server is read: what it has, it shows.
    settles: Duration::ZERO,
    token_life: Some(Duration::from_secs(2 * 60 * 60)),
    check,
};

/// The most languages a record may name.
pub const MAX_LANGS: usize = 3;

/// What an application may set.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Languages of the text as BCP 47 tags.
    #[serde(default)]
    pub langs: Vec<String>,
}

/// Reads and checks the settings.
pub fn settings(value: &Value) -> Result<Settings, String> {
    let settings: Settings = read_settings(value)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
        ] {
            assert!(settings(&bad).is_err(), "{bad}");
        }
    }
}
