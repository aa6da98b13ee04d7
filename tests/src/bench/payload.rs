//! What every job of every queue carries.

use serde_json::{Value, json};

/// As JSON text, with the largest numbers.
const BYTES: usize = 256;
/// Digits of the number, so that all payloads are equally long.
const FIRST: i64 = 1_000_000_000;

/// The payload of job `n`.
pub(super) fn numbered(n: usize) -> Value {
    let frame = r#"{"n": 1000000000, "text": ""}"#.len();
    json!({"n": FIRST + n as i64, "text": "x".repeat(BYTES - frame)})
}

/// The number in a payload, as a worker reads it.
pub(super) fn number(payload: &Value) -> Option<usize> {
    usize::try_from(payload["n"].as_i64()? - FIRST).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_has_256_bytes_and_its_number() {
        for n in [0, 1, 10_000_000] {
            // jsonb shows a blank after colons and commas
            assert_eq!(numbered(n).to_string().len() + 3, BYTES);
            assert_eq!(number(&numbered(n)), Some(n));
        }
    }
}
