//! Content ids as the AT Protocol makes them: CIDv1 with SHA-256, in lower-case base32. The same bytes and the
//! same record have the same id here and on a real server.

use serde_json::Value;
use sha2::{Digest, Sha256};

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const RAW: u8 = 0x55;
const DAG_CBOR: u8 = 0x71;

/// The id of bytes.
pub fn of_bytes(bytes: &[u8]) -> String {
    cid(RAW, bytes)
}

/// The id of a record; `None` when it has a number that the data model doesn't know, or a broken link.
pub fn of_record(record: &Value) -> Option<String> {
    let mut cbor = Vec::new();
    encode(record, &mut cbor)?;
    Some(cid(DAG_CBOR, &cbor))
}

fn cid(codec: u8, bytes: &[u8]) -> String {
    let mut id = vec![1, codec, 0x12, 0x20];
    id.extend_from_slice(&Sha256::digest(bytes));
    format!("b{}", base32(&id))
}

pub(in crate::sim) fn base32(bytes: &[u8]) -> String {
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1);
    (0..bytes.len() * 8)
        .step_by(5)
        .map(|first| (first..first + 5).fold(0, |index, at| index << 1 | bit(at)))
        .map(|index| char::from(ALPHABET[usize::from(index)]))
        .collect()
}

fn from_base32(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for character in text.bytes() {
        let index = ALPHABET.iter().position(|known| *known == character)?;
        bits = (bits << 5 | index as u32) & 0xfff;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

/// DAG-CBOR: the shortest lengths, the keys of a map by length and then by bytes, links as tag 42.
fn encode(value: &Value, out: &mut Vec<u8>) -> Option<()> {
    match value {
        Value::Null => out.push(0xf6),
        Value::Bool(false) => out.push(0xf4),
        Value::Bool(true) => out.push(0xf5),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(positive), _) => head(0, positive, out),
            (None, Some(negative)) => head(1, negative.unsigned_abs() - 1, out),
            (None, None) => return None,
        },
        Value::String(text) => {
            head(3, text.len() as u64, out);
            out.extend_from_slice(text.as_bytes());
        }
        Value::Array(items) => {
            head(4, items.len() as u64, out);
            items.iter().try_for_each(|item| encode(item, out))?;
        }
        Value::Object(fields) => match (fields.get("$link"), fields.len()) {
            (Some(link), 1) => {
                let bytes = from_base32(link.as_str()?.strip_prefix('b')?)?;
                head(6, 42, out);
                head(2, bytes.len() as u64 + 1, out);
                out.push(0);
                out.extend_from_slice(&bytes);
            }
            _ => {
                let mut sorted: Vec<_> = fields.iter().collect();
                sorted.sort_by_key(|(key, _)| (key.len(), key.as_bytes()));
                head(5, sorted.len() as u64, out);
                for (key, value) in sorted {
                    encode(&Value::String(key.clone()), out)?;
                    encode(value, out)?;
                }
            }
        },
    }
    Some(())
}

fn head(major: u8, value: u64, out: &mut Vec<u8>) {
    let major = major << 5;
    match value {
        0..=23 => out.push(major | value as u8),
        24..=0xff => out.extend([major | 24, value as u8]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend_from_slice(&(value as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend_from_slice(&(value as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&value.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_are_those_of_the_real_server() {
        // both as answered by @atproto/pds 0.4.217
        assert_eq!(of_bytes(b"hello"), "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq");
        let post =
            json!({"$type": "app.bsky.feed.post", "text": "hi", "createdAt": "2026-01-01T00:00:00.000Z"});
        assert_eq!(
            of_record(&post).as_deref(),
            Some("bafyreigq3exe2m23sojzoachuyucow4vu7eyatati4uy6scr4ixt6xwlhi")
        );
        let link = "bafkreifq7hao4i5lxxnz6j6kwycojtgmux4lk6nz2dwaki5hqelosnkw3a";
        let image = json!({"$type": "blob", "ref": {"$link": link}, "mimeType": "image/png", "size": 73});
        let images = json!([{"alt": "an alt", "image": image, "aspectRatio": {"width": 4, "height": 3}}]);
        let mut post = post;
        post["embed"] = json!({"$type": "app.bsky.embed.images", "images": images});
        assert_eq!(
            of_record(&post).as_deref(),
            Some("bafyreib5ufqp3arkye4pqutslrcqtmkcxiu44fdcm7quzceucdtonkshtu")
        );
        assert_eq!(of_record(&json!({"x": 1.5})), None);
    }
}
