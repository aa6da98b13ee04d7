//! TikTok, the Content Posting API version 2.

mod settings;

use std::time::Duration;

use super::{Action, Form, MediaRules, Platform, Post, Reconcile, Subjects, TextRules};
use crate::media::{Attachment, Kind, Source};
use crate::refresh::Rotation;
use crate::text::{Count, excess};
pub use settings::{Privacy, Settings, settings};

/// The figures of the documents. The text is the caption of a video or the description of photos; the limit is that of photos, and
/// `check` has that of videos.
pub static PLATFORM: Platform = Platform {
    name: "tiktok",
    text: TextRules { count: COUNT, unit: "units of UTF-16", limit: 4_000, max_bytes: None },
    images: MediaRules { max: 35, max_bytes: 20 * 1024 * 1024, types: &["image/jpeg", "image/webp"] },
    videos: MediaRules {
        max: 1,
        max_bytes: 4 * 1024 * 1024 * 1024,
        types: &["video/mp4", "video/quicktime", "video/webm"],
    },
    max_media: 35,
    needs_media: true,
    actions: &[Action::Metrics],
    subjects: Subjects {
        post: Form { fits: is_post, looks: "the id of a post, which is a number" },
        ..Subjects::NONE
    },
    reconcile: Reconcile::Poll,
    // what is published is told at once; so long the last bytes of a video may be on their way
    settles: Duration::from_secs(2 * 60),
    token_life: Some(Duration::from_secs(2 * 60 * 60)),
    // each renewal gives a new one, and the one before stops working
    rotation: Rotation::Strict,
    check,
    ..Platform::PLAIN
};

/// How every text is counted.
const COUNT: Count = Count::Utf16;
/// The most units of a video's caption.
const MAX_CAPTION: usize = 2_200;

/// Whether it is the id of a post: it goes into addresses.
pub fn is_post(text: &str) -> bool {
    (1..=24).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

fn check(post: &Post<'_>) -> Vec<String> {
    let settings = match settings(post.settings) {
        Ok(settings) => settings,
        Err(why) => return vec![why],
    };
    let is_video = post.media.iter().any(|one| one.kind() == Kind::Video);
    let mut found: Vec<String> = settings.misplaced(is_video).into_iter().collect();
    if is_video {
        found.extend(caption(post.content, settings.draft));
    } else {
        found.extend(settings.cover_of(post.media.len()));
        found.extend((1..).zip(post.media).filter_map(|(index, photo)| not_fetched(index, photo)));
    }
    found
}

/// What is wrong with the caption of a video. TikTok takes none with a draft, and would leave it out without a word.
fn caption(text: &str, is_draft: bool) -> Option<String> {
    let units = COUNT.count(text);
    if is_draft && !text.trim().is_empty() {
        let why = format!(
            "make a draft of a video, with which TikTok takes no caption, and the text has {units} units of UTF-16: \
             leave it empty, its owner writes one in the app"
        );
        return Some(why);
    }
    (units > MAX_CAPTION).then(|| {
        let excess = excess("", text, COUNT, MAX_CAPTION);
        format!(
            "go with a video, whose caption may have {MAX_CAPTION} units of UTF-16, and the text has {units}; {excess}"
        )
    })
}

/// TikTok fetches photos itself, and videos are sent.
fn not_fetched(index: usize, photo: &Attachment) -> Option<String> {
    match photo.source() {
        Ok(Source::Data { .. }) => Some(format!(
            "go with image {index}, which is a data: address; TikTok fetches photos itself and needs a public https: \
             address"
        )),
        Ok(Source::Https(url)) => {
            let path = url.split(['?', '#']).next().unwrap_or_default();
            let ends = path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
            let ends = ends.filter(|ending| ["png", "gif", "heic", "avif"].contains(&ending.as_str()))?;
            Some(format!("go with image {index}, which is a .{ends}; TikTok takes JPEG and WebP"))
        }
        // said already
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests;
