//! The argument `thread` of `crier.create_post`.

use crier_core::thread::{MAX_PARTS, Piece};
use serde_json::{Value, json};

use super::definition::{MAX_CONTENT_BYTES, MAX_MEDIA_BYTES};
use crate::error::{CrierError, Result};
use crate::passed::Jsonb;

const HINT: &str = "Write it as an array of texts or of objects such as {\"content\": \"…\", \"media\": [{\"url\": \"…\"}]}.";

/// Reads it: an array of texts, or of objects with a text and media. Beside it no text is split.
pub(super) fn read(thread: Jsonb, split: bool) -> Result<Vec<Piece>> {
    let Value::Array(elements) = thread.parse("thread", MAX_MEDIA_BYTES)? else {
        return Err(CrierError::invalid("thread", "must be a JSON array", HINT));
    };
    if elements.len() >= MAX_PARTS {
        let (found, limit) = (elements.len(), MAX_PARTS - 1);
        return Err(CrierError::TooLarge { what: "thread", found, limit, unit: "elements" });
    }
    if split && !elements.is_empty() {
        let hint = "Give the parts, or one text to be split.";
        return Err(CrierError::invalid("split", "is given beside a thread", hint));
    }
    (1..).zip(elements).map(|(at, element)| piece(at, element)).collect()
}

fn piece(at: usize, element: Value) -> Result<Piece> {
    let piece = match element {
        Value::String(content) => Piece { content, media: json!([]) },
        Value::Object(_) => serde_json::from_value(element).map_err(|error| {
            CrierError::invalid(format!("element {at} of thread"), format!("can't be read: {error}"), HINT)
        })?,
        _ => {
            let what = format!("element {at} of thread");
            return Err(CrierError::invalid(what, "is neither a text nor an object", HINT));
        }
    };
    match piece.content.len() {
        found if found > MAX_CONTENT_BYTES => {
            let limit = MAX_CONTENT_BYTES;
            Err(CrierError::TooLarge { what: "a text of the thread", found, limit, unit: "bytes" })
        }
        _ => Ok(piece),
    }
}

/// As it is kept: nothing where there is none.
pub(super) fn stored(pieces: &[Piece]) -> Option<Jsonb> {
    (!pieces.is_empty()).then(|| Jsonb::from_value(&json!(pieces)))
}
