//! Whether a platform can take a post, said before it is accepted.

use serde::Deserialize;

use crate::media::{self, Image, MediaError, Source};
use crate::platform::Platform;
use crate::text;

/// One reason why a platform refuses a post.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Neither text nor media.
    #[error("the post has neither text nor media")]
    Empty,
    /// Too many grapheme clusters.
    #[error("the text has {found} graphemes; {platform} accepts at most {limit}")]
    Graphemes {
        /// The platform's name.
        platform: &'static str,
        /// Graphemes found.
        found: usize,
        /// Graphemes accepted.
        limit: usize,
    },
    /// Too many bytes.
    #[error("the text has {found} bytes in UTF-8; {platform} accepts at most {limit}")]
    Bytes {
        /// The platform's name.
        platform: &'static str,
        /// Bytes found.
        found: usize,
        /// Bytes accepted.
        limit: usize,
    },
    /// Too many images.
    #[error("the post has {found} images; {platform} accepts at most {limit}")]
    Images {
        /// The platform's name.
        platform: &'static str,
        /// Images found.
        found: usize,
        /// Images accepted.
        limit: usize,
    },
    /// An image of a type the platform does not show.
    #[error("image {index} is of type {found:?}; {platform} accepts {accepted}")]
    ImageType {
        /// The image's place, the first is 1.
        index: usize,
        /// The type it states.
        found: String,
        /// The platform's name.
        platform: &'static str,
        /// The types accepted, separated by commas.
        accepted: String,
    },
    /// An image with too many bytes.
    #[error("image {index} has {found} bytes; {platform} accepts at most {limit}")]
    ImageBytes {
        /// The image's place, the first is 1.
        index: usize,
        /// Bytes found.
        found: usize,
        /// The platform's name.
        platform: &'static str,
        /// Bytes accepted.
        limit: usize,
    },
    /// An image that can't be read at all.
    #[error("image {index}: {reason}")]
    Image {
        /// The image's place, the first is 1.
        index: usize,
        /// What is wrong.
        reason: MediaError,
    },
    /// Media that is not an array of images.
    #[error(transparent)]
    Media(MediaError),
    /// A setting the platform does not have, or of the wrong form.
    #[error("the settings for {platform} {reason}")]
    Setting {
        /// The platform's name.
        platform: &'static str,
        /// What is wrong.
        reason: String,
    },
}

/// The most languages a Bluesky record may name.
pub const MAX_LANGS: usize = 3;

/// The settings one platform reads, from `{"<platform>": {…}}` of a post.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Languages of the text as BCP 47 tags.
    #[serde(default)]
    pub langs: Vec<String>,
}

/// Reads and checks the settings of one platform.
pub fn settings(platform: &'static Platform, value: &serde_json::Value) -> Result<Settings, Violation> {
    let wrong = |reason: String| Violation::Setting { platform: platform.name, reason };
    let settings = Settings::deserialize(value).map_err(|error| wrong(format!("can't be read: {error}")))?;
    if settings.langs.len() > MAX_LANGS {
        return Err(wrong(format!(
            "name {} languages; at most {MAX_LANGS} are accepted",
            settings.langs.len()
        )));
    }
    match settings.langs.iter().find(|lang| !is_language_tag(lang)) {
        Some(lang) => {
            Err(wrong(format!("name the language {lang:?}, which is not a BCP 47 tag such as \"en\"")))
        }
        None => Ok(settings),
    }
}

/// The form of a BCP 47 tag: parts of 1 to 8 letters or digits, the first of 2 or 3 letters.
fn is_language_tag(tag: &str) -> bool {
    let part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    let first = tag.split('-').next().unwrap_or_default();
    tag.len() <= 35
        && (2..=3).contains(&first.len())
        && first.bytes().all(|b| b.is_ascii_alphabetic())
        && tag.split('-').all(part)
}

/// Everything for which `platform` would refuse the post; empty means that it can be accepted.
pub fn post(platform: &'static Platform, content: &str, media: &serde_json::Value) -> Vec<Violation> {
    let images = match media::parse(media) {
        Ok(images) => images,
        Err(error) => return vec![Violation::Media(error)],
    };
    let mut found = text_of(platform, content, images.is_empty());
    if images.len() > platform.max_images {
        found.push(Violation::Images {
            platform: platform.name,
            found: images.len(),
            limit: platform.max_images,
        });
    }
    // Images that are too many anyway are not looked at: a message stays readable however long the list is.
    let counted = images.iter().take(platform.max_images).enumerate();
    found.extend(counted.filter_map(|(at, image)| image_of(platform, at + 1, image).err()));
    found
}

fn text_of(platform: &'static Platform, content: &str, alone: bool) -> Vec<Violation> {
    let mut found = Vec::new();
    if alone && content.trim().is_empty() {
        found.push(Violation::Empty);
    }
    if content.len() > platform.max_bytes {
        found.push(Violation::Bytes {
            platform: platform.name,
            found: content.len(),
            limit: platform.max_bytes,
        });
    }
    let graphemes = text::graphemes(content);
    if graphemes > platform.max_graphemes {
        found.push(Violation::Graphemes {
            platform: platform.name,
            found: graphemes,
            limit: platform.max_graphemes,
        });
    }
    found
}

fn image_of(platform: &'static Platform, index: usize, image: &Image) -> Result<(), Violation> {
    let reason = |reason| Violation::Image { index, reason };
    image.check_alt().map_err(reason)?;
    let source = image.source().map_err(reason)?;
    if let Source::Data { mime_type, .. } = source {
        check_type(platform, index, mime_type)?;
    }
    source.known_len().map_or(Ok(()), |len| check_len(platform, index, len))
}

/// Refuses an image whose MIME type the platform does not show.
pub fn check_type(platform: &'static Platform, index: usize, mime_type: &str) -> Result<(), Violation> {
    if platform.image_types.contains(&mime_type) {
        return Ok(());
    }
    Err(Violation::ImageType {
        index,
        found: mime_type.chars().take(80).collect(),
        platform: platform.name,
        accepted: platform.image_types.join(", "),
    })
}

/// Refuses an image with more bytes than the platform takes.
pub fn check_len(platform: &'static Platform, index: usize, found: usize) -> Result<(), Violation> {
    if found <= platform.max_image_bytes {
        return Ok(());
    }
    Err(Violation::ImageBytes { index, found, platform: platform.name, limit: platform.max_image_bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::BLUESKY;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn bluesky_counts_graphemes_and_bytes() {
        assert_eq!(post(&BLUESKY, &"a".repeat(300), &json!([])), []);
        let long = post(&BLUESKY, &"a".repeat(301), &json!([]));
        assert_eq!(long, [Violation::Graphemes { platform: "bluesky", found: 301, limit: 300 }]);
        // 121 families: 121 graphemes, but 3,025 bytes
        let heavy = post(&BLUESKY, &"👨‍👩‍👧‍👧".repeat(121), &json!([]));
        assert_eq!(heavy, [Violation::Bytes { platform: "bluesky", found: 3_025, limit: 3_000 }]);
    }

    #[test]
    fn every_reason_is_named_at_once() {
        let one = json!({"url": "data:text/html;base64,AAAA"});
        let all = post(&BLUESKY, &"a".repeat(4_000), &json!([one, one, one, one, {"url": "ftp://x"}]));
        assert_eq!(all.len(), 7, "{all:?}");
    }

    #[test]
    fn an_image_may_stand_without_text() {
        let media = json!([{"url": "https://a.example/x.png"}]);
        assert_eq!(post(&BLUESKY, "", &media), []);
        assert_eq!(post(&BLUESKY, " \n", &json!([])), [Violation::Empty]);
    }

    #[test]
    fn settings_are_read_and_checked() {
        assert_eq!(settings(&BLUESKY, &json!({})), Ok(Settings::default()));
        assert!(settings(&BLUESKY, &json!({"langs": ["en", "pt-BR", "zh-Hans"]})).is_ok());
        for bad in [
            json!(null),
            json!([1]),
            json!({"lang": "en"}),
            json!({"langs": ["e"]}),
            json!({"langs": ["en-"]}),
            json!({"langs": ["en", "de", "fr", "es"]}),
        ] {
            assert!(matches!(settings(&BLUESKY, &bad), Err(Violation::Setting { .. })), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_within_the_limits(content in "\\PC{0,400}") {
            if post(&BLUESKY, &content, &json!([])).is_empty() {
                prop_assert!(content.len() <= 3_000 && text::graphemes(&content) <= 300);
            }
        }
    }
}
