//! Whether a platform can take a post, said before it is accepted.

mod action;

use crate::media::{self, Attachment, Kind, MediaError, Source};
use crate::platform::{Answers, Platform, Post, TextRules, reply_to};
use crate::text::{CantSplit, Excess, excess, excess_bytes};

pub use action::action;

/// One reason why a platform refuses a post.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Neither text nor media.
    #[error("the post has neither text nor media")]
    Empty,
    /// A text alone, where the platform wants to see something.
    #[error("the post has no image or video, without which {platform} accepts none")]
    NoMedia {
        /// The platform's name.
        platform: &'static str,
    },
    /// A text that is too long, as the platform counts.
    #[error("the text has {found} {unit}; {platform} accepts at most {limit}; {excess}")]
    Text {
        /// The platform's name.
        platform: &'static str,
        /// What is counted.
        unit: &'static str,
        /// How many there are.
        found: usize,
        /// How many are accepted.
        limit: usize,
        /// What is too much.
        excess: Excess,
    },
    /// Too many bytes.
    #[error("the text has {found} bytes in UTF-8; {platform} accepts at most {limit}; {excess}")]
    Bytes {
        /// The platform's name.
        platform: &'static str,
        /// Bytes found.
        found: usize,
        /// Bytes accepted.
        limit: usize,
        /// What is too much.
        excess: Excess,
    },
    /// Too many attachments.
    #[error("the post has {found} {what}; {platform} accepts at most {limit}")]
    Media {
        /// The platform's name.
        platform: &'static str,
        /// `images`, `videos`, `documents`, or all of them.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many are accepted.
        limit: usize,
    },
    /// Media of several kinds, where only one of them may be.
    #[error("the post has {what}; {platform} accepts only one of them in a post")]
    Mixed {
        /// The platform's name.
        platform: &'static str,
        /// The kinds, in words.
        what: &'static str,
    },
    /// An attachment of a type the platform does not show.
    #[error("{kind} {index} is of type {found:?}; {platform} accepts {accepted}")]
    Type {
        /// `image`, `video` or `document`.
        kind: &'static str,
        /// Its place, the first is 1.
        index: usize,
        /// The type it states.
        found: String,
        /// The platform's name.
        platform: &'static str,
        /// The types accepted, separated by commas.
        accepted: String,
    },
    /// An attachment with too many bytes.
    #[error("{kind} {index} has {found} bytes; {platform} accepts at most {limit}")]
    MediaBytes {
        /// `image`, `video` or `document`.
        kind: &'static str,
        /// Its place, the first is 1.
        index: usize,
        /// Bytes found.
        found: usize,
        /// The platform's name.
        platform: &'static str,
        /// Bytes accepted.
        limit: usize,
    },
    /// An attachment that carries its bytes, where the platform fetches them.
    #[error(
        "{kind} {index} is a data: address; {platform} fetches media itself and needs a public https: address"
    )]
    NoAddress {
        /// `image`, `video` or `document`.
        kind: &'static str,
        /// Its place, the first is 1.
        index: usize,
        /// The platform's name.
        platform: &'static str,
    },
    /// An attachment that can't be read at all.
    #[error("{kind} {index}: {reason}")]
    Unreadable {
        /// `image`, `video` or `document`.
        kind: &'static str,
        /// Its place, the first is 1.
        index: usize,
        /// What is wrong.
        reason: MediaError,
    },
    /// Media that is not an array of attachments.
    #[error(transparent)]
    Shape(MediaError),
    /// What is named is not a post, or not an account, of that platform.
    #[error("the subject {found:?} is not what {platform} calls {what}: {looks}")]
    Subject {
        /// The platform's name.
        platform: &'static str,
        /// `a post` or `an account`.
        what: &'static str,
        /// What was named.
        found: String,
        /// What it would look like.
        looks: &'static str,
    },
    /// A message to somebody who is not the only one to see it.
    #[error(
        "the text mentions {found:?}, who would see the message too: {platform} shows it to everybody mentioned"
    )]
    Mention {
        /// The platform's name.
        platform: &'static str,
        /// Who is mentioned.
        found: String,
    },
    /// A message without a text.
    #[error("the message has no text")]
    NoText,
    /// A text where nothing is written.
    #[error("a text is given, but a {kind} has none")]
    UnwantedText {
        /// What is to be done.
        kind: &'static str,
    },
    /// A setting the platform does not have, or of the wrong form.
    #[error("the settings for {platform} {reason}")]
    Setting {
        /// The platform's name.
        platform: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A thread, where there is none.
    #[error("{platform} has no threads")]
    NoThreads {
        /// The platform's name.
        platform: &'static str,
    },
    /// A comment under what nobody can comment on.
    #[error("{platform} has no comments under {what}")]
    NoComments {
        /// The platform's name.
        platform: &'static str,
        /// What the post is.
        what: &'static str,
    },
    /// A comment that is more than text.
    #[error("a comment on {platform} is text alone, without images, videos and settings")]
    TextAlone {
        /// The platform's name.
        platform: &'static str,
    },
    /// A comment that the platform would refuse for another reason.
    #[error("{0}")]
    Comment(String),
    /// A text that makes too many parts.
    #[error("the text makes {found} parts; at most {limit} are accepted")]
    Parts {
        /// How many there are.
        found: usize,
        /// How many are accepted.
        limit: usize,
    },
    /// A text that can't be cut into parts.
    #[error("the text can't be split: {0}")]
    Split(CantSplit),
}

/// Everything for which `platform` would refuse the post; empty means that it can be accepted.
pub fn post(
    platform: &'static Platform,
    content: &str,
    media: &serde_json::Value,
    settings: &serde_json::Value,
) -> Vec<Violation> {
    let media = match media::parse(media) {
        Ok(media) => media,
        Err(error) => return vec![Violation::Shape(error)],
    };
    if let Answers::Comments { text, check, .. } = &platform.answers
        && reply_to(settings).is_some()
    {
        let alone = media.is_empty() && settings.as_object().is_some_and(|fields| fields.len() == 1);
        let mut found: Vec<_> =
            (!alone).then_some(Violation::TextAlone { platform: platform.name }).into_iter().collect();
        found.extend(comment(platform, text, *check, content));
        let reasons = (platform.check)(&Post { content, media: &media, settings });
        found
            .extend(reasons.into_iter().map(|reason| Violation::Setting { platform: platform.name, reason }));
        return found;
    }
    let mut found = text_of(platform, content, media.is_empty());
    found.extend(count_of(platform, &media));
    // What is too much anyway is not looked at: a message stays readable however long the list is.
    let counted = media.iter().take(platform.max_media).enumerate();
    found.extend(counted.filter_map(|(at, one)| attachment_of(platform, at + 1, one).err()));
    let reasons = (platform.check)(&Post { content, media: &media, settings });
    found.extend(reasons.into_iter().map(|reason| Violation::Setting { platform: platform.name, reason }));
    found
}

/// Everything for which `platform` would refuse a comment.
pub(crate) fn comment(
    platform: &'static Platform,
    text: &TextRules,
    check: fn(&str) -> Vec<String>,
    content: &str,
) -> Vec<Violation> {
    let empty = content.trim().is_empty().then_some(Violation::Empty);
    let mut found: Vec<_> = empty.into_iter().chain(length_of(platform.name, text, "", content)).collect();
    found.extend(check(content).into_iter().map(Violation::Comment));
    found
}

fn text_of(platform: &'static Platform, content: &str, alone: bool) -> Vec<Violation> {
    let Platform { name, text, needs_media, may_be_empty, .. } = platform;
    let mut found = Vec::new();
    if alone && *needs_media {
        found.push(Violation::NoMedia { platform: name });
    } else if alone && !may_be_empty && content.trim().is_empty() {
        found.push(Violation::Empty);
    }
    found.extend(length_of(platform.name, text, "", content));
    found
}

/// What a text is longer than, where something stands before it that counts too.
fn length_of(
    platform: &'static str,
    rules: &TextRules,
    before: &str,
    text: &str,
) -> impl Iterator<Item = Violation> {
    let (all, TextRules { count, unit, limit, max_bytes }) = (format!("{before}{text}"), *rules);
    let bytes = max_bytes.filter(|limit| all.len() > *limit).map(|limit| {
        let excess = excess_bytes(before, text, limit);
        Violation::Bytes { platform, found: all.len(), limit, excess }
    });
    let found = count.count(&all);
    let counted = (found > limit).then(|| {
        let excess = excess(before, text, count, limit);
        Violation::Text { platform, unit, found, limit, excess }
    });
    bytes.into_iter().chain(counted)
}

fn count_of(platform: &'static Platform, media: &[Attachment]) -> Option<Violation> {
    let of = |kind| media.iter().filter(|one| one.kind() == kind).count();
    let [images, videos, documents] = [Kind::Image, Kind::Video, Kind::Document].map(of);
    let too_many = |what, found, limit| Violation::Media { platform: platform.name, what, found, limit };
    let counted = [
        ("images", images, platform.images.max),
        ("videos", videos, platform.videos.max),
        ("documents", documents, platform.documents.max),
        ("images and videos", if documents == 0 { media.len() } else { 0 }, platform.max_media),
        ("images, videos and documents", media.len(), platform.max_media),
    ];
    if let Some((what, found, limit)) = counted.into_iter().find(|(_, found, limit)| found > limit) {
        return Some(too_many(what, found, limit));
    }
    let what = match (images > 0, videos > 0, documents > 0) {
        _ if platform.mixes_media => return None,
        (true, true, false) => "images and a video",
        (true, false, true) => "images and a document",
        (false, true, true) => "a video and a document",
        (true, true, true) => "images, videos and documents",
        _ => return None,
    };
    Some(Violation::Mixed { platform: platform.name, what })
}

fn attachment_of(platform: &'static Platform, index: usize, one: &Attachment) -> Result<(), Violation> {
    let kind = one.kind();
    let reason = |reason| Violation::Unreadable { kind: kind.as_str(), index, reason };
    one.check_alt().map_err(reason)?;
    let source = one.source().map_err(reason)?;
    if let Source::Data { mime_type, .. } = source {
        if platform.fetches_media {
            return Err(Violation::NoAddress { kind: kind.as_str(), index, platform: platform.name });
        }
        check_type(platform, kind, index, mime_type)?;
    }
    source.known_len().map_or(Ok(()), |len| check_len(platform, kind, index, len))
}

/// Refuses an attachment whose MIME type the platform does not show.
pub fn check_type(
    platform: &'static Platform,
    kind: Kind,
    index: usize,
    mime_type: &str,
) -> Result<(), Violation> {
    let types = platform.media(kind).types;
    if types.contains(&mime_type) {
        return Ok(());
    }
    Err(Violation::Type {
        kind: kind.as_str(),
        index,
        found: mime_type.chars().take(80).collect(),
        platform: platform.name,
        accepted: if types.is_empty() { "none".to_owned() } else { types.join(", ") },
    })
}

/// Refuses an attachment with more bytes than the platform takes.
pub fn check_len(
    platform: &'static Platform,
    kind: Kind,
    index: usize,
    found: usize,
) -> Result<(), Violation> {
    let limit = platform.media(kind).max_bytes;
    if found <= limit {
        return Ok(());
    }
    Err(Violation::MediaBytes { kind: kind.as_str(), index, found, platform: platform.name, limit })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::bluesky::PLATFORM as BLUESKY;
    use crate::platform::instagram::PLATFORM as INSTAGRAM;
    use crate::platform::x::PLATFORM as X;
    use crate::text;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn refusals(platform: &'static Platform, content: &str, media: Value) -> Vec<Violation> {
        post(platform, content, &media, &json!({}))
    }

    #[test]
    fn bluesky_counts_graphemes_and_bytes() {
        assert_eq!(refusals(&BLUESKY, &"a".repeat(300), json!([])), []);
        let long = refusals(&BLUESKY, &"a".repeat(301), json!([]));
        let excess = Excess { from: 301, begins: "a".into() };
        let graphemes = "graphemes";
        assert_eq!(
            long,
            [Violation::Text { platform: "bluesky", unit: graphemes, found: 301, limit: 300, excess }]
        );
        assert_eq!(
            long[0].to_string(),
            "the text has 301 graphemes; bluesky accepts at most 300; what is too much begins with character 301: \"a\""
        );
        // 121 families: 121 graphemes, but 3,025 bytes
        let heavy = refusals(&BLUESKY, &"👨‍👩‍👧‍👧".repeat(121), json!([]));
        let excess = Excess { from: 841, begins: "👨‍👩‍👧‍👧".into() };
        assert_eq!(heavy, [Violation::Bytes { platform: "bluesky", found: 3_025, limit: 3_000, excess }]);
    }

    #[test]
    fn every_reason_is_named_at_once() {
        let one = json!({"url": "data:text/html;base64,AAAA"});
        let media = json!([one, one, one, one, {"url": "ftp://x"}]);
        let all = post(&BLUESKY, &"a".repeat(4_000), &media, &json!({"langs": 1}));
        assert_eq!(all.len(), 8, "{all:?}");
    }

    #[test]
    fn an_image_may_stand_without_text() {
        assert_eq!(refusals(&BLUESKY, "", json!([{"url": "https://a.example/x.png"}])), []);
        assert_eq!(refusals(&BLUESKY, " \n", json!([])), [Violation::Empty]);
        assert_eq!(refusals(&INSTAGRAM, "text", json!([])), [Violation::NoMedia { platform: "instagram" }]);
    }

    #[test]
    fn images_and_videos_are_counted_by_themselves_and_together() {
        let (image, video) =
            (json!({"url": "https://a.example/x.png"}), json!({"url": "https://a.example/x.mp4"}));
        assert_eq!(refusals(&X, "", json!([image, image, image, image])), []);
        assert_eq!(refusals(&X, "", json!([video])), []);
        assert_eq!(
            refusals(&X, "", json!([video, image])),
            [Violation::Mixed { platform: "x", what: "images and a video" }]
        );
        let two = Violation::Media { platform: "x", what: "videos", found: 2, limit: 1 };
        assert_eq!(refusals(&X, "", json!([video, video])), [two]);
        assert_eq!(refusals(&BLUESKY, "", json!([video])), []);
        let mixed = Violation::Mixed { platform: "bluesky", what: "images and a video" };
        assert_eq!(refusals(&BLUESKY, "", json!([video, image])), [mixed]);
        let document = json!({"url": "https://a.example/x.PDF?v=1"});
        let none = Violation::Media { platform: "x", what: "documents", found: 1, limit: 0 };
        assert_eq!(refusals(&X, "", json!([document])), [none]);
        let data = json!({"url": "data:image/jpeg;base64,AAAA"});
        let carried = Violation::NoAddress { kind: "image", index: 1, platform: "instagram" };
        assert_eq!(refusals(&INSTAGRAM, "", json!([data])), [carried]);
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_within_the_limits(content in "\\PC{0,400}") {
            if refusals(&BLUESKY, &content, json!([])).is_empty() {
                prop_assert!(content.len() <= 3_000 && text::graphemes(&content) <= 300);
            }
        }
    }
}
