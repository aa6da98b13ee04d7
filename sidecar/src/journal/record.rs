//! One record: a line with a checksum of what follows, then JSON. A record that was not written to its end is known by that.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::hex::hex;

/// The first line up to the checksum: what it is, and its version.
const HEAD: &str = "crier-refresh 1 ";

/// New tokens that the database may not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Which database they are for: the first of its names.
    pub(crate) database: String,
    /// The tenant.
    pub(crate) workspace_id: Uuid,
    /// The account.
    pub(crate) account_id: Uuid,
    /// The generation they were sealed as.
    pub(crate) generation: i64,
    /// See `crier_core::sealed`.
    #[serde(with = "in_base64")]
    pub(crate) sealed: Vec<u8>,
    /// When the access token ends, in seconds since 1970.
    pub(crate) expires_at: Option<u64>,
    /// When the refresh token ends.
    pub(crate) refresh_expires_at: Option<u64>,
}

impl Record {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let body = serde_json::to_string(self).unwrap_or_default();
        format!("{HEAD}{}\n{body}\n", checksum(body.as_bytes())).into_bytes()
    }

    /// Reads it; nothing where it was not written to its end, or is of another version.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (sum, body) = text.strip_prefix(HEAD)?.split_once('\n')?;
        let body = body.strip_suffix('\n')?;
        if checksum(body.as_bytes()) != sum {
            return None;
        }
        serde_json::from_str(body).ok()
    }
}

fn checksum(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

mod in_base64 {
    use serde::{Deserializer, Serializer, de};

    use super::*;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(from)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::record;
    use super::*;

    #[test]
    fn a_record_is_read_whole_or_not_at_all() {
        let record = record(7, 3);
        let bytes = record.to_bytes();
        assert_eq!(Record::of(&bytes), Some(record));
        for end in 0..bytes.len() {
            assert_eq!(Record::of(&bytes[..end]), None, "the first {end} bytes");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(Record::of(&changed), None, "byte {at}");
        }
        assert_eq!(Record::of(b""), None);
        assert_eq!(Record::of(&vec![0; 4_096]), None);
    }
}
