//! One record: a line with a checksum of what follows, then JSON. A record that was not written to its end is known by that.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::hex::hex;

/// What every record begins with, whatever its version.
const MARK: &str = "crier-refresh ";
/// The version that is written.
const VERSION: u32 = 1;

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
        format!("{MARK}{VERSION} {}\n{body}\n", checksum(body.as_bytes())).into_bytes()
    }

    /// Reads it.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, Unread> {
        let (version, rest) = after_mark(bytes).ok_or(Unread::Torn)?;
        if version > VERSION {
            return Err(Unread::Newer(version));
        }
        let whole = || {
            let (sum, body) = rest.split_once('\n')?;
            let body = body.strip_suffix('\n')?;
            let is_whole = version == VERSION && checksum(body.as_bytes()) == sum;
            is_whole.then(|| serde_json::from_str(body).ok()).flatten()
        };
        whole().ok_or(Unread::Torn)
    }
}

/// Why something is no record that this version reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// It was not written to its end, or damaged.
    Torn,
    /// A newer version has written it.
    Newer(u32),
}

fn after_mark(bytes: &[u8]) -> Option<(u32, &str)> {
    let (version, rest) = std::str::from_utf8(bytes).ok()?.strip_prefix(MARK)?.split_once(' ')?;
    Some((version.parse().ok()?, rest))
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
        assert_eq!(Record::of(&bytes), Ok(record));
        for end in 0..bytes.len() {
            assert_eq!(Record::of(&bytes[..end]), Err(Unread::Torn), "the first {end} bytes");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(Record::of(&changed).is_err(), "byte {at}");
        }
        assert_eq!(Record::of(b""), Err(Unread::Torn));
        assert_eq!(Record::of(&vec![0; 4_096]), Err(Unread::Torn));
        // another version's is not torn
        assert_eq!(Record::of(b"crier-refresh 2 whatever that says"), Err(Unread::Newer(2)));
        assert_eq!(Record::of(b"crier-refresh 2"), Err(Unread::Torn));
    }
}
