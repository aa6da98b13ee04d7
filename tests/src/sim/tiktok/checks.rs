//! What a post on TikTok may be: what the creator may do, texts, photos, and how a video is cut.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::{INVALID, Refused};

/// In units of UTF-16.
const MAX_CAPTION: usize = 2_200;
const MAX_TITLE: usize = 90;
const MAX_DESCRIPTION: usize = 4_000;
/// Of photos.
const MAX_PHOTOS: usize = 35;
/// Below 5 MB, a video goes as a whole; so large a chunk may be.
const WHOLE: u64 = 5_000_000;
const MAX_CHUNK: u64 = 64 << 20;
const MAX_CHUNKS: u64 = 1_000;
/// Where photos may be: what the app has proven to be its own.
const OWN: &str = "https://media.example/";

const PRIVACY: Refused = Refused(
    StatusCode::FORBIDDEN,
    "privacy_level_option_mismatch",
    "The privacy level option is not valid for the current creator.",
);
const NOT_OWN: Refused = Refused(
    StatusCode::FORBIDDEN,
    "url_ownership_unverified",
    "Please review our URL ownership verification rules.",
);

/// What `creator_info` says of everybody.
pub(super) struct Creator(Value);

impl Default for Creator {
    fn default() -> Self {
        Self(json!({
            "creator_nickname": "A name", "creator_avatar_url": "https://media.example/face.webp",
            "privacy_level_options": ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"],
            "comment_disabled": false, "duet_disabled": false, "stitch_disabled": false,
            "max_video_post_duration_sec": 600,
        }))
    }
}

impl Creator {
    pub(super) fn show(&self, handle: &str) -> Value {
        let mut shown = self.0.clone();
        shown["creator_username"] = json!(handle);
        shown
    }

    pub(super) fn set(&mut self, changes: &Value) -> Result<(), String> {
        for (name, value) in changes.as_object().ok_or("creator must be an object")? {
            self.0[name] = value.clone();
        }
        Ok(())
    }

    /// Checks what is said of a post.
    pub(super) fn check(&self, info: &Value, is_photo: bool) -> Result<(), Refused> {
        let options = self.0["privacy_level_options"].as_array().ok_or(INVALID)?;
        if !options.contains(&info["privacy_level"]) {
            return Err(PRIVACY);
        }
        // what is off for all posts can't be on for one
        let is_wanted = |name: &str| info[name] == json!(false);
        let is_off = |name: &str| self.0[name] == json!(true);
        let toggles = ["brand_content_toggle", "brand_organic_toggle"];
        let is_private_ad =
            info["brand_content_toggle"] == json!(true) && info["privacy_level"] == "SELF_ONLY";
        let off = is_off("comment_disabled") && is_wanted("disable_comment")
            || !is_photo && is_off("duet_disabled") && is_wanted("disable_duet")
            || !is_photo && is_off("stitch_disabled") && is_wanted("disable_stitch");
        if off || is_private_ad || toggles.iter().any(|name| !info[*name].is_boolean()) {
            return Err(INVALID);
        }
        Ok(())
    }
}

fn is_within(text: &Value, most: usize) -> bool {
    text.as_str().unwrap_or_default().encode_utf16().count() <= most
}

/// How a video is cut: its bytes, the bytes of a chunk, and how many chunks.
pub(super) fn cut(told: &Value) -> Result<(u64, u64, u64), Refused> {
    let (info, source) = (&told["post_info"], &told["source_info"]);
    let number = |name: &str| source[name].as_u64().ok_or(INVALID);
    let (size, chunk, count) = (number("video_size")?, number("chunk_size")?, number("total_chunk_count")?);
    let fits = if size < WHOLE { chunk == size } else { (WHOLE..=MAX_CHUNK).contains(&chunk) };
    let is_whole =
        size > 0 && chunk > 0 && fits && count == size / chunk && (1..=MAX_CHUNKS).contains(&count);
    if source["source"] != "FILE_UPLOAD" || !is_whole || !is_within(&info["title"], MAX_CAPTION) {
        return Err(INVALID);
    }
    Ok((size, chunk, count))
}

/// How many photos there are.
pub(super) fn photos(told: &Value) -> Result<usize, Refused> {
    let (info, source) = (&told["post_info"], &told["source_info"]);
    let photos = source["photo_images"].as_array().ok_or(INVALID)?;
    let cover = source["photo_cover_index"].as_u64().ok_or(INVALID)?;
    let mode = told["post_mode"].as_str().unwrap_or_default();
    let is_one = told["media_type"] == "PHOTO"
        && ["DIRECT_POST", "MEDIA_UPLOAD"].contains(&mode)
        && source["source"] == "PULL_FROM_URL"
        && (1..=MAX_PHOTOS).contains(&photos.len())
        && (cover as usize) < photos.len()
        && is_within(&info["title"], MAX_TITLE)
        && is_within(&info["description"], MAX_DESCRIPTION);
    if !is_one {
        return Err(INVALID);
    }
    let is_own = |photo: &Value| photo.as_str().is_some_and(|url| url.starts_with(OWN));
    if photos.iter().all(is_own) { Ok(photos.len()) } else { Err(NOT_OWN) }
}
