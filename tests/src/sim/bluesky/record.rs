//! What the server checks in a post before it takes it: the part of the lexicon that a publisher can violate.

use crier_core::text::graphemes;
use serde_json::Value;

pub(super) const COLLECTION: &str = "app.bsky.feed.post";
/// What an account likes.
pub(super) const LIKES: &str = "app.bsky.feed.like";
/// Whom an account follows.
pub(super) const FOLLOWS: &str = "app.bsky.graph.follow";
const MAX_IMAGE_BYTES: u64 = 2_000_000;
/// Of the lexicon as it is now; servers that are older have 100 MB.
const MAX_VIDEO_BYTES: u64 = 300_000_000;
const TID: &[u8; 32] = b"234567abcdefghijklmnopqrstuvwxyz";

/// Why a record is refused: the message of the real server.
pub(super) fn check(record: &Value) -> Result<(), String> {
    let kind = record["$type"].as_str().unwrap_or(COLLECTION);
    if kind != COLLECTION {
        return Err(format!("Invalid $type: expected {COLLECTION}, got {kind}"));
    }
    post(record).map_err(|reason| format!("Invalid {COLLECTION} record: {reason}"))
}

fn post(record: &Value) -> Result<(), String> {
    let text = required(record, "text", "$.record")?.as_str().ok_or("Expected string at $.record.text")?;
    let created = required(record, "createdAt", "$.record")?.as_str().unwrap_or_default();
    if humantime::parse_rfc3339_weak(created).is_err() || !created.contains('T') {
        return Err(format!("Invalid datetime (got {created:?}) at $.record.createdAt"));
    }
    at_most("string", 3_000, text.len(), "$.record.text")?;
    at_most("grapheme", 300, graphemes(text), "$.record.text")?;
    at_most("array", 3, list(&record["langs"]).len(), "$.record.langs")?;
    for (at, facet) in list(&record["facets"]).iter().enumerate() {
        let path = format!("$.record.facets[{at}].index");
        for key in ["byteStart", "byteEnd"] {
            required(&facet["index"], key, &path)?;
        }
        required(facet, "features", &format!("$.record.facets[{at}]"))?;
    }
    if let Some(reply) = record.get("reply") {
        check_reply(reply)?;
    }
    if record["embed"]["$type"] == "app.bsky.embed.video" {
        return check_video(&record["embed"]);
    }
    let images = list(&record["embed"]["images"]);
    at_most("array", 4, images.len(), "$.record.embed.images")?;
    images
        .iter()
        .enumerate()
        .try_for_each(|(at, image)| check_image(image, &format!("$.record.embed.images[{at}]")))
}

/// The first post of the thread and the one that is answered, by address and hash. Whether they exist is not looked up.
fn check_reply(reply: &Value) -> Result<(), String> {
    for name in ["root", "parent"] {
        let (named, path) = (required(reply, name, "$.record.reply")?, format!("$.record.reply.{name}"));
        let uri = required(named, "uri", &path)?.as_str().unwrap_or_default();
        if !uri.starts_with("at://did:") {
            return Err(format!("Invalid at-uri (got {uri:?}) at {path}.uri"));
        }
        let cid = required(named, "cid", &path)?.as_str().unwrap_or_default();
        if !cid.starts_with("baf") {
            return Err(format!("Invalid CID string (got {cid:?}) at {path}.cid"));
        }
    }
    Ok(())
}

fn check_image(image: &Value, path: &str) -> Result<(), String> {
    required(image, "alt", path)?;
    check_blob(required(image, "image", path)?, "image/*", MAX_IMAGE_BYTES, &format!("{path}.image"))
}

fn check_video(embed: &Value) -> Result<(), String> {
    let path = "$.record.embed";
    check_blob(required(embed, "video", path)?, "video/mp4", MAX_VIDEO_BYTES, &format!("{path}.video"))?;
    at_most("grapheme", 1_000, graphemes(embed["alt"].as_str().unwrap_or_default()), &format!("{path}.alt"))?;
    let sides = embed.get("aspectRatio").map(|ratio| [&ratio["width"], &ratio["height"]]);
    match sides.is_none_or(|sides| sides.iter().all(|side| side.as_u64().is_some_and(|side| side > 0))) {
        true => Ok(()),
        false => Err(format!("Expected integer value type at {path}.aspectRatio")),
    }
}

fn check_blob(blob: &Value, expected: &str, limit: u64, path: &str) -> Result<(), String> {
    let kind = blob["mimeType"].as_str().unwrap_or_default();
    if !kind.starts_with(expected.trim_end_matches('*')) {
        return Err(format!("Expected {expected:?} (got {kind:?}) at {path}.mimeType"));
    }
    match blob["size"].as_u64().unwrap_or(u64::MAX) {
        size if size > limit => Err(format!("blob too big (maximum {limit}, got {size}) at {path}")),
        _ => Ok(()),
    }
}

fn required<'a>(object: &'a Value, key: &str, path: &str) -> Result<&'a Value, String> {
    object.get(key).ok_or_else(|| format!("Missing required key {key:?} at {path}"))
}

fn at_most(what: &str, limit: usize, found: usize, path: &str) -> Result<(), String> {
    if found <= limit {
        return Ok(());
    }
    Err(format!("{what} too big (maximum {limit}, got {found}) at {path}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The content ids of the blobs that a record refers to.
pub(super) fn blobs(record: &Value) -> Vec<String> {
    let media = media(record);
    media.iter().filter_map(|one| one["blob"]["ref"]["$link"].as_str()).map(str::to_owned).collect()
}

/// The address of what a record answers.
pub(super) fn parent(record: &Value) -> Option<String> {
    record["reply"]["parent"]["uri"].as_str().map(str::to_owned)
}

/// The images of a record, or its video, each with its `blob`.
pub(super) fn media(record: &Value) -> Vec<Value> {
    let embed = &record["embed"];
    let one = |of: &Value, blob: &str| {
        let mut one = of.clone();
        one["blob"] = one[blob].take();
        one
    };
    let video = embed["video"].is_object().then(|| one(embed, "video"));
    list(&embed["images"]).iter().map(|image| one(image, "image")).chain(video).collect()
}

/// Whether a record key is a timestamp id: the key of a post must be one.
pub(super) fn is_tid(key: &str) -> bool {
    let first = b"234567abcdefghij";
    key.len() == 13
        && key.bytes().all(|byte| TID.contains(&byte))
        && key.bytes().next().is_some_and(|byte| first.contains(&byte))
}

/// The timestamp id for a number of microseconds since 1970.
pub(super) fn tid(micros: u64) -> String {
    let number = micros << 10;
    (0..13).rev().map(|place| char::from(TID[(number >> (place * 5) & 31) as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_timestamp_ids() {
        assert!(is_tid("3l4rpfq3xak2a"));
        assert!(is_tid(&tid(1_795_318_333_000_000)));
        assert!(tid(2) > tid(1));
        for bad in ["", "bad", "3l4rpfq3xak2", "zl4rpfq3xak2a", "3L4rpfq3xak2a"] {
            assert!(!is_tid(bad), "{bad}");
        }
    }
}
